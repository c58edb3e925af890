"""Tokenization and folding of the search index, so that accents, widths and cases do not matter. Pure.

A test checks that `fold` and `words_in` agree with the database's functions.
"""

from __future__ import annotations

import unicodedata

import regex

SPACELESS = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    r"\U00020000-\U0003ffff"
)
MAX_WORD_LENGTH = 128
_RUN = regex.compile(rf"[{SPACELESS}]+")
_BETWEEN = regex.compile(r"[^\p{L}\p{M}\p{N}_]+")
_MARKS = regex.compile(r"[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670]+")
_SPACE = regex.compile(r"[\u0001-\u0020\u0085\u1680\u2028\u2029]+")
_LINK = regex.compile(r"https?://(\S+)", regex.IGNORECASE)
_LETTERS = str.maketrans("øđðħıĸłŋŧς", "oddhiklntσ", "") | str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"})


def fold(text: str) -> str:
    """Fold a text for search: compatibility forms, lower case, without accents."""
    return unicodedata.normalize("NFKC", _MARKS.sub("", unicodedata.normalize("NFKD", text))).lower().translate(_LETTERS)


def words_in(text: str) -> list[str]:
    """Return the folded words in order: runs of letters, marks, digits and `_`. Scripts without spaces stay in one piece."""
    return _BETWEEN.sub(" ", fold(text)).split()


def fold_phrase(text: str) -> str:
    """Return the text in the form that phrases are compared in: folded, with single spaces."""
    return _SPACE.sub(" ", fold(text))


def link(text: str) -> str | None:
    """Return the single index word of a URL; None for any other text."""
    match = _LINK.fullmatch(text)
    return fold(match[1]).rstrip(".,;:!?)")[:MAX_WORD_LENGTH] or None if match else None


def parts(word: str) -> tuple[list[str], list[str]]:
    """Return the index lookups for a folded word: whole words, and prefixes of words.

    A run of letters without spaces becomes all its pairs; a single such letter is a prefix of a pair.
    """
    runs = _RUN.findall(word)
    whole = [run[at : at + 2] for run in runs for at in range(len(run) - 1)]
    starts = [run for run in runs if len(run) == 1]
    for rest in _RUN.sub(" ", word).split():
        (whole if len(rest) < MAX_WORD_LENGTH else starts).append(rest[:MAX_WORD_LENGTH])
    return whole, starts


def is_spaceless(letter: str) -> bool:
    """Return True for a letter of a script that puts no spaces between words."""
    return _RUN.fullmatch(letter) is not None
