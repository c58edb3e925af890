"""Metrics of the process itself: its release, its health, its reactor, its caches, and its connection to Redis."""

from __future__ import annotations

import platform
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Protocol

from prometheus_client.core import HistogramMetricFamily, Metric

from microblog import __version__
from microblog.metrics.samples import Samples, counter, cumulative, gauge, one
from microblog.model.caches import CacheFigures
from microblog.model.health import CheckState, HealthReport
from microblog.reactor_lag import BOUNDS, ReactorLag


class Connected(Protocol):
    """A client of Redis."""

    @property
    def connected(self) -> bool: ...


def build_families() -> Iterator[Metric]:
    """Yield the versions that run."""
    versions = (__version__, platform.python_version(), version("twisted"))
    help = "Always 1; the labels are the versions of microblog, Python and Twisted."
    yield gauge("microblog_build_info", help, [(versions, 1)], ("version", "python", "twisted"))


def health_families(report: HealthReport) -> Iterator[Metric]:
    """Yield the results of the health checks. Those that could not be measured are missing."""
    results = [((check.name,), check.state is CheckState.OK) for check in report.checks if check.state is not CheckState.UNKNOWN]
    yield gauge("microblog_health_check_ok", "1 if a check of /health/ready has the state ok, else 0.", results, ("check",))
    free = [((), check.value * 1e6) for check in report.checks if check.name == "disk" and check.value is not None]
    yield gauge("microblog_disk_free_bytes", "Space that is left on the disk of the data directory.", free)


def redis_families(redis: Connected) -> Iterator[Metric]:
    """Yield the state of the connections to Redis."""
    yield gauge("microblog_redis_up", "1 while this process is connected to Redis, else 0.", one(redis.connected))


def lag_families(lag: ReactorLag) -> Iterator[Metric]:
    """Yield the histogram of the reactor's lag."""
    help, buckets = "How late a timer ran that is due four times a second.", cumulative(BOUNDS, lag.buckets)
    yield HistogramMetricFamily("microblog_reactor_lag_seconds", help, buckets, sum_value=lag.total_s)


def cache_families(caches: Iterable[CacheFigures]) -> Iterator[Metric]:
    """Yield the metrics of this process's caches; caches of the same name are summed."""
    named: dict[str, list[CacheFigures]] = defaultdict(list)
    for each in caches:
        named[each.name].append(each)

    def summed(figure: str) -> Samples:
        return [((name,), sum(getattr(each, figure) for each in named[name])) for name in sorted(named)]

    yield counter("microblog_cache_hits_total", "Lookups that found a value.", summed("hits"), ("cache",))
    yield counter("microblog_cache_misses_total", "Lookups that found none.", summed("misses"), ("cache",))
    yield gauge("microblog_cache_entries", "Values in the cache.", summed("entries"), ("cache",))
    yield gauge("microblog_cache_bytes", "Memory of the values; exact for pages, else estimated.", summed("bytes"), ("cache",))
