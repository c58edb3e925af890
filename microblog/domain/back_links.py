"""Search for a link with rel="me" in a page. Pure; safe for hostile input.

Text in scripts, comments and form fields may come from visitors of the page, so that links there do not count.
"""

from __future__ import annotations

import html
from collections.abc import Collection

import regex

from microblog.domain.link_preview_parser import decoded
from microblog.model.cards import FetchedPage

MAX_LINKS = 10_000

_OPENING = regex.compile(
    r"<(?:(!--)|(script|style|template|noscript|svg|math|textarea|title|iframe|noembed|noframes|xmp|select|object)\b"
    r"|(plaintext)\b|(?:a|link)(?=[\s/]))",
    regex.I,
)
_TAG = regex.compile(r"<[a-z]++(?:[^\"'<>]|\"[^\"]*+\"|'[^']*+')*+>", regex.I)
_ATTRIBUTE = regex.compile(r"([^\s\"'<>/=]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++)))?+")
_MAX_TAG = 8_192


def links_back(page: FetchedPage, addresses: Collection[str]) -> bool:
    """True if the page has a link with rel="me" to one of the addresses; case does not matter."""
    text, at = decoded(page), 0
    wanted = {address.lower() for address in addresses}
    for _ in range(MAX_LINKS):
        opening = _OPENING.search(text, at)
        if opening is None or opening[3]:
            return False
        if opening[1] or opening[2]:
            end = text.find("-->", opening.end()) if opening[1] else _end_of(opening[2], text, opening.end())
            if end < 0:
                return False
            at = end + 1
            continue
        tag = _TAG.match(text, opening.start(), opening.start() + _MAX_TAG)
        at = tag.end() if tag else opening.end()
        if tag and _links_to(tag[0], wanted):
            return True
    return False


def _end_of(name: str, text: str, at: int) -> int:
    found = regex.compile(rf"</{name}\b", regex.I).search(text, at)
    return found.start() if found else -1


def _links_to(tag: str, wanted: Collection[str]) -> bool:
    values: dict[str, str] = {}
    for name, *given in _ATTRIBUTE.findall(tag):
        values.setdefault(name.lower(), html.unescape(next(filter(None, given), "")))
    return "me" in values.get("rel", "").lower().split() and values.get("href", "").strip().lower() in wanted
