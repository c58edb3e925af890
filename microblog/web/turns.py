"""The order in which pipelined requests begin: a few milliseconds of them in each turn of the reactor, one per connection at a time."""

from __future__ import annotations

from collections import deque
from time import perf_counter
from typing import Protocol

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

SLICE_S = 0.005
"""Seconds of one turn of the reactor that requests which waited may take; the last one begun may take longer."""

_log = Logger()


class Waiting(Protocol):
    """A connection whose next request is here already."""

    def begin_next(self) -> None:
        """Begin it."""

    def abort(self) -> None:
        """Close at once."""


@define(eq=False)
class Turns:
    """A queue of connections. What is added begins in a later turn of the reactor, after sockets were looked at."""

    reactor: IReactorTime
    _queue: deque[Waiting] = field(factory=deque, init=False)
    _call: IDelayedCall | None = field(default=None, init=False)

    def add(self, connection: Waiting) -> None:
        """Let this connection's next request begin when it is its turn."""
        self._queue.append(connection)
        self._plan()

    def _plan(self) -> None:
        if self._call is None and self._queue:
            self._call = self.reactor.callLater(0, self._run)

    def _run(self) -> None:
        self._call = None
        ends = perf_counter() + SLICE_S
        try:
            for _ in range(len(self._queue)):
                self._begin(self._queue.popleft())
                if perf_counter() > ends:
                    break
        finally:
            self._plan()

    def _begin(self, connection: Waiting) -> None:
        try:
            connection.begin_next()
        except Exception:  # as the reactor does for what it reads itself: one broken connection is no matter of the others
            _log.failure("A pipelined request could not be begun")
            connection.abort()
