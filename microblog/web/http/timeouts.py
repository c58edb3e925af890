"""How long a connection is waited for, and what is said when that is over."""

from __future__ import annotations

from attrs import define, frozen

TOO_MANY = "Too many requests come from your network. Please wait a moment."
TOO_LONG = "The head of this request is too large."
NO_ROOM = "Too much is being sent to this site just now, please try again in a moment."
NO_ROOM_LEFT = "There is no room left for what is sent to this site."
TOO_SLOW = "The request did not arrive in time."
STALL_S = 2.0
"""When the site ends, a client that has taken nothing for so many seconds is not waited for."""


@frozen
class Timeouts:
    """How long we wait, in seconds. A body has `body` plus one second for each `body_rate` bytes that it has.

    Of a response that waits to be read, `read_rate` bytes a second have to leave, on average of each `unread` seconds.
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
    """Whether a client goes on taking what waits for it."""

    left: int = 0
    since: float = 0.0

    def goes_on(self, left: int, now: float) -> bool:
        """True unless just as many bytes were left STALL_S seconds ago."""
        if left != self.left:
            self.left, self.since = left, now
        return now - self.since < STALL_S


def size(bytes: int) -> str:
    """A limit as people read it."""
    return f"{bytes >> 20} MB" if bytes >= 1 << 20 else f"{bytes >> 10} kB"


def too_large(limit: int) -> str:
    """The sentence for a body of more than `limit` bytes."""
    return f"What was sent is larger than the {size(limit)} that are accepted here."
