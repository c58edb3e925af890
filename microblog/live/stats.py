"""What the feed counts, for whoever watches over the site."""

from __future__ import annotations

from collections import Counter

from attrs import Factory, define

from microblog.live.subscriber import CloseReason


@define
class BroadcastStats:
    """What the feed has done since it started. `lag_s` is from an event's time to its telling: the last one, and the sum of all."""

    events: int = 0
    deliveries: int = 0
    looks: int = 0
    failures: int = 0
    replays: int = 0
    gaps: int = 0
    lag_s: float = 0.0
    lag_sum_s: float = 0.0
    endings: Counter[CloseReason] = Factory(Counter)

    def count(self, deliveries: int, lag_s: float) -> None:
        """One event was told so often."""
        self.events += 1
        self.deliveries += deliveries
        self.lag_s = lag_s
        self.lag_sum_s += lag_s
