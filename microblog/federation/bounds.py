"""Limits of what other servers send, most of them Mastodon's, and the primitives that apply them. Pure.

What is only long is cut off; what has the wrong form is None, and so is left out. Nothing here raises, except for `parse_json`. Federated
lists and lengths without a limit were published as vulnerabilities (GHSA-gg8q-rcg7-p79g).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

import orjson

from microblog.domain.text import bidi
from microblog.domain.text.post_text import is_blank, without_controls
from microblog.model.errors import TooLarge
from microblog.model.federation import InvalidDocument

# Bytes, levels and characters of JSON
MAX_JSON_BYTES = 1024 * 1024
MAX_NESTING = 32
# A megabyte of empty lists or strings would take 50 MB and much time in memory; the largest honest documents have a tenth of these.
MAX_BRACKETS = 40_000
MAX_QUOTES = 200_000
MAX_ACTIVITY_BRACKETS = 10_000  # what is delivered is one thing, not a page of a collection
MAX_ACTIVITY_QUOTES = 60_000
# Characters
MAX_NAME = 2_048
MAX_BIO = 20 * 1024
MAX_FIELD = 2_047  # of the name and of the value of a field
MAX_DESCRIPTION = 10_000
MAX_CONTENT = 100 * 1024  # after cleaning
MAX_SUMMARY = 2_048
MAX_POLL_OPTION = 500
MAX_REPORT_COMMENT = 5_000
MAX_URL = 2_048
MAX_USERNAME = 255
MAX_SHORTCODE = 128
MAX_LANGUAGE = 35  # of a language tag that every implementation has to take (RFC 5646, section 4.4.1)
# Items
MAX_FIELDS = 50
MAX_ALIASES = 256
MAX_KEYS = 10
MAX_POLL_OPTIONS = 500
MAX_ATTACHMENTS = 16
MAX_MENTIONS = 100
MAX_TAGS = 100
MAX_COLLECTION_PAGES = 10
MAX_COUNT = 2**31 - 1  # of followers, votes and the like: what an integer column holds

# Of one host: activities that wait for their effect, and their bytes. Beyond that, it is asked to send them later.
MAX_WAITING_ACTIVITIES = 10_000
MAX_WAITING_BYTES = 64 * 1024 * 1024

# Four times `MAX_CONTENT`, since HTML is full of markup, and far below what would occupy a processor for long.
MAX_RAW_HTML = 4 * MAX_CONTENT
MAX_HTML_TOKENS = 10_000  # tags and texts between them

_T = TypeVar("_T")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_BRACKETS_ALIKE = bytes.maketrans(b"{}", b"[]")
_USERNAME = re.compile(r"[A-Za-z0-9_]+(?:[.-]+[A-Za-z0-9_]+)*+")
_SHORTCODE = re.compile(r"[A-Za-z0-9_+-]+")
_WEB_URL = re.compile(r"https?://[^/?#@\\\s]+(?:[/?#][^\s]*)?", re.IGNORECASE)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*+")
# Neither PostgreSQL nor UTF-8 holds these; URLs have no control characters at all.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\ud800-\udfff]")
_FIRST_DATE = datetime(1970, 1, 1, tzinfo=UTC)  # earlier ones are the zero of some language
_MAX_DATE_LENGTH = 64


def parse_json(body: bytes, *, brackets: int = MAX_BRACKETS, quotes: int = MAX_QUOTES) -> dict[str, object]:
    """Parse a JSON object with at most so many brackets and quotes. Raises TooLarge or InvalidDocument.

    Length and nesting are checked first, in linear time.
    """
    if len(body) > MAX_JSON_BYTES:
        raise TooLarge("The document is too long.")
    body = body.removeprefix(b"\xef\xbb\xbf")
    if body.count(b'"') > quotes or not _is_shallow(body, brackets):
        raise InvalidDocument("The document is too complex, or is not JSON.")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise InvalidDocument("The document is not JSON.") from problem
    if not isinstance(document, dict):
        raise InvalidDocument("The document is not a JSON object.")
    return document


def _is_shallow(body: bytes, most: int) -> bool:
    """True if at most so many brackets are nested at most `MAX_NESTING` deep, whatever kind each is.

    Needs well-formed JSON only to say True rightly.
    """
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside_strings = body.split(b'"')[::2]
    brackets = b"".join(outside_strings).translate(_BRACKETS_ALIKE, _NOT_BRACKETS)
    if len(brackets) > most:
        return False
    for _ in range(MAX_NESTING):  # each round removes the innermost pairs
        brackets = brackets.replace(b"[]", b"")
    return not brackets


def text(value: object, limit: int) -> str:
    """Return the first `limit` characters of a string, without what cannot be stored or seen; empty for any other value."""
    return without_controls(_UNSTORABLE.sub("", value[:limit])) if isinstance(value, str) else ""


def line(value: object, limit: int) -> str:
    """Return the same for names and titles, which are shown amid other text.

    Every run of white space is one space, and none is around it; nothing changes the direction of what follows. Empty if nothing is
    visible.
    """
    found = " ".join(bidi.stripped(text(value, limit)).split())
    return "" if is_blank(found) else found


def first(values: Iterable[_T], limit: int) -> tuple[_T, ...]:
    """Return the first `limit` items."""
    return tuple(islice(values, limit))


def web_url(value: object) -> str | None:
    """Return an HTTP or HTTPS URL that may be shown as a link; None for anything else.

    User information before the host can make a URL look like another site's, so there must be none.
    """
    if not isinstance(value, str) or len(value) > MAX_URL or _CONTROL.search(value):
        return None
    return value if _WEB_URL.fullmatch(value) else None


def username(value: object) -> str | None:
    """Return the username of a remote account: letters, digits and underscores, with dots and hyphens between them; else None."""
    return value if isinstance(value, str) and len(value) <= MAX_USERNAME and _USERNAME.fullmatch(value) else None


def shortcode(value: object) -> str | None:
    """Return the shortcode of an emoji, without its colons; None if it has none or is too long."""
    if not isinstance(value, str):
        return None
    code = value.removeprefix(":").removesuffix(":")
    return code if len(code) <= MAX_SHORTCODE and _SHORTCODE.fullmatch(code) else None


def language(value: object) -> str | None:
    """Return a language tag that has the form of one (RFC 5646); else None."""
    return value if isinstance(value, str) and len(value) <= MAX_LANGUAGE and _LANGUAGE.fullmatch(value) else None


def count(value: object) -> int | None:
    """Return a number of things, at least 0 and at most `MAX_COUNT`; None for anything but an integer."""
    return max(0, min(value, MAX_COUNT)) if isinstance(value, int) and not isinstance(value, bool) else None


def date(value: object) -> datetime | None:
    """Parse an ISO 8601 date in UTC, with or without fraction and offset; None for anything else, and for dates before 1970."""
    if not isinstance(value, str) or len(value) > _MAX_DATE_LENGTH:
        return None
    try:
        parsed = datetime.fromisoformat(value.strip().upper())
        moment = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment >= _FIRST_DATE else None


def past_date(moment: datetime | None, now: datetime) -> datetime:
    """Return when something happened: now if that is unknown, in the future or before 1970."""
    return moment if moment is not None and _FIRST_DATE <= moment <= now else now
