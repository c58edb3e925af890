"""What somebody types to find posts: words, "phrases", -exclusions, and operators such as from:ada or has:media. Pure.

A word finds posts that hold it as a whole word; `word*` finds all that begins so. Letters of scripts without spaces between words are
indexed in pairs (migration 0006): a run of them is looked for by its pairs, and then compared with the text itself.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

import regex
from attrs import evolve, frozen

from microblog.model.ids import id_at

MOST_TERMS = 20
_SPACELESS = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    r"\U00020000-\U0003ffff"
)
_RUN = regex.compile(rf"[{_SPACELESS}]+")
_TERM = regex.compile(r'(?P<not>-)?(?:(?P<operator>[a-zA-Z]{2,8}):(?P<value>[^\s"]+)|"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]")
_START = regex.compile(r"[\p{L}\p{M}\p{N}_]{3,}\*")


class Has(StrEnum):
    """What a post can have beside its text."""

    LINK = "link"
    MEDIA = "media"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    POLL = "poll"


@frozen
class Query:
    """What a post must be like to be found.

    `words` must be in it as they are, `starts` as beginnings of words, `texts` anywhere; `without...` must not. `author` is a username, or
    `me`. Ids lie above `after` and below `before`.
    """

    words: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    without_words: tuple[str, ...] = ()
    without_texts: tuple[str, ...] = ()
    author: str | None = None
    has: tuple[Has, ...] = ()
    has_not: tuple[Has, ...] = ()
    after: int | None = None
    before: int | None = None

    @property
    def narrow(self) -> bool:
        """True if it asks for something that an index can find."""
        return bool(self.words or self.starts or self.author)


def parse(text: str) -> Query:
    """The query that was typed. What is no operator is a word; a date that is none finds nothing in particular."""
    query = Query()
    for match, _ in zip(_TERM.finditer(text), range(MOST_TERMS), strict=False):
        excluded = match["not"] is not None
        if match["operator"] is not None:
            operated = _operated(query, match["operator"].lower(), match["value"], excluded)
            query = operated if operated is not None else _with_words(query, f"{match['operator']} {match['value']}", excluded)
        elif match["phrase"] is not None:
            query = _with_phrase(query, match["phrase"], excluded)
        else:
            query = _with_words(query, match["word"], excluded)
    return query


def _operated(query: Query, operator: str, value: str, excluded: bool) -> Query | None:
    """The query with what the operator asks; None if there is no such one."""
    match operator:
        case "from" if not excluded:
            return evolve(query, author=value.removeprefix("@").partition("@")[0].lower())
        case "has" if value.lower() in set(Has):
            thing = Has(value.lower())
            return evolve(query, has_not=(*query.has_not, thing)) if excluded else evolve(query, has=(*query.has, thing))
        case "before" if not excluded and (day := _midnight(value)):
            return evolve(query, before=id_at(day))
        case "after" if not excluded and (day := _midnight(value)):
            return evolve(query, after=id_at(day + timedelta(days=1)) - 1)
    return None


def _midnight(value: str) -> datetime | None:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if 1970 < day.year < 9999 else None


def _with_words(query: Query, word: str, excluded: bool) -> Query:
    if not _WORD.search(word):
        return query
    if _RUN.search(word):
        return _with_phrase(query, word, excluded)
    if excluded:
        return evolve(query, without_words=(*query.without_words, word))
    if _START.fullmatch(word):
        return evolve(query, starts=(*query.starts, word[:-1]))
    return evolve(query, words=(*query.words, word))


def _with_phrase(query: Query, phrase: str, excluded: bool) -> Query:
    text = " ".join(phrase.split())
    if not _WORD.search(text):
        return query
    if excluded:
        return evolve(query, without_texts=(*query.without_texts, text))
    rest = _RUN.sub(" ", text).strip()
    runs = _RUN.findall(text)
    words = [rest] if _WORD.search(rest) else []
    words += [run[at : at + 2] for run in runs for at in range(len(run) - 1)]
    starts = [run for run in runs if len(run) == 1]
    return evolve(query, words=(*query.words, *words), starts=(*query.starts, *starts), texts=(*query.texts, text))
