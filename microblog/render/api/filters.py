"""API entities of filters and of their matches."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from attrs import frozen

from microblog.model.filters import Filter, FilterAction, FilteredPost, Keyword, Match
from microblog.render.api.definition import Definition, Entity, Keys, key, many, one
from microblog.render.api.schemas import FILTER_CONTEXT, FLAG, ID, IDS, MOMENT, TEXT, TEXTS, array_of, nullable, one_of
from microblog.render.api.site import moment_or_null

KEYWORD = Definition[Keyword, None](
    "FilterKeyword",
    {
        "id": key(ID, lambda word, _: str(word.id)),
        "keyword": key(TEXT, lambda word, _: word.keyword),
        "whole_word": key(FLAG, lambda word, _: word.whole_word),
    },
)
FILTER_STATUS = Definition[FilteredPost, None](
    "FilterStatus", {"id": key(ID, lambda chosen, _: str(chosen.id)), "status_id": key(ID, lambda chosen, _: str(chosen.post))}
)
_SUMMARY_KEYS: Keys[Filter, None] = {
    "id": key(ID, lambda rule, _: str(rule.id)),
    "title": key(TEXT, lambda rule, _: rule.title),
    "context": key(array_of(FILTER_CONTEXT), lambda rule, _: list(rule.contexts)),
    "expires_at": key(nullable(MOMENT), lambda rule, _: moment_or_null(rule.expires_at)),
    "filter_action": key(one_of("warn", "hide", "blur"), lambda rule, _: rule.action),
}
FILTER_SUMMARY = Definition("", _SUMMARY_KEYS)
FILTER = Definition[Filter, None](
    "Filter",
    {
        **_SUMMARY_KEYS,
        "keywords": many(KEYWORD, lambda rule, _: rule.keywords),
        "statuses": many(FILTER_STATUS, lambda rule, _: rule.posts),
    },
)
FILTER_RESULT = Definition[Match, None](
    "FilterResult",
    {
        "filter": one(FILTER_SUMMARY, lambda match, _: match.filter),
        "keyword_matches": key(nullable(TEXTS), lambda match, _: list(match.keywords) or None),
        "status_matches": key(nullable(IDS), lambda match, _: [str(post) for post in match.posts] or None),
    },
)


@frozen
class FilterKeyword:
    """A keyword with its filter: one filter in version 1 of the API."""

    filter: Filter
    keyword: Keyword


V1_FILTER = Definition[FilterKeyword, None](
    "V1Filter",
    {
        "id": key(ID, lambda one, _: str(one.keyword.id)),
        "phrase": key(TEXT, lambda one, _: one.keyword.keyword),
        "context": key(array_of(FILTER_CONTEXT), lambda one, _: list(one.filter.contexts)),
        "whole_word": key(FLAG, lambda one, _: one.keyword.whole_word),
        "expires_at": key(nullable(MOMENT), lambda one, _: moment_or_null(one.filter.expires_at)),
        "irreversible": key(FLAG, lambda one, _: one.filter.action is FilterAction.HIDE),
    },
)


def v1_filter_entity(stored: Filter, keyword: Keyword) -> Entity:
    """Return the V1Filter entity of one keyword."""
    return V1_FILTER(FilterKeyword(stored, keyword), None)


def encode_filter_results(matches: Sequence[Match]) -> bytes:
    """Encode the FilterResult entities of a post."""
    return orjson.dumps(FILTER_RESULT.each(matches, None)) if matches else b"[]"
