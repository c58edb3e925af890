"""Migrations: released ones never change, and databases of other versions are refused and left alone."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import psycopg2
import pytest
from attrs import define

from microblog.storage.database import Connection, Cursor, connect, fetch_all
from microblog.storage.migrate import EXISTING, Migration, SchemaProblem, known, migrate, missing
from tests import make

ROOT = Path(__file__).parent.parent.parent
RELEASED = (Path(__file__).parent / "released_migrations.txt").read_text("utf-8")


def changed_since(released: str) -> set[str]:
    """Return the migrations of the list (in the format of `sha256sum`) that are missing or have other content now."""
    listed = re.findall(r"^([0-9a-f]{64}) [ *](\S+)$", released, re.MULTILINE)
    now = {step.name: step.digest for step in known()}
    return {name for digest, name in listed if now.get(name) != digest}


def test_migrations_of_a_release_never_change() -> None:
    assert changed_since(RELEASED) == set()


def test_every_release_lists_its_migrations() -> None:
    versions = re.findall(r"^## \[?v?(\d+\.\d+\.\d+)(?!.*unreleased)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert set(versions) <= set(re.findall(r"^# (\S+)$", RELEASED, re.MULTILINE))


def test_a_migration_that_was_changed_or_removed_is_noticed() -> None:
    first = known()[0]
    assert changed_since(f"# 1.0.0\n{sha256(first.sql.encode()).hexdigest()}  {first.name}\n") == set()
    assert changed_since(f"{sha256(b'other').hexdigest()}  {first.name}\n") == {first.name}
    assert changed_since(f"{first.digest}  0000_gone.sql\n") == {"0000_gone.sql"}


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    made = connect(database_url)
    yield made
    made.close()


def applied_too(connection: Connection, number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("insert into migrations (number, name, digest) values (%(number)s, 'x', 'x')", {"number": number})
    connection.commit()


BEFORE, AFTER = 0, known()[-1].number + 1


@pytest.mark.parametrize("number", [BEFORE, AFTER])
def test_a_database_with_a_migration_of_a_newer_release_is_refused_unchanged(connection: Connection, number: int) -> None:
    applied_too(connection, number)
    for act in (migrate, missing):
        with pytest.raises(SchemaProblem, match=f"newer release.*{number:04}"):
            act(connection)
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from migrations")
        assert cursor.fetchone() == (len(known()) + 1,)


def test_columns_that_a_migration_adds_to_a_table_with_rows_have_statistics(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [*known(), Migration(AFTER, "more.sql", "alter table accounts add column more text")]
    monkeypatch.setattr("microblog.storage.migrate.known", lambda: steps)
    with connection.cursor() as cursor:
        for _ in range(3):
            make.account(cursor)
        connection.commit()
        cursor.execute("analyze accounts")
        connection.commit()
        assert migrate(connection) == ["more.sql"]
        cursor.execute("select null_frac from pg_stats where tablename = 'accounts' and attname = 'more'")
        assert cursor.fetchone() == (1.0,)


def test_a_database_from_before_the_first_release_is_refused_unchanged(connection: Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("update migrations set name = '0001_house.sql', digest = 'other' where number = 1")
    applied_too(connection, 58)
    for act in (migrate, missing):
        with pytest.raises(SchemaProblem, match=r"before 0\.2\.0, the first release, and cannot be upgraded"):
            act(connection)
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from migrations")
        assert cursor.fetchone() == (len(known()) + 1,)


def test_a_migration_that_changed_after_it_was_applied_is_refused(connection: Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("update migrations set digest = 'other' where number = 1")
    connection.commit()
    with pytest.raises(SchemaProblem, match="was changed"):
        migrate(connection)


def test_a_migration_with_a_lower_number_than_the_applied_ones_is_still_applied(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Branches choose numbers independently and may be merged in another order."""
    late = Migration(BEFORE, "late.sql", "create table late ()")
    steps = [late, *known()]
    monkeypatch.setattr("microblog.storage.migrate.known", lambda: steps)
    assert missing(connection) == migrate(connection) == ["late.sql"]
    assert migrate(connection) == []


def test_migration_numbers_are_unique() -> None:
    numbers = [step.number for step in known()]
    assert len(numbers) == len(set(numbers))


def existing_tables(cursor: Cursor) -> set[str]:
    return set(fetch_all(cursor, str, "select tablename::text from pg_tables where schemaname = current_schema()"))


def test_each_migration_names_all_existing_tables_that_it_locks_against_reading(
    new_database: Callable[[], str],
) -> None:
    made = connect(new_database())
    with made.cursor() as cursor:
        cursor.execute("drop schema public cascade; create schema public")
        made.commit()
        [first, *steps] = known()
        cursor.execute(first.sql)
        made.commit()
        for step in steps:
            before = existing_tables(cursor)
            cursor.execute(step.sql)
            locked = fetch_all(
                cursor,
                str,
                """select distinct c.relname::text from pg_locks l join pg_class c on c.oid = l.relation
                   where l.pid = pg_backend_pid() and l.mode = 'AccessExclusiveLock' and c.relkind = 'r'""",
            )
            made.rollback()
            tables = set(fetch_all(cursor, str, EXISTING, {"names": sorted(step.locked_tables), "indexes": sorted(step.dropped_indexes)}))
            assert before & set(locked) <= tables, step.name
            cursor.execute(step.sql)
            made.commit()
    made.close()


@define
class Reader:
    """A query that uses one table and then another one."""

    connection: Connection
    error: Exception | None = None
    rows: int | None = None

    def run(self) -> None:
        """Use both tables, with a pause in which the other one is locked."""
        try:
            with self.connection, self.connection.cursor() as cursor:
                cursor.execute("select count(*) from follow_requests")
                time.sleep(0.3)
                cursor.execute("select count(*) from accounts")
                [(self.rows,)] = cursor.fetchall()
        except psycopg2.Error as error:
            self.error = error


def test_a_query_never_meets_a_deadlock_with_a_migration(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = "alter table accounts add column one text;\nalter table follow_requests add column two text;"
    later = Migration(known()[-1].number + 1, "9998_two_tables.sql", changes)
    steps = [*known(), later]
    monkeypatch.setattr("microblog.storage.migrate.known", lambda: steps)
    migrating = connect(database_url)
    readers = [Reader(connect(database_url)) for _ in range(5)]
    threads = [threading.Thread(target=reader.run) for reader in readers]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    assert migrate(migrating) == [later.name]
    for thread in threads:
        thread.join()
    assert [(reader.error, reader.rows) for reader in readers] == [(None, 0)] * len(readers)
    for each in (migrating, *(reader.connection for reader in readers)):
        each.close()


def test_a_migration_gives_up_when_its_tables_are_not_free_in_time(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    later = Migration(known()[-1].number + 1, "9998_accounts.sql", "alter table accounts add column one text")
    steps = [*known(), later]
    monkeypatch.setattr("microblog.storage.migrate.known", lambda: steps)
    migrating, reading = connect(database_url), connect(database_url)
    with reading.cursor() as cursor:
        cursor.execute("select count(*) from accounts")
        with pytest.raises(psycopg2.errors.QueryCanceled):
            migrate(migrating, lock_timeout_ms=600)
        reading.rollback()
    assert migrate(migrating) == [later.name]
    migrating.close()
    reading.close()
