"""Counters of requests and their durations."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

from attrs import Factory, define

from microblog.web.http.route import METHODS

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the duration buckets in seconds; one more bucket is above the last."""
_KNOWN = METHODS | {"HEAD", "OPTIONS"}


@define
class RequestMetrics:
    """Counts since process start: requests by (method, status), their total duration in `seconds`, and counts by duration bucket."""

    counts: Counter[tuple[str, int]] = Factory(Counter)
    buckets: list[int] = Factory(lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0

    def count(self, method: str, status: int, seconds: float) -> None:
        """Count a request. Unknown methods share one label, so that clients cannot create series."""
        self.counts[method if method in _KNOWN else "other", status] += 1
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds
