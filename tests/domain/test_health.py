"""Health checks report the state of components that really run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from microblog.domain.health import Health, HealthReport
from microblog.model.errors import Unavailable
from microblog.model.events import EventKind
from microblog.storage import events
from microblog.storage.database import Connection, connect
from tests.fakes import RolledBackDatabase, result_of
from tests.make import NOW


@define
class FakeComponent:
    """A component that makes progress or not."""

    alive: bool = True

    def healthy(self) -> bool:
        return self.alive

    def age(self) -> float:
        return 1.0 if self.alive else 600.0


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


def run_check(health: Health, clock: Clock) -> HealthReport:
    found: list[HealthReport] = []
    Deferred.fromCoroutine(health.check()).addCallback(found.append)
    clock.pump([1.0] * 6)
    return found[0]


def test_a_running_site_is_healthy(db: RolledBackDatabase) -> None:
    report = result_of(Health(db, {"jobs": FakeComponent(), "events": FakeComponent()}, Clock(), lambda: NOW).check())
    assert report.ok
    assert list(report.checks) == ["database", "log", "jobs", "events"]


def test_a_stalled_component_is_reported(db: RolledBackDatabase) -> None:
    report = result_of(Health(db, {"jobs": FakeComponent(), "events": FakeComponent(alive=False)}, Clock(), lambda: NOW).check())
    assert not report.ok
    assert [name for name, vital in report.checks.items() if not vital.ok] == ["events"]
    assert report.checks["events"].seconds == 600.0


def test_a_failing_or_hanging_database_is_reported_soon() -> None:
    for hangs in (False, True):
        clock = Clock()
        report = run_check(Health(BrokenDatabase(hangs), {}, clock, lambda: NOW), clock)
        assert not report.ok
        assert report.checks["database"].seconds == (2.0 if hangs else 0.0)


def test_frequent_checks_query_the_database_once_a_second() -> None:
    clock, database = Clock(), BrokenDatabase(hangs=False)
    health = Health(database, {}, clock, lambda: NOW)
    for _ in range(10):
        result_of(health.check())
    assert database.queries == 1
    clock.advance(1)
    result_of(health.check())
    assert database.queries == 2


def test_a_cancelled_check_leaves_no_false_result(db: RolledBackDatabase) -> None:
    health = Health(BrokenDatabase(hangs=True), {}, Clock(), lambda: NOW)
    cancelled = Deferred.fromCoroutine(health.check())
    cancelled.addErrback(lambda _: None)
    cancelled.cancel()
    health.database = db
    assert result_of(health.check()).ok


def test_an_event_blocked_by_a_long_transaction_is_reported(database_url: str) -> None:
    slow, quick = connect(database_url), connect(database_url)
    with slow.cursor() as one, quick.cursor() as other:
        one.execute("select pg_current_xact_id()")
        events.record(other, EventKind.MUTED, at=NOW - timedelta(minutes=5))
        quick.commit()
        assert log_check(quick) == (False, 300.0)
        slow.commit()
        assert log_check(quick) == (True, 0.0)
    slow.close()
    quick.close()


def log_check(connection: Connection) -> tuple[bool, float]:
    with connection.cursor() as cursor:
        report = result_of(Health(RolledBackDatabase(cursor), {}, Clock(), lambda: NOW).check())
    connection.rollback()
    return report.ok, report.checks["log"].seconds
