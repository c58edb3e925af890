"""Parser of the search query language: words, "phrases", #hashtags, -exclusions, and operators such as from:ada or has:media.

The operators are Mastodon's, with has:image, has:video and has:audio in addition. A word finds posts that contain it as a whole word;
`word*` finds all words with this prefix. Tokenization and folding are in search_words.py. Everything here is pure.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

import regex
from attrs import evolve, frozen

from microblog.domain.text import post_text, search_words
from microblog.model.ids import id_at

MAX_TERMS = 20
_TERM = regex.compile(r'(?P<not>-)?(?:(?P<operator>(?!https?://)[a-zA-Z]{2,8}):(?P<value>[^\s"]+)|"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')
_MIN_PREFIX_LENGTH = 3
_DAY = timedelta(days=1)


class MediaFilter(StrEnum):
    """Attachments and states of a post that can be searched for."""

    LINK = "link"
    MEDIA = "media"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    POLL = "poll"
    REPLY = "reply"
    SENSITIVE = "sensitive"


_STATES = {str(one): one for one in (MediaFilter.REPLY, MediaFilter.SENSITIVE)}
_TRAITS: dict[str, dict[str, MediaFilter]] = {
    "has": {str(one): one for one in MediaFilter if one not in _STATES} | {"embed": MediaFilter.LINK},
    "is": dict(_STATES),
}


class Among(StrEnum):
    """The set of posts to search.

    LIBRARY contains what the viewer has interacted with: their own posts, favourites, bookmarks, boosts and mentions.
    """

    LIBRARY = "library"
    PUBLIC = "public"
    ALL = "all"


@frozen
class Term:
    """Index lookup for one typed word: all of these words, and a word beginning with each of the `starts`."""

    words: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()


@frozen
class ParsedQuery:
    """Conditions for a post to be found.

    All `terms` must be in it and none of `without`; `phrases` must occur literally. `tags` are keys. `author` and `not_authors` are
    `name`, `name@host` or `me`. Ids lie above `after` and below `before`. `here`: of this site.
    """

    terms: tuple[Term, ...] = ()
    without: tuple[Term, ...] = ()
    phrases: tuple[str, ...] = ()
    without_phrases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    without_tags: tuple[str, ...] = ()
    author: str | None = None
    not_authors: tuple[str, ...] = ()
    has: tuple[MediaFilter, ...] = ()
    has_not: tuple[MediaFilter, ...] = ()
    languages: tuple[str, ...] = ()
    not_languages: tuple[str, ...] = ()
    among: Among = Among.ALL
    after: int | None = None
    before: int | None = None
    here: bool = False

    @property
    def narrow(self) -> bool:
        """True if an index can be used."""
        return bool(self.terms or self.tags or self.author)


def parse(typed: str) -> ParsedQuery:
    """Parse a typed query. An unknown operator counts as a word; so does an invalid date."""
    query = ParsedQuery()
    for match, _ in zip(_TERM.finditer(typed), range(MAX_TERMS), strict=False):
        excluded = match["not"] is not None
        if match["operator"] is not None:
            applied = _with_operator(query, match["operator"].lower(), match["value"], excluded)
            query = applied if applied is not None else _with_word(query, f"{match['operator']} {match['value']}", excluded)
        elif match["phrase"] is not None:
            query = _with_phrase(query, match["phrase"], excluded)
        elif match["word"].startswith("#") and (key := post_text.tag_key(match["word"][1:])):
            query = evolve(query, without_tags=(*query.without_tags, key)) if excluded else evolve(query, tags=(*query.tags, key))
        else:
            query = _with_word(query, match["word"], excluded)
    return query


def _with_operator(query: ParsedQuery, operator: str, value: str, excluded: bool) -> ParsedQuery | None:
    """Apply an operator; None if there is no such operator."""
    if operator == "from":
        name = value.removeprefix("@").lower()
        return evolve(query, not_authors=(*query.not_authors, name)) if excluded else evolve(query, author=name)
    if operator == "language":
        code = value.lower()
        if excluded:
            return evolve(query, not_languages=(*query.not_languages, code))
        return evolve(query, languages=(*query.languages, code))
    if trait := _TRAITS.get(operator, {}).get(value.lower()):
        return evolve(query, has_not=(*query.has_not, trait)) if excluded else evolve(query, has=(*query.has, trait))
    if operator == "in" and not excluded and value.lower() in set(Among):
        return evolve(query, among=Among(value.lower()))
    return None if excluded else _with_dates(query, operator, value)


def _with_dates(query: ParsedQuery, operator: str, value: str) -> ParsedQuery | None:
    day = _midnight(value) if operator in {"before", "after", "during"} else None
    if day is None:
        return None
    if operator == "before":
        return evolve(query, before=id_at(day))
    if operator == "after":
        return evolve(query, after=id_at(day + _DAY) - 1)
    return evolve(query, after=id_at(day) - 1, before=id_at(day + _DAY))


def _midnight(value: str) -> datetime | None:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if 1970 < day.year < 9999 else None


def _with_word(query: ParsedQuery, typed: str, excluded: bool) -> ParsedQuery:
    if link := search_words.link(typed):
        term = Term((link,))
        return evolve(query, without=(*query.without, term)) if excluded else evolve(query, terms=(*query.terms, term))
    words = search_words.words_in(typed)
    if any(search_words.parts(word)[0] and search_words.is_spaceless(word[0]) for word in words):
        return _with_phrase(query, typed, excluded)
    is_prefix = (
        bool(words) and typed.endswith("*") and len(words[-1]) >= _MIN_PREFIX_LENGTH and not search_words.is_spaceless(words[-1][-1])
    )
    term = _term(words[:-1] if is_prefix else words, starts=words[-1:] if is_prefix else [])
    if term == Term():
        return query
    return evolve(query, without=(*query.without, term)) if excluded else evolve(query, terms=(*query.terms, term))


def _with_phrase(query: ParsedQuery, phrase: str, excluded: bool) -> ParsedQuery:
    words = search_words.words_in(phrase)
    if not words:
        return query
    text = search_words.fold_phrase(phrase).strip()
    if excluded:
        return evolve(query, without_phrases=(*query.without_phrases, text))
    return evolve(query, terms=(*query.terms, _term([part for word in words for part in word.split("_")])), phrases=(*query.phrases, text))


def _term(words: list[str], starts: list[str] | None = None) -> Term:
    found = [search_words.parts(word) for word in words]
    whole = [one for each, _ in found for one in each]
    starting = [one for _, each in found for one in each] + [start[: search_words.MAX_WORD_LENGTH] for start in starts or ()]
    return Term(tuple(dict.fromkeys(whole)), tuple(dict.fromkeys(starting)))
