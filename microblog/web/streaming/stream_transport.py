"""Bounded writing to stream clients: directly to the socket if nothing is buffered, else through the transport."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol

from attrs import define
from twisted.internet.interfaces import IPushProducer
from twisted.internet.tcp import Connection
from zope.interface import implementer

from microblog.twisted_private import is_buffering
from microblog.web.http.transports import unsent_bytes


class Socket(Protocol):
    """The write side of a stream's connection."""

    def write(self, data: bytes) -> None:
        """Send the data, now or as soon as the client reads."""

    def offer(self, data: bytes, max_buffered: int) -> bool:
        """Send the data as `write` does. Returns False without sending if more than `max_buffered` bytes are buffered."""

    def unsent(self) -> int:
        """Number of buffered bytes."""

    def progress(self) -> int:
        """A number that grows when buffered bytes have been sent."""

    def close(self, *, graceful: bool) -> None:
        """Close the connection; `graceful`: after the buffered data was sent."""


@implementer(IPushProducer)
@define(eq=False)
class DirectSocket:
    """A plain TCP or UNIX socket. While nothing is buffered, data is written directly to the socket, which takes half the CPU time.

    `drained` is called when the buffer is empty again.
    """

    transport: Connection
    drained: Callable[[], None]
    _buffered: int = 0

    def __attrs_post_init__(self) -> None:
        self.transport.registerProducer(self, True)

    def write(self, data: bytes) -> None:
        """Send the data, now or as soon as the client reads."""
        self.offer(data, sys.maxsize)

    def offer(self, data: bytes, max_buffered: int) -> bool:
        """Send the data as `write` does. Returns False without sending if more than `max_buffered` bytes are buffered."""
        transport = self.transport
        if is_buffering(transport):
            if self.unsent() > max_buffered:
                return False
        elif transport.connected:
            try:
                sent = transport.socket.send(data)
            except OSError:  # full or closed: the transport finds out when it writes
                sent = 0
            if sent == len(data):
                return True
            data = data[sent:]
        self._buffered += len(data)
        transport.write(data)
        return True

    def unsent(self) -> int:
        """Number of buffered bytes."""
        return unsent_bytes(self.transport)

    def progress(self) -> int:
        """Number of buffered bytes that have been sent."""
        return self._buffered - self.unsent()

    def close(self, *, graceful: bool) -> None:
        """Close the connection; `graceful`: after the buffered data was sent."""
        _close(self.transport, graceful=graceful)

    def pauseProducing(self) -> None:
        """Ignore Twisted's buffer limit; `offer` has its own."""

    def resumeProducing(self) -> None:
        """The buffer is empty."""
        self.drained()

    def stopProducing(self) -> None:
        """Do nothing: the protocol is notified of the closed connection too."""


@implementer(IPushProducer)
@define(eq=False)
class BufferedSocket:
    """Any other transport, such as TLS. Buffered bytes are only known after the transport has paused us."""

    transport: Any
    drained: Callable[[], None]
    _full: bool = False
    _unsent: int = 0
    _drained_count: int = 0

    def __attrs_post_init__(self) -> None:
        self.transport.registerProducer(self, True)

    def write(self, data: bytes) -> None:
        """Send the data, now or as soon as the client reads."""
        if self._full:
            self._unsent += len(data)
        self.transport.write(data)

    def offer(self, data: bytes, max_buffered: int) -> bool:
        """Send the data as `write` does. Returns False without sending if more than `max_buffered` bytes are buffered."""
        if self._unsent > max_buffered:
            return False
        self.write(data)
        return True

    def unsent(self) -> int:
        """Number of bytes written since the transport paused us."""
        return self._unsent

    def progress(self) -> int:
        """Number of times that the buffer was emptied."""
        return self._drained_count

    def close(self, *, graceful: bool) -> None:
        """Close the connection; `graceful`: after the buffered data was sent."""
        _close(self.transport, graceful=graceful)

    def pauseProducing(self) -> None:
        """Count bytes from now on: the transport's buffer is full."""
        self._full, self._unsent = True, self._unsent or 1

    def resumeProducing(self) -> None:
        """The buffer is empty."""
        self._full, self._unsent = False, 0
        self._drained_count += 1
        self.drained()

    def stopProducing(self) -> None:
        """Do nothing: the protocol is notified of the closed connection too."""


def socket_of(transport: Any, drained: Callable[[], None]) -> Socket:
    """Return the fastest writer for a transport."""
    return DirectSocket(transport, drained) if isinstance(transport, Connection) else BufferedSocket(transport, drained)


def _close(transport: Any, *, graceful: bool) -> None:
    if graceful:
        transport.unregisterProducer()  # otherwise the transport waits for a paused producer and never closes
        transport.loseConnection()
    else:
        transport.abortConnection()
