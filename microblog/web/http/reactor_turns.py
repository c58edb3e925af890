"""The order in which requests begin where many are here at once: in small slices of time, and by turns among networks.

A request begins as soon as it is complete, unless others have just taken a whole slice: then it waits in the queue of its network. So who
opens many connections, or asks for much on one, waits for oneself, and everybody else for a slice or two.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from time import perf_counter
from typing import Protocol

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

SLICE_S = 0.005
"""Seconds of one turn of the reactor that requests may take; the last one begun may take longer."""
GAP_S = 0.0005
"""What begins so soon after the last one ended is counted to the same turn: the reactor does not say where one ends."""

_log = Logger()


class Waiting(Protocol):
    """A connection that has something to begin."""

    @property
    def network(self) -> str:
        """Whose it is."""

    def begin_next(self) -> None:
        """Begin it."""

    def abort(self) -> None:
        """Close at once."""


@define(eq=False)
class RequestTurns:
    """The queues. What is added begins in a later turn of the reactor, after sockets were looked at."""

    reactor: IReactorTime
    _queues: OrderedDict[str, deque[Waiting]] = field(factory=OrderedDict, init=False)
    _length: int = field(default=0, init=False)
    _call: IDelayedCall | None = field(default=None, init=False)
    _began: float = field(default=0.0, init=False)
    _ended: float = field(default=0.0, init=False)

    def crowded(self) -> bool:
        """True if what is complete now should wait for its turn. If not, call `ended` when it was begun."""
        now = perf_counter()
        if now - self._ended > GAP_S:
            self._began = now
        return now - self._began > SLICE_S

    def ended(self) -> None:
        """What was begun at once has been answered, or waits for something else."""
        self._ended = perf_counter()

    def add(self, connection: Waiting) -> None:
        """Let this connection begin when it is its network's turn."""
        self._queues.setdefault(connection.network, deque()).append(connection)
        self._length += 1
        self._plan()

    def _plan(self) -> None:
        if self._call is None and self._length:
            self._call = self.reactor.callLater(0, self._run)

    def _run(self) -> None:
        self._call = None
        self._began = perf_counter()
        ends = self._began + SLICE_S
        try:
            for _ in range(self._length):
                self._begin(self._pop())
                if perf_counter() > ends:
                    break
        finally:
            self.ended()
            self._plan()

    def _pop(self) -> Waiting:
        network, queue = self._queues.popitem(last=False)
        if len(queue) > 1:
            self._queues[network] = queue  # behind all others
        self._length -= 1
        return queue.popleft()

    def _begin(self, connection: Waiting) -> None:
        try:
            connection.begin_next()
        except Exception:  # as the reactor does for what it reads itself: one broken connection is no matter of the others
            _log.failure("A request could not be begun")
            connection.abort()
