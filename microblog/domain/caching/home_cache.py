"""The newest page of home of those who read it lately: which posts are on it, kept fresh by what is told.

What is kept reaches further than the page: which boosts repeat is told by the entries before them.
The whole page is asked of storage/timelines.py, which looks at everybody whom the reader follows. As long as nothing but posts was told
since, only those who posted are looked at again: all others have on the page what they had.
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

REMEMBERED = 2_000
MOST_AUTHORS = 50  # who posted since; where there are more, the page is asked for as a whole


@define
class HomeDependencies:
    """What decides whose posts somebody is shown at home, as the basis of a page of it."""

    database: Transactions
    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    _kept: DependencyCache[CacheDependencies] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._kept = DependencyCache(self.invalidation_log, self.now, REMEMBERED, "home_dependencies")

    async def of(self, viewer: Viewer) -> CacheDependencies:
        """Those whom they follow and themselves, and their relations; any public post, if they follow tags."""
        place = await self.invalidation_log.position()
        kept = self._kept.get(viewer.id, place)
        if kept is None:
            circle = await self.database.read(timelines.home_sources, viewer=viewer.id, now=self.now())
            keys = {cache_keys.of_viewer_state(viewer.id), *map(cache_keys.of_author, (viewer.id, *circle.followees))}
            kept = CacheDependencies(frozenset(keys | {PUBLIC} if circle.tags else keys), circle.mute_ends)
            self._kept.put(
                viewer.id, kept, CacheDependencies(frozenset({cache_keys.of_viewer_state(viewer.id)}), circle.mute_ends), place, 1
            )
        return kept


@frozen
class _Page:
    """The newest entries of a home, repeats too, and by whom they are, as of a place; all of them, where they are fewer than `limit`."""

    entries: tuple[tuple[Entry, AccountId], ...]
    limit: int
    dependencies: CacheDependencies
    position: int

    @property
    def floor(self) -> int:
        """From this id on nothing is missing."""
        return self.entries[-1][0][0] if len(self.entries) >= self.limit else 0


@define
class HomeTimelineCache:
    """Reads the newest page of home."""

    database: Transactions
    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    post_cache: PostCache
    dependencies: HomeDependencies
    read_page: Callable[[Cursor, Viewer, Page], list[Entry]]
    capacity: int = REMEMBERED
    hits: int = 0
    misses: int = 0
    _pages: dict[tuple[AccountId, int], _Page] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.invalidation_log.caches.append(self)

    def figures(self) -> CacheFigures:
        """A page that was brought up to date counts as a hit, one that was read as a whole as a miss."""
        return CacheFigures("homes", self.hits, self.misses, len(self._pages), estimated_bytes(self._pages.values()))

    async def newest(self, viewer: Viewer, limit: int) -> list[Post]:
        """So many of the newest posts of the viewer's home, without boosts that repeat."""
        place, name = await self.invalidation_log.position(), (viewer.id, limit)
        kept = self._pages.pop(name, None)
        page = None if kept is None else await self._renewed(viewer, kept, place)
        posts = None if page is None else await self._shown(page, limit)
        if page is None or posts is None:
            self.misses += 1
            page = await self._read(viewer, limit, place)
            posts = await self._shown(page, limit)
        else:
            self.hits += 1
        if posts is None:  # so much of it repeats, or something went while it was read
            return await self.post_cache.load(await self.database.read(self.read_page, viewer, Page(limit)))
        self._keep(name, page)
        return posts

    async def _read(self, viewer: Viewer, limit: int, place: int) -> _Page:
        asked = repeated_boosts.window(limit)
        entries = await self.database.read(timelines.home_by_author, viewer=viewer.id, page=Page(asked), now=self.now())
        return _Page(tuple(entries), asked, await self.dependencies.of(viewer), place)

    async def _shown(self, page: _Page, limit: int) -> list[Post] | None:
        """What is shown of the page; None if the page does not tell, or something of it is gone."""
        shown, whole = repeated_boosts.judged([entry for entry, _ in page.entries], page.limit)
        if len(shown) < limit and not whole:
            return None
        posts = await self.post_cache.load(shown[:limit])
        return posts if len(posts) == len(shown[:limit]) else None

    async def _renewed(self, viewer: Viewer, page: _Page, place: int) -> _Page | None:
        """The page as it is now, if that can be said without asking for all of it."""
        authors = self._touched(viewer, page)
        if authors is None:
            return None
        entries = [each for each in page.entries if each[1] not in authors]
        if authors:
            asked = Page(page.limit, since_id=max(0, page.floor - 1))
            fresh = await self.database.read(timelines.home_of, viewer=viewer.id, among=list(authors), page=asked, now=self.now())
            entries = sorted([*entries, *fresh], key=lambda each: each[0][0], reverse=True)[: page.limit]
        if len(entries) < page.limit and page.floor:
            return None
        return _Page(tuple(entries), page.limit, await self.dependencies.of(viewer), place)

    def _touched(self, viewer: Viewer, page: _Page) -> set[AccountId] | None:
        """Who has posted or deleted something since; None if more than that has happened, or is not known."""
        told = self.invalidation_log.changed_keys(page.dependencies.keys, page.position)
        ended = page.dependencies.until is not None and page.dependencies.until <= self.now()
        if ended or told is None or len(told) > MOST_AUTHORS or not told.isdisjoint((PUBLIC, cache_keys.of_viewer_state(viewer.id))):
            return None
        return {cache_keys.author_of(key) for key in told}

    def _keep(self, name: tuple[AccountId, int], page: _Page) -> None:
        if self.capacity:
            self._pages[name] = page
        if len(self._pages) > self.capacity:
            del self._pages[next(iter(self._pages))]
