"""Tests of the log of slow database calls, and of the request ids of transactions and jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from twisted.internet import reactor
from twisted.logger import LogEvent

from microblog.logs.context import LogContext, log_context
from microblog.storage import jobs
from microblog.storage.database import Cursor, Database, Prepared, execute_deferred, fetch_value
from microblog.storage.slow_calls import SlowCalls
from tests.logs.kept_events import kept_events
from tests.make import NOW

SLEEP = Prepared("select pg_sleep(%(seconds)s)::text || %(secret)s")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database that commits."""
    database = Database(database_url, reactor, threads=1)
    database.start()
    yield database
    database.stop()


@pytest.fixture
def events() -> Iterator[list[LogEvent]]:
    """Log events about slow calls."""
    with kept_events("slow_transaction") as found:
        yield found


@contextmanager
def in_request(id: str) -> Iterator[None]:
    token = log_context.set(LogContext(id))
    yield
    log_context.reset(token)


def sleep(cursor: Cursor, seconds: float) -> object:
    fetch_value(cursor, "select 1")
    return fetch_value(cursor, SLEEP, {"seconds": seconds, "secret": "canary"})


def application_name(cursor: Cursor) -> str:
    return str(fetch_value(cursor, "select current_setting('application_name')"))


def add_job(cursor: Cursor) -> None:
    jobs.add(cursor, "kind", {}, due_at=NOW, now=NOW)


@pytest.mark.parametrize("call", ["run", "read"])
async def test_a_slow_call_is_logged_with_its_function_and_statement_without_values(
    database: Database, events: list[LogEvent], call: str
) -> None:
    database.slow_calls.threshold_s = 0.05
    with in_request("0f3c-12"):
        await getattr(database, call)(sleep, 0.1)
    [event] = events
    assert (event["transaction"], event["request_id"]) == ("sleep", "0f3c-12")
    assert event["statement"] == "select pg_sleep(%(seconds)s)::text || %(secret)s"
    assert 50 <= event["statement_ms"] <= event["duration_ms"]
    assert "canary" not in str(event)


async def test_only_slow_calls_are_logged(database: Database, events: list[LogEvent]) -> None:
    database.slow_calls = SlowCalls(threshold_s=600)
    await database.run(sleep, 0.1)
    assert events == []
    database.slow_calls.threshold_s = 0
    await database.run(application_name)
    assert [event["transaction"] for event in events] == ["application_name"]


async def test_a_failed_call_is_logged_too(database: Database, events: list[LogEvent]) -> None:
    database.slow_calls.threshold_s = 0

    def fail(cursor: Cursor) -> None:
        execute_deferred(cursor, "select %(secret)s", {"secret": "canary"})
        raise ValueError

    with pytest.raises(ValueError):
        await database.run(fail)
    assert len(events) == 1
    assert "canary" not in str(events)


async def test_transactions_of_a_request_have_its_id_as_their_name_and_others_do_not(database: Database) -> None:
    with in_request("0f3c-12"):
        assert await database.run(application_name) == "microblog 0f3c-12"
    assert await database.run(application_name) == "microblog"


async def test_a_job_has_the_id_of_the_request_that_caused_it(database: Database) -> None:
    for id in ("0f3c-12", "a" * 50):
        with in_request(id):
            await database.run(add_job)
    await database.run(add_job)
    claimed = await database.run(jobs.claim, kinds=["kind"], worker="one", lease_until=NOW, now=NOW, limit=9)
    assert [job.request_id for job in claimed] == ["0f3c-12", "a" * 50, None]
