"""The families of metrics, and their collection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from attrs import evolve, frozen
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.utils import floatToGoString
from twisted.internet.task import Clock

from microblog import __version__
from microblog.application import build_broadcaster
from microblog.federation.delivery import DeliveryStats
from microblog.jobs.worker import Worker
from microblog.live.subscriber import CloseReason
from microblog.live.viewer_state import RelationsSnapshot
from microblog.metrics.collector import Collected, MetricsCollector
from microblog.metrics.database import database_families
from microblog.metrics.federation import delivery_families, inbox_families
from microblog.metrics.http import http_families
from microblog.metrics.jobs import job_families, sending_families, worker_families
from microblog.metrics.live import feed_families
from microblog.metrics.process import build_families, cache_families, health_families, lag_families, redis_families
from microblog.metrics.samples import Families
from microblog.model.caches import CacheFigures
from microblog.model.errors import Unavailable
from microblog.model.health import CheckState, HealthCheck, HealthReport
from microblog.model.jobs import JobCounts
from microblog.reactor_lag import ReactorLag
from microblog.storage.database import PoolUsage, Timing
from microblog.web.http.request_metrics import RequestMetrics
from tests.fakes import RolledBackDatabase, result_of
from tests.live.fake_log import BroadcasterFixture, home
from tests.make import NOW


@frozen
class FakeDatabase:
    """A database with timings and pools only."""

    timings: Mapping[str, Timing]
    pools: Mapping[str, PoolUsage]


@frozen
class FakeRedis:
    """A client of Redis that is connected or not."""

    connected: bool


def lines(families: Iterable[Metric]) -> list[str]:
    """Return the families in the text format, line by line."""
    registry = CollectorRegistry()
    registry.register(Collected(tuple(families)))
    return generate_latest(registry).decode().splitlines()


async def jobs_of_site() -> Families:
    return job_families({"email.send": JobCounts(waiting=3, running=1, retrying=2, dead=4, oldest_due=NOW)})


async def no_database() -> Families:
    raise Unavailable


async def healthy() -> HealthReport:
    return HealthReport([HealthCheck("database", CheckState.OK, "PostgreSQL responds.")])


async def no_response() -> HealthReport:
    return HealthReport([HealthCheck("database", CheckState.FAILED, "PostgreSQL does not respond.")])


def process_families(db: RolledBackDatabase) -> Iterator[Metric]:
    """Yield the families of a process."""
    clock, request_metrics = Clock(), RequestMetrics()
    request_metrics.count("/", "GET", 200, 0.02)
    feed = build_broadcaster(db, clock)
    feed.stats = evolve(feed.stats, events=7)
    feed.stats.closed[CloseReason.RESTART] = 2
    yield from build_families()
    yield from database_families(FakeDatabase({"by_ids": Timing(2, 0.5, 1, 0)}, {"reads": PoolUsage(4, 1, 0, 0.5)}))
    yield from worker_families({"jobs": Worker(db, {}, lambda: NOW, clock, "one", lambda: 0.5)})
    yield from feed_families(feed)
    yield from http_families(request_metrics)


def expose(db: RolledBackDatabase, accept: str = "") -> tuple[str, str]:
    collector = MetricsCollector([lambda: process_families(db)], [jobs_of_site], healthy)
    body, content_type = result_of(collector.exposition(accept))
    return body.decode(), content_type


def test_openmetrics_has_the_same_families_as_text(db: RolledBackDatabase) -> None:
    plain, plain_type = expose(db)
    strict, strict_type = expose(db, "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2")
    assert plain_type == "text/plain; version=0.0.4; charset=utf-8"
    assert strict_type.startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
    families = {family.name for family in open_metrics(strict)}  # type: ignore[no-untyped-call]  # prometheus_client's
    assert families == {line.split()[2].removesuffix("_total") for line in plain.splitlines() if line.startswith("# TYPE")}


def test_every_family_is_exposed_once(db: RolledBackDatabase) -> None:
    names = [line.split()[2] for line in expose(db)[0].splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
    assert {"microblog_jobs", "process_open_fds", "process_start_time_seconds"} <= set(names)


def test_metrics_of_the_process_are_exposed_without_the_database(db: RolledBackDatabase) -> None:
    for sources, health in (([no_database, jobs_of_site], healthy), ([jobs_of_site], no_response)):
        collector = MetricsCollector([lambda: process_families(db)], sources, health)
        output = result_of(collector.exposition(""))[0].decode()
        assert "microblog_live_events_total 7.0" in output
        assert "microblog_jobs{" not in output


def test_the_build_is_named() -> None:
    [line] = [line for line in lines(build_families()) if not line.startswith("#")]
    assert line.startswith('microblog_build_info{python="3.')
    assert f'version="{__version__}"' in line


def test_transactions_have_metrics_by_function_and_connections_by_pool() -> None:
    database = FakeDatabase({"by_ids": Timing(2, 0.5, 1, 3)}, {"reads": PoolUsage(4, 3, 2, 0.25)})
    output = lines(database_families(database))
    for line in (
        'microblog_database_transactions_total{function="by_ids"} 2.0',
        'microblog_database_transaction_seconds_total{function="by_ids"} 0.5',
        'microblog_database_retries_total{function="by_ids"} 1.0',
        'microblog_database_failures_total{function="by_ids"} 3.0',
        'microblog_database_pool_size{pool="reads"} 4.0',
        'microblog_database_pool_in_use{pool="reads"} 3.0',
        'microblog_database_pool_waiting{pool="reads"} 2.0',
        'microblog_database_pool_waited_seconds_total{pool="reads"} 0.25',
    ):
        assert line in output, output


def test_jobs_have_metrics_by_worker_and_by_kind(db: RolledBackDatabase) -> None:
    workers = {name: Worker(db, {}, lambda: NOW, Clock(), name, lambda: 0.5) for name in ("jobs", "mail")}
    workers["jobs"].stats.count("clean")
    workers["jobs"].stats.seconds["clean"] += 1.5
    for worker in workers.values():
        worker.stats.count("email.send", failed=True)
    workers["mail"].stats.count("email.send", failed=True, dead=True)
    output = lines(worker_families(workers))
    for line in (
        'microblog_jobs_completed_total{worker="jobs"} 1.0',
        'microblog_jobs_failed_total{worker="mail"} 2.0',
        'microblog_jobs_dead_total{worker="mail"} 1.0',
        'microblog_job_results_total{kind="clean",result="completed"} 1.0',
        'microblog_job_results_total{kind="email.send",result="failed"} 3.0',
        'microblog_job_results_total{kind="email.send",result="dead"} 1.0',
        'microblog_job_duration_seconds_total{kind="clean"} 1.5',
    ):
        assert line in output, output


def test_the_jobs_of_the_site_have_metrics_by_kind() -> None:
    output = lines(result_of(jobs_of_site()))
    stamp = floatToGoString(NOW.timestamp())  # type: ignore[no-untyped-call]  # prometheus_client's
    assert 'microblog_jobs{kind="email.send",state="dead"} 4.0' in output
    assert f'microblog_jobs_oldest_due_timestamp_seconds{{kind="email.send"}} {stamp}' in output


def test_emails_pushes_activities_and_deliveries_are_counted_by_result() -> None:
    stats = DeliveryStats(delivered=3, failed=2, retried=1)
    output = lines([*sending_families({"sent": 2}, {"gone": 1}), *inbox_families({"stored": 4}), *delivery_families(stats)])
    for line in (
        'microblog_emails_total{result="sent"} 2.0',
        'microblog_push_notifications_total{result="gone"} 1.0',
        'microblog_inbox_activities_total{result="stored"} 4.0',
        'microblog_deliveries_total{result="delivered"} 3.0',
        'microblog_deliveries_total{result="failed"} 2.0',
        'microblog_deliveries_total{result="retried"} 1.0',
    ):
        assert line in output, output


def test_health_checks_have_metrics() -> None:
    states = {"database": CheckState.OK, "proxy": CheckState.WARNING, "clock": CheckState.FAILED, "mail": CheckState.UNKNOWN}
    checks = [HealthCheck(name, state, "") for name, state in states.items()]
    output = lines(health_families(HealthReport([*checks, HealthCheck("disk", CheckState.OK, "", 700, 500, "megabytes")])))
    assert [line for line in output if not line.startswith("#")] == [
        'microblog_health_check_ok{check="database"} 1.0',
        'microblog_health_check_ok{check="proxy"} 0.0',
        'microblog_health_check_ok{check="clock"} 0.0',
        'microblog_health_check_ok{check="disk"} 1.0',
        "microblog_disk_free_bytes 7e+08",
    ]


def test_the_connection_to_redis_is_up_or_down() -> None:
    assert "microblog_redis_up 1.0" in lines(redis_families(FakeRedis(connected=True)))
    assert "microblog_redis_up 0.0" in lines(redis_families(FakeRedis(connected=False)))


def test_the_lag_of_the_reactor_is_a_histogram() -> None:
    clock = Clock()
    lag = ReactorLag(clock, clock.seconds)
    lag.start()
    clock.advance(0.25 + 0.03)
    output = lines(lag_families(lag))
    for line in ('bucket{le="0.025"} 0.0', 'bucket{le="0.05"} 1.0', "count 1.0"):
        assert f"microblog_reactor_lag_seconds_{line}" in output, output


def test_caches_of_one_name_are_summed() -> None:
    output = lines(cache_families([CacheFigures("pages", 3, 2, 1, 500), CacheFigures("pages", 3, 2, 1, 500)]))
    for line in ("hits_total 6.0", "misses_total 4.0", "entries 2.0", "bytes 1000.0"):
        name, value = line.split()
        assert f'microblog_cache_{name}{{cache="pages"}} {value}' in output, output


def test_requests_have_metrics_together_and_by_route() -> None:
    request_metrics = RequestMetrics()
    for route, status, seconds in (("/", 200, 0.001), ("/", 304, 0.02), ("/posts", 503, 99.0)):
        request_metrics.count(route, "GET", status, seconds)
    request_metrics.refused[429] += 2
    output = lines(http_families(request_metrics))
    for line in (
        'requests_total{method="GET",status="200"} 1.0',
        'requests_total{method="GET",status="503"} 1.0',
        'request_duration_seconds_bucket{le="0.005"} 1.0',
        'request_duration_seconds_bucket{le="0.025"} 2.0',
        'request_duration_seconds_bucket{le="10.0"} 2.0',
        'request_duration_seconds_bucket{le="+Inf"} 3.0',
        "request_duration_seconds_count 3.0",
        'route_requests_total{method="GET",route="/",status_class="2xx"} 1.0',
        'route_requests_total{method="GET",route="/",status_class="3xx"} 1.0',
        'route_requests_total{method="GET",route="/posts",status_class="5xx"} 1.0',
        'route_duration_seconds_bucket{le="0.01",route="/"} 1.0',
        'route_duration_seconds_bucket{le="0.05",route="/"} 2.0',
        'route_duration_seconds_bucket{le="5.0",route="/posts"} 0.0',
        'route_duration_seconds_bucket{le="+Inf",route="/posts"} 1.0',
        'route_duration_seconds_sum{route="/posts"} 99.0',
        'refusals_total{status="429"} 2.0',
    ):
        assert f"microblog_http_{line}" in output, output


def test_the_broadcaster_has_metrics_of_streams_buffers_and_close_reasons() -> None:
    world = BroadcasterFixture().start()
    world.log.loaded[1] = RelationsSnapshot(1)
    home_reader, slow, leaving = world.subscribe(home(1), 1), world.subscribe(), world.subscribe()
    gone = world.connect(2)[0]
    world.broadcaster.dismiss(gone)
    slow.blocked = True
    for _ in range(3):
        world.log.publish(4)
    world.wake()
    world.broadcaster.end(
        next(each for each in world.broadcaster.connections.all() if each.connection is leaving), CloseReason.UNAUTHORIZED
    )
    world.subscribe(since="other.1.1")
    output = lines(feed_families(world.broadcaster))
    for line in (
        "microblog_live_connections 3.0",
        'microblog_live_subscriptions{stream="public"} 2.0',
        'microblog_live_subscriptions{stream="user"} 1.0',
        f"microblog_live_unsent_bytes {float(slow.unsent())}",
        "microblog_live_events_total 3.0",
        "microblog_live_deliveries_total 5.0",
        "microblog_live_replays_total 1.0",
        "microblog_live_gaps_total 1.0",
        "microblog_live_poll_failures_total 0.0",
        "microblog_live_lag_seconds 0.0",
        "microblog_live_delivery_delay_seconds_total 0.0",
        'microblog_live_connections_closed_total{reason="left"} 1.0',
        'microblog_live_connections_closed_total{reason="unauthorized"} 1.0',
    ):
        assert line in output, output
    assert not home_reader.received
