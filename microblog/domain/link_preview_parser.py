"""Metadata of web pages for link previews: OpenGraph, Twitter cards, plain HTML, oEmbed. Pure; safe for hostile input.

Only tags of the head are read, and nothing is used as markup.

Decision (2026-11): scan for four kinds of tags within a budget. Alternatives: html.parser, which is quadratic on unclosed comments and
attributes in the supported Python versions (CVE-2025-6069); html5lib, which first builds a tree of the whole page.
"""

from __future__ import annotations

import codecs
import html
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

import orjson
import regex
from attrs import evolve, field, frozen

from microblog.domain.text import post_text
from microblog.model.cards import MAX_URL, Card, FetchedPage

MAX_TITLE_LENGTH, MAX_DESCRIPTION_LENGTH, MAX_NAME_LENGTH, MAX_ALT_LENGTH = 160, 400, 100, 400  # graphemes
MAX_TAGS = 2_000
MAX_TAG_LENGTH = 8_192  # characters
CHARACTER_BUDGET = 256 * 1024  # characters within tags in total
_MAX_VALUE_LENGTH = 4_096

_OPENING = regex.compile(r"<(?:(!--)|/(head)\b|(body|script|style|template|noscript|svg)\b|(title|meta|link|html)\b)", regex.I)
_TAG = regex.compile(r"<[a-z]++(?:[^\"'<>]|\"[^\"]*+\"|'[^']*+')*+>", regex.I)
_ATTRIBUTE = regex.compile(r"([a-z][a-z0-9:_-]{0,40})\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++))", regex.I)
_CHARSET = regex.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([A-Za-z0-9_:-]{1,40})", regex.I)
_LANGUAGE = regex.compile(r"[A-Za-z]{2,3}(?=[-_]|\Z)")

# Codecs that take linear time; Python's others (punycode, unicode_escape ...) are no charsets of web pages.
_CHARSETS = frozenset(
    {
        *("ascii", "utf-8", "utf-16", "utf-16-le", "utf-16-be", "gbk", "gb2312", "gb18030", "big5", "euc_jp", "euc_kr", "koi8-r", "koi8-u"),
        *("shift_jis", "cp932", "cp949", "mac-roman", "tis-620"),
        *(f"iso8859-{n}" for n in range(1, 17)),
        *(f"cp125{n}" for n in range(9)),
    }
)


@frozen
class ParsedPreview:
    """Metadata of a page. URLs are absolute; `oembed`: URL of further metadata."""

    title: str = ""
    description: str = ""
    language: str | None = None
    author: str = ""
    provider: str = ""
    image: str = ""
    image_description: str = ""
    oembed: str = ""
    published_at: datetime | None = None

    def card(self, url: str, target: str) -> Card | None:
        """The preview card for the link `url` that led to `target`; None if the page has no title."""
        if not self.title:
            return None
        parts = urlsplit(target)
        return Card(
            url=url,
            title=self.title,
            description=self.description,
            language=self.language,
            author_name=self.author,
            provider_name=self.provider or (parts.hostname or "").removeprefix("www."),
            provider_url=f"{parts.scheme}://{parts.netloc}",
            image_description=self.image_description,
            published_at=self.published_at,
        )


@frozen
class _Head:
    """The relevant tags of the head; of each name, the first value."""

    metas: dict[str, str] = field(factory=dict)
    title: str = ""
    language: str = ""
    oembed: str = ""


def parse(page: FetchedPage) -> ParsedPreview:
    """Return the page's metadata."""
    head = _head(decoded(page))
    metas = head.metas

    def value_of(*names: str) -> str:
        return next((metas[name] for name in names if metas.get(name)), "")

    return ParsedPreview(
        title=_line(value_of("og:title", "twitter:title") or head.title, MAX_TITLE_LENGTH),
        description=_line(value_of("og:description", "twitter:description", "description"), MAX_DESCRIPTION_LENGTH),
        language=_language(head.language or value_of("og:locale", "content-language")),
        author=_line(value_of("author", "article:author_name", "twitter:creator"), MAX_NAME_LENGTH),
        provider=_line(value_of("og:site_name", "application-name"), MAX_NAME_LENGTH),
        image=_absolute_url(page.url, value_of("og:image:secure_url", "og:image:url", "og:image", "twitter:image", "twitter:image:src")),
        image_description=_line(value_of("og:image:alt", "twitter:image:alt"), MAX_ALT_LENGTH),
        oembed=_absolute_url(page.url, head.oembed),
        published_at=_timestamp(value_of("article:published_time", "og:article:published_time", "datepublished")),
    )


def alternate(page: FetchedPage, is_wanted: Callable[[str], bool]) -> str:
    """Return the absolute URL of the first alternate version that the page names with such a media type; empty if there is none."""
    for name, tag, _ in _tags(decoded(page)):
        attrs = _attributes(tag)
        if name == "link" and "alternate" in attrs.get("rel", "").lower().split() and is_wanted(attrs.get("type", "")):
            return _absolute_url(page.url, attrs.get("href", ""))
    return ""


