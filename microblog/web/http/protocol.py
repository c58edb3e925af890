"""HTTP/1.1 protocol of the server, stricter than Twisted's: what it accepts, how much of it, and its deadlines. HTTP/2 is not supported.

This is the index of all methods and attributes that override `twisted.web.http`, each with the limitation of Twisted (26.10) that it
removes. Requests that two parsers could read differently are refused (RFC 9112, sections 2.2, 3.2, 5.2, 6.3 and 11.2). Private names of
Twisted are declared in `microblog/twisted_private.py`.

`HttpChannel`, in this module, reads requests:

* `maxHeaders`, `totalHeadersSize`: Twisted accepts 500 headers; here at most 100, of 16 kB together with the request line.
* `connectionMade`: Twisted's timeout restarts with each byte, so a slow client can occupy a connection for ever; here each head and each
  body has one deadline. The number of connections per network is limited too.
* `connectionLost`: also notifies a protocol that has taken over the connection.
* `dataReceived`: starts the deadline of a head with its first byte, discards a bounded number of bytes after a refusal, and passes the data
  to a protocol that has taken over the connection.
* `lineReceived`: Twisted accepts folded header lines (obs-fold); here they are refused.
* `lineLengthExceeded`: Twisted responds to every line that is too long with a bare 400; here with 414 or 431 and an explanation.
* `allHeadersReceived`: Twisted accepts requests without or with several Host headers, and bodies of any length from any client. Here
  ambiguous heads are refused, the route determines the maximum body size, and a large body is read only after its sender was authenticated.
* `headerReceived`: a Content-Length of thousands of digits is an unhandled ValueError in Twisted.
* `checkPersistence`: Twisted reads only the first Connection header and splits it at spaces, so it does not understand `close, TE`.
* `rawDataReceived`: Twisted does not check the size of a body while it arrives, and parses thousands of tiny chunks in one reactor turn.
* `allContentReceived`: ends the deadline, and begins no request after a refusal.
* `_respondToBadRequestAndDisconnect`: Twisted's 400 has no body, and the connection is closed at once, so that a client that is still
  writing never sees the response; `refuse` sends an error page and keeps reading for a moment.

`PipelinedChannel`, in `pipeline`, goes from one request of a connection to the next, through the queues in `reactor_turns`:

* `requestDone`: Twisted begins the next pipelined request at once, even if the client does not read; here the request waits until the
  transport accepts more data, and for the turn of its network.
* `resumeProducing`: Twisted buffers a whole response until the client has read it; here the rest of a large one is written piece by piece.
* `loseConnection`: drops the pipelined requests that are waiting.
* `_finishRequestBody`: Twisted appends the bytes after a body to those that were buffered before it; here they stay in order.

`ChannelRequest`, in `channel_request`, is one request, whose body is written to a `BodyBuffer` of `body_buffer`:

* `gotLength`, `handleContentChunk`: Twisted writes bodies to disk without a limit, and a full disk is an unhandled error; here large bodies
  share a budget, and the slowest are refused when it is exceeded.
* `requestReceived`: Twisted parses forms on the reactor, whatever their size, even if no route needs them.
* `parseCookies`: Twisted parses all cookies of each request; the site reads only one.
* `connectionLost`: Twisted creates Deferreds for each request to report a disconnect; here one function is called, and only if needed.

`HttpServer`, in `server`, has the state that all connections share. It checks deadlines once a second, instead of two timers per request.
"""

# mypy: disable-error-code="no-untyped-call"
# twisted.web.http has no annotations, and its classes are extended here

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from twisted.internet.interfaces import IProtocol, ISSLTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web import http

from microblog.web.http.body_buffer import IN_MEMORY
from microblog.web.http.channel_request import ChannelRequest, RequestChannel
from microblog.web.http.client_address import UNKNOWN, Address, network_of, parse_address
from microblog.web.http.pipeline import MAX_EARLY_BYTES, PipelinedChannel
from microblog.web.http.request_faults import path_of, request_fault, target_of
from microblog.web.http.timeouts import NO_ACCESS, NO_ROOM, TOO_LONG, TOO_MANY, TOO_SLOW, too_large

