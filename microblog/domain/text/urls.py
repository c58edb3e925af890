"""URLs in running text: where one begins, what belongs to it, and what is the punctuation of the sentence around it.

What ends a URL is told by Unicode properties, so that each script's punctuation is met. In the path, what WHATWG's URL standard lets
stand is let in (`^`, `|`, `{`, a final `*`). Time is linear: reading goes on where a URL ends, and no character is read as
a host more often than a host may be long.
"""

from __future__ import annotations

import unicodedata

import regex

LONGEST_URL = 2048
LONGEST_HOST = 253

_WIDE = r"[\p{EA=W}\p{EA=F}\p{EA=H}]"
_SENTENCE_MARK = r"[\p{Terminal_Punctuation}&&[\p{SB=STerm}\p{SB=SContinue}]]"
# White space, what RFC 3986 section 2 leaves out and browsers rewrite, invisible characters that could disguise an address (those that
# emoji and Persian need are let in), and punctuation of scripts that put no space after it: East Asian, Indic, Khmer, Arabic.
_STOP = (
    r"\s\p{Cc}<>\"`\\[\p{Default_Ignorable_Code_Point}--[\u200c\u200d\p{Variation_Selector}]]"
    rf"[{_WIDE}&&[\p{{Terminal_Punctuation}}\p{{Quotation_Mark}}\p{{Ps}}\p{{Pe}}]][{_SENTENCE_MARK}--\p{{ASCII}}]"
)
_AUTHORITY = regex.compile(rf"[^{_STOP}/?#]*+", regex.V1)
_REST = regex.compile(rf"(?:[/?#][^{_STOP}]*+)?", regex.V1)

_LETTER = r"\p{L}\p{M}\p{N}"
_LABEL = rf"[\p{{L}}\p{{N}}](?:[{_LETTER}_-]{{0,61}}[{_LETTER}])?+"
# No top level domain mixes ASCII with a script that is written without spaces, or that takes particles: a sentence goes on there.
_ASCII_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?+(?=[\p{LB=ID}\p{LB=CJ}\p{LB=SA}\p{LB=H2}\p{LB=H3}\p{LB=JL}])"
_HOST = regex.compile(
    rf"(?:(?i:localhost)|(?:{_LABEL}\.)+(?:{_ASCII_LABEL}|{_LABEL}(?!\.?[{_LETTER}_])))(?:\.?:[0-9]{{1,5}}(?![0-9]))?", regex.V1
)
_OTHER_HOST = regex.compile(rf"[:.]?[{_LETTER}_%@\p{{Default_Ignorable_Code_Point}}]", regex.V1)
_UNSPACED = regex.compile(r"[\p{LB=ID}\p{LB=CJ}\p{LB=SA}\p{LB=H2}\p{LB=H3}\p{LB=JL}]", regex.V1)

_TRAILING = regex.compile(r"[\p{Terminal_Punctuation}\p{Quotation_Mark}\p{Pi}\p{Pf}\p{Ps}\p{LB=IN}[\p{Pd}--\p{ASCII}]]", regex.V1)
_EMPHASIS = frozenset("*|~")


def read(line: str, start: int, authority: int) -> tuple[str | None, int]:
    """The URL whose scheme is at `start` and whose host is at `authority`, or None if there is none; and where to look on."""
    end = _end(_AUTHORITY, line, authority)
    host = _HOST.match(line, authority, end)
    # A user name before the host poses as another site's address.
    if host is None or len(host[0]) > LONGEST_HOST or "@" in line[authority:end] or _goes_on(line, host.end(), end):
        return None, _end(_REST, line, end)
    if not _is_all(line, host.end(), end):
        return line[start : host.end()], host.end()
    whole = _end(_REST, line, end)
    url = _trimmed(line[start:whole], line[start - 1 : start])
    return (url, start + len(url)) if len(url) <= LONGEST_URL else (None, whole)


def host_end(line: str, at: int, end: int) -> int:
    """Where a host ends that is at most this part of the line: a sentence in a script without spaces may go on behind it."""
    host = _HOST.match(line, at, end)
    return host.end() if host and _UNSPACED.match(line, host.end(), end) else end


def _end(pattern: regex.Pattern[str], line: str, at: int) -> int:
    """Where what matches there ends; `at` if nothing does."""
    found = pattern.match(line, at)
    return found.end() if found else at


def _is_all(line: str, host_end: int, end: int) -> bool:
    """True if the host is all of the authority; the dot of a root counts only before a path."""
    return host_end == end or (line[host_end:end] == "." and line[end : end + 1] in {"/", "?", "#"})


def _goes_on(line: str, at: int, end: int) -> bool:
    """True if what follows makes it another host: then nothing is a link. A sentence in a script without spaces does not."""
    no_port = line[at:end] == ":" and line[end : end + 1] in {"/", "?", "#"}
    return no_port or (_OTHER_HOST.match(line, at, end) is not None and _UNSPACED.match(line, at, end) is None)


def _trimmed(url: str, before: str) -> str:
    """`url` without the punctuation of the sentence around it: trailing marks, and closing brackets that it did not open.

    `before` is the character in front of it: emphasis (`*https://...*`) surrounds a URL.
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
    """The bracket that this one closes: its neighbour among the code points, or the one before that (`[\\]`)."""
    neighbour = chr(ord(close) - 1)
    return neighbour if unicodedata.category(neighbour) == "Ps" else chr(ord(close) - 2)
