"""Cache of the newest page of home timelines, updated incrementally from the invalidation log.

A cached page holds more entries than it shows: whether a boost is a repeat depends on the entries before it.
storage/timelines.py reads a whole page from all followed accounts. If only posts changed since, it is enough to read again
the entries of the accounts that posted.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import define, field, frozen

from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import PUBLIC, CacheDependencies
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.domain.caching.post_cache import PostCache
from microblog.model import repeated_boosts
from microblog.model.accounts import Viewer
from microblog.model.caches import CacheFigures, estimated_bytes
from microblog.model.ids import AccountId
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.storage import timelines
from microblog.storage.database import Cursor, Transactions
from microblog.storage.timelines import Entry

CAPACITY = 2_000
MAX_AUTHORS = 50  # changed since the page was read; above this the whole page is read again


@define
class HomeDependencies:
    """Cache of the dependencies of home timelines: the accounts whose posts appear in them."""

    database: Transactions
    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    _cache: DependencyCache[CacheDependencies] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._cache = DependencyCache(self.invalidation_log, self.now, CAPACITY, "home_dependencies")

    async def of(self, viewer: Viewer) -> CacheDependencies:
        """Return the dependencies: followed accounts and the viewer, viewer state, and all public posts if the viewer follows hashtags."""
        position = await self.invalidation_log.position()
        cached = self._cache.get(viewer.id, position)
        if cached is None:
            sources = await self.database.read(timelines.home_sources, viewer=viewer.id, now=self.now())
            keys = {cache_keys.of_viewer_state(viewer.id), *map(cache_keys.of_author, (viewer.id, *sources.followees))}
            cached = CacheDependencies(frozenset(keys | {PUBLIC} if sources.tags else keys), sources.mute_ends)
            self._cache.put(
                viewer.id, cached, CacheDependencies(frozenset({cache_keys.of_viewer_state(viewer.id)}), sources.mute_ends), position, 1
            )
        return cached


@frozen
class _Page:
    """The newest entries of a home timeline with their authors, repeated boosts included, as of a log position.

    Fewer entries than `limit` mean that there are no more.
    """

    entries: tuple[tuple[Entry, AccountId], ...]
    limit: int
    dependencies: CacheDependencies
    position: int

    @property
    def lowest_complete_id(self) -> int:
        """Id down to which the page is complete; 0 if it contains the whole timeline."""
        return self.entries[-1][0][0] if len(self.entries) >= self.limit else 0


@define
class HomeTimelineCache:
    """The newest page of home timelines. `read_page` reads a page without repeated boosts when the cache cannot give one."""

    database: Transactions
    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    post_cache: PostCache
    dependencies: HomeDependencies
    read_page: Callable[[Cursor, Viewer, Page], list[Entry]]
    capacity: int = CAPACITY
    hits: int = 0
    misses: int = 0
    _pages: dict[tuple[AccountId, int], _Page] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.invalidation_log.caches.append(self)

    def figures(self) -> CacheFigures:
        """Usage for metrics. An incremental update counts as a hit, a full read as a miss."""
        return CacheFigures("homes", self.hits, self.misses, len(self._pages), estimated_bytes(self._pages.values()))

    async def newest(self, viewer: Viewer, limit: int) -> list[Post]:
        """Return the `limit` newest posts of the viewer's home timeline, without repeated boosts."""
        position, key = await self.invalidation_log.position(), (viewer.id, limit)
        cached = self._pages.pop(key, None)
        page = None if cached is None else await self._update(viewer, cached, position)
        posts = None if page is None else await self._visible_posts(page, limit)
        if page is None or posts is None:
            self.misses += 1
            page = await self._load(viewer, limit, position)
            posts = await self._visible_posts(page, limit)
        else:
            self.hits += 1
        if posts is None:  # too many repeated boosts, or a post was deleted during the read
            return await self.post_cache.load(await self.database.read(self.read_page, viewer, Page(limit)))
        self._store(key, page)
        return posts

    async def _load(self, viewer: Viewer, limit: int, position: int) -> _Page:
        window = repeated_boosts.rows_to_read(limit)
        entries = await self.database.read(timelines.home_by_author, viewer=viewer.id, page=Page(window), now=self.now())
        return _Page(tuple(entries), window, await self.dependencies.of(viewer), position)

    async def _visible_posts(self, page: _Page, limit: int) -> list[Post] | None:
        """The posts to show; None if the entries do not suffice or a post was deleted."""
        shown, whole = repeated_boosts.decided_entries([entry for entry, _ in page.entries], page.limit)
        if len(shown) < limit and not whole:
            return None
        posts = await self.post_cache.load(shown[:limit])
        return posts if len(posts) == len(shown[:limit]) else None

    async def _update(self, viewer: Viewer, page: _Page, position: int) -> _Page | None:
        """The page as of `position`; None if it has to be read as a whole."""
        authors = self._changed_authors(viewer, page)
        if authors is None:
            return None
        entries = [each for each in page.entries if each[1] not in authors]
        if authors:
            window = Page(page.limit, since_id=max(0, page.lowest_complete_id - 1))
            fresh = await self.database.read(timelines.home_of_authors, viewer=viewer.id, among=list(authors), page=window, now=self.now())
            entries = sorted([*entries, *fresh], key=lambda each: each[0][0], reverse=True)[: page.limit]
        if len(entries) < page.limit and page.lowest_complete_id:
            return None
        return _Page(tuple(entries), page.limit, await self.dependencies.of(viewer), position)

    def _changed_authors(self, viewer: Viewer, page: _Page) -> set[AccountId] | None:
        """Followed accounts whose set of posts changed; None if anything else changed or the log does not reach back."""
        changed = self.invalidation_log.changed_keys(page.dependencies.keys, page.position)
        ended = page.dependencies.until is not None and page.dependencies.until <= self.now()
        if (
            ended
            or changed is None
            or len(changed) > MAX_AUTHORS
            or not changed.isdisjoint((PUBLIC, cache_keys.of_viewer_state(viewer.id)))
        ):
            return None
        return {cache_keys.author_of(key) for key in changed}

    def _store(self, key: tuple[AccountId, int], page: _Page) -> None:
        if self.capacity:
            self._pages[key] = page
        if len(self._pages) > self.capacity:
            del self._pages[next(iter(self._pages))]
