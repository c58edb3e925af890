"""Containment of bidirectional control characters (UAX #9, sections 2.1 to 2.6).

Unicode lets a text open an embedding, an override or an isolate and never close it; what comes after it on the page is then shown in the
wrong order. So on each line of a post: embeddings and isolates that stay open are closed at its end, closings that close nothing are
dropped, and overrides (LRO, RLO) are dropped, since in practice they only serve to show a name or a URL backwards. One-line texts (names,
content warnings, titles) lose all of these controls, because they are shown amid other text. The marks LRM, RLM and ALM open nothing and
stay: Arabic and Hebrew writers need them.
"""

from __future__ import annotations

import regex

_EMBEDDINGS, _POP_EMBEDDING = "\u202a\u202b", "\u202c"
_OVERRIDES = "\u202d\u202e"
_ISOLATES, _POP_ISOLATE = "\u2066\u2067\u2068", "\u2069"
CONTROLS = _EMBEDDINGS + _POP_EMBEDDING + _OVERRIDES + _ISOLATES + _POP_ISOLATE

_CONTROL = regex.compile(f"[{CONTROLS}]")


def stripped(text: str) -> str:
    """Return `text` without any embedding, override or isolate."""
    return _CONTROL.sub("", text)


def balanced(line: str) -> str:
    """Return `line` with every embedding and isolate closed within it, in the right order, and without overrides."""
    if not _CONTROL.search(line):
        return line
    closings: list[str] = []
    isolates: list[int] = []
    return "".join([_balanced_char(char, closings, isolates) for char in line]) + "".join(reversed(closings))


def _balanced_char(char: str, closings: list[str], isolates: list[int]) -> str:
    """Return what remains of `char`. `closings` holds a closing for each open control, `isolates` the positions of isolates in it."""
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
        pending = "".join(reversed(closings[start:]))
        del closings[start:]
        return pending
    return char
