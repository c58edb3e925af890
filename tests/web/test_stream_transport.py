"""Direct writes to real sockets: ordered, bounded, with a callback when they drain."""

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
class ServerProtocol(Protocol):
    """The server's end of a connection."""

    ready: Deferred[ServerProtocol]
    drains: int = 0
    lost: bool = False
    socket: Socket = field(init=False)

    def connectionMade(self) -> None:
        self.socket = socket_of(self.transport, self._drained)
        self.ready.callback(self)

    def connectionLost(self, reason: object = None) -> None:
        self.lost = True

    def _drained(self) -> None:
        self.drains += 1


async def connect() -> tuple[socket.socket, ServerProtocol]:
    """Connect over loopback; return the client's blocking socket and the server's protocol."""
    ready: Deferred[ServerProtocol] = Deferred()
    factory = Factory()
    factory.buildProtocol = lambda _: ServerProtocol(ready)  # type: ignore[method-assign,assignment]  # one connection is all
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
    client = socket.create_connection(("127.0.0.1", port.getHost().port))
    server = await ready
    await port.stopListening()
    return client, server


async def read(client: socket.socket, length: int) -> bytes:
    """Read that many bytes while the reactor runs."""
    client.setblocking(False)
    data = b""
    while len(data) < length:
        try:
            more = client.recv(1 << 20)
        except BlockingIOError:
            await deferLater(reactor, 0.001)
            continue
        assert more, "the connection was closed"
        data += more
    return data


async def wait_until_lost(server: ServerProtocol) -> None:
    """Wait until the server's end has lost the connection."""
    for _ in range(500):
        if server.lost:
            return
        await deferLater(reactor, 0.01)
    raise AssertionError("the connection is still open")


async def test_a_write_to_an_idle_socket_is_sent_before_the_call_returns() -> None:
    client, server = await connect()
    assert isinstance(server.socket, DirectSocket)
    server.socket.write(b"hello")
    assert client.recv(100) == b"hello"
    assert server.socket.unsent() == 0
    client.close()
    await wait_until_lost(server)
    server.socket.write(b"after the end")


async def test_data_for_a_slow_reader_arrives_in_order_and_draining_is_reported() -> None:
    client, server = await connect()
    written = b""
    number = 0
    while server.socket.unsent() < 300_000:
        piece = b"%06d " % number * 1_000
        server.socket.write(piece)
        written += piece
        number += 1
    server.socket.write(b"the end")
    waiting, progress = server.socket.unsent(), server.socket.progress()
    assert waiting >= 300_000
    assert await read(client, len(written) + 7) == written + b"the end"
    assert server.socket.unsent() == 0
    assert server.socket.progress() >= progress + waiting
    assert server.drains >= 1
    client.close()
    await wait_until_lost(server)


@pytest.mark.parametrize("graceful", [True, False])
async def test_a_connection_can_be_closed_with_unsent_data(graceful: bool) -> None:
    client, server = await connect()
    total = 0
    while server.socket.unsent() < 300_000:
        server.socket.write(b"x" * 10_000)
        total += 10_000
    server.socket.close(graceful=graceful)
    if graceful:
        assert len(await read(client, total)) == total
    await wait_until_lost(server)
    client.close()


def test_other_transports_are_bounded_by_their_producer_state() -> None:
    transport, drains = StringTransport(), list[int]()
    buffered = socket_of(transport, lambda: drains.append(1))
    assert isinstance(buffered, BufferedSocket)
    buffered.write(b"one")
    assert buffered.unsent() == 0
    buffered.pauseProducing()
    buffered.write(b"three")
    assert buffered.unsent() >= 5
    progress = buffered.progress()
    buffered.resumeProducing()
    assert (buffered.unsent(), drains) == (0, [1])
    assert buffered.progress() > progress
    assert transport.value() == b"onethree"
