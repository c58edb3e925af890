"""Health of the process: whether it can serve (readiness), and whether a restart would help (liveness)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from microblog.domain import health_checks as checks
from microblog.domain.health_checks import Heartbeat
from microblog.model.health import HealthCheck, HealthReport, HealthThresholds, SiteState
from microblog.storage import health as rows
from microblog.storage.database import Transactions

REPORT_LIFETIME_S = 1.0  # a report is reused for this long, so that checks cause no load

T = TypeVar("T")

_log = Logger()


@frozen
class Probes:
    """The measurements of a process.

    `components` by name, `feed` is the one that reads the event log. `disk_free` returns bytes or raises OSError; `ping` asks Redis, and is
    None if the site has none; `proxy_problems` returns sentences about the reverse proxy; `storage` returns the problem of the object
    storage, and is None if the site has none.
    """

    components: Mapping[str, Heartbeat]
    feed: Heartbeat
    disk_free: Callable[[], Awaitable[int]]
    ping: Callable[[], Awaitable[object]] | None = None
    proxy_problems: Callable[[], Sequence[str]] = tuple
    storage: Callable[[], Awaitable[str]] | None = None


@define
class Health:
    """Makes health reports. `kinds`: the jobs of this process. `migrations`: the names of all migrations of this release."""

    database: Transactions
    probes: Probes
    thresholds: HealthThresholds
    kinds: Collection[str]
    migrations: Collection[str]
    clock: IReactorTime
    now: Callable[[], datetime]
    _last: tuple[float, HealthReport] | None = field(init=False, default=None)
    _waiting: list[Deferred[HealthReport]] = field(init=False, factory=list)

    async def report(self) -> HealthReport:
        """Return the health of the process within about `response_s`; all that ask at the same time get one report."""
        if self._last is not None and self.clock.seconds() - self._last[0] < REPORT_LIFETIME_S:
            return self._last[1]
        waiter: Deferred[HealthReport] = Deferred()  # of its own: a client that disconnects must not end the measurement of others
        self._waiting.append(waiter)
        if len(self._waiting) == 1:
            Deferred.fromCoroutine(self._measure()).addBoth(self._measured)
        return await waiter

    async def makes_progress(self) -> bool:
        """Return False if a component is stuck although the database works: a restart helps then, and not against an outage."""
        report = await self.report()
        return report.failed("database") or not report.failed("components")

    def _measured(self, result: HealthReport | Failure) -> None:
        if isinstance(result, HealthReport):
            self._last = self.clock.seconds(), result
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(result)

    async def _measure(self) -> HealthReport:
        asked = self._in_time(self._state()), self._in_time(self.probes.disk_free()), self._in_time(self._pinged())
        stored = self._in_time(self._storage_problem())
        (state, seconds), (free, _), (responds, ping_seconds) = await asked[0], await asked[1], await asked[2]
        found = [*self._of_database(state, seconds), checks.component_check(self.probes.components)]
        found.append(checks.disk_check(free, self.thresholds.disk_free_bytes))
        if self.probes.ping is not None:
            found.append(checks.redis_check(responds is not None, ping_seconds, self.thresholds.response_s))
        if self.probes.storage is not None:
            found.append(checks.storage_check((await stored)[0]))
        found.append(checks.proxy_check(self.probes.proxy_problems()))
        return HealthReport(found)

    def _of_database(self, measured: tuple[SiteState, float] | None, seconds: float) -> list[HealthCheck]:
        state, difference = (None, 0.0) if measured is None else measured
        database = checks.database_check(state, seconds, self.thresholds.response_s)
        age, limit = self.probes.feed.age(), self.thresholds.feed_lag_s
        if state is None:
            return [database, *checks.unknown_checks(), checks.feed_check(None, self.now(), age, limit)]
        return [
            database,
            *checks.site_checks(state, self.thresholds, self.migrations),
            checks.clock_check(difference, self.thresholds.clock_difference_s),
            checks.feed_check(state.unread_since, state.now, age, limit),
        ]

    async def _state(self) -> tuple[SiteState, float]:
        """Return the state of the site, and the difference between the clocks in seconds."""
        before = self.now()
        state = await self.database.read(rows.site_state, kinds=list(self.kinds))
        return state, checks.difference_of(state.now, before, self.now())

    async def _pinged(self) -> bool:
        if self.probes.ping is not None:
            await self.probes.ping()
        return True

    async def _storage_problem(self) -> str:
        return "" if self.probes.storage is None else await self.probes.storage()

    def _in_time(self, work: Awaitable[T]) -> Deferred[tuple[T | None, float]]:
        """Start a measurement. The result is its value and how many seconds it took; None for any error: what it asks does not work."""

        async def measured() -> tuple[T | None, float]:
            started_at, value = self.clock.seconds(), None
            try:
                value = await Deferred.fromCoroutine(_awaited(work)).addTimeout(self.thresholds.response_s, self.clock)
            except Exception as problem:
                _log.debug("A health check failed: {reason}", reason=str(problem) or type(problem).__name__)
            return value, self.clock.seconds() - started_at

        return Deferred.fromCoroutine(measured())


async def _awaited(work: Awaitable[T]) -> T:
    return await work
