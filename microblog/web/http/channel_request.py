"""A request received by `HttpChannel`, and the writing of its response."""

# mypy: disable-error-code="no-untyped-call"
# twisted.web.http has no annotations, and its classes are extended here

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol

from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure

from microblog import twisted_private
from microblog.logs.context import LogContext
from microblog.web.http.body_buffer import IN_MEMORY, BodyBudget, BodyBuffer
from microblog.web.http.client_address import Address, Proxies, forwarded_chain, network_of
from microblog.web.http.incoming import UNMATCHED, decoded_headers
from microblog.web.http.response import Response
from microblog.web.http.timeouts import NO_ROOM_LEFT

MAX_SINGLE_WRITE = 128 * 1024
"""Bytes. Larger responses are written piece by piece, so that a client that does not read holds no second copy in memory."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,50}")


class RequestServer(Protocol):
    """The server as a request uses it: an `HttpServer`."""

    @property
    def budget(self) -> BodyBudget:
        """Disk space for large bodies."""

    @property
    def proxies(self) -> Proxies:
        """The trusted proxies."""

    @property
    def date(self) -> bytes:
        """The value of the Date header."""

    @property
    def draining(self) -> bool:
        """True during shutdown."""

    @property
    def seconds(self) -> Callable[[], float]:
        """The reactor's clock."""

    def request_id(self, given: str | None = None) -> str:
        """A new request id, or the one from a trusted proxy."""

    def log(self, request: ChannelRequest) -> None:
        """Log a request once."""


class RequestChannel(Protocol):
    """The connection as a request uses it: an `HttpChannel`."""

    transport: Any  # a transport, consumer and producer at once, TCP, UNIX or TLS
    persistent: Any  # Twisted's flag: True if the connection stays open for more requests
    writing: ChannelRequest | None

    @property
    def server(self) -> RequestServer:
        """The server of the connection."""

    @property
    def peer(self) -> Address | None:
        """The address of the other end; None for a UNIX socket."""

    @property
    def peer_network(self) -> str:
        """The peer's network."""

    @property
    def peer_is_proxy(self) -> bool:
        """True if the peer is a trusted proxy."""

    @property
    def is_full(self) -> bool:
        """True while the transport's buffer is full."""

    def isSecure(self) -> bool:  # noqa: N802 - Twisted's name
        """True if the connection uses TLS."""

    def begin(self, request: ChannelRequest) -> None:
        """Process a complete request, now or in its turn."""

    def refuse(self, status: int, sentence: str) -> None:
        """Respond with an error and close."""

    def exceeds(self, length: int) -> bool:
        """Refuse a body of `length` bytes if it is too large. True if the request is refused."""

    def refuse_body(self, slow: bool) -> None:
        """Refuse the current body, because it is too slow or the budget is needed for others."""

    def start_read_deadline(self) -> None:
        """Start the deadline for the client to read what was written."""

    def hand_over(self, request: ChannelRequest, head: bytes, protocol: IProtocol) -> None:
        """Write the head and give the connection to `protocol`."""


