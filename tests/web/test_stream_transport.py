"""Writing straight to real sockets: in order, bounded, and heard of when they drain."""

from __future__ import annotations

import socket

import pytest
from attrs import define, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.internet.testing import StringTransport

from microblog.web.streaming.stream_transport import BufferedSocket, DirectSocket, Socket, socket_of


@define(eq=False)
class Ours(Protocol):
    """Our end of a connection."""

    here: Deferred[Ours]
    drains: int = 0
    lost: bool = False
    socket: Socket = field(init=False)

    def connectionMade(self) -> None:
        self.socket = socket_of(self.transport, self._drained)
        self.here.callback(self)

    def connectionLost(self, reason: object = None) -> None:
        self.lost = True

    def _drained(self) -> None:
        self.drains += 1


async def connected() -> tuple[socket.socket, Ours]:
    """A connection over the loopback: the client's blocking socket, and our end."""
    here: Deferred[Ours] = Deferred()
    factory = Factory()
    factory.buildProtocol = lambda _: Ours(here)  # type: ignore[method-assign,assignment]  # one connection is all
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
    client = socket.create_connection(("127.0.0.1", port.getHost().port))
    ours = await here
    await port.stopListening()
    return client, ours


async def read(client: socket.socket, length: int) -> bytes:
    """So many bytes, while our end may write."""
    client.setblocking(False)
    data = b""
    while len(data) < length:
        try:
            more = client.recv(1 << 20)
        except BlockingIOError:
            await deferLater(reactor, 0.001)
            continue
        assert more, "it was closed"
        data += more
    return data


async def gone(ours: Ours) -> None:
    """Wait until our end knows that the connection is over."""
    for _ in range(500):
        if ours.lost:
            return
        await deferLater(reactor, 0.01)
    raise AssertionError("it is still there")


async def test_a_write_to_an_idle_socket_is_sent_before_the_call_returns() -> None:
    client, ours = await connected()
    assert isinstance(ours.socket, DirectSocket)
    ours.socket.write(b"hello")
    assert client.recv(100) == b"hello"
    assert ours.socket.unsent() == 0
    client.close()
    await gone(ours)
    ours.socket.write(b"nobody hears this")


async def test_data_for_a_slow_reader_arrives_in_order_and_draining_is_reported() -> None:
    client, ours = await connected()
    written = b""
    number = 0
    while ours.socket.unsent() < 300_000:
        piece = b"%06d " % number * 1_000
        ours.socket.write(piece)
        written += piece
        number += 1
    ours.socket.write(b"the end")
    waiting, progress = ours.socket.unsent(), ours.socket.progress()
    assert waiting >= 300_000
    assert await read(client, len(written) + 7) == written + b"the end"
    assert ours.socket.unsent() == 0
    assert ours.socket.progress() >= progress + waiting
    assert ours.drains >= 1
    client.close()
    await gone(ours)


@pytest.mark.parametrize("graceful", [True, False])
async def test_a_connection_can_be_closed_with_unsent_data(graceful: bool) -> None:
    client, ours = await connected()
    total = 0
    while ours.socket.unsent() < 300_000:
        ours.socket.write(b"x" * 10_000)
        total += 10_000
    ours.socket.close(graceful=graceful)
    if graceful:
        assert len(await read(client, total)) == total
    await gone(ours)
    client.close()


def test_other_transports_are_bounded_by_their_producer_state() -> None:
    transport, drains = StringTransport(), list[int]()
    made = socket_of(transport, lambda: drains.append(1))
    assert isinstance(made, BufferedSocket)
    made.write(b"one")
    assert made.unsent() == 0
    made.pauseProducing()
    made.write(b"three")
    assert made.unsent() >= 5
    progress = made.progress()
    made.resumeProducing()
    assert (made.unsent(), drains) == (0, [1])
    assert made.progress() > progress
    assert transport.value() == b"onethree"
