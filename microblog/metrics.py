"""The metrics of this process for Prometheus: database, jobs, live feed, HTTP server, caches and the process itself."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Protocol

from attrs import field, frozen
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.utils import floatToGoString

from microblog.federation.delivery import DeliveryStats
from microblog.federation.remote_files import CopyStats
from microblog.jobs.worker import Worker, WorkerStats
from microblog.live.broadcaster import Broadcaster
from microblog.live.stats import BroadcastStats
from microblog.model.caches import Cache, CacheFigures
from microblog.model.deliveries import DeliveryCounts
from microblog.model.errors import Unavailable
from microblog.model.federation_statistics import TrafficTotals
from microblog.model.jobs import JobCounts
from microblog.reactor_lag import BOUNDS as LAG_BOUNDS
from microblog.reactor_lag import ReactorLag
from microblog.storage.database import Timing
from microblog.web.http.request_metrics import BOUNDS, RequestMetrics

OPENMETRICS = "application/openmetrics-text"
TIMINGS: Mapping[str, Callable[[Timing], float]] = {
    "transactions": lambda timing: timing.calls,
    "transaction_seconds": lambda timing: timing.seconds,
    "retries": lambda timing: timing.retries,
    "failures": lambda timing: timing.failures,
}
WORKER_STATS: Mapping[str, Callable[[WorkerStats], float]] = {
    "started": lambda stats: stats.started,
    "completed": lambda stats: stats.completed,
    "failed": lambda stats: stats.failed,
    "dead": lambda stats: stats.dead,
    "lease_lost": lambda stats: stats.lease_lost,
    "released": lambda stats: stats.released,
    "duration_seconds": lambda stats: stats.duration_seconds,
    "queue_seconds": lambda stats: stats.queue_seconds,
}
BROADCAST_STATS: Mapping[str, Callable[[BroadcastStats], float]] = {
    "events": lambda stats: stats.events,
    "deliveries": lambda stats: stats.deliveries,
    "polls": lambda stats: stats.polls,
    "poll_failures": lambda stats: stats.poll_failures,
    "replays": lambda stats: stats.replays,
    "gaps": lambda stats: stats.gaps,
}
Samples = Iterable[tuple[Sequence[str], float]]
"""Values, each after those of its labels."""


class Timed(Protocol):
    """A source of transaction timings by function."""

    @property
    def timings(self) -> Mapping[str, Timing]: ...


TRAFFIC_HELP = "Activities of the whole site: received (counted every ten minutes), delivered, and tries to deliver that failed."


class FamilySource(Protocol):
    """A part of the site with metrics of its own."""

    async def families(self) -> list[Metric]:
        """Return its metric families."""


@frozen
class DeliveryMetrics:
    """Metrics of deliveries to other servers: counters of this process, and numbers of the whole site, read from the database."""

    stats: Callable[[], DeliveryStats]
    counts: Callable[[], Awaitable[DeliveryCounts]]
    totals: Callable[[], Awaitable[TrafficTotals]]

    async def families(self) -> list[Metric]:
        """Return all metric families. Those of the site are missing if the database is unreachable."""
        stats = self.stats()
        results = [(("delivered",), stats.delivered), (("failed",), stats.failed), (("retried",), stats.retried)]
        tried = counter(
            "microblog_deliveries_total", "Deliveries to other servers that this process tried, by result.", results, ("result",)
        )
        try:
            counts, totals = await self.counts(), await self.totals()
        except Unavailable:
            return [tried]
        oldest = [((), counts.oldest.timestamp())] if counts.oldest else []
        hosts = [(("known",), counts.known), (("slow",), counts.slow), (("dead",), counts.dead)]
        traffic = [(("received",), totals.received), (("delivered",), totals.delivered), (("failed",), totals.failed)]
        return [
            tried,
            gauge("microblog_deliveries_waiting", "Deliveries of the site that wait.", one(counts.waiting)),
            gauge("microblog_deliveries_oldest_timestamp_seconds", "Time of the oldest activity that waits for a delivery.", oldest),
            gauge("microblog_federation_hosts", "Other servers: all known ones, those that fail, and dead ones.", hosts, ("state",)),
            counter("microblog_federation_activities_total", TRAFFIC_HELP, traffic, ("result",)),
        ]


@frozen
class RemoteFileMetrics:
    """Metrics of copied files of other servers: counters of this process, and the bytes of all copies, read from the database."""

    stats: Callable[[], CopyStats]
    size: Callable[[], Awaitable[int]]

    async def families(self) -> list[Metric]:
        """Return all metric families. The size is missing if the database is unreachable."""
        stats = self.stats()
        results = [(("fetched",), stats.fetched), (("missing",), stats.missing), (("failed",), stats.failed)]
        help = "Files of other servers that this process wanted to copy, by result; missing ones include those that cannot be shown."
        fetches = counter("microblog_media_fetches_total", help, results, ("result",))
        try:
            size = await self.size()
        except Unavailable:
            return [fetches]
        return [fetches, gauge("microblog_media_cache_bytes", "Disk space of copies of files of other servers.", one(size))]


@frozen
class MetricsCollector:
    """Collects metrics of the components. `job_counts` reads the numbers of jobs from the database, `http` returns the HTTP server's
    counters.
    """

    database: Timed
    workers: Mapping[str, Worker]
    feed: Broadcaster
    caches: Iterable[Cache]
    job_counts: Callable[[], Awaitable[Mapping[str, JobCounts]]]
    http: Callable[[], RequestMetrics]
    lag: ReactorLag
    federation: Sequence[FamilySource] = ()
    process: ProcessCollector = field(factory=lambda: ProcessCollector(registry=None))

    async def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics and their content type: OpenMetrics if the client accepts it, else text format 0.0.4."""
        registry = CollectorRegistry()
        registry.register(Collected(await self.families()))
        if OPENMETRICS in accept:
            return openmetrics.generate_latest(registry), openmetrics.CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4

    async def families(self) -> list[Metric]:
        """Return all metric families. Job counts are missing if the database is unreachable."""
        try:
            kinds: Mapping[str, JobCounts] = await self.job_counts()
        except Unavailable:
            kinds = {}
        return [
            *database_families(self.database.timings),
            *worker_families(self.workers),
            *job_families(kinds),
            *feed_families(self.feed),
            *http_families(self.http()),
            lag_family(self.lag),
            *cache_families(cache.figures() for cache in self.caches),
            *[family for source in self.federation for family in await source.families()],
            *self.process.collect(),
        ]


