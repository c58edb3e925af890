"""Cache of what a member's pages show around their posts: unread counts, suggested accounts and announcements."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from attrs import define, field

from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.model.accounts import Account, Viewer
from microblog.model.announcements import Announcement
from microblog.storage.notifications import UnreadCounts

CAPACITY = 5_000
MAX_AGE = timedelta(minutes=1)


@define
class SidebarCache:
    """Values by viewer. The functions `read_...` read them from the database."""

    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    read_counts: Callable[[Viewer], Awaitable[UnreadCounts]]
    read_suggestions: Callable[[Viewer], Awaitable[list[Account]]]
    read_announcements: Callable[[Viewer], Awaitable[list[Announcement]]]
    _counts: DependencyCache[UnreadCounts] = field(init=False)
    _suggestions: DependencyCache[tuple[Account, ...]] = field(init=False)
    _announcements: DependencyCache[tuple[Announcement, ...]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._counts = DependencyCache(self.invalidation_log, self.now, CAPACITY, "unread_counts")
        self._suggestions = DependencyCache(self.invalidation_log, self.now, CAPACITY, "suggestions")
        self._announcements = DependencyCache(self.invalidation_log, self.now, CAPACITY, "announcements")

    async def unread_counts(self, viewer: Viewer) -> UnreadCounts:
        """Return the unread counts shown in the navigation."""
        position = await self.invalidation_log.position()
        cached = self._counts.get(viewer.id, position)
        if cached is None:
            cached = await self.read_counts(viewer)
            # A block hides notifications, and so does an end of a follow.
            keys = cache_keys.of_notifications(viewer.id), cache_keys.of_viewer_state(viewer.id)
            self._counts.put(viewer.id, cached, CacheDependencies(frozenset(keys), self.expiry(viewer)), position)
        return cached

    async def suggestions(self, viewer: Viewer) -> tuple[Account, ...]:
        """Return suggested accounts. Who is popular may have changed since; the viewer's relationships and the accounts are current."""
        position = await self.invalidation_log.position()
        cached = self._suggestions.get(viewer.id, position)
        if cached is None:
            cached = tuple(await self.read_suggestions(viewer))
            keys = cache_keys.of_viewer_state(viewer.id), *(cache_keys.of_account(account.id) for account in cached)
            self._suggestions.put(viewer.id, cached, CacheDependencies(frozenset(keys), self.expiry(viewer)), position)
        return cached

    async def announcements(self, viewer: Viewer) -> tuple[Announcement, ...]:
        """Return the announcements that the viewer has not dismissed. One that starts or ends at a set time may do so MAX_AGE later."""
        position = await self.invalidation_log.position()
        cached = self._announcements.get(viewer.id, position)
        if cached is None:
            cached = tuple(await self.read_announcements(viewer))
            keys = cache_keys.NEWS, cache_keys.of_viewer_state(viewer.id)
            self._announcements.put(viewer.id, cached, CacheDependencies(frozenset(keys), self.expiry(viewer)), position)
        return cached

    def expiry(self, viewer: Viewer) -> datetime:
        """Return when values of this viewer that were read now expire: once a minute, at another second for each viewer.

        A page that contains them expires at the same time, so that nothing on it is older than MAX_AGE.
        """
        second = int(self.now().timestamp())
        age = (second + viewer.id) % int(MAX_AGE.total_seconds())
        return datetime.fromtimestamp(second - age, self.now().tzinfo) + MAX_AGE
