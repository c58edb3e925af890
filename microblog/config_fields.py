"""Declaration of settings: each is an attrs field whose metadata has the meaning, parser, allowed values and default."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from attrs import frozen

from microblog import config_parsers as read

PREFIX = "MICROBLOG_"


@frozen
class SettingDoc:
    """A setting as the documentation shows it. `unit` may be empty. `reloads`: it can change while the site runs."""

    name: str
    default: str
    allowed: str
    meaning: str
    unit: str
    secret: bool
    reloads: bool

    @property
    def key(self) -> str:
        """The key in a TOML file."""
        return self.name.removeprefix(PREFIX).lower()


def setting(
    meaning: str,
    *,
    read: Callable[[str], Any],
    allowed: str,
    default: str | None,
    shown_default: str = "",
    unit: str = "",
    secret: bool = False,
    reloads: bool = False,
) -> Any:
    """Return a field of `Settings`. `reloads`: SIGHUP applies its changes.

    `read` converts text to the value or raises ValueError. `default` is text and is read in the same way; None means unset.
    """
    metadata = {
        "meaning": meaning,
        "allowed": allowed,
        "default": default,
        "shown_default": shown_default or default or "unset",
        "unit": unit,
        "secret": secret,
        "reloads": reloads,
        "read": read,
    }
    return attrs.field(metadata=metadata, repr=not secret)


def number(meaning: str, least: int, most: int, *, default: int, unit: str, reloads: bool = False) -> Any:
    """Return a field of `Settings` whose value is a whole number."""
    allowed = f"must be a whole number from {least} to {most}"
    return setting(meaning, read=read.whole(least, most), allowed=allowed, default=str(default), unit=unit, reloads=reloads)


def switch(meaning: str, *, default: str | None, reloads: bool = False) -> Any:
    """Return a field of `Settings` that is on or off; without a default, None leaves it to the page of site settings."""
    shown = default or "unset: as on the page"
    return setting(meaning, read=read.switch, allowed="must be on or off", default=default, shown_default=shown, reloads=reloads)


def name_of(field: attrs.Attribute[Any]) -> str:
    """Return the name of the setting's environment variable."""
    return PREFIX + field.name.upper()


def doc_of(field: attrs.Attribute[Any]) -> SettingDoc:
    """Return the setting as the documentation shows it."""
    return SettingDoc(
        name=name_of(field),
        default=field.metadata["shown_default"],
        allowed=field.metadata["allowed"],
        meaning=field.metadata["meaning"],
        unit=field.metadata["unit"],
        secret=field.metadata["secret"],
        reloads=field.metadata["reloads"],
    )
