"""The unread count equals the list: without hidden notifications and without unknown kinds of a newer release."""

from __future__ import annotations

import pytest

from microblog.domain.notification_groups import NotificationGroups
from microblog.domain.notifications import NotificationQuery, Notifications
from microblog.model.accounts import Viewer
from microblog.model.ids import NotificationId
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.model.posts import Visibility
from microblog.storage import live_queries, notifications
from microblog.storage.database import Cursor, execute, fetch_value
from tests import make
from tests.fakes import RolledBackDatabase


@pytest.fixture
def ada(cursor: Cursor) -> Viewer:
    """An account with five notifications, four of them hidden: an unknown kind, two deleted senders, one hidden post."""
    ada, bob, cat, dan, eve, fay = [make.viewer(cursor) for _ in range(6)]
    post = make.post(cursor, ada, "Tea?")
    for fan in (bob, cat, dan):
        listed_ids(cursor, ada, fan, NotificationKind.FAVOURITE, post.id)
    make.suspend(cursor, cat)
    listed_ids(cursor, ada, eve, NotificationKind.FOLLOW, None)
    execute(cursor, "update notifications set kind = 'quote' where from_account_id = %(eve)s", {"eve": eve.id})
    execute(cursor, "update accounts set deleted_at = now() where id = %(dan)s", {"dan": dan.id})
    hidden = make.post(cursor, fay, "For friends", visibility=Visibility.PRIVATE)
    listed_ids(cursor, ada, fay, NotificationKind.STATUS, hidden.id)
    assert fetch_value(cursor, "select count(*) from notifications") == 5
    return ada


def listed_ids(cursor: Cursor, whom: Viewer, by: Viewer, kind: NotificationKind, post: object) -> None:
    notifications.add(cursor, accounts=[whom.id], kind=kind, sender=by.id, post=post, now=make.NOW)  # type: ignore[arg-type]  # a post's id


async def test_the_unread_count_is_the_length_of_the_list(db: RolledBackDatabase, ada: Viewer) -> None:
    one = Notifications(db, lambda: make.NOW)
    assert [note.kind for note in await one.page(ada, NotificationQuery(Page()))] == [NotificationKind.FAVOURITE]
    assert await one.unread(ada) == 1
    assert await one.unread(ada, NotificationQuery(Page(), kinds=["favourite", "status"])) == 1
    assert await one.unread(ada, NotificationQuery(Page(), kinds=["status"])) == 0
    assert (await one.badges(ada)).unread == 1


async def test_the_unread_group_count_is_the_length_of_the_grouped_list(db: RolledBackDatabase, ada: Viewer) -> None:
    groups = NotificationGroups(db, lambda: make.NOW)
    assert [(group.kind, group.count) for group in (await groups.page(ada, NotificationQuery(Page()))).groups] == [
        (NotificationKind.FAVOURITE, 1)
    ]
    assert await groups.unread(ada) == 1
    assert await groups.unread(ada, NotificationQuery(Page(), kinds=["status"])) == 0


def test_the_unread_count_in_streams_is_the_length_of_the_list(cursor: Cursor, ada: Viewer) -> None:
    id = NotificationId(fetch_value(cursor, "select id from notifications where kind = 'favourite' order by id limit 1"))
    [live] = live_queries.notifications_by_ids(cursor, ids=[id], most_unread=100)
    assert live.unread == 1
