"""Trending hashtags, posts and links, from their use in the last days.

What moderators rejected is left out in all processes at once: cached lists depend on the invalidation key of their decisions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from attrs import define, evolve, field

from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.domain.search import SearchService, before_day, day_starts, recent_days
from microblog.model.accounts import Viewer
from microblog.model.ids import PostId, id_at
from microblog.model.posts import Post, Tag, TagUse
from microblog.model.trends import LinkTrend, PostTrend, ReviewedPost, ReviewedTag, ReviewedTagUse, TrendsMode
from microblog.storage import posts, tags, trends
from microblog.storage.database import Cursor, Transactions

DAYS = timedelta(days=7)
CACHE_TIME = timedelta(minutes=5)
MAX_TRENDS = 100
KINDS = 8  # cached lists


@define
class Trends:
    """Counts trends every few minutes and caches the result. `mode` returns which of them people see now."""

    database: Transactions
    search: SearchService
    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    mode: Callable[[], TrendsMode] = lambda: TrendsMode.ALL
    _cached: DependencyCache[list[Any]] = field(init=False)
    _counting: bool = field(default=False, init=False)
    _last_tags: tuple[list[ReviewedTag], int] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._cached = DependencyCache(self.invalidation_log, self.now, KINDS, "trends")

    async def names(self, *, limit: int) -> list[Tag]:
        """Return the trending hashtags. While one call is counting, the others return the last result, if no decision was made since."""
        if not self._counting:
            self._counting = True
            try:
                position = await self.invalidation_log.position()
                self._last_tags = await self._count_tags(), position
            finally:
                self._counting = False
        if self._last_tags is None or not self.invalidation_log.unchanged(cache_keys.of_keys(cache_keys.TRENDS), self._last_tags[1]):
            return []
        return [reviewed.tag for reviewed in self._last_tags[0] if self.is_shown(reviewed.approved)][:limit]

    async def tags(self, *, limit: int, offset: int = 0) -> list[TagUse]:
        """Return the trending hashtags with their recent use."""
        return await self.search.uses([reviewed.tag for reviewed in (await self._shown_tags())[offset : offset + limit]])

    async def posts(self, viewer: Viewer | None, *, limit: int, offset: int = 0) -> list[Post]:
        """Return the public posts that most accounts favourited or boosted, of those that the viewer may see."""
        ids = [trend.id for trend in await self._count_posts() if self.is_shown(trend.approved)]
        return (await self.database.read(_visible, viewer, ids))[offset : offset + limit]

    async def links(self, *, limit: int, offset: int = 0) -> list[LinkTrend]:
        """Return the links that most accounts shared, with their recent use."""
        return await self.with_days([link for link in await self._count_links() if self.is_shown(link.approved)][offset : offset + limit])

    async def tags_to_review(self, *, limit: int, offset: int = 0) -> list[ReviewedTagUse]:
        """Return trending hashtags for moderators: also those that are not shown."""
        found = (await self._count_tags())[offset : offset + limit]
        return [ReviewedTagUse(*pair) for pair in zip(found, await self.search.uses([one.tag for one in found]), strict=True)]

    async def posts_to_review(self, viewer: Viewer, *, limit: int, offset: int = 0) -> list[ReviewedPost]:
        """Return trending posts for a moderator: also those that are not shown, the rejected ones last."""
        rejected = await self.database.read(trends.rejected_posts, after=self._since(), limit=MAX_TRENDS)
        approved = {trend.id: trend.approved for trend in [*await self._count_posts(), *rejected]}
        found = await self.database.read(_visible, viewer, list(approved))
        return [ReviewedPost(post, approved[post.id]) for post in found[offset : offset + limit]]

    async def links_to_review(self, *, limit: int, offset: int = 0) -> list[LinkTrend]:
        """Return trending links for moderators: also those that are not shown."""
        return await self.with_days((await self._count_links())[offset : offset + limit])

    def is_shown(self, approved: bool | None) -> bool:
        """True if something may trend; `approved`: what a moderator decided, None: nothing."""
        return self.mode().shows(approved)

    async def with_days(self, links: Sequence[LinkTrend]) -> list[LinkTrend]:
        """Add the recent use of links."""
        if not links:
            return []
        starts = day_starts(self.now())
        rows = await self.database.read(trends.link_days, cards=[link.id for link in links], since=before_day(starts[-1]))
        return [evolve(link, days=recent_days(starts, [row[1:] for row in rows if row[0] == link.id])) for link in links]

    async def _shown_tags(self) -> list[ReviewedTag]:
        return [reviewed for reviewed in await self._count_tags() if self.is_shown(reviewed.approved)]

    async def _count_tags(self) -> list[ReviewedTag]:
        return await self._counted("tags", lambda: self.database.read(tags.trending, after=self._since(), limit=MAX_TRENDS))

    async def _count_posts(self) -> list[PostTrend]:
        return await self._counted("posts", lambda: self.database.read(trends.posts, after=self._since(), limit=MAX_TRENDS))

    async def _count_links(self) -> list[LinkTrend]:
        return await self._counted("links", lambda: self.database.read(trends.links, after=self._since(), limit=MAX_TRENDS))

    async def _counted(self, kind: str, count: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
        position = await self.invalidation_log.position()
        found = self._cached.get(kind, position)
        if found is None:
            found = await count()
            dependencies = CacheDependencies(frozenset({cache_keys.TRENDS}), self.now() + CACHE_TIME)
            self._cached.put(kind, found, dependencies, position)
        return found

    def _since(self) -> int:
        return id_at(self.now() - DAYS)


def _visible(cursor: Cursor, viewer: Viewer | None, ids: list[PostId]) -> list[Post]:
    found = posts.by_ids(cursor, posts.visible(cursor, ids=ids, viewer=viewer.id if viewer else None)) if ids else {}
    return [found[id] for id in ids if id in found]
