"""Tests that the fake database behaves like the real one."""

from __future__ import annotations

from collections.abc import Callable

import psycopg2
import pytest
from twisted.internet import reactor
from twisted.internet.task import deferLater

from microblog.storage.database import Cursor, connect, execute, fetch_value
from tests.fakes import RolledBackDatabase, result_of


def _insert(cursor: Cursor, name: str) -> None:
    execute(
        cursor,
        "insert into accounts (id, username, created_at) values (new_id(now()), %(name)s, now())",
        {"name": name},
    )


def _count(cursor: Cursor) -> object:
    return fetch_value(cursor, "select count(*) from accounts")


@pytest.mark.parametrize("attempt", [1, 2])
def test_changes_of_a_test_are_rolled_back(db: RolledBackDatabase, attempt: int) -> None:
    assert result_of(db.read(_count)) == 0
    result_of(db.run(_insert, "ada"))
    assert result_of(db.read(_count)) == 1


def test_a_failing_command_undoes_only_itself(db: RolledBackDatabase) -> None:
    result_of(db.run(_insert, "ada"))

    def fail(cursor: Cursor) -> None:
        _insert(cursor, "bob")
        raise LookupError("bob")

    with pytest.raises(LookupError):
        result_of(db.run(fail))
    with pytest.raises(psycopg2.errors.UniqueViolation):
        result_of(db.run(_insert, "ADA"))
    assert result_of(db.read(_count)) == 1


def test_a_query_cannot_write(db: RolledBackDatabase) -> None:
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        result_of(db.read(_insert, "ada"))
    result_of(db.run(_insert, "ada"))


def test_a_separate_database_keeps_committed_changes(database_url: str, new_database: Callable[[], str]) -> None:
    connection = connect(database_url)
    with connection, connection.cursor() as cursor:
        _insert(cursor, "ada")
    connection.close()
    for url, expected in ((database_url, 1), (new_database(), 0)):
        connection = connect(url)
        with connection.cursor() as cursor:
            assert _count(cursor) == expected
        connection.close()


async def test_coroutines_run_as_tests() -> None:
    assert await deferLater(reactor, 0.01, lambda: 7) == 7
