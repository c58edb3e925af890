"""Schema migrations: numbered SQL files, each applied in a transaction of its own, by one process at a time."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib.resources import files

import psycopg2.errors
from attrs import frozen

from microblog.model.progress import Report, unreported
from microblog.storage.database import Connection, Cursor, execute, fetch_all, fetch_value

LOCKING_MS = 500  # less than `deadlock_timeout`, which is a second by default
ADVISORY_LOCK = 0x6D6963726F  # "micro": any fixed number that no other program uses in this database
_NAME = re.compile(r"(\d{4})_\w+\.sql")
_LOCKING = re.compile(
    r"^\s*(?:(?:alter|drop) table (?:if exists )?(?:only )?(\w+)|drop trigger \w+ on (\w+))", re.MULTILINE | re.IGNORECASE
)
_DROPPED_INDEX = re.compile(r"^\s*drop index (?:if exists )?(\w+)", re.MULTILINE | re.IGNORECASE)
_BLOCK = re.compile(r"^do \$\$.*?\$\$", re.MULTILINE | re.DOTALL | re.IGNORECASE)
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

    @property
    def locked_tables(self) -> set[str]:
        """Names of the tables that it locks against reading: those that are altered or dropped, or lose a trigger.

        A block of PL/pgSQL may do that to any table that it names, so all its words are among them.
        """
        in_blocks = {word for block in _BLOCK.findall(self.sql) for word in re.findall(r"\w+", block)}
        return in_blocks | {name for names in _LOCKING.findall(self.sql) for name in names if name}

    @property
    def dropped_indexes(self) -> set[str]:
        """Names of the indexes that it drops, whose tables are locked against reading too."""
        return set(_DROPPED_INDEX.findall(self.sql))


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


def _lock_tables(cursor: Cursor, step: Migration, timeout_ms: int) -> None:
    """Lock the tables that the migration changes, all at once, so that it never waits for one while it holds another.

    A query that waits for a locked table, and holds one for which the migration waits, would fail as a deadlock after a second
    (`deadlock_timeout`). So each attempt ends sooner, and the locks are released before the next. Raises psycopg2's QueryCanceled if the
    tables are not free for the whole timeout.
    """
    tables = fetch_all(cursor, str, EXISTING, {"names": sorted(step.locked_tables), "indexes": sorted(step.dropped_indexes)})
    if not tables:
        return
    end = time.monotonic() + timeout_ms / 1000
    while True:
        execute(cursor, "savepoint unlocked")
        try:
            execute(cursor, f"set local statement_timeout = {LOCKING_MS}; lock table {', '.join(tables)} in access exclusive mode")
        except psycopg2.errors.QueryCanceled:
            execute(cursor, "rollback to savepoint unlocked")
            if time.monotonic() > end:
                raise
            time.sleep(LOCKING_MS / 1000)  # what waits for the tables goes on meanwhile
        else:
            execute(cursor, "set local statement_timeout = 0")
            return


EXISTING = """
    select c.oid::regclass::text from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = current_schema()::regnamespace
    and (c.relname = any(%(names)s) or c.oid in (
        select i.indrelid from pg_index i where i.indexrelid in (
            select oid from pg_class where relnamespace = current_schema()::regnamespace and relname = any(%(indexes)s))))
    order by c.relname"""


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
            _lock_tables(cursor, step, lock_timeout_ms)
            execute(cursor, step.sql)
            execute(
                cursor,
                "insert into migrations (number, name, digest) values (%(number)s, %(name)s, %(digest)s)",
                {"number": step.number, "name": step.name, "digest": step.digest},
            )
    connection.commit()
    return None if step is None else step.name
