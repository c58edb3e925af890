"""`/health` over HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define
from twisted.internet.task import Clock

from microblog.domain.health import Health, Heartbeat
from microblog.domain.rate_limits import MemoryCounter, RateLimiter
from microblog.web.http.authorization import Authorizer
from microblog.web.http.dispatcher import Dispatcher
from microblog.web.http.errors import Errors
from microblog.web.http.request import SiteOrigin
from microblog.web.http.server import HttpServer
from microblog.web.pages.health import HealthPage
from tests.fakes import RolledBackDatabase
from tests.live.fake_log import BroadcasterFixture
from tests.make import NOW
from tests.web.fake_site import FakeAuthenticator
from tests.web.http_client import HttpResponse, request


@define
class FakeHeartbeat:
    """A component that is healthy, or not."""

    ok: bool

    def healthy(self) -> bool:
        """Return the given state."""
        return self.ok

    def age(self) -> float:
        """Return a constant."""
        return 2.5


def get(db: RolledBackDatabase, *, ok: bool, accept: str = "*/*") -> HttpResponse:
    return get_health(db, {"jobs": FakeHeartbeat(ok)}, accept)


def get_health(db: RolledBackDatabase, parts: Mapping[str, Heartbeat], accept: str) -> HttpResponse:
    clock = Clock()
    page = HealthPage(Health(db, parts, clock, lambda: NOW))
    gate = Authorizer(FakeAuthenticator(), RateLimiter(MemoryCounter(clock.seconds), lambda: NOW))
    server = HttpServer(Dispatcher([page], origin=SiteOrigin.parse("https://site.test"), authorizer=gate, errors=Errors()), clock)
    server.startFactory()
    return request(server, "GET", "/health", {"Accept": accept})


def test_a_healthy_site_says_ok_in_plain_text(db: RolledBackDatabase) -> None:
    response = get(db, ok=True)
    assert (response.status, response.text) == (200, "OK")
    assert (response.header("Content-Type") or "").startswith("text/plain")
    assert "no-store" in (response.header("Cache-Control") or "")


def test_json_has_the_measurements(db: RolledBackDatabase) -> None:
    response = get(db, ok=True, accept="application/json")
    assert response.status == 200
    assert response.json["ok"] is True
    assert response.json["parts"]["jobs"] == {"ok": True, "seconds": 2.5}
    assert response.json["parts"]["database"]["ok"] is True


def test_an_unhealthy_site_names_the_failing_part_with_503(db: RolledBackDatabase) -> None:
    for accept in ("*/*", "application/json"):
        response = get(db, ok=False, accept=accept)
        assert response.status == 503
        assert [name for name, part in response.json["parts"].items() if not part["ok"]] == ["jobs"]


def test_a_broadcaster_that_cannot_read_the_event_log_is_unhealthy(db: RolledBackDatabase) -> None:
    world = BroadcasterFixture().start()

    def failing_parts() -> list[str]:
        response = get_health(db, {"events": world.broadcaster}, "application/json")
        assert response.status == (200 if response.json["ok"] else 503)
        return [name for name, part in response.json["parts"].items() if not part["ok"]]

    assert failing_parts() == []
    world.log.failing = True
    for _ in range(11):
        world.clock.advance(1)
    assert failing_parts() == ["events"]
    world.log.failing = False
    world.clock.advance(1)
    assert failing_parts() == []
    world.broadcaster.stop()
    assert failing_parts() == ["events"]
