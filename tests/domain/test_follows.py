"""Follows, follow requests, and lists of followers."""

from __future__ import annotations

import pytest

from microblog.domain.accounts import Accounts, ProfileChanges
from microblog.domain.follows import FollowRequestOptions, Follows, NoRequest
from microblog.domain.relationships import Relationships
from microblog.model.accounts import Account, RelatedAccount, Viewer
from microblog.model.errors import Forbidden, Invalid, NotFound
from microblog.model.ids import AccountId
from microblog.model.paging import Page
from microblog.storage import notifications
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase, WallClock, result_of


@pytest.fixture
def follows(db: RolledBackDatabase) -> Follows:
    return Follows(db, WallClock(make.NOW))


@pytest.fixture
def relationships_service(db: RolledBackDatabase) -> Relationships:
    return Relationships(db, WallClock(make.NOW))


@pytest.fixture
def ann(cursor: Cursor) -> Viewer:
    return make.viewer(cursor, "ann")


@pytest.fixture
def ben(cursor: Cursor) -> Viewer:
    return make.viewer(cursor, "ben")


def counts(cursor: Cursor, who: Account | Viewer) -> tuple[int, int]:
    """Return the counters of followed accounts and followers."""
    account = make.reload(cursor, who)
    return account.following_count, account.followers_count


def event_kinds(cursor: Cursor) -> list[tuple[str, int, int]]:
    """Return the events, without notifications."""
    cursor.execute("select kind, account_id, subject_id from events where kind <> 'notified' order by xid, id")
    return cursor.fetchall()


def notified(cursor: Cursor, who: Viewer) -> list[tuple[str, int]]:
    """Return the notifications of an account, newest first."""
    return [(row.kind, row.sender) for row in notifications.page_of(cursor, account=who.id, page=Page())]


def names(people: list[RelatedAccount]) -> list[str]:
    return [one.account.username for one in people]


def test_a_follow_changes_counters_notifies_and_records_an_event(follows: Follows, cursor: Cursor, ann: Viewer, ben: Viewer) -> None:
    now = result_of(follows.follow(ann, ben.id))
    assert (now.following, now.showing_boosts, now.notifying, now.requested) == (True, True, False, False)
    assert (counts(cursor, ann), counts(cursor, ben)) == ((1, 0), (0, 1))
    assert notified(cursor, ben) == [("follow", ann.id)]
    assert event_kinds(cursor) == [("followed", ann.id, ben.id)]


def test_following_twice_has_no_further_effect(follows: Follows, cursor: Cursor, ann: Viewer, ben: Viewer) -> None:
    result_of(follows.follow(ann, ben.id))
    result_of(follows.follow(ann, ben.id))
    assert (counts(cursor, ann), counts(cursor, ben)) == ((1, 0), (0, 1))
    assert len(notified(cursor, ben)) == len(event_kinds(cursor)) == 1


def test_following_again_changes_only_the_given_options(follows: Follows, cursor: Cursor, ann: Viewer, ben: Viewer) -> None:
    result_of(follows.follow(ann, ben.id, FollowRequestOptions(notify=True, languages=("de", "EN", "de"))))
    now = result_of(follows.follow(ann, ben.id, FollowRequestOptions(boosts=False)))
    assert (now.showing_boosts, now.notifying, now.languages) == (False, True, ("de", "en"))
    assert result_of(follows.follow(ann, ben.id, FollowRequestOptions(languages=()))).languages is None
    assert counts(cursor, ben) == (0, 1)
    cursor.execute("select data->'boosts' from events where kind = 'followed' order by id")
    assert [boosts for (boosts,) in cursor.fetchall()] == [True, False, False]


@pytest.mark.parametrize("languages", [("e",), ("english",), ("d1",), ("\0\0",), tuple("abcdefghijklmnopqrstuvw")])
def test_an_unknown_language_is_refused(follows: Follows, ann: Viewer, ben: Viewer, languages: tuple[str, ...]) -> None:
    with pytest.raises(Invalid):
        result_of(follows.follow(ann, ben.id, FollowRequestOptions(languages=languages)))


def test_an_account_cannot_follow_itself(follows: Follows, ann: Viewer) -> None:
    with pytest.raises(Forbidden):
        result_of(follows.follow(ann, ann.id))


