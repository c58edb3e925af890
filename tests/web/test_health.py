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
from tests.web.fake_site import KnownPeople
from tests.web.memory import Reply, ask


@define
class Jobs:
    """A worker that moves, or not."""

    moves: bool

    def healthy(self) -> bool:
        """As it was told."""
        return self.moves

    def age(self) -> float:
        """Some time."""
        return 2.5


def get(db: RolledBackDatabase, *, moves: bool, accept: str = "*/*") -> Reply:
    return ask_about(db, {"jobs": Jobs(moves)}, accept)


def ask_about(db: RolledBackDatabase, parts: Mapping[str, Heartbeat], accept: str) -> Reply:
    clock = Clock()
    page = HealthPage(Health(db, parts, clock, lambda: NOW))
    gate = Authorizer(KnownPeople(), RateLimiter(MemoryCounter(clock.seconds), lambda: NOW))
    server = HttpServer(Dispatcher([page], origin=SiteOrigin.parse("https://site.test"), authorizer=gate, errors=Errors()), clock)
    server.startFactory()
    return ask(server, "GET", "/health", {"Accept": accept})


def test_a_site_that_moves_says_ok_in_plain_text(db: RolledBackDatabase) -> None:
    reply = get(db, moves=True)
    assert (reply.status, reply.text) == (200, "OK")
    assert (reply.header("Content-Type") or "").startswith("text/plain")
    assert "no-store" in (reply.header("Cache-Control") or "")


def test_machines_get_what_was_measured(db: RolledBackDatabase) -> None:
    reply = get(db, moves=True, accept="application/json")
    assert reply.status == 200
    assert reply.json["ok"] is True
    assert reply.json["parts"]["jobs"] == {"ok": True, "seconds": 2.5}
    assert reply.json["parts"]["database"]["ok"] is True


def test_a_site_that_does_not_move_says_with_503_what_stands_still(db: RolledBackDatabase) -> None:
    for accept in ("*/*", "application/json"):
        reply = get(db, moves=False, accept=accept)
        assert reply.status == 503
        assert [name for name, part in reply.json["parts"].items() if not part["ok"]] == ["jobs"]


def test_a_feed_that_cannot_read_the_log_is_told_by_name_until_it_can(db: RolledBackDatabase) -> None:
    world = BroadcasterFixture().start()

    def standing_still() -> list[str]:
        reply = ask_about(db, {"events": world.broadcaster}, "application/json")
        assert reply.status == (200 if reply.json["ok"] else 503)
        return [name for name, part in reply.json["parts"].items() if not part["ok"]]

    assert standing_still() == []
    world.log.failing = True
    for _ in range(11):
        world.clock.advance(1)
    assert standing_still() == ["events"]
    world.log.failing = False
    world.clock.advance(1)
    assert standing_still() == []
    world.broadcaster.stop()
    assert standing_still() == ["events"]
