"""Tests of the scheduler: each tick is enqueued once, with several processes, downtime and clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock

from microblog.jobs.scheduler import MAX_CATCH_UP, Daily, Every, MissedRuns, Scheduler, Timer, TimerRule, enqueue
from microblog.storage.database import Cursor, Transactions, execute, fetch_all
from tests.fakes import result_of

ZONES = ["UTC", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "Africa/Casablanca"]
instants = st.datetimes(datetime(2005, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
zones = st.sampled_from(ZONES).map(ZoneInfo)
daily_times = st.times().map(lambda at: at.replace(microsecond=0))
daily = st.builds(Daily, at=daily_times, zone=zones)
rules = st.one_of(
    daily,
    st.builds(Every, st.timedeltas(timedelta(seconds=1), timedelta(days=40))),
    st.builds(Daily, at=daily_times, zone=zones, weekdays=st.frozensets(st.integers(0, 6), min_size=1)),
)


@given(rules, instants)
def test_ticks_are_in_the_past_and_strictly_decreasing(rule: TimerRule, instant: datetime) -> None:
    ticks = list(islice(rule.before(instant), 20))
    assert ticks[0] <= instant
    assert all(newer > older for newer, older in pairwise(ticks))


@given(rules, instants, st.timedeltas(timedelta(0), timedelta(days=30)))
def test_ticks_do_not_depend_on_the_time_of_the_computation(rule: TimerRule, instant: datetime, later: timedelta) -> None:
    seen_later = [tick for tick in islice(rule.before(instant + later), 3000) if tick <= instant]
    seen_now = list(islice(rule.before(instant), len(seen_later)))
    assert seen_later == seen_now


@given(daily, instants)
def test_every_day_has_one_tick_even_when_clocks_change(rule: Daily, instant: datetime) -> None:
    ticks = list(islice(rule.before(instant), 400))
    dates = [tick.astimezone(rule.zone).date() for tick in ticks]
    days = (dates[0] - dates[-1]).days
    skipped = 1 if rule.zone.key == "Pacific/Apia" and dates[-1] <= date(2011, 12, 31) <= dates[0] else 0
    assert abs(len(ticks) - 1 - days) <= skipped


@pytest.mark.parametrize(
    ("at", "day", "expected"),
    [
        (time(2, 30), date(2026, 3, 29), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # skipped: shown as 3:30
        (time(2, 30), date(2026, 10, 25), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # shown twice: the first
        (time(0, 0), date(2026, 7, 1), datetime(2026, 6, 30, 22, 0, tzinfo=UTC)),
    ],
)
def test_a_skipped_or_repeated_time_has_one_tick(at: time, day: date, expected: datetime) -> None:
    assert Daily(at, ZoneInfo("Europe/Vienna")).on(day) == expected


def test_weekdays_are_computed_in_the_zone() -> None:
    mondays = Daily(time(0), ZoneInfo("Pacific/Auckland"), frozenset({0}))
    tick = next(mondays.before(datetime(2026, 6, 20, tzinfo=UTC)))
    assert tick == datetime(2026, 6, 14, 12, tzinfo=UTC)  # Sunday in UTC, Monday there


HOURLY = Timer("hourly", Every(timedelta(hours=1)), MissedRuns.EACH)
LAST = Timer("last", Every(timedelta(hours=1)), MissedRuns.LAST)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def enqueued_ticks(cursor: Cursor, kind: str) -> list[datetime]:
    return fetch_all(cursor, datetime.fromisoformat, "select payload->>'tick' from jobs where kind = %(kind)s order by id", {"kind": kind})


def hours(*numbers: float) -> list[datetime]:
    return [NOON + timedelta(hours=number) for number in numbers]


def test_a_new_timer_starts_with_its_next_tick(cursor: Cursor) -> None:
    assert enqueue(cursor, HOURLY, now=NOON + timedelta(minutes=59)) == 0
    assert enqueue(cursor, HOURLY, now=NOON + timedelta(minutes=60)) == 1
    assert enqueued_ticks(cursor, "hourly") == hours(1)


def test_missed_ticks_are_caught_up_by_the_policy(cursor: Cursor) -> None:
    for timer in (HOURLY, LAST):
        enqueue(cursor, timer, now=NOON)
        enqueue(cursor, timer, now=NOON + timedelta(hours=5, minutes=1))
    assert enqueued_ticks(cursor, "hourly") == hours(1, 2, 3, 4, 5)
    assert enqueued_ticks(cursor, "last") == hours(5)


def test_catching_up_is_limited(cursor: Cursor) -> None:
    enqueue(cursor, HOURLY, now=NOON)
    assert enqueue(cursor, HOURLY, now=NOON + timedelta(days=3650)) == MAX_CATCH_UP / timedelta(hours=1)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rules,
    st.sampled_from(MissedRuns),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    st.lists(st.timedeltas(timedelta(hours=-30), timedelta(days=3)), min_size=1, max_size=12),
)
def test_no_tick_is_repeated_or_missed_when_clocks_jump(
    cursor: Cursor, rule: TimerRule, catch_up: MissedRuns, begin: datetime, jumps: list[timedelta]
) -> None:
    if isinstance(rule, Every) and rule.period < timedelta(hours=1):
        rule = Every(timedelta(hours=1) + rule.period)  # keeps the number of rows small
    execute(cursor, "delete from jobs; delete from timer_runs")
    timer = Timer("t", rule, catch_up)
    enqueue(cursor, timer, now=begin)
    now = latest = begin
    for jump in jumps:
        now += jump
        latest = max(latest, now)
        enqueue(cursor, timer, now=now)
        enqueue(cursor, timer, now=now - timedelta(seconds=1))  # a second process, whose clock is a little behind
    enqueued = enqueued_ticks(cursor, "t")
    assert len(enqueued) == len(set(enqueued))
    expected = [tick for tick in islice(rule.before(latest), 3000) if tick > begin]
    if catch_up is MissedRuns.EACH:
        assert set(expected) <= set(enqueued)
    elif expected:
        assert expected[0] in enqueued
    assert all(tick <= latest for tick in enqueued)


def test_the_scheduler_polls_and_wakes_the_worker(db: Transactions, cursor: Cursor) -> None:
    clock, wakeups = Clock(), []
    scheduler = Scheduler(db, [HOURLY], lambda: NOON + timedelta(seconds=clock.seconds()), lambda: wakeups.append(clock.seconds()), 600)
    service = scheduler.service(clock)
    service.startService()
    clock.pump([600] * 13)
    service.stopService()
    clock.pump([600] * 13)
    assert wakeups == [3600, 7200]
    assert enqueued_ticks(cursor, "hourly") == hours(1, 2)


class FailingRule:
    """A rule that always raises."""

    def before(self, instant: datetime) -> TimerRule:
        raise RuntimeError(f"no tick before {instant}")


def test_a_failing_timer_does_not_stop_others(db: Transactions, cursor: Cursor) -> None:
    clock = [NOON]
    scheduler = Scheduler(db, [Timer("failing", FailingRule()), HOURLY], lambda: clock[0])  # type: ignore[arg-type]  # wrong on purpose
    for _ in range(2):
        result_of(scheduler.check())
        clock[0] += timedelta(hours=1)
    assert enqueued_ticks(cursor, "hourly") == hours(1)
