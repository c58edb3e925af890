"""Health checks: whether the process is alive, and whether it is ready."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import asdict, evolve, frozen

from microblog.model.health import HealthReport
from microblog.web.http.request import Request
from microblog.web.http.response import NO_STORE, Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.pages.monitoring_access import MonitoringAccess


@frozen
class HealthPages:
    """The checks for load balancers, service managers and monitoring. `report` is cheap: it is made at most once a second."""

    report: Callable[[], Awaitable[HealthReport]]
    access: MonitoringAccess

    @route("GET", "/health", RouteOptions(identify=False))
    async def live(self, request: Request) -> Response:
        """Respond with OK: the process is alive. Asks nobody else, so an outage of the database is no reason to restart it."""
        return evolve(Response.text("OK"), cache=NO_STORE)

    @route("GET", "/health/ready", RouteOptions(identify=False))
    async def ready(self, request: Request) -> Response:
        """Respond with the state as JSON, with status 503 if a check failed. Only the site's monitoring gets the checks themselves."""
        report = await self.report()
        found: dict[str, object] = {"status": report.state}
        if self.access.allows(request):
            found["checks"] = [asdict(check) for check in report.checks]
        return evolve(Response.json(found, 200 if report.is_ready else 503), cache=NO_STORE)
