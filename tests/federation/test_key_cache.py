"""Keys of other servers are read from the database once, and never served when they were replaced or their owner was suspended."""

from __future__ import annotations

from attrs import evolve

from microblog.domain.caching.invalidation import InvalidationLog
from microblog.federation.key_cache import KeyCache
from microblog.model.federation import ActorEndpoints, ActorKind
from microblog.model.remote_actors import ActorToStore, KnownKey, StoredKey
from microblog.storage import accounts, remote_actors
from microblog.storage.database import Cursor, Database
from tests import make
from tests.federation.remote_side import BO, known_actor, store_actor
from tests.make import NOW
from tests.storage.test_people_at_once import database

__all__ = ["database"]

KEY = f"{BO}#main-key"


def store_key(cursor: Cursor, pem: str, id: str = KEY) -> None:
    account = known_actor(cursor)
    endpoints = ActorEndpoints(f"{BO}/inbox")
    remote_actors.store(cursor, actor=ActorToStore(account, ActorKind.PERSON, endpoints, (StoredKey(id, pem),)), now=NOW)


def suspend(cursor: Cursor, at: bool) -> None:
    cursor.execute("update accounts set suspended_at = case when %s then now() end where uri = %s", [at, BO])


def delete(cursor: Cursor) -> None:
    accounts.mark_deleted(cursor, id=known_actor(cursor).id, at=NOW)


def build(database: Database) -> KeyCache:
    """Return the cache of one process, which reads the log for each look-up, as after a wake-up."""
    return KeyCache(database, InvalidationLog(database), lambda: NOW)


async def test_a_key_is_read_once(database: Database) -> None:
    await database.run(store_actor)
    await database.run(store_key, "one")
    cache = build(database)
    for _ in range(5):
        found = await cache.key(KEY)
        assert (found and found.pem, found and found.owner) == ("one", BO)
    assert cache._cache.misses == 1
    assert await cache.key(f"{BO}#other") is None


async def test_every_process_learns_of_changes(database: Database) -> None:
    await database.run(store_actor)
    await database.run(store_key, "one")
    caches = [build(database), build(database)]

    async def found() -> KnownKey | None:
        first, second = [await cache.key(KEY) for cache in caches]
        assert first == second
        return first

    before = await found()
    assert before is not None
    await database.run(store_key, "two")
    assert await found() == evolve(before, pem="two")
    await database.run(suspend, True)
    assert await found() == evolve(before, pem="two", suspended=True)
    await database.run(suspend, False)
    assert await found() == evolve(before, pem="two")
    await database.run(store_key, "three", f"{BO}#new")
    assert await found() is None
    await database.run(store_key, "four")
    assert await found() == evolve(before, pem="four")
    await database.run(delete)
    assert await found() is None


async def test_a_key_that_moves_to_another_actor_is_read_again(database: Database) -> None:
    await database.run(store_actor)
    await database.run(store_key, "one")
    cache, other = build(database), await database.run(make.remote_account)
    assert await cache.key(KEY) is not None

    def move(cursor: Cursor) -> None:
        cursor.execute("update remote_keys set account_id = %s", [other.id])

    await database.run(move)
    found = await cache.key(KEY)
    assert found is not None
    assert found.owner == other.uri
