"""The metrics of the process at `/metrics`, for Prometheus."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import IPv4Network, IPv6Network

from attrs import evolve, frozen

from microblog.model.errors import NotFound
from microblog.web.http.request import Request
from microblog.web.http.response import NO_STORE, Response
from microblog.web.http.route import RouteOptions, route

_PROXY_HEADERS = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")


@frozen
class MetricsPage:
    """Serves clients in `networks`; others get 404.

    Requests that a proxy forwarded get 404 too, because behind an untrusted proxy every client seems to have its address.
    `exposition` returns all metrics and their content type, for the value of an Accept header.
    """

    exposition: Callable[[str], Awaitable[tuple[bytes, str]]]
    networks: tuple[IPv4Network | IPv6Network, ...]

    @route("GET", "/metrics", RouteOptions())
    async def show(self, request: Request) -> Response:
        """Serve all metrics in Prometheus' text format or OpenMetrics."""
        if any(request.header(name) for name in _PROXY_HEADERS) or not any(request.address in network for network in self.networks):
            raise NotFound
        body, content_type = await self.exposition(request.header("Accept") or "")
        return evolve(Response.data(body, content_type), cache=NO_STORE)
