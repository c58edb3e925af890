"""The one way to the database: plain functions with SQL inside get a transaction in a thread of the pool.

`Database.run(f, ...)` is for commands, `Database.read(f, ...)` for looking. What Twisted's adbapi leaves open is met here, once: a dead
connection is replaced; what was lost with it is tried again, unless it may have been committed; and nobody waits for ever.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

import psycopg2
from attrs import Factory, define, field
from psycopg2 import errors as pg
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from twisted.enterprise.adbapi import ConnectionPool

from microblog.model.errors import Unavailable, no_room
from microblog.storage.statements import (
    Connection,
    Cursor,
    Params,
    PipeliningConnection,
    Prepared,
    execute,
    execute_deferred,
    fetch_all,
    fetch_one,
    fetch_value,
    first_column,
    suppress_wakeup,
)
from microblog.storage.timeouts import DatabaseTimeout, TimedCall

__all__ = [
    "Connection",
    "Cursor",
    "Database",
    "DatabaseError",
    "Params",
    "Prepared",
    "Timing",
    "Transactions",
    "connect",
    "execute",
    "execute_deferred",
    "fetch_all",
    "fetch_one",
    "fetch_value",
    "first_column",
    "suppress_wakeup",
]

DatabaseError = psycopg2.Error
P = ParamSpec("P")
T = TypeVar("T")

TRIES = 6
CONNECT_TIMEOUT_S = 5
TIMEOUT_S = 15.0
GRACE_S = 1.0  # a server that works ends a statement by itself, and the connection stays


class Transactions(Protocol):
    """What the domain needs of a database."""

    async def run(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(cursor, ...)` in a transaction of its own and return what it returned, once that is committed."""

    async def read(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(cursor, ...)`, which only looks and makes a single statement."""


@define
class Timing:
    """How often a function ran, for how long in all (s), and how often it was tried again or failed."""

    calls: int = 0
    seconds: float = 0.0
    retries: int = 0
    failures: int = 0


class _Lost(Unavailable):
    """The connection was lost before the end of the transaction was sent: nothing happened."""


def _connect_options(timeout_s: float, *, read_only: bool) -> dict[str, Any]:
    """How we connect: with our time-outs, in UTC, and so that a server or a network that went away is noticed."""
    # Hot statements have one plan for all values; left to its estimates, PostgreSQL plans some of them anew each time for no better plan.
    options = (
        f"-c timezone=UTC -c statement_timeout={int(timeout_s * 1000)} -c idle_in_transaction_session_timeout=60000"
        " -c plan_cache_mode=force_generic_plan"
    )
    return {
        "connection_factory": PipeliningConnection,
        "connect_timeout": CONNECT_TIMEOUT_S,
        "tcp_user_timeout": int((timeout_s + GRACE_S) * 1000),
        "options": options + " -c default_transaction_read_only=on" if read_only else options,
        "application_name": "microblog",
    }


def connect(dsn: str) -> Connection:
    """A connection of its own, outside the pool, with our time-outs and in UTC: for migrations and tests.

    Where a pooler takes no options there are no time-outs: statements outside the pool may take long anyway.
    """
    options = _connect_options(TIMEOUT_S, read_only=False)
    try:
        connection = cast("PipeliningConnection", psycopg2.connect(dsn, **options))
    except psycopg2.OperationalError as problem:
        if "unsupported startup parameter" not in str(problem):
            raise
        del options["options"]
        connection = cast("PipeliningConnection", psycopg2.connect(dsn, **options))
        connection.pooled = True
    return connection


@define
class Database:
    """One asynchronous pool over psycopg2, shared by everything in the process.

    `committed` is called on the reactor thread after each committed command but quiet ones: the hint that new events may be there.
    `pooled`: a pooler in transaction mode (PgBouncer) stands before the database; each transaction may meet another connection of its, so
    nothing is kept on them. `timeout_s`: how long a statement may take, and a call may wait for a thread; a server that answers nothing
    gets a second more.
    """

    dsn: str = field(repr=False)
    reactor: Any
    threads: int = 4
    timeout_s: float = TIMEOUT_S
    pooled: bool = False
    committed: Callable[[], None] = lambda: None
    timings: dict[str, Timing] = Factory(dict)
    _commands: ConnectionPool = field(init=False)
    _reads: ConnectionPool = field(init=False)
    _patience: DatabaseTimeout = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._patience = DatabaseTimeout(self.reactor, self.timeout_s + GRACE_S)
        self._commands = self._pool(read_only=False)
        self._reads = self._pool(read_only=True)

    def _pool(self, *, read_only: bool) -> ConnectionPool:
        def connected(connection: Connection) -> None:
            cast("PipeliningConnection", connection).pooled = self.pooled
            connection.autocommit = True  # what begins and ends a transaction is sent by `_in_transaction`

        options = _connect_options(self.timeout_s, read_only=read_only)
        return ConnectionPool(
            "psycopg2",
            self.dsn,
            **{name: value for name, value in options.items() if name != "options" or not self.pooled},
            cp_reactor=self.reactor,
            cp_min=1,
            cp_max=self.threads,
            cp_openfun=connected,
            cp_noisy=False,
        )

    def start(self) -> None:
        """Start the threads. Connections are opened as they are needed."""
        self._commands.start()
        self._reads.start()

    def stop(self) -> None:
        """Wait for what runs, then close every connection."""
        self._reads.close()
        self._commands.close()

    async def run(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(cursor, ...)` in a transaction of its own; what it returned, once that is committed.

        Tried again where PostgreSQL rolled back (serialization failure, deadlock), and once where the connection was lost before the end
        of the transaction was sent, so `f` must not touch anything but the cursor. Raises Unavailable when the database cannot be reached,
        was lost, or does not answer in time: the outcome may then be either.
        """

        def work(call: TimedCall) -> T:
            return self._command(call, lambda cursor: f(cursor, *args, **kwargs), self._timing(f))

        return await self._patience.begin(self._commands.threadpool, work, droppable=False)

    async def read(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(cursor, ...)` outside a transaction, on a connection that refuses to write; tried once more on a dead connection.

        Raises Unavailable as `run` does.
        """

        def work(call: TimedCall) -> T:
            return self._look(call, lambda cursor: f(cursor, *args, **kwargs), self._timing(f))

        return await self._patience.begin(self._reads.threadpool, work, droppable=True)

    def _command(self, call: TimedCall, f: Callable[[Cursor], T], timing: Timing) -> T:
        started, lost = time.monotonic(), False
        for attempt in range(1, TRIES + 1):
            try:
                result, heard = self._once(self._commands, call, f)
            except _Lost:
                if lost:
                    raise
                lost = True
                timing.retries += 1
            except (pg.SerializationFailure, pg.DeadlockDetected):
                if attempt == TRIES:
                    timing.failures += 1
                    raise
                timing.retries += 1
                time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - spreads the retries, protects nothing
            else:
                timing.calls += 1
                timing.seconds += time.monotonic() - started
                if heard:
                    self.reactor.callFromThread(self.committed)
                return result
        raise AssertionError("unreachable")

    def _look(self, call: TimedCall, f: Callable[[Cursor], T], timing: Timing) -> T:
        started = time.monotonic()
        try:
            result, _ = self._once(self._reads, call, f)
        except _Lost:
            timing.retries += 1
            result, _ = self._once(self._reads, call, f)
        timing.calls += 1
        timing.seconds += time.monotonic() - started
        return result

    def _timing(self, f: Callable[..., object]) -> Timing:
        name = getattr(f, "__qualname__", None) or type(f).__qualname__  # never repr(f): a bound method shows the whole site
        return self.timings.setdefault(name, Timing())

    def _once(self, pool: ConnectionPool, call: TimedCall, f: Callable[[Cursor], T]) -> tuple[T, bool]:
        """What `f` returned, and whether others have to hear of it."""
        connection = _connected(pool, call)
        connection.heard, connection.committing = True, False
        call.take(connection)
        try:
            result = self._used(pool, connection, f)
        except BaseException as problem:
            call.leave()
            if connection.closed:
                pool.disconnect(connection)
                lost = Unavailable if connection.committing else _Lost
                raise lost("The database was lost for a moment. Please try again.") from problem
            if isinstance(problem, pg.DiskFull):
                raise no_room() from problem
            if isinstance(problem, pg.QueryCanceled):
                raise Unavailable("The database takes too long at the moment. Please try again soon.") from problem
            raise
        call.leave()
        return result, connection.heard

    def _used(self, pool: ConnectionPool, connection: PipeliningConnection, f: Callable[[Cursor], T]) -> T:
        with connection.cursor() as cursor:
            if pool is self._commands:
                result = _in_transaction(cursor, f, f"begin; {self._settings()}" if self.pooled else "begin")
            else:
                result = _in_transaction(cursor, f, f"begin read only; {self._settings()}") if self.pooled else f(cursor)
        connection.commit()  # a look that left something for later learns here that it may not
        return result

    def _settings(self) -> str:
        """What is said at the start of each transaction where it cannot be said once for a connection."""
        timeouts = f"set local statement_timeout = {int(self.timeout_s * 1000)}; set local idle_in_transaction_session_timeout = 60000"
        return f"set local timezone = 'UTC'; {timeouts}"


def _connected(pool: ConnectionPool, call: TimedCall) -> PipeliningConnection:
    """This thread's connection; a new one where the server has cut it since it was used last."""
    call.insist()
    try:
        connection = cast("PipeliningConnection", pool.connect())
        if connection.closed or connection.was_cut:
            pool.disconnect(connection)
            connection = cast("PipeliningConnection", pool.connect())
    except psycopg2.OperationalError as cause:
        raise Unavailable("The database cannot be reached at the moment. Please try again soon.") from cause
    return connection


def _in_transaction(cursor: Cursor, f: Callable[[Cursor], T], begin: str) -> T:
    """Beginning and end travel with the statements: on its own each would be one more way to the server and back."""
    connection = cast("PipeliningConnection", cursor.connection)
    execute_deferred(cursor, begin)
    try:
        result = f(cursor)
        connection.committing = True
        cursor.execute("commit")
    except BaseException:
        connection.waiting.clear()
        if not connection.closed and connection.info.transaction_status != TRANSACTION_STATUS_IDLE:
            with suppress(psycopg2.Error):  # it was lost, and is closed now
                cursor.execute("rollback")
        raise
    return result
