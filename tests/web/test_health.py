"""`/health` and `/health/ready` over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network

import pytest
from attrs import define
from jsonschema import Draft202012Validator
from twisted.internet.task import Clock

from microblog.domain.rate_limits import MemoryCounter, RateLimiter
from microblog.model.health import CheckState, HealthCheck, HealthReport
from microblog.web.http.authorization import Authorizer
from microblog.web.http.client_address import Proxies
from microblog.web.http.dispatcher import Dispatcher
from microblog.web.http.errors import Errors
from microblog.web.http.request import SiteOrigin
from microblog.web.http.server import HttpServer
from microblog.web.pages.health import REPORT, HealthPages
from microblog.web.pages.monitoring_access import MonitoringAccess
from tests.make import NOW
from tests.web.fake_site import FakeAuthenticator
from tests.web.http_client import HttpResponse, request

MONITORING = "127.0.0.1"
STRANGER = "203.0.113.7"


@define
class Reports:
    """A source of health reports that counts them."""

    state: CheckState
    made: int = 0

    async def report(self) -> HealthReport:
        """Return a report with two checks."""
        self.made += 1
        disk = HealthCheck("disk", self.state, "The disk of the data directory has 12 MB left.", 12, 500, "megabytes")
        return HealthReport([HealthCheck("database", CheckState.OK, "PostgreSQL responds.", 0.002, 1.5, "seconds"), disk])


def get(path: str, reports: Reports, host: str = MONITORING, headers: Mapping[str, str] | None = None) -> HttpResponse:
    clock = Clock()
    pages = HealthPages(reports.report, MonitoringAccess((ip_network("127.0.0.0/8"),)))
    gate = Authorizer(FakeAuthenticator(), RateLimiter(MemoryCounter(clock.seconds), lambda: NOW))
    dispatcher = Dispatcher([pages], origin=SiteOrigin.parse("https://site.test"), authorizer=gate, errors=Errors())
    return request(HttpServer(dispatcher, clock, proxies=Proxies.parse(["127.0.0.9"])), "GET", path, headers, host=host)


def test_a_process_that_responds_is_alive_whatever_failed() -> None:
    reports = Reports(CheckState.FAILED)
    response = get("/health", reports, STRANGER)
    assert (response.status, response.text, reports.made) == (200, "OK", 0)
    assert "no-store" in (response.header("Cache-Control") or "")


@pytest.mark.parametrize(
    ("state", "status"), [(CheckState.OK, 200), (CheckState.UNKNOWN, 200), (CheckState.WARNING, 200), (CheckState.FAILED, 503)]
)
def test_a_process_is_ready_unless_a_check_failed(state: CheckState, status: int) -> None:
    response = get("/health/ready", Reports(state))
    assert response.status == status
    assert response.json["status"] == ("ok" if state is CheckState.UNKNOWN else state)
    assert response.json["checks"][1] == {
        "name": "disk",
        "state": state,
        "message": "The disk of the data directory has 12 MB left.",
        "value": 12,
        "threshold": 500,
        "unit": "megabytes",
    }
    assert "no-store" in (response.header("Cache-Control") or "")
    Draft202012Validator(REPORT).validate(response.json)


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        (STRANGER, {}),
        (MONITORING, {"X-Forwarded-For": MONITORING}),
        (MONITORING, {"Via": "1.1 proxy"}),
        ("127.0.0.9", {"X-Forwarded-For": STRANGER}),
    ],
)
def test_others_than_the_monitoring_get_the_state_alone(host: str, headers: Mapping[str, str]) -> None:
    response = get("/health/ready", Reports(CheckState.FAILED), host, headers)
    assert (response.status, response.json) == (503, {"status": "failed"})
    Draft202012Validator(REPORT).validate(response.json)
