"""API entities of search results and follow suggestions."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.profile_features import TagForViewer
from microblog.render.api.accounts import ACCOUNT
from microblog.render.api.definition import Definition, always, key, many, one
from microblog.render.api.schemas import TEXTS, array_of, one_of
from microblog.render.api.site import SiteUrls
from microblog.render.api.statuses import STATUS
from microblog.render.api.tags import TAG


@frozen
class SearchResults:
    """Results of a search. `statuses` is the JSON array of posts, encoded for the viewer."""

    accounts: Sequence[Account]
    statuses: bytes
    tags: Sequence[TagForViewer]


SEARCH = Definition[SearchResults, SiteUrls](
    "Search",
    {
        "accounts": many(ACCOUNT, lambda found, _: found.accounts),
        "statuses": key(array_of(STATUS), lambda found, _: orjson.Fragment(found.statuses)),
        "hashtags": many(TAG, lambda found, _: found.tags),
    },
)
SUGGESTION = Definition[Account, SiteUrls](
    "Suggestion",
    {
        "source": always(one_of("staff", "past_interactions", "global"), "global"),
        "sources": always(TEXTS, ["most_followed"]),
        "account": one(ACCOUNT, lambda account, _: account),
    },
)
