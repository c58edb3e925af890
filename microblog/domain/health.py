"""Health check of the site: database, event log and background components make progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime

from microblog.storage import events
from microblog.storage.database import Transactions

TIMEOUT_S = 1.5  # for the database query
REPORT_LIFETIME_S = 1.0  # a report is reused for this long, so that checks cause no load
MAX_DELAY_S = 120.0  # of an event behind an open transaction; our own timeouts are shorter


class Heartbeat(Protocol):
    """A background component, such as the broadcaster or a job worker."""

    def healthy(self) -> bool:
        """True if it queried the database recently."""

    def age(self) -> float:
        """Seconds since its last query."""


@frozen
class HealthCheck:
    """Result of one check. `seconds`: duration of the query, delay of the log, or time since the component's last query."""

    ok: bool
    seconds: float


@frozen
class HealthReport:
    """Results by component."""

    checks: Mapping[str, HealthCheck]

    @property
    def ok(self) -> bool:
        """True if all checks passed."""
        return all(check.ok for check in self.checks.values())


@define
class Health:
    """Checks the database and the named components."""

    database: Transactions
    components: Mapping[str, Heartbeat]
    clock: IReactorTime
    now: Callable[[], datetime]
    _last: tuple[float, HealthReport] | None = field(init=False, default=None)

    async def check(self) -> HealthReport:
        """Return the health of the site within TIMEOUT_S. Raises nothing."""
        if self._last is not None and self.clock.seconds() - self._last[0] < REPORT_LIFETIME_S:
            return self._last[1]
        started_at, delay = self.clock.seconds(), 0.0
        query = Deferred.fromCoroutine(self.database.read(events.delay, now=self.now()))
        try:
            delay = await query.addTimeout(TIMEOUT_S, self.clock)
            database_ok = True
        except CancelledError:  # the client disconnected
            raise
        except Exception:  # any error means that the database does not work, and is reported
            database_ok = False
        checks = {"database": HealthCheck(database_ok, round(self.clock.seconds() - started_at, 3))}
        if database_ok:
            checks["log"] = HealthCheck(delay < MAX_DELAY_S, round(delay, 3))
        checks |= {name: HealthCheck(component.healthy(), round(component.age(), 3)) for name, component in self.components.items()}
        report = HealthReport(checks)
        self._last = self.clock.seconds(), report
        return report

    async def makes_progress(self) -> bool:
        """Return False if a component is stuck although the database works: a restart helps then, and not against an outage."""
        checks = (await self.check()).checks
        return not checks["database"].ok or all(checks[name].ok for name in self.components)
