"""Word boundaries, marked in a text so that plain substring search finds whole words in time linear in the text.

Based on Unicode's word boundaries (UAX #29, rules WB4, WB5, WB8 to WB10 and WB13), so each character of a script that is written
without spaces (Han, Hiragana, Thai, Lao, Khmer, Myanmar) is between boundaries. Two things differ, because filters match keywords and
not dictionary words: punctuation inside of a word (WB6, WB7, WB11, WB12: `Musk's`, `example.com`) is a boundary, and so is a change from
or to Hangul, where particles follow a word without a space.
"""

from __future__ import annotations

import regex

_BOUNDARY = "\0"
_CONNECTOR, _MARK = r"\p{WB=ExtendNumLet}", r"\p{WB=Extend}\p{WB=Format}\p{WB=ZWJ}"
_LETTER = rf"[[\p{{WB=ALetter}}\p{{WB=Hebrew_Letter}}\p{{WB=Numeric}}{_CONNECTOR}]--\p{{Script=Hangul}}]"
_KATAKANA = rf"\p{{WB=Katakana}}{_CONNECTOR}"
_TOKEN = regex.compile(
    rf"\p{{Script=Hangul}}[\p{{Script=Hangul}}{_MARK}]*+|{_LETTER}[{_LETTER}{_MARK}]*+|[{_KATAKANA}][{_KATAKANA}{_MARK}]*+|.[{_MARK}]*+",
    regex.V1 | regex.DOTALL,
)
# Invisible characters at the start of a keyword, which come from pasted text.
_INVISIBLE = regex.compile(rf"[[{_MARK}]&&\p{{Default_Ignorable_Code_Point}}]+(?=.)", regex.V1 | regex.DOTALL)
_ATTACHED = regex.compile(rf"[{_MARK}]", regex.V1)
_HANGUL = regex.compile(rf"\p{{Script=Hangul}}[{_MARK}]*\Z", regex.V1)


def mark_boundaries(text: str) -> str:
    """Return the text with a mark at each word boundary, and at both ends."""
    return _BOUNDARY + "".join(token + _BOUNDARY for token in _TOKEN.findall(text))


def strip_invisible_prefix(keyword: str) -> str:
    """Return the keyword without leading invisible characters, such as a soft hyphen."""
    return _INVISIBLE.sub("", keyword, count=1) if _INVISIBLE.match(keyword) else keyword


def whole_word_pattern(keyword: str) -> str:
    """Return the substring to search for in a marked text.

    A combining mark at the start belongs to the character before it (WB4), so there is no boundary. After Hangul a particle may follow.
    """
    pattern = mark_boundaries(keyword)
    if _ATTACHED.match(keyword):
        pattern = pattern[len(_BOUNDARY) :]
    return pattern[: -len(_BOUNDARY)] if _HANGUL.search(keyword) else pattern
