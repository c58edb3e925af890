"""Tests of daily statistics: the same numbers whichever process counts, whenever, and whatever was deleted since."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock

from microblog.domain.statistics import UTC_ZONE, DailyStatistics
from microblog.jobs import statistics as work
from microblog.jobs.scheduler import MissedRuns
from microblog.model.errors import Invalid, Unavailable
from microblog.model.ids import JobId
from microblog.model.jobs import Job, JobState, PermanentFailure
from microblog.model.statistics import Day, Measure, day_span, days
from microblog.storage import statistics as rows
from microblog.storage.database import Cursor, Transactions, connect, fetch_all, fetch_value
from tests import make
from tests.fakes import RolledBackDatabase, WallClock, result_of
from tests.jobs.simulation import ACTIONS, Simulation, Step, run_steps
from tests.make import NOW

# Time zones, each with a start a few days before a change of its clocks.
ZONES = [
    ("UTC", datetime(2026, 2, 26, 9, tzinfo=UTC)),
    ("Europe/Vienna", datetime(2026, 3, 27, 9, tzinfo=UTC)),
    ("Europe/Vienna", datetime(2026, 10, 23, 9, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 3, 6, 9, tzinfo=UTC)),  # skips midnight
    ("America/Havana", datetime(2026, 10, 30, 9, tzinfo=UTC)),  # repeats midnight
    ("America/Sao_Paulo", datetime(2018, 11, 2, 9, tzinfo=UTC)),  # skips midnight
    ("America/Sao_Paulo", datetime(2018, 2, 15, 9, tzinfo=UTC)),  # goes back to the day before at midnight
    ("Pacific/Apia", datetime(2011, 12, 28, 9, tzinfo=UTC)),  # skips a day
    ("Australia/Lord_Howe", datetime(2026, 4, 3, 9, tzinfo=UTC)),  # changes by half an hour
    ("Antarctica/Troll", datetime(2026, 3, 27, 9, tzinfo=UTC)),  # changes by two hours
    ("Asia/Kathmandu", datetime(2026, 5, 1, 9, tzinfo=UTC)),  # has an offset of 5:45 hours
]

steps = st.builds(
    Step,
    action=st.sampled_from(ACTIONS),
    a=st.integers(0, 5),
    b=st.integers(0, 5),
    minutes=st.sampled_from([0, 0, 1, 14, 40, 180, 700, 1430, 4000]),
    around_midnight=st.sampled_from([None, None, -1, 0, 1, 60_000]),
)


def all_rows(cursor: Cursor) -> list[tuple[object, ...]]:
    return fetch_all(cursor, lambda *row: row, "select zone, day, measure, value, detail from statistics order by 1, 2, 3")


# Accounts and posts to act on; otherwise random steps are mostly over before anything can be undone.
SETUP_STEPS = [Step(action, 1, 1, 0) for action in ("sign_up", "sign_up", "post", "post", "favourite", "boost", "follow")]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.sampled_from(ZONES), st.lists(steps, min_size=10, max_size=50))
def test_the_jobs_count_the_same_as_a_plain_recount(cursor: Cursor, zone_and_start: tuple[str, datetime], random_steps: list[Step]) -> None:
    with rolled_back(cursor):
        simulation = Simulation(cursor, ZoneInfo(zone_and_start[0]), WallClock(zone_and_start[1]))
        run_steps(simulation, [*SETUP_STEPS, *random_steps])
        simulation.finish_all()
        for zone in simulation.statistics.zones:
            expected = simulation.recount(zone)
            counted = rows.read(cursor, zone=zone.key, first=date.min, last=date.max)
            assert {day.day: day for day in counted} == expected
        before = all_rows(cursor)
        first = max(min(simulation.recount(zone)) for zone in simulation.statistics.zones)
        result_of(simulation.statistics.rebuild(first, min(map(simulation.statistics.last_day, simulation.statistics.zones))))
        assert all_rows(cursor) == before


@contextmanager
def rolled_back(cursor: Cursor) -> Iterator[None]:
    """Roll back one example, so that many share a cursor."""
    cursor.execute("savepoint example")
    try:
        yield
    finally:
        cursor.execute("rollback to savepoint example")


def test_undone_actions_stay_counted(cursor: Cursor, db: RolledBackDatabase) -> None:
    simulation = Simulation(cursor, ZoneInfo("Europe/Vienna"), WallClock(NOW))
    actions = (
        "sign_up visit post favourite boost reply follow edit unfavourite unboost unfollow "
        "delete delete expunge expunge log_out send_email sample_connections"
    )
    run_steps(simulation, [Step(action, 1, 2, 1) for action in actions.split()])
    simulation.finish_all()
    day = rows.read(cursor, zone="Europe/Vienna", first=NOW.date(), last=NOW.date())[0]
    counted = {measure: day[measure] for measure in Measure}
    assert fetch_value(cursor, "select count(*) from posts") == 0
    assert counted | {Measure.NEW_ACCOUNTS: 2, Measure.POSTS: 2, Measure.REPLIES: 1, Measure.BOOSTS: 1, Measure.FAVOURITES: 1} == counted
    assert counted | {Measure.FOLLOWS: 1, Measure.VISITED: 1, Measure.ACTIVE: 1, Measure.LIVE_PEAK: 2, Measure.TOP_POSTS: 1} == counted
    assert simulation.recount(ZoneInfo("Europe/Vienna"))[NOW.date()] == day


def test_each_day_has_one_row_for_each_measure(cursor: Cursor) -> None:
    simulation = Simulation(cursor, ZoneInfo("Europe/Vienna"), WallClock(NOW))
    simulation.clock.advance(days=9)
    simulation.finish_all()
    per_day = fetch_all(cursor, lambda *row: row, "select zone, day, count(*), count(distinct measure) from statistics group by 1, 2")
    assert {tuple(counts) for _, _, *counts in per_day} == {(len(Measure), len(Measure))}
    assert len(per_day) == 2 * 11


def test_every_day_missed_during_downtime_is_counted(cursor: Cursor) -> None:
    simulation = Simulation(cursor, UTC_ZONE, WallClock(NOW))
    simulation.clock.advance(days=100)  # more than the scheduler catches up
    simulation.finish_all()
    assert [day.day for day in rows.read(cursor, zone="UTC", first=date.min, last=date.max)] == list(
        days(NOW.date(), NOW.date() + timedelta(days=101))
    )


def test_a_day_lasts_from_midnight_to_midnight() -> None:
    vienna, havana, apia = ZoneInfo("Europe/Vienna"), ZoneInfo("America/Havana"), ZoneInfo("Pacific/Apia")

    def hours(day: date, zone: ZoneInfo) -> float:
        found = day_span(day, zone)
        return (found.end - found.begin) / timedelta(hours=1)

    assert hours(date(2026, 3, 28), vienna) == 24
    assert hours(date(2026, 3, 29), vienna) == 23
    assert hours(date(2026, 10, 25), vienna) == 25
    assert hours(date(2026, 3, 8), havana) == 23
    assert hours(date(2026, 11, 1), havana) == 25
    assert hours(date(2011, 12, 30), apia) == 0
    assert hours(date(2011, 12, 31), apia) == 24


@given(st.sampled_from(ZONES), st.datetimes(datetime(2005, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - adds it
def test_every_time_is_in_the_calendar_day_of_its_zone(zone_and_start: tuple[str, datetime], time: datetime) -> None:
    zone = ZoneInfo(zone_and_start[0])
    found = day_span(time.astimezone(zone).date(), zone)
    assert found.begin <= time < found.end


def test_an_unfinished_day_is_not_counted(db: Transactions) -> None:
    statistics = DailyStatistics(db, UTC_ZONE, lambda: NOW)
    with pytest.raises(Invalid, match="not over"):
        result_of(statistics.count(UTC_ZONE, NOW.date()))
    with pytest.raises(Invalid, match="not over"):
        result_of(statistics.rebuild(NOW.date(), NOW.date()))
    assert result_of(statistics.rebuild()) is None
    with pytest.raises(Invalid, match="before the first"):
        result_of(statistics.rebuild(NOW.date(), NOW.date() - timedelta(days=1)))
    with pytest.raises(Invalid, match="longer than"):
        result_of(statistics.rebuild(date(1, 1, 1), NOW.date() - timedelta(days=1)))


def test_a_rebuild_repairs_changed_rows(cursor: Cursor) -> None:
    simulation = Simulation(cursor, UTC_ZONE, WallClock(NOW))
    simulation.finish_all()
    expected = all_rows(cursor)
    cursor.execute("update statistics set value = 1000, detail = '[[\"no\", 1, 1]]'")
    assert result_of(simulation.statistics.rebuild()) == (NOW.date(), NOW.date() + timedelta(days=1))
    assert all_rows(cursor) == expected


def test_a_site_in_utc_counts_each_day_once_and_others_twice(db: Transactions) -> None:
    vienna = DailyStatistics(db, ZoneInfo("Europe/Vienna"), lambda: NOW)
    assert [timer.kind for timer in work.timers(vienna)] == ["statistics.site_day", "statistics.utc_day"]
    assert [timer.kind for timer in work.timers(DailyStatistics(db, UTC_ZONE, lambda: NOW))] == ["statistics.utc_day"]
    assert {timer.catch_up for timer in work.timers(vienna)} == {MissedRuns.EACH}
    assert {timer.kind for timer in work.timers(vienna)} <= work.tasks(vienna).keys()


@pytest.mark.parametrize("payload", [{}, {"tick": "soon"}, {"tick": "2026-03-04"}])
def test_a_job_without_a_tick_fails_permanently(payload: dict[str, object]) -> None:
    with pytest.raises(PermanentFailure):
        work.day_before(Job(JobId(1), "statistics.utc_day", payload, 1, JobState.RUNNING, NOW, NOW), UTC_ZONE)


def test_weeks_are_sums_of_days_and_include_the_current_week(cursor: Cursor, db: Transactions) -> None:
    monday = datetime(2026, 3, 2, 12, tzinfo=UTC)
    simulation = Simulation(cursor, ZoneInfo("Asia/Kathmandu"), WallClock(monday))
    run_steps(simulation, [Step("post", 0, 0, 0), Step("post", 0, 0, 24 * 60), Step("post", 0, 0, 5 * 24 * 60), Step("sign_up", 0, 0, 60)])
    run_steps(simulation, [Step("visit", 1, 0, 8 * 24 * 60)])
    weeks = result_of(simulation.statistics.weeks(3))
    assert [(week.posts, week.logins, week.registrations) for week in weeks] == [(0, 1, 0), (0, 0, 0), (3, 1, 2)]
    assert [week.start for week in weeks] == [datetime(2026, 3, day, tzinfo=UTC) for day in (16, 9, 2)]


def test_the_peak_number_of_connections_is_stored(cursor: Cursor, db: Transactions) -> None:
    clock, connected = Clock(), [3]
    statistics = DailyStatistics(db, UTC_ZONE, lambda: NOW)
    sampler = work.ConnectionSampler(statistics, lambda: connected[0], "one", clock)
    sampler.start()
    for count in (7, 2):
        connected[0] = count
        clock.advance(1)
    clock.pump([1] * 60)
    assert fetch_value(cursor, "select peak from connection_samples") == 7
    connected[0] = 9
    clock.advance(1)
    result_of(sampler.stop())
    assert fetch_value(cursor, "select peak from connection_samples") == 9


def test_a_sample_that_cannot_be_written_is_retried(cursor: Cursor, db: RolledBackDatabase) -> None:
    failing = [True]

    class FailingDatabase(RolledBackDatabase):
        async def run(self, f, /, *args, **kwargs):  # type: ignore[no-untyped-def]  # as in its base
            if failing[0]:
                raise Unavailable
            return await super().run(f, *args, **kwargs)

    sampler = work.ConnectionSampler(DailyStatistics(FailingDatabase(cursor), UTC_ZONE, lambda: NOW), lambda: 5, "one", Clock())
    sampler.sample()
    result_of(sampler.write())
    failing[0] = False
    result_of(sampler.write())
    assert fetch_value(cursor, "select peak from connection_samples") == 5


def test_a_hashtag_is_shown_only_while_a_public_post_has_it(cursor: Cursor, db: Transactions) -> None:
    statistics = DailyStatistics(db, UTC_ZONE, lambda: NOW)
    author, suspended = make.viewer(cursor), make.viewer(cursor)
    make.post(cursor, author, "#Tea")
    make.post(cursor, suspended, "#Spam")
    make.suspend(cursor, suspended)
    assert result_of(statistics.tag_names(["tea", "spam", "never"])) == {"tea": "Tea"}


def test_unknown_measures_of_a_newer_version_are_skipped(cursor: Cursor) -> None:
    cursor.execute(
        "insert into statistics (zone, day, measure, value) values ('UTC', '2026-03-04', 'smiles', 3), ('UTC', '2026-03-04', 'posts', 2)"
    )
    assert rows.read(cursor, zone="UTC", first=NOW.date(), last=NOW.date()) == [Day(NOW.date(), {Measure.POSTS: 2})]


@pytest.mark.acceptance
def test_two_connections_counting_the_same_days_write_each_once(database_url: str) -> None:
    start = threading.Barrier(2)
    failures: list[BaseException] = []

    def count() -> None:
        connection = connect(database_url)
        try:
            with connection.cursor() as cursor:
                start.wait()
                for day in days(NOW.date(), NOW.date() + timedelta(days=40)):
                    rows.write(cursor, "UTC", rows.count(cursor, day_span(day, UTC_ZONE), day))
                    if day.day % 3:  # some transactions hold several days
                        connection.commit()
            connection.commit()
        except BaseException as problem:
            failures.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=count) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    connection = connect(database_url)
    with connection.cursor() as cursor:
        assert fetch_all(cursor, lambda *row: row, "select count(*), count(distinct day) from statistics") == [(41 * len(Measure), 41)]
    connection.close()
