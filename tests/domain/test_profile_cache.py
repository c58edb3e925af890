"""What profiles, lists of followers and a member's own collections show is cached, and yet current."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest
from attrs import define, field

from microblog.domain.accounts import Accounts, ProfileChanges
from microblog.domain.caching.account_cache import AccountCache
from microblog.domain.caching.filter_cache import FilterCache
from microblog.domain.caching.invalidation import InvalidationLog
from microblog.domain.collection_cache import CollectionCache, NotificationsState
from microblog.domain.follows import FollowRequestOptions, Follows
from microblog.domain.interactions import Interactions
from microblog.domain.lists import ListOptions, Lists
from microblog.domain.notification_policy import NotificationPolicies
from microblog.domain.notifications import Notifications
from microblog.domain.profile_cache import ProfileCache
from microblog.domain.relationships import Relationships
from microblog.domain.search import SearchService
from microblog.domain.suggestions import Suggestions
from microblog.domain.tags import HashtagService
from microblog.domain.timelines import Timelines
from microblog.model.accounts import Viewer
from microblog.model.errors import NotFound
from microblog.model.ids import AccountId, NotificationId
from microblog.model.paging import Page
from microblog.model.posts import Visibility
from microblog.storage.database import Cursor, execute
from tests import make
from tests.fakes import RolledBackDatabase, WallClock

P = ParamSpec("P")
T = TypeVar("T")


@define
class CountingDatabase(RolledBackDatabase):
    """A database that counts reads, except those of the invalidation log."""

    reads: list[str] = field(factory=list)

    async def read(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(cursor, ...)`, which cannot write."""
        if not f.__module__.endswith("invalidation_log"):
            self.reads.append(f.__name__)
        return await super().read(f, *args, **kwargs)


@define
class Site:
    """The caches and the services that they stand for."""

    db: CountingDatabase
    clock: WallClock
    accounts: Accounts = field(init=False)
    follows: Follows = field(init=False)
    relationships: Relationships = field(init=False)
    lists: Lists = field(init=False)
    tags: HashtagService = field(init=False)
    timelines: Timelines = field(init=False)
    profiles: ProfileCache = field(init=False)
    collections: CollectionCache = field(init=False)

    def __attrs_post_init__(self) -> None:
        db, clock, log = self.db, self.clock, InvalidationLog(self.db)
        self.accounts = Accounts(db, "example.org", "https://example.org", clock)
        self.follows, self.relationships = Follows(db, clock), Relationships(db, clock)
        self.timelines = Timelines(db, clock, FilterCache(db, clock, log))
        self.lists, self.tags = Lists(db, clock, self.timelines), HashtagService(db, SearchService(db, self.accounts, clock), clock)
        self.profiles = ProfileCache(self.accounts, self.relationships, self.follows, self.timelines, AccountCache(db, log, clock))
        self.collections = CollectionCache(db, log, clock, self.lists, self.tags)

    async def check(self, viewer: Viewer, other: Viewer) -> None:
        """Fail if the caches return anything else than the services, or read again what has not changed."""
        cache = self.profiles
        for _ in range(2):  # the first read of the log begins it; in this transaction, the second one finds what was written before
            await cache.invalidation_log.position()
        for seen_by in (viewer, None):
            expected = await _read(self.follows, self.relationships, self.timelines, seen_by, [other.id, viewer.id])
            assert await _read(cache, cache, cache, seen_by, [other.id, viewer.id]) == expected
            self.db.reads.clear()
            assert await _read(cache, cache, cache, seen_by, [other.id, viewer.id]) == expected
            assert self.db.reads == []


async def _read(
    lists: ProfileCache | Follows,
    relations: ProfileCache | Relationships,
    pins: ProfileCache | Timelines,
    seen_by: Viewer | None,
    ids: list[AccountId],
) -> list[object]:
    """Read everything about the first account."""
    page = Page(40)
    return [
        await lists.followers(seen_by, ids[0], page),
        await lists.following(seen_by, ids[0], page),
        await pins.pinned(seen_by, ids[0]),
        [] if seen_by is None else await relations.between(seen_by, ids),
    ]


@pytest.fixture
def site(cursor: Cursor) -> Site:
    return Site(CountingDatabase(cursor), WallClock(make.NOW))


@pytest.fixture
def ada(cursor: Cursor) -> Viewer:
    return make.viewer(cursor, "ada")


@pytest.fixture
def bob(cursor: Cursor) -> Viewer:
    return make.viewer(cursor, "bob")


async def test_relationships_and_followers_are_current_after_every_change(site: Site, cursor: Cursor, ada: Viewer, bob: Viewer) -> None:
    relate, follows, suggestions = site.relationships, site.follows, Suggestions(site.db, site.clock)
    changes: list[Coroutine[Any, Any, object]] = [
        follows.follow(ada, bob.id),
        follows.follow(ada, bob.id, FollowRequestOptions(boosts=False)),
        suggestions.endorse(ada, bob.id),
        suggestions.unendorse(ada, bob.id),
        relate.note(ada, bob.id, "met in Paris"),
        relate.note(ada, bob.id, "met in Rome"),
        relate.note(ada, bob.id, ""),
        follows.follow(bob, ada.id),
        follows.remove_follower(ada, bob.id),
        relate.mute(ada, bob.id, duration=timedelta(minutes=1)),
        relate.unmute(ada, bob.id),
        relate.block(bob, ada.id),
        relate.unblock(bob, ada.id),
        relate.block(ada, bob.id),
        relate.unblock(ada, bob.id),
        site.accounts.edit(bob, ProfileChanges(hide_relations=True)),
        site.accounts.edit(bob, ProfileChanges(hide_relations=False, locked=True)),
        follows.follow(ada, bob.id),
        follows.accept(bob, ada.id),
        follows.unfollow(ada, bob.id),
    ]
    await site.check(ada, bob)
    for change in changes:
        await change
        await site.check(ada, bob)


