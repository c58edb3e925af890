"""The health check at `/health`."""

from __future__ import annotations

from attrs import asdict, evolve, frozen

from microblog.domain.health import Health
from microblog.web.http.request import Request
from microblog.web.http.response import NO_STORE, Response
from microblog.web.http.route import RouteOptions, route


@frozen
class HealthPage:
    """Responds with `OK`, or with 503 and the failed checks as JSON. `Accept: application/json` always gets all checks."""

    health: Health

    @route("GET", "/health", RouteOptions(identify=False))
    async def show(self, request: Request) -> Response:
        """Report the health of the site. The response has no confidential data."""
        report = await self.health.check()
        if report.ok and not request.wants_json:
            return evolve(Response.text("OK"), cache=NO_STORE)
        found = {"ok": report.ok, "parts": {name: asdict(vital) for name, vital in report.checks.items()}}
        return evolve(Response.json(found, 200 if report.ok else 503), cache=NO_STORE)
