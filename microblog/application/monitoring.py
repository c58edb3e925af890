"""Construction of what shows administrators how a process does: its metrics and its health."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from attrs import field, frozen

from microblog.adapters.disk_space import DiskSpace
from microblog.adapters.redis import Redis
from microblog.application.federation import Federation
from microblog.application.outgoing import OutgoingFederation
from microblog.application.services import Domain, now
from microblog.config import Settings
from microblog.domain.health import Health, Probes
from microblog.domain.health_checks import Heartbeat
from microblog.live.broadcaster import Broadcaster
from microblog.metrics.collector import MetricsCollector, SiteSource, Source
from microblog.metrics.database import database_families
from microblog.metrics.federation import copies_families, delivery_families, fetch_families, inbox_families, traffic_families
from microblog.metrics.http import http_families
from microblog.metrics.jobs import job_families, sending_families, worker_families
from microblog.metrics.live import feed_families
from microblog.metrics.process import build_families, cache_families, lag_families, redis_families
from microblog.metrics.samples import Families
from microblog.model.health import HealthThresholds
from microblog.reactor_lag import ReactorLag
from microblog.storage import delivery_stats, federation_days, migrate, remote_files
from microblog.storage.database import Database
from microblog.web.http.proxy_check import ProxyCheck
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


def build_health(settings: Settings, reactor: Any, observed: Observed, proxy_check: ProxyCheck) -> Health:
    """Return the health checks."""
    workers, feed, outgoing, redis = observed.workers.workers, observed.feed, observed.outgoing, observed.redis
    components: dict[str, Heartbeat] = {**workers, "events": feed, **(outgoing.health if outgoing else {})}
    ping = None if redis is None else redis.ping
    storage = observed.domain.attachments.media_store.files.problem if settings.s3_bucket else None
    probes = Probes(components, feed, DiskSpace(settings.data_dir, reactor).free, ping, proxy_check.problems, storage)
    thresholds = HealthThresholds(
        response_s=settings.health_timeout / 1000,
        job_age_s=settings.health_job_age,
        email_age_s=settings.health_mail_age,
        email_delay_s=settings.mail_delay,
        feed_lag_s=settings.health_feed_lag,
        disk_free_bytes=settings.health_disk_free_mb * 1_000_000,
        clock_difference_s=settings.health_clock_difference,
    )
    kinds = sorted({kind for worker in workers.values() for kind in worker.tasks})
    migrations = [migration.name for migration in migrate.known()]
    return Health(observed.database, probes, thresholds, kinds, migrations, reactor, now)


def metrics_collector(observed: Observed, health: Health, http: Callable[[], RequestMetrics]) -> MetricsCollector:
    """Return the collector of all metrics. `http` returns the counters of the server."""
    sources = [*_sources(observed), lambda: http_families(http())]
    return MetricsCollector(sources, list(_site_sources(observed)), health.report)


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
