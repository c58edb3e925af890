"""The one way to the database: plain functions with SQL inside get a transaction in a thread of the pool.

`Database.run(f, ...)` is for commands, `Database.read(f, ...)` for looking. What Twisted's adbapi leaves open is met here, once: a dead
connection is dropped and a read tried again; a transaction is tried again only when PostgreSQL itself rolled it back.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

import psycopg2
import psycopg2.extensions
from attrs import Factory, define, field
from psycopg2 import errors as pg
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from microblog.model.errors import Unavailable, no_room

Cursor = psycopg2.extensions.cursor
Connection = psycopg2.extensions.connection
DatabaseError = psycopg2.Error
Params = Mapping[str, object]
P = ParamSpec("P")
T = TypeVar("T")

_log = Logger()

TRIES = 6
CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_MS = 15_000

_PARAMETER = re.compile(r"%\((\w+)\)s")
_BIGINTS = frozenset({"account", "viewer"})


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


def one_of_each(rows: Iterable[tuple[object, ...]]) -> list[Any]:
    """The first column of each row."""
    return [row[0] for row in rows]


class PlannedConnection(psycopg2.extensions.connection):
    """A connection that knows which statements it has planned, and which wait to be sent; whether others have to hear of what it does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.planned: set[str] = set()
        self.waiting: list[bytes] = []
        self.heard = True
        self.cursor_factory = _Cursor

    def commit(self) -> None:
        """Send what waits, then commit."""
        if self.waiting:
            message = b";".join(self.waiting)
            self.waiting.clear()
            with self.cursor() as cursor:
                cursor.execute(message)
        super().commit()

    def rollback(self) -> None:
        """Forget what waits, and roll back."""
        self.waiting.clear()
        super().rollback()


class _Cursor(psycopg2.extensions.cursor):
    """Sends what waits on its connection together with the statement, before it; the result is that of the statement."""

    def execute(self, query: Any, vars: Any = None) -> None:
        waiting = cast("PlannedConnection", self.connection).waiting
        if not waiting:
            super().execute(query, vars)
            return
        message = b";".join([*waiting, self.mogrify(query, vars)])
        waiting.clear()
        super().execute(message)


class Hot(str):
    """A statement that each connection plans once (PREPARE): for what is asked all the time, planning costs more than executing.

    Parameters named `viewer` and `account` are bigint; the types of others PostgreSQL infers from where they stand.
    """

    __slots__ = ("execution", "name", "preparation")

    def __init__(self, sql: str) -> None:
        names = list(dict.fromkeys(_PARAMETER.findall(sql)))
        numbers = {name: f"${place}" for place, name in enumerate(names, 1)}
        self.name = f"hot_{sha256(sql.encode()).hexdigest()[:16]}"
        types = ", ".join("bigint" if name in _BIGINTS else "unknown" for name in names)
        body = _PARAMETER.sub(lambda match: numbers[match[1]], sql).replace("%%", "%")
        self.preparation = f"prepare {self.name}{f' ({types})' if names else ''} as {body}"
        self.execution = f"execute {self.name}{' (' + ', '.join(f'%({name})s' for name in names) + ')' if names else ''}"


def _send(cursor: Cursor, sql: str, params: Params | None) -> None:
    cursor.execute(_planned(cursor, sql), params)


def _planned(cursor: Cursor, sql: str) -> str:
    """What to send for the statement; a hot one is planned before, if this connection has not done that."""
    connection = cursor.connection
    if not isinstance(sql, Hot) or not isinstance(connection, PlannedConnection):
        return sql
    if sql.name not in connection.planned:
        cursor.execute(sql.preparation)
        connection.planned.add(sql.name)  # stays prepared, even if the transaction is rolled back
    return sql.execution


def every(cursor: Cursor, make: Callable[..., T], sql: str, params: Params | None = None) -> list[T]:
    """All rows that the statement gives, each as `make(*columns)`, in the statement's order."""
    _send(cursor, sql, params)
    return [make(*row) for row in cursor.fetchall()]


def first(cursor: Cursor, make: Callable[..., T], sql: str, params: Params | None = None) -> T | None:
    """The first row that the statement gives, as `make(*columns)`, or None."""
    _send(cursor, sql, params)
    row = cursor.fetchone()
    return None if row is None else make(*row)


def scalar(cursor: Cursor, sql: str, params: Params | None = None) -> Any:
    """The first column of the first row, or None where there is no row."""
    _send(cursor, sql, params)
    row = cursor.fetchone()
    return None if row is None else row[0]


def execute(cursor: Cursor, sql: str, params: Params | None = None) -> int:
    """Carry out the statement; how many rows it touched."""
    _send(cursor, sql, params)
    return cursor.rowcount


def later(cursor: Cursor, sql: str, params: Params | None = None) -> None:
    """Carry out the statement in its turn, but send it together with the next one, or with the commit: for what nobody waits for.

    Each has a snapshot of its own, as if they were sent one by one. What goes wrong in it is raised when it is sent.
    """
    if isinstance(cursor, _Cursor):
        cast("PlannedConnection", cursor.connection).waiting.append(cursor.mogrify(_planned(cursor, sql), params))
    else:
        execute(cursor, sql, params)


