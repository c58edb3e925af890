"""Fixtures of all tests: one real PostgreSQL per session, and coroutines as tests."""

from __future__ import annotations

import gc
import inspect
import itertools
import os
import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import hypothesis
import psycopg2
import pytest
import pytest_twisted

from microblog.adapters.postgres_files import dsn
from microblog.federation import actor_keys
from microblog.federation.keys import generate_private_pem
from microblog.lifecycle import GC_THRESHOLDS
from microblog.storage.database import Connection, Cursor, connect
from microblog.storage.migrate import migrate
from tests import make, servers
from tests.fakes import RolledBackDatabase

TEMPLATE = "migrated"
LONG = ("tests/acceptance/", "tests/browser/", "tests/web/test_visibility_matrix.py")

gc.set_threshold(*GC_THRESHOLDS)  # as in a site
hypothesis.settings.register_profile("shared machine", deadline=None)  # how long an example takes says nothing there
hypothesis.settings.load_profile("shared machine")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let `async def` tests run on the reactor, without a decorator on each."""
    test = getattr(item, "obj", None)
    test = getattr(getattr(test, "hypothesis", None), "inner_test", test)
    if inspect.iscoroutinefunction(test):
        pytest_twisted.ensureDeferred(getattr(test, "__func__", test))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first. A process that ran one of them last would keep the others waiting at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_collection_finish() -> None:
    """Leave modules and tests out of garbage collection: they stay, and looking at them again and again takes a third of the time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a skipped test fail where nothing may be missing (MICROBLOG_NO_SKIPS=1, as in CI)."""
    report = yield
    if report.skipped and os.environ.get("MICROBLOG_NO_SKIPS") == "1":
        report.outcome = "failed"
    return report


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without settings, not even those of the checks themselves, which a site does not know."""
    for name in [name for name in os.environ if name.startswith("MICROBLOG_")]:
        monkeypatch.delenv(name)


_private_keys: list[str] = []


@pytest.fixture(autouse=True)
def reused_private_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the actors of sites in this process real keys that were made for earlier tests, because making one takes 100 ms."""
    numbers = itertools.count()

    def generate() -> str:
        number = next(numbers)
        if number == len(_private_keys):
            _private_keys.append(generate_private_pem())
        return _private_keys[number]

    monkeypatch.setattr(actor_keys, "generate_private_pem", generate)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Start the session's server with a migrated template database; yields the directory of its socket."""
    with servers.run_postgres(tmp_path_factory.mktemp("postgres")) as sockets:
        _administer(sockets, f"create database {TEMPLATE}")
        connection = connect(dsn(sockets, TEMPLATE))
        migrate(connection)
        with connection, connection.cursor() as cursor:
            make_ids_repeatable(cursor)
        connection.close()
        yield sockets


def make_ids_repeatable(cursor: Cursor) -> None:
    """Make ids the same in each run by fixing the seed of their random start within a millisecond."""
    cursor.execute("select pg_get_functiondef('new_id'::regproc)")
    [(definition,)] = cursor.fetchall()
    cursor.execute(re.sub(r"[0-9a-f]{64}", "0" * 64, definition))


def _administer(sockets: Path, statement: str) -> None:
    connection = psycopg2.connect(dsn(sockets, "postgres"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def new_database(postgres: Path) -> Callable[[], str]:
    """Return a function that creates a database with our schema (in about 50 ms) and returns its URL."""

    def make() -> str:
        name = f"test_{next(_numbers)}"
        _administer(postgres, f"create database {name} template {TEMPLATE} strategy file_copy")
        return dsn(postgres, name)

    return make


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    """The URL of a database of the test's own, for tests that commit."""
    return new_database()


@pytest.fixture(scope="session")
def shared_connection(new_database: Callable[[], str]) -> Iterator[Connection]:
    """The connection of all tests that are rolled back."""
    connection = connect(new_database())
    yield connection
    connection.close()


@pytest.fixture
def cursor(shared_connection: Connection) -> Iterator[Cursor]:
    """A cursor on the real schema, without rows. The test's changes are rolled back."""
    with shared_connection.cursor() as cursor:
        cursor.execute("select setval('id_sequence', (last_value - new_id(%s)) & 65535) from id_sequence", [make.NOW])
        yield cursor
    shared_connection.rollback()


@pytest.fixture
def db(cursor: Cursor) -> RolledBackDatabase:
    """The database interface of services, on `cursor`."""
    return RolledBackDatabase(cursor)
