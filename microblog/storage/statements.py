"""Statements as they are sent: what waits travels with the next one, and what is asked all the time is planned once per connection."""

from __future__ import annotations

import re
import select
import time
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any, TypeVar, cast

import psycopg2
import psycopg2.extensions

Cursor = psycopg2.extensions.cursor
Connection = psycopg2.extensions.connection
Params = Mapping[str, object]
T = TypeVar("T")

_PARAMETER = re.compile(r"%\((\w+)\)s")
_BIGINTS = frozenset({"account", "viewer"})


def first_column(rows: Iterable[tuple[object, ...]]) -> list[Any]:
    """The first column of each row."""
    return [row[0] for row in rows]


class PipeliningConnection(psycopg2.extensions.connection):
    """A connection that knows which statements it has planned, and which wait to be sent; whether others have to hear of what it does.

    `answered` is when the server last answered, by the steady clock; `committing` is true from when the end of a transaction was sent.
    `pooled`: nothing is planned on it, for the next transaction may meet another server process.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.planned: set[str] = set()
        self.waiting: list[bytes] = []
        self.heard = True
        self.pooled = False
        self.committing = False
        self.answered = time.monotonic()
        self._arrivals: select.poll | None = None
        self.cursor_factory = _Cursor

    @property
    def was_cut(self) -> bool:
        """True if something came while nobody had asked: between two transactions that is the end, or PostgreSQL saying why it ends."""
        if self._arrivals is None:
            self._arrivals = select.poll()
            self._arrivals.register(self.fileno(), select.POLLIN)
        return bool(self._arrivals.poll(0))

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
        connection = cast("PipeliningConnection", self.connection)
        waiting = connection.waiting
        if not waiting:
            super().execute(query, vars)
        else:
            message = b";".join([*waiting, self.mogrify(query, vars)])
            waiting.clear()
            super().execute(message)
        connection.answered = time.monotonic()


class Prepared(str):
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
    if not isinstance(sql, Prepared) or not isinstance(connection, PipeliningConnection) or connection.pooled:
        return sql
    if sql.name not in connection.planned:
        cursor.execute(sql.preparation)
        connection.planned.add(sql.name)  # stays prepared, even if the transaction is rolled back
    return sql.execution


def fetch_all(cursor: Cursor, make: Callable[..., T], sql: str, params: Params | None = None) -> list[T]:
    """All rows that the statement gives, each as `make(*columns)`, in the statement's order."""
    _send(cursor, sql, params)
    return [make(*row) for row in cursor.fetchall()]


def fetch_one(cursor: Cursor, make: Callable[..., T], sql: str, params: Params | None = None) -> T | None:
    """The first row that the statement gives, as `make(*columns)`, or None."""
    _send(cursor, sql, params)
    row = cursor.fetchone()
    return None if row is None else make(*row)


def fetch_value(cursor: Cursor, sql: str, params: Params | None = None) -> Any:
    """The first column of the first row, or None where there is no row."""
    _send(cursor, sql, params)
    row = cursor.fetchone()
    return None if row is None else row[0]


def execute(cursor: Cursor, sql: str, params: Params | None = None) -> int:
    """Carry out the statement; how many rows it touched."""
    _send(cursor, sql, params)
    return cursor.rowcount


def execute_deferred(cursor: Cursor, sql: str, params: Params | None = None) -> None:
    """Carry out the statement in its turn, but send it together with the next one, or with the commit: for what nobody waits for.

    Each has a snapshot of its own, as if they were sent one by one. What goes wrong in it is raised when it is sent.
    """
    if isinstance(cursor, _Cursor):
        cast("PipeliningConnection", cursor.connection).waiting.append(cursor.mogrify(_planned(cursor, sql), params))
    else:
        execute(cursor, sql, params)


def suppress_wakeup(cursor: Cursor) -> None:
    """Nobody need look because of the running transaction: it writes no event, gives nobody a job and changes nothing that is kept."""
    if isinstance(cursor.connection, PipeliningConnection):
        cursor.connection.heard = False
