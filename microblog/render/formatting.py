"""Formatting of times, numbers, names and labels for pages. Pure; FILTERS are the filters of the templates."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import regex
from attrs import frozen
from markupsafe import Markup, escape

from microblog.model.accounts import Account
from microblog.model.media import Dimensions, Focus
from microblog.model.moderation import ModerationAction
from microblog.model.notifications import NotificationKind
from microblog.model.posts import Visibility
from microblog.model.severances import Severance, SeveranceKind
from microblog.render.languages import LANGUAGES

HUES = 12
_INITIAL = regex.compile(r"[\p{L}\p{N}]\p{M}*|\p{Extended_Pictographic}")
_ICONS = (
    "home place bell search person bookmark heart boost reply more gear pen lock envelope moon globe sun contrast back check"
    " close out pin trash mute block key alert clock plus people picture poll emoji"
)
ICONS = {name: Markup(f'<svg class="i" aria-hidden="true"><use href="#i-{name}"/></svg>') for name in _ICONS.split()}  # noqa: S704 - constants


@frozen
class VisibilityLabel:
    """A visibility with its label, hint and icon."""

    value: Visibility
    label: str
    hint: str
    icon: str


VISIBILITIES = (
    VisibilityLabel(Visibility.PUBLIC, "Public", "anyone can see it", "globe"),
    VisibilityLabel(Visibility.UNLISTED, "Quiet public", "anyone can see it, but not on the local timeline", "moon"),
    VisibilityLabel(Visibility.PRIVATE, "Followers only", "only followers can see it", "lock"),
    VisibilityLabel(Visibility.DIRECT, "Direct (only people mentioned)", "no one else can see it", "envelope"),
)
VISIBILITY = {label.value: label for label in VISIBILITIES}

PEOPLE_LISTS = {"blocks": "Blocked users", "mutes": "Muted users", "requests": "Follow requests", "permitted": "Accepted people"}

NOTIFICATION_TEXTS = {
    NotificationKind.MENTION: ("{who} mentioned you", "reply"),
    NotificationKind.STATUS: ("{who} posted", "bell"),
    NotificationKind.BOOST: ("{who} boosted your post", "boost"),
    NotificationKind.FOLLOW: ("{who} followed you", "person"),
    NotificationKind.FOLLOW_REQUEST: ("{who} requested to follow you", "person"),
    NotificationKind.FAVOURITE: ("{who} favourited your post", "heart"),
    NotificationKind.POLL: ("A poll by {who} has ended", "check"),
    NotificationKind.UPDATE: ("{who} edited a post you interacted with", "pen"),
    NotificationKind.SIGN_UP: ("{who} signed up", "plus"),
    NotificationKind.REPORT: ("{who} sent a report", "alert"),
    NotificationKind.WARNING: ("", "alert"),  # has no sender, see WARNING_TEXTS
    NotificationKind.SEVERED_RELATIONSHIPS: ("", "alert"),  # the same, see `severance_text`
}
"""The sentence and the icon of each kind of notification."""

WARNING_TEXTS = {
    ModerationAction.NONE: "The moderators have sent you a warning.",
    ModerationAction.DISABLE: "The moderators have disabled your account.",
    ModerationAction.SENSITIVE: "The moderators have marked all media of your account as sensitive.",
    ModerationAction.MARK_STATUSES_AS_SENSITIVE: "The moderators have marked media in some of your posts as sensitive.",
    ModerationAction.DELETE_STATUSES: "The moderators have deleted some of your posts.",
    ModerationAction.SILENCE: (
        "The moderators have limited your account. Only people who follow you or search for you can see your posts."
    ),
    ModerationAction.SUSPEND: "The moderators have suspended your account.",
}
"""The sentence shown to the owner of an account after each moderation action."""

SEVERANCE_TEXTS = {
    SeveranceKind.DOMAIN_BLOCK: "The administrators have suspended {target}.",
    SeveranceKind.USER_DOMAIN_BLOCK: "You have blocked {target}.",
    SeveranceKind.ACCOUNT_SUSPENSION: "The moderators have suspended {target}.",
}
"""The sentence about each kind of event by which follows were cut."""

MAX_AVATARS = 5  # of a notification group

POLL_TIMES = (
    (300, "5 minutes"),
    (1_800, "30 minutes"),
    (3_600, "1 hour"),
    (21_600, "6 hours"),
    (86_400, "1 day"),
    (259_200, "3 days"),
    (604_800, "7 days"),
)

_ERROR_TITLES = {
    400: "Bad request",
    401: "Please log in",
    403: "You can't do that",
    404: "Page not found",
    405: "Method not allowed",
    409: "Conflict",
    410: "No longer available",
    413: "Too large",
    422: "Please check your input",
    429: "Too many requests",
    500: "Something went wrong",
    503: "Temporarily unavailable",
}

# The first match wins: most browsers also send the names of others that they are compatible with.
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


NO_PAGE = "This page does not exist."
"""The sentence of an error page where nothing more is known."""


def error_title(status: int, sentence: str = NO_PAGE) -> str:
    """Return the title of an error page with this sentence. A sentence that says what was not found is not about the page."""
    if status == 404 and sentence != NO_PAGE:
        return "Not found"
    return _ERROR_TITLES.get(status, "Something went wrong")


def severance_text(severance: Severance) -> str:
    """Return what an account lost by an event: "... You lost 2 followers and 1 account that you followed."."""
    followers, following = severance.followers_count, severance.following_count
    lost = [f"{number(followers)} {plural(followers, 'follower')}"] if followers else []
    lost += [f"{number(following)} {plural(following, 'account')} that you followed"] if following else []
    sentence = SEVERANCE_TEXTS[severance.kind].format(target=severance.target_name)
    return f"{sentence} You lost {' and '.join(lost)}." if lost else sentence


def notification_text(kind: NotificationKind, who: str) -> Markup:
    """Return the sentence of a notification. `who` names its senders, as HTML if it is Markup."""
    return escape(NOTIFICATION_TEXTS[kind][0]).format(who=who)


def visibilities_up_to(widest: Visibility) -> tuple[VisibilityLabel, ...]:
    """Return the visibilities that are not wider than `widest`."""
    return tuple(label for label in VISIBILITIES if label.value.narrower(widest) is label.value)


def iso(moment: datetime) -> str:
    """Format a time in UTC for machines, to the second (ISO 8601)."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def when(moment: datetime) -> str:
    """Format a time in UTC for people, to the minute: 5 Nov 2025, 13:38."""
    return f"{moment.day} {moment:%b %Y, %H:%M}"


