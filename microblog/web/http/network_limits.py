"""What one network may have of this process: open connections, and requests of any kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import define, field, frozen

WINDOW_S = 10
BUSY = 4


@frozen
class Caps:
    """How many connections, streams apart, and how many requests in WINDOW_S seconds one network may have. 0: any number."""

    connections: int = 0
    requests: int = 0


@define
class RequestRate:
    """Counts requests by network in windows of WINDOW_S seconds; one dictionary is all there is to it, because it is asked each time."""

    most: int
    seconds: Callable[[], float]
    _window: int = field(default=0, init=False)
    _counts: dict[str, int] = field(factory=dict, init=False)

    def exceeded(self, network: str) -> bool:
        """Count one more; True if it is one too many."""
        window = int(self.seconds()) // WINDOW_S
        if window != self._window:
            self._window, self._counts = window, {}
        count = self._counts[network] = self._counts.get(network, 0) + 1
        return count > self.most

    @property
    def retry_after(self) -> int:
        """Seconds until the next window begins."""
        return WINDOW_S - int(self.seconds()) % WINDOW_S


class Closable(Protocol):
    """A connection, as those are counted."""

    @property
    def peer_network(self) -> str:
        """Where it comes from."""

    @property
    def idle_since(self) -> float | None:
        """Since when nothing is being done for it; None while something is."""

    def make_room(self) -> None:
        """Close for the sake of a newer one."""


@define(eq=False)
class NetworkConnections:
    """The open connections by network. A network that has `most` of them gives up its idlest for a new one.

    Where none is idle it may have BUSY times as many, because many people may come back at once.
    """

    most: int
    _open: dict[str, set[Closable]] = field(factory=dict, init=False)

    def add(self, connection: Closable) -> bool:
        """Count a new connection. False if the network has far too many, and each is busy."""
        here = self._open.setdefault(connection.peer_network, set())
        if len(here) >= self.most:
            idle = [(since, other) for other in here if (since := other.idle_since) is not None]
            if idle:
                _, idlest = min(idle, key=lambda pair: pair[0])
                here.discard(idlest)
                idlest.make_room()
            elif len(here) >= self.most * BUSY:
                return False
        here.add(connection)
        return True

    def remove(self, connection: Closable) -> None:
        """Count it no more: it is closed, or became a stream, which is counted elsewhere."""
        here = self._open.get(connection.peer_network)
        if here is not None:
            here.discard(connection)
            if not here:
                del self._open[connection.peer_network]
