"""`/health`: for whoever watches over the site."""

from __future__ import annotations

from attrs import asdict, evolve, frozen

from microblog.domain.health import Health
from microblog.web.http.request import Request
from microblog.web.http.response import NO_STORE, Response
from microblog.web.http.route import RouteOptions, route


@frozen
class HealthPage:
    """Says `OK`, or with 503 what does not move. `Accept: application/json` gets all that was measured."""

    health: Health

    @route("GET", "/health", RouteOptions(identify=False))
    async def show(self, call: Request) -> Response:
        """How the site is. Nothing in it is anybody's secret."""
        report = await self.health.check()
        if report.ok and not call.wants_json:
            return evolve(Response.text("OK"), cache=NO_STORE)
        found = {"ok": report.ok, "parts": {name: asdict(vital) for name, vital in report.checks.items()}}
        return evolve(Response.json(found, 200 if report.ok else 503), cache=NO_STORE)