def day(on: date) -> str:
    """Format a date for people: 5 Nov 2025."""
    return f"{on.day} {on:%b %Y}"


def local(moment: datetime, zone: str) -> str:
    """Format a time for people, to the minute, in the time zone of this name."""
    return when(moment.astimezone(ZoneInfo(zone)))


def full(moment: datetime) -> str:
    """Format a time in UTC with seconds and the full name of the month."""
    return f"{moment.day} {moment:%B %Y, %H:%M:%S} UTC"


def number(count: int) -> str:
    """Format a count in few characters: 987, 1.2K, 34K, 5.6M."""
    if count < 1000:
        return str(max(count, 0)) if count else "0"
    for size, unit in ((1_000_000, "M"), (1_000, "K")):
        if count >= size:
            tenths = count * 10 // size
            return f"{tenths // 10}.{tenths % 10}{unit}" if tenths < 100 and tenths % 10 else f"{tenths // 10}{unit}"
    raise AssertionError(count)


def byte_size(count: int) -> str:
    """Format a number of bytes with three digits: 0 Bytes, 1.88 MB, 46.2 GB, 780 GB."""
    if count < 1024:
        return f"{count} Byte" if count == 1 else f"{count} Bytes"
    power = min((count.bit_length() - 1) // 10, len(_BYTE_UNITS))
    size = count / 1024**power
    return f"{size:.0f} {_BYTE_UNITS[power - 1]}" if size >= 100 else f"{size:.3g} {_BYTE_UNITS[power - 1]}"


_BYTE_UNITS = ("KB", "MB", "GB", "TB", "PB")


def plural(count: int, one: str, many: str = "") -> str:
    """Return the singular or the plural for a count."""
    return one if count == 1 else many or f"{one}s"


def waiting(seconds: int) -> str:
    """Format a duration, rounded up: 40 seconds, 3 minutes, 2 hours."""
    for size, unit in ((3600, "hour"), (60, "minute")):
        if seconds >= size:
            amount = -(-seconds // size)
            return f"{amount} {plural(amount, unit)}"
    return f"{seconds} {plural(seconds, 'second')}"


def initial(account: Account) -> str:
    """Return the letter, digit or pictogram of the default avatar."""
    found = _INITIAL.search(account.name) or _INITIAL.search(account.username)
    return found[0].upper() if found else "?"


def hue(username: str) -> int:
    """Return the number of the account's colour, below HUES. It never changes."""
    return zlib.crc32(username.lower().encode("utf-8", "replace")) % HUES


def avatar_html(account: Account, size: int = 48) -> Markup:
    """Return the avatar as HTML, `size` pixels wide, or a coloured initial if there is none. It is hidden from screen readers."""
    if account.avatar:
        source = escape(account.avatar)
        return Markup(  # noqa: S704 - the source is escaped above
            f'<img class="avatar s{size}" src="{source}" width="{size}" height="{size}" alt="" loading="lazy" decoding="async">'
        )
    character = escape(initial(account))
    return Markup(f'<span class="avatar s{size} hue{hue(account.username)}" aria-hidden="true">{character}</span>')  # noqa: S704 - the character is escaped above


def browser_name(text: str) -> str:
    """Return browser and system of a User-Agent header, as far as known: Firefox on Linux."""
    browser = next((name for mark, name in _BROWSERS if mark in text), "")
    system = next((name for mark, name in _SYSTEMS if mark in text), "")
    return " on ".join(filter(None, (browser, system))) or text[:60] or "Unknown browser"


@cache
def visibility_options(widest: Visibility, selected: Visibility) -> Markup:
    """Return the option elements of a visibility select, none wider than `widest`."""
    return Markup("").join(
        Markup('<option value="{}" title="{}"{}>{}</option>').format(
            label.value, label.hint, Markup(" selected") if label.value is selected else "", label.label
        )
        for label in visibilities_up_to(widest)
    )


@lru_cache(maxsize=1000)  # bounded, because the selected language is user input
def language_options(selected: str | None) -> Markup:
    """Return the option elements of a language select. An unknown selected language is added."""
    known = dict(LANGUAGES)
    if selected and selected not in known and regex.fullmatch(r"[A-Za-z0-9-]{2,16}", selected):
        known = {selected: selected} | known
    return Markup("").join(
        Markup('<option value="{0}" lang="{0}"{2}>{1}</option>').format(code, name, Markup(" selected") if code == selected else "")
        for code, name in known.items()
    )


def language_name(code: str) -> str:
    """Return the name of a language in itself, or the code if it has none here."""
    return dict(LANGUAGES).get(code, code)


def host(url: str) -> str:
    """Return the host of a URL."""
    return urlsplit(url).netloc


def path(text: str) -> str:
    """Percent-encode a path. Characters that are valid in a path stay, so that each page has only one URL."""
    return quote(text, safe="/@:!$&'()*+,;=~")


def linked(text: str, address: str) -> Markup:
    """Return the text as a link to the address, or as plain text if that is empty."""
    return Markup('<a href="{}">{}</a>').format(address, text) if address else escape(text)


def paragraphs(text: str) -> Markup:
    """Return plain text as HTML with its line breaks."""
    return Markup("<br>").join(escape(line) for line in text.splitlines())


def excerpt(text: str, length: int = 200) -> str:
    """Return the start of a text on one line, at most `length` characters, cut at a word if possible."""
    line = " ".join(text[: length * 4].split())
    if len(line) <= length:
        return line
    cut = line[: length - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[length // 2 :] else cut).rstrip() + "…"


_MAX_SIZE = Dimensions(600, 540)  # CSS pixels, of one image in a post


def fit_image(frame: Dimensions | None) -> Dimensions | None:
    """Return the displayed size of an image, scaled down to fit. It reserves the space before the image is loaded."""
    if frame is None or not frame.area:
        return None
    scale = min(1.0, _MAX_SIZE.width / frame.width, _MAX_SIZE.height / frame.height)
    return Dimensions(max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))


def focus(point: Focus) -> str:
    """Return the CSS classes that keep the focal point of a cropped image visible, in five steps per axis."""
    return f"fx{round((point.x + 1) * 2)} fy{round((1 - point.y) * 2)}"


FILTERS: dict[str, Callable[..., Any]] = {
    "iso": iso,
    "when": when,
    "day": day,
    "full": full,
    "local": local,
    "number": number,
    "avatar": avatar_html,
    "fit": fit_image,
    "focus": focus,
    "hue": hue,
    "browser": browser_name,
    "host": host,
    "linked": linked,
    "path": path,
}
