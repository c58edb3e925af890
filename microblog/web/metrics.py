"""`/metrics`: the process in figures, for Prometheus, and for nobody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Network, IPv6Network

from attrs import evolve, frozen

from microblog.model.errors import NotFound
from microblog.render.metrics import CONTENT_TYPE, Family, text
from microblog.web.answer import NO_STORE, Answer
from microblog.web.call import Call
from microblog.web.needs import Needs, route

_PASSED_ON = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")


@frozen
class MetricsPage:
    """Answers to addresses of `networks`; others are told that there is nothing here.

    So is whatever a proxy passed on: behind one that is not trusted, everybody seems to come from its address.
    """

    families: Callable[[], Awaitable[Sequence[Family]]]
    networks: tuple[IPv4Network | IPv6Network, ...]

    @route("GET", "/metrics", Needs())
    async def show(self, call: Call) -> Answer:
        """All figures, in the text format."""
        if any(call.header(name) for name in _PASSED_ON) or not any(call.address in network for network in self.networks):
            raise NotFound
        return evolve(Answer.data(text(await self.families()), CONTENT_TYPE), cache=NO_STORE)
