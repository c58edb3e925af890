"""A request of the stock `twisted.web.server.Site`, for routes that are mounted as a Klein resource.

The routes behave as under the site's own server, except for what only `HttpChannel` and `HttpServer` do: deadlines, refusing a body while
it arrives (here once it is complete), 400 for ambiguous heads, trusted proxies (here the peer is the client), turns among networks, the
access log and graceful shutdown.
"""

# mypy: disable-error-code="no-untyped-call"
# twisted.web has few annotations, and is used here

from __future__ import annotations

import os
import string
from collections.abc import Callable
from typing import Any, AnyStr, BinaryIO, cast
from urllib.parse import quote

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from twisted.protocols.policies import ProtocolWrapper
from twisted.web.http import datetimeToString
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from microblog.logs.context import LogContext
from microblog.web.http.body_buffer import IN_MEMORY
from microblog.web.http.client_address import UNKNOWN, Address, network_of, parse_address
from microblog.web.http.incoming import UNMATCHED, decoded_headers
from microblog.web.http.response import Response


class StockRequest:
    """Implements `IncomingRequest`. `done`: the result of a Klein endpoint, a body or a resource that takes over the connection."""

    body = b""
    file: BinaryIO | None = None
    on_disconnect: Callable[[], None] | None = None
    disconnected = False
    body_admitted = False
    route = UNMATCHED

    def __init__(self, request: Request) -> None:
        self._request = request
        self.done: Deferred[bytes | Resource] = Deferred()
        self.id = os.urandom(8).hex()
        self.log_context = LogContext(self.id)
        self.method_name = request.method.decode("latin-1")
        self.uri = request.uri if request.uri.isascii() else quote(request.uri, safe=string.punctuation).encode("ascii")
        self.raw_path, _, self.query = self.uri.partition(b"?")
        self.path_text = self.label = self.raw_path.decode("ascii")
        content = cast("BinaryIO", request.content)
        self.size = content.seek(0, os.SEEK_END)
        content.seek(0)
        if self.size > IN_MEMORY:
            self.file = content
        elif self.size:
            self.body = content.read()
        request.notifyFinish().addErrback(lambda _: self._on_disconnect())

    def _on_disconnect(self) -> None:
        self.disconnected = True
        on_disconnect, self.on_disconnect = self.on_disconnect, None
        if on_disconnect is not None:
            on_disconnect()

    def getHeader(self, key: AnyStr) -> AnyStr | None:  # noqa: N802 - Twisted's name
        """The last value of a header."""
        return cast("AnyStr | None", self._request.getHeader(key))

    @property
    def is_multipart(self) -> bool:
        """True if the body is a form that may contain files."""
        content_type = (self.getHeader(b"Content-Type") or b"").partition(b";")[0]
        return content_type.strip().lower() == b"multipart/form-data"

    @property
    def address(self) -> Address:
        """The address of the peer."""
        return parse_address(getattr(self._request.getClientAddress(), "host", None) or "") or UNKNOWN

    @property
    def network(self) -> str:
        """The client's network, as rate limits count it."""
        return network_of(self.address)

    @property
    def secure(self) -> bool:
        """True if the client uses TLS."""
        return bool(self._request.isSecure())

    @property
    def host_name(self) -> str:
        """The Host header, lower case."""
        return (self.getHeader("Host") or "").lower()

    @property
    def date(self) -> bytes:
        """The value of the Date header."""
        return cast("bytes", datetimeToString())

    def all_headers(self) -> tuple[tuple[str, str], ...]:
        """All headers; see `decoded_headers`."""
        return decoded_headers(self._request.requestHeaders)

    def persistent_after(self, response: Response) -> bool:
        """True unless the connection is handed over. The stock channel handles the Connection header itself."""
        return response.protocol is None

    def respond(self, status: int, head: bytes, body: bytes) -> None:
        """Set the status and exactly the headers of `head`, and fire `done` with the body."""
        request = self._request
        request.setResponseCode(status)
        request.defaultContentType = None
        request.responseHeaders.removeHeader(b"Server")
        request.responseHeaders.removeHeader(b"Date")
        for line in head.split(b"\r\n")[1:-2]:
            name, _, value = line.partition(b": ")
            request.responseHeaders.addRawHeader(name, value)
        self.done.callback(body)

    def hand_over(self, status: int, head: bytes, protocol: IProtocol) -> None:
        """Fire `done` with a resource that writes the head and gives the bare connection to `protocol`."""
        self._request.setResponseCode(status)
        self.done.callback(HandOver(head, protocol))


class HandOver(Resource):
    """Takes over a connection from the stock channel, for server-sent events and WebSocket."""

    isLeaf = True

    def __init__(self, head: bytes, protocol: IProtocol) -> None:
        super().__init__()
        self._head = head
        self._protocol = protocol

    def render(self, request: Request) -> int:
        """Write the head, and connect the transport to the protocol."""
        transport: Any = request.channel.transport  # a transport and consumer at once
        request.channel.setTimeout(None)
        transport.unregisterProducer()
        transport.write(self._head)
        if isinstance(transport, ProtocolWrapper):
            transport.wrappedProtocol = self._protocol
        else:
            transport.protocol = self._protocol
        self._protocol.makeConnection(transport)
        transport.resumeProducing()
        return NOT_DONE_YET
