"""Health reports: their checks with the real database, their cost, and what they say when a part fails."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import define, evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from microblog.domain.health import Health, Probes
from microblog.model.emails import EmailKind, EmailState
from microblog.model.errors import Unavailable
from microblog.model.events import EventKind
from microblog.model.health import CheckState, HealthCheck, HealthReport, HealthThresholds
from microblog.storage import emails, events, jobs, migrate
from microblog.storage.database import Connection, Transactions, connect, execute, fetch_value
from tests import make
from tests.fakes import RolledBackDatabase, result_of

THRESHOLDS = HealthThresholds(
    response_s=1.5, job_age_s=900, email_age_s=3600, email_delay_s=60, feed_lag_s=60, disk_free_bytes=500_000_000, clock_difference_s=5
)
MIGRATIONS = tuple(migration.name for migration in migrate.known())
NAMES = ["database", "migrations", "jobs", "mail", "clock", "feed", "components", "disk", "proxy"]


def now() -> datetime:
    return datetime.now(UTC)


@define
class FakeComponent:
    """A component that makes progress or not."""

    alive: bool = True

    def healthy(self) -> bool:
        return self.alive

    def age(self) -> float:
        return 0.5 if self.alive else 600.0


@define
class BrokenDatabase:
    """A database that refuses connections or never responds."""

    hangs: bool
    queries: int = 0

    async def read(self, *_: Any, **__: Any) -> Any:
        self.queries += 1
        if self.hangs:
            await Deferred()
        raise Unavailable

    run = read


async def much_space() -> int:
    return 10_000_000_000


def health(
    database: Transactions,
    *,
    clock: Clock | None = None,
    probes: Probes | None = None,
    thresholds: HealthThresholds = THRESHOLDS,
    time: Callable[[], datetime] = now,
) -> Health:
    probes = probes or Probes({"jobs": FakeComponent()}, FakeComponent(), much_space)
    return Health(database, probes, thresholds, ["clean"], MIGRATIONS, clock or Clock(), time)


def waiting_report(checks: Health, clock: Clock) -> HealthReport:
    found: list[HealthReport] = []
    Deferred.fromCoroutine(checks.report()).addCallback(found.append)
    clock.pump([0.5] * 6)
    return found[0]


def bad(report: HealthReport) -> dict[str, CheckState]:
    return {check.name: check.state for check in report.checks if check.state is not CheckState.OK}


def named(report: HealthReport, name: str) -> HealthCheck:
    return next(check for check in report.checks if check.name == name)


def failures(db: RolledBackDatabase, checks: Health | None = None) -> dict[str, str]:
    """Return the failed checks of a new report with their sentences."""
    report = result_of((checks or health(db)).report())
    return {check.name: check.message for check in report.checks if check.state is CheckState.FAILED}


def test_a_running_site_is_ready(db: RolledBackDatabase) -> None:
    report = result_of(health(db).report())
    assert (report.is_ready, report.state, bad(report)) == (True, CheckState.OK, {})
    assert [check.name for check in report.checks] == NAMES
    assert all(check.message.endswith(".") for check in report.checks)


def test_a_job_that_is_late_fails_until_it_is_done(db: RolledBackDatabase) -> None:
    job = jobs.add(db.cursor, "clean", {}, due_at=now() - timedelta(minutes=20), now=now())
    assert failures(db) == {"jobs": "A job has been due for 0:20:00: its workers do not run, or more jobs come in than are done."}
    assert not failures(db, health(db, thresholds=evolve(THRESHOLDS, job_age_s=0)))
    assert jobs.discard(db.cursor, id=int(job or 0))
    assert not failures(db)


def test_a_job_that_is_not_due_or_of_another_process_is_not_late(db: RolledBackDatabase) -> None:
    jobs.add(db.cursor, "clean", {}, due_at=now() + timedelta(hours=1), now=now() - timedelta(hours=9))
    jobs.add(db.cursor, "of another release", {}, due_at=now() - timedelta(hours=9), now=now())
    assert not failures(db)


def written(db: RolledBackDatabase, ago: timedelta, state: EmailState = EmailState.WAITING) -> None:
    """Write an e-mail at that time."""
    account = make.account(db.cursor)
    at = now() - ago
    assert emails.add(db.cursor, EmailKind.PASSWORD, account=account.id, recipient="a@example.org", now=at)
    id = fetch_value(db.cursor, "select max(id) from emails")
    emails.record_outcome(db.cursor, id=id, state=state, answer="", now=at)


@pytest.mark.parametrize("state", [EmailState.WAITING, EmailState.DEFERRED])
def test_emails_that_nobody_accepts_fail_until_one_is_accepted(db: RolledBackDatabase, state: EmailState) -> None:
    written(db, timedelta(minutes=59), state)
    assert not failures(db)
    written(db, timedelta(minutes=62), state)
    [message] = failures(db).values()
    assert message == "No e-mail was accepted for 1:01:00. `microblog mail test ADDRESS` shows the response of the mail server."
    written(db, timedelta(), EmailState.SENT)
    assert not failures(db), "what still waits has a problem with its recipient"


def test_the_clock_is_compared_with_that_of_the_database(db: RolledBackDatabase) -> None:
    for difference in (timedelta(seconds=-10), timedelta(hours=1)):
        [message] = failures(db, health(db, time=lambda d=difference: now() + d)).values()  # type: ignore[misc]  # bound as a default
        assert message.startswith("The clocks of this machine and of PostgreSQL differ by ")
    assert not failures(db, health(db, time=lambda: now() + timedelta(seconds=2)))


def test_missing_migrations_fail_and_those_of_a_newer_release_warn(db: RolledBackDatabase) -> None:
    execute(db.cursor, "insert into migrations (number, name, digest) values (9999, '9999_newer.sql', '')")
    report = result_of(health(db).report())
    assert (report.is_ready, bad(report)) == (True, {"migrations": CheckState.WARNING})
    assert "9999_newer.sql" in named(report, "migrations").message
    execute(db.cursor, "delete from migrations where number in (1, 9999)")
    assert "0001_initial.sql" in failures(db)["migrations"]


def test_a_full_disk_fails(db: RolledBackDatabase) -> None:
    async def little() -> int:
        return 499_000_000

    report = result_of(health(db, probes=Probes({}, FakeComponent(), little)).report())
    disk = named(report, "disk")
    assert bad(report) == {"disk": CheckState.FAILED}
    assert (disk.value, disk.threshold, disk.unit) == (499, 500, "megabytes")


@pytest.mark.parametrize("hangs", [False, True])
def test_a_disk_that_does_not_respond_fails_in_time(db: RolledBackDatabase, hangs: bool) -> None:
    async def broken() -> int:
        if hangs:
            await Deferred()
        raise OSError(errno.EIO, "Input/output error")

    clock = Clock()
    report = waiting_report(health(db, clock=clock, probes=Probes({}, FakeComponent(), broken)), clock)
    assert bad(report) == {"disk": CheckState.FAILED}


@pytest.mark.parametrize("hangs", [False, True])
def test_redis_is_asked_if_the_site_has_one(db: RolledBackDatabase, hangs: bool) -> None:
    async def responding() -> None:
        pass

    async def broken() -> None:
        if hangs:
            await Deferred()
        raise OSError

    def report(ping: Callable[[], Awaitable[None]]) -> HealthReport:
        clock = Clock()
        return waiting_report(health(db, clock=clock, probes=Probes({}, FakeComponent(), much_space, ping)), clock)

    assert named(report(responding), "redis").state is CheckState.OK
    assert bad(report(broken)) == {"redis": CheckState.FAILED}


@pytest.mark.parametrize("problem", ["", "https://s3.example, bucket blog: there is no such bucket.", None])
def test_the_object_storage_is_asked_if_the_site_has_one(db: RolledBackDatabase, problem: str | None) -> None:
    async def storage() -> str:
        if problem is None:
            await Deferred()
        return str(problem)

    clock = Clock()
    probes = Probes({}, FakeComponent(), much_space, storage=storage)
    report = waiting_report(health(db, clock=clock, probes=probes), clock)
    assert named(report, "storage").state is (CheckState.OK if problem == "" else CheckState.FAILED)
    assert (problem or "") in (named(report, "storage").message or "")
    assert "it does not respond" in (named(report, "storage").message or "") or problem is not None


def test_problems_with_the_proxy_only_warn(db: RolledBackDatabase) -> None:
    """Anybody can send a request that looks as if a proxy were set up wrongly."""
    probes = Probes({}, FakeComponent(), much_space, proxy_problems=lambda: ["It is wrong."])
    report = result_of(health(db, probes=probes).report())
    assert (report.is_ready, report.state, bad(report)) == (True, CheckState.WARNING, {"proxy": CheckState.WARNING})
    assert named(report, "proxy").message == "It is wrong."


def test_a_stuck_component_fails_and_a_restart_would_help(db: RolledBackDatabase) -> None:
    probes = Probes({"jobs": FakeComponent(), "events": FakeComponent(alive=False)}, FakeComponent(), much_space)
    assert failures(db, health(db, probes=probes)) == {"components": "These make no progress: events (0:10:00)."}
    assert not result_of(health(db, probes=probes).makes_progress())
    assert result_of(health(db).makes_progress())


def test_a_feed_that_is_not_read_is_late(db: RolledBackDatabase) -> None:
    probes = Probes({}, FakeComponent(alive=False), much_space)
    assert failures(db, health(db, probes=probes)) == {"feed": "Streams are 0:10:00 late: this process does not read the event log."}


@pytest.mark.parametrize("hangs", [False, True])
def test_a_database_that_fails_or_hangs_is_reported_in_time_and_a_restart_would_not_help(hangs: bool) -> None:
    clock = Clock()
    probes = Probes({"jobs": FakeComponent(alive=False)}, FakeComponent(), much_space)
    checks = health(BrokenDatabase(hangs), clock=clock, probes=probes)
    report = waiting_report(checks, clock)
    unknown = dict.fromkeys(("migrations", "jobs", "mail", "clock"), CheckState.UNKNOWN)
    assert bad(report) == {"database": CheckState.FAILED, "components": CheckState.FAILED} | unknown
    assert named(report, "database").value == (THRESHOLDS.response_s if hangs else 0.0)
    progress: list[bool] = []
    Deferred.fromCoroutine(checks.makes_progress()).addCallback(progress.append)
    clock.advance(THRESHOLDS.response_s)
    assert progress == [True]


def test_how_long_a_response_may_take_is_a_threshold() -> None:
    clock = Clock()
    found: list[HealthReport] = []
    checks = health(BrokenDatabase(hangs=True), clock=clock, thresholds=evolve(THRESHOLDS, response_s=0.3))
    Deferred.fromCoroutine(checks.report()).addCallback(found.append)
    clock.advance(0.29)
    assert found == []
    clock.advance(0.01)
    assert (named(found[0], "database").value, named(found[0], "database").threshold) == (0.3, 0.3)


def test_frequent_checks_query_the_database_once_a_second() -> None:
    clock, database = Clock(), BrokenDatabase(hangs=False)
    checks = health(database, clock=clock)
    for _ in range(10):
        result_of(checks.report())
    assert database.queries == 1
    clock.advance(1)
    result_of(checks.report())
    assert database.queries == 2


def test_checks_at_the_same_time_share_one_measurement_whoever_leaves() -> None:
    clock, database = Clock(), BrokenDatabase(hangs=True)
    checks = health(database, clock=clock)
    found: list[object] = []
    waiting = [Deferred.fromCoroutine(checks.report()).addBoth(found.append) for _ in range(20)]
    waiting[0].cancel()
    assert (database.queries, len(found)) == (1, 1)
    clock.advance(THRESHOLDS.response_s)
    assert (database.queries, len(found)) == (1, 20)
    assert all(isinstance(each, HealthReport) for each in found[1:])


def test_an_event_behind_a_long_transaction_makes_the_feed_late(database_url: str) -> None:
    slow, quick = connect(database_url), connect(database_url)
    with slow.cursor() as one, quick.cursor() as other:
        one.execute("select pg_current_xact_id()")
        events.record(other, EventKind.MUTED, at=now() - timedelta(minutes=5))
        quick.commit()
        assert feed(quick) == (CheckState.FAILED, 300)
        slow.commit()
        assert feed(quick) == (CheckState.OK, 0)
    slow.close()
    quick.close()


def feed(connection: Connection) -> tuple[CheckState, int]:
    with connection.cursor() as cursor:
        check = named(result_of(health(RolledBackDatabase(cursor)).report()), "feed")
    connection.rollback()
    assert check.value is not None
    return check.state, int(check.value)
