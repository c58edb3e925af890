"""Notification policies: filtered notifications and notification requests."""

from __future__ import annotations

from datetime import timedelta

import pytest

from microblog.domain.follows import Follows
from microblog.domain.interactions import Interactions
from microblog.domain.notification_groups import NotificationGroups
from microblog.domain.notification_policy import NotificationPolicies
from microblog.domain.notifications import NotificationQuery, Notifications
from microblog.domain.relationships import Relationships
from microblog.model.accounts import Role, Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.notification_policy import PendingCounts, Policy, Treatment
from microblog.model.paging import Page
from microblog.model.posts import Post, Visibility
from microblog.storage import accounts
from microblog.storage.database import Cursor, execute, fetch_all, fetch_value
from tests import make
from tests.fakes import RolledBackDatabase, WallClock

DIRECT = Visibility.DIRECT
LONG_AGO = make.NOW - timedelta(days=400)
ALL = Page(80)


@pytest.fixture
def policies(db: RolledBackDatabase) -> NotificationPolicies:
    return NotificationPolicies(db, WallClock(make.NOW))


@pytest.fixture
def notifications(db: RolledBackDatabase) -> Notifications:
    return Notifications(db, WallClock(make.NOW))


@pytest.fixture
def ada(cursor: Cursor) -> Viewer:
    """The account that receives notifications."""
    return make.viewer(cursor, "ada", now=LONG_AGO)


@pytest.fixture
def bob(cursor: Cursor) -> Viewer:
    """A stranger with an old account."""
    return make.viewer(cursor, "bob", now=LONG_AGO)


async def kinds(notifications: Notifications, who: Viewer, *, filtered: bool = False) -> list[str]:
    return [str(one.kind) for one in await notifications.page(who, NotificationQuery(ALL, filtered=filtered))]


def events(cursor: Cursor, who: Viewer) -> int:
    sql = "select count(*) from events where kind = 'notified' and account_id = %(who)s"
    return int(fetch_value(cursor, sql, {"who": who.id}))


def email_jobs(cursor: Cursor) -> int:
    return int(fetch_value(cursor, "select count(*) from jobs where kind = 'email.notification'"))


async def test_private_mentions_by_strangers_are_filtered_silently(
    cursor: Cursor, policies: NotificationPolicies, notifications: Notifications, ada: Viewer, bob: Viewer
) -> None:
    post = make.post(cursor, bob, "@ada psst", visibility=DIRECT)
    assert await kinds(notifications, ada) == []
    assert await kinds(notifications, ada, filtered=True) == ["mention"]
    assert (events(cursor, ada), email_jobs(cursor)) == (0, 0)
    assert (await notifications.unread(ada), (await notifications.badges(ada)).unread) == (0, 0)
    assert await NotificationGroups(notifications.database, notifications.now).unread(ada) == 0
    [request] = await policies.requests(ada, ALL)
    assert (request.account.id, request.count, request.post and request.post.id) == (bob.id, 1, post.id)
    assert await policies.pending(ada) == PendingCounts(1, 1)
    assert await policies.pending(bob) == PendingCounts()


async def test_an_account_that_was_replied_to_is_no_stranger(
    cursor: Cursor, notifications: Notifications, ada: Viewer, bob: Viewer
) -> None:
    asked = make.post(cursor, ada, "@bob tea?", visibility=DIRECT)
    answer = make.post(cursor, bob, "@ada yes", visibility=DIRECT, reply_to=asked)
    make.post(cursor, bob, "@ada when?", visibility=DIRECT, reply_to=answer)
    assert await kinds(notifications, ada) == ["mention", "mention"]
    cleo = make.viewer(cursor, "cleo")
    make.post(cursor, cleo, "@ada me too", visibility=DIRECT, reply_to=make.post(cursor, ada, "Tea"))
    assert await kinds(notifications, ada) == ["mention", "mention"]


async def test_followed_accounts_and_staff_are_never_filtered(
    cursor: Cursor, notifications: Notifications, ada: Viewer, bob: Viewer
) -> None:
    make.follow(cursor, ada, bob)
    moderator = make.viewer(cursor, role=Role.MODERATOR)
    make.post(cursor, bob, "@ada psst", visibility=DIRECT)
    make.post(cursor, moderator, "@ada a word", visibility=DIRECT)
    assert await kinds(notifications, ada) == ["mention", "mention"]


async def test_notifications_by_a_limited_account_reach_its_followers(
    cursor: Cursor, notifications: Notifications, ada: Viewer, bob: Viewer
) -> None:
    execute(cursor, "update accounts set limited_at = now() where id = %(id)s", {"id": bob.id})
    post = make.post(cursor, ada)
    cleo = make.viewer(cursor)
    make.follow(cursor, cleo, bob)
    interaction_service = Interactions(notifications.database, WallClock(make.NOW))
    await interaction_service.favourite(bob, post.id)
    await interaction_service.favourite(bob, make.post(cursor, cleo).id)
    assert (await kinds(notifications, ada), await kinds(notifications, cleo)) == ([], ["favourite"])


