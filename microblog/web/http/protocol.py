"""HTTP/1.1 on the wire, stricter than Twisted: what is read, how much of it, and how long the server waits. There is no HTTP/2.

This is the index of everything that replaces a part of `twisted.web.http`, with the limit of Twisted (26.10) that each method mends. What
two parsers could read differently is refused (RFC 9112, sections 2.2, 3.2, 5.2, 6.3 and 11.2). Private names of
Twisted are declared in `microblog/twisted_private.py`.

`HttpChannel`, in this module, reads requests:

* `maxHeaders`, `totalHeadersSize`: 500 headers are accepted; 100 are enough, of 16 kB together with the request line.
* `connectionMade`: the timer starts anew with each byte, so that a client may take for ever; each head and each body has one deadline here.
  Nothing bounds the connections of one network either.
* `connectionLost`: a protocol that took the connection over would not be told.
* `dataReceived`: the deadline of a head starts with its first byte; bytes after a refusal are thrown away up to a bound; a protocol that
  took the connection over gets its bytes.
* `lineReceived`: folded header lines (obs-fold) are accepted; here they are refused.
* `lineLengthExceeded`: every line that is too long is a bare 400; 414 and 431 say what is wrong.
* `allHeadersReceived`: requests without Host or with two are accepted, and bodies of any length are read for anybody. Here ambiguous heads
  are refused, the route says how large a body may be, and the sender of a large one is looked up before it is read.
* `headerReceived`: a Content-Length of thousands of digits is an unhandled ValueError.
* `checkPersistence`: only the first Connection header is read, split at spaces, so that `close, TE` is not understood.
* `rawDataReceived`: a body is not measured while it arrives, and thousands of tiny chunks are taken apart in one turn of the reactor.
* `allContentReceived`: ends the deadline; nothing begins after a refusal.
* `_respondToBadRequestAndDisconnect`: the 400 has no body and the connection is closed at once, which makes a client that still writes lose
  it; `refuse` answers with a page and reads on for a moment.

`PipelinedChannel`, in `pipeline`, goes from one request of a connection to the next, by way of the queues in `turns`:

* `requestDone`: the next pipelined request begins at once, whether or not the client reads; here it waits until the transport takes more,
  and for its network's turn.
* `resumeProducing`: a response is written as a whole and kept until the client takes it; here a large one is written on piece by piece.
* `loseConnection`: the pipelined requests that wait are dropped with the connection.
* `_finishRequestBody`: bytes after a body are put behind those that were kept before; here they stay in order.

`Request`, in `request`, is one request, whose body goes to a `BodyBuffer` of `spool`:

* `gotLength`, `handleContentChunk`: bodies go to the disk without a bound, and a full disk is an unhandled error; here large bodies share a
  budget, and the slowest give way.
* `requestReceived`: forms are parsed on the reactor, whatever they weigh, and before it is known whether anybody wants them.
* `parseCookies`: all cookies of each request are parsed; the site reads one.
* `connectionLost`: each request makes Deferreds to hear of the end; here one function is called, and only where something still works.

`Server`, in `server`, has what belongs to all connections: deadlines are looked at once a second instead of by two timers a request.
"""

# mypy: disable-error-code="no-untyped-call"
# twisted.web.http has no annotations, and its classes are extended here

from __future__ import annotations

from typing import cast

from twisted.internet.interfaces import IProtocol, ISSLTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web import http

from microblog.web.http.body_buffer import IN_MEMORY
from microblog.web.http.channel_request import ChannelRequest
from microblog.web.http.client_address import UNKNOWN, Address, network_of, parse_address
from microblog.web.http.pipeline import EARLY, PipelinedChannel
from microblog.web.http.request_faults import path_of, request_fault, target_of
from microblog.web.http.timeouts import NO_ROOM, TOO_LONG, TOO_MANY, TOO_SLOW, too_large

_LINGER_BYTES = 4 * 1024 * 1024
_MOST_CHUNKS = 256
_SLICE = 2 * 1024


