"""The Prometheus metrics at `/metrics`."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network

import pytest
from twisted.internet.task import Clock

from microblog.domain.rate_limits import MemoryCounter, RateLimiter
from microblog.web.http.authorization import Authorizer
from microblog.web.http.client_address import Proxies
from microblog.web.http.dispatcher import Dispatcher
from microblog.web.http.errors import Errors
from microblog.web.http.incoming import UNMATCHED
from microblog.web.http.request import Request, SiteOrigin
from microblog.web.http.request_metrics import BOUNDS, RequestMetrics
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.http.server import HttpServer
from microblog.web.pages.metrics import MetricsPage
from microblog.web.pages.monitoring_access import MonitoringAccess
from tests.make import NOW
from tests.web.fake_site import FakeAuthenticator
from tests.web.http_client import HttpResponse, MemoryConnection, request

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1"))


async def exposition(accept: str) -> tuple[bytes, str]:
    return b"x 1\n", f"text/plain; accepted={accept}"


class Things:
    """A feature whose paths have numbers."""

    @route("GET", "/things/<id:number>", RouteOptions(identify=False))
    async def show(self, request: Request, number: int) -> Response:
        """Respond with the number."""
        return Response.text(str(number))


def server(*, proxies: Proxies | None = None) -> HttpServer:
    clock = Clock()
    gate = Authorizer(FakeAuthenticator(), RateLimiter(MemoryCounter(clock.seconds), lambda: NOW))
    site = Dispatcher(
        [MetricsPage(exposition, MonitoringAccess(LOOPBACK)), Things()],
        origin=SiteOrigin.parse("https://site.test"),
        authorizer=gate,
        errors=Errors(),
    )
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
    routes = http_server.request_metrics.routes
    assert {route: dict(figures.counts) for route, figures in routes.items()} == {
        "/metrics": {("GET", 200): 2},
        UNMATCHED: {("GET", 404): 1, ("other", 405): 1},
    }
    assert sum(sum(figures.buckets) for figures in routes.values()) == 4


def test_requests_are_counted_by_the_pattern_of_their_route() -> None:
    http_server = server()
    for number in range(20):
        request(http_server, "GET", f"/things/{number}", host="127.0.0.1")
        request(http_server, "GET", f"/nowhere/{number}", host="127.0.0.1")
    assert http_server.request_metrics.routes.keys() == {"/things/<id:number>", UNMATCHED}


def test_requests_that_are_refused_before_they_are_complete_are_counted_by_status() -> None:
    http_server = server()
    assert b" 400 " in MemoryConnection(http_server).send(b"GET / HTTP/1.1\r\n\r\n")[:16]
    request(http_server, "GET", "/" + "a" * 20_000)
    assert http_server.request_metrics.refused == {400: 1, 414: 1}
    assert http_server.request_metrics.routes == {}


def test_responses_are_counted_by_duration() -> None:
    request_metrics = RequestMetrics()
    for seconds in (0.0, 0.005, 0.006, 99.0):
        request_metrics.count("/", "GET", 200, seconds)
    assert request_metrics.routes["/"].buckets == [2, 1, *[0] * (len(BOUNDS) - 2), 1]
    assert request_metrics.routes["/"].seconds == pytest.approx(99.011)
