"""Tests of the retries of deliveries and of the health of hosts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.federation.retry_schedule import (
    DAYS_BEFORE_DEATH,
    FAILURES_BEFORE_PAUSE,
    MAX_HOST_PAUSE,
    MAX_RETRY_AFTER,
    PAUSES,
    Attempt,
    Outcome,
    TransportFailure,
    after_attempt,
    next_try,
    retry_time,
)
from microblog.model.deliveries import HostState

NOW = datetime(2026, 11, 29, 15, tzinfo=UTC)
DOWN, REFUSED, ACCEPTED = Attempt(TransportFailure.NETWORK), Attempt(404), Attempt(202)

attempts = st.builds(
    Attempt,
    st.sampled_from([200, 202, 301, 400, 401, 404, 408, 410, 429, 500, 501, 502, 503, *TransportFailure]),
    st.none()
    | st.sampled_from(["0", "60", "999999999", "-1", "x", "Sun, 29 Nov 2026 16:00:00 GMT", "Sun, 29 Nov 9999 16:00:00 GMT"])
    | st.text(),
)
chances = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_2xx_is_success(status: int) -> None:
    assert Attempt(status).outcome() is Outcome.DELIVERED


@pytest.mark.parametrize("result", [400, 403, 404, 405, 406, 413, 422, 501, TransportFailure.ADDRESS_NOT_ALLOWED])
def test_a_refused_delivery_is_given_up_at_once(result: int | TransportFailure) -> None:
    assert Attempt(result).outcome() is Outcome.GIVE_UP
    assert next_try(Attempt(result, "60"), 1, NOW, 0.5) is None


def test_410_ends_it() -> None:
    assert Attempt(410).outcome() is Outcome.INBOX_GONE
    assert next_try(Attempt(410), 1, NOW, 0.5) is None


@pytest.mark.parametrize("result", [301, 401, 408, 429, 500, 502, 503, 504, TransportFailure.NETWORK])
def test_what_may_pass_is_tried_again(result: int | TransportFailure) -> None:
    assert Attempt(result).outcome() is Outcome.RETRY
    assert next_try(Attempt(result), 1, NOW, 0.5) == NOW + timedelta(seconds=15)


def test_401_for_a_deleted_author_ends_it() -> None:
    assert Attempt(401, author_is_deleted=True).outcome() is Outcome.GIVE_UP
    assert Attempt(503, author_is_deleted=True).outcome() is Outcome.RETRY


def test_a_delivery_is_tried_eleven_times_in_about_two_days() -> None:
    times = [next_try(DOWN, tries, NOW, 0.5) for tries in range(1, 12)]
    pauses = [time - NOW for time in times if time]
    assert pauses == list(PAUSES)
    assert times[-1] is None
    assert timedelta(days=1.5) < sum(pauses, timedelta()) < timedelta(days=2.5)


def test_deliveries_that_failed_together_are_spread() -> None:
    assert next_try(DOWN, 3, NOW, 0.0) != next_try(DOWN, 3, NOW, 0.9)


def test_retry_after_is_obeyed() -> None:
    assert next_try(Attempt(429, "7200"), 1, NOW, 0.5) == NOW + timedelta(hours=2)
    assert next_try(Attempt(503, format_datetime(NOW + timedelta(hours=3), usegmt=True)), 1, NOW, 0.5) == NOW + timedelta(hours=3)
    assert next_try(Attempt(503, "1"), 1, NOW, 0.5) == NOW + timedelta(seconds=15)
    assert next_try(Attempt(503, "99999999"), 1, NOW, 0.5) == NOW + MAX_RETRY_AFTER
    assert after_attempt(HostState(), Attempt(429, "7200"), NOW).paused_until == NOW + timedelta(hours=2)


@given(
    st.text()
    | st.sampled_from(["Sun, 29 Nov 2026 16:00:00 -0000", "Sun, 29 Nov 0000 16:00:00 GMT", "Mon, 1 Jan 9999 00:00:00 -2359", "1e9", "٣"])
)
def test_no_retry_after_crashes_or_waits_more_than_a_day(header: str) -> None:
    time = retry_time(header, NOW)
    assert time is None or NOW < time <= NOW + MAX_RETRY_AFTER


@given(attempts, st.integers(-1, 20), chances)
def test_the_next_try_is_later_and_within_a_day(attempt: Attempt, tries: int, chance: float) -> None:
    time = next_try(attempt, tries, NOW, chance)
    if time is not None:
        assert attempt.outcome() is Outcome.RETRY
        assert NOW < time <= NOW + timedelta(days=1)


def test_a_host_pauses_after_ten_failures_in_a_row_longer_each_time() -> None:
    state, pauses = HostState(), []
    for _ in range(FAILURES_BEFORE_PAUSE + 8):
        state = after_attempt(state, DOWN, NOW)
        pauses.append(state.paused_until - NOW if state.paused_until else None)
    minutes = [pause and pause / timedelta(minutes=1) for pause in pauses]
    assert minutes == [None] * 9 + [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert state.paused_until == NOW + MAX_HOST_PAUSE


def test_a_success_ends_the_row_of_failures() -> None:
    state = HostState()
    for _ in range(20):
        state = after_attempt(state, DOWN, NOW)
    assert after_attempt(state, ACCEPTED, NOW) == HostState()
    assert after_attempt(state, REFUSED, NOW) == HostState()


def fails_for(days: int, state: HostState | None = None) -> HostState:
    state = state or HostState()
    for day in range(days):
        for hour in (0, 1):
            state = after_attempt(state, DOWN, NOW + timedelta(days=day, hours=hour))
    return state


def test_a_host_is_dead_after_failures_on_seven_days() -> None:
    assert fails_for(DAYS_BEFORE_DEATH - 1).dead_since is None
    dead = fails_for(DAYS_BEFORE_DEATH)
    assert dead.dead_since == NOW + timedelta(days=6)
    assert fails_for(3, dead).dead_since == dead.dead_since


def test_a_success_between_keeps_a_host_alive() -> None:
    state = after_attempt(fails_for(DAYS_BEFORE_DEATH - 1), ACCEPTED, NOW)
    assert fails_for(DAYS_BEFORE_DEATH - 1, state).dead_since is None


@given(st.lists(st.tuples(attempts, st.integers(0, 3 * 86_400)), max_size=60))
def test_only_a_host_that_keeps_failing_dies(history: list[tuple[Attempt, int]]) -> None:
    state, now = HostState(), NOW
    days: set[date] = set()
    for attempt, seconds in history:
        now += timedelta(seconds=seconds)
        state = after_attempt(state, attempt, now)
        days = days | {now.date()} if attempt.host_failed() else set()
        assert state.paused_until is None or now < state.paused_until <= now + MAX_RETRY_AFTER
        assert len(state.failed_days) <= DAYS_BEFORE_DEATH
        assert (state.dead_since is not None) == (len(days) >= DAYS_BEFORE_DEATH)
