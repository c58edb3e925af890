"""Measurement of how late the reactor runs its timers: everything that the process does waits as long."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable

from attrs import Factory, define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets in seconds; one more bucket is above the last."""
INTERVAL_S = 0.25
MAX_MISSED = 240  # a longer pause is not the reactor's: the machine slept, or its clock was set


@define
class ReactorLag:
    """Component with a timer that is due four times a second.

    Counts by bucket how late it ran, and the sum in `total_s`. Times that passed while the reactor was busy count too, each by its own
    delay, so a pause of two seconds is not a single observation among many short ones.
    """

    reactor: IReactorTime
    seconds: Callable[[], float] = time.monotonic
    buckets: list[int] = Factory(lambda: [0] * (len(BOUNDS) + 1))
    total_s: float = 0.0
    _due: float = field(default=0.0, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)

    def start(self) -> None:
        """Start the timer."""
        self._due = self.seconds() + INTERVAL_S
        self._next = self.reactor.callLater(INTERVAL_S, self._run)

    def stop(self) -> None:
        """Stop the timer."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = None

    def _run(self) -> None:
        now = self.seconds()
        for _ in range(MAX_MISSED):
            self._count(max(0.0, now - self._due))
            self._due += INTERVAL_S
            if self._due > now:
                break
        else:
            self._due = now + INTERVAL_S
        self._next = self.reactor.callLater(self._due - now, self._run)

    def _count(self, lag_s: float) -> None:
        self.buckets[bisect_left(BOUNDS, lag_s)] += 1
        self.total_s += lag_s