def quietly(cursor: Cursor) -> None:
    """Nobody need look because of the running transaction: it writes no event, gives nobody a job and changes nothing that is kept."""
    if isinstance(cursor.connection, PlannedConnection):
        cursor.connection.heard = False


def _options(*, read_only: bool) -> str:
    # Hot statements have one plan for all values; left to its estimates, PostgreSQL plans some of them anew each time for no better plan.
    options = (
        f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_MS} -c idle_in_transaction_session_timeout=60000"
        " -c plan_cache_mode=force_generic_plan"
    )
    return options + " -c default_transaction_read_only=on" if read_only else options


def connect(dsn: str) -> Connection:
    """A connection of its own, outside the pool, with our time-outs and in UTC: for migrations and tests."""
    return psycopg2.connect(
        dsn,
        connection_factory=PlannedConnection,
        connect_timeout=CONNECT_TIMEOUT_S,
        options=_options(read_only=False),
        application_name="microblog",
    )


@define
class Database:
    """One asynchronous pool over psycopg2, shared by everything in the process.

    `committed` is called on the reactor thread after each committed command but quiet ones: the hint that new events may be there.
    """

    dsn: str = field(repr=False)
    reactor: Any
    threads: int = 4
    committed: Callable[[], None] = lambda: None
    timings: dict[str, Timing] = Factory(dict)
    _commands: ConnectionPool = field(init=False)
    _reads: ConnectionPool = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._commands = self._pool(read_only=False)
        self._reads = self._pool(read_only=True)

    def _pool(self, *, read_only: bool) -> ConnectionPool:
        def connected(connection: Connection) -> None:
            connection.autocommit = True  # what begins and ends a transaction is sent by `_in_transaction`

        return ConnectionPool(
            "psycopg2",
            self.dsn,
            connection_factory=PlannedConnection,
            connect_timeout=CONNECT_TIMEOUT_S,
            options=_options(read_only=read_only),
            application_name="microblog",
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

        Tried again, up to TRIES times, only where PostgreSQL rolled back (serialization failure, deadlock), so `f` must not touch
        anything but the cursor. Raises Unavailable when the database cannot be reached or was lost: the outcome may then be either.
        """
        return await deferToThreadPool(cast("IReactorFromThreads", self.reactor), self._commands.threadpool, self._command, f, args, kwargs)

    async def read(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(cursor, ...)` outside a transaction, on a connection that refuses to write; tried once more on a dead connection."""
        return await deferToThreadPool(cast("IReactorFromThreads", self.reactor), self._reads.threadpool, self._look, f, args, kwargs)

    def _command(self, f: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]) -> T:
        timing, started = self._timing(f), time.monotonic()
        for attempt in range(1, TRIES + 1):
            try:
                result, heard = self._once(self._commands, f, args, kwargs)
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

    def _look(self, f: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]) -> T:
        timing, started = self._timing(f), time.monotonic()
        try:
            result, _ = self._once(self._reads, f, args, kwargs)
        except Unavailable:
            timing.retries += 1
            result, _ = self._once(self._reads, f, args, kwargs)
        timing.calls += 1
        timing.seconds += time.monotonic() - started
        return result

    def _timing(self, f: Callable[..., object]) -> Timing:
        name = getattr(f, "__qualname__", None) or type(f).__qualname__  # never repr(f): a bound method shows the whole site
        return self.timings.setdefault(name, Timing())

    def _once(self, pool: ConnectionPool, f: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]) -> tuple[T, bool]:
        """What `f` returned, and whether others have to hear of it."""
        try:
            connection = pool.connect()
        except psycopg2.OperationalError as cause:
            raise Unavailable("The database cannot be reached at the moment. Please try again soon.") from cause
        connection.heard = True
        try:
            with connection.cursor() as cursor:
                result = f(cursor, *args, **kwargs) if pool is self._reads else _in_transaction(cursor, f, args, kwargs)
            connection.commit()  # a look that left something for later learns here that it may not
        except BaseException as problem:
            if connection.closed:
                pool.disconnect(connection)
                raise Unavailable("The database was lost for a moment. Please try again.") from problem
            if isinstance(problem, pg.DiskFull):
                raise no_room() from problem
            raise
        return result, connection.heard


def _in_transaction(cursor: Cursor, f: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]) -> T:
    """Beginning and end travel with the statements: on its own each would be one more way to the server and back."""
    later(cursor, "begin")
    try:
        result = f(cursor, *args, **kwargs)
        cursor.execute("commit")
    except BaseException:
        connection = cast("PlannedConnection", cursor.connection)
        connection.waiting.clear()
        if not connection.closed and connection.info.transaction_status != TRANSACTION_STATUS_IDLE:
            with suppress(psycopg2.Error):  # it was lost, and is closed now
                cursor.execute("rollback")
        raise
    return result
