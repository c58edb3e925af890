"""Unread counts, suggestions and announcements on pages are cached, and yet current."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from attrs import define, field

from microblog.domain.accounts import Accounts
from microblog.domain.announcements import Announcements
from microblog.domain.caching.invalidation import InvalidationLog
from microblog.domain.caching.sidebar_cache import MAX_AGE, SidebarCache
from microblog.domain.conversations import Conversations
from microblog.domain.follows import Follows
from microblog.domain.interactions import Interactions
from microblog.domain.notifications import Notifications
from microblog.domain.relationships import Relationships
from microblog.domain.suggestions import Suggestions
from microblog.model.accounts import Viewer
from microblog.model.ids import NotificationId
from microblog.model.paging import Page
from microblog.model.posts import Visibility
from microblog.storage.database import Cursor, execute
from microblog.storage.notifications import UnreadCounts
from tests import make
from tests.fakes import RolledBackDatabase, WallClock

T = TypeVar("T")


@define
class Sidebar:
    """A cache, and the names of what it read from the database."""

    db: RolledBackDatabase
    clock: WallClock
    reads: list[str] = field(factory=list)
    cache: SidebarCache = field(init=False)

    def __attrs_post_init__(self) -> None:
        url = "https://example.org"
        self.cache = SidebarCache(
            InvalidationLog(self.db),
            self.clock,
            self._counted("counts", Notifications(self.db, self.clock).badges),
            self._counted("suggestions", Accounts(self.db, "example.org", url, self.clock).suggestions),
            self._counted("announcements", Announcements(self.db, "example.org", url, self.clock).unread),
        )

    def _counted(self, name: str, read: Callable[[Viewer], Awaitable[T]]) -> Callable[[Viewer], Awaitable[T]]:
        async def counted(viewer: Viewer) -> T:
            self.reads.append(name)
            return await read(viewer)

        return counted

    async def names(self, viewer: Viewer) -> list[str]:
        return [account.username for account in await self.cache.suggestions(viewer)]

    async def texts(self, viewer: Viewer) -> list[str]:
        return [item.text for item in await self.cache.announcements(viewer)]


@pytest.fixture
def sidebar(db: RolledBackDatabase) -> Sidebar:
    return Sidebar(db, WallClock(make.NOW))


@pytest.fixture
def ada(cursor: Cursor) -> Viewer:
    return make.viewer(cursor, "ada")


@pytest.fixture
def bob(cursor: Cursor) -> Viewer:
    return make.viewer(cursor, "bob")


async def test_nothing_is_read_twice_while_others_write(sidebar: Sidebar, cursor: Cursor, ada: Viewer, bob: Viewer) -> None:
    for _ in range(3):
        await sidebar.cache.unread_counts(ada)
        await sidebar.names(ada)
        await sidebar.texts(ada)
        await Interactions(sidebar.db, sidebar.clock).favourite(ada, make.post(cursor, bob).id)
    assert sidebar.reads == ["counts", "suggestions", "announcements"]


async def test_unread_counts_go_up_with_every_kind_of_news_and_down_when_it_is_read(sidebar: Sidebar, cursor: Cursor, bob: Viewer) -> None:
    ada, db, clock = make.viewer(cursor, "ada", locked=True), sidebar.db, sidebar.clock
    assert await sidebar.cache.unread_counts(ada) == UnreadCounts(0, 0, 0)
    make.post(cursor, bob, "@ada hello")
    assert await sidebar.cache.unread_counts(ada) == UnreadCounts(1, 0, 0)
    await Follows(db, clock).follow(bob, ada.id)
    assert await sidebar.cache.unread_counts(ada) == UnreadCounts(2, 1, 0)
    await Follows(db, clock).accept(ada, bob.id)
    assert (await sidebar.cache.unread_counts(ada)).requests == 0
    make.follow(cursor, ada, bob)
    make.post(cursor, bob, "@ada psst", visibility=Visibility.DIRECT)
    assert (await sidebar.cache.unread_counts(ada)).messages == 1
    [conversation] = await Conversations(db, clock).page(ada, Page())
    await Conversations(db, clock).mark(ada, conversation.id, unread=False)
    assert (await sidebar.cache.unread_counts(ada)).messages == 0
    await Notifications(db, clock).mark_read(ada, NotificationId(2**62))
    assert await sidebar.cache.unread_counts(ada) == UnreadCounts(0, 0, 0)


async def test_unread_counts_are_without_senders_who_blocked_or_were_suspended_since(
    sidebar: Sidebar, cursor: Cursor, ada: Viewer, bob: Viewer
) -> None:
    cyd = make.viewer(cursor, "cyd")
    for author in (bob, cyd):
        make.post(cursor, author, "@ada hello")
    assert (await sidebar.cache.unread_counts(ada)).unread == 2
    make.block(cursor, bob, ada)
    assert (await sidebar.cache.unread_counts(ada)).unread == 1
    make.suspend(cursor, cyd)
    assert (await sidebar.cache.unread_counts(ada)).unread == 0


async def test_nobody_is_suggested_after_a_follow_a_request_a_block_a_mute_or_a_dismissal(
    sidebar: Sidebar, cursor: Cursor, ada: Viewer
) -> None:
    db, clock = sidebar.db, sidebar.clock
    one, two, three, four, five = (make.account(cursor, name, locked=name == "two") for name in ("one", "two", "three", "four", "five"))
    assert await sidebar.names(ada) == ["one", "two", "three", "four", "five"]
    await Follows(db, clock).follow(ada, one.id)
    assert await sidebar.names(ada) == ["two", "three", "four", "five"]
    await Follows(db, clock).follow(ada, two.id)  # a request, since the account is locked
    assert await sidebar.names(ada) == ["three", "four", "five"]
    await Relationships(db, clock).block(ada, three.id)
    await Relationships(db, clock).mute(ada, four.id)
    assert await sidebar.names(ada) == ["five"]
    await Suggestions(db, clock).dismiss(ada, five.id)
    assert await sidebar.names(ada) == []
    await Follows(db, clock).unfollow(ada, two.id)
    assert await sidebar.names(ada) == ["two"]


async def test_suggested_accounts_are_shown_as_they_are_now(sidebar: Sidebar, cursor: Cursor, ada: Viewer, bob: Viewer) -> None:
    cyd = make.account(cursor, "cyd")
    assert await sidebar.names(ada) == ["bob", "cyd"]
    execute(cursor, "update accounts set display_name = 'Robert' where id = %(id)s", {"id": bob.id})
    assert [account.name for account in await sidebar.cache.suggestions(ada)] == ["Robert", "cyd"]
    make.suspend(cursor, bob)
    assert await sidebar.names(ada) == ["cyd"]
    execute(cursor, "update accounts set discoverable = false where id = %(id)s", {"id": cyd.id})
    assert await sidebar.names(ada) == []


async def test_announcements_appear_when_published_and_go_when_dismissed_or_withdrawn(sidebar: Sidebar, ada: Viewer, bob: Viewer) -> None:
    announcements = Announcements(sidebar.db, "example.org", "https://example.org", sidebar.clock)
    assert await sidebar.texts(ada) == await sidebar.texts(bob) == []
    first = await announcements.publish("Hello")
    await announcements.publish("Again")
    assert await sidebar.texts(ada) == await sidebar.texts(bob) == ["Hello", "Again"]
    await announcements.dismiss(ada, first.id)
    assert (await sidebar.texts(ada), await sidebar.texts(bob)) == (["Again"], ["Hello", "Again"])
    await announcements.withdraw(first.id)
    assert await sidebar.texts(bob) == ["Again"]


async def test_values_expire_within_a_minute_at_the_same_time_as_the_page(sidebar: Sidebar, ada: Viewer, bob: Viewer) -> None:
    start = datetime(2026, 3, 4, 5, 6, 7, 891000, tzinfo=UTC)
    for second in range(60):
        sidebar.clock.time = start + timedelta(seconds=second)
        left = sidebar.cache.expiry(ada) - sidebar.clock.time
        assert timedelta(0) < left <= MAX_AGE
        assert sidebar.cache.expiry(ada) != sidebar.cache.expiry(bob)
    await sidebar.cache.suggestions(ada)
    sidebar.clock.time = sidebar.cache.expiry(ada)
    await sidebar.cache.suggestions(ada)
    assert sidebar.reads == ["suggestions", "suggestions"]
