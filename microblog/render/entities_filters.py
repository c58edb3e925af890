"""Filters, and what falls under them, as the API tells it."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from microblog.model.filters import Action, Chosen, Filter, Keyword, Match
from microblog.render.entities import Entity, moment_or_null
from microblog.render.schemas import FILTER_CONTEXT, FILTER_KEYS, FLAG, ID, MOMENT, TEXT, array_of, entity, nullable

KEYWORD = entity("FilterKeyword", {"id": ID, "keyword": TEXT, "whole_word": FLAG})
CHOSEN = entity("FilterStatus", {"id": ID, "status_id": ID})
FILTER = entity("Filter", {**FILTER_KEYS, "keywords": array_of(KEYWORD), "statuses": array_of(CHOSEN)})
V1_FILTER = entity(
    "V1Filter",
    {
        "id": ID,
        "phrase": TEXT,
        "context": array_of(FILTER_CONTEXT),
        "whole_word": FLAG,
        "expires_at": nullable(MOMENT),
        "irreversible": FLAG,
    },
)


def _head(made: Filter) -> Entity:
    return {
        "id": str(made.id),
        "title": made.title,
        "context": list(made.contexts),
        "expires_at": moment_or_null(made.expires_at),
        "filter_action": made.action,
    }


def filter_entity(made: Filter) -> Entity:
    """Filter (8.14)."""
    return {
        **_head(made),
        "keywords": [keyword_entity(keyword) for keyword in made.keywords],
        "statuses": [chosen_entity(chosen) for chosen in made.posts],
    }


def keyword_entity(keyword: Keyword) -> Entity:
    """FilterKeyword."""
    return {"id": str(keyword.id), "keyword": keyword.keyword, "whole_word": keyword.whole_word}


def chosen_entity(chosen: Chosen) -> Entity:
    """FilterStatus."""
    return {"id": str(chosen.id), "status_id": str(chosen.post)}


def old_entity(made: Filter, keyword: Keyword) -> Entity:
    """V1Filter: one for each keyword."""
    return {
        "id": str(keyword.id),
        "phrase": keyword.keyword,
        "context": list(made.contexts),
        "whole_word": keyword.whole_word,
        "expires_at": moment_or_null(made.expires_at),
        "irreversible": made.action is Action.HIDE,
    }


def filtered(matches: Sequence[Match]) -> bytes:
    """The list of FilterResults of a post, encoded."""
    return orjson.dumps([_result(match) for match in matches]) if matches else b"[]"


def _result(match: Match) -> Entity:
    return {
        "filter": _head(match.filter),
        "keyword_matches": list(match.keywords) or None,
        "status_matches": [str(post) for post in match.posts] or None,
    }
