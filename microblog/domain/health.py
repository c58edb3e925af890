"""Whether the site really works: not that the process is there, but that database, event log and jobs move."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime

from microblog.storage import events
from microblog.storage.database import Transactions

TIMEOUT_S = 1.5  # for the database's answer
REPORT_LIFETIME_S = 1.0  # for so long an answer is given again: looking must not become a load
LONGEST_DELAY_S = 120.0  # of an event behind a transaction that does not end; the time-outs of ours are shorter


class Heartbeat(Protocol):
    """A part of the site that works by itself: the feed of events, the worker of jobs."""

    def healthy(self) -> bool:
        """True if it looked at the database not long ago."""

    def age(self) -> float:
        """Seconds since it did."""


@frozen
class HealthCheck:
    """One sign of life. `seconds`: how long the database took, or since when the part did not move."""

    ok: bool
    seconds: float


@frozen
class HealthReport:
    """What was found, by part."""

    checks: Mapping[str, HealthCheck]

    @property
    def ok(self) -> bool:
        """True if everything moves."""
        return all(vital.ok for vital in self.checks.values())


@define
class Health:
    """Looks after the database and the moving parts, by name."""

    database: Transactions
    components: Mapping[str, Heartbeat]
    clock: IReactorTime
    now: Callable[[], datetime]
    _last: tuple[float, HealthReport] | None = field(init=False, default=None)

    async def check(self) -> HealthReport:
        """How the site is. Takes TIMEOUT_S at most, and raises nothing."""
        if self._last is not None and self.clock.seconds() - self._last[0] < REPORT_LIFETIME_S:
            return self._last[1]
        began, delay = self.clock.seconds(), 0.0
        asking = Deferred.fromCoroutine(self.database.read(events.delay, now=self.now()))
        try:
            delay = await asking.addTimeout(TIMEOUT_S, self.clock)
            answered = True
        except CancelledError:  # whoever asked went away
            raise
        except Exception:  # whatever it is, the database does not answer, and the caller is told
            answered = False
        vitals = {"database": HealthCheck(answered, round(self.clock.seconds() - began, 3))}
        if answered:
            vitals["log"] = HealthCheck(delay < LONGEST_DELAY_S, round(delay, 3))
        vitals |= {name: HealthCheck(part.healthy(), round(part.age(), 3)) for name, part in self.components.items()}
        report = HealthReport(vitals)
        self._last = self.clock.seconds(), report
        return report
