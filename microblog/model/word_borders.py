"""Borders of words, marked in a text, so that whole words are found by plain search: linear in the text, whatever is sought. Pure.

From Unicode's word boundaries (UAX #29, rules WB4, WB5, WB8 to WB10 and WB13), so each character of a script that is written
without spaces (Han, Hiragana, Thai, Lao, Khmer, Myanmar) is between borders. Two things differ, because a keyword is no word of a
dictionary: punctuation amid letters (WB6, WB7, WB11, WB12: `Musk's`, `example.com`) is a border, and so is a change from or to Hangul,
where particles follow a word without a space.
"""

from __future__ import annotations

import regex

_BORDER = "\0"
_CONNECTOR, _MARK = r"\p{WB=ExtendNumLet}", r"\p{WB=Extend}\p{WB=Format}\p{WB=ZWJ}"
_LETTER = rf"[[\p{{WB=ALetter}}\p{{WB=Hebrew_Letter}}\p{{WB=Numeric}}{_CONNECTOR}]--\p{{Script=Hangul}}]"
_KATAKANA = rf"\p{{WB=Katakana}}{_CONNECTOR}"
_TOKEN = regex.compile(
    rf"\p{{Script=Hangul}}[\p{{Script=Hangul}}{_MARK}]*+|{_LETTER}[{_LETTER}{_MARK}]*+|[{_KATAKANA}][{_KATAKANA}{_MARK}]*+|.[{_MARK}]*+",
    regex.V1 | regex.DOTALL,
)
# What no reader sees of a keyword's beginning: it came with what was pasted.
_UNSEEN = regex.compile(rf"[[{_MARK}]&&\p{{Default_Ignorable_Code_Point}}]+(?=.)", regex.V1 | regex.DOTALL)
_ATTACHED = regex.compile(rf"[{_MARK}]", regex.V1)
_HANGUL = regex.compile(rf"\p{{Script=Hangul}}[{_MARK}]*\Z", regex.V1)


def mark_boundaries(text: str) -> str:
    """The text with a mark at each border of a word, and at both ends."""
    return _BORDER + "".join(token + _BORDER for token in _TOKEN.findall(text))


def strip_invisible_prefix(keyword: str) -> str:
    """The keyword from the first character that can be seen, such as without a soft hyphen before it."""
    return _UNSEEN.sub("", keyword, count=1) if _UNSEEN.match(keyword) else keyword


def whole_word_pattern(keyword: str) -> str:
    """What is to be sought in a marked text.

    A mark at the beginning belongs to whatever is before it (WB4), so there is no border. After Hangul a word may go on: with a particle.
    """
    sought = mark_boundaries(keyword)
    if _ATTACHED.match(keyword):
        sought = sought[len(_BORDER) :]
    return sought[: -len(_BORDER)] if _HANGUL.search(keyword) else sought
