"""Timers: each tick enqueues exactly one job, however many processes run the scheduler.

A tick is a time computed by a rule, so all processes agree on it; the first transaction that records it adds its job. After a downtime the
last recorded tick is read from the database, and the timer's policy (`MissedRuns`) decides about the ticks in between. If the clock jumps
ahead, ticks run early; if it jumps back, none runs twice.

Decision (2026-11): ticks computed from a rule, each recorded in a row. Alternatives: a loop that runs every N seconds, which misses
midnight if the process is down then and runs twice in two processes; cron expressions, whose meaning on daylight-saving days is unclear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import Protocol
from zoneinfo import ZoneInfo

from attrs import define, field, frozen
from attrs.validators import ge, gt
from twisted.application.internet import TimerService
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from microblog.model.errors import Unavailable
from microblog.storage import jobs
from microblog.storage.database import Cursor, Transactions

_log = Logger()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
MAX_CATCH_UP = timedelta(days=62)


class TimerRule(Protocol):
    """Schedule of a timer."""

    def before(self, moment: datetime) -> Iterator[datetime]:
        """Yield the ticks up to and including `moment` in UTC, newest first, infinitely many."""


@frozen
class Every:
    """A tick at each whole multiple of `period` since 1970 in UTC."""

    period: timedelta = field(validator=ge(timedelta(seconds=1)))

    def before(self, moment: datetime) -> Iterator[datetime]:
        """See `TimerRule`."""
        tick = moment.astimezone(UTC) - (moment - _EPOCH) % self.period
        while True:
            yield tick
            tick -= self.period


@frozen
class Daily:
    """A tick once a day at the local time `at` in `zone`, on these weekdays (Monday is 0).

    A local time that is skipped by daylight saving is shifted by the skip; one that occurs twice ticks the first time.
    """

    at: time
    zone: ZoneInfo
    weekdays: frozenset[int] = frozenset(range(7))

    def on(self, day: date) -> datetime:
        """Return the tick of this day in UTC."""
        return datetime.combine(day, self.at, tzinfo=self.zone).astimezone(UTC)

    def before(self, moment: datetime) -> Iterator[datetime]:
        """See `TimerRule`."""
        day = moment.astimezone(self.zone).date() + _DAY  # the offset of a zone is less than a day
        later = moment + _DAY
        while day > date.min:
            if day.weekday() in self.weekdays and (tick := self.on(day)) <= moment and tick < later:
                yield tick
                later = tick  # if a zone skips a whole day, two days have the same tick
            day -= _DAY


class MissedRuns(Enum):
    """Handling of ticks that were missed while no process ran."""

    EACH = "each"  # a job for each, oldest first, back to MAX_CATCH_UP; such as daily statistics
    LAST = "last"  # one job for all of them; such as a cleanup or a digest


@frozen
class Timer:
    """Adds a job of this kind at each tick, with the payload {"tick": moment in ISO 8601, UTC}."""

    kind: str
    rule: TimerRule
    catch_up: MissedRuns = MissedRuns.LAST

    def missed(self, last: datetime, now: datetime) -> list[datetime]:
        """Return the ticks after `last` up to `now` that need a job, oldest first."""
        found = []
        for tick in self.rule.before(now):
            if tick <= max(last, now - MAX_CATCH_UP):
                break
            found.append(tick)
            if self.catch_up is MissedRuns.LAST:
                break
        return found[::-1]


def enqueue(cursor: Cursor, timer: Timer, *, now: datetime) -> int:
    """Add the missing jobs of the timer's ticks up to now; return their number. Safe to call in several processes at once.

    A new timer begins with its next tick; earlier ones are not caught up.
    """
    last = jobs.last_run(cursor, timer.kind, until=now)
    if last is None:
        jobs.record_run(cursor, timer.kind, next(timer.rule.before(now)))
        return 0
    added = 0
    for tick in timer.missed(last, now):
        if jobs.record_run(cursor, timer.kind, tick):
            moment = tick.isoformat()
            jobs.add(cursor, timer.kind, {"tick": moment}, due_at=now, now=now, key=moment)
            added += 1
    return added


@define
class Scheduler:
    """Checks all timers repeatedly. `wake` is called when jobs were added."""

    database: Transactions
    timers: Sequence[Timer]
    now: Callable[[], datetime]
    wake: Callable[[], None] = lambda: None
    every: float = field(default=10.0, validator=gt(0))  # seconds between checks

    async def check(self) -> None:
        """Enqueue due jobs. Raises nothing: a failing timer is retried at the next check and does not stop others."""
        for timer in self.timers:
            try:
                if await self.database.read(jobs.last_run, timer.kind, until=self.now()) == next(timer.rule.before(self.now())):
                    continue
                if await self.database.run(enqueue, timer, now=self.now()):
                    self.wake()
            except Unavailable:
                return
            except Exception:
                _log.failure("The timer {timer} failed; trying again", timer=timer.kind)

    def service(self, reactor: IReactorTime) -> TimerService:
        """Return the scheduler as a service for `reactor`."""
        service = TimerService(self.every, self.check)
        service.clock = reactor
        return service