def with_oembed(found: ParsedPreview, response: FetchedPage) -> ParsedPreview:
    """Return the metadata completed by an oEmbed response. Its HTML is ignored."""
    try:
        data = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return found
    if not isinstance(data, dict):
        return found

    def value_of(name: str, limit: int) -> str:
        value = data.get(name)
        return _line(value[:_MAX_VALUE_LENGTH], limit) if isinstance(value, str) else ""

    thumbnail = data.get("thumbnail_url")
    return evolve(
        found,
        title=found.title or value_of("title", MAX_TITLE_LENGTH),
        author=found.author or value_of("author_name", MAX_NAME_LENGTH),
        provider=found.provider or value_of("provider_name", MAX_NAME_LENGTH),
        image=found.image or (_absolute_url(response.url, thumbnail) if isinstance(thumbnail, str) else ""),
    )


def decoded(page: FetchedPage) -> str:
    """Return the page's text, decoded by byte order mark, HTTP charset, meta tag or as UTF-8, in this order."""
    body = page.body
    for mark, name in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    declared = _CHARSET.search(body[:2048])
    names = [page.charset, declared[1].decode("ascii") if declared else ""]
    return body.decode(next(filter(None, map(_codec, names)), "utf-8"), "replace")


def _codec(name: str) -> str | None:
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    if found in ("iso8859-1", "ascii"):
        return "cp1252"  # as every browser does (WHATWG Encoding, 4.2)
    return found if found in _CHARSETS else None


def _head(page: str) -> _Head:
    metas: dict[str, str] = {}
    title = language = oembed = ""
    for name, tag, inside in _tags(page):
        if name == "title":
            title = title or html.unescape(inside)
            continue
        attrs = _attributes(tag)
        if name == "html":
            language = language or attrs.get("lang", "")
        elif name == "meta":
            key = (attrs.get("property") or attrs.get("name") or attrs.get("itemprop") or attrs.get("http-equiv") or "").strip().lower()
            metas.setdefault(key, attrs.get("content", ""))
        elif attrs.get("type", "").lower() == "application/json+oembed" and "alternate" in attrs.get("rel", "").lower():
            oembed = oembed or attrs.get("href", "")
    return _Head(metas, title, language, oembed)


def _tags(page: str) -> Iterator[tuple[str, str, str]]:
    """Yield (name, tag, content) of each relevant tag, up to the body or until the budget is used up."""
    at, remaining = 0, CHARACTER_BUDGET
    for _ in range(MAX_TAGS):
        opening = _OPENING.search(page, at)
        if opening is None or opening[2] or (opening[3] or "").lower() == "body" or remaining <= 0:
            return
        comment, _, skipped, name = opening.groups()
        if comment or skipped:
            end = page.find("-->", opening.end()) if comment else _closing_tag(page, skipped, opening.end())
            if end < 0:
                return
            at = end + 1
            continue
        tag = _TAG.match(page, opening.start(), opening.start() + MAX_TAG_LENGTH)
        remaining -= tag.end() - tag.start() if tag else MAX_TAG_LENGTH
        at = tag.end() if tag else opening.end()
        if tag:
            end = _closing_tag(page, name, at, at + MAX_TAG_LENGTH) if name.lower() == "title" else -1
            yield name.lower(), tag[0], page[at : max(at, end)]


def _closing_tag(page: str, name: str, at: int, end: int | None = None) -> int:
    found = _CLOSINGS[name.lower()].search(page, at, end)
    return found.start() if found else -1


_CLOSINGS = {name: regex.compile(rf"</{name}\b", regex.I) for name in ("script", "style", "template", "noscript", "svg", "title")}


def _attributes(tag: str) -> Mapping[str, str]:
    attrs: dict[str, str] = {}
    for found in _ATTRIBUTE.finditer(tag):
        name, *values = found.groups()
        attrs.setdefault(name.lower(), html.unescape(next((value for value in values if value is not None), "")[:_MAX_VALUE_LENGTH]))
    return attrs


def _line(text: str, limit: int) -> str:
    """The text on one line, without characters that cannot be stored or would affect the text around it."""
    return post_text.excerpt(" ".join(text[:_MAX_VALUE_LENGTH].split()), limit)


def _absolute_url(base: str, target: str) -> str:
    """The absolute web URL; empty if it is not valid."""
    try:
        found = urljoin(base, target.strip()) if target.strip() else ""
        parts = urlsplit(found)
    except ValueError:
        return ""
    return found if parts.scheme in ("http", "https") and parts.hostname and len(found) <= MAX_URL and found.isprintable() else ""


def _language(text: str) -> str | None:
    found = _LANGUAGE.match(text.strip())
    return found[0].lower() if found else None


def _timestamp(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError:
        return None
