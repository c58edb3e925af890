"""Execution of SQL statements: deferred ones are sent together with the next one, frequent ones are prepared once per connection."""

from __future__ import annotations

import re
import select
import time
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any, ClassVar, TypeVar, cast

import psycopg2
import psycopg2.extensions

Cursor = psycopg2.extensions.cursor
Connection = psycopg2.extensions.connection
Params = Mapping[str, object]
T = TypeVar("T")

_PARAMETER = re.compile(r"%\((\w+)\)s")
_BIGINTS = frozenset({"account", "viewer"})


def first_column(rows: Iterable[tuple[object, ...]]) -> list[Any]:
    """Return the first column of each row."""
    return [row[0] for row in rows]


class PipeliningConnection(psycopg2.extensions.connection):
    """A connection with its prepared statements, its deferred statements, and whether a commit has to wake listeners.

    `last_response` is the monotonic time of the server's last response; `slowest` is the statement that took longest in the current call,
    and `slowest_s` its seconds, with the deferred statements that were sent with it; `committing` is true once the end of a transaction was
    sent. `pooled`: nothing is prepared, because the next transaction may run in another server process.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prepared: set[str] = set()
        self.deferred: list[bytes] = []
        self.wakes_listeners = True
        self.pooled = False
        self.committing = False
        self.last_response = time.monotonic()
        self.slowest_s = 0.0
        self.slowest: object = ""
        self._poll: select.poll | None = None
        self.cursor_factory = _Cursor

    @property
    def was_closed_by_server(self) -> bool:
        """True if the server sent unrequested data: between two transactions that is the end of the connection, or its announcement."""
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self.fileno(), select.POLLIN)
        return bool(self._poll.poll(0))

    def commit(self) -> None:
        """Send the deferred statements, then commit."""
        if self.deferred:
            message = b";".join(self.deferred)
            self.deferred.clear()
            with self.cursor() as cursor:
                cursor.execute(message)
        super().commit()

    def rollback(self) -> None:
        """Discard the deferred statements, then roll back."""
        self.deferred.clear()
        super().rollback()


class _Cursor(psycopg2.extensions.cursor):
    """A cursor that sends the connection's deferred statements before the statement, in one message; returns the statement's result."""

    def execute(self, query: Any, vars: Any = None) -> None:
        connection = cast("PipeliningConnection", self.connection)
        deferred, began = connection.deferred, time.monotonic()
        if not deferred:
            super().execute(query, vars)
        else:
            message = b";".join([*deferred, self.mogrify(query, vars)])
            deferred.clear()
            super().execute(message)
        ended = connection.last_response = time.monotonic()
        if ended - began > connection.slowest_s:
            connection.slowest_s, connection.slowest = ended - began, query


class Prepared(str):
    """A statement that each connection prepares once (PREPARE): a frequent one, for which planning costs more than execution.

    Parameters named `viewer` and `account` are bigint; PostgreSQL infers the types of all others.
    """

    by_name: ClassVar[dict[str, Prepared]] = {}
    __slots__ = ("execution", "name", "preparation")

    def __init__(self, sql: str) -> None:
        names = list(dict.fromkeys(_PARAMETER.findall(sql)))
        numbers = {name: f"${number}" for number, name in enumerate(names, 1)}
        self.name = f"prepared_{sha256(sql.encode()).hexdigest()[:16]}"
        types = ", ".join("bigint" if name in _BIGINTS else "unknown" for name in names)
        body = _PARAMETER.sub(lambda match: numbers[match[1]], sql).replace("%%", "%")
        self.preparation = f"prepare {self.name}{f' ({types})' if names else ''} as {body}"
        self.by_name[self.name] = self
        self.execution = f"execute {self.name}{' (' + ', '.join(f'%({name})s' for name in names) + ')' if names else ''}"


def _send(cursor: Cursor, sql: str, params: Params | None) -> None:
    cursor.execute(_prepared_sql(cursor, sql), params)


def _prepared_sql(cursor: Cursor, sql: str) -> str:
    """Return the SQL to send for the statement. Prepares a `Prepared` one first if this connection has not done so."""
    connection = cursor.connection
    if not isinstance(sql, Prepared) or not isinstance(connection, PipeliningConnection) or connection.pooled:
        return sql
    if sql.name not in connection.prepared:
        cursor.execute(sql.preparation)
        connection.prepared.add(sql.name)  # stays prepared, even if the transaction is rolled back
    return sql.execution


def fetch_all(cursor: Cursor, make: Callable[..., T], sql: str, params: Params | None = None) -> list[T]:
    """Return all rows of the result, each as `make(*columns)`, in the statement's order."""
    _send(cursor, sql, params)
    return [make(*row) for row in cursor.fetchall()]


def fetch_one(cursor: Cursor, make: Callable[..., T], sql: str, params: Params | None = None) -> T | None:
    """Return the first row of the result as `make(*columns)`, or None."""
    _send(cursor, sql, params)
    row = cursor.fetchone()
    return None if row is None else make(*row)


def fetch_value(cursor: Cursor, sql: str, params: Params | None = None) -> Any:
    """Return the first column of the first row, or None if there is no row."""
    _send(cursor, sql, params)
    row = cursor.fetchone()
    return None if row is None else row[0]


def execute(cursor: Cursor, sql: str, params: Params | None = None) -> int:
    """Execute the statement; return the number of affected rows."""
    _send(cursor, sql, params)
    return cursor.rowcount


def execute_deferred(cursor: Cursor, sql: str, params: Params | None = None) -> None:
    """Execute a statement whose result is not needed: it is sent in order, together with the next one or with the commit.

    Each has a snapshot of its own, as if sent alone. Its errors are raised when it is sent.
    """
    if isinstance(cursor, _Cursor):
        cast("PipeliningConnection", cursor.connection).deferred.append(cursor.mogrify(_prepared_sql(cursor, sql), params))
    else:
        execute(cursor, sql, params)


def suppress_wakeup(cursor: Cursor) -> None:
    """Commit without a wake-up: the transaction writes no event, makes no job claimable and changes nothing that is cached."""
    if isinstance(cursor.connection, PipeliningConnection):
        cursor.connection.wakes_listeners = False
