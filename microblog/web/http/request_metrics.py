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
class RouteFigures:
    """Counts of one route since process start: requests by (method, status), their total duration, and counts by duration bucket."""

    counts: Counter[tuple[str, int]] = Factory(Counter)
    buckets: list[int] = Factory(lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0


@define
class RequestMetrics:
    """Counts since process start: of complete requests by route pattern, and by status of those that were refused before."""

    routes: dict[str, RouteFigures] = Factory(dict)
    refused: Counter[int] = Factory(Counter)

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request. Unknown methods share one label, so that clients cannot create series; nor can they by `route`, a pattern."""
        figures = self.routes.get(route)
        if figures is None:
            figures = self.routes[route] = RouteFigures()
        figures.counts[method if method in _KNOWN else "other", status] += 1
        figures.buckets[bisect_left(BOUNDS, seconds)] += 1
        figures.seconds += seconds
