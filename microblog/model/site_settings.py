"""Settings of the site that administrators change on its pages: name, descriptions, pictures, colours, sign-ups."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import attrs
from attrs import frozen

from microblog.model.accounts import RegistrationMode
from microblog.model.colours import Colour
from microblog.model.rules import Rule
from microblog.model.site_images import SiteImage, SiteImageKind
from microblog.model.trends import TrendsMode

MAX_NAME = 60
MAX_DESCRIPTION = 200
MAX_ABOUT = 20_000
MAX_PRIVACY = 20_000
MAX_CLOSED_MESSAGE = 1_000
MAX_CUSTOM_CSS = 10_000
DEFAULT_ACCENT_LIGHT, DEFAULT_ACCENT_DARK = "#14655a", "#7fd4bf"
LIGHT_SHEET, DARK_SHEET = Colour.parse("#fffefb"), Colour.parse("#171c1a")
BACKGROUNDS = {"accent_light": (Colour.parse("#efece4"), LIGHT_SHEET), "accent_dark": (Colour.parse("#1f2623"), DARK_SHEET)}
"""Backgrounds of the style sheet on which an accent is the colour of texts: one beside the sheet, and the sheet, by name of the setting."""
TINT = 0.12
"""Share of the accent in the tint of a sheet, on which texts have the accent too."""


class LandingPage(StrEnum):
    """The page that visitors see at the address of the site."""

    FRONT = "front"
    LOCAL = "local"
    ABOUT = "about"


@frozen(kw_only=True)
class SiteSettings:
    """The settings in force. `about` is the long description and `privacy` the privacy policy, as typed. `texts_changed_at` has the times
    of their last changes by name.

    The accents of the light and the dark theme are like #14655a, or empty for the default ones.
    `contact` is an e-mail address or empty. `closed_message` tells visitors why nobody can sign up. `custom_css` is CSS as typed.
    `name_beside_logo`: the header has both. `profile_directory`: apps can list the people here who want to be found.
    """

    name: str = "microblog"
    description: str = "A small microblog server."
    about: str = ""
    privacy: str = ""
    contact: str = ""
    name_beside_logo: bool = True
    registration: RegistrationMode = RegistrationMode.APPROVAL
    reason_required: bool = True
    closed_message: str = ""
    landing: LandingPage = LandingPage.FRONT
    trends: TrendsMode = TrendsMode.ALL
    profile_directory: bool = True
    accent_light: str = ""
    accent_dark: str = ""
    custom_css: str = ""
    texts_changed_at: Mapping[str, datetime] = attrs.Factory(dict)
    rules: tuple[Rule, ...] = ()
    images: Mapping[SiteImageKind, SiteImage] = attrs.Factory(dict)


NAMES = tuple(field.name for field in attrs.fields(SiteSettings) if field.name not in ("texts_changed_at", "rules", "images"))
"""The names of the settings on the page, in its order."""
TEXTS = ("about", "privacy")
"""The settings that are texts with a time of their last change."""
CHOICES: Mapping[str, type[StrEnum]] = {"registration": RegistrationMode, "landing": LandingPage, "trends": TrendsMode}
"""The settings that are one of several values."""


@frozen
class StoredValue:
    """The value of one setting in the database, as JSON has it, and the time of its last change."""

    value: str | bool
    updated_at: datetime


@frozen
class FixedValue:
    """A value that administrators cannot change on the page. `source` is the name of what sets it."""

    value: Any
    source: str


@frozen
class Stored:
    """The settings in the database: values by the names of settings, the rules in their order, and the pictures."""

    values: Mapping[str, StoredValue] = attrs.Factory(dict)
    rules: tuple[Rule, ...] = ()
    images: Mapping[SiteImageKind, SiteImage] = attrs.Factory(dict)


def in_force(found: Stored, fixed: Mapping[str, FixedValue], defaults: SiteSettings) -> SiteSettings:
    """Return the settings: fixed values, else stored ones, else `defaults`. Names and choices of a newer release are ignored."""
    stored = found.values
    values: dict[str, Any] = {"rules": fixed["rules"].value if "rules" in fixed else found.rules, "images": found.images}
    values["texts_changed_at"] = {text: stored[text].updated_at for text in TEXTS if text in stored and text not in fixed}
    for name in NAMES:
        if name in fixed:
            values[name] = fixed[name].value
        elif name in stored and (name not in CHOICES or stored[name].value in set(CHOICES[name])):
            values[name] = CHOICES[name](str(stored[name].value)) if name in CHOICES else stored[name].value
    return attrs.evolve(defaults, **values)
