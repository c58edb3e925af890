"""Metrics of the HTTP server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import HistogramMetricFamily, Metric

from microblog.metrics.samples import counter, cumulative
from microblog.web.http.request_metrics import BOUNDS, RequestMetrics

ROUTE_BOUNDS = (0.01, 0.05, 0.25, 1.0, 5.0)
"""Upper bounds of the buckets by route, some of `BOUNDS`: there are hundreds of routes."""


def http_families(metrics: RequestMetrics) -> Iterator[Metric]:
    """Yield the metrics of requests: all of them together, and by route."""
    counts, buckets, seconds = Counter[tuple[str, int]](), [0] * (len(BOUNDS) + 1), 0.0
    for figures in metrics.routes.values():
        counts += figures.counts
        buckets = [total + count for total, count in zip(buckets, figures.buckets, strict=True)]
        seconds += figures.seconds
    samples = [((method, str(status)), count) for (method, status), count in sorted(counts.items())]
    yield counter("microblog_http_requests_total", "Requests by method and response status.", samples, ("method", "status"))
    yield HistogramMetricFamily(
        "microblog_http_request_duration_seconds",
        "Time between a request's head and the end of its response.",
        cumulative(BOUNDS, buckets),
        sum_value=seconds,
    )
    yield from _route_families(metrics)
    refused = [((str(status),), count) for status, count in sorted(metrics.refused.items())]
    help = "Requests that were refused before they were complete: malformed, too large, too slow or too many."
    yield counter("microblog_http_refusals_total", help, refused, ("status",))


def _route_families(metrics: RequestMetrics) -> Iterator[Metric]:
    classes = Counter[tuple[str, str, str]]()
    durations = HistogramMetricFamily("microblog_http_route_duration_seconds", "The same time by route.", labels=("route",))
    kept = [BOUNDS.index(bound) for bound in ROUTE_BOUNDS]
    for route, figures in sorted(metrics.routes.items()):
        for (method, status), count in figures.counts.items():
            classes[route, method, f"{status // 100}xx"] += count
        buckets = cumulative(BOUNDS, figures.buckets)
        durations.add_metric((route,), [*(buckets[index] for index in kept), buckets[-1]], figures.seconds)
    help = "Requests by route, method and class of the response status; those that match no route have the route `unmatched`."
    yield counter("microblog_http_route_requests_total", help, sorted(classes.items()), ("route", "method", "status_class"))
    yield durations
