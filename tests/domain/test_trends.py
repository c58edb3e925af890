"""Trending hashtags and posts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred

from microblog.domain.accounts import Accounts
from microblog.domain.caching.invalidation import InvalidationLog
from microblog.domain.search import SearchService
from microblog.domain.trends import CACHE_TIME, Trends
from microblog.model.posts import Visibility
from microblog.model.trends import TrendsMode
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase


def trends(db: RolledBackDatabase) -> tuple[Trends, list[timedelta]]:
    """Return the service, and an offset of its clock from `make.NOW`."""
    late = [timedelta()]
    search = SearchService(db, Accounts(db, "example.org", "https://example.org", lambda: make.NOW), lambda: make.NOW)
    return Trends(db, search, InvalidationLog(db), lambda: make.NOW + late[0]), late


async def test_hashtags_of_several_authors_in_public_posts_are_listed_and_cached(db: RolledBackDatabase, cursor: Cursor) -> None:
    made, late = trends(db)
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    for author in (ada, bob):
        make.post(cursor, author, "#tea")
        make.post(cursor, author, "#secret", visibility=Visibility.PRIVATE)
    make.post(cursor, ada, "#alone")
    assert [tag.name for tag in await made.names(limit=10)] == ["tea"]
    for author in (ada, bob):
        make.post(cursor, author, "#coffee")
    assert [tag.name for tag in await made.names(limit=10)] == ["tea"]
    late[0] = CACHE_TIME + timedelta(seconds=1)
    assert {tag.name for tag in await made.names(limit=10)} == {"tea", "coffee"}
    assert len(await made.names(limit=1)) == 1


async def test_a_change_of_the_mode_holds_for_requests_during_a_recount(cursor: Cursor) -> None:
    made, late = trends(RolledBackDatabase(cursor))
    for author in (make.viewer(cursor), make.viewer(cursor)):
        make.post(cursor, author, "#tea")
    assert [tag.name for tag in await made.names(limit=10)] == ["tea"]
    late[0], delayed = CACHE_TIME + timedelta(seconds=1), DelayedDatabase(cursor)
    made.database, made.mode = delayed, lambda: TrendsMode.NONE
    recount = ensureDeferred(made.names(limit=10))
    assert not recount.called
    assert await made.names(limit=10) == []
    delayed.waiting.callback(None)
    assert await recount == []


class DelayedDatabase(RolledBackDatabase):
    """A database with delayed results."""

    def __init__(self, cursor: Cursor) -> None:
        super().__init__(cursor)
        self.waiting: Deferred[None] = Deferred()

    async def read(self, f: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Return the result later."""
        await self.waiting
        return await super().read(f, *args, **kwargs)


async def test_requests_during_a_recount_get_the_cached_result(cursor: Cursor) -> None:
    delayed = DelayedDatabase(cursor)
    made, _ = trends(delayed)
    first, second = ensureDeferred(made.names(limit=10)), ensureDeferred(made.names(limit=10))
    assert (first.called, second.called) == (False, True)
    delayed.waiting.callback(None)
    assert first.called