_LINGER_BYTES = 4 * 1024 * 1024
_MAX_CHUNKS = 256
_SLICE = 2 * 1024


class HttpChannel(PipelinedChannel):
    """One connection of a client to the server."""

    maxHeaders = 100  # noqa: N815 - Twisted's name
    totalHeadersSize = 16_384  # noqa: N815 - Twisted's name
    requestFactory = ChannelRequest  # noqa: N815 - Twisted's name

    peer: Address | None = None
    is_new = True
    """True while no byte of a request has arrived."""
    peer_is_proxy = False
    peer_network = ""
    _line = b""
    _body_limit = 0
    _received_limit = 0
    _lingered = 0
    _reading = False
    _in_body = False
    _sender_known = False
    _sliced = False
    _closing = False

    def connectionMade(self) -> None:
        """Start the deadline for the first request: `timeouts.head` seconds."""
        self.timeOut = None
        super().connectionMade()
        self.peer = parse_address(getattr(self.transport.getPeer(), "host", None) or "")
        self.peer_is_proxy = self.server.proxies.trusts(self.peer)
        self.network = self.peer_network = network_of(self.peer or UNKNOWN)
        self.server.channels.add(self)
        self._since = self.server.seconds()
        self.due = self._since + self.server.timeouts.head
        if not self._is_known_proxy and not self.server.connections.add(self):
            self.abort()

    @property
    def _is_known_proxy(self) -> bool:
        """True for a trusted proxy and for a UNIX socket, whose connections carry requests of many clients."""
        return self.peer_is_proxy or self.peer is None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Release everything that belongs to the closed connection."""
        self.server.channels.discard(self)
        self.server.connections.remove(self)
        self.due = self.writing = self._ready = None
        self._next_held_back = self._authenticating = self._sliced = False
        super().connectionLost(reason)
        successor, self.successor = self.successor, None
        if successor is not None:
            successor.connectionLost(reason)

    # --- reading

    def dataReceived(self, data: bytes) -> None:
        """Handle bytes from the client."""
        self.is_new = False
        if self.successor is not None:
            self.successor.dataReceived(data)
        elif self.refused:
            self._lingered += len(data)
            if self._lingered > _LINGER_BYTES:
                self.abort()
        else:
            if not self._reading and not self._handlingRequest:
                self._reading = True
                self._since = self.server.seconds()
                self.due = self._since + self.server.timeouts.head
            super().dataReceived(data)

    def lineReceived(self, line: bytes) -> bool | None:
        """Handle one line of a head. Returns True to stop reading, if the request was refused."""
        if not self._receivedHeaderSize:
            self._line = line
        if line[:1] in (b" ", b"\t"):
            self.refuse(400, "Folded header lines are not allowed.")
        elif self._receivedHeaderSize + len(line) > self.totalHeadersSize:
            self.lineLengthExceeded(line)
        elif not self.refused:
            super().lineReceived(line)
        return True if self.refused else None

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        """Refuse a head with a line that exceeds the limit of the whole head."""
        if self._receivedHeaderSize:
            self.refuse(431, TOO_LONG)
        else:
            self._line = line
            self.refuse(414, "The URL of this request is too long.")

    def allHeadersReceived(self) -> None:  # noqa: N802 - Twisted's name
        """Check the complete head. Refuses ambiguous, too frequent and too large requests before their body is read."""
        request = cast("ChannelRequest", self.requests[-1])
        headers = request.requestHeaders
        fault = request_fault(headers, self._version)
        if fault is None:
            self._path, fault = path_of(self._command, self._path, headers.getRawHeaders(b"Host") or ())
        if fault:
            self.refuse(400, fault)
            return
        request.head_received(self._command, self._path, self._version)
        rate = self.server.request_rate
        if rate is not None and (self.peer is not None or self.peer_is_proxy) and rate.exceeded(request.network):
            self.refuse(429, TOO_MANY, rate.retry_after)
        elif self.server.refuses(request.address):
            self.refuse(403, NO_ACCESS)
        elif self.length == 0:
            super().allHeadersReceived()
        else:
            self._body_announced(request)

    def _body_announced(self, request: ChannelRequest) -> None:
        self._body_limit = self.server.site.body_limit(self._command, self._path, request.is_multipart)
        self._received_limit = 8 * self._body_limit + 65_536
        if self.exceeds(self.length or 0):
            return
        self._in_body, self._sender_known = True, self._body_limit <= IN_MEMORY
        self._start_body_deadline(IN_MEMORY if self.length is None else self.length)
        if self.length is None or self.length <= IN_MEMORY or self._sender_known:
            super().allHeadersReceived()
        else:
            self._authenticate_sender(request)

    def _start_body_deadline(self, length: int) -> None:
        timeouts = self.server.timeouts
        self.due = self.server.seconds() + timeouts.body + length / timeouts.body_rate

    def _authenticate_sender(self, request: ChannelRequest) -> None:
        """Stop reading until the sender of a large body is authenticated."""
        self.paused = self._authenticating = True
        self._networkProducer.pauseProducing()
        self.server.site.admit_body(request, self._admitted)

    def _admitted(self, refusal: tuple[int, str] | None) -> None:
        if not self._authenticating or self.refused:
            return
        self.paused = self._authenticating = False
        if refusal is not None:
            self.refuse(*refusal)
            return
        self._sender_known = True
        content = cast("ChannelRequest", self.requests[-1]).content
        if content is None:
            super().allHeadersReceived()
        else:
            self._start_body_deadline(self._body_limit)
            self.server.budget.watch(content, self.server.seconds())
        if self._sliced:
            self._queue()
        else:
            self._networkProducer.resumeProducing()
            self.dataReceived(b"")

    def headerReceived(self, line: bytes) -> bool:  # noqa: N802 - Twisted's name
        """Handle one header. Returns False if it was refused."""
        try:
            return bool(super().headerReceived(line))
        except ValueError:  # a Content-Length of thousands of digits
            self.refuse(400, "The Content-Length header is invalid.")
            return False

    def checkPersistence(self, request: http.Request, version: bytes) -> bool:  # noqa: N802 - Twisted's name
        """True if the connection stays open after this request."""
        options = b",".join(request.requestHeaders.getRawHeaders(b"Connection") or ()).lower().split(b",")
        return version == b"HTTP/1.1" and b"close" not in (option.strip() for option in options)

    def rawDataReceived(self, data: bytes) -> None:
        """Handle a piece of a body, or data that arrives while a request is being processed."""
        if self.successor is not None:
            self.successor.dataReceived(data)
        elif self.refused:
            return
        elif self._handlingRequest:
            self._buffer_early(data)
        elif self.length is None:
            self._read_chunks(data)
        else:
            super().rawDataReceived(data)

    def _read_chunks(self, data: bytes) -> None:
        """Parse a chunked body, at most a few hundred chunks per reactor turn, because a tiny chunk costs as much as a large one."""
        rest = b""
        if data.count(b"\r\n") > _MAX_CHUNKS:
            data, rest = data[:_SLICE], data[_SLICE:]
            self._buffer_early(rest)
            self._networkProducer.pauseProducing()
        self._received_limit -= len(data)
        if self._received_limit < 0:
            self.refuse(413, "The chunked encoding of this body has too much overhead.")
            return
        super().rawDataReceived(data)
        self._check_size()
        self._sliced = bool(rest) and not self._handlingRequest and not self.refused
        if self._sliced and not self._authenticating:
            self._queue()

    def begin_next(self) -> None:
        """Continue with the chunked body if one is being read, else as `PipelinedChannel.begin_next` does."""
        if not self._sliced:
            super().begin_next()
            return
        self._queued = self._sliced = False
        data, self._dataBuffer, self._early = b"".join(self._dataBuffer), [], 0
        if self.refused:
            return
        self.rawDataReceived(data)
        if not (self._sliced or self._next_held_back or self._authenticating or self.refused) and self._early <= MAX_EARLY_BYTES:
            self._networkProducer.resumeProducing()

    def _check_size(self) -> None:
        """Authenticate the sender of a body of unknown length once it is large."""
        if self._in_body and not self._sender_known and not self.refused:
            request = cast("ChannelRequest", self.requests[-1])
            if request.content is not None and request.content.size > IN_MEMORY:
                self._authenticate_sender(request)

    def exceeds(self, length: int) -> bool:
        """Refuse a body of `length` bytes that exceeds the limit of its route or the disk budget. True if the request is refused."""
        if self.refused:
            return True
        content = cast("ChannelRequest", self.requests[-1]).content
        if length > self._body_limit:
            self.refuse(413, too_large(self._body_limit))
        elif content is not None and content.on_disk and not self.server.budget.make_room_for(content, self.server.seconds()):
            self.refuse(503, NO_ROOM)
        return self.refused

    def refuse_body(self, slow: bool) -> None:
        """Refuse the current body: it is too slow (`slow`), or the budget is needed for faster ones."""
        self.refuse(*((408, TOO_SLOW) if slow else (503, NO_ROOM)))

    def allContentReceived(self) -> None:
        """End the deadline of the complete request, and begin it."""
        if self.refused:
            return
        self._reading = self._in_body = False
        self.due = None
        cast("ChannelRequest", self.requests[-1]).began = self.server.seconds()
        super().allContentReceived()

    # --- ending

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802 - Twisted's name
        self.refuse(400, "The request is malformed.")

    def refuse(self, status: int, sentence: str, retry_after: int = 5) -> None:
        """Respond with an error and close. Keeps reading for a moment: a client that is still writing would otherwise lose the response."""
        if self.refused:
            return
        self.refused, self.persistent = True, False
        path = getattr(self, "_path", b"") or target_of(self._line)
        known = [request.address for request in self.requests[-1:] if request.method_name]  # complete head: client behind the proxy
        self.transport.write(self.server.refusal(status, sentence, path, known[0] if known else self.peer, retry_after))
        for request in self.requests:
            request.release()
        self._networkProducer.resumeProducing()
        self.due = self.server.seconds() + self.server.timeouts.linger
        close_writing = getattr(self.transport, "loseWriteConnection", None)
        if close_writing is None or ISSLTransport.providedBy(self.transport):
            self.loseConnection()
        else:
            close_writing()

    def expire(self) -> None:
        """Handle a passed deadline: respond with 408 to an incomplete request, else close; abort a connection that does not close."""
        timeouts, unread = self.server.timeouts, self._unread
        if self.refused or self._closing:
            self.abort()
        elif self._reading:
            self.refuse(408, TOO_SLOW)
        elif unread and self._unread_before - unread < timeouts.unread * timeouts.read_rate:
            self.abort()
        elif unread:
            self.start_read_deadline()
        else:
            self._closing = True
            self.due = self.server.seconds() + timeouts.abort
            self.loseConnection()

    @property
    def idle_since(self) -> float | None:
        """Time since which the connection is idle, or None while it is busy."""
        busy = (self._handlingRequest and not self._next_held_back) or self._in_body or self.successor is not None or self._closing
        return None if busy else self._since

    def close_idle(self) -> None:
        """Close the idle connection in favour of a newer one from its network."""
        if self._unread:
            self.abort()
        else:
            self.loseConnection()

    def hand_over(self, request: ChannelRequest, head: bytes, protocol: IProtocol) -> None:
        """Write the head and give the connection to `protocol`, with the bytes that arrived early.

        The client of a `BodySender` has to read as fast as any response; other protocols have their own limits.
        """
        self.server.log(request)
        self.transport.write(head)
        self.transport.unregisterProducer()
        self.requests.remove(request)
        request.channel = None  # type: ignore[assignment]  # the request is over, as after finish()
        early, self._dataBuffer = b"".join(self._dataBuffer), []
        self.successor, self.due = protocol, None
        self.transport.resumeProducing()
        if self._sender is not None:
            self.start_read_deadline()
        else:
            self.server.connections.remove(self)
        protocol.makeConnection(self.transport)
        if early:
            protocol.dataReceived(early)


if TYPE_CHECKING:
    _implements: type[RequestChannel] = HttpChannel  # the interface by which a ChannelRequest uses its connection
