"""Counters of the broadcaster, for metrics."""

from __future__ import annotations

from collections import Counter

from attrs import Factory, define

from microblog.live.subscriber import CloseReason


@define
class BroadcastStats:
    """Counters since the start. Lag is the time from an event to its delivery in seconds: of the last event, and the sum of all."""

    events: int = 0
    deliveries: int = 0
    polls: int = 0
    poll_failures: int = 0
    replays: int = 0
    gaps: int = 0
    lag_s: float = 0.0
    lag_total_s: float = 0.0
    closed: Counter[CloseReason] = Factory(Counter)

    def count(self, deliveries: int, lag_s: float) -> None:
        """Count a delivered event."""
        self.events += 1
        self.deliveries += deliveries
        self.lag_s = lag_s
        self.lag_total_s += lag_s