def test_missing_and_suspended_accounts_cannot_be_followed(follows: Follows, cursor: Cursor, ann: Viewer, ben: Viewer) -> None:
    make.suspend(cursor, ben)
    for nobody in (ben.id, AccountId(1)):
        with pytest.raises(NotFound):
            result_of(follows.follow(ann, nobody))
    with pytest.raises(NotFound):
        result_of(follows.unfollow(ann, AccountId(1)))


def test_a_block_in_either_direction_prevents_following(follows: Follows, cursor: Cursor, ann: Viewer, ben: Viewer) -> None:
    make.block(cursor, ann, ben)
    with pytest.raises(Forbidden):
        result_of(follows.follow(ann, ben.id))
    with pytest.raises(Forbidden):
        result_of(follows.follow(ben, ann.id))
    assert counts(cursor, ann) == counts(cursor, ben) == (0, 0)


def test_unfollowing_undoes_the_follow_and_can_be_repeated(follows: Follows, cursor: Cursor, ann: Viewer, ben: Viewer) -> None:
    result_of(follows.follow(ann, ben.id))
    assert not result_of(follows.unfollow(ann, ben.id)).following
    result_of(follows.unfollow(ann, ben.id))
    assert (counts(cursor, ann), counts(cursor, ben)) == ((0, 0), (0, 0))
    assert notified(cursor, ben) == []
    assert event_kinds(cursor) == [("followed", ann.id, ben.id), ("unfollowed", ann.id, ben.id)]


def test_a_follow_request_to_a_locked_account_counts_nothing_until_accepted(follows: Follows, cursor: Cursor, ann: Viewer) -> None:
    shy = make.viewer(cursor, "shy", locked=True)
    now = result_of(follows.follow(ann, shy.id, FollowRequestOptions(notify=True)))
    assert (now.following, now.requested, now.notifying) == (False, True, True)
    result_of(follows.follow(ann, shy.id))
    assert (counts(cursor, ann), counts(cursor, shy)) == ((0, 0), (0, 0))
    assert notified(cursor, shy) == [("follow_request", ann.id)]
    assert names(result_of(follows.requests(shy, Page()))) == ["ann"]
    assert result_of(follows.count_requests(shy)) == 1
    assert event_kinds(cursor) == []

    seen_by_shy = result_of(follows.accept(shy, ann.id))
    assert (seen_by_shy.followed_by, seen_by_shy.requested_by) == (True, False)
    with pytest.raises(NoRequest):
        result_of(follows.accept(shy, ann.id))
    assert (counts(cursor, ann), counts(cursor, shy)) == ((1, 0), (0, 1))
    assert notified(cursor, shy) == [("follow", ann.id)]
    assert result_of(follows.count_requests(shy)) == 0
    assert event_kinds(cursor) == [("followed", ann.id, shy.id)]
    assert result_of(follows.follow(ann, shy.id)).notifying


def test_a_refused_or_withdrawn_request_leaves_nothing(follows: Follows, cursor: Cursor, ann: Viewer, ben: Viewer) -> None:
    shy = make.viewer(cursor, "shy", locked=True)
    for one in (ann, ben):
        result_of(follows.follow(one, shy.id))
    result_of(follows.reject(shy, ann.id))
    with pytest.raises(NoRequest):
        result_of(follows.reject(shy, ann.id))
    assert not result_of(follows.unfollow(ben, shy.id)).requested
    assert (result_of(follows.requests(shy, Page())), notified(cursor, shy), event_kinds(cursor)) == ([], [], [])


def test_only_an_existing_follow_request_can_be_accepted(follows: Follows, cursor: Cursor, ann: Viewer, ben: Viewer) -> None:
    for settle in (follows.accept, follows.reject):
        with pytest.raises(NoRequest):
            result_of(settle(ann, ben.id))
    assert counts(cursor, ann) == (0, 0)


def test_unlocking_an_account_accepts_its_follow_requests(
    follows: Follows, db: RolledBackDatabase, cursor: Cursor, ann: Viewer, ben: Viewer
) -> None:
    shy = make.viewer(cursor, "shy", locked=True)
    for one in (ann, ben):
        result_of(follows.follow(one, shy.id))
    people = Accounts(db, "example.org", "https://example.org", WallClock(make.NOW))
    assert result_of(people.edit(shy, ProfileChanges(locked=False))).followers_count == 2
    assert names(result_of(follows.followers(None, shy.id, Page()))) == ["ben", "ann"]
    assert notified(cursor, shy) == [("follow", ben.id), ("follow", ann.id)]


