"""Inboxes that are gone: which accounts end, and which stay."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from microblog.federation import gone_inboxes
from microblog.federation.gone_inboxes import GoneInboxes
from microblog.model.remote_requests import RemoteResponse
from microblog.storage.database import Cursor, fetch_all
from tests import make
from tests.federation.internet import JSON
from tests.federation.remote_side import BO, RemoteSide, known_actor, service, store_actor
from tests.make import NOW

GONE = RemoteResponse(410, {}, b"")
HOST = "b.example"
SHARED = f"https://{HOST}/inbox"


@pytest.fixture
def side(cursor: Cursor) -> RemoteSide:
    side = service(cursor)
    make.follow(cursor, known_actor(cursor), make.viewer(cursor, "ada"))
    return side


def document(uri: str = BO, **changes: Any) -> dict[str, Any]:
    name = uri.rpartition("/")[2]
    return {"id": uri, "type": "Person", "preferredUsername": name, "inbox": f"{uri}/inbox", **changes}


async def check(side: RemoteSide, inbox: str, after: int = 0) -> None:
    await GoneInboxes(side.db, side.effects.actors, lambda: side.time).check(HOST, inbox, after, lambda cursor: None)


def followers(side: RemoteSide) -> int:
    return len(side.rows("select from follows"))


def deleted(side: RemoteSide) -> list[str]:
    return fetch_all(side.cursor, str, "select uri from accounts where deleted_at is not null order by uri")


@pytest.mark.parametrize("inbox", [f"{BO}/inbox", SHARED])
async def test_an_account_that_is_gone_is_deleted(side: RemoteSide, inbox: str) -> None:
    side.internet.documents[BO] = GONE
    await check(side, inbox)
    assert (deleted(side), followers(side)) == ([BO], 1)  # its data go in a job
    assert side.rows("select from jobs where kind = 'account.purge'")


async def test_the_follows_of_an_account_without_an_inbox_end(side: RemoteSide) -> None:
    side.internet.documents[BO] = document()
    await check(side, f"{BO}/inbox")
    assert (deleted(side), followers(side)) == ([], 0)
    assert side.rows("select followers from account_counts c join accounts a on a.id = c.account_id where username = 'ada'") == [(0,)]


async def test_many_follows_end_in_several_transactions(side: RemoteSide, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gone_inboxes, "END_BATCH", 2)
    for _ in range(4):
        make.follow(side.cursor, known_actor(side.cursor), make.viewer(side.cursor))
    side.internet.documents[BO] = document()
    left = [followers(side)]
    side.db.committed = lambda: left.append(followers(side))
    await check(side, f"{BO}/inbox")
    assert max(before - after for before, after in pairwise(left)) == 2
    assert left[-1] == 0


@pytest.mark.parametrize(
    ("answer", "inbox"),
    [
        (document(endpoints={"sharedInbox": SHARED}), SHARED),
        (document(endpoints={"sharedInbox": SHARED}), f"{BO}/inbox"),
        (document(inbox=f"{BO}/other"), f"{BO}/inbox"),
        (document(), SHARED),
        (RemoteResponse(404, {}, b""), SHARED),
        (RemoteResponse(500, {}, b""), SHARED),
        (RemoteResponse(200, {"content-type": JSON}, b"nonsense"), SHARED),
        (document(), "https://b.example/users/cy/inbox"),
    ],
    ids=["shared", "both", "another", "no shared inbox any more", "missing", "broken", "nonsense", "somebody else"],
)
async def test_an_account_that_can_be_reached_stays(side: RemoteSide, answer: Any, inbox: str) -> None:
    side.internet.documents[BO] = answer
    await check(side, inbox)
    assert (deleted(side), followers(side)) == ([], 1)


async def test_a_server_that_closes_down_is_gone_as_a_whole(side: RemoteSide, cursor: Cursor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gone_inboxes, "PER_JOB", 2)
    others = [f"https://{HOST}/users/a{number}" for number in range(4)]
    ada = make.account_named(cursor, "ada")
    for uri in others:
        make.follow(cursor, store_actor(cursor, uri), ada)
    stranger = store_actor(cursor, f"https://{HOST}/users/stranger")
    side.internet.documents |= dict.fromkeys((BO, *others, str(stranger.uri)), GONE)
    gone_inboxes.enqueue(cursor, host=HOST, inbox=SHARED, now=NOW)
    taken = "delete from jobs where kind = 'federation.gone' returning (payload->>'after')::bigint"
    rounds = 0
    while waiting := fetch_all(cursor, int, taken):
        await check(side, SHARED, waiting[0])
        rounds += 1
    assert deleted(side) == sorted([BO, *others])
    assert rounds == 3