class ChannelRequest(twisted_private.TwistedRequest):
    """Implements `IncomingRequest`. Properties that are expensive to compute are computed on first use.

    A body that is too large for memory is in `file`, which the handler of the request closes; `body` is empty then.
    """

    channel: RequestChannel  # type: ignore[assignment]  # only what a request uses of Twisted's HTTPChannel
    content: BodyBuffer | None
    id = ""
    began = 0.0
    query = b""
    raw_path = b""
    path_text = ""
    method_name = ""
    label = ""
    route = UNMATCHED
    log_context = LogContext()
    body = b""
    file: BinaryIO | None = None
    on_disconnect: Callable[[], None] | None = None
    rest = memoryview(b"")
    logged = False
    body_admitted = True
    _address: Address | None = None
    _network: str | None = None
    _secure: bool | None = None

    def parseCookies(self) -> None:  # noqa: N802 - Twisted's name
        """Do nothing: `Request.cookie` reads the single cookie that it needs."""

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        """Create the buffer for the body."""
        if length == 0:
            self.content = None
            return
        server = self.channel.server
        self.content = BodyBuffer(server.budget, self.network, self.channel.refuse_body)
        if length is not None and length > IN_MEMORY:
            server.budget.watch(self.content, server.seconds())

    def handleContentChunk(self, data: bytes) -> None:
        """Append a piece of the body. Refuses the request if the body is too large or the disk is full."""
        if self.content is None:
            return
        try:
            self.content.write(data)
        except OSError:
            self.channel.refuse(503, NO_ROOM_LEFT)
        else:
            self.channel.exceeds(self.content.size)

    def release(self) -> None:
        """Return the body's share to the server's budget."""
        content, self.content = self.content, None
        if content is not None and self.file is None:
            content.close()
        elif content is not None:
            content.release()

    def head_received(self, command: bytes, path: bytes, version: bytes) -> None:
        """Store the request line of a complete head."""
        self.method, self.uri, self.clientproto = command, path, version
        self.method_name = command.decode("ascii")
        self.raw_path, _, self.query = path.partition(b"?")
        self.path = self.raw_path

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Begin the complete request."""
        self.head_received(command, path, version)
        if self.content is not None:
            self.content.arrived()
            try:
                self.body, self.file = self.content.data, self.content.file
            except OSError:  # flushing the last bytes filled the disk
                self.channel.refuse(503, NO_ROOM_LEFT)
                return
        self.id = self.channel.server.request_id(self._given_id())
        self.log_context = LogContext(self.id)
        self.channel.begin(self)

    def _given_id(self) -> str | None:
        """The X-Request-Id of a trusted proxy, or None."""
        given = self.getHeader("X-Request-Id")
        return given if given and self.channel.peer_is_proxy and _REQUEST_ID.fullmatch(given) else None

    @property
    def address(self) -> Address:
        """The client's address, also behind trusted proxies."""
        if self._address is None:
            if self.channel.peer_is_proxy:
                raw = self.requestHeaders.getRawHeaders
                chain = forwarded_chain(raw(b"X-Forwarded-For") or (), raw(b"Forwarded") or ())
                self._address = self.channel.server.proxies.client(self.channel.peer, chain)
            else:
                self._address = self.channel.server.proxies.client(self.channel.peer, ())
        return self._address

    @property
    def network(self) -> str:
        """The client's network, as rate limits count it."""
        if self._network is None:
            self._network = network_of(self.address) if self.channel.peer_is_proxy else self.channel.peer_network
        return self._network

    @property
    def client_text(self) -> str:
        """The client's address as text."""
        return self.network if self.address.version == 4 else str(self.address)  # an IPv4 address is its own network, as text already

    @property
    def secure(self) -> bool:
        """True if the client uses TLS, to us or to a trusted proxy."""
        if self._secure is None:
            scheme = self.getHeader(b"X-Forwarded-Proto") if self.channel.peer_is_proxy else None
            self._secure = self.channel.isSecure() if scheme is None else scheme.split(b",")[0].strip().lower() == b"https"
        return self._secure

    @property
    def is_multipart(self) -> bool:
        """True if the body is a form that may contain files."""
        content_type = (self.getHeader(b"Content-Type") or b"").partition(b";")[0]
        return content_type.strip().lower() == b"multipart/form-data"

    @property
    def disconnected(self) -> bool:
        """True if the client disconnected."""
        return self._disconnected

    @property
    def host_name(self) -> str:
        """The Host header, lower case."""
        return (self.getHeader("Host") or "").lower()

    @property
    def date(self) -> bytes:
        """The value of the Date header, updated once a second."""
        return self.channel.server.date

    def all_headers(self) -> tuple[tuple[str, str], ...]:
        """All headers; see `decoded_headers`."""
        return decoded_headers(self.requestHeaders)

    def persistent_after(self, response: Response) -> bool:
        """True if the connection stays open for more requests after this response."""
        if response.protocol is not None or self.channel.server.draining:
            self.channel.persistent = False
        return bool(self.channel.persistent)

    def respond(self, status: int, head: bytes, body: bytes) -> None:
        """Write the whole response, and finish once the client has read most of it. The client must not have disconnected."""
        self.code, self.startedWriting, self.sentLength = status, 1, len(body)
        self.release()
        transport = self.channel.transport
        if len(body) <= MAX_SINGLE_WRITE:
            transport.write(head + body if body else head)
            self.finish()
            return
        self.channel.server.log(self)
        transport.write(head)
        self.rest, self.channel.writing = memoryview(body), self
        self.channel.start_read_deadline()
        self.write_rest()

    def write_rest(self) -> None:
        """Write the rest while the transport accepts it, then finish."""
        channel = self.channel
        while self.rest and not channel.is_full:
            piece, self.rest = self.rest[:MAX_SINGLE_WRITE], self.rest[MAX_SINGLE_WRITE:]
            channel.transport.write(bytes(piece))
        if not self.rest:
            channel.writing = None
            self.finish()

    def hand_over(self, status: int, head: bytes, protocol: IProtocol) -> None:
        """Write the head and give the connection to `protocol`. The client must not have disconnected."""
        self.code = status
        self.release()
        self.channel.hand_over(self, head, protocol)

    def connectionLost(self, reason: Failure) -> None:
        """Call `on_disconnect`: the client disconnected before the response.

        Address, network and TLS state stay readable for a route that is still running.
        """
        self.release()
        self._address, self._network, self._secure = self.address, self.network, self.secure
        on_disconnect, self.on_disconnect = self.on_disconnect, None
        super().connectionLost(reason)
        if on_disconnect is not None:
            on_disconnect()
