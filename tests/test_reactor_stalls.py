"""Tests of the log of what keeps the reactor busy."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import LogEvent

from microblog.reactor_stalls import ReactorStalls
from tests.acceptance.site_process import wait_until
from tests.logs.kept_events import kept_events


@pytest.fixture
def stalls() -> Iterator[list[LogEvent]]:
    """Log events about stalls."""
    with kept_events("reactor_stall") as found:
        yield found


def keep_busy(seconds: float) -> None:
    """Let nothing else run in the reactor's thread."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.005)


async def run_reactor(seconds: float) -> None:
    await deferLater(reactor, seconds)


def component(threshold_s: float) -> ReactorStalls:
    return ReactorStalls(IReactorTime(reactor), threshold_s)


async def test_a_busy_reactor_is_logged_with_the_code_that_kept_it_busy(stalls: list[LogEvent]) -> None:
    watched = component(0.3)
    watched.start()
    await run_reactor(0.4)
    keep_busy(1.5)
    assert wait_until(lambda: stalls, 10)
    watched.stop()
    event = stalls[0]
    assert "in keep_busy" in event["stack"]
    assert event["duration_ms"] >= 300


async def test_nothing_is_logged_when_it_is_switched_off(stalls: list[LogEvent]) -> None:
    watched = component(0.3)
    watched.start()
    watched.apply(0)
    keep_busy(1)
    await run_reactor(0.2)
    assert stalls == []
    watched.apply(0.2)
    keep_busy(1)
    assert wait_until(lambda: stalls, 10)
    watched.stop()
