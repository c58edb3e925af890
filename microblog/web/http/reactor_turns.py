"""Fair scheduling of requests under load: small time slices, shared in turn by the client networks.

A request begins as soon as it is complete, unless earlier ones have just used a whole slice: then it waits in the queue of its network. So
a client with many connections or pipelined requests delays mostly itself, and others by a slice or two.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from time import perf_counter
from typing import Protocol

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

SLICE_S = 0.005
"""Seconds of one reactor turn for requests; the last one started may exceed it."""
GAP_S = 0.0005
"""Requests that begin within this time after the last one ended count as the same turn, since the reactor does not signal its end."""

_log = Logger()


class Waiting(Protocol):
    """A connection with a request that can begin."""

    @property
    def network(self) -> str:
        """The client's network."""

    def begin_next(self) -> None:
        """Begin the request."""

    def abort(self) -> None:
        """Close at once."""


@define(eq=False)
class RequestTurns:
    """Queues of connections by network. Added connections begin in a later reactor turn, after I/O."""

    reactor: IReactorTime
    _queues: OrderedDict[str, deque[Waiting]] = field(factory=OrderedDict, init=False)
    _length: int = field(default=0, init=False)
    _call: IDelayedCall | None = field(default=None, init=False)
    _turn_began_at: float = field(default=0.0, init=False)
    _finished_at: float = field(default=0.0, init=False)

    def is_saturated(self) -> bool:
        """True if a request that is complete now should be queued. If not, call `finished` after it was begun."""
        now = perf_counter()
        if now - self._finished_at > GAP_S:
            self._turn_began_at = now
        return now - self._turn_began_at > SLICE_S

    def finished(self) -> None:
        """Record that a request which began at once has finished or is waiting."""
        self._finished_at = perf_counter()

    def add(self, connection: Waiting) -> None:
        """Queue a connection for the turn of its network."""
        self._queues.setdefault(connection.network, deque()).append(connection)
        self._length += 1
        self._schedule()

    def _schedule(self) -> None:
        if self._call is None and self._length:
            self._call = self.reactor.callLater(0, self._run)

    def _run(self) -> None:
        self._call = None
        self._turn_began_at = perf_counter()
        ends = self._turn_began_at + SLICE_S
        try:
            for _ in range(self._length):
                self._begin(self._pop())
                if perf_counter() > ends:
                    break
        finally:
            self.finished()
            self._schedule()

    def _pop(self) -> Waiting:
        network, queue = self._queues.popitem(last=False)
        if len(queue) > 1:
            self._queues[network] = queue  # behind all others
        self._length -= 1
        return queue.popleft()

    def _begin(self, connection: Waiting) -> None:
        try:
            connection.begin_next()
        except Exception:  # like the reactor: one broken connection must not affect others
            _log.failure("A request could not be started")
            connection.abort()
