"""Construction of what shows administrators how a process does: its metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from attrs import field, frozen

from microblog.adapters.redis import Redis
from microblog.application.federation import Federation
from microblog.application.outgoing import OutgoingFederation
from microblog.application.services import Domain
from microblog.live.broadcaster import Broadcaster
from microblog.metrics.collector import MetricsCollector, SiteSource, Source
from microblog.metrics.database import database_families
from microblog.metrics.federation import copies_families, delivery_families, fetch_families, inbox_families, traffic_families
from microblog.metrics.http import http_families
from microblog.metrics.jobs import job_families, sending_families, worker_families
from microblog.metrics.live import feed_families
from microblog.metrics.process import build_families, cache_families, lag_families, redis_families
from microblog.metrics.samples import Families
from microblog.reactor_lag import ReactorLag
from microblog.storage import delivery_stats, federation_days, remote_files
from microblog.storage.database import Database
from microblog.web.http.request_metrics import RequestMetrics
from microblog.workers import Workers


@frozen
class Observed:
    """The parts of a process that metrics are about. Some exist only if the settings say so."""

    database: Database
    domain: Domain
    workers: Workers
    feed: Broadcaster
    lag: ReactorLag
    redis: Redis | None = field(kw_only=True)
    federation: Federation | None = field(kw_only=True)
    outgoing: OutgoingFederation | None = field(kw_only=True)


def metrics_collector(observed: Observed, http: Callable[[], RequestMetrics]) -> MetricsCollector:
    """Return the collector of all metrics. `http` returns the counters of the server."""
    return MetricsCollector([*_sources(observed), lambda: http_families(http())], list(_site_sources(observed)))


def _sources(observed: Observed) -> Iterator[Source]:
    services, caches = observed.workers.services, observed.domain.invalidation_log.caches
    yield build_families
    yield partial(database_families, observed.database)
    yield partial(worker_families, observed.workers.workers)
    yield partial(sending_families, services.email_jobs.results, services.push_jobs.results)
    yield partial(feed_families, observed.feed)
    yield partial(lag_families, observed.lag)
    yield lambda: cache_families(cache.figures() for cache in caches)
    if observed.redis is not None:
        yield partial(redis_families, observed.redis)
    if observed.federation is not None:
        yield partial(inbox_families, observed.federation.inbox.results)
        yield partial(fetch_families, observed.federation.files.stats)
    if observed.outgoing is not None:
        yield partial(delivery_families, observed.outgoing.deliveries.stats)


def _site_sources(observed: Observed) -> Iterator[SiteSource]:
    read = observed.database.read

    async def jobs() -> Families:
        return job_families(await observed.domain.jobs.by_kind())

    async def traffic() -> Families:
        return traffic_families(await read(delivery_stats.counts), await read(federation_days.totals))

    async def copies() -> Families:
        return copies_families(await read(remote_files.size))

    yield jobs
    if observed.federation is not None:
        yield traffic
        yield copies
