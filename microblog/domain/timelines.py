"""Timelines: lists of posts, each as one viewer (or an anonymous one) may see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import Factory, evolve, field, frozen

from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import PUBLIC, CacheDependencies, earliest
from microblog.domain.caching.filter_cache import FilterCache
from microblog.domain.caching.flags_cache import FlagsCache
from microblog.domain.caching.post_cache import PostCache
from microblog.domain.caching.post_journal import PostJournal
from microblog.domain.caching.timeline_cache import TimelineCache, TimelineSource
from microblog.domain.caching.viewer_cache import ViewerCache
from microblog.domain.repeated_boosts import beyond, page_without_repeats
from microblog.domain.text import post_text
from microblog.model import repeated_boosts, timeline_rules
from microblog.model.accounts import Viewer
from microblog.model.filters import NO_FILTERS, FilterContext, FilterSet
from microblog.model.ids import AccountId, ListId
from microblog.model.paging import Page
from microblog.model.posts import MAX_PINNED_ELSEWHERE, Post
from microblog.model.timeline_rules import AccountPosts, TagFilter, TimelineViewer
from microblog.storage import posts, timelines
from microblog.storage.database import Cursor, Transactions
from microblog.storage.timelines import Entry

MAX_TAGS = 4  # in each of `any`, `all` and `none`
SPARE = 20  # entries cached beside a page, so that deletions do not empty it
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
    filter_cache: FilterCache = field(default=Factory(lambda self: FilterCache(self.database, self.now), takes_self=True))
    post_cache: PostCache = field(
        default=Factory(lambda self: PostCache(self.database, self.filter_cache.invalidation_log, self.now), takes_self=True)
    )
    viewer_cache: ViewerCache = field(init=False)
    timeline_cache: TimelineCache = field(init=False)
    flags_cache: FlagsCache = field(init=False)

    @viewer_cache.default
    def _viewer_cache(self) -> ViewerCache:
        return ViewerCache(self.database, self.filter_cache.invalidation_log, self.now)

    @timeline_cache.default
    def _timeline_cache(self) -> TimelineCache:
        return TimelineCache(self.database, PostJournal(self.database, self.filter_cache.invalidation_log))

    @flags_cache.default
    def _flags_cache(self) -> FlagsCache:
        return FlagsCache(self.database, self.filter_cache.invalidation_log)

    async def home(self, viewer: Viewer, page: Page) -> list[Post]:
        """Return a page of the home timeline, without repeated boosts and without what the viewer's home filters hide.

        Only the last page is shorter than the limit.
        """
        hiding = (await self.filter_cache.of(viewer)).hiding(FilterContext.HOME)
        newest = await self._newest_home(viewer, page.limit, hiding) if page == Page(page.limit) else None
        if newest is not None:
            return newest
        if hiding.filters:
            return await self.database.read(self._filtered_home, viewer, page, hiding)
        return await self._loaded(self._home, viewer=viewer, page=page)

    async def home_dependencies(self, viewer: Viewer, posts: Sequence[Post]) -> CacheDependencies:
        """Return the cache dependencies of a page of the home timeline with these posts."""
        relations = await self.viewer_cache.of(viewer)
        keys = (cache_keys.of_author(viewer.id), *([PUBLIC] if relations.tags else []))
        return await self._dependencies(viewer, relations, posts, keys, relations.follows)

    async def dependencies(self, viewer: Viewer | None, posts: Sequence[Post], *keys: str) -> CacheDependencies:
        """Return the cache dependencies of a list of these posts, with additional keys."""
        if viewer is None:
            return evolve(self.post_cache.dependencies(posts), keys=frozenset(keys))
        return await self._dependencies(viewer, await self.viewer_cache.of(viewer), posts, keys)

    async def _dependencies(
        self,
        viewer: Viewer,
        relations: TimelineViewer,
        posts: Sequence[Post],
        keys: Sequence[str],
        authors: frozenset[AccountId] = frozenset(),
    ) -> CacheDependencies:
        shown, filter_set = self.post_cache.dependencies(posts), await self.filter_cache.of(viewer)
        own = frozenset((*keys, cache_keys.of_interactions(viewer.id), cache_keys.of_viewer_state(viewer.id)))
        filters_end = filter_set.next_end(self.now()) if filter_set.filters else None
        return CacheDependencies(own, earliest(shown.until, relations.mute_ends, filters_end), shown.shared, authors)

    async def newest_of_list(self, viewer: Viewer, id: ListId, limit: int) -> list[Post] | None:
        """Return the newest posts of one of the viewer's lists, without repeated boosts; None if that list has to be read."""
        relations = await self.viewer_cache.of(viewer)
        members = relations.lists.get(id)
        if members is None:
            return None
        source = TimelineSource(
            ("list", viewer.id, id),
            relations,
            lambda post: timeline_rules.is_on_list(post, relations, members),
            lambda cursor, part: timelines.of_list(cursor, viewer=viewer.id, list=id, replies=members.replies, page=part, now=self.now()),
        )
        return await self._newest_without_repeats(source, limit, NO_FILTERS)

    async def list_dependencies(self, viewer: Viewer, id: ListId, posts: Sequence[Post]) -> CacheDependencies:
        """Return the cache dependencies of a page of a list with these posts."""
        members = (await self.viewer_cache.of(viewer)).lists.get(id)
        authors = CacheDependencies(authors=members.members if members else frozenset())
        return await self.dependencies(viewer, posts) | authors

    async def public(self, viewer: Viewer | None, page: Page, *, media: bool = False, here: bool | None = None) -> list[Post]:
        """Return a page of public posts; `media`: only those with media; `here`: only those of this site, or only others."""
        if page != Page(page.limit) or media:
            return await self._loaded(timelines.public, viewer=_id(viewer), page=page, now=self.now(), media=media, here=here)
        relations = await self._relations(viewer)
        return await self._newest(
            TimelineSource(
                ("public", here, _id(viewer)),
                relations,
                lambda post: timeline_rules.is_public(post, relations, here),
                lambda cursor, part: timelines.public(cursor, viewer=_id(viewer), page=part, now=self.now(), here=here),
            ),
            page.limit,
        )

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
        here: bool | None = None,
    ) -> list[Post]:
        """Return a page of public posts that have the hashtag or one of `any`, each of `all` and none of `none`, in any spelling.

        `media` and `here` as for `public`.
        """
        wanted = TagFilter(_keys([tag, *any[:MAX_TAGS]]), _keys(all[:MAX_TAGS]), _keys(none[:MAX_TAGS]), media, here)
        if page != Page(page.limit) or media:
            return await self._loaded(timelines.of_tags, tags=wanted, viewer=_id(viewer), page=page, now=self.now())
        relations = await self._relations(viewer)
        return await self._newest(
            TimelineSource(
                ("tag", wanted, _id(viewer)),
                relations,
                lambda post: timeline_rules.has_tags(post, wanted, relations),
                lambda cursor, part: timelines.of_tags(cursor, tags=wanted, viewer=_id(viewer), page=part, now=self.now()),
            ),
            page.limit,
        )

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
        wanted = AccountPosts(account, replies, boosts, None if tag is None else post_text.tag_key(tag))
        if page != Page(page.limit) or media:
            return await self._loaded(timelines.of_account, wanted=wanted, viewer=_id(viewer), page=page, media=media)
        relations = await self._relations(viewer)
        return await self._newest(
            TimelineSource(
                (wanted, _id(viewer)),
                relations,
                lambda post: timeline_rules.is_on_profile(post, wanted, relations),
                lambda cursor, part: timelines.of_account(cursor, wanted=wanted, viewer=_id(viewer), page=part),
            ),
            page.limit,
        )

    async def pinned(self, viewer: Viewer | None, account: AccountId) -> list[Post]:
        """Return an account's pinned posts, newest pin first."""
        return await self._loaded(timelines.pinned, account=account, viewer=_id(viewer), limit=MAX_PINNED_ELSEWHERE)

    async def favourites(self, viewer: Viewer, page: Page) -> MarkedPosts:
        """Return a page of the viewer's favourites, newest favourite first."""
        return await self._marked(timelines.favourites, viewer=viewer.id, page=page)

    async def bookmarks(self, viewer: Viewer, page: Page) -> MarkedPosts:
        """Return a page of the viewer's bookmarks, newest bookmark first."""
        return await self._marked(timelines.bookmarks, viewer=viewer.id, page=page)

    async def _loaded(self, entries: Callable[..., list[Entry]], /, **options: object) -> list[Post]:
        return await self.post_cache.load(await self.database.read(entries, **options))

    async def _marked(self, entries: Callable[..., list[tuple[Entry, int]]], /, **options: object) -> MarkedPosts:
        rows = await self.database.read(entries, **options)
        found = {post.id: post for post in await self.post_cache.load(entry for entry, _ in rows)}
        collected = [(found[id], mark) for (id, _), mark in rows if id in found]
        return MarkedPosts([post for post, _ in collected], [mark for _, mark in collected])

    async def _relations(self, viewer: Viewer | None) -> TimelineViewer | None:
        return None if viewer is None else await self.viewer_cache.of(viewer)

    async def _newest(self, source: TimelineSource, limit: int) -> list[Post]:
        """The newest posts of a timeline without the rule about repeated boosts."""
        newest = await self.timeline_cache.newest(source, limit + SPARE)
        posts = await self.post_cache.load(newest.entries[:limit])
        if len(posts) == len(newest.entries[:limit]):
            return posts
        return await self._loaded(source.read, page=Page(limit))  # a post was deleted during the read

    async def _newest_home(self, viewer: Viewer, limit: int, hiding: FilterSet) -> list[Post] | None:
        """The newest posts of the home timeline; None if the cached entries do not suffice or a post was deleted during the read."""
        relations = await self.viewer_cache.of(viewer)
        source = TimelineSource(
            ("home", viewer.id),
            relations,
            lambda post: timeline_rules.is_at_home(post, relations),
            lambda cursor, part: timelines.home(cursor, viewer=viewer.id, page=part, now=self.now()),
        )
        return await self._newest_without_repeats(source, limit, hiding)

    async def _newest_without_repeats(self, source: TimelineSource, limit: int, hiding: FilterSet) -> list[Post] | None:
        rows = repeated_boosts.rows_to_read(limit)
        newest = await self.timeline_cache.newest(source, rows)
        shown, complete = repeated_boosts.decided_entries(newest.entries, rows)
        wanted = shown if hiding.filters else shown[:limit]
        posts = await self.post_cache.load(wanted)
        if len(posts) < len(wanted):
            return None
        if hiding.filters:
            posts = [post for post in posts if not hiding.matches(post, self.now())][:limit]
        return posts if len(posts) == limit or complete else None

    def _home(self, cursor: Cursor, viewer: Viewer, page: Page) -> list[Entry]:
        return page_without_repeats(
            lambda next_page: timelines.home(cursor, viewer=viewer.id, page=next_page, now=self.now()),
            lambda boosted, below: timelines.may_show(cursor, viewer=viewer.id, posts=boosted, below=below),
            page,
        )

    def _filtered_home(self, cursor: Cursor, viewer: Viewer, page: Page, hiding: FilterSet) -> list[Post]:
        collected: list[Post] = []
        next_page = page
        for _ in range(MAX_READS):
            entries = self._home(cursor, viewer, next_page)
            found = posts.load(cursor, entries)
            visible = [post for post in found if not hiding.matches(post, self.now())]
            collected = visible + collected if page.upward else collected + visible
            if len(entries) < next_page.limit or len(collected) >= page.limit:
                break
            next_page = beyond(next_page, entries)
        return collected[-page.limit :] if page.upward else collected[: page.limit]


def _keys(tags: Sequence[str]) -> frozenset[str]:
    return frozenset(map(post_text.tag_key, tags))


def _id(viewer: Viewer | None) -> AccountId | None:
    return viewer.id if viewer else None
