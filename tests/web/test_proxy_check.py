"""The check of the reverse proxy by the requests that arrive."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from twisted.internet.task import Clock

from microblog.domain.rate_limits import MemoryCounter, RateLimiter
from microblog.web.http.authorization import Authorizer
from microblog.web.http.client_address import Proxies
from microblog.web.http.dispatcher import Dispatcher
from microblog.web.http.errors import Errors
from microblog.web.http.proxy_check import ProxyCheck
from microblog.web.http.request import SiteOrigin
from microblog.web.http.server import HttpServer
from tests.make import NOW
from tests.web.fake_site import FakeAuthenticator
from tests.web.http_client import MemoryConnection, encode_request

PROXY = "10.0.0.5"
UNTRUSTED = "A proxy at {} forwards requests but is not in MICROBLOG_TRUSTED_PROXIES: its clients count as one, on plain http."
SENDS_NO_SCHEME = "Requests for https://site.test arrive as plain http. Let the proxy send X-Forwarded-Proto, and redirect http to https."
NOT_TRUSTED = "Requests for https://site.test arrive as plain http. Set MICROBLOG_TRUSTED_PROXIES, and redirect http to https."


def problems(
    peer: str | None, headers: Mapping[str, str], *, host: str = "site.test", trusted: str = "", url: str = "https://site.test"
) -> list[str]:
    """Return the problems after one request from the peer."""
    check = ProxyCheck(SiteOrigin.parse(url), Clock().seconds)
    send(server_with(check, Clock(), trusted), peer, headers, host)
    return check.problems()


def server_with(check: ProxyCheck, clock: Clock, trusted: str = "") -> HttpServer:
    authorizer = Authorizer(FakeAuthenticator(), RateLimiter(MemoryCounter(clock.seconds), lambda: NOW))
    server = HttpServer(
        Dispatcher([], origin=check.origin, authorizer=authorizer, errors=Errors()), clock, proxies=Proxies.parse([trusted])
    )
    server.sampled = check.look
    return server


def send(server: HttpServer, peer: str | None, headers: Mapping[str, str], host: str = "site.test") -> None:
    assert b" 404 " in MemoryConnection(server, peer).send(encode_request("GET", "/", headers, host=host))[:16]


FORWARDED = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(("host", "name"), [(PROXY, PROXY), ("127.0.0.1", "127.0.0.1"), (None, "unix")])
def test_a_proxy_nearby_that_is_not_trusted_is_a_problem(host: str | None, name: str) -> None:
    assert problems(host, FORWARDED) == [UNTRUSTED.format(name)]
    assert problems(host, FORWARDED, trusted=name) == []


def test_a_stranger_who_sends_the_header_is_none() -> None:
    assert problems("93.184.216.34", FORWARDED, host="93.184.215.14") == []


def test_plain_http_for_a_public_url_with_https_is_a_problem() -> None:
    assert problems(PROXY, {"X-Forwarded-For": "192.0.2.1"}, trusted=PROXY) == [SENDS_NO_SCHEME]
    assert problems(PROXY, {"X-Forwarded-Proto": "http"}, trusted=PROXY) == [SENDS_NO_SCHEME]
    assert problems(PROXY, {}) == [NOT_TRUSTED]
    assert problems(PROXY, {}, url="http://site.test") == []


def test_requests_of_health_checks_and_monitoring_are_none() -> None:
    assert problems("127.0.0.1", {}, host="127.0.0.1:8080") == []


def test_a_problem_is_forgotten_after_ten_minutes_and_one_request_in_a_second_is_looked_at() -> None:
    clock = Clock()
    check = ProxyCheck(SiteOrigin.parse("https://site.test"), clock.seconds)
    server = server_with(check, clock)
    server.startFactory()
    send(server, "127.0.0.1", {}, "127.0.0.1")
    send(server, "127.0.0.1", FORWARDED)
    assert check.problems() == []
    clock.advance(1)
    send(server, "127.0.0.1", FORWARDED)
    assert len(check.problems()) == 1
    for _ in range(600):
        clock.advance(1)
    assert check.problems() == []
