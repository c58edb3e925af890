"""Notification groups of any history: their pages contain each notification exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve, frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microblog.model.ids import AccountId, PostId
from microblog.model.notifications import GROUPED, NotificationKind
from microblog.model.paging import Page
from microblog.storage import notification_groups, notifications
from microblog.storage.database import Cursor, execute, fetch_all, fetch_value
from microblog.storage.notification_groups import GroupSelection, NotificationGroupRow
from microblog.storage.paging import bounds
from tests import make

ALL = Page(10_000)
PEOPLE, POSTS = 5, 2
KINDS = (*sorted(GROUPED), NotificationKind.MENTION, NotificationKind.FOLLOW_REQUEST)
ABOUT_POSTS = (NotificationKind.FAVOURITE, NotificationKind.BOOST, NotificationKind.MENTION)

deeds = st.tuples(st.sampled_from(KINDS), st.integers(0, PEOPLE - 1), st.integers(0, POSTS - 1), st.integers(0, 400))
histories = st.lists(deeds, max_size=30)
"""An action: its account, kind and post, and the minutes since the action before it."""


@frozen
class NotificationSubjects:
    """The recipient, senders and subjects of generated notifications."""

    recipient: AccountId
    people: list[AccountId]
    posts: list[PostId]


@pytest.fixture
def subjects(cursor: Cursor) -> NotificationSubjects:
    recipient = make.viewer(cursor)
    people = [make.viewer(cursor).id for _ in range(PEOPLE)]
    return NotificationSubjects(recipient.id, people, [make.post(cursor, recipient).id for _ in range(POSTS)])


def add_notifications(cursor: Cursor, subjects: NotificationSubjects, history: list[tuple[NotificationKind, int, int, int]]) -> None:
    now = make.NOW
    for kind, person, post, minutes in history:
        now += timedelta(minutes=minutes)
        about = subjects.posts[post] if kind in ABOUT_POSTS else None
        notifications.add(cursor, accounts=[subjects.recipient], kind=kind, sender=subjects.people[person], now=now, post=about)


def downward(cursor: Cursor, subjects: NotificationSubjects, limit: int, choice: GroupSelection) -> Iterator[list[NotificationGroupRow]]:
    page = Page(limit)
    while rows := notification_groups.page_of(cursor, account=subjects.recipient, page=page, choice=choice):
        yield rows
        page = Page(limit, max_id=rows[-1].id)


def upward(cursor: Cursor, subjects: NotificationSubjects, limit: int, choice: GroupSelection) -> Iterator[list[NotificationGroupRow]]:
    page = Page(limit, min_id=0)
    while rows := notification_groups.page_of(cursor, account=subjects.recipient, page=page, choice=choice):
        yield rows
        page = Page(limit, min_id=rows[0].id)


@given(
    history=histories,
    limit=st.integers(1, 6),
    gone=st.sets(st.integers(0, PEOPLE - 1), max_size=2),
    grouped=st.sets(st.sampled_from(sorted(GROUPED))),
    sender=st.none() | st.integers(0, PEOPLE - 1),
    without=st.sets(st.sampled_from(KINDS), max_size=2),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_the_groups_of_all_pages_are_all_notifications_each_once(
    cursor: Cursor,
    subjects: NotificationSubjects,
    history: list[tuple[NotificationKind, int, int, int]],
    limit: int,
    gone: set[int],
    grouped: set[NotificationKind],
    sender: int | None,
    without: set[NotificationKind],
) -> None:
    execute(cursor, "savepoint example")
    try:
        add_notifications(cursor, subjects, history)
        for person in gone:
            execute(cursor, "update accounts set suspended_at = now() where id = %(id)s", {"id": subjects.people[person]})
        choice = GroupSelection(None, sorted(without), None if sender is None else subjects.people[sender], grouped)
        one_by_one = notifications.page_of(cursor, account=subjects.recipient, page=ALL, without=choice.without, sender=choice.sender)
        everything = notifications.page_of(cursor, account=subjects.recipient, page=ALL)
        assert one_by_one == [row for row in everything if row.kind not in without and choice.sender in (None, row.sender)]
        pages = list(downward(cursor, subjects, limit, choice))
        found = [row for page in pages for row in page]

        assert len({row.key for row in found}) == len(found)
        assert [row.id for row in found] == sorted((row.id for row in found), reverse=True)
        assert sum(row.count for row in found) == len(one_by_one)
        key_of = {one.id: one.group_key if one.group_key and one.kind in grouped else f"ungrouped-{one.id}" for one in one_by_one}
        for row in found:
            members = [one for one in one_by_one if key_of[one.id] == row.key]
            assert (row.id, row.count, row.kind) == (members[0].id, len(members), members[0].kind)
            assert row.senders == tuple(one.sender for one in members)[: notification_groups.SAMPLE]
        for page, following in zip(pages, [*pages, []][1:], strict=True):
            floor = page[-1].id if following or len(page) == limit else 0
            for row in page:
                assert row.oldest_on_page == min(id for id, key in key_of.items() if key == row.key and id >= floor)
        assert [row.id for page in list(upward(cursor, subjects, limit, choice))[::-1] for row in page] == [row.id for row in found]
    finally:
        execute(cursor, "rollback to savepoint example")


@given(history=histories)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_a_group_spans_at_most_half_a_day_and_one_subject(
    cursor: Cursor, subjects: NotificationSubjects, history: list[tuple[NotificationKind, int, int, int]]
) -> None:
    execute(cursor, "savepoint example")
    try:
        add_notifications(cursor, subjects, history)
        all_rows = notifications.page_of(cursor, account=subjects.recipient, page=ALL)
        for row in notification_groups.page_of(cursor, account=subjects.recipient, page=ALL, choice=GroupSelection()):
            members = [one for one in all_rows if one.group_key == row.key] or [one for one in all_rows if one.id == row.id]
            assert {(one.kind, one.post) for one in members} == {(row.kind, row.post)}
            assert members[0].created_at - members[-1].created_at < timedelta(hours=notifications.GROUP_HOURS)
            listed = notification_groups.members(cursor, account=subjects.recipient, key=row.key, page=ALL)
            assert listed == [(one.id, one.sender) for one in members]
            alone = notification_groups.by_key(cursor, account=subjects.recipient, key=row.key)
            assert alone == [evolve(row, oldest_on_page=members[-1].id)]
    finally:
        execute(cursor, "rollback to savepoint example")


def test_a_group_key_contains_the_hour_of_its_first_notification(cursor: Cursor, subjects: NotificationSubjects) -> None:
    follow = NotificationKind.FOLLOW
    add_notifications(cursor, subjects, [(follow, 0, 0, 0), (follow, 1, 0, 90), (follow, 2, 0, 9 * 60), (follow, 3, 0, 3 * 60)])
    found = notification_groups.page_of(cursor, account=subjects.recipient, page=ALL, choice=GroupSelection())
    first, second = int(make.NOW.timestamp()) // 3600, int((make.NOW + timedelta(hours=13, minutes=30)).timestamp()) // 3600
    assert [(row.key, row.count) for row in found] == [(f"follow-{second}", 1), (f"follow-{first}", 3)]


def test_a_new_notification_moves_its_group_to_the_top_of_newer_pages(cursor: Cursor, subjects: NotificationSubjects) -> None:
    like, mention = NotificationKind.FAVOURITE, NotificationKind.MENTION
    add_notifications(cursor, subjects, [(like, 0, 0, 0), (mention, 1, 0, 1)])
    seen = notification_groups.page_of(cursor, account=subjects.recipient, page=ALL, choice=GroupSelection())[0].id
    notifications.add(
        cursor,
        accounts=[subjects.recipient],
        kind=like,
        sender=subjects.people[2],
        now=make.NOW + timedelta(minutes=5),
        post=subjects.posts[0],
    )
    for page in (Page(40, since_id=seen), Page(40, min_id=seen)):
        [row] = notification_groups.page_of(cursor, account=subjects.recipient, page=page, choice=GroupSelection())
        assert (row.count, row.senders, row.oldest_on_page) == (2, (subjects.people[2], subjects.people[0]), row.id)


@pytest.mark.parametrize("key", ["", "ungrouped-", "ungrouped-x", "ungrouped-²", "ungrouped-" + "9" * 40, "follow-1", "%"])
def test_unknown_group_keys_find_and_delete_nothing(cursor: Cursor, subjects: NotificationSubjects, key: str) -> None:
    add_notifications(cursor, subjects, [(NotificationKind.MENTION, 0, 0, 0)])
    assert notification_groups.by_key(cursor, account=subjects.recipient, key=key) == []
    assert notification_groups.members(cursor, account=subjects.recipient, key=key, page=ALL) == []
    alone = notification_groups.ungrouped_id(key)
    assert notifications.dismiss_group(cursor, account=subjects.recipient, key=key, id=alone, now=make.NOW) == 0


MANY = 2_000


@pytest.mark.parametrize("page", [Page(40, min_id=1), Page(40)], ids=["upward", "downward"])
def test_a_very_large_group_is_not_read_again_for_each_of_its_notifications(
    cursor: Cursor, subjects: NotificationSubjects, page: Page
) -> None:
    params = {"recipient": subjects.recipient, "post": subjects.posts[0], "at": make.NOW, "many": MANY}
    fans = "insert into accounts (id, username, created_at) select n, 'fan' || n, %(at)s from generate_series(1, %(many)s) n"
    execute(cursor, fans, params)
    execute(
        cursor,
        """insert into notifications (id, account_id, kind, from_account_id, post_id, group_key, created_at)
           select 1000 + n, %(recipient)s, 'favourite', n, %(post)s, 'favourite-1', %(at)s from generate_series(1, %(many)s) n""",
        params,
    )
    execute(cursor, "analyze notifications")
    sql = notification_groups._PAGES[True, page.upward]
    params = bounds(page) | GroupSelection().params() | {"account": subjects.recipient, "upward": page.upward}
    assert [row.count for row in fetch_all(cursor, notification_groups._row, sql, params)] == [MANY]
    [plan] = fetch_value(cursor, f"explain (analyze, timing off, format json) {sql}", params)
    assert rows_read(plan["Plan"]) < 20 * MANY


def rows_read(node: dict[str, Any]) -> int:
    """Count the rows that any step of a plan returned or discarded."""
    thrown = sum(int(value) for name, value in node.items() if name.startswith("Rows Removed"))
    own = (int(node["Actual Rows"]) + thrown) * int(node["Actual Loops"])
    return own + sum(map(rows_read, node.get("Plans", [])))
