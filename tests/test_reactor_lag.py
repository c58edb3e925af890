"""The measurement of how late the reactor runs its timers."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from microblog.reactor_lag import BOUNDS, INTERVAL_S, MAX_MISSED, ReactorLag


def started() -> tuple[Clock, ReactorLag]:
    clock = Clock()
    lag = ReactorLag(clock, clock.seconds)
    lag.start()
    return clock, lag


def test_a_punctual_timer_counts_in_the_first_bucket() -> None:
    clock, lag = started()
    clock.pump([INTERVAL_S] * 8)
    assert lag.buckets == [8, *[0] * len(BOUNDS)]
    assert lag.total_s == 0.0


def test_a_pause_counts_once_for_each_time_that_passed() -> None:
    clock, lag = started()
    clock.advance(INTERVAL_S + 0.625)  # late by 0.625, 0.375 and 0.125 seconds
    assert lag.total_s == pytest.approx(1.125)
    assert {bound: count for bound, count in zip(BOUNDS, lag.buckets, strict=False) if count} == {0.25: 1, 0.5: 1, 1.0: 1}
    clock.advance(0.125)  # the next one is punctual again
    assert sum(lag.buckets) == 4
    assert lag.total_s == pytest.approx(1.125)


def test_a_machine_that_slept_for_hours_counts_a_minute() -> None:
    clock, lag = started()
    clock.advance(36_000)
    assert sum(lag.buckets) == MAX_MISSED
    clock.advance(INTERVAL_S)
    assert sum(lag.buckets) == MAX_MISSED + 1


def test_it_can_be_stopped() -> None:
    clock, lag = started()
    lag.stop()
    clock.advance(10)
    assert sum(lag.buckets) == 0
    assert not clock.getDelayedCalls()
