"""Pipelining: processes the requests of a connection one after the other, no faster than its client reads the responses.

Twisted processes all pipelined requests in one reactor turn, even if the transport's buffer is full. Here the next request begins only when
the transport accepts more data, in a later reactor turn, and nothing is read while requests wait.
"""

# mypy: disable-error-code="no-untyped-call"
# twisted.web.http has no annotations, and its classes are extended here

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IProtocol
from twisted.web import http

from microblog.twisted_private import TwistedHTTPChannel
from microblog.web.http.body_sender import BodySender
from microblog.web.http.channel_request import ChannelRequest
from microblog.web.http.interfaces import ChannelServer
from microblog.web.http.timeouts import Progress
from microblog.web.http.transports import unsent_bytes

MAX_EARLY_BYTES = 16 * 1024  # bytes that are read ahead during a request: a disconnect is only noticed while reading


class PipelinedChannel(TwistedHTTPChannel):
    """One connection. `due`: the time at which `expire` is called, checked once a second; None: no deadline."""

    transport: Any  # a transport, consumer and producer at once, TCP, UNIX or TLS
    server: ChannelServer
    due: float | None = None
    successor: IProtocol | None = None
    refused = False
    writing: ChannelRequest | None = None
    network = ""
    _ready: ChannelRequest | None = None
    _since = 0.0
    _early = 0
    _unread_before = 0
    _progress: Progress | None = None
    _authenticating = False
    _next_held_back = False
    _queued = False
    _in_turn = False

    def _buffer_early(self, data: bytes) -> None:
        self._dataBuffer.append(data)
        self._early += len(data)
        if self._early > MAX_EARLY_BYTES or self._next_held_back:
            self._networkProducer.pauseProducing()

    def _finishRequestBody(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        if data:
            self._dataBuffer.insert(0, data)  # before later bytes of the same piece, which are buffered already
            self._early += len(data)
        self.allContentReceived()

    def begin(self, request: ChannelRequest) -> None:
        """Process a complete request, now or in its turn."""
        self.network = request.network
        turns = self.server.turns
        if not self._in_turn and turns.is_saturated():
            self._ready = request
            self._queue()
        else:
            self.server.site.render(request)
            turns.finished()

    def requestDone(self, request: http.Request) -> None:  # noqa: N802 - Twisted's name
        """Continue after a response: wait for the next request, or queue the one that has arrived already."""
        self._since = self.server.seconds()
        self.due = self._since + self.server.timeouts.idle
        if not self.persistent:
            super().requestDone(request)
        elif self._waitingForTransport or self._early or self._buffer:
            self.requests.remove(request)
            self._next_held_back = True
            self._networkProducer.pauseProducing()
            if self._waitingForTransport:
                self.start_read_deadline()
            else:
                self._queue()
        else:
            super().requestDone(request)

    def _queue(self) -> None:
        if not self._queued:
            self._queued = True
            self.server.turns.add(self)

    def begin_next(self) -> None:
        """Begin the waiting request, unless the transport's buffer is full. Resumes reading when none is left."""
        self._queued = False
        if self._ready is not None:
            request, self._ready = self._ready, None
            self.server.site.render(request)
            return
        if not self._next_held_back or self._waitingForTransport:
            return
        if self.server.draining:
            self.loseConnection()
            return
        data, self._dataBuffer, self._early = b"".join(self._dataBuffer), [], 0
        self._next_held_back = self._handlingRequest = False
        self._in_turn = True
        self.setLineMode(data)
        self._in_turn = False
        if not self._next_held_back and not self.refused and self._early <= MAX_EARLY_BYTES and not self._authenticating:
            self._networkProducer.resumeProducing()

    def resumeProducing(self) -> None:
        """Continue: the transport's buffer is empty."""
        super().resumeProducing()
        if self.writing is not None:
            self.writing.write_rest()
        elif self._next_held_back:
            self._queue()

    def start_read_deadline(self) -> None:
        """Start the deadline for the client to read what was written."""
        self._unread_before = self._unread
        self.due = self.server.seconds() + self.server.timeouts.unread

    @property
    def is_full(self) -> bool:
        """True while the transport's buffer is full."""
        return bool(self._waitingForTransport)

    @property
    def _unread(self) -> int:
        """Number of bytes of responses that have not been sent, as far as it is known."""
        rest = 0 if self.writing is None else len(self.writing.rest)
        return rest + (0 if self._sender is None else self._sender.unwritten) + unsent_bytes(self.transport)

    def loseConnection(self) -> None:
        """Close once the buffered data was sent; begin no further request."""
        self._next_held_back = False
        super().loseConnection()

    def abort(self) -> None:
        """Close at once."""
        self.transport.abortConnection()

    @property
    def busy(self) -> bool:
        """True while a request is being read or processed, or the client reads its response."""
        if self.successor is not None and self._sender is None:
            return False
        unread = self._unread
        if not unread:
            return bool(self.requests) and not self.refused
        self._progress = self._progress or Progress()
        return self._progress.is_making_progress(unread, self.server.seconds())

    @property
    def _sender(self) -> BodySender | None:
        """The protocol that sends a large body over this connection, if there is one."""
        successor: object = self.successor
        return successor if isinstance(successor, BodySender) else None