class HttpChannel(PipelinedChannel):
    """One connection, as a server has it."""

    maxHeaders = 100  # noqa: N815 - Twisted's name
    totalHeadersSize = 16_384  # noqa: N815 - Twisted's name
    requestFactory = ChannelRequest  # noqa: N815 - Twisted's name

    peer: Address | None = None
    peer_is_proxy = False
    peer_network = ""
    _line = b""
    _body_limit = 0
    _wire_limit = 0
    _lingered = 0
    _reading = False
    _in_body = False
    _known = False
    _sliced = False
    _closing = False

    def connectionMade(self) -> None:
        """A client connected: it has `patience.head` seconds to ask something."""
        self.timeOut = None
        super().connectionMade()
        self.peer = parse_address(getattr(self.transport.getPeer(), "host", None) or "")
        self.peer_is_proxy = self.server.proxies.trusts(self.peer)
        self.network = self.peer_network = network_of(self.peer or UNKNOWN)
        self.server.channels.add(self)
        self._since = self.server.seconds()
        self.due = self._since + self.server.patience.head
        if not self._is_known_proxy and not self.server.connections.add(self):
            self.abort()

    @property
    def _is_known_proxy(self) -> bool:
        """True if all may come through this connection: that of a proxy, or of something on this machine, through a UNIX socket."""
        return self.peer_is_proxy or self.peer is None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is over."""
        self.server.channels.discard(self)
        self.server.connections.remove(self)
        self.due = self.writing = self._ready = None
        self._held = self._asking = self._sliced = False
        super().connectionLost(reason)
        taken, self.taken = self.taken, None
        if taken is not None:
            taken.connectionLost(reason)

    # --- reading

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the client."""
        if self.taken is not None:
            self.taken.dataReceived(data)
        elif self.refused:
            self._lingered += len(data)
            if self._lingered > _LINGER_BYTES:
                self.abort()
        else:
            if not self._reading and not self._handlingRequest:
                self._reading = True
                self._since = self.server.seconds()
                self.due = self._since + self.server.patience.head
            super().dataReceived(data)

    def lineReceived(self, line: bytes) -> bool | None:
        """One line of a head. True stops the reading, for a request that was refused."""
        if not self._receivedHeaderSize:
            self._line = line
        if line[:1] in (b" ", b"\t"):
            self.refuse(400, "A header line may not be folded.")
        elif self._receivedHeaderSize + len(line) > self.totalHeadersSize:
            self.lineLengthExceeded(line)
        elif not self.refused:
            super().lineReceived(line)
        return True if self.refused else None

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        """A line of the head is longer than all of it may be."""
        if self._receivedHeaderSize:
            self.refuse(431, TOO_LONG)
        else:
            self._line = line
            self.refuse(414, "The address of this request is too long.")

    def allHeadersReceived(self) -> None:  # noqa: N802 - Twisted's name
        """The head is complete: refuse what is ambiguous, too often or too large before the body comes."""
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
        elif self.length == 0:
            super().allHeadersReceived()
        else:
            self._body_announced(request)

    def _body_announced(self, request: ChannelRequest) -> None:
        self._body_limit = self.server.site.body_limit(self._command, self._path, request.is_multipart)
        self._wire_limit = 8 * self._body_limit + 65_536
        if self.exceeds(self.length or 0):
            return
        self._in_body, self._known = True, self._body_limit <= IN_MEMORY
        self._expect(IN_MEMORY if self.length is None else self.length)
        if self.length is None or self.length <= IN_MEMORY or self._known:
            super().allHeadersReceived()
        else:
            self._ask_who(request)

    def _expect(self, length: int) -> None:
        patience = self.server.patience
        self.due = self.server.seconds() + patience.body + length / patience.body_rate

    def _ask_who(self, request: ChannelRequest) -> None:
        """Read no more until it is known who sends a large body."""
        self.paused = self._asking = True
        self._networkProducer.pauseProducing()
        self.server.site.admit_body(request, self._admitted)

    def _admitted(self, refusal: tuple[int, str] | None) -> None:
        if not self._asking or self.refused:
            return
        self.paused = self._asking = False
        if refusal is not None:
            self.refuse(*refusal)
            return
        self._known = True
        content = cast("ChannelRequest", self.requests[-1]).content
        if content is None:
            super().allHeadersReceived()
        else:
            self._expect(self._body_limit)
            self.server.budget.watch(content, self.server.seconds())
        if self._sliced:
            self._queue()
        else:
            self._networkProducer.resumeProducing()
            self.dataReceived(b"")

    def headerReceived(self, line: bytes) -> bool:  # noqa: N802 - Twisted's name
        """One header. False if it was refused."""
        try:
            return bool(super().headerReceived(line))
        except ValueError:  # a Content-Length of thousands of digits
            self.refuse(400, "The Content-Length is not a length.")
            return False

    def checkPersistence(self, request: http.Request, version: bytes) -> bool:  # noqa: N802 - Twisted's name
        """True if the connection stays open after this request."""
        wishes = b",".join(request.requestHeaders.getRawHeaders(b"Connection") or ()).lower().split(b",")
        return version == b"HTTP/1.1" and b"close" not in (wish.strip() for wish in wishes)

    def rawDataReceived(self, data: bytes) -> None:
        """A piece of a body, or what follows while a request is being answered."""
        if self.taken is not None:
            self.taken.dataReceived(data)
        elif self.refused:
            return
        elif self._handlingRequest:
            self._keep_early(data)
        elif self.length is None:
            self._read_chunks(data)
        else:
            super().rawDataReceived(data)

    def _read_chunks(self, data: bytes) -> None:
        """Take a body of unknown length apart: a few hundred chunks in one turn, because each costs as much as a large one."""
        rest = b""
        if data.count(b"\r\n") > _MOST_CHUNKS:
            data, rest = data[:_SLICE], data[_SLICE:]
            self._keep_early(rest)
            self._networkProducer.pauseProducing()
        self._wire_limit -= len(data)
        if self._wire_limit < 0:
            self.refuse(413, "There is more around this body than in it.")
            return
        super().rawDataReceived(data)
        self._look_at_size()
        self._sliced = bool(rest) and not self._handlingRequest and not self.refused
        if self._sliced and not self._asking:
            self._queue()

    def begin_next(self) -> None:
        """Go on with the body, answer the request that is complete, or begin the one that waits."""
        if not self._sliced:
            super().begin_next()
            return
        self._queued = self._sliced = False
        data, self._dataBuffer, self._early = b"".join(self._dataBuffer), [], 0
        if self.refused:
            return
        self.rawDataReceived(data)
        if not (self._sliced or self._held or self._asking or self.refused) and self._early <= EARLY:
            self._networkProducer.resumeProducing()

    def _look_at_size(self) -> None:
        """Find out who sends a body that did not say how large it is, once it is large."""
        if self._in_body and not self._known and not self.refused:
            request = cast("ChannelRequest", self.requests[-1])
            if request.content is not None and request.content.size > IN_MEMORY:
                self._ask_who(request)

    def exceeds(self, length: int) -> bool:
        """True, once it was refused, if a body of `length` bytes is too much for its route or for all that is being read now."""
        if self.refused:
            return True
        content = cast("ChannelRequest", self.requests[-1]).content
        if length > self._body_limit:
            self.refuse(413, too_large(self._body_limit))
        elif content is not None and content.on_disk and not self.server.budget.room_for(content, self.server.seconds()):
            self.refuse(503, NO_ROOM)
        return self.refused

    def give_way(self, slow: bool) -> None:
        """The body that is being read is too slow, or takes the room of faster ones."""
        self.refuse(*((408, TOO_SLOW) if slow else (503, NO_ROOM)))

    def allContentReceived(self) -> None:
        """The request is complete."""
        if self.refused:
            return
        self._reading = self._in_body = False
        self.due = None
        cast("ChannelRequest", self.requests[-1]).began = self.server.seconds()
        super().allContentReceived()

    # --- ending

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802 - Twisted's name
        self.refuse(400, "This is not a request that can be understood.")

    def refuse(self, status: int, sentence: str, retry_after: int = 5) -> None:
        """Answer with an error and close. Reads on for a moment: a client that still writes would otherwise lose the answer."""
        if self.refused:
            return
        self.refused, self.persistent = True, False
        path = getattr(self, "_path", b"") or target_of(self._line)
        known = [request.address for request in self.requests[-1:] if request.method_name]  # the head is here: see through the proxy
        self.transport.write(self.server.refusal(status, sentence, path, known[0] if known else self.peer, retry_after))
        for request in self.requests:
            request.release()
        self._networkProducer.resumeProducing()
        self.due = self.server.seconds() + self.server.patience.linger
        close_writing = getattr(self.transport, "loseWriteConnection", None)
        if close_writing is None or ISSLTransport.providedBy(self.transport):
            self.loseConnection()
        else:
            close_writing()

    def expire(self) -> None:
        """The time is over: say so if we were waiting for the rest of a request; close; tear down what does not close."""
        patience, left = self.server.patience, self._unread
        if self.refused or self._closing:
            self.abort()
        elif self._reading:
            self.refuse(408, TOO_SLOW)
        elif left and self._left - left < patience.unread * patience.read_rate:
            self.abort()
        elif left:
            self.must_be_read()
        else:
            self._closing = True
            self.due = self.server.seconds() + patience.abort
            self.loseConnection()

    @property
    def idle_since(self) -> float | None:
        """Since when nothing is being done for the client; None while something is."""
        busy = (self._handlingRequest and not self._held) or self._in_body or self.taken is not None or self._closing
        return None if busy else self._since

    def make_room(self) -> None:
        """Close an idle connection for the sake of a newer one of its network."""
        if self._unread:
            self.abort()
        else:
            self.loseConnection()

    def hand_over(self, request: ChannelRequest, head: bytes, protocol: IProtocol) -> None:
        """From now on this connection is `protocol`'s; bytes that came early are given to it.

        A protocol that only sends has `left`, the bytes that it has not written, and has to be read like any response.
        """
        self.server.log(request)
        self.transport.write(head)
        self.transport.unregisterProducer()
        self.requests.remove(request)
        request.channel = None  # type: ignore[assignment]  # the request is over, as after finish()
        early, self._dataBuffer = b"".join(self._dataBuffer), []
        self.taken, self.due = protocol, None
        self.transport.resumeProducing()
        if self._only_sends:
            self.must_be_read()
        else:
            self.server.connections.remove(self)
        protocol.makeConnection(self.transport)
        if early:
            protocol.dataReceived(early)
