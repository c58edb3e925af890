"""Open connections of this process: heartbeats, and closing of connections that make no progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

from attrs import Factory, define, field

from microblog.live.subscriber import CloseReason, Subscriber
from microblog.model.events import Position

HEARTBEAT_S = 15  # interval of SSE comments and WebSocket pings
STALL_TIMEOUT_S = 30  # without progress of a connection with unsent bytes


@define
class Connections:
    """All connections, by account and by heartbeat slot. Each second, the connections of one slot get their heartbeat."""

    end: Callable[[Subscriber, CloseReason], None]
    heartbeat_s: int = HEARTBEAT_S
    _by_account: dict[int, dict[Subscriber, None]] = Factory(dict)
    _slots: list[dict[Subscriber, None]] = field(init=False)
    _slot_of: dict[Subscriber, int] = Factory(dict)
    _slow: dict[Subscriber, tuple[int, float]] = Factory(dict)
    _on_second: int = 0

    def __attrs_post_init__(self) -> None:
        self._slots = [{} for _ in range(self.heartbeat_s)]

    def __len__(self) -> int:
        return len(self._slot_of)

    def add(self, subscriber: Subscriber) -> None:
        """Add a connection. Its first heartbeat follows after about one interval."""
        slot = self._slot_of[subscriber] = self._on_second % self.heartbeat_s
        self._slots[slot][subscriber] = None
        if subscriber.account is not None:
            self._by_account.setdefault(subscriber.account, {})[subscriber] = None

    def remove(self, subscriber: Subscriber) -> None:
        """Remove a connection; no error if it is unknown."""
        slot = self._slot_of.pop(subscriber, None)
        if slot is None:
            return
        del self._slots[slot][subscriber]
        self._slow.pop(subscriber, None)
        if subscriber.account is not None:
            own = self._by_account[subscriber.account]
            del own[subscriber]
            if not own:
                del self._by_account[subscriber.account]

    def all(self) -> list[Subscriber]:
        """Return all connections."""
        return list(self._slot_of)

    def of(self, account: int) -> Collection[Subscriber]:
        """Return the account's connections."""
        return list(self._by_account.get(account, ()))

    def streams(self) -> Counter[str]:
        """Count the subscriptions by kind of stream."""
        return Counter(stream.kind.value for subscriber in self._slot_of for stream in subscriber.subscriptions)

    def waiting(self) -> int:
        """Return the number of bytes that wait in the send buffers of slow connections."""
        return sum(subscriber.connection.unsent() for subscriber in self._slow)

    def slow(self, subscriber: Subscriber, now: float) -> None:
        """Watch a connection whose send buffer is not empty."""
        if subscriber in self._slot_of:
            self._slow.setdefault(subscriber, (subscriber.connection.progress(), now))

    def tick(self, now: float, head: Position) -> None:
        """Send heartbeats and close stalled connections; called once a second.

        `now` is in monotonic seconds. `head` is the position up to which all live subscriptions received their updates.
        """
        self._on_second += 1
        for subscriber in list(self._slots[self._on_second % self.heartbeat_s]):
            if subscriber.connection.unsent():
                self.slow(subscriber, now)
            subscriber.connection.heartbeat(head if subscriber.live else None)
        for subscriber, (progress, since) in list(self._slow.items()):
            if not subscriber.connection.unsent():
                del self._slow[subscriber]
            elif subscriber.connection.progress() != progress:
                self._slow[subscriber] = (subscriber.connection.progress(), now)
            elif now - since >= STALL_TIMEOUT_S:
                self.end(subscriber, CloseReason.STALLED)
