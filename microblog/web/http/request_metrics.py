"""What the server has answered, in figures."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

from attrs import Factory, define

from microblog.web.http.route import METHODS

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: the buckets that answers are counted in by how long they took, with one more above the last."""
_KNOWN = METHODS | {"HEAD", "OPTIONS"}


@define
class RequestMetrics:
    """Counts since the process began: answers by (method, status), how long they took in `seconds` together, and by bucket."""

    counts: Counter[tuple[str, int]] = Factory(Counter)
    buckets: list[int] = Factory(lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0

    def count(self, method: str, status: int, seconds: float) -> None:
        """One more. Methods that nobody knows count as one, so that a client cannot make up figures."""
        self.counts[method if method in _KNOWN else "other", status] += 1
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds
