"""A clock that is wrong is told to the administrator: what it dated stays visible in every list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import provider

from microblog.jobs import clock_check
from microblog.jobs.clock_check import SystemClock
from microblog.model.ids import id_at, moment_of
from microblog.storage import posts
from microblog.storage.database import Cursor, Transactions
from tests import make
from tests.fakes import done


@pytest.fixture
def said() -> Iterator[list[str]]:
    """The warnings in the log."""
    heard: list[str] = []

    @provider(ILogObserver)
    def observer(event: LogEvent) -> None:
        if event["log_level"].name == "warn":
            heard.append(formatEvent(event))

    globalLogPublisher.addObserver(observer)
    yield heard
    globalLogPublisher.removeObserver(observer)


def test_a_clock_that_runs_backward_is_told_once_for_each_time(said: list[str]) -> None:
    times = iter([0, 10, 9, 8.5, -3600, -3599, -3598, 20, 12])
    system = SystemClock(lambda: make.NOW + timedelta(seconds=next(times)))
    read = [system() for _ in range(9)]
    assert read[4] == make.NOW - timedelta(hours=1)
    assert [sentence.partition(":")[0].startswith("The clock went backward from") for sentence in said] == [True, True]
    assert "2026-03-04T05:06:17" in said[0]


def test_a_process_whose_clock_differs_from_the_databases_is_told(db: Transactions, said: list[str]) -> None:
    done(clock_check.check(db, lambda: datetime.now(UTC)))
    assert said == []
    done(clock_check.check(db, lambda: datetime.now(UTC) + timedelta(hours=1)))
    assert [sentence.partition(".")[0] for sentence in said] == ["The clocks of this process and the database differ by 3600 s"]


def test_posts_from_the_future_are_told(db: Transactions, cursor: Cursor, said: list[str]) -> None:
    post = make.post(cursor, make.viewer(cursor))
    done(clock_check.check(db, lambda: datetime.now(UTC)))
    assert said == []
    later = datetime.now(UTC) + timedelta(days=365)
    made = posts.insert(cursor, post, id=id_at(later))  # type: ignore[arg-type]  # an id
    assert abs(moment_of(made) - later) < timedelta(milliseconds=1)
    done(clock_check.check(db, lambda: datetime.now(UTC)))
    assert len(said) == 1
    assert said[0].startswith(f"The newest post is from {later.isoformat(timespec='seconds')}")
