"""Cache of a member's own collections: lists, followed hashtags, and what their page of notifications shows besides notifications."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import define, field, frozen

from microblog.domain.caching import cache_keys
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.domain.lists import Lists
from microblog.domain.tags import MAX_FOLLOWED, HashtagService
from microblog.model.accounts import Viewer
from microblog.model.errors import NotFound
from microblog.model.ids import ListId, NotificationId
from microblog.model.lists import AccountList
from microblog.model.paging import Page
from microblog.model.posts import Tag
from microblog.storage import notification_policy, notifications
from microblog.storage.database import Cursor, Transactions

CAPACITY = 2_000


@frozen
class NotificationsState:
    """The last notification that was read (0: none), and the number of notification requests."""

    last_read: NotificationId
    requests: int


@define
class CollectionCache:
    """Values by viewer."""

    database: Transactions
    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    all_lists: Lists
    tags: HashtagService
    _lists: DependencyCache[tuple[AccountList, ...]] = field(init=False)
    _tags: DependencyCache[tuple[Tag, ...]] = field(init=False)
    _notifications: DependencyCache[NotificationsState] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._lists = DependencyCache(self.invalidation_log, self.now, CAPACITY, "lists")
        self._tags = DependencyCache(self.invalidation_log, self.now, CAPACITY, "followed_tags")
        self._notifications = DependencyCache(self.invalidation_log, self.now, CAPACITY, "notifications_state")

    async def lists(self, viewer: Viewer) -> tuple[AccountList, ...]:
        """Return the viewer's lists, as `Lists.of` does."""
        position = await self.invalidation_log.position()
        cached = self._lists.get(viewer.id, position)
        if cached is None:
            cached = tuple(await self.all_lists.of(viewer))
            self._lists.put(viewer.id, cached, cache_keys.of_keys(cache_keys.of_viewer_state(viewer.id)), position)
        return cached

    async def list(self, viewer: Viewer, id: ListId) -> AccountList:
        """Return one of the viewer's lists. Raise NotFound."""
        found = next((one for one in await self.lists(viewer) if one.id == id), None)
        if found is None:
            raise NotFound
        return found

    async def followed_tags(self, viewer: Viewer) -> tuple[Tag, ...]:
        """Return the hashtags that the viewer follows, newest follow first."""
        position = await self.invalidation_log.position()
        cached = self._tags.get(viewer.id, position)
        if cached is None:
            cached = tuple(followed.tag for followed in await self.tags.followed(viewer, Page(MAX_FOLLOWED)))
            self._tags.put(viewer.id, cached, cache_keys.of_keys(cache_keys.of_viewer_state(viewer.id)), position)
        return cached

    async def notifications(self, viewer: Viewer) -> NotificationsState:
        """Return the read position and the number of notification requests."""
        position = await self.invalidation_log.position()
        cached = self._notifications.get(viewer.id, position)
        if cached is None:
            cached = await self.database.read(_state, viewer)
            self._notifications.put(viewer.id, cached, cache_keys.of_keys(cache_keys.of_notifications(viewer.id)), position)
        return cached


def _state(cursor: Cursor, viewer: Viewer) -> NotificationsState:
    last_read = NotificationId(notifications.read_up_to(cursor, account=viewer.id))
    return NotificationsState(last_read, notification_policy.pending(cursor, account=viewer.id).requests)
