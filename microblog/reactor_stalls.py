"""Log of what the reactor's thread does when it does not come back for long: everybody waits for that.

A timer of the reactor notes that it is alive. A thread looks whether it is overdue, and if so takes the stack of the reactor's thread while
it is still busy.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from microblog.logs.format import stack_of

MIN_INTERVAL_S = 0.05
CHECK_S = 0.02  # between checks whether a stall is over
MAX_WAIT_S = 10.0  # a stall that is longer is logged before its end: it may have none

_log = Logger()


@define(eq=False)
class ReactorStalls:
    """Component that logs each time that the reactor is busy for at least `threshold_s` seconds. 0: none.

    One stack is taken for each, soon after the threshold. A stall that is shorter than the threshold and half of it again may go unseen.
    """

    reactor: IReactorTime
    threshold_s: float = 0.1
    stack: Callable[[int], str] = lambda thread: stack_of(sys._current_frames()[thread])
    _alive_at: float = field(default=0.0, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)
    _watch: _Watch | None = field(default=None, init=False)

    def start(self) -> None:
        """Start the timer and the thread."""
        if self.threshold_s and self._watch is None:
            self._beat()
            self._watch = _Watch(self, threading.get_ident())
            self._watch.start()

    def stop(self) -> None:
        """Stop both."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        if self._watch is not None:
            self._watch.ended.set()
            self._watch.join()
        self._next = self._watch = None

    def apply(self, threshold_s: float) -> None:
        """Use another threshold from now on."""
        if threshold_s != self.threshold_s:
            self.stop()
            self.threshold_s = threshold_s
            self.start()

    @property
    def interval_s(self) -> float:
        """Seconds between two signs of life."""
        return max(MIN_INTERVAL_S, self.threshold_s / 2)

    def busy_seconds(self) -> float:
        """Return how long the reactor has been busy at least: the time since a sign of life was due."""
        return time.monotonic() - self._alive_at - self.interval_s

    def _beat(self) -> None:
        self._alive_at = time.monotonic()
        self._next = self.reactor.callLater(self.interval_s, self._beat)


class _Watch(threading.Thread):
    """Looks after the reactor's thread until `ended` is set."""

    def __init__(self, stalls: ReactorStalls, reactor_thread: int) -> None:
        super().__init__(name="reactor stalls", daemon=True)
        self.ended = threading.Event()
        self._stalls = stalls
        self._reactor_thread = reactor_thread

    def run(self) -> None:
        """Check the signs of life, twice for each."""
        pause = self._stalls.interval_s
        while not self.ended.wait(pause):
            busy_s = self._stalls.busy_seconds()
            if busy_s >= self._stalls.threshold_s:
                self._log_stall(busy_s)

    def _log_stall(self, busy_s: float) -> None:
        stack = self._stalls.stack(self._reactor_thread)
        longest, until = busy_s, busy_s + MAX_WAIT_S
        while busy_s >= longest and longest < until and not self.ended.wait(CHECK_S):
            longest, busy_s = busy_s, self._stalls.busy_seconds()
        _log.warn(
            "The reactor did not run for {duration_ms} ms: everybody had to wait.",
            event="reactor_stall",
            duration_ms=round(longest * 1_000),
            stack=stack,
        )
