"""Tolerant access to the properties of a JSON document of another server.

The same property is a text, an object, a list of one, or null, depending on the software. Each function accepts any JSON value, never
fails, and returns an empty value for what it cannot use. Texts are storable: without NUL and lone surrogates. Nothing here recurses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from attrs import frozen

from microblog.model.federation import InvalidDocument

Document = Mapping[str, Any]

# A document of a megabyte may have tens of thousands of items, and reading it must not keep everybody else waiting. `bounds` has the limits
# of what is kept of each property; these are a little wider.
MAX_ITEMS = 1_000
MAX_OBJECTS = 600
MAX_LINKS = 20  # of one `url` property, and as many in the `tag` of each

MAX_NUMBER = 2**53 - 1  # the largest integer that every JSON parser reads exactly

_SURROGATES = re.compile("[\ud800-\udfff]")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x20\x7f\ud800-\udfff]+")
_NAMESPACE_END = re.compile(r"[#:/]")
_DURATION = re.compile(r"P(?:(\d{1,4})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?", re.ASCII)


def document(value: object) -> Document:
    """Return the value if it is a JSON object; raises InvalidDocument for anything else."""
    if not isinstance(value, dict):
        raise InvalidDocument("The document is not a JSON object.")
    return value


def objects(value: object, limit: int = MAX_OBJECTS) -> Iterator[Document]:
    """Yield the JSON objects of a property: itself, or those among the first items of its list."""
    return (item for item in items(value, limit) if isinstance(item, dict))


def items(value: object, limit: int = MAX_ITEMS) -> tuple[Any, ...]:
    """Return the first items of a list, a single value as the only item, and nothing for null."""
    if isinstance(value, list):
        return tuple(value[:limit])
    return () if value is None else (value,)


def text(value: object) -> str:
    """Return a text: the first one of a list that is not empty; also the `@value` of a JSON-LD text."""
    for item in items(value):
        found = item.get("@value") if isinstance(item, dict) else item
        if isinstance(found, str) and found:
            return _SURROGATES.sub("\ufffd", found.replace("\0", "")) if not found.isascii() or "\0" in found else found
    return ""


def texts_by_language(of: Document, name: str) -> dict[str, str]:
    """Return the texts of a property in several languages, as in `contentMap`."""
    found = of.get(name + "Map")
    pairs = ((text(language), text(value)) for language, value in found.items()) if isinstance(found, dict) else ()
    return {language: value for language, value in pairs if language and value}


def natural_text(of: Document, name: str) -> str:
    """Return the text of a property, or the first one of its texts in several languages."""
    return text(of.get(name)) or next(iter(texts_by_language(of, name).values()), "")


def types(of: Document) -> tuple[str, ...]:
    """Return the types of an object without their namespaces: `as:Note` is `Note`."""
    named = of.get("type") or of.get("@type")
    return tuple(_NAMESPACE_END.split(text(name))[-1] for name in items(named, MAX_LINKS) if text(name))


def own_id(of: Document) -> str:
    """Return the id of an object, empty if it has none."""
    return _uri({name: of.get(name) for name in ("id", "@id")})


def uri(value: object) -> str:
    """Return a URI: a text, the id of an object, or the target of a Link; the first one of a list. A `bear:` URI is unwrapped."""
    return next(iter(uris(value)), "")


def uris(value: object) -> tuple[str, ...]:
    """Return the URIs of a property, in order, without duplicates."""
    found = (_uri(item) for item in items(value))
    return tuple(dict.fromkeys(one for one in found if one))


def uri_or_none(value: object) -> str | None:
    """Like `uri`, None for nothing."""
    return uri(value) or None


def web_url(value: object) -> str:
    """Like `uri`, if it is an http or https URL."""
    found = uri(value)
    return found if found[:8].lower().startswith(("https://", "http://")) else ""


def _uri(item: object) -> str:
    if isinstance(item, dict):
        named = (item.get("id"), item.get("@id"), item.get("href"))
        return next((found for one in named if isinstance(one, str) and (found := _uri(one))), "")
    if not isinstance(item, str) or not _URI.fullmatch(item):
        return ""
    return _unwrapped(item) if item.startswith("bear:") else item


def _unwrapped(bearer: str) -> str:
    """Return the URI in a `bear:?t=TOKEN&u=URI` capability (Pixelfed)."""
    try:
        [found, *_] = parse_qs(bearer.partition("?")[2], max_num_fields=10).get("u", [""])
    except ValueError:
        return ""
    return found if _URI.fullmatch(found) and not found.startswith("bear:") else ""


@frozen
class Link:
    """A target of a `url` property; `media_type` is in lower case, without parameters, empty if unknown."""

    url: str
    media_type: str = ""
    height: int | None = None
    width: int | None = None


def links(value: object) -> tuple[Link, ...]:
    """Return the http(s) targets of a `url` property, in order: texts, and Link objects with those in their `tag` (PeerTube)."""
    inner = [part for item in objects(value, MAX_LINKS) for part in objects(item.get("tag"), MAX_LINKS)]
    found = (_link(item) for item in (*items(value, MAX_LINKS), *inner[:MAX_LINKS]))
    return tuple(link for link in found if link.url)


def _link(item: object) -> Link:
    if not isinstance(item, dict):
        return Link(web_url(item))
    target = web_url(item.get("href")) or web_url(item.get("url"))
    return Link(target, media_type(item), number(item.get("height")), number(item.get("width")))


def media_type(of: Document) -> str:
    """Return the media type of an object in lower case, without parameters; `mimeType` is its old name."""
    named = text(of.get("mediaType")) or text(of.get("mimeType"))
    return named.partition(";")[0].strip().lower()


def page_url(value: object) -> str:
    """Return the URL of the HTML page among the targets of a `url` property, or of the first that is not known to be something else."""
    found = links(value)
    pages = [link.url for link in found if link.media_type == "text/html"]
    return next(iter(pages + [link.url for link in found if not link.media_type]), "")


def number(value: object) -> int | None:
    """Return a count or size: a whole number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_NUMBER:
        return None
    return int(value) if value == int(value) else None


def flag(value: object) -> bool:
    """Return True for true only."""
    return value is True


def moment(value: object) -> datetime | None:
    """Return the time of an ISO 8601 text in UTC, None if it is none; without an offset it is in UTC."""
    written = text(value).strip().upper()
    try:
        at = datetime.fromisoformat(written)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def duration(value: object) -> float | None:
    """Return the seconds of an ISO 8601 duration (`PT1M30S`) or a number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if 0 < value <= MAX_NUMBER else None
    found = _DURATION.fullmatch(text(value))
    if found is None:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds() or None
