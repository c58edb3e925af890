"""Check of the reverse proxy by the requests that arrive: does it do as the settings say?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import define, field

from microblog.web.http.client_address import Address
from microblog.web.http.request import SiteOrigin

REMEMBERED_S = 600.0
FORWARDED = (b"X-Forwarded-For", b"Forwarded", b"X-Forwarded-Proto")


class ProxiedChannel(Protocol):
    """The connection of a request."""

    @property
    def peer(self) -> Address | None: ...

    @property
    def peer_is_proxy(self) -> bool: ...


class ProxiedRequest(Protocol):
    """A request of our own server."""

    @property
    def channel(self) -> ProxiedChannel: ...

    @property
    def secure(self) -> bool: ...

    @property
    def host_name(self) -> str: ...

    def getHeader(self, key: bytes) -> bytes | None: ...  # noqa: N802 - Twisted's name


@define
class ProxyCheck:
    """Remembers for ten minutes what was wrong with a request. It is shown some of them: a wrong proxy does the same to all."""

    origin: SiteOrigin
    seconds: Callable[[], float]
    _problems: dict[str, float] = field(init=False, factory=dict)

    def look(self, request: ProxiedRequest) -> None:
        """Note the problem that this request shows. Peers outside private networks are strangers, who may send any header."""
        channel, peer = request.channel, request.channel.peer
        is_near = peer is None or peer.is_private
        if is_near and not channel.peer_is_proxy and any(request.getHeader(name) for name in FORWARDED):
            entry = "unix" if peer is None else str(peer)
            self._note(
                f"A proxy at {entry} forwards requests but is not in MICROBLOG_TRUSTED_PROXIES: its clients count as one, on plain http."
            )
        elif self.origin.secure and not request.secure and request.host_name == self.origin.host:
            where = "Let the proxy send X-Forwarded-Proto" if channel.peer_is_proxy else "Set MICROBLOG_TRUSTED_PROXIES"
            self._note(f"Requests for {self.origin.url} arrive as plain http. {where}, and redirect http to https.")

    def problems(self) -> list[str]:
        """Return the problems of the last ten minutes."""
        now = self.seconds()
        self._problems = {problem: at for problem, at in self._problems.items() if now - at < REMEMBERED_S}
        return sorted(self._problems)

    def _note(self, problem: str) -> None:
        if problem in self._problems or len(self._problems) < 10:
            self._problems[problem] = self.seconds()
