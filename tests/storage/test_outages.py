"""A restarted or hanging database: lost commands are retried where that is safe, and waiting callers time out."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import psycopg2
import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from microblog.adapters.postgres_files import dsn
from microblog.model.errors import Unavailable
from microblog.storage.database import Cursor, Database, execute, execute_deferred, fetch_all, fetch_value
from microblog.storage.timeouts import REDUCED_TIMEOUT_S
from tests.servers import PostgresServer

TIMEOUT_S = 1.0
END_S = TIMEOUT_S + 2.0  # with the second that the server has for ending a statement itself, and one for the machine


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer.below(tmp_path_factory.mktemp("outages")) as server:
        administer(server, "create table notes (note text)")
        yield server


@pytest.fixture
def database(server: PostgresServer) -> Iterator[Database]:
    """A pool with one thread per kind, so that each call uses the connection of the one before."""
    administer(server, "truncate notes")
    database = Database(dsn(server.sockets, "postgres"), reactor, threads=1, timeout_s=TIMEOUT_S)
    database.start()
    yield database
    database.stop()


def ticks(cursor: Cursor) -> list[str]:
    return fetch_all(cursor, str, "select note from notes order by note")


def insert_tick(cursor: Cursor, text: str) -> None:
    execute(cursor, "insert into notes values (%(text)s)", {"text": text})


def insert_tick_deferred(cursor: Cursor, text: str) -> None:
    """Insert in one message: begin, statement and commit."""
    execute_deferred(cursor, "insert into notes values (%(text)s)", {"text": text})


def administer(server: PostgresServer, statement: str) -> None:
    """Execute a statement on a separate connection."""
    connection = psycopg2.connect(dsn(server.sockets, "postgres"))
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def terminate_backends(server: PostgresServer, which: str = "true") -> None:
    """Terminate the server's backends, as a restart does."""
    others = "pid <> pg_backend_pid() and backend_type = 'client backend'"
    administer(server, f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where {others} and {which}")


def restart(server: PostgresServer) -> None:
    server.stop()
    server.start()


@contextmanager
def hanging_server(server: PostgresServer) -> Iterator[None]:
    """Stop all processes of the server."""
    assert server.process is not None
    main = psutil.Process(server.process.pid)
    everybody = [main, *main.children(recursive=True)]
    for process in everybody:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in everybody:
            os.kill(process.pid, signal.SIGCONT)


@pytest.mark.parametrize("write", [insert_tick, insert_tick_deferred])
async def test_the_first_command_on_a_connection_that_was_cut_while_idle_succeeds(
    server: PostgresServer, database: Database, write: Callable[[Cursor, str], None]
) -> None:
    for failure in ("cut", "restart"):
        await database.run(execute, "delete from notes")
        await database.run(write, "before")
        assert await database.read(ticks) == ["before"]
        terminate_backends(server) if failure == "cut" else restart(server)
        await database.run(write, "write")
        assert await database.read(ticks) == ["before", "write"]


async def test_a_command_cut_before_its_commit_was_sent_is_retried_once(server: PostgresServer, database: Database) -> None:
    begun: list[int] = []

    def command(cursor: Cursor) -> None:
        insert_tick(cursor, f"{len(begun)}")
        begun.append(fetch_value(cursor, "select pg_backend_pid()"))
        if len(begun) == 1:
            terminate_backends(server, f"pid = {begun[0]}")
        insert_tick(cursor, "end")

    await database.run(command)
    assert await database.read(ticks) == ["1", "end"]


async def test_a_command_that_is_cut_every_time_fails(server: PostgresServer, database: Database) -> None:
    def command(cursor: Cursor) -> None:
        insert_tick(cursor, "begun")
        terminate_backends(server, f"pid = {fetch_value(cursor, 'select pg_backend_pid()')}")
        insert_tick(cursor, "end")

    with pytest.raises(Unavailable):
        await database.run(command)
    assert await database.read(ticks) == []


async def test_a_command_cut_during_its_commit_is_not_retried(server: PostgresServer, database: Database) -> None:
    """It may have been committed, so only the caller can decide to retry."""
    tried: list[int] = []

    def command(cursor: Cursor) -> None:
        tried.append(fetch_value(cursor, "select pg_backend_pid()"))
        insert_tick(cursor, "written")
        execute_deferred(cursor, f"select pg_terminate_backend({tried[-1]})")  # goes with the commit

    with pytest.raises(Unavailable):
        await database.run(command)
    assert len(tried) == 1


async def test_a_statement_timeout_keeps_the_connection(database: Database) -> None:
    for call in (database.run, database.read):
        began, pid = time.monotonic(), await call(fetch_value, "select pg_backend_pid()")
        with pytest.raises(Unavailable):
            await call(execute, "select pg_sleep(30)")
        assert time.monotonic() - began < END_S
        assert await call(fetch_value, "select pg_backend_pid()") == pid


async def test_calls_to_a_hanging_server_time_out_and_work_again_afterwards(server: PostgresServer, database: Database) -> None:
    await database.read(ticks)
    began = time.monotonic()
    with hanging_server(server):
        calls = [
            Deferred.fromCoroutine(call) for call in (database.run(insert_tick, "1"), database.run(insert_tick, "2"), database.read(ticks))
        ]
        for call in calls:
            with pytest.raises(Unavailable):
                await call
        assert time.monotonic() - began < END_S
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await database.run(insert_tick, "3")
        with pytest.raises(Unavailable):
            await database.read(ticks)
        assert time.monotonic() - began < 2 * (REDUCED_TIMEOUT_S + 1)
    await wait_until_responding(database)
    await database.run(insert_tick, "4")
    assert (await database.read(ticks))[-1] == "4"


async def test_a_call_that_timed_out_in_the_queue_is_not_run_later(server: PostgresServer, database: Database) -> None:
    await database.run(insert_tick, "0")
    with hanging_server(server):
        calls = [Deferred.fromCoroutine(database.run(insert_tick, text)) for text in ("running", "waiting", "waiting too")]
        for call in calls:
            with pytest.raises(Unavailable):
                await call
    await wait_until_responding(database)
    assert [text for text in await database.read(ticks) if text.startswith("waiting")] == []


async def test_a_hanging_server_does_not_delay_shutdown(server: PostgresServer) -> None:
    database = Database(dsn(server.sockets, "postgres"), reactor, threads=1, timeout_s=TIMEOUT_S)
    database.start()
    await database.read(ticks)
    with hanging_server(server):
        call = Deferred.fromCoroutine(database.read(ticks))
        with pytest.raises(Unavailable):
            await call
        began = time.monotonic()
        database.stop()
        assert time.monotonic() - began < 1


async def wait_until_responding(database: Database) -> None:
    """Wait until it responds: for a while, connection attempts to a server that hung still time out."""
    for _ in range(100):
        try:
            await database.read(ticks)
            await database.run(ticks)
        except Unavailable:
            await deferLater(reactor, 0.1)
        else:
            return
    raise AssertionError("it did not come back")
