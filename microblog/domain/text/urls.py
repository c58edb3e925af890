"""URL detection in running text: where a URL begins and ends, and which punctuation belongs to the sentence around it.

The end of a URL is determined by Unicode properties, so that the punctuation of every script is recognized. In the path, everything that
the WHATWG URL Standard accepts is accepted (`^`, `|`, `{`, a final `*`). Time is linear: scanning continues after the URL, and no character
is read as part of a host more often than a host may be long.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import idna
import regex

MAX_URL_LENGTH = 2048
MAX_HOST_LENGTH = 253

_WIDE = r"[\p{EA=W}\p{EA=F}\p{EA=H}]"
_SENTENCE_MARK = r"[\p{Terminal_Punctuation}&&[\p{SB=STerm}\p{SB=SContinue}]]"
# White space, characters that RFC 3986 section 2 excludes and browsers rewrite, invisible characters that could disguise a URL (those
# that emoji and Persian need are allowed), and punctuation of scripts that put no space after it: East Asian, Indic, Khmer, Arabic.
_STOP = (
    r"\s\p{Cc}<>\"`\\[\p{Default_Ignorable_Code_Point}--[\u200c\u200d\p{Variation_Selector}]]"
    rf"[{_WIDE}&&[\p{{Terminal_Punctuation}}\p{{Quotation_Mark}}\p{{Ps}}\p{{Pe}}]][{_SENTENCE_MARK}--\p{{ASCII}}]"
)
_AUTHORITY = regex.compile(rf"[^{_STOP}/?#]*+", regex.V1)
_REST = regex.compile(rf"(?:[/?#][^{_STOP}]*+)?", regex.V1)

_LETTER = r"\p{L}\p{M}\p{N}"
_LABEL = rf"[\p{{L}}\p{{N}}](?:[{_LETTER}_-]{{0,61}}[{_LETTER}])?+"
# No top-level domain mixes ASCII with a script that is written without spaces or adds particles: there the sentence continues.
_ASCII_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?+(?=[\p{LB=ID}\p{LB=CJ}\p{LB=SA}\p{LB=H2}\p{LB=H3}\p{LB=JL}])"
_HOST = regex.compile(
    rf"(?:(?i:localhost)|(?:{_LABEL}\.)+(?:{_ASCII_LABEL}|{_LABEL}(?!\.?[{_LETTER}_])))(?:\.?:[0-9]{{1,5}}(?![0-9]))?", regex.V1
)
_OTHER_HOST = regex.compile(rf"[:.]?[{_LETTER}_%@\p{{Default_Ignorable_Code_Point}}]", regex.V1)
_UNSPACED = regex.compile(r"[\p{LB=ID}\p{LB=CJ}\p{LB=SA}\p{LB=H2}\p{LB=H3}\p{LB=JL}]", regex.V1)

_TRAILING = regex.compile(r"[\p{Terminal_Punctuation}\p{Quotation_Mark}\p{Pi}\p{Pf}\p{Ps}\p{LB=IN}[\p{Pd}--\p{ASCII}]]", regex.V1)
_EMPHASIS = frozenset("*|~")


def read(line: str, start: int, authority: int) -> tuple[str | None, int]:
    """Return the URL whose scheme is at `start` and whose host is at `authority`, or None; and the position at which to continue."""
    end = _end(_AUTHORITY, line, authority)
    host = _HOST.match(line, authority, end)
    # User information before the host can make a URL look like another site's.
    if host is None or len(host[0]) > MAX_HOST_LENGTH or "@" in line[authority:end] or _goes_on(line, host.end(), end):
        return None, _end(_REST, line, end)
    if not _is_all(line, host.end(), end):
        return line[start : host.end()], host.end()
    whole = _end(_REST, line, end)
    url = _trimmed(line[start:whole], line[start - 1 : start])
    return (url, start + len(url)) if len(url) <= MAX_URL_LENGTH else (None, whole)


@lru_cache(1_024)
def ascii_host(host: str) -> str:
    """Return a host, with or without a port, in lower case and ASCII (RFC 5891 with the mapping of UTS 46); empty if it is no valid one."""
    if host.isascii():
        return host.lower()
    name, colon, port = host.partition(":")
    try:
        return idna.encode(name, uts46=True).decode("ascii") + colon + port if len(name) <= MAX_HOST_LENGTH else ""
    except (idna.IDNAError, UnicodeError):
        return ""


def host_end(line: str, at: int, end: int) -> int:
    """Return where a host ends within this part of the line; text in a script without spaces may follow it directly."""
    host = _HOST.match(line, at, end)
    return host.end() if host and _UNSPACED.match(line, host.end(), end) else end


def _end(pattern: regex.Pattern[str], line: str, at: int) -> int:
    """Return the end of the match at this position; `at` if there is none."""
    found = pattern.match(line, at)
    return found.end() if found else at


def _is_all(line: str, host_end: int, end: int) -> bool:
    """Return True if the host is all of the authority; a trailing dot counts only before a path."""
    return host_end == end or (line[host_end:end] == "." and line[end : end + 1] in {"/", "?", "#"})


def _goes_on(line: str, at: int, end: int) -> bool:
    """Return True if the following characters make it a different host, so that nothing is linked.

    Text in a script without spaces may follow directly.
    """
    no_port = line[at:end] == ":" and line[end : end + 1] in {"/", "?", "#"}
    return no_port or (_OTHER_HOST.match(line, at, end) is not None and _UNSPACED.match(line, at, end) is None)


def _trimmed(url: str, before: str) -> str:
    """Return `url` without surrounding punctuation: trailing marks, and closing brackets that it did not open.

    `before` is the character before it: emphasis (`*https://...*`) surrounds a URL.
    """
    marks = before if before in _EMPHASIS else ""
    surplus = {close: url.count(close) - url.count(_opening(close)) for close in set(url) if unicodedata.category(close) == "Pe"}
    end = len(url)
    while end and ((last := url[end - 1]) == marks or surplus.get(last, 0) > 0 or (last not in surplus and _TRAILING.match(last))):
        if last in surplus:
            surplus[last] -= 1
        end -= 1
    return url[:end]


def _opening(close: str) -> str:
    """Return the opening bracket of `close`: the previous code point, or the one before that (`[\\]`)."""
    neighbour = chr(ord(close) - 1)
    return neighbour if unicodedata.category(neighbour) == "Ps" else chr(ord(close) - 2)
