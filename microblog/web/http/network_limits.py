"""Limits per client network: open connections, and requests of any kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import define, field, frozen

WINDOW_S = 10
BUSY = 4


@frozen
class Caps:
    """Limits per network: connections (without streams), and requests in WINDOW_S seconds. 0: unlimited."""

    connections: int = 0
    requests: int = 0


@define
class RequestRate:
    """Counts requests by network in fixed windows of WINDOW_S seconds; a plain dictionary, because it runs for every request."""

    limit: int
    seconds: Callable[[], float]
    _window: int = field(default=0, init=False)
    _counts: dict[str, int] = field(factory=dict, init=False)

    def exceeded(self, network: str) -> bool:
        """Count a request; True if it exceeds the limit."""
        window = int(self.seconds()) // WINDOW_S
        if window != self._window:
            self._window, self._counts = window, {}
        count = self._counts[network] = self._counts.get(network, 0) + 1
        return count > self.limit

    @property
    def retry_after(self) -> int:
        """Seconds until the next window begins."""
        return WINDOW_S - int(self.seconds()) % WINDOW_S


class Closable(Protocol):
    """A connection that can be closed in favour of another."""

    @property
    def peer_network(self) -> str:
        """The peer's network."""

    @property
    def idle_since(self) -> float | None:
        """Time since which the connection is idle, or None while it is busy."""

    def close_idle(self) -> None:
        """Close in favour of a newer connection."""


@define(eq=False)
class NetworkConnections:
    """The open connections by network. If a network with `max_connections` opens another one, the longest idle one is closed.

    If none is idle it may have BUSY times as many, because many clients of one network may reconnect at once.
    """

    max_connections: int
    _open: dict[str, set[Closable]] = field(factory=dict, init=False)

    def add(self, connection: Closable) -> bool:
        """Count a new connection, closing an idle one if necessary. False if the network has the maximum of busy connections."""
        connections = self._open.setdefault(connection.peer_network, set())
        if len(connections) >= self.max_connections:
            idle = [(since, other) for other in connections if (since := other.idle_since) is not None]
            if idle:
                _, idle_longest = min(idle, key=lambda pair: pair[0])
                connections.discard(idle_longest)
                idle_longest.close_idle()
            elif len(connections) >= self.max_connections * BUSY:
                return False
        connections.add(connection)
        return True

    def remove(self, connection: Closable) -> None:
        """Stop counting a connection that is closed, or became a stream (counted by `ConnectionLimiter`)."""
        connections = self._open.get(connection.peer_network)
        if connections is not None:
            connections.discard(connection)
            if not connections:
                del self._open[connection.peer_network]