async def test_a_mute_ends_in_the_cache_when_it_expires(site: Site, ada: Viewer, bob: Viewer) -> None:
    await site.relationships.mute(ada, bob.id, duration=timedelta(minutes=1))
    assert (await site.profiles.between(ada, [bob.id]))[0].muting
    site.clock.advance(minutes=2)
    assert not (await site.profiles.between(ada, [bob.id]))[0].muting


async def test_a_follower_who_is_suspended_disappears_and_comes_back(site: Site, cursor: Cursor, ada: Viewer, bob: Viewer) -> None:
    cyd = make.viewer(cursor, "cyd")
    make.follow(cursor, cyd, bob)
    make.follow(cursor, bob, cyd)
    for state in ("now()", "null", "now()", "null"):
        await site.check(ada, bob)
        execute(cursor, f"update accounts set suspended_at = {state} where id = %(id)s", {"id": cyd.id})
        await site.check(ada, bob)
    assert [each.account.username for each in await site.profiles.followers(ada, bob.id, Page(40))] == ["cyd"]


async def test_pinned_posts_are_those_that_the_viewer_may_see(site: Site, cursor: Cursor, ada: Viewer, bob: Viewer) -> None:
    interactions, posts = Interactions(site.db, site.clock), make.post_service(site.db)
    public, private = make.post(cursor, bob, "open"), make.post(cursor, bob, "closed", visibility=Visibility.PRIVATE)
    changes: list[Callable[[], Coroutine[Any, Any, object]]] = [
        lambda: interactions.pin(bob, public.id),
        lambda: interactions.pin(bob, private.id),
        lambda: site.follows.follow(ada, bob.id),
        lambda: interactions.unpin(bob, public.id),
        lambda: site.follows.unfollow(ada, bob.id),
        lambda: posts.delete(bob, private.id),
    ]
    for change in changes:
        await change()
        await site.check(ada, bob)


async def test_accounts_are_found_by_name_until_they_are_suspended_renamed_or_deleted(
    site: Site, cursor: Cursor, ada: Viewer, bob: Viewer
) -> None:
    for name in ("bob", "BOB", "bob@example.org"):
        assert await site.profiles.by_acct(name) == bob.account
    site.db.reads.clear()
    assert (await site.profiles.by_acct("bob")).id == bob.id
    assert site.db.reads == []
    await site.accounts.edit(bob, ProfileChanges(display_name="Robert"))
    assert (await site.profiles.by_acct("bob")).name == "Robert"
    make.suspend(cursor, bob)
    with pytest.raises(NotFound):
        await site.profiles.by_acct("bob")
    execute(cursor, "update accounts set suspended_at = null, username = 'robert' where id = %(id)s", {"id": bob.id})
    with pytest.raises(NotFound):
        await site.profiles.by_acct("bob")
    assert (await site.profiles.by_acct("robert")).id == bob.id


async def test_collections_of_a_member_are_current_after_every_change(site: Site, cursor: Cursor, ada: Viewer, bob: Viewer) -> None:
    async def check() -> None:
        await site.collections.lists(ada), await site.collections.followed_tags(ada), await site.collections.notifications(ada)
        site.db.reads.clear()
        lists, tags = await site.collections.lists(ada), await site.collections.followed_tags(ada)
        state = await site.collections.notifications(ada)
        assert site.db.reads == []
        notifications, policies = Notifications(site.db, site.clock), NotificationPolicies(site.db, site.clock)
        assert list(lists) == await site.lists.of(ada)
        assert list(tags) == [each.tag for each in await site.tags.followed(ada, Page(100))]
        assert state == NotificationsState(NotificationId(await notifications.read_up_to(ada)), (await policies.pending(ada)).requests)

    await check()
    created = await site.lists.create(ada, ListOptions("L"))
    await check()
    assert await site.collections.list(ada, created.id) == created
    with pytest.raises(NotFound):
        await site.collections.list(bob, created.id)
    changes: list[Coroutine[Any, Any, object]] = [
        site.lists.change(ada, created.id, ListOptions("M")),
        site.tags.follow(ada, "tea"),
        site.tags.unfollow(ada, "tea"),
        site.lists.delete(ada, created.id),
        NotificationPolicies(site.db, site.clock).change(ada, {"not_following": "filter"}),
    ]
    for change in changes:
        await change
        await check()
    make.post(cursor, bob, "@ada hello")
    await check()
    [request] = await NotificationPolicies(site.db, site.clock).requests(ada, Page(40))
    assert (await site.collections.notifications(ada)).requests == 1
    await NotificationPolicies(site.db, site.clock).accept(ada, [request.id])
    await check()
    await Notifications(site.db, site.clock).mark_read(ada, NotificationId(2**62))
    await check()
    assert (await site.collections.notifications(ada)).last_read > 0
