"""Health checks: whether the process is alive, and whether it is ready."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import asdict, evolve, frozen

from microblog.model.health import CheckState, HealthReport
from microblog.render.api.schemas import NUMBER, TEXT, array_of, nullable, one_of, record
from microblog.web.http.request import Request
from microblog.web.http.response import NO_STORE, Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.http.route_docs import RouteDoc
from microblog.web.pages.monitoring_access import MonitoringAccess

_STATE = one_of(*CheckState)
_AMOUNT = nullable(NUMBER)
CHECK = record({"name": TEXT, "state": _STATE, "message": TEXT, "value": _AMOUNT, "threshold": _AMOUNT, "unit": TEXT})
REPORT = record({"status": _STATE, "checks": array_of(CHECK)}, optional=["checks"])


@frozen
class HealthPages:
    """The checks for load balancers, service managers and monitoring. `report` is cheap: it is made at most once a second."""

    report: Callable[[], Awaitable[HealthReport]]
    access: MonitoringAccess

    @route("GET", "/health", RouteOptions(identify=False), RouteDoc("Check if the process is alive", TEXT, content_type="text/plain"))
    async def live(self, request: Request) -> Response:
        """Respond with OK: the process is alive. Asks nobody else, so an outage of the database is no reason to restart it."""
        return evolve(Response.text("OK"), cache=NO_STORE)

    @route(
        "GET",
        "/health/ready",
        RouteOptions(identify=False),
        RouteDoc("Check if the process can serve", REPORT, also=((503, REPORT),)),
    )
    async def ready(self, request: Request) -> Response:
        """Respond with the state as JSON, with status 503 if a check failed. Only the site's monitoring gets the checks themselves."""
        report = await self.report()
        found: dict[str, object] = {"status": report.state}
        if self.access.allows(request):
            found["checks"] = [asdict(check) for check in report.checks]
        return evolve(Response.json(found, 200 if report.is_ready else 503), cache=NO_STORE)
