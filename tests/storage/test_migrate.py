"""Migrations: released ones never change, and databases of other versions are refused and left alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from microblog.storage.database import Connection, connect
from microblog.storage.migrate import Migration, SchemaProblem, known, migrate, missing
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
