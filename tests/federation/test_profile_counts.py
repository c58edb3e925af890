"""Counts of followers, followed accounts and posts on profiles of other servers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from microblog.federation.profile_counts import JOB, PAUSE, ProfileCounts
from microblog.federation.remote_actors import RemoteActors
from microblog.federation.remote_posts import RemotePosts
from microblog.model.accounts import Account
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase, result_of
from tests.federation.internet import SITE, Internet, build_fetcher
from tests.federation.remote_side import known_actor, note
from tests.federation.test_remote_actors import BO, actor, finger, webfinger
from tests.make import NOW

FOLLOWERS, FOLLOWING, OUTBOX = (f"{BO}/{name}" for name in ("followers", "following", "outbox"))


@pytest.fixture
def internet() -> Internet:
    return Internet({BO: actor(followers=FOLLOWERS, following=FOLLOWING, outbox=OUTBOX), webfinger(): finger()})


@pytest.fixture
def counts(db: RolledBackDatabase, internet: Internet) -> ProfileCounts:
    built = ProfileCounts(RemoteActors(db, build_fetcher(db, internet), lambda: NOW), RemotePosts(SITE, lambda: NOW))
    result_of(built.actors.fetch(BO))
    return built


def collection(id: str, total: int | None, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "OrderedCollection", "totalItems": total, **more}


def tell(internet: Internet, followers: int | None, following: int, posts: int, **more: Any) -> None:
    """Let the server of bo tell these numbers, with a first page of each list."""
    for id, total in ((FOLLOWERS, followers), (FOLLOWING, following), (OUTBOX, posts)):
        internet.documents[id] = collection(id, total, **({"first": f"{id}?page=1"} | more))


def numbers(account: Account) -> tuple[int, int, int]:
    return account.followers_count, account.following_count, account.posts_count


async def read(counts: ProfileCounts, cursor: Cursor) -> Account:
    await counts.read(known_actor(cursor).id, lambda cursor: None)
    return known_actor(cursor)


async def test_a_profile_has_the_numbers_of_its_own_server(counts: ProfileCounts, cursor: Cursor, internet: Internet) -> None:
    make.follow(cursor, make.viewer(cursor), known_actor(cursor))
    make.remote_post(cursor, known_actor(cursor))
    tell(internet, 1_000, 20, 300)
    account = await read(counts, cursor)
    assert numbers(account) == (1_000, 20, 300)
    assert not account.hide_relations
    tell(internet, 900, 21, 299)
    assert numbers(await read(counts, cursor)) == (900, 21, 299)


async def test_what_is_known_here_is_the_least(counts: ProfileCounts, cursor: Cursor, internet: Internet) -> None:
    for _ in range(2):
        make.follow(cursor, make.viewer(cursor), known_actor(cursor))
        make.remote_post(cursor, known_actor(cursor))
    tell(internet, 0, 0, 0)
    assert numbers(await read(counts, cursor)) == (2, 0, 2)
    tell(internet, None, 5, 5)
    assert numbers(await read(counts, cursor)) == (2, 5, 5)


async def test_hidden_lists_are_hidden_here(counts: ProfileCounts, cursor: Cursor, internet: Internet) -> None:
    tell(internet, 10, 10, 10, first=None)
    assert (await read(counts, cursor)).hide_relations
    tell(internet, 10, 10, 10)
    assert not (await read(counts, cursor)).hide_relations


async def test_a_server_that_tells_nothing_changes_nothing(counts: ProfileCounts, cursor: Cursor, internet: Internet) -> None:
    tell(internet, 10, 10, 10)
    before = await read(counts, cursor)
    for answer in (None, {"id": FOLLOWERS, "type": "Note"}, collection("https://c.example/followers", 99), collection(FOLLOWERS, -3)):
        internet.documents |= {FOLLOWERS: answer, FOLLOWING: None, OUTBOX: None}
        await read(counts, cursor)
    internet.down.add("b.example")
    await read(counts, cursor)
    assert known_actor(cursor) == before


async def test_lists_on_another_server_are_not_read(
    db: RolledBackDatabase, counts: ProfileCounts, cursor: Cursor, internet: Internet
) -> None:
    elsewhere = "https://c.example/followers"
    internet.documents |= {BO: actor(followers=elsewhere), elsewhere: collection(elsewhere, 10**9)}
    await counts.actors.fetch(BO)
    assert (await read(counts, cursor)).followers_count == 0
    assert elsewhere not in internet.asked


@pytest.mark.parametrize("embedded", [True, False])
async def test_a_profile_shows_the_newest_posts_of_its_server(
    counts: ProfileCounts, cursor: Cursor, internet: Internet, embedded: bool
) -> None:
    def create(document: Any, by: str = BO) -> dict[str, Any]:
        return {"id": f"{BO}/activities/1", "type": "Create", "actor": by, "object": document}

    items = [
        *(create(note("1")), create(note("2", published="2020-01-01T00:00:00Z")), note("3"), create(f"{BO}/statuses/4")),
        *(create(note("5", "https://c.example/users/cy")), create(note("6"), "https://c.example/users/cy")),
        *(create(note("7", to=[f"{BO}/followers"], cc=[])), {"type": "Announce", "actor": BO, "object": "https://c.example/1"}),
    ]
    page = {"id": f"{OUTBOX}?page=1", "type": "OrderedCollectionPage", "orderedItems": items, "next": f"{OUTBOX}?page=2"}
    internet.documents |= {OUTBOX: collection(OUTBOX, 9, first=page if embedded else page["id"]), str(page["id"]): page}
    account = await read(counts, cursor)
    cursor.execute("select uri from posts order by id desc")
    assert cursor.fetchall() == [(f"{BO}/statuses/1",), (f"{BO}/statuses/2",)]
    assert account.posts_count == 9
    assert f"{OUTBOX}?page=2" not in internet.asked
    cursor.execute("select count(*) from notifications")
    assert cursor.fetchone() == (0,)


async def test_a_profile_is_read_once_a_day(counts: ProfileCounts, cursor: Cursor, internet: Internet) -> None:
    def waiting() -> int:
        cursor.execute("select count(*) from jobs where kind = %s", [JOB])
        [(count,)] = cursor.fetchall()
        return int(count)

    for _ in range(2):
        await counts.viewed(known_actor(cursor))
    assert waiting() == 1
    cursor.execute("delete from jobs")
    await read(counts, cursor)
    await counts.viewed(known_actor(cursor))
    assert waiting() == 0
    cursor.execute("update remote_actors set counts_fetched_at = %s", [NOW - PAUSE - timedelta(seconds=1)])
    await counts.viewed(known_actor(cursor))
    assert waiting() == 1


@pytest.mark.parametrize("kind", ["Group", "Person"])
async def test_groups_and_memorial_accounts_are_known(counts: ProfileCounts, cursor: Cursor, internet: Internet, kind: str) -> None:
    internet.documents[BO] = actor(type=kind, memorial=kind == "Person")
    await counts.actors.fetch(BO)
    account = known_actor(cursor)
    assert (account.is_group, account.memorial, account.bot) == (kind == "Group", kind == "Person", False)
