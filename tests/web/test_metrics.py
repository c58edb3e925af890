"""The Prometheus metrics at `/metrics`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from ipaddress import ip_network

import pytest
from attrs import evolve, frozen
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.utils import floatToGoString
from twisted.internet.task import Clock

from microblog.application import build_broadcaster
from microblog.domain.rate_limits import MemoryCounter, RateLimiter
from microblog.jobs.worker import Worker
from microblog.live.subscriber import CloseReason
from microblog.live.viewer_state import RelationsSnapshot
from microblog.metrics import Collected, MetricsCollector, feed_families, http_families
from microblog.model.caches import CacheFigures
from microblog.model.errors import Unavailable
from microblog.model.jobs import JobCounts
from microblog.reactor_lag import ReactorLag
from microblog.storage.database import Timing
from microblog.web.http.authorization import Authorizer
from microblog.web.http.client_address import Proxies
from microblog.web.http.dispatcher import Dispatcher
from microblog.web.http.errors import Errors
from microblog.web.http.request import SiteOrigin
from microblog.web.http.request_metrics import BOUNDS, RequestMetrics
from microblog.web.http.server import HttpServer
from microblog.web.pages.metrics import MetricsPage
from tests.fakes import RolledBackDatabase, result_of
from tests.live.fake_log import BroadcasterFixture, home
from tests.make import NOW
from tests.web.fake_site import FakeAuthenticator
from tests.web.http_client import HttpResponse, request

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1"))


@frozen
class FakeDatabase:
    """A database with timings only."""

    timings: Mapping[str, Timing]


@frozen
class FakeCache:
    """A cache with statistics only."""

    def figures(self) -> CacheFigures:
        return CacheFigures("pages", 3, 2, 1, 500)


async def exposition(accept: str) -> tuple[bytes, str]:
    return b"x 1\n", f"text/plain; accepted={accept}"


def server(*, proxies: Proxies | None = None) -> HttpServer:
    clock = Clock()
    gate = Authorizer(FakeAuthenticator(), RateLimiter(MemoryCounter(clock.seconds), lambda: NOW))
    site = Dispatcher([MetricsPage(exposition, LOOPBACK)], origin=SiteOrigin.parse("https://site.test"), authorizer=gate, errors=Errors())
    return HttpServer(site, clock, proxies=proxies)


def get(host: str, headers: Mapping[str, str] | None = None, *, proxies: Proxies | None = None) -> HttpResponse:
    return request(server(proxies=proxies), "GET", "/metrics", headers, host=host)


def test_an_allowed_client_gets_uncached_metrics() -> None:
    response = get("127.0.0.1", {"Accept": "text/plain"})
    assert (response.status, response.text) == (200, "x 1\n")
    assert response.header("Content-Type") == "text/plain; accepted=text/plain"
    assert "Accept" in (response.header("Vary") or "").split(", ")
    assert "no-store" in (response.header("Cache-Control") or "")


def test_other_clients_get_404() -> None:
    assert get("203.0.113.7").status == 404


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
@pytest.mark.parametrize("proxies", [None, Proxies.parse(["127.0.0.1"])])
def test_proxied_requests_get_404(header: str, proxies: Proxies | None) -> None:
    assert get("127.0.0.1", {header: "127.0.0.1"}, proxies=proxies).status == 404


def test_every_response_is_counted() -> None:
    http_server = server()
    for path in ("/metrics", "/metrics", "/nowhere"):
        request(http_server, "GET", path, host="127.0.0.1")
    request(http_server, "BREW", "/metrics", host="127.0.0.1")
    assert http_server.request_metrics.counts["GET", 200] == 2
    assert http_server.request_metrics.counts["GET", 404] == 1
    assert {method for method, _ in http_server.request_metrics.counts} == {"GET", "other"}
    assert sum(http_server.request_metrics.buckets) == 4


def test_responses_are_counted_by_duration() -> None:
    request_metrics = RequestMetrics()
    for seconds in (0.0, 0.005, 0.006, 99.0):
        request_metrics.count("GET", 200, seconds)
    assert request_metrics.buckets == [2, 1, *[0] * (len(BOUNDS) - 2), 1]
    assert request_metrics.seconds == pytest.approx(99.011)


async def job_counts() -> Mapping[str, JobCounts]:
    return {"email.send": JobCounts(waiting=3, running=1, retrying=2, dead=4, oldest_due=NOW)}


async def no_database() -> Mapping[str, JobCounts]:
    raise Unavailable


def expose(db: RolledBackDatabase, waiting: Callable[[], Awaitable[Mapping[str, JobCounts]]], accept: str = "") -> tuple[str, str]:
    clock, request_metrics = Clock(), RequestMetrics()
    request_metrics.count("GET", 200, 0.02)
    database = FakeDatabase({"by_ids": Timing(2, 0.5, 1, 0)})
    feed = build_broadcaster(db, clock)
    feed.stats = evolve(feed.stats, events=7)
    feed.stats.closed[CloseReason.RESTART] = 2
    worker = Worker(db, {}, lambda: NOW, clock, "one", lambda: 0.5)
    worker.stats.completed = 5
    lag = ReactorLag(clock, clock.seconds)
    lag.start()
    clock.advance(0.25 + 0.03)
    caches = [FakeCache(), FakeCache()]
    collector = MetricsCollector(database, {"jobs": worker}, feed, caches, waiting, lambda: request_metrics, lag)
    body, content_type = result_of(collector.exposition(accept))
    return body.decode(), content_type


def read(db: RolledBackDatabase, waiting: Callable[[], Awaitable[Mapping[str, JobCounts]]]) -> str:
    return expose(db, waiting)[0]


def lines(families: Iterable[Metric]) -> list[str]:
    """Return the families in the text format, line by line."""
    registry = CollectorRegistry()
    registry.register(Collected(tuple(families)))
    return generate_latest(registry).decode().splitlines()


def test_database_jobs_broadcaster_and_server_have_metrics(db: RolledBackDatabase) -> None:
    output = read(db, job_counts)
    stamp = floatToGoString(NOW.timestamp())  # type: ignore[no-untyped-call]
    for line in (
        'microblog_database_transactions_total{function="by_ids"} 2.0',
        'microblog_database_transaction_seconds_total{function="by_ids"} 0.5',
        'microblog_jobs_completed_total{worker="jobs"} 5.0',
        'microblog_jobs{kind="email.send",state="dead"} 4.0',
        f'microblog_jobs_oldest_due_timestamp_seconds{{kind="email.send"}} {stamp}',
        "microblog_live_events_total 7.0",
        "microblog_live_connections 0.0",
        'microblog_http_requests_total{method="GET",status="200"} 1.0',
        'microblog_http_request_duration_seconds_bucket{le="0.025"} 1.0',
        'microblog_reactor_lag_seconds_bucket{le="0.025"} 0.0',
        'microblog_reactor_lag_seconds_bucket{le="0.05"} 1.0',
        "microblog_reactor_lag_seconds_count 1.0",
        'microblog_cache_hits_total{cache="pages"} 6.0',
        'microblog_cache_misses_total{cache="pages"} 4.0',
        'microblog_cache_entries{cache="pages"} 2.0',
        'microblog_cache_bytes{cache="pages"} 1000.0',
    ):
        assert line in output.splitlines(), output
    assert "process_start_time_seconds" in output


def test_openmetrics_has_the_same_families(db: RolledBackDatabase) -> None:
    plain, plain_type = expose(db, job_counts)
    strict, strict_type = expose(db, job_counts, "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2")
    assert plain_type == "text/plain; version=0.0.4; charset=utf-8"
    assert strict_type.startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
    families = {family.name for family in open_metrics(strict)}  # type: ignore[no-untyped-call]
    assert families == {line.split()[2].removesuffix("_total") for line in plain.splitlines() if line.startswith("# TYPE")}


def test_histogram_buckets_are_cumulative() -> None:
    request_metrics = RequestMetrics()
    for seconds in (0.001, 0.02, 99.0):
        request_metrics.count("GET", 200, seconds)
    output = lines(http_families(request_metrics))
    for line in ('bucket{le="0.005"} 1.0', 'bucket{le="0.025"} 2.0', 'bucket{le="10.0"} 2.0', 'bucket{le="+Inf"} 3.0', "count 3.0"):
        assert f"microblog_http_request_duration_seconds_{line}" in output, output


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


def test_every_family_is_exposed_once(db: RolledBackDatabase) -> None:
    names = [line.split()[2] for line in read(db, job_counts).splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


def test_other_metrics_are_exposed_without_the_database(db: RolledBackDatabase) -> None:
    assert "microblog_live_events_total 7" in read(db, no_database)