def test_a_follower_can_be_removed(follows: Follows, cursor: Cursor, ann: Viewer, ben: Viewer) -> None:
    result_of(follows.follow(ann, ben.id))
    assert not result_of(follows.remove_follower(ben, ann.id)).followed_by
    assert (counts(cursor, ann), counts(cursor, ben)) == ((0, 0), (0, 0))
    assert event_kinds(cursor)[-1] == ("unfollowed", ann.id, ben.id)


def test_a_block_ends_follows_both_ways_and_unblocking_does_not_restore_them(
    follows: Follows, relationships_service: Relationships, cursor: Cursor, ann: Viewer, ben: Viewer
) -> None:
    result_of(follows.follow(ann, ben.id))
    result_of(follows.follow(ben, ann.id))
    now = result_of(relationships_service.block(ann, ben.id))
    assert (now.blocking, now.following, now.followed_by) == (True, False, False)
    assert (counts(cursor, ann), counts(cursor, ben)) == ((0, 0), (0, 0))
    assert (notified(cursor, ann), notified(cursor, ben)) == ([], [])
    result_of(relationships_service.block(ann, ben.id))
    assert event_kinds(cursor)[2:] == [("unfollowed", ann.id, ben.id), ("unfollowed", ben.id, ann.id), ("blocked", ann.id, ben.id)]
    result_of(relationships_service.unblock(ann, ben.id))
    result_of(relationships_service.unblock(ann, ben.id))
    assert event_kinds(cursor)[5:] == [("unblocked", ann.id, ben.id)]
    assert result_of(relationships_service.between(ben, [ann.id]))[0].blocked_by is False


def test_a_block_deletes_follow_requests(follows: Follows, relationships_service: Relationships, cursor: Cursor, ann: Viewer) -> None:
    shy = make.viewer(cursor, "shy", locked=True)
    result_of(follows.follow(ann, shy.id))
    result_of(relationships_service.block(shy, ann.id))
    assert result_of(follows.requests(shy, Page())) == []
    with pytest.raises(NoRequest):
        result_of(follows.accept(shy, ann.id))


def test_lists_of_accounts_are_paged_by_follow_and_not_by_account(follows: Follows, cursor: Cursor, ann: Viewer) -> None:
    people = [make.viewer(cursor, f"p{number}") for number in range(5)]
    for one in reversed(people):
        make.follow(cursor, one, ann)
    first = result_of(follows.followers(None, ann.id, Page(limit=2)))
    assert names(first) == ["p0", "p1"]
    second = result_of(follows.followers(None, ann.id, Page(limit=2, max_id=first[-1].id)))
    assert names(second) == ["p2", "p3"]
    assert names(result_of(follows.followers(None, ann.id, Page(limit=2, min_id=second[-1].id)))) == ["p1", "p2"]
    assert names(result_of(follows.following(None, people[0].id, Page()))) == ["ann"]


def test_hidden_lists_are_visible_to_their_owner_only(follows: Follows, db: RolledBackDatabase, ann: Viewer, ben: Viewer) -> None:
    result_of(follows.follow(ben, ann.id))
    people = Accounts(db, "example.org", "https://example.org", WallClock(make.NOW))
    result_of(people.edit(ann, ProfileChanges(hide_relations=True)))
    assert result_of(follows.followers(None, ann.id, Page())) == []
    assert result_of(follows.followers(ben, ann.id, Page())) == []
    assert names(result_of(follows.followers(ann, ann.id, Page()))) == ["ben"]


def test_lists_leave_out_suspended_and_blocked_accounts(follows: Follows, cursor: Cursor, ann: Viewer, ben: Viewer) -> None:
    cat, dan, eve = (make.viewer(cursor, name) for name in ("cat", "dan", "eve"))
    for one in (ben, cat, dan, eve):
        make.follow(cursor, one, ann)
    make.suspend(cursor, cat)
    make.block(cursor, ben, dan)
    make.block(cursor, eve, ben)
    assert names(result_of(follows.followers(None, ann.id, Page()))) == ["eve", "dan", "ben"]
    assert names(result_of(follows.followers(ben, ann.id, Page()))) == ["ben"]
    make.block(cursor, ann, ben)
    assert result_of(follows.followers(ben, ann.id, Page())) == []
    make.suspend(cursor, ann)
    assert result_of(follows.followers(None, ann.id, Page())) == []
