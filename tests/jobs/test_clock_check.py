"""Tests that a wrong clock is reported to the administrator."""

from __future__ import annotations

import re
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
from tests.fakes import result_of


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """The warnings that are logged during the test."""
    messages: list[str] = []

    @provider(ILogObserver)
    def observer(event: LogEvent) -> None:
        if event["log_level"].name == "warn":
            messages.append(formatEvent(event))

    globalLogPublisher.addObserver(observer)
    yield messages
    globalLogPublisher.removeObserver(observer)


def test_each_backward_jump_of_the_clock_is_logged_once(warnings: list[str]) -> None:
    times = iter([0, 10, 9, 8.5, -3600, -3599, -3598, 20, 12])
    system = SystemClock(lambda: make.NOW + timedelta(seconds=next(times)))
    read = [system() for _ in range(9)]
    assert read[4] == make.NOW - timedelta(hours=1)
    assert [message.partition(".")[0] for message in warnings] == [
        "The clock went backward by 3610 s",
        "The clock went backward by 8 s",
    ]


def test_a_difference_to_the_clock_of_the_database_is_logged(db: Transactions, warnings: list[str]) -> None:
    result_of(clock_check.check(db, lambda: datetime.now(UTC)))
    assert warnings == []
    result_of(clock_check.check(db, lambda: datetime.now(UTC) + timedelta(hours=1)))
    assert [message.partition(".")[0] for message in warnings] == ["The clocks of this process and of the database differ by 3600 s"]


def test_a_post_from_the_future_is_logged(db: Transactions, cursor: Cursor, warnings: list[str]) -> None:
    post = make.post(cursor, make.viewer(cursor))
    result_of(clock_check.check(db, lambda: datetime.now(UTC)))
    assert warnings == []
    later = datetime.now(UTC) + timedelta(days=365)
    id = posts.insert(cursor, post, id=id_at(later))  # type: ignore[arg-type]  # an id
    assert abs(moment_of(id) - later) < timedelta(milliseconds=1)
    result_of(clock_check.check(db, lambda: datetime.now(UTC)))
    assert len(warnings) == 1
    assert re.match(r"The newest post is dated 31\d{6} s ahead of the database's clock\.", warnings[0])
