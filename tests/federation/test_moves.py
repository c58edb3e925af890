"""Moves of accounts between servers: what is believed, who follows whom afterwards, and what other servers are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest

from microblog.domain.follows import Follows, confirm_follow
from microblog.domain.lists import ListOptions, Lists
from microblog.domain.moves import FollowerMoves, Moves
from microblog.domain.relationships import Relationships
from microblog.federation.documents.write_actor import actor_details, write_actor
from microblog.federation.incoming import parse_activity
from microblog.federation.incoming_moves import is_move_of_followed
from microblog.model.accounts import Account, Viewer
from microblog.model.actor_keys import StoredKeyPair
from microblog.model.errors import Forbidden, Invalid
from microblog.model.ids import AccountId
from microblog.model.jobs import RetryLater
from microblog.storage import accounts, actor_keys, lists, moves
from microblog.storage.database import Cursor, Database, fetch_value
from microblog.storage.follows import FollowOptions, follow_options, request_options
from tests import make
from tests.fakes import RolledBackDatabase, result_of
from tests.federation.documents import activity
from tests.federation.internet import SITE
from tests.federation.outgoing import OutboundFixture, remote_follower
from tests.federation.remote_side import BO, RemoteSide, known_actor, service, store_actor
from tests.make import NOW
from tests.storage.test_people_at_once import database, interleaved

__all__ = ["database"]

CY = "https://c.example/users/cy"
PASSWORD = "correct horse battery"


@pytest.fixture
def side(cursor: Cursor) -> RemoteSide:
    return service(cursor)


@pytest.fixture
def outbound(cursor: Cursor) -> OutboundFixture:
    return OutboundFixture(cursor)


def publish(side: RemoteSide, uri: str = CY, **values: Any) -> None:
    """Let the server of an actor serve its document."""
    host, name = uri.split("/")[2], uri.rsplit("/", 1)[1]
    document = {"id": uri, "type": "Person", "preferredUsername": name, "inbox": f"{uri}/inbox", **values}
    links = [{"rel": "self", "type": "application/activity+json", "href": uri}]
    finger = {"subject": f"acct:{name}@{host}", "links": links}
    address = f"https://{host}/.well-known/webfinger?resource=acct%3A{name}%40{host}"
    side.internet.documents |= {uri: document, address: finger}


def move(target: str = CY, **changes: Any) -> dict[str, Any]:
    return activity("Move", BO, **{"id": f"{BO}#moves/1", "target": target, **changes})


def run_jobs(cursor: Cursor, db: RolledBackDatabase) -> None:
    """Run the jobs that let followers move."""
    cursor.execute("delete from jobs where kind = 'account.move' returning payload")
    for (payload,) in cursor.fetchall():
        moving = FollowerMoves(db, Follows(db, lambda: NOW), Relationships(db, lambda: NOW))
        result_of(moving.run(AccountId(int(payload["account"])), AccountId(int(payload["target"]))))


def follows(cursor: Cursor, who: Viewer, target: Account | Viewer) -> bool:
    return follow_options(cursor, follower=who.id, followee=target.id) is not None


async def moved(side: RemoteSide, **changes: Any) -> Account:
    await side.receive(move(**changes))
    run_jobs(side.cursor, side.db)
    return known_actor(side.cursor)


async def test_followers_here_follow_the_new_account_with_their_options(side: RemoteSide, cursor: Cursor) -> None:
    ada, ben = make.viewer(cursor), make.viewer(cursor)
    old = known_actor(cursor)
    make.follow(cursor, ada, old, boosts=False, notify=True, languages=("de",))
    publish(side, alsoKnownAs=[BO])
    assert (await moved(side)).moved_to == known_actor(cursor, CY).id
    new = known_actor(cursor, CY)
    assert not follows(cursor, ada, old)
    assert request_options(cursor, follower=ada.id, followee=new.id) == FollowOptions(boosts=False, notify=True, languages=("de",))
    assert not follows(cursor, ben, new)
    assert side.told(ada) == []
    cursor.execute("select kind from events where kind like 'follow.%' order by id")
    assert cursor.fetchall() == [("follow.requested",), ("follow.withdrawn",)]


async def test_a_move_counts_only_if_the_new_account_names_the_old_one(side: RemoteSide, cursor: Cursor) -> None:
    ada, old = make.viewer(cursor), known_actor(cursor)
    make.follow(cursor, ada, old)
    for aliases in ([], ["https://b.example/users/other"], "https://b.example/users/bo2"):
        publish(side, alsoKnownAs=aliases)
        assert (await moved(side)).moved_to is None
        assert follows(cursor, ada, old)
    publish(side, alsoKnownAs=BO)  # added a moment ago: the document is read anew
    assert (await moved(side)).moved_to is not None
    assert not follows(cursor, ada, old)


@pytest.mark.parametrize("changes", [{"object": CY}, {"target": BO}, {"target": "https://c.example/users/nobody"}, {"target": "nonsense"}])
async def test_nobody_moves_anybody_else_or_to_nobody(side: RemoteSide, cursor: Cursor, changes: dict[str, Any]) -> None:
    make.follow(cursor, make.viewer(cursor), known_actor(cursor))
    publish(side, alsoKnownAs=[BO])
    document = {**move(), **changes}
    await side.receive(document)
    assert known_actor(cursor).moved_to is None
    cursor.execute("select count(*) from jobs where kind = 'account.move'")
    assert cursor.fetchall() == [(0,)]


async def test_a_server_that_does_not_respond_is_asked_again(side: RemoteSide, cursor: Cursor) -> None:
    side.internet.down.add("c.example")
    with pytest.raises(RetryLater):
        await side.receive(move())


async def test_an_account_moves_once_in_seven_days(side: RemoteSide, cursor: Cursor) -> None:
    other = "https://d.example/users/dee"
    publish(side, alsoKnownAs=[BO])
    publish(side, other, alsoKnownAs=[BO])
    await moved(side)
    side.time += timedelta(days=6)
    assert (await moved(side, target=other, id=f"{BO}#moves/2")).moved_to == known_actor(cursor, CY).id
    side.time += timedelta(days=1)
    assert (await moved(side, target=other, id=f"{BO}#moves/3")).moved_to == known_actor(cursor, other).id


async def test_people_who_move_here_bring_their_followers_even_to_a_locked_account(side: RemoteSide, cursor: Cursor) -> None:
    ada, old = make.viewer(cursor, "ada", locked=True), known_actor(cursor)
    fan, asked, foe = make.viewer(cursor), make.viewer(cursor), make.viewer(cursor)
    for who in (fan, asked, foe):
        make.follow(cursor, who, old)
    result_of(Follows(side.db, lambda: NOW).follow(asked, ada.id))  # a request
    make.block(cursor, ada, foe)
    await moved(side, target=SITE.actor("ada"))
    assert follows(cursor, fan, old)  # no alias yet
    moves.add_alias(cursor, account=ada.id, target=old.id, now=NOW)
    assert (await moved(side, target=SITE.actor("ada"))).moved_to == ada.id
    assert [follows(cursor, who, ada) for who in (fan, asked, foe)] == [True, True, False]
    assert [follows(cursor, who, old) for who in (fan, asked, foe)] == [False, False, True]
    assert side.told(ada) == []
    assert (make.reload(cursor, ada).followers_count, known_actor(cursor).followers_count) == (2, 1)
    assert request_options(cursor, follower=asked.id, followee=ada.id) is None


async def test_lists_notes_mutes_and_blocks_follow(side: RemoteSide, cursor: Cursor) -> None:
    ada, blocker, muter, old = make.viewer(cursor), make.viewer(cursor), make.viewer(cursor), known_actor(cursor)
    make.follow(cursor, ada, old)
    friends = result_of(Lists(side.db, lambda: NOW).create(ada, ListOptions(title="Friends")))
    result_of(Lists(side.db, lambda: NOW).add(ada, friends.id, [old.id]))
    result_of(Relationships(side.db, lambda: NOW).note(ada, old.id, "Met in Graz"))
    make.block(cursor, blocker, old)
    make.mute(cursor, muter, old, until=NOW + timedelta(days=1))
    publish(side, alsoKnownAs=[BO])
    for number in range(2):
        await moved(side, id=f"{BO}#moves/{number}")
    new = known_actor(cursor, CY)
    assert lists.with_member(cursor, account=ada.id, member=new.id) == []
    accounts.lock(cursor, ids=[ada.id, new.id])
    assert confirm_follow(cursor, ada.id, new.id, NOW)
    assert [one.title for one in lists.with_member(cursor, account=ada.id, member=new.id)] == ["Friends"]
    [to_new] = result_of(Relationships(side.db, lambda: NOW).between(ada, [new.id]))
    assert to_new.note == "This user moved from @bo@b.example. Your note about that account:\n\nMet in Graz"
    assert result_of(Relationships(side.db, lambda: NOW).between(blocker, [new.id]))[0].blocking
    mute = result_of(Relationships(side.db, lambda: NOW).between(muter, [new.id]))[0]
    assert (mute.muting, mute.muting_until) == (True, NOW + timedelta(days=1))


async def test_a_killed_job_goes_on_where_it_was(side: RemoteSide, cursor: Cursor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("microblog.domain.moves.STEP", 2)
    fans, old = [make.viewer(cursor) for _ in range(5)], known_actor(cursor)
    for fan in fans:
        make.follow(cursor, fan, old)
    ada = make.viewer(cursor, "ada")
    moves.add_alias(cursor, account=ada.id, target=old.id, now=NOW)
    await side.receive(move(SITE.actor("ada")))
    moving = FollowerMoves(side.db, Follows(side.db, lambda: NOW), Relationships(side.db, lambda: NOW))
    assert await side.db.run(moving._step, old.id, ada.id, 0)
    assert [follows(cursor, fan, ada) for fan in fans] == [True, True, False, False, False]
    run_jobs(cursor, side.db)
    assert all(follows(cursor, fan, ada) and not follows(cursor, fan, old) for fan in fans)
    assert make.reload(cursor, ada).followers_count == 5


async def test_blocks_follow_without_a_deadlock(database: Database) -> None:
    def prepare(cursor: Cursor) -> tuple[Account, Viewer, Viewer]:
        old = make.remote_account(cursor)
        first, second, new = sorted((make.viewer(cursor) for _ in range(3)), key=lambda viewer: viewer.id)
        for blocker in (first, second):
            make.block(cursor, blocker, old)
        moves.record_move(cursor, account=old.id, target=new.id, now=NOW)
        return old, second, new

    old, blocker, new = await database.run(prepare)

    def another_command(cursor: Cursor, pause: Callable[[], None]) -> None:
        accounts.lock(cursor, ids=[blocker.id])
        fetch_value(cursor, "select 1")
        pause()
        accounts.lock(cursor, ids=[new.id])

    moving = FollowerMoves(database, Follows(database, lambda: NOW), Relationships(database, lambda: NOW))
    await interleaved(database, another_command, lambda: moving.run(old.id, new.id))
    assert await database.read(fetch_value, f"select count(*) from blocks where target_id = {new.id}") == 2
    assert sum(timing.retries for timing in database.timings.values()) == 0


async def test_nothing_follows_once_the_move_was_taken_back(side: RemoteSide, cursor: Cursor) -> None:
    ada, old, new = make.viewer(cursor), known_actor(cursor), make.viewer(cursor)
    make.block(cursor, make.viewer(cursor), old)
    make.mute(cursor, make.viewer(cursor), old)
    make.follow(cursor, ada, old)
    result_of(Relationships(side.db, lambda: NOW).note(ada, old.id, "Met in Graz"))
    moves.record_move(cursor, account=old.id, target=new.id, now=NOW)
    moves.set_moved_to(cursor, account=old.id, target=None)
    await FollowerMoves(side.db, Follows(side.db, lambda: NOW), Relationships(side.db, lambda: NOW)).run(old.id, new.id)
    assert follows(cursor, ada, old)
    for table, column in (("follows", "followee_id"), ("blocks", "target_id"), ("mutes", "target_id"), ("account_notes", "target_id")):
        assert side.rows(f"select from {table} where {column} = {new.id}") == [], table


def test_only_moves_of_followed_accounts_concern_this_site(side: RemoteSide, cursor: Cursor) -> None:
    bo = known_actor(cursor)

    def concerns(**changes: Any) -> bool:
        return is_move_of_followed(cursor, parse_activity(orjson.dumps(move(**changes))), bo.id)

    assert not concerns()
    make.follow(cursor, make.viewer(cursor), bo)
    assert concerns()
    assert not is_move_of_followed(cursor, parse_activity(orjson.dumps({**move(), "object": CY})), bo.id)


async def test_a_document_says_where_its_account_moved_to(side: RemoteSide, cursor: Cursor) -> None:
    cy = store_actor(cursor, CY)
    cursor.execute("update remote_actors set also_known_as = %s where account_id = %s", [[BO], cy.id])
    publish(side, BO, movedTo=CY)
    await side.effects.actors.fetch(BO)
    assert known_actor(cursor).moved_to == cy.id
    publish(side, BO)
    await side.effects.actors.fetch(BO)
    assert known_actor(cursor).moved_to is None


# --- From here


@pytest.fixture
def ada(cursor: Cursor) -> Viewer:
    viewer = make.viewer(cursor, "ada")
    actor_keys.add(cursor, account=viewer.id, pair=StoredKeyPair("PEM", b"sealed"), now=NOW)
    return viewer


def move_from_here(cursor: Cursor, db: RolledBackDatabase, who: Viewer, target: Account, time: Any = NOW) -> None:
    service: Any = Moves(db, None, "site.test", "https://site.test", lambda: time)  # type: ignore[arg-type]
    service._move(cursor, who, target)


def test_followers_elsewhere_are_told_of_the_move_and_the_document_says_it(
    cursor: Cursor, db: RolledBackDatabase, side: RemoteSide, ada: Viewer, outbound: OutboundFixture
) -> None:
    remote_follower(cursor, ada, "f.example")
    new = store_actor(cursor, CY)
    with pytest.raises(Invalid, match="does not name this account"):
        move_from_here(cursor, db, ada, new)
    cursor.execute("update remote_actors set also_known_as = %s where account_id = %s", [[SITE.actor("ada")], new.id])
    move_from_here(cursor, db, ada, new)
    update, told = outbound.run()
    assert (update.kind, update.document["object"]["movedTo"]) == ("update_actor", CY)
    assert (told.kind, told.hosts) == ("move", ["f.example"])
    assert (told.document["actor"], told.document["object"], told.document["target"]) == (SITE.actor("ada"), SITE.actor("ada"), CY)
    with pytest.raises(Forbidden):
        result_of(Follows(db, lambda: NOW).follow(make.viewer(cursor), ada.id))


def test_a_second_move_has_to_wait_even_after_the_first_was_taken_back(cursor: Cursor, db: RolledBackDatabase, ada: Viewer) -> None:
    targets = [store_actor(cursor, f"https://{host}.example/users/ada") for host in "cd"]
    cursor.execute("update remote_actors set also_known_as = %s", [[SITE.actor("ada")]])
    move_from_here(cursor, db, ada, targets[0])
    with pytest.raises(Invalid, match="already moved"):
        move_from_here(cursor, db, ada, targets[0])
    moves.set_moved_to(cursor, account=ada.id, target=None)
    with pytest.raises(Invalid, match="short while"):
        move_from_here(cursor, db, ada, targets[1], NOW + timedelta(days=29))
    move_from_here(cursor, db, ada, targets[1], NOW + timedelta(days=30))
    assert make.reload(cursor, ada).moved_to == targets[1].id


def test_aliases_are_in_the_document_and_every_change_of_them_is_sent(
    cursor: Cursor, db: RolledBackDatabase, ada: Viewer, outbound: OutboundFixture
) -> None:
    remote_follower(cursor, ada, "f.example")
    bo, here = store_actor(cursor), make.account(cursor, "ada_old")
    service = Moves(db, None, "site.test", "https://site.test", lambda: NOW)  # type: ignore[arg-type]
    service._add_alias(cursor, ada, bo)
    assert outbound.one().document["object"]["alsoKnownAs"] == [BO]
    service._add_alias(cursor, ada, here)
    assert outbound.one().document["object"]["alsoKnownAs"] == [BO, SITE.actor("ada_old")]
    result_of(service.remove_alias(ada, bo.id))
    assert outbound.one().document["object"]["alsoKnownAs"] == [SITE.actor("ada_old")]
    document = write_actor(ada.account, actor_details(moves.addresses(cursor, account=ada.id), SITE), SITE)
    assert document["alsoKnownAs"] == [SITE.actor("ada_old")]
    with pytest.raises(Invalid):
        service._add_alias(cursor, ada, ada.account)
