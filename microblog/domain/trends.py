"""Trending hashtags and posts, from their use in the last days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import define, field

from microblog.domain.search import SearchService
from microblog.model.accounts import Viewer
from microblog.model.ids import PostId, id_at
from microblog.model.posts import Post, Tag, TagUse
from microblog.storage import posts, tags, trends
from microblog.storage.database import Cursor, Transactions

DAYS = timedelta(days=7)
CACHE_TIME = timedelta(minutes=5)
MAX_TRENDS = 100


@define
class Trends:
    """Counts trends every few minutes and caches the result."""

    database: Transactions
    search: SearchService
    now: Callable[[], datetime]
    _tags: tuple[list[Tag], datetime] | None = field(default=None, init=False)
    _posts: tuple[list[PostId], datetime] | None = field(default=None, init=False)
    _counting: bool = field(default=False, init=False)

    async def names(self, *, limit: int) -> list[Tag]:
        """Return the trending hashtags. While one call is counting, the others return the cached result."""
        if not self._counting:
            self._counting = True
            try:
                await self._count_tags()
            finally:
                self._counting = False
        return self._tags[0][:limit] if self._tags else []

    async def tags(self, *, limit: int, offset: int = 0) -> list[TagUse]:
        """Return the trending hashtags with their recent use."""
        return await self.search.uses((await self._count_tags())[offset : offset + limit])

    async def posts(self, viewer: Viewer | None, *, limit: int, offset: int = 0) -> list[Post]:
        """Return the public posts that most accounts favourited or boosted, of those that the viewer may see."""
        if self._posts is None or self.now() - self._posts[1] > CACHE_TIME:
            self._posts = await self.database.read(trends.posts, after=self._since(), limit=MAX_TRENDS), self.now()
        found = await self.database.read(_shown, viewer, self._posts[0])
        return found[offset : offset + limit]

    async def _count_tags(self) -> list[Tag]:
        if self._tags is None or self.now() - self._tags[1] > CACHE_TIME:
            self._tags = await self.database.read(tags.trending, after=self._since(), limit=MAX_TRENDS), self.now()
        return self._tags[0]

    def _since(self) -> int:
        return id_at(self.now() - DAYS)


def _shown(cursor: Cursor, viewer: Viewer | None, ids: list[PostId]) -> list[Post]:
    found = posts.by_ids(cursor, posts.visible(cursor, ids=ids, viewer=viewer.id if viewer else None)) if ids else {}
    return [found[id] for id in ids if id in found]
