"""The connection pool: order of statements, and wakeups after commits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from psycopg2 import errors as pg
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from microblog.model.errors import Invalid
from microblog.storage import jobs
from microblog.storage.database import Cursor, Database, FollowUp, connect, execute, execute_deferred, fetch_all, fetch_value
from tests import make
from tests.make import NOW
from tests.waiting import until

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database that commits, one command at a time."""
    database = Database(database_url, reactor, threads=1)
    database.start()
    yield database
    database.stop()


@pytest.mark.parametrize("pooled", [False, True])
async def test_statements_are_not_compiled_whatever_the_server_is_set_to(database_url: str, pooled: bool) -> None:
    with closing(connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("do $$ begin execute format('alter database %I set jit = on', current_database()); end $$")
        connection.commit()
    database = Database(database_url, reactor, threads=1, pooled=pooled)
    database.start()
    try:
        assert [await database.run(jit), await database.read(jit)] == ["off", "off"]
    finally:
        database.stop()


def jit(cursor: Cursor) -> str:
    """Return whether the server compiles statements."""
    return str(fetch_value(cursor, "select current_setting('jit')"))


async def test_claiming_and_finishing_jobs_sends_no_wakeup_unless_a_job_with_the_same_key_may_wait(database: Database) -> None:
    wakeups: list[int] = []
    database.committed = lambda: wakeups.append(len(wakeups))
    for key in (None, "key"):
        await database.run(jobs.add, "kind", {}, due_at=NOW, now=NOW, key=key)
        assert len(wakeups) == 1, "there is something to do"
        [job] = await database.run(jobs.claim, kinds=["kind"], worker="one", lease_until=LATER, now=NOW, limit=1)
        assert await database.run(jobs.heartbeat, jobs=[job], worker="one", lease_until=LATER) == {job.id}
        assert len(wakeups) == 1
        assert await database.run(jobs.finish, job, worker="one", now=NOW)
        assert len(wakeups) == (1 if key is None else 2)
        wakeups.clear()


async def test_each_command_decides_whether_it_sends_a_wakeup(database: Database) -> None:
    wakeups: list[int] = []
    database.committed = lambda: wakeups.append(len(wakeups))
    await database.run(jobs.claim, kinds=["kind"], worker="one", lease_until=LATER, now=NOW, limit=1)
    await database.run(make.account)
    assert len(wakeups) == 1


def noting(done: list[str], *, fails: bool = False) -> Callable[[], FollowUp]:
    """Return a `follow_up` that notes each of its steps, or that fails when it reads."""

    def begin() -> FollowUp:
        done.append("begin")

        def read(cursor: Cursor) -> Callable[[], None]:
            done.append(f"read {ticks(cursor)}")
            if fails:
                execute(cursor, "select nothing from nowhere")
            return lambda: done.append("apply")

        return read

    return begin


async def test_a_follow_up_reads_after_the_commit_and_is_applied_in_place_of_the_wakeup(database: Database) -> None:
    done: list[str] = []
    database.committed, database.follow_up = lambda: done.append("wakeup"), noting(done)
    await database.run(insert_tick, "a")
    assert done == ["begin", "read ['a']", "apply"]


async def test_a_follow_up_that_fails_is_replaced_by_the_wakeup_and_the_command_succeeds(database: Database) -> None:
    done: list[str] = []
    database.committed, database.follow_up = lambda: done.append("wakeup"), noting(done, fails=True)
    assert await database.run(ticks) == []
    assert done == ["begin", "read []", "wakeup"]
    assert await database.run(ticks) == [], "the connection can still be used"


async def test_a_command_without_a_wakeup_or_that_fails_has_no_follow_up(database: Database) -> None:
    done: list[str] = []
    database.committed, database.follow_up = lambda: done.append("wakeup"), noting(done)
    await database.run(jobs.claim, kinds=["kind"], worker="one", lease_until=LATER, now=NOW, limit=1)
    with pytest.raises(pg.UndefinedTable):
        await database.run(execute, "select nothing from nowhere")
    assert done == ["begin", "begin"]


async def test_one_command_at_a_time_has_a_follow_up(database: Database) -> None:
    done: list[str] = []
    database.committed, database.follow_up = lambda: done.append("wakeup"), noting(done)
    await gatherResults([Deferred.fromCoroutine(database.run(insert_tick, key)) for key in "abc"])
    assert done == ["begin", "read ['a']", "apply", "wakeup", "wakeup"]
    await database.run(insert_tick, "d")
    assert done[-1] == "apply"


async def test_connections_in_use_and_waiting_calls_are_counted(database: Database) -> None:
    assert set(database.pools) == {"commands", "reads"}
    calls = [Deferred.fromCoroutine(database.read(execute, "select pg_sleep(0.2)")) for _ in range(3)]
    usage = database.pools["reads"]
    assert (usage.size, usage.busy, usage.waiting) == (1, 1, 2)
    assert (database.pools["commands"].busy, database.pools["commands"].waiting) == (0, 0)
    await gatherResults(calls)
    await until(lambda: database.pools["reads"].busy == 0)  # a thread is free a moment after the result of its call is there
    usage = database.pools["reads"]
    assert usage.waiting == 0
    assert usage.waited_seconds >= 0.2 + 0.4


async def test_calls_are_counted_as_failed_unless_the_caller_is_at_fault(database: Database) -> None:
    await database.run(make.account)
    with pytest.raises(pg.UndefinedTable):
        await database.read(execute, "select nothing from nowhere")
    with pytest.raises(pg.UndefinedTable):
        await database.run(execute, "select nothing from nowhere")
    with pytest.raises(pg.UniqueViolation):
        await database.run(execute, "insert into accounts select * from accounts")
    with pytest.raises(Invalid):
        await database.run(_refuse)
    assert {name: timing.failures for name, timing in database.timings.items() if timing.failures} == {"execute": 2}


def _refuse(cursor: Cursor) -> None:
    raise Invalid({"text": "Too long"})


def insert_tick(cursor: Cursor, key: str, *, soon: bool = False) -> None:
    """Insert a tick, deferred unless `soon`."""
    (execute if soon else execute_deferred)(cursor, "insert into timer_runs (timer, tick) values (%(key)s, '2026-01-01')", {"key": key})


def ticks(cursor: Cursor) -> list[str]:
    return fetch_all(cursor, str, "select timer from timer_runs order by timer")


async def test_deferred_statements_run_in_order_and_before_the_commit(database: Database) -> None:
    def command(cursor: Cursor) -> list[str]:
        insert_tick(cursor, "a")
        insert_tick(cursor, "b %s % ; '")
        seen = ticks(cursor)
        insert_tick(cursor, "c", soon=True)
        insert_tick(cursor, "d")
        return seen

    assert await database.run(command) == ["a", "b %s % ; '"]
    assert await database.read(ticks) == ["a", "b %s % ; '", "c", "d"]


@pytest.mark.parametrize("followed_up", [True, False])
@pytest.mark.parametrize("last", [True, False])
async def test_a_failing_deferred_statement_rolls_the_whole_command_back(database: Database, last: bool, followed_up: bool) -> None:
    if followed_up:
        database.follow_up = noting([])

    def command(cursor: Cursor) -> None:
        insert_tick(cursor, "a")
        insert_tick(cursor, "a")
        if not last:
            ticks(cursor)

    with pytest.raises(pg.UniqueViolation):
        await database.run(command)
    assert await database.read(ticks) == []
    await database.run(insert_tick, "b")
    assert await database.read(ticks) == ["b"]


async def test_deferred_statements_of_a_failed_command_are_discarded(database: Database) -> None:
    def command(cursor: Cursor, *, soon: bool) -> None:
        insert_tick(cursor, "a", soon=soon)
        raise Invalid({})

    for soon in (True, False):
        with pytest.raises(Invalid):
            await database.run(command, soon=soon)
        await database.run(insert_tick, f"b{soon}")
    assert await database.read(ticks) == ["bFalse", "bTrue"]


@pytest.mark.parametrize("soon", [True, False])
async def test_a_query_cannot_write_even_by_deferred_statements(database: Database, soon: bool) -> None:
    with pytest.raises(pg.ReadOnlySqlTransaction):
        await database.read(insert_tick, "a", soon=soon)
    assert await database.read(ticks) == []


def test_on_a_plain_connection_deferred_statements_follow_commit_and_rollback(database_url: str) -> None:
    with closing(connect(database_url)) as connection, connection.cursor() as cursor:
        insert_tick(cursor, "a")
        connection.commit()
        insert_tick(cursor, "b")
        connection.rollback()
        assert ticks(cursor) == ["a"]