async def test_dropped_notifications_are_not_stored(
    cursor: Cursor, policies: NotificationPolicies, notifications: Notifications, ada: Viewer, bob: Viewer
) -> None:
    await policies.change(ada, {"not_following": "drop"})
    make.post(cursor, bob, "@ada hello")
    await Follows(notifications.database, WallClock(make.NOW)).follow(bob, ada.id)
    assert await kinds(notifications, ada, filtered=True) == []
    assert await policies.requests(ada, ALL) == []
    await policies.change(ada, {"not_following": "accept"})
    make.post(cursor, bob, "@ada hello again")
    assert await kinds(notifications, ada) == ["mention"]


async def test_filtered_favourites_create_no_request(
    cursor: Cursor, policies: NotificationPolicies, notifications: Notifications, ada: Viewer, bob: Viewer
) -> None:
    await policies.change(ada, {"not_following": "filter"})
    await Interactions(notifications.database, WallClock(make.NOW)).favourite(bob, make.post(cursor, ada).id)
    assert (await kinds(notifications, ada), await kinds(notifications, ada, filtered=True)) == ([], ["favourite"])
    assert await policies.requests(ada, ALL) == []


async def filter_some(cursor: Cursor, policies: NotificationPolicies, ada: Viewer, bob: Viewer) -> list[Post]:
    """Bob favourites Ada's post and mentions her twice; everything is filtered."""
    await policies.change(ada, {"not_following": "filter"})
    await Interactions(policies.database, policies.now).favourite(bob, make.post(cursor, ada).id)
    return [make.post(cursor, bob, "@ada hello"), make.post(cursor, bob, "@ada are you there?")]


async def test_accepting_a_request_shows_its_notifications_and_accepts_the_sender(
    cursor: Cursor, policies: NotificationPolicies, notifications: Notifications, ada: Viewer, bob: Viewer
) -> None:
    await filter_some(cursor, policies, ada, bob)
    cleo = make.viewer(cursor)
    make.post(cursor, cleo, "@ada and me")
    [_, request] = await policies.requests(ada, ALL)
    assert (request.account.id, request.count) == (bob.id, 3)
    assert await policies.accept(ada, [request.id]) == 1
    assert await kinds(notifications, ada) == ["mention", "mention", "favourite"]
    assert [one.account.id for one in await policies.requests(ada, ALL)] == [cleo.id]
    make.post(cursor, bob, "@ada and now?")
    assert len(await kinds(notifications, ada)) == 4
    assert await policies.accept(ada, [request.id]) == 0
    told = fetch_all(cursor, str, "select kind from events where account_id = %(ada)s order by id", {"ada": ada.id})
    assert told[-3:] == ["notifications.merged", "badges.changed", "notified"]


async def test_dismissing_a_request_deletes_its_notifications_and_a_new_one_may_follow(
    cursor: Cursor, policies: NotificationPolicies, notifications: Notifications, ada: Viewer, bob: Viewer
) -> None:
    await filter_some(cursor, policies, ada, bob)
    [request] = await policies.requests(ada, ALL)
    assert await policies.dismiss(bob, [request.id]) == 0
    assert await policies.dismiss(ada, [request.id]) == 1
    assert await kinds(notifications, ada, filtered=True) == []
    make.post(cursor, bob, "@ada once more")
    assert [one.count for one in await policies.requests(ada, ALL)] == [1]


async def test_a_request_without_notifications_disappears(
    cursor: Cursor, policies: NotificationPolicies, db: RolledBackDatabase, ada: Viewer, bob: Viewer
) -> None:
    first, second = await filter_some(cursor, policies, ada, bob)
    [request] = await policies.requests(ada, ALL)
    await make.post_service(db).delete(bob, second.id)
    seen = await policies.request(ada, request.id)
    assert (seen.count, seen.post) == (2, None)
    await Relationships(db, WallClock(make.NOW)).block(ada, bob.id)
    assert (await policies.requests(ada, ALL), await policies.pending(ada)) == ([], PendingCounts())
    with pytest.raises(NotFound):
        await policies.request(ada, request.id)
    assert first.id


async def test_a_block_revokes_the_acceptance_of_a_sender(
    cursor: Cursor, policies: NotificationPolicies, notifications: Notifications, ada: Viewer, bob: Viewer
) -> None:
    await filter_some(cursor, policies, ada, bob)
    await policies.accept(ada, [one.id for one in await policies.requests(ada, ALL)])
    relations = Relationships(policies.database, policies.now)
    await relations.block(ada, bob.id)
    await relations.unblock(ada, bob.id)
    make.post(cursor, bob, "@ada me again")
    assert (await kinds(notifications, ada), len(await policies.requests(ada, ALL))) == ([], 1)


async def test_requests_of_deleted_accounts_disappear(cursor: Cursor, policies: NotificationPolicies, ada: Viewer, bob: Viewer) -> None:
    await filter_some(cursor, policies, ada, bob)
    accounts.set_suspended(cursor, id=bob.id, at=make.NOW)
    assert (await policies.requests(ada, ALL), await policies.pending(ada)) == ([], PendingCounts())


async def test_each_part_of_a_policy_can_be_changed_alone(policies: NotificationPolicies, ada: Viewer) -> None:
    assert await policies.of(ada) == (Policy(), PendingCounts())
    await policies.change(ada, {"new_accounts": "drop"})
    after, _ = await policies.change(ada, {"private_mentions": "accept"})
    assert after == Policy(new_accounts=Treatment.DROP, private_mentions=Treatment.ACCEPT)
    with pytest.raises(Invalid):
        await policies.change(ada, {"new_accounts": "burn"})
    assert (await policies.of(ada))[0] == after
