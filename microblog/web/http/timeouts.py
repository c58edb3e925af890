"""Timeouts of connections, and the sentences of requests that are refused before they are complete."""

from __future__ import annotations

from attrs import define, frozen

NO_ACCESS = "Your network is not allowed to use this site."
TOO_MANY = "Too many requests from your network. Please wait a moment."
TOO_LONG = "The headers of this request are too large."
NO_ROOM = "Too many uploads at the moment. Please try again shortly."
NO_ROOM_LEFT = "The server's disk is full."
TOO_SLOW = "The request did not arrive in time."
STALL_S = 2.0
"""Seconds without progress after which shutdown does not wait for a client."""


@frozen
class Timeouts:
    """Timeouts in seconds. A body has `body` seconds plus one for each `body_rate` bytes.

    A client has to read a response at `read_rate` bytes per second, on average over `unread` seconds.
    """

    head: float = 15
    body: float = 30
    body_rate: int = 32 * 1024
    idle: float = 75
    unread: float = 60
    read_rate: int = 256
    linger: float = 2
    abort: float = 15


@define
class Progress:
    """Tracks whether a client still reads its response."""

    left: int = 0
    since: float = 0.0

    def is_making_progress(self, left: int, now: float) -> bool:
        """True unless the number of unsent bytes has not changed for STALL_S seconds."""
        if left != self.left:
            self.left, self.since = left, now
        return now - self.since < STALL_S


def size(bytes: int) -> str:
    """A size for display."""
    return f"{bytes >> 20} MB" if bytes >= 1 << 20 else f"{bytes >> 10} kB"


def too_large(limit: int) -> str:
    """The error sentence for a body of more than `limit` bytes."""
    return f"The request is larger than the limit of {size(limit)}."
