"""Keeping right-to-left controls where they were typed.

Unicode lets a text open an embedding, an override or an isolate and never close it; what comes after it on the page is then
shown in the wrong order. So on each line of a post: embeddings and isolates that stay open are closed at its end, closings that
close nothing are dropped, and overrides (LRO, RLO) are dropped, since all they do in practice is to show a name or an address
backwards. One-line texts (names, content warnings, titles) lose all of these controls, because they are set amid other text.
The marks LRM, RLM and ALM open nothing and stay: Arabic and Hebrew writers need them. (UAX #9, sections 2.1 to 2.6.)
"""

from __future__ import annotations

import regex

_EMBEDDINGS, _POP_EMBEDDING = "\u202a\u202b", "\u202c"
_OVERRIDES = "\u202d\u202e"
_ISOLATES, _POP_ISOLATE = "\u2066\u2067\u2068", "\u2069"
CONTROLS = _EMBEDDINGS + _POP_EMBEDDING + _OVERRIDES + _ISOLATES + _POP_ISOLATE

_CONTROL = regex.compile(f"[{CONTROLS}]")


def stripped(text: str) -> str:
    """`text` without any embedding, override or isolate."""
    return _CONTROL.sub("", text)


def balanced(line: str) -> str:
    """`line` with every embedding and isolate closed within it, in the right order, and without overrides."""
    if not _CONTROL.search(line):
        return line
    closings: list[str] = []
    isolates: list[int] = []
    return "".join([_kept(char, closings, isolates) for char in line]) + "".join(reversed(closings))


def _kept(char: str, closings: list[str], isolates: list[int]) -> str:
    """What stays of `char`. `closings` are owed for what is open, `isolates` are the places of the isolates among them."""
    if char in _EMBEDDINGS:
        closings.append(_POP_EMBEDDING)
    elif char in _OVERRIDES:
        closings.append("")
        return ""
    elif char in _ISOLATES:
        isolates.append(len(closings))
        closings.append(_POP_ISOLATE)
    elif char == _POP_EMBEDDING:
        within_isolate = isolates and isolates[-1] == len(closings) - 1
        return closings.pop() if closings and not within_isolate else ""
    elif char == _POP_ISOLATE:
        if not isolates:
            return ""
        start = isolates.pop()
        owed = "".join(reversed(closings[start:]))
        del closings[start:]
        return owed
    return char
