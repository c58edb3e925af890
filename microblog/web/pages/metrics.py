"""`/metrics`: the figures of the process, for Prometheus and for nobody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import IPv4Network, IPv6Network

from attrs import evolve, frozen

from microblog.model.errors import NotFound
from microblog.web.http.request import Request
from microblog.web.http.response import NO_STORE, Response
from microblog.web.http.route import RouteOptions, route

_PASSED_ON = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")


@frozen
class MetricsPage:
    """Answers to addresses of `networks`; others are told that there is nothing here.

    So is whatever a proxy passed on: behind one that is not trusted, everybody seems to come from its address.
    `exposition` gives all figures and their content type, in a format that the header Accept asks for.
    """

    exposition: Callable[[str], Awaitable[tuple[bytes, str]]]
    networks: tuple[IPv4Network | IPv6Network, ...]

    @route("GET", "/metrics", RouteOptions())
    async def show(self, call: Request) -> Response:
        """All figures, in Prometheus' text format or in OpenMetrics."""
        if any(call.header(name) for name in _PASSED_ON) or not any(call.address in network for network in self.networks):
            raise NotFound
        body, content_type = await self.exposition(call.header("Accept") or "")
        return evolve(Response.data(body, content_type), cache=NO_STORE)
