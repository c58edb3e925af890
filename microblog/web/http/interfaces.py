"""Interfaces between a connection, the server and the site, so that none of their modules imports the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IProtocol

from microblog.web.http.channel_request import ChannelRequest, RequestServer
from microblog.web.http.client_address import Address
from microblog.web.http.network_limits import NetworkConnections, RequestRate
from microblog.web.http.reactor_turns import RequestTurns
from microblog.web.http.timeouts import Timeouts


class RequestHandler(Protocol):
    """The site as the server uses it: a `Dispatcher`."""

    @property
    def busy(self) -> bool:
        """True while a route is running, whether or not its client still waits."""

    def render(self, request: ChannelRequest) -> None:
        """Respond to a complete request."""

    def admit_body(self, request: ChannelRequest, on_decision: Callable[[tuple[int, str] | None], None]) -> None:
        """Decide from the head of a request if its large body is accepted.

        Calls `on_decision` with None, or with status and sentence of a refusal.
        """

    def body_limit(self, method: bytes, target: bytes, files: bool) -> int:
        """Maximum size of a body in bytes. `files`: it is a form that may contain files."""

    def refusal(self, status: int, sentence: str, target: bytes) -> tuple[bytes, bytes]:
        """Lines of the head, from Content-Type on, and body of the response to a request that is refused before it is complete."""


class OpenChannel(Protocol):
    """A connection as the server uses it: an `HttpChannel`."""

    @property
    def transport(self) -> Any:
        """The transport, consumer and producer at once, TCP, UNIX or TLS."""

    @property
    def due(self) -> float | None:
        """The time at which `expire` has to be called, or None."""

    @property
    def busy(self) -> bool:
        """True while a request is being read or processed, or the client reads its response."""

    @property
    def is_new(self) -> bool:
        """True while no byte of a request has arrived."""

    @property
    def successor(self) -> IProtocol | None:
        """The protocol that has taken over the connection, if any."""

    def expire(self) -> None:
        """Handle a passed deadline."""

    def loseConnection(self) -> None:
        """Close once the buffered data was sent."""


class ChannelServer(RequestServer, Protocol):
    """The server as a connection uses it: an `HttpServer`."""

    @property
    def site(self) -> RequestHandler:
        """The site."""

    @property
    def timeouts(self) -> Timeouts:
        """The timeouts of connections."""

    @property
    def turns(self) -> RequestTurns:
        """The queues of waiting requests."""

    @property
    def channels(self) -> set[OpenChannel]:
        """The open connections."""

    @property
    def connections(self) -> NetworkConnections:
        """The open connections by network, without streams."""

    @property
    def request_rate(self) -> RequestRate | None:
        """The rate limit of requests by network, if there is one."""

    @property
    def refuses(self) -> Callable[[Address], bool]:
        """True for the address of a client that may not use the site."""

    def refusal(self, status: int, sentence: str, target: bytes, peer: Address | None, retry_after: int) -> bytes:
        """The whole response to a request that is refused before it is complete."""
