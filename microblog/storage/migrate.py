"""Schema migrations: numbered SQL files, each applied in a transaction of its own, by one process at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib.resources import files

from attrs import frozen

from microblog.model.progress import Report, unreported
from microblog.storage.database import Connection, Cursor, execute, fetch_all, fetch_value

ADVISORY_LOCK = 0x6D6963726F  # "micro": any fixed number that no other program uses in this database
_NAME = re.compile(r"(\d{4})_\w+\.sql")
_BEFORE_FIRST_RELEASE = "0001_house.sql"  # the first migration of the development versions before 0.2.0


class SchemaProblem(Exception):
    """The database cannot be migrated to this version's schema; the text says why."""


@frozen
class Migration:
    """A numbered SQL file."""

    number: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """SHA-256 of the SQL, in hexadecimal. Stored when the migration is applied, to notice later edits of the file."""
        return sha256(self.sql.encode()).hexdigest()


@frozen
class AppliedMigration:
    """A row of the table `migrations`."""

    number: int
    name: str
    digest: str


def known() -> list[Migration]:
    """Return all migrations of this version, by number."""
    return sorted(_files(), key=lambda step: step.number)


def _files() -> Iterator[Migration]:
    for entry in files("microblog.storage").joinpath("migrations").iterdir():
        if match := _NAME.fullmatch(entry.name):
            yield Migration(int(match[1]), entry.name, entry.read_text("utf-8"))


def migrate(connection: Connection, *, lock_timeout_ms: int = 30_000, report: Report = unreported) -> list[str]:
    """Apply the missing migrations and return their names. Several processes may do this at once.

    Raises SchemaProblem if the database is newer than this version or older than 0.2.0, or if an applied migration has been edited.
    """
    applied: list[str] = []
    try:
        total = len(missing(connection))
        while (name := _apply_next(connection, lock_timeout_ms)) is not None:
            applied.append(name)
            report("Migrations", len(applied), max(total, len(applied)))
        if applied:
            _analyze_new_columns(connection)
    finally:
        connection.rollback()
    return applied


def _analyze_new_columns(connection: Connection) -> None:
    """Collect the statistics of columns that migrations added to tables with rows.

    Without them, PostgreSQL guesses that a condition on such a column is met by almost no row, and reads a table from end to end instead of
    one row by its id. Its own analysis may be weeks away: it waits until a tenth of the rows have changed.
    """
    with connection.cursor() as cursor:
        execute(cursor, "select set_config('statement_timeout', '0', true)")
        tables = fetch_all(cursor, str, _NEVER_ANALYZED)
        if tables:
            execute(cursor, f"analyze {', '.join(tables)}")
    connection.commit()


_NEVER_ANALYZED = """
    select distinct c.oid::regclass::text from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace and c.reltuples > 0 and not exists (
        select from pg_stats s where s.schemaname = current_schema() and s.tablename = c.relname and s.attname = a.attname)"""


def missing(connection: Connection) -> list[str]:
    """Return the names of the migrations that `migrate` would apply, without changing anything. Raises like `migrate`."""
    with connection.cursor() as cursor:
        execute(cursor, "set transaction read only")
        applied = _applied(cursor) if fetch_value(cursor, "select to_regclass('migrations') is not null") else {}
        connection.rollback()
    return [step.name for step in _to_apply(applied)]


def _applied(cursor: Cursor) -> dict[int, AppliedMigration]:
    return {row.number: row for row in fetch_all(cursor, AppliedMigration, "select number, name, digest from migrations")}


def _to_apply(applied: Mapping[int, AppliedMigration]) -> Iterator[Migration]:
    if (first := applied.get(1)) and first.name == _BEFORE_FIRST_RELEASE:
        raise SchemaProblem(
            "This database was created by a version before 0.2.0, the first release, and cannot be upgraded. Use an empty database."
        )
    steps = known()
    # Every unknown number counts, not only higher ones: branches may apply migrations in another order.
    if unknown := applied.keys() - {step.number for step in steps}:
        listed = ", ".join(f"{number:04}" for number in sorted(unknown))
        raise SchemaProblem(
            f"This database was migrated by a newer release (migrations {listed}). Run that release, or restore an earlier backup."
        )
    for step in steps:
        if step.number not in applied:
            yield step
        elif applied[step.number].digest != step.digest:
            raise SchemaProblem(f"The migration {step.name} was changed after it was applied to this database.")


def _apply_next(connection: Connection, lock_timeout_ms: int) -> str | None:
    """Apply the first missing migration in a transaction that holds the lock; return its name, or None if none is missing.

    All settings end with the transaction, because a pooler may give the connection to other clients between two transactions.
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
