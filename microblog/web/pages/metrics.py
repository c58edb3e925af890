"""The metrics of the process at `/metrics`, for Prometheus."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import evolve, frozen

from microblog.model.errors import NotFound
from microblog.web.http.request import Request
from microblog.web.http.response import NO_STORE, Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.pages.monitoring_access import MonitoringAccess


@frozen
class MetricsPage:
    """Serves the site's monitoring; others get 404.

    `exposition` returns all metrics and their content type, for the value of an Accept header.
    """

    exposition: Callable[[str], Awaitable[tuple[bytes, str]]]
    access: MonitoringAccess

    @route("GET", "/metrics", RouteOptions())
    async def show(self, request: Request) -> Response:
        """Serve all metrics in Prometheus' text format or OpenMetrics."""
        if not self.access.allows(request):
            raise NotFound
        body, content_type = await self.exposition(request.header("Accept") or "")
        return evolve(Response.data(body, content_type), cache=NO_STORE)