@frozen(eq=False)  # a registry keeps collectors by identity
class Collected:
    """A collector of families that were already read: collectors cannot wait for the database."""

    families: Iterable[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.families

    def describe(self) -> Iterable[Metric]:
        return self.families


def counter(name: str, help: str, samples: Samples, labels: tuple[str, ...] = ()) -> Metric:
    """Return a counter; its name ends in `_total`."""
    family = CounterMetricFamily(name, help, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def gauge(name: str, help: str, samples: Samples, labels: tuple[str, ...] = ()) -> Metric:
    """Return a gauge."""
    family = GaugeMetricFamily(name, help, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def one(value: float) -> Samples:
    """Return the single sample of a metric without labels."""
    return [((), value)]


def database_families(timings: Mapping[str, Timing]) -> Iterator[Metric]:
    """Yield metrics of database transactions by function."""
    for name, help in (
        ("transactions", "Transactions that ran, read-only ones included."),
        ("transaction_seconds", "Time spent in transactions, including the wait for a connection."),
        ("retries", "Transactions that were tried again."),
        ("failures", "Transactions that failed for good."),
    ):
        samples = [((function,), TIMINGS[name](timing)) for function, timing in sorted(timings.items())]
        yield counter(f"microblog_database_{name}_total", help, samples, ("function",))


def worker_families(workers: Mapping[str, Worker]) -> Iterator[Metric]:
    """Yield metrics of this process's workers."""
    for name, help in (
        ("started", "Jobs that this process started."),
        ("completed", "Jobs that this process completed."),
        ("failed", "Attempts that failed in this process."),
        ("dead", "Jobs that this process gave up for good."),
        ("lease_lost", "Jobs whose lease ran out while this process worked on them."),
        ("released", "Unfinished jobs that this process released at shutdown."),
        ("duration_seconds", "Time spent in jobs."),
        ("queue_seconds", "Time between a job's due time and its start."),
    ):
        samples = [((worker,), WORKER_STATS[name](each.stats)) for worker, each in workers.items()]
        yield counter(f"microblog_jobs_{name}_total", help, samples, ("worker",))
    running = [((worker,), len(each.running)) for worker, each in workers.items()]
    yield gauge("microblog_jobs_in_progress", "Jobs that this process runs now.", running, ("worker",))


def job_families(kinds: Mapping[str, JobCounts]) -> Iterator[Metric]:
    """Yield the numbers of jobs of the whole site."""
    states = ("waiting", "running", "retrying", "dead")
    counts = [((kind, state), getattr(each, state)) for kind, each in kinds.items() for state in states]
    yield gauge("microblog_jobs", "Jobs of the site by kind and state; waiting includes retrying.", counts, ("kind", "state"))
    due = [((kind,), each.oldest_due.timestamp()) for kind, each in kinds.items() if each.oldest_due]
    yield gauge("microblog_jobs_oldest_due_timestamp_seconds", "Due time of the oldest waiting job of a kind.", due, ("kind",))


def feed_families(feed: Broadcaster) -> Iterator[Metric]:
    """Yield metrics of live delivery."""
    stats = feed.stats
    yield gauge("microblog_live_connections", "Open live connections.", one(len(feed.connections)))
    streams = [((name,), count) for name, count in sorted(feed.connections.streams().items())]
    yield gauge("microblog_live_subscriptions", "Subscriptions of the open connections, by stream.", streams, ("stream",))
    yield gauge("microblog_live_unsent_bytes", "Bytes that wait to be sent to slow connections.", one(feed.connections.waiting()))
    for name, help in (
        ("events", "Events that were read from the event log."),
        ("deliveries", "Events that were delivered, counted once per connection."),
        ("polls", "Reads of the event log."),
        ("poll_failures", "Reads of the event log that failed."),
        ("replays", "Reconnections that caught up from the event log."),
        ("gaps", "Reconnections whose position was too old to catch up."),
    ):
        yield counter(f"microblog_live_{name}_total", help, one(BROADCAST_STATS[name](stats)))
    yield gauge("microblog_live_lag_seconds", "Time between the last event and its delivery.", one(stats.lag_s))
    yield counter("microblog_live_delivery_delay_seconds_total", "Time between events and their delivery, summed.", one(stats.lag_total_s))
    endings = [((reason,), count) for reason, count in sorted((str(ending.value), count) for ending, count in stats.closed.items())]
    yield counter("microblog_live_connections_closed_total", "Connections that were closed, by reason.", endings, ("reason",))


def http_families(metrics: RequestMetrics) -> Iterator[Metric]:
    """Yield metrics of the HTTP server."""
    counts = [((method, str(status)), count) for (method, status), count in sorted(metrics.counts.items())]
    yield counter("microblog_http_requests_total", "Requests by method and response status.", counts, ("method", "status"))
    yield HistogramMetricFamily(
        "microblog_http_request_duration_seconds",
        "Time between a request's head and the end of its response.",
        cumulative(BOUNDS, metrics.buckets),
        sum_value=metrics.seconds,
    )


def lag_family(lag: ReactorLag) -> Metric:
    """Return the histogram of the reactor's lag."""
    buckets = cumulative(LAG_BOUNDS, lag.buckets)
    return HistogramMetricFamily(
        "microblog_reactor_lag_seconds", "How late a timer ran that is due four times a second.", buckets, sum_value=lag.total_s
    )


def cumulative(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, int]]:
    """Return Prometheus' buckets: the number of observations up to each bound."""
    return list(zip(map(floatToGoString, (*bounds, math.inf)), accumulate(counts), strict=True))


def cache_families(caches: Iterable[CacheFigures]) -> Iterator[Metric]:
    """Yield metrics of this process's caches; caches of the same name are summed."""
    named: dict[str, list[CacheFigures]] = defaultdict(list)
    for each in caches:
        named[each.name].append(each)

    def summed(figure: str) -> Samples:
        return [((name,), sum(getattr(each, figure) for each in named[name])) for name in sorted(named)]

    yield counter("microblog_cache_hits_total", "Lookups that found a value.", summed("hits"), ("cache",))
    yield counter("microblog_cache_misses_total", "Lookups that found none.", summed("misses"), ("cache",))
    yield gauge("microblog_cache_entries", "Values in the cache.", summed("entries"), ("cache",))
    yield gauge("microblog_cache_bytes", "Memory of the values; exact for pages, else estimated.", summed("bytes"), ("cache",))
