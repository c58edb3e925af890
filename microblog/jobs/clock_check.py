"""Clock checks: ids are ordered by time, so posts written under a wrong clock stay misplaced in every list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import define, field
from twisted.logger import Logger

from microblog.jobs.scheduler import Every, Timer
from microblog.model.ids import moment_of
from microblog.storage import clock
from microblog.storage.database import Transactions

_log = Logger()

CHECK = Timer("clock.check", Every(timedelta(minutes=10)))
MAX_CLOCK_SKEW = timedelta(seconds=2)


@define
class SystemClock:
    """Current time in UTC, as returned by `read`. Logs a warning if it goes backward by more than TOLERATED."""

    read: Callable[[], datetime]
    _latest: datetime | None = field(default=None, init=False)

    def __call__(self) -> datetime:
        """Return the current time."""
        now = self.read()
        if self._latest is not None and now < self._latest - MAX_CLOCK_SKEW:
            _log.warn(
                "The clock went backward by {seconds} s. Until it catches up, posts from in between are listed above newer ones.",
                seconds=round((self._latest - now).total_seconds()),
            )
            self._latest = now
        elif self._latest is None or now > self._latest:
            self._latest = now
        return now


async def check(database: Transactions, now: Callable[[], datetime]) -> None:
    """Log differences between the clocks of this process and the database, and posts that are dated in the future."""
    process_time = now()
    database_time, newest = await database.read(clock.read_clock)
    if abs(process_time - database_time) > MAX_CLOCK_SKEW:
        _log.warn(
            "The clocks of this process and of the database differ by {seconds} s.",
            seconds=round(abs((process_time - database_time).total_seconds())),
        )
    if newest is not None and (ahead := moment_of(newest) - database_time) > MAX_CLOCK_SKEW:
        _log.warn(
            "The newest post is dated {seconds} s ahead of the database's clock. One of the two clocks is or was wrong. "
            "Until that time, the post is listed above newer ones.",
            seconds=round(ahead.total_seconds()),
        )
