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
TOLERATED = timedelta(seconds=2)


@define
class SystemClock:
    """Current time in UTC, as returned by `read`. Logs a warning if it goes backward by more than TOLERATED."""

    read: Callable[[], datetime]
    _latest: datetime | None = field(default=None, init=False)

    def __call__(self) -> datetime:
        """Return the current time."""
        now = self.read()
        if self._latest is not None and now < self._latest - TOLERATED:
            _log.warn(
                "The clock went backward from {before} to {now}. Posts from in between are listed above newer ones until then.",
                before=self._latest.isoformat(timespec="seconds"),
                now=now.isoformat(timespec="seconds"),
            )
            self._latest = now
        elif self._latest is None or now > self._latest:
            self._latest = now
        return now


async def check(database: Transactions, now: Callable[[], datetime]) -> None:
    """Log differences between the clocks of this process and the database, and posts that are dated in the future."""
    here = now()
    there, newest = await database.read(clock.read_clock)
    if abs(here - there) > TOLERATED:
        _log.warn(
            "The clocks of this process and the database differ by {seconds} s. The later one is not trusted.",
            seconds=round(abs((here - there).total_seconds())),
        )
    if newest is not None and (ahead := moment_of(newest) - there) > TOLERATED:
        _log.warn(
            "The newest post is from {when}, {seconds} s ahead of the database's clock, which was wrong then or is now: "
            "it stands above newer ones until then.",
            when=moment_of(newest).isoformat(timespec="seconds"),
            seconds=round(ahead.total_seconds()),
        )
