"""The interface of a request as received, independent of the server that received it."""

from __future__ import annotations

from collections.abc import Callable
from typing import AnyStr, BinaryIO, Protocol

from twisted.internet.interfaces import IProtocol
from twisted.web.http_headers import Headers

from microblog.logs.context import LogContext
from microblog.web.http.client_address import Address
from microblog.web.http.response import Response

UNMATCHED = "unmatched"
"""The route of requests that match none."""


class IncomingRequest(Protocol):
    """A complete request and the way to respond to it: a `ChannelRequest` of our own server, or a `StockRequest` of `twisted.web.server`.

    `path_text`: the decoded path. `label`: the path as logged. `route`: the pattern of the matching route, else UNMATCHED.
    `log_context`: what the log events of the request have in common. `on_disconnect`: called once if the client disconnects before the
    response.
    """

    path_text: str
    label: str
    route: str
    log_context: LogContext
    on_disconnect: Callable[[], None] | None

    @property
    def id(self) -> str:
        """The request id in the log and in X-Request-Id."""

    @property
    def method_name(self) -> str:
        """GET, POST ..."""

    @property
    def uri(self) -> bytes:
        """Path and query as received, ASCII."""

    @property
    def raw_path(self) -> bytes:
        """The path as received, ASCII."""

    @property
    def query(self) -> bytes:
        """The query as received, without the question mark."""

    @property
    def body(self) -> bytes:
        """The body; empty if it is in `file`."""

    @property
    def file(self) -> BinaryIO | None:
        """The body, if it is too large for memory."""

    @property
    def address(self) -> Address:
        """The client's address."""

    @property
    def network(self) -> str:
        """The client's network, as rate limits count it."""

    @property
    def secure(self) -> bool:
        """True if the client uses TLS."""

    @property
    def host_name(self) -> str:
        """The Host header, lower case."""

    @property
    def date(self) -> bytes:
        """The value of the Date header."""

    @property
    def disconnected(self) -> bool:
        """True if the client disconnected."""

    @property
    def body_admitted(self) -> bool:
        """True if the sender of a large body was checked before the body was read."""

    def getHeader(self, key: AnyStr) -> AnyStr | None:  # noqa: N802 - Twisted's name
        """The last value of a header."""

    def all_headers(self) -> tuple[tuple[str, str], ...]:
        """All headers; see `decoded_headers`."""

    def persistent_after(self, response: Response) -> bool:
        """True if the connection stays open for more requests after this response."""

    def respond(self, status: int, head: bytes, body: bytes) -> None:
        """Write the whole response. The client must not have disconnected."""

    def hand_over(self, status: int, head: bytes, protocol: IProtocol) -> None:
        """Write the head and give the connection to `protocol`. The client must not have disconnected."""


def decoded_headers(headers: Headers) -> tuple[tuple[str, str], ...]:
    """Return the headers of a request, decoded from Latin-1; a repeated one has several entries."""
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, values in headers.getAllRawHeaders() for value in values)
