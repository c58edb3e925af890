"""Statistics jobs: counting each day after its end, and sampling the number of connections."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from attrs import define, field
from attrs.validators import gt
from twisted.application.internet import TimerService
from twisted.logger import Logger

from microblog.domain.statistics import GRACE, UTC_ZONE, DailyStatistics
from microblog.jobs.scheduler import Daily, MissedRuns, Timer
from microblog.jobs.worker import Task
from microblog.model.errors import Unavailable
from microblog.model.jobs import Job, PermanentFailure
from microblog.model.statistics import DAY

_log = Logger()

UTC_DAY, SITE_DAY = "statistics.utc_day", "statistics.site_day"


def _kinds(statistics: DailyStatistics) -> dict[str, ZoneInfo]:
    return {UTC_DAY if zone.key == UTC_ZONE.key else SITE_DAY: zone for zone in statistics.zones}


def timers(statistics: DailyStatistics) -> list[Timer]:
    """Return a timer for each zone, some time after midnight so that transactions of the day have ended."""
    at = time(0, int(GRACE.total_seconds()) // 60)
    return [Timer(kind, Daily(at, zone), MissedRuns.EACH) for kind, zone in _kinds(statistics).items()]


def tasks(statistics: DailyStatistics) -> dict[str, Task]:
    """Return the tasks of these timers."""

    def task_of(zone: ZoneInfo) -> Task:
        async def run(job: Job) -> None:
            await statistics.count_missing(zone, day_before(job, zone))

        return run

    # A site whose setting has become UTC may have a day of its former zone waiting.
    return {SITE_DAY: task_of(statistics.site_zone)} | {kind: task_of(zone) for kind, zone in _kinds(statistics).items()}


def day_before(job: Job, zone: ZoneInfo) -> date:
    """Return the day that ended just before the job's tick."""
    try:
        tick = datetime.fromisoformat(str(job.payload["tick"]))
    except (KeyError, ValueError) as problem:
        raise PermanentFailure("The job's payload has no valid tick.") from problem
    if tick.tzinfo is None:
        raise PermanentFailure("The job's tick has no time zone.")
    return tick.astimezone(zone).date() - DAY


@define
class ConnectionSampler:
    """Component that counts connections once a second and stores the maximum of each minute.

    `count` returns the current number; `process` is the name of this process.
    """

    statistics: DailyStatistics
    count: Callable[[], int]
    process: str
    reactor: Any
    every: float = field(default=60.0, validator=gt(0))  # seconds between writing
    _peak: int = field(default=0, init=False)
    _services: list[TimerService] = field(factory=list, init=False)

    def start(self) -> None:
        """Start sampling."""
        for pause, action in ((1.0, self.sample), (self.every, self.write)):
            service = TimerService(pause, action)
            service.clock = self.reactor
            service.startService()
            self._services.append(service)

    async def stop(self) -> None:
        """Stop sampling and store the last maximum."""
        while self._services:
            await self._services.pop().stopService()
        await self.write()

    def sample(self) -> None:
        """Take a sample."""
        self._peak = max(self._peak, self.count())

    async def write(self) -> None:
        """Store the maximum since the last call. Logs failures instead of raising."""
        peak, self._peak = self._peak, 0
        if not peak:
            return
        try:
            await self.statistics.record_peak(self.process, peak)
        except Unavailable:
            self._peak = max(self._peak, peak)
        except Exception:
            _log.failure("The number of connections could not be recorded")
