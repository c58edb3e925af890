"""Brings a database to the schema of this code: numbered SQL files, each in its own transaction, one process at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files

from attrs import frozen

from microblog.storage.database import Connection, Cursor, execute, fetch_all, fetch_value

ADVISORY_LOCK = 0x6D6963726F  # "micro": any fixed number will do, as long as nobody else takes it
_NAME = re.compile(r"(\d{4})_\w+\.sql")


class SchemaProblem(Exception):
    """The database cannot be brought to this code's schema; the text says why."""


@frozen
class Migration:
    """A numbered step."""

    number: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """What the file said when it was applied."""
        return sha256(self.sql.encode()).hexdigest()


def known() -> list[Migration]:
    """All steps that this code brings, in order."""
    return sorted(_files(), key=lambda step: step.number)


def _files() -> Iterator[Migration]:
    for entry in files("microblog.storage").joinpath("migrations").iterdir():
        if match := _NAME.fullmatch(entry.name):
            yield Migration(int(match[1]), entry.name, entry.read_text("utf-8"))


def migrate(connection: Connection, *, lock_timeout_ms: int = 30_000) -> list[str]:
    """Apply what is missing; the names of what was applied. Safe to call from several processes at once.

    Raises SchemaProblem when the database is newer than this code, or a step that was applied has changed since.
    """
    done: list[str] = []
    try:
        while (name := _apply_one(connection, lock_timeout_ms)) is not None:
            done.append(name)
    finally:
        connection.rollback()
    return done


def missing(connection: Connection) -> list[str]:
    """The names of the steps that `migrate` would apply. Changes nothing. Raises SchemaProblem as `migrate` does."""
    with connection.cursor() as cursor:
        execute(cursor, "set transaction read only")
        applied = _applied(cursor) if fetch_value(cursor, "select to_regclass('migrations') is not null") else {}
        connection.rollback()
    return [step.name for step in _to_apply(applied)]


def _applied(cursor: Cursor) -> dict[int, str]:
    return dict(fetch_all(cursor, lambda number, digest: (number, digest), "select number, digest from migrations"))


def _to_apply(applied: dict[int, str]) -> Iterator[Migration]:
    steps = known()
    if unknown := applied.keys() - {step.number for step in steps}:  # any: numbers are not applied in their order only
        listed = ", ".join(f"{number:04}" for number in sorted(unknown))
        raise SchemaProblem(
            f"A newer release has changed this database (steps {listed}): run that release, or restore the backup of before."
        )
    for step in steps:
        if step.number not in applied:
            yield step
        elif applied[step.number] != step.digest:
            raise SchemaProblem(f"Step {step.name} was changed after it had been applied to this database.")


def _apply_one(connection: Connection, lock_timeout_ms: int) -> str | None:
    """Apply the next step that is missing, in a transaction that holds the lock; its name, or None where nothing is missing.

    All that is set ends with the transaction: a pooler may give the connection to others between two.
    """
    with connection.cursor() as cursor:
        execute(cursor, "select set_config('lock_timeout', %(ms)s, true)", {"ms": str(lock_timeout_ms)})
        execute(cursor, "select set_config('statement_timeout', '0', true), set_config('timezone', 'UTC', true)")
        execute(cursor, "select pg_advisory_xact_lock(%(key)s)", {"key": ADVISORY_LOCK})
        execute(
            cursor,
            """create table if not exists migrations (
                   number integer primary key, name text not null, digest text not null,
                   applied_at timestamptz not null default now())""",
        )
        step = next(_to_apply(_applied(cursor)), None)
        if step is not None:
            execute(cursor, step.sql)
            execute(
                cursor,
                "insert into migrations (number, name, digest) values (%(number)s, %(name)s, %(digest)s)",
                {"number": step.number, "name": step.name, "digest": step.digest},
            )
    connection.commit()
    return None if step is None else step.name
