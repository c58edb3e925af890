"""Who is connected, and what keeps their connections honest: a beat for each, an end for those that do not move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

from attrs import Factory, define, field

from microblog.live.subscriber import CloseReason, Subscriber
from microblog.model.events import Position

BEAT_S = 15  # SSE comments and WebSocket pings come within this
PATIENCE_S = 30  # without any progress of a reader for whom something waits


@define
class Connections:
    """All connections of this process, by account and in slots: a connection is beaten when it is its slot's second."""

    end: Callable[[Subscriber, CloseReason], None]
    heartbeat_s: int = BEAT_S
    _by_account: dict[int, dict[Subscriber, None]] = Factory(dict)
    _slots: list[dict[Subscriber, None]] = field(init=False)
    _slot_of: dict[Subscriber, int] = Factory(dict)
    _slow: dict[Subscriber, tuple[int, float]] = Factory(dict)
    _second: int = 0

    def __attrs_post_init__(self) -> None:
        self._slots = [{} for _ in range(self.heartbeat_s)]

    def __len__(self) -> int:
        return len(self._slot_of)

    def add(self, subscriber: Subscriber) -> None:
        """Connected. Its first beat comes after about the full interval."""
        slot = self._slot_of[subscriber] = self._second % self.heartbeat_s
        self._slots[slot][subscriber] = None
        if subscriber.account is not None:
            self._by_account.setdefault(subscriber.account, {})[subscriber] = None

    def remove(self, subscriber: Subscriber) -> None:
        """Gone."""
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
        """Everybody who is connected."""
        return list(self._slot_of)

    def of(self, account: int) -> Collection[Subscriber]:
        """The account's connections, as they are now."""
        return list(self._by_account.get(account, ()))

    def streams(self) -> Counter[str]:
        """How many subscriptions there are of each kind of stream."""
        return Counter(stream.kind.value for subscriber in self._slot_of for stream in subscriber.subscriptions)

    def waiting(self) -> int:
        """How many bytes wait for slow readers, in all."""
        return sum(subscriber.outlet.unsent() for subscriber in self._slow)

    def slow(self, subscriber: Subscriber, now: float) -> None:
        """Something waits for this reader: from now on it is watched."""
        if subscriber in self._slot_of:
            self._slow.setdefault(subscriber, (subscriber.outlet.progress(), now))

    def tick(self, now: float, head: Position) -> None:
        """A second has passed: `now` in seconds, monotonic. `head` is up to where all live readers have been told."""
        self._second += 1
        for subscriber in list(self._slots[self._second % self.heartbeat_s]):
            if subscriber.outlet.unsent():
                self.slow(subscriber, now)
            subscriber.outlet.heartbeat(head if subscriber.live else None)
        for subscriber, (progress, since) in list(self._slow.items()):
            if not subscriber.outlet.unsent():
                del self._slow[subscriber]
            elif subscriber.outlet.progress() != progress:
                self._slow[subscriber] = (subscriber.outlet.progress(), now)
            elif now - since >= PATIENCE_S:
                self.end(subscriber, CloseReason.STALLED)
