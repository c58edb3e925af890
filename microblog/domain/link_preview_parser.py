"""What a page says about itself: OpenGraph, Twitter's variant of it, plain HTML, oEmbed. Pure; takes whatever a hostile server sends.

Only what stands in tags of the head is looked at, and nothing of it is ever used as markup.

Chosen (2026-11): a scan for four kinds of tags, with a budget. Instead of: html.parser, which is quadratic on unclosed comments and
attributes in the Pythons that we run on (CVE-2025-6069), and html5lib, which builds a tree of everything first.
"""

from __future__ import annotations

import codecs
import html
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

import orjson
import regex
from attrs import evolve, field, frozen

from microblog.domain.text import post_text
from microblog.model.cards import LONGEST_URL, Card, FetchedPage

LONGEST_TITLE, LONGEST_DESCRIPTION, LONGEST_NAME, LONGEST_ALT = 160, 400, 100, 400  # graphemes
MOST_TAGS = 2_000
LONGEST_TAG = 8_192  # characters
BUDGET = 256 * 1024  # characters within tags, in all
_LONGEST_VALUE = 4_096

_OPENING = regex.compile(r"<(?:(!--)|/(head)\b|(body|script|style|template|noscript|svg)\b|(title|meta|link|html)\b)", regex.I)
_TAG = regex.compile(r"<[a-z]++(?:[^\"'<>]|\"[^\"]*+\"|'[^']*+')*+>", regex.I)
_ATTRIBUTE = regex.compile(r"([a-z][a-z0-9:_-]{0,40})\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++))", regex.I)
_CHARSET = regex.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([A-Za-z0-9_:-]{1,40})", regex.I)
_LANGUAGE = regex.compile(r"[A-Za-z]{2,3}(?=[-_]|\Z)")

# Those that take time in proportion to what they parse; others of Python's (punycode, unicode_escape ...) are no charsets of pages.
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
    """What a page says. Addresses are absolute; `oembed` is where more is told."""

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
        """The card for the link `url` that led to `target`; None where the page has no title."""
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
    """The tags that matter, each name with what it first said."""

    metas: dict[str, str] = field(factory=dict)
    title: str = ""
    language: str = ""
    oembed: str = ""


def parse(page: FetchedPage) -> ParsedPreview:
    """What the page says about itself."""
    head = _head(decoded(page))
    metas = head.metas

    def said(*names: str) -> str:
        return next((metas[name] for name in names if metas.get(name)), "")

    return ParsedPreview(
        title=_line(said("og:title", "twitter:title") or head.title, LONGEST_TITLE),
        description=_line(said("og:description", "twitter:description", "description"), LONGEST_DESCRIPTION),
        language=_language(head.language or said("og:locale", "content-language")),
        author=_line(said("author", "article:author_name", "twitter:creator"), LONGEST_NAME),
        provider=_line(said("og:site_name", "application-name"), LONGEST_NAME),
        image=_address(page.url, said("og:image:secure_url", "og:image:url", "og:image", "twitter:image", "twitter:image:src")),
        image_description=_line(said("og:image:alt", "twitter:image:alt"), LONGEST_ALT),
        oembed=_address(page.url, head.oembed),
        published_at=_moment(said("article:published_time", "og:article:published_time", "datepublished")),
    )


def with_oembed(found: ParsedPreview, answer: FetchedPage) -> ParsedPreview:
    """The same with what an oEmbed answer adds where the page itself says nothing. Its HTML is not looked at."""
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return found
    if not isinstance(told, dict):
        return found

    def said(name: str, limit: int) -> str:
        value = told.get(name)
        return _line(value[:_LONGEST_VALUE], limit) if isinstance(value, str) else ""

    picture = told.get("thumbnail_url")
    return evolve(
        found,
        title=found.title or said("title", LONGEST_TITLE),
        author=found.author or said("author_name", LONGEST_NAME),
        provider=found.provider or said("provider_name", LONGEST_NAME),
        image=found.image or (_address(answer.url, picture) if isinstance(picture, str) else ""),
    )


def decoded(page: FetchedPage) -> str:
    """The page's text: by its byte order mark, else by what HTTP said, else by what it says itself, else as UTF-8."""
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
        given = _attributes(tag)
        if name == "html":
            language = language or given.get("lang", "")
        elif name == "meta":
            key = (given.get("property") or given.get("name") or given.get("itemprop") or given.get("http-equiv") or "").strip().lower()
            metas.setdefault(key, given.get("content", ""))
        elif given.get("type", "").lower() == "application/json+oembed" and "alternate" in given.get("rel", "").lower():
            oembed = oembed or given.get("href", "")
    return _Head(metas, title, language, oembed)


def _tags(page: str) -> Iterator[tuple[str, str, str]]:
    """(name, the tag, what is inside) of each tag of interest, up to where the body begins or the budget ends."""
    at, budget = 0, BUDGET
    for _ in range(MOST_TAGS):
        opening = _OPENING.search(page, at)
        if opening is None or opening[2] or (opening[3] or "").lower() == "body" or budget <= 0:
            return
        comment, _, skipped, name = opening.groups()
        if comment or skipped:
            end = page.find("-->", opening.end()) if comment else _closing(page, skipped, opening.end())
            if end < 0:
                return
            at = end + 1
            continue
        tag = _TAG.match(page, opening.start(), opening.start() + LONGEST_TAG)
        budget -= tag.end() - tag.start() if tag else LONGEST_TAG
        at = tag.end() if tag else opening.end()
        if tag:
            end = _closing(page, name, at, at + LONGEST_TAG) if name.lower() == "title" else -1
            yield name.lower(), tag[0], page[at : max(at, end)]


def _closing(page: str, name: str, at: int, end: int | None = None) -> int:
    found = _CLOSINGS[name.lower()].search(page, at, end)
    return found.start() if found else -1


_CLOSINGS = {name: regex.compile(rf"</{name}\b", regex.I) for name in ("script", "style", "template", "noscript", "svg", "title")}


def _attributes(tag: str) -> Mapping[str, str]:
    given: dict[str, str] = {}
    for found in _ATTRIBUTE.finditer(tag):
        name, *values = found.groups()
        given.setdefault(name.lower(), html.unescape(next((value for value in values if value is not None), "")[:_LONGEST_VALUE]))
    return given


def _line(said: str, limit: int) -> str:
    """The text on one line, without what could not be stored or would disturb what stands around it."""
    return post_text.excerpt(" ".join(said[:_LONGEST_VALUE].split()), limit)


def _address(base: str, target: str) -> str:
    """The absolute web address, or nothing."""
    try:
        found = urljoin(base, target.strip()) if target.strip() else ""
        parts = urlsplit(found)
    except ValueError:
        return ""
    return found if parts.scheme in ("http", "https") and parts.hostname and len(found) <= LONGEST_URL and found.isprintable() else ""


def _language(said: str) -> str | None:
    found = _LANGUAGE.match(said.strip())
    return found[0].lower() if found else None


def _moment(said: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(said.strip())
    except ValueError:
        return None
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError:
        return None
