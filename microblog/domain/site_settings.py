"""Settings of the site that administrators change while it runs, and the settings in force as one process knows them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import partial

from attrs import Factory, define, field, frozen

from microblog.domain import audit, site_images, validation
from microblog.domain.caching.reread import Rereader
from microblog.domain.site_images import Images, SiteImages, Uploads
from microblog.domain.text import post_text
from microblog.domain.text.custom_css import parse_css
from microblog.domain.validation import ValidationErrors
from microblog.model import site_settings as model
from microblog.model.accounts import Viewer
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.colours import READABLE, Colour, contrast, mixed
from microblog.model.errors import Invalid
from microblog.model.events import Event, EventKind
from microblog.model.site_images import SiteImage, SiteImageKind
from microblog.model.site_settings import BACKGROUNDS, CHOICES, TINT, FixedValue, SiteSettings, Stored
from microblog.storage import events, rules, site_settings
from microblog.storage import site_images as stored_images
from microblog.storage.database import Cursor, Transactions

Value = str | bool
_LONGEST = {
    "name": model.MAX_NAME,
    "description": model.MAX_DESCRIPTION,
    "about": model.MAX_ABOUT,
    "privacy": model.MAX_PRIVACY,
    "closed_message": model.MAX_CLOSED_MESSAGE,
}


@define(eq=False)
class CurrentSiteSettings:
    """Holds the settings in force: those of the environment and the settings file, else those of administrators, else `defaults`.

    They are read at the start and after each change by any process. `listeners` are called with settings that have changed.
    """

    database: Transactions
    pause: Callable[[float], Awaitable[object]]
    defaults: SiteSettings = Factory(SiteSettings)
    fixed: Mapping[str, FixedValue] = Factory(dict)
    listeners: list[Callable[[SiteSettings], None]] = Factory(list)
    settings: SiteSettings = field(init=False)
    version: int = field(init=False, default=0)
    _rereader: Rereader = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.settings = model.in_force(Stored(), self.fixed, self.defaults)
        self._rereader = Rereader(self.read, self.pause, "The settings of the site")

    async def start(self) -> None:
        """Read the settings; events tell of changes from then on."""
        self._rereader.start()
        await self.read()

    def stop(self) -> None:
        """Do not read the settings any more."""
        self._rereader.stop()

    async def read(self) -> None:
        """Read the settings now. Raises what the database raises."""
        found = model.in_force(await self.database.read(_stored), self.fixed, self.defaults)
        if found != self.settings:
            self.settings = found
            self.version += 1  # pages of older versions are not served from caches
            for listener in self.listeners:
                listener(found)

    def happened(self, event: Event) -> None:
        """Read the settings soon if the event says that they changed. For every event that this process reads."""
        if event.kind is EventKind.SITE_SETTINGS_CHANGED:
            self._rereader.changed()


@frozen
class SiteChange:
    """Wanted settings: a value for each name of a setting, new pictures, and the kinds of pictures to remove."""

    values: Mapping[str, Value]
    uploads: Uploads = Factory(dict)
    removed: AbstractSet[SiteImageKind] = frozenset()


@frozen
class SiteAdmin:
    """Commands of administrators about the settings. Callers check permissions."""

    database: Transactions
    current: CurrentSiteSettings
    images: SiteImages
    now: Callable[[], datetime]

    async def change(self, wanted: SiteChange, by: Viewer) -> SiteSettings:
        """Store the settings that differ from those in force, and return the new ones. Fixed ones stay.

        Raises Invalid with all errors (fields named as the settings); that of a damaged picture comes only if all else is right.
        """
        values = _checked({name: value for name, value in wanted.values.items() if name not in self.current.fixed}, wanted.uploads)
        removed = dict.fromkeys(wanted.removed - set(wanted.uploads))
        await self.database.run(self._change, values, {**removed, **await self.images.convert(wanted.uploads)}, by)
        await self.current.read()
        return self.current.settings

    def _change(self, cursor: Cursor, values: Mapping[str, Value], images: Images, by: Viewer) -> None:
        site_settings.lock(cursor)
        before = model.in_force(_stored(cursor), self.current.fixed, self.current.defaults)
        changed = {name: value for name, value in values.items() if getattr(before, name) != value}
        pictures = {kind: image for kind, image in images.items() if before.images.get(kind) != image}
        if not changed and not pictures:
            return
        for name, value in changed.items():
            site_settings.store(cursor, name=name, value=value, now=self.now())
        site_images.replace(cursor, pictures, self.now())
        facts: dict[str, object] = {name: {"before": getattr(before, name), "after": value} for name, value in changed.items()}
        facts |= {kind.value: {"before": _file(before.images.get(kind)), "after": _file(image)} for kind, image in pictures.items()}
        audit.record(cursor, AuditEntry(AuditAction.SITE_UPDATE, by.id, facts=facts), self.now())
        events.record(cursor, EventKind.SITE_SETTINGS_CHANGED, at=self.now())


def _stored(cursor: Cursor) -> Stored:
    return Stored(site_settings.stored(cursor), tuple(rules.current(cursor)), stored_images.stored(cursor))


def _file(image: SiteImage | None) -> str | None:
    """Return the name of the largest file, for the audit log."""
    return image.files[0].name if image else None


def _checked(typed: Mapping[str, Value], uploads: Uploads) -> dict[str, Value]:
    """Return the values as they are stored. Raises Invalid with all errors, also those of uploads."""
    errors = ValidationErrors()
    values = {name: errors.collect(partial(_value, name, value), value) for name, value in typed.items()}
    site_images.check(uploads, errors)
    errors.raise_if_any()
    return values


def _value(name: str, value: Value) -> Value:
    """Return the value of a setting as it is stored. Raises Invalid (field `name`)."""
    if name in CHOICES:
        return validation.one_of(str(value), frozenset(CHOICES[name]), name)
    if isinstance(value, bool):
        return value
    if name in BACKGROUNDS:
        return _accent(name, value.strip().lower())
    if name == "contact":
        return _contact(value)
    if name == "custom_css":
        return _custom_css(value)
    limit = _LONGEST[name]
    if name in ("name", "description"):
        line = post_text.clean_line(validation.limited(value, limit, name), name)
        if post_text.is_blank(line):
            raise Invalid({name: f"{name.capitalize()} can't be blank"}, codes={name: "ERR_BLANK"})
        return line
    return validation.limited(value, limit, name).strip()


def _accent(name: str, text: str) -> str:
    """Return the accent of a theme if texts in it can be read on the backgrounds of the theme, or nothing for the default one."""
    if not text:
        return ""
    try:
        colour = Colour.parse(text)
    except ValueError as problem:
        raise Invalid({name: "This is not a colour such as #14655a"}, codes={name: "ERR_INVALID"}) from problem
    beside, sheet = BACKGROUNDS[name]
    least = min(contrast(colour, background) for background in (beside, sheet, mixed(sheet, colour, TINT)))
    if least < READABLE:
        change = "darker" if name == "accent_light" else "lighter"
        sentence = f"Texts in this colour could not be read: the contrast is {least:.1f} and must be {READABLE}. Choose a {change} one"
        raise Invalid({name: sentence}, codes={name: "ERR_INVALID"})
    return text


def _custom_css(text: str) -> str:
    """Return CSS as it is stored if all of it is accepted."""
    css = post_text.clean(text, "custom_css")
    if len(css) > model.MAX_CUSTOM_CSS:
        raise Invalid(
            {"custom_css": f"Custom CSS is too long (maximum is {model.MAX_CUSTOM_CSS} characters)"}, codes={"custom_css": "ERR_TOO_LONG"}
        )
    if sentence := parse_css(css).sentence:
        raise Invalid({"custom_css": sentence}, codes={"custom_css": "ERR_INVALID"})
    return css


def _contact(text: str) -> str:
    if not text.strip():
        return ""
    try:
        return validation.email(text)
    except Invalid as problem:
        raise problem.named({"email": "contact"}) from problem
