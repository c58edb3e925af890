"""The cheapest way out to one reader that is still bounded: straight to an idle socket, else through the transport's buffer."""

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
    """A connection as a stream writes to it."""

    def write(self, data: bytes) -> None:
        """Send the data, now or as soon as the reader takes it."""

    def offer(self, data: bytes, most: int) -> bool:
        """The same; or answer False and take nothing, where more than `most` bytes wait already."""

    def unsent(self) -> int:
        """How many bytes wait for the reader."""

    def progress(self) -> int:
        """A number that grows when some of what waited has left."""

    def close(self, *, politely: bool) -> None:
        """Close; politely: once all that waits has left."""


@implementer(IPushProducer)
@define(eq=False)
class DirectSocket:
    """A socket of this process. While nothing is buffered, what is written goes to the kernel at once, at half the cost.

    `drained` is called when all that was buffered has left.
    """

    transport: Connection
    drained: Callable[[], None]
    _buffered: int = 0

    def __attrs_post_init__(self) -> None:
        self.transport.registerProducer(self, True)

    def write(self, data: bytes) -> None:
        """Send the data, now or as soon as the reader takes it."""
        self.offer(data, sys.maxsize)

    def offer(self, data: bytes, most: int) -> bool:
        """The same; or answer False and take nothing, where more than `most` bytes wait already."""
        transport = self.transport
        if is_buffering(transport):
            if self.unsent() > most:
                return False
        elif transport.connected:
            try:
                sent = transport.socket.send(data)
            except OSError:  # it is full, or lost: the transport finds that out for itself when it tries
                sent = 0
            if sent == len(data):
                return True
            data = data[sent:]
        self._buffered += len(data)
        transport.write(data)
        return True

    def unsent(self) -> int:
        """How many bytes wait for the reader."""
        return unsent_bytes(self.transport)

    def progress(self) -> int:
        """How many of the bytes that had to wait have left."""
        return self._buffered - self.unsent()

    def close(self, *, politely: bool) -> None:
        """Close; politely: once all that waits has left."""
        _close(self.transport, politely=politely)

    def pauseProducing(self) -> None:
        """More is buffered than Twisted likes. We have a bound of our own."""

    def resumeProducing(self) -> None:
        """All that was buffered has left."""
        self.drained()

    def stopProducing(self) -> None:
        """The connection is gone; its protocol hears of that too."""


@implementer(IPushProducer)
@define(eq=False)
class BufferedSocket:
    """Any other transport, such as TLS. What waits is known only from when the transport says that it has enough."""

    transport: Any
    drained: Callable[[], None]
    _full: bool = False
    _waiting: int = 0
    _left: int = 0

    def __attrs_post_init__(self) -> None:
        self.transport.registerProducer(self, True)

    def write(self, data: bytes) -> None:
        """Send the data, now or as soon as the reader takes it."""
        if self._full:
            self._waiting += len(data)
        self.transport.write(data)

    def offer(self, data: bytes, most: int) -> bool:
        """The same; or answer False and take nothing, where more than `most` bytes wait already."""
        if self._waiting > most:
            return False
        self.write(data)
        return True

    def unsent(self) -> int:
        """How many bytes wait for the reader, those that the transport took gladly apart."""
        return self._waiting

    def progress(self) -> int:
        """How often all has left."""
        return self._left

    def close(self, *, politely: bool) -> None:
        """Close; politely: once all that waits has left."""
        _close(self.transport, politely=politely)

    def pauseProducing(self) -> None:
        """The transport has enough."""
        self._full, self._waiting = True, self._waiting or 1

    def resumeProducing(self) -> None:
        """All that was buffered has left."""
        self._full, self._waiting = False, 0
        self._left += 1
        self.drained()

    def stopProducing(self) -> None:
        """The connection is gone; its protocol hears of that too."""


def socket_of(transport: Any, drained: Callable[[], None]) -> Socket:
    """The best way to write to this transport."""
    return DirectSocket(transport, drained) if isinstance(transport, Connection) else BufferedSocket(transport, drained)


def _close(transport: Any, *, politely: bool) -> None:
    if politely:
        transport.unregisterProducer()  # else a paused producer is waited for, and the connection never closes
        transport.loseConnection()
    else:
        transport.abortConnection()
