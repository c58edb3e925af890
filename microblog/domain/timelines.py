"""Timelines: lists of posts, each as one viewer (or an anonymous one) may see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import Factory, field, frozen

from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.caching.filter_cache import FilterCache
from microblog.domain.caching.home_cache import HomeDependencies, HomeTimelineCache
from microblog.domain.caching.post_cache import PostCache
from microblog.domain.repeated_boosts import beyond, page_without_repeats
from microblog.domain.text import post_text
from microblog.model.accounts import Viewer
from microblog.model.filters import FilterContext, FilterSet
from microblog.model.ids import AccountId
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.storage import posts, timelines
from microblog.storage.database import Cursor, Transactions
from microblog.storage.timelines import Entry, TagFilter

MAX_PINNED = 5
MAX_TAGS = 4  # in each of `any`, `all` and `none`
MAX_READS = 10  # per page of the home timeline, if filters hide much


@frozen
class MarkedPosts:
    """Favourites or bookmarks: paged by the ids of the favourites or bookmarks, not of the posts. Both lists have the same length."""

    posts: list[Post]
    marks: list[int]


@frozen
class Timelines:
    """Reads timelines."""

    database: Transactions
    now: Callable[[], datetime]
    sieves: FilterCache = field(default=Factory(lambda self: FilterCache(self.database, self.now), takes_self=True))
    shelf: PostCache = field(
        default=Factory(lambda self: PostCache(self.database, self.sieves.invalidation_log, self.now), takes_self=True)
    )
    homes: HomeTimelineCache = field(init=False)

    @homes.default
    def _homes(self) -> HomeTimelineCache:
        changes = self.sieves.invalidation_log
        dependencies = HomeDependencies(self.database, changes, self.now)
        return HomeTimelineCache(self.database, changes, self.now, self.shelf, dependencies, self._home)

    async def home(self, viewer: Viewer, page: Page) -> list[Post]:
        """Return a page of the home timeline, without repeated boosts and without what the viewer's home filters hide.

        Only the last page is shorter than the limit.
        """
        hiding = (await self.sieves.of(viewer)).hiding(FilterContext.HOME)
        if hiding.filters:
            return await self.database.read(self._filtered_home, viewer, page, hiding)
        if page == Page(page.limit):
            return await self.homes.newest(viewer, page.limit)
        return await self._loaded(self._home, viewer=viewer, page=page)

    async def home_basis(self, viewer: Viewer, posts: Sequence[Post]) -> CacheDependencies:
        """Return the cache dependencies of a page of the home timeline with these posts."""
        followed = await self.homes.dependencies.of(viewer)
        return (
            followed | cache_keys.of_posts(posts, self.now()) | cache_keys.of_filter_set(viewer, await self.sieves.of(viewer), self.now())
        )

    async def basis(self, viewer: Viewer | None, posts: Sequence[Post], *keys: str) -> CacheDependencies:
        """Return the cache dependencies of a list of these posts, with additional keys."""
        shown = cache_keys.of_keys(*keys) | cache_keys.of_posts(posts, self.now())
        if viewer is None:
            return shown
        sources = await self.homes.dependencies.of(viewer)
        filter_set = cache_keys.of_filter_set(viewer, await self.sieves.of(viewer), self.now())
        return shown | filter_set | CacheDependencies(until=sources.until)

    async def public(self, viewer: Viewer | None, page: Page, *, media: bool = False) -> list[Post]:
        """Return a page of public posts; `media`: only those with media."""
        return await self._loaded(timelines.public, viewer=_id(viewer), page=page, now=self.now(), media=media)

    async def tag(
        self,
        viewer: Viewer | None,
        tag: str,
        page: Page,
        *,
        any: Sequence[str] = (),
        all: Sequence[str] = (),
        none: Sequence[str] = (),
        media: bool = False,
    ) -> list[Post]:
        """Return a page of public posts that have the hashtag or one of `any`, each of `all` and none of `none`, in any spelling."""
        wanted = TagFilter(_keys([tag, *any[:MAX_TAGS]]), _keys(all[:MAX_TAGS]), _keys(none[:MAX_TAGS]), media)
        return await self._loaded(timelines.of_tags, tags=wanted, viewer=_id(viewer), page=page, now=self.now())

    async def account(
        self,
        viewer: Viewer | None,
        account: AccountId,
        page: Page,
        *,
        replies: bool = True,
        boosts: bool = True,
        tag: str | None = None,
        media: bool = False,
    ) -> list[Post]:
        """Return a page of an account's posts, optionally only with the hashtag."""
        key = None if tag is None else post_text.tag_key(tag)
        options = {"replies": replies, "boosts": boosts, "tag": key, "media": media}
        return await self._loaded(timelines.of_account, account=account, viewer=_id(viewer), page=page, **options)

    async def pinned(self, viewer: Viewer | None, account: AccountId) -> list[Post]:
        """Return an account's pinned posts, newest pin first."""
        return await self._loaded(timelines.pinned, account=account, viewer=_id(viewer), limit=MAX_PINNED)

    async def favourites(self, viewer: Viewer, page: Page) -> MarkedPosts:
        """Return a page of the viewer's favourites, newest favourite first."""
        return await self.database.read(_marked, timelines.favourites, viewer=viewer.id, page=page)

    async def bookmarks(self, viewer: Viewer, page: Page) -> MarkedPosts:
        """Return a page of the viewer's bookmarks, newest bookmark first."""
        return await self.database.read(_marked, timelines.bookmarks, viewer=viewer.id, page=page)

    async def _loaded(self, entries: Callable[..., list[Entry]], /, **options: object) -> list[Post]:
        return await self.shelf.load(await self.database.read(entries, **options))

    def _home(self, cursor: Cursor, viewer: Viewer, page: Page) -> list[Entry]:
        return page_without_repeats(
            lambda part: timelines.home(cursor, viewer=viewer.id, page=part, now=self.now()),
            lambda boosted, below: timelines.may_show(cursor, viewer=viewer.id, posts=boosted, below=below),
            page,
        )

    def _filtered_home(self, cursor: Cursor, viewer: Viewer, page: Page, hiding: FilterSet) -> list[Post]:
        collected: list[Post] = []
        part = page
        for _ in range(MAX_READS):
            entries = self._home(cursor, viewer, part)
            found = posts.load(cursor, entries)
            visible = [post for post in found if not hiding.matches(post, self.now())]
            collected = visible + collected if page.upward else collected + visible
            if len(entries) < part.limit or len(collected) >= page.limit:
                break
            part = beyond(part, entries)
        return collected[-page.limit :] if page.upward else collected[: page.limit]


def _keys(tags: Sequence[str]) -> list[str]:
    return [post_text.tag_key(tag) for tag in tags]


def _id(viewer: Viewer | None) -> AccountId | None:
    return viewer.id if viewer else None


def _marked(cursor: Cursor, entries: Callable[..., list[tuple[Entry, int]]], /, **options: object) -> MarkedPosts:
    rows = entries(cursor, **options)
    found = posts.by_ids(cursor, [entry[0] for entry, _ in rows]) if rows else {}
    collected = [(found[entry[0]], mark) for entry, mark in rows if entry[0] in found]
    return MarkedPosts([post for post, _ in collected], [mark for _, mark in collected])
