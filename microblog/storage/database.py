"""Asynchronous access to the database: functions `f(cursor, ...)` run in a transaction in a thread of the pool.

`Database.run(f, ...)` is for commands, `Database.read(f, ...)` for queries. On top of Twisted's adbapi it replaces dead connections,
retries transactions that were lost with them unless they may have been committed, and limits every wait.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar, cast

import psycopg2
from attrs import Factory, define, field, frozen
from psycopg2 import errors as pg
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from twisted.enterprise.adbapi import ConnectionPool

from microblog.logs.context import request_id
from microblog.model.errors import Unavailable, disk_full
from microblog.storage.slow_calls import SlowCalls
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
    "FollowUp",
    "Params",
    "PoolUsage",
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
FollowUp: TypeAlias = Callable[[Cursor], Callable[[], None]]

APPLICATION_NAME = "microblog"  # followed by the id of the request that causes a command: the column jobs.request_id reads it
TRIES = 6
CONNECT_TIMEOUT_S = 5
TIMEOUT_S = 15.0
GRACE_S = 1.0  # a server that responds cancels the statement itself, and the connection stays open


class Transactions(Protocol):
    """The part of `Database` that the domain uses."""

    async def run(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(cursor, ...)` in a transaction of its own and return what it returned, once that is committed."""

    async def read(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(cursor, ...)`, which must be a single query that changes nothing."""


@define
class Timing:
    """Calls of a function: their number, total time in seconds, retries and failures."""

    calls: int = 0
    seconds: float = 0.0
    retries: int = 0
    failures: int = 0


@frozen
class PoolUsage:
    """Connections of a pool: `size` at most, `busy` with a call now. `waiting` calls wait for one; all did for `waited_seconds` so far."""

    size: int
    busy: int
    waiting: int
    waited_seconds: float


class _ConnectionLost(Unavailable):
    """The connection was lost before the commit was sent: nothing has changed."""


def _connect_options(timeout_s: float, *, read_only: bool) -> dict[str, Any]:
    """Return the connection options: time-outs, UTC, and detection of a lost server or network."""
    # Prepared statements use one generic plan: otherwise PostgreSQL plans some of them again each time without a better result.
    # JIT would compile statements that look expensive before there are statistics, for many seconds on a busy machine.
    options = (
        f"-c timezone=UTC -c statement_timeout={int(timeout_s * 1000)} -c idle_in_transaction_session_timeout=60000"
        " -c plan_cache_mode=force_generic_plan -c jit=off"
    )
    return {
        "connection_factory": PipeliningConnection,
        "connect_timeout": CONNECT_TIMEOUT_S,
        "tcp_user_timeout": int((timeout_s + GRACE_S) * 1000),
        "options": options + " -c default_transaction_read_only=on" if read_only else options,
        "application_name": APPLICATION_NAME,
    }


def connect(dsn: str) -> Connection:
    """Open a connection outside the pool, with the same time-outs and in UTC: for migrations and tests.

    Behind a pooler that accepts no options there are no time-outs; statements outside the pool may take long anyway.
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
    """An asynchronous connection pool over psycopg2, shared by the whole process.

    `committed` is called on the reactor thread after each committed command that did not suppress it: there may be new events. `pooled`: a
    pooler in transaction mode (PgBouncer) is in front of the database, so connections keep no settings or prepared statements. `timeout_s`:
    the longest time for a statement, and for a call to wait for a thread; for a server that does not respond at all it is one second
    longer.

    `follow_up` saves the thread hops of the reads that follow every commit. It is called on the reactor thread before a command and
    returns what reads in the command's thread right after the commit, which is sent with its first statement; what that returns is called
    on the reactor thread in place of `committed`, before the command's caller continues. One command at a time has a follow-up; the others
    call `committed`, and so does one whose follow-up fails or is None.
    """

    dsn: str = field(repr=False)
    reactor: Any
    threads: int = 4
    timeout_s: float = TIMEOUT_S
    pooled: bool = False
    committed: Callable[[], None] = lambda: None
    follow_up: Callable[[], FollowUp | None] | None = None
    timings: dict[str, Timing] = Factory(dict)
    slow_calls: SlowCalls = Factory(SlowCalls)
    _commands: ConnectionPool = field(init=False)
    _reads: ConnectionPool = field(init=False)
    _timeout: DatabaseTimeout = field(init=False)
    _following_up: bool = field(init=False, default=False)
    _waited_s: dict[str, float] = field(init=False, factory=lambda: defaultdict(float))

    def __attrs_post_init__(self) -> None:
        self._timeout = DatabaseTimeout(self.reactor, self.timeout_s + GRACE_S)
        self._commands = self._pool(read_only=False)
        self._reads = self._pool(read_only=True)

    def _pool(self, *, read_only: bool) -> ConnectionPool:
        def connected(connection: Connection) -> None:
            cast("PipeliningConnection", connection).pooled = self.pooled
            connection.autocommit = True  # `_in_transaction` sends begin and commit

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

    @property
    def pools(self) -> Mapping[str, PoolUsage]:
        """Usage of the connections of commands and of reads."""
        threads = {"commands": self._commands.threadpool, "reads": self._reads.threadpool}
        return {name: PoolUsage(self.threads, len(pool.working), pool.q.qsize(), self._waited_s[name]) for name, pool in threads.items()}

    def start(self) -> None:
        """Start the threads. Connections are opened when needed."""
        self._commands.start()
        self._reads.start()

    def stop(self) -> None:
        """Wait for running calls, then close all connections."""
        self._reads.close()
        self._commands.close()

    async def run(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(cursor, ...)` in a transaction and return its result after the commit.

        Retried after a serialization failure or deadlock, and once if the connection was lost before the commit was sent, so `f` must have
        no effect except through the cursor. Raises Unavailable if the database cannot be reached, was lost, or does not respond in time:
        then the transaction may or may not have been committed.
        """
        follow_up = None if self.follow_up is None or self._following_up or self.pooled else self.follow_up()

        def work(call: TimedCall) -> T:
            timing = self._timing(f)
            with self._measured("commands", call, timing):
                result, followed_up = self._command(call, lambda cursor: f(cursor, *args, **kwargs), timing, follow_up)
            if followed_up is not _nothing:
                self.reactor.callFromThread(followed_up or self.committed)
            return result

        if follow_up is None:
            return await self._timeout.call_in_thread(self._commands.threadpool, work, droppable=False, name=_name_of(f))
        self._following_up = True
        try:
            return await self._timeout.call_in_thread(self._commands.threadpool, work, droppable=False, name=_name_of(f))
        finally:
            self._following_up = False

    async def read(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(cursor, ...)` outside a transaction, on a connection that refuses to write; tried once more on a dead connection
        or after a deadlock.

        Raises Unavailable as `run` does.
        """

        def work(call: TimedCall) -> T:
            timing = self._timing(f)
            with self._measured("reads", call, timing):
                return self._query(call, lambda cursor: f(cursor, *args, **kwargs), timing)

        return await self._timeout.call_in_thread(self._reads.threadpool, work, droppable=True, name=_name_of(f))

    def _command(
        self, call: TimedCall, f: Callable[[Cursor], T], timing: Timing, follow_up: FollowUp | None
    ) -> tuple[T, Callable[[], None] | None]:
        started, lost = time.monotonic(), False
        for attempt in range(1, TRIES + 1):
            try:
                result, followed_up = self._attempt(self._commands, call, f, follow_up)
            except _ConnectionLost:
                if lost:
                    raise
                lost = True
                timing.retries += 1
            except (pg.SerializationFailure, pg.DeadlockDetected):
                if attempt == TRIES:
                    raise
                timing.retries += 1
                time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - spreads the retries, protects nothing
            else:
                timing.calls += 1
                timing.seconds += time.monotonic() - started
                return result, followed_up
        raise AssertionError("unreachable")

    def _query(self, call: TimedCall, f: Callable[[Cursor], T], timing: Timing) -> T:
        started = time.monotonic()
        try:
            result, _ = self._attempt(self._reads, call, f)
        except (_ConnectionLost, pg.DeadlockDetected):  # a read meets a deadlock if tables are being altered
            timing.retries += 1
            result, _ = self._attempt(self._reads, call, f)
        timing.calls += 1
        timing.seconds += time.monotonic() - started
        return result

    @contextmanager
    def _measured(self, pool: str, call: TimedCall, timing: Timing) -> Iterator[None]:
        """Count the time that the call has waited for its thread, and its failure. A violated constraint is the caller's business."""
        self._waited_s[pool] += call.idle_seconds(time.monotonic())
        try:
            yield
        except psycopg2.IntegrityError:
            raise
        except (Unavailable, psycopg2.Error):
            timing.failures += 1
            raise

    def _timing(self, f: Callable[..., object]) -> Timing:
        return self.timings.setdefault(_name_of(f), Timing())

    def _attempt(
        self, pool: ConnectionPool, call: TimedCall, f: Callable[[Cursor], T], follow_up: FollowUp | None = None
    ) -> tuple[T, Callable[[], None] | None]:
        """Return the result of `f`, and what its follow-up returned: None if `committed` must be called instead, or _nothing."""
        connection = _acquire_connection(pool, call)
        connection.wakes_listeners, connection.committing, connection.slowest_s = True, False, 0.0
        call.acquire(connection)
        began = time.monotonic()
        try:
            result, followed_up = self._run_on(pool, connection, f, follow_up)
        except BaseException as problem:
            call.release()
            if connection.closed:
                pool.disconnect(connection)
                error = Unavailable if connection.committing else _ConnectionLost
                raise error("The database was lost for a moment. Please try again.") from problem
            if isinstance(problem, pg.DiskFull):
                raise disk_full() from problem
            if isinstance(problem, pg.QueryCanceled):
                raise Unavailable("The database takes too long at the moment. Please try again soon.") from problem
            raise
        finally:
            self.slow_calls.ended(call.name, time.monotonic() - began, connection)
        call.release()
        return result, followed_up if connection.wakes_listeners else _nothing

    def _run_on(
        self, pool: ConnectionPool, connection: PipeliningConnection, f: Callable[[Cursor], T], follow_up: FollowUp | None
    ) -> tuple[T, Callable[[], None] | None]:
        with connection.cursor() as cursor:
            if pool is self._commands:
                done = _in_transaction(cursor, f, f"begin; {self._settings()}" if self.pooled else "begin", follow_up)
            else:
                done = _in_transaction(cursor, f, f"begin read only; {self._settings()}") if self.pooled else (f(cursor), None)
        connection.commit()  # flushes deferred statements, which fail here: a read must not have any
        return done

    def _settings(self) -> str:
        """Return the settings for the start of each transaction if they cannot be set once per connection."""
        timeouts = f"set local statement_timeout = {int(self.timeout_s * 1000)}; set local idle_in_transaction_session_timeout = 60000"
        return f"set local timezone = 'UTC'; {timeouts}; set local jit = off"


def _acquire_connection(pool: ConnectionPool, call: TimedCall) -> PipeliningConnection:
    """Return this thread's connection, or a new one if the server has closed it since its last use."""
    call.raise_if_abandoned()
    try:
        connection = cast("PipeliningConnection", pool.connect())
        if connection.closed or connection.was_closed_by_server:
            pool.disconnect(connection)
            connection = cast("PipeliningConnection", pool.connect())
    except psycopg2.OperationalError as cause:
        raise Unavailable("The database cannot be reached at the moment. Please try again soon.") from cause
    return connection


def _name_of(f: Callable[..., object]) -> str:
    return getattr(f, "__qualname__", None) or type(f).__qualname__  # never repr(f): a bound method shows the whole site


def _nothing() -> None:
    """Do nothing: the commit wakes nobody."""


def _in_transaction(
    cursor: Cursor, f: Callable[[Cursor], T], begin: str, follow_up: FollowUp | None = None
) -> tuple[T, Callable[[], None] | None]:
    """Run `f` between begin and commit, then the follow-up. Begin is sent with the first statement, to save a round trip."""
    connection = cast("PipeliningConnection", cursor.connection)
    followed_up = None
    execute_deferred(cursor, begin)
    if (cause := request_id()) is not None:  # sent with the first statement: 20 us of CPU here and 40 us in the server for each command
        execute_deferred(cursor, "set local application_name = %(name)s", {"name": f"{APPLICATION_NAME} {cause}"})
    try:
        result = f(cursor)
        connection.committing = True
        if follow_up is not None and connection.wakes_listeners:
            followed_up = _commit_with(cursor, follow_up)
        else:
            cursor.execute("commit")
    except BaseException:
        connection.deferred.clear()
        if not connection.closed and connection.info.transaction_status != TRANSACTION_STATUS_IDLE:
            with suppress(psycopg2.Error):  # the connection was lost and is closed
                cursor.execute("rollback")
        raise
    return result, followed_up


def _commit_with(cursor: Cursor, follow_up: FollowUp) -> Callable[[], None] | None:
    """Send the commit together with the first statement of the follow-up. Return None if that fails after the commit."""
    connection = cast("PipeliningConnection", cursor.connection)
    execute_deferred(cursor, "commit")
    try:
        return follow_up(cursor)
    except Exception:
        if connection.deferred:  # not sent yet
            connection.commit()
        elif connection.closed or connection.info.transaction_status != TRANSACTION_STATUS_IDLE:
            raise  # not committed: no constraint waits for the commit, so every other error is one of a statement before it
        return None
