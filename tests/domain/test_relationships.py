"""Mutes, notes, and relationships between accounts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from microblog.domain.relationships import Relationships
from microblog.model.accounts import Relationship, Viewer
from microblog.model.errors import Forbidden, Invalid, NotFound
from microblog.model.ids import AccountId
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.storage import follows, notifications
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase, WallClock, result_of


@pytest.fixture
def clock() -> WallClock:
    return WallClock(make.NOW)


@pytest.fixture
def relationships_service(db: RolledBackDatabase, clock: WallClock) -> Relationships:
    return Relationships(db, clock)


@pytest.fixture
def ann(cursor: Cursor) -> Viewer:
    return make.viewer(cursor, "ann")


@pytest.fixture
def ben(cursor: Cursor) -> Viewer:
    return make.viewer(cursor, "ben")


def event_kinds(cursor: Cursor) -> list[str]:
    cursor.execute("select kind from events order by xid, id")
    return [kind for (kind,) in cursor.fetchall()]


def test_strangers_have_an_empty_relationship_and_are_not_left_out(relationships_service: Relationships, ann: Viewer, ben: Viewer) -> None:
    assert result_of(relationships_service.between(ann, [AccountId(1), ben.id, ann.id])) == [Relationship(ben.id), Relationship(ann.id)]
    assert result_of(relationships_service.between(ann, [])) == []


def test_a_relationship_has_everything_between_two_accounts(
    relationships_service: Relationships, cursor: Cursor, ann: Viewer, ben: Viewer
) -> None:
    make.follow(cursor, ann, ben, boosts=False, notify=True)
    make.follow(cursor, ben, ann)
    make.mute(cursor, ann, ben)
    make.block(cursor, ann, ben)
    result_of(relationships_service.note(ann, ben.id, " met at the fair \n"))
    [seen] = result_of(relationships_service.between(ann, [ben.id]))
    assert seen == Relationship(
        ben.id,
        following=True,
        notifying=True,
        followed_by=True,
        blocking=True,
        muting=True,
        muting_notifications=True,
        note="met at the fair",
    )
    [other] = result_of(relationships_service.between(ben, [ann.id]))
    assert other == Relationship(ann.id, following=True, showing_boosts=True, followed_by=True, blocked_by=True)


def test_a_follow_request_shows_on_both_sides(relationships_service: Relationships, cursor: Cursor, ann: Viewer, ben: Viewer) -> None:
    follows.request(cursor, follower=ann.id, followee=ben.id, options=follows.FollowOptions(), now=make.NOW)
    assert result_of(relationships_service.between(ann, [ben.id]))[0].requested
    assert result_of(relationships_service.between(ben, [ann.id]))[0].requested_by


def test_a_temporary_mute_expires(relationships_service: Relationships, clock: WallClock, cursor: Cursor, ann: Viewer, ben: Viewer) -> None:
    now = result_of(relationships_service.mute(ann, ben.id, duration=timedelta(seconds=1)))
    assert (now.muting, now.muting_notifications, now.muting_until) == (True, True, make.NOW + timedelta(seconds=1))
    assert [one.until for one in result_of(relationships_service.muted(ann, Page()))] == [now.muting_until]
    assert result_of(relationships_service.end_mutes()) == 0
    clock.advance(seconds=1)
    assert not result_of(relationships_service.between(ann, [ben.id]))[0].muting
    assert result_of(relationships_service.muted(ann, Page())) == []
    assert (result_of(relationships_service.end_mutes()), result_of(relationships_service.end_mutes())) == (1, 0)
    assert event_kinds(cursor) == ["muted", "unmuted"]


def test_muting_again_changes_the_mute(relationships_service: Relationships, cursor: Cursor, ann: Viewer, ben: Viewer) -> None:
    result_of(relationships_service.mute(ann, ben.id, duration=timedelta(hours=1)))
    now = result_of(relationships_service.mute(ann, ben.id, notifications=False))
    assert (now.muting, now.muting_notifications, now.muting_until) == (True, False, None)
    result_of(relationships_service.mute(ann, ben.id, notifications=False))
    assert not result_of(relationships_service.unmute(ann, ben.id)).muting
    result_of(relationships_service.unmute(ann, ben.id))
    assert event_kinds(cursor) == ["muted", "muted", "unmuted"]


@pytest.mark.parametrize("duration", [timedelta.max, timedelta(days=36500)])
def test_a_mute_for_centuries_is_permanent(relationships_service: Relationships, ann: Viewer, ben: Viewer, duration: timedelta) -> None:
    assert result_of(relationships_service.mute(ann, ben.id, duration=duration)).muting_until is None


def test_a_mute_of_negative_length_is_refused(relationships_service: Relationships, ann: Viewer, ben: Viewer) -> None:
    with pytest.raises(Invalid):
        result_of(relationships_service.mute(ann, ben.id, duration=timedelta(seconds=-1)))


def test_own_and_missing_accounts_cannot_be_blocked_or_muted(relationships_service: Relationships, ann: Viewer) -> None:
    for command in (relationships_service.block, relationships_service.mute):
        with pytest.raises(Forbidden):
            result_of(command(ann, ann.id))
        with pytest.raises(NotFound):
            result_of(command(ann, AccountId(1)))
    with pytest.raises(NotFound):
        result_of(relationships_service.note(ann, AccountId(1), "who?"))


def test_the_lists_have_blocked_and_muted_accounts(relationships_service: Relationships, cursor: Cursor, ann: Viewer, ben: Viewer) -> None:
    cat = make.viewer(cursor, "cat")
    for one in (ben, cat):
        result_of(relationships_service.block(ann, one.id))
        result_of(relationships_service.mute(ann, one.id))
    newest = result_of(relationships_service.blocked(ann, Page(limit=1)))
    assert [one.account.username for one in newest] == ["cat"]
    assert [one.account.username for one in result_of(relationships_service.blocked(ann, Page(max_id=newest[0].id)))] == ["ben"]
    assert [one.account.username for one in result_of(relationships_service.muted(ann, Page()))] == ["cat", "ben"]
    assert result_of(relationships_service.blocked(ben, Page())) == []


def test_a_block_deletes_notifications_of_each_about_the_other(
    relationships_service: Relationships, cursor: Cursor, ann: Viewer, ben: Viewer
) -> None:
    for one, other in ((ann, ben), (ben, ann)):
        notifications.add(cursor, accounts=[one.id], kind=NotificationKind.FOLLOW, sender=other.id, now=make.NOW)
    result_of(relationships_service.block(ann, ben.id))
    for one in (ann, ben):
        assert notifications.page_of(cursor, account=one.id, page=Page()) == []


def test_a_note_can_be_changed_and_cleared(relationships_service: Relationships, ann: Viewer, ben: Viewer) -> None:
    result_of(relationships_service.note(ann, ben.id, "one"))
    assert result_of(relationships_service.note(ann, ben.id, "two")).note == "two"
    assert result_of(relationships_service.note(ann, ben.id, " ")).note == ""
    for too_much in ("x" * 2001, "\0"):
        with pytest.raises(Invalid):
            result_of(relationships_service.note(ann, ben.id, too_much))
