"""What the event log says for the server of a follower elsewhere when somebody here ends a follow or a block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from microblog.domain.follows import Follows
from microblog.domain.relationships import Relationships
from microblog.model.accounts import Account, Viewer
from microblog.model.events import EventKind
from microblog.storage import follows as rows
from microblog.storage.database import Cursor
from microblog.storage.follows import FollowOptions
from tests import make
from tests.fakes import RolledBackDatabase, result_of
from tests.make import NOW

FOLLOW = "https://there.example/follows/1"


def recorded(cursor: Cursor, kind: EventKind) -> list[tuple[int, int, dict[str, Any]]]:
    cursor.execute("select account_id, subject_id, data from events where kind = %s order by id", [kind])
    return cursor.fetchall()


def test_a_follower_elsewhere_is_told_that_the_follow_was_ended(cursor: Cursor, db: RolledBackDatabase) -> None:
    endings: dict[str, Callable[[Viewer, Account], object]] = {
        "removed": lambda ada, bo: result_of(Follows(db, lambda: NOW).remove_follower(ada, bo.id)),
        "blocked": lambda ada, bo: result_of(Relationships(db, lambda: NOW).block(ada, bo.id)),
    }
    for end in endings.values():
        ada, bo = make.viewer(cursor), make.remote_account(cursor)
        make.follow(cursor, bo, ada)
        rows.set_activity_uri(cursor, follower=bo.id, followee=ada.id, uri=FOLLOW)
        end(ada, bo)
        (account, subject, data) = recorded(cursor, EventKind.FOLLOW_REJECTED)[-1]
        assert (account, subject, data["activity_uri"]) == (bo.id, ada.id, FOLLOW)
    assert len(recorded(cursor, EventKind.FOLLOW_REJECTED)) == 2


def test_a_rejected_request_of_a_follower_elsewhere_is_recorded(cursor: Cursor, db: RolledBackDatabase) -> None:
    ada, bo = make.viewer(cursor, locked=True), make.remote_account(cursor)
    rows.request(cursor, follower=bo.id, followee=ada.id, options=FollowOptions(), now=NOW)
    rows.set_activity_uri(cursor, follower=bo.id, followee=ada.id, uri=FOLLOW)
    result_of(Follows(db, lambda: NOW).reject(ada, bo.id))
    [(account, subject, data)] = recorded(cursor, EventKind.FOLLOW_REJECTED)
    assert (account, subject, data["activity_uri"], data["follow"].isdecimal()) == (bo.id, ada.id, FOLLOW, True)


def test_an_accepted_request_keeps_the_id_of_its_activity(cursor: Cursor, db: RolledBackDatabase) -> None:
    ada, bo = make.viewer(cursor, locked=True), make.remote_account(cursor)
    rows.request(cursor, follower=bo.id, followee=ada.id, options=FollowOptions(), now=NOW)
    rows.set_activity_uri(cursor, follower=bo.id, followee=ada.id, uri=FOLLOW)
    result_of(Follows(db, lambda: NOW).accept(ada, bo.id))
    deleted = rows.unfollow(cursor, follower=bo.id, followee=ada.id)
    assert deleted is not None
    assert deleted.activity_uri == FOLLOW


@pytest.mark.parametrize("who", ["the follower", "people here"])
def test_nobody_is_told_of_what_the_follower_or_people_here_ended(cursor: Cursor, db: RolledBackDatabase, who: str) -> None:
    ada, service = make.viewer(cursor), Follows(db, lambda: NOW)
    bo = make.account(cursor)
    make.follow(cursor, bo, ada)
    if who == "the follower":
        rows.set_activity_uri(cursor, follower=bo.id, followee=ada.id, uri=FOLLOW)
        result_of(service.unfollow(Viewer(bo), ada.id))
    else:
        result_of(service.remove_follower(ada, bo.id))
    assert recorded(cursor, EventKind.FOLLOW_REJECTED) == []
    assert len(recorded(cursor, EventKind.UNFOLLOWED)) == 1


def test_the_end_of_a_block_says_which_one_it_was(cursor: Cursor, db: RolledBackDatabase) -> None:
    ada, bo = make.viewer(cursor), make.remote_account(cursor)
    make.block(cursor, ada, bo)
    result_of(Relationships(db, lambda: NOW).unblock(ada, bo.id))
    [(_, _, data)] = recorded(cursor, EventKind.UNBLOCKED)
    assert data["block"].isdecimal()
