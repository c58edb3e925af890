"""Cache of pages of notifications.

The rows of a page are cached; posts and accounts come from their own caches. So a favourite of a post on the page changes a number in
memory, and only a new notification or a changed relation reads the page again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from attrs import define, field, frozen

from microblog.domain.caching import cache_keys
from microblog.domain.caching.account_cache import AccountCache
from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.caching.invalidation import DependencyCache
from microblog.domain.caching.post_cache import PostCache
from microblog.domain.notification_groups import GroupPage, assembled_groups, read_groups
from microblog.domain.notifications import NotificationQuery, OtherSubjects, assembled, other_subjects, read_rows
from microblog.model.accounts import Viewer
from microblog.model.ids import NotificationId, PostId
from microblog.model.notifications import Notification
from microblog.model.posts import Post
from microblog.storage import posts
from microblog.storage.database import Cursor
from microblog.storage.notification_groups import NotificationGroupRow
from microblog.storage.notifications import NotificationRow

CAPACITY = 2_000
Row = TypeVar("Row", NotificationRow, NotificationGroupRow)


@frozen
class _Rows(Generic[Row]):
    """Rows whose posts the viewer may see, with what others are about. `ids`: those of all rows on the page."""

    rows: tuple[Row, ...]
    subjects: OtherSubjects
    ids: tuple[NotificationId, ...]

    @property
    def post_ids(self) -> list[PostId]:
        """The ids of the posts that the notifications are about."""
        return [row.post for row in self.rows if row.post is not None]


@define
class NotificationCache:
    """Reads notifications as `Notifications.page` and `NotificationGroups.page` do."""

    post_cache: PostCache
    accounts: AccountCache
    capacity: int = CAPACITY
    _pages: DependencyCache[_Rows[NotificationRow]] = field(init=False)
    _group_pages: DependencyCache[_Rows[NotificationGroupRow]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        log, now = self.post_cache.invalidation_log, self.post_cache.now
        self._pages = DependencyCache(log, now, self.capacity, "notifications")
        self._group_pages = DependencyCache(log, now, self.capacity, "notification_groups")

    async def page(self, viewer: Viewer, query: NotificationQuery) -> list[Notification]:
        """Return a page of notifications, newest first."""
        found = await self._rows(self._pages, _page, viewer, query)
        senders = await self.accounts.load({row.sender for row in found.rows})
        return assembled(found.rows, senders, await self._posts(found.post_ids), found.subjects)

    async def groups(self, viewer: Viewer, query: NotificationQuery) -> GroupPage:
        """Return a page of groups, ordered by their newest members."""
        found = await self._rows(self._group_pages, _visible_groups, viewer, query)
        senders = await self.accounts.load({sender for row in found.rows for sender in row.senders})
        return GroupPage(assembled_groups(found.rows, senders, await self._posts(found.post_ids), found.subjects), found.ids)

    async def _rows(
        self,
        cache: DependencyCache[_Rows[Row]],
        read: Callable[[Cursor, Viewer, NotificationQuery], _Rows[Row]],
        viewer: Viewer,
        query: NotificationQuery,
    ) -> _Rows[Row]:
        position, key = await self.post_cache.invalidation_log.position(), (viewer.id, query)
        cached = cache.get(key, position)
        if cached is not None:
            return cached
        found: _Rows[Row] = await self.post_cache.database.read(read, viewer, query)
        keys = {cache_keys.of_notifications(viewer.id), cache_keys.of_viewer_state(viewer.id), *map(cache_keys.of_post, found.post_ids)}
        cache.put(key, found, CacheDependencies(frozenset(keys)), position)
        return found

    async def _posts(self, ids: Sequence[PostId]) -> dict[PostId, Post]:
        return {post.id: post for post in await self.post_cache.load((id, None) for id in dict.fromkeys(ids))}


def _page(cursor: Cursor, viewer: Viewer, query: NotificationQuery) -> _Rows[NotificationRow]:
    """Return a page, which has no rows about posts that the viewer may not see."""
    rows = read_rows(cursor, viewer, query)
    return _Rows(tuple(rows), other_subjects(cursor, rows), tuple(row.id for row in rows))


def _visible_groups(cursor: Cursor, viewer: Viewer, query: NotificationQuery) -> _Rows[NotificationGroupRow]:
    rows = read_groups(cursor, viewer, query)
    about = {row.post for row in rows if row.post is not None}
    visible = posts.visible(cursor, ids=about, viewer=viewer.id) if about else set[PostId]()
    shown = tuple(row for row in rows if row.post is None or row.post in visible)
    return _Rows(shown, other_subjects(cursor, rows), tuple(row.id for row in rows))
