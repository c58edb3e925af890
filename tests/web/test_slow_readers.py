"""Clients that stop reading, on real sockets: they delay nobody, are closed as stalled, and miss nothing when they resume."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import Any, cast

import pytest
from attrs import define
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.internet.tcp import Connection

from microblog.live.connections import STALL_TIMEOUT_S
from microblog.live.subscriber import MAX_UNSENT, CloseReason
from microblog.live.topics import Stream
from microblog.live.updates import Update
from microblog.model.events import Position
from microblog.web.streaming.sse import EventStream, event
from microblog.web.streaming.stream_connection import OpenStream, StreamIdentity
from microblog.web.streaming.websocket import CODES, LINGER_S, WebSocket, close_frame, text_frame
from tests.live.fake_log import PUBLIC, BroadcasterFixture
from tests.web.socket_client import CLOSE, TEXT, frames

LONG = b"x" * 100_000
POSTS = 40  # together far more than is buffered on the way
KERNEL = 65_536  # what the kernel may buffer at either end


@define
class LargeEventEncoder:
    """An encoder of large events. `framed` encodes one for the transport."""

    framed: Callable[[Position], bytes]

    def variant(self, stream: Stream) -> str:
        return "wordy"

    def personal(self, stream: Stream) -> bool:
        return False

    def frame(self, update: Update, stream: Stream, matches: Any = (), own: Any = None) -> bytes | None:
        return self.framed(update.position)

    def resumed(self, stream: Stream, since: Position) -> bytes | None:
        return None

    def gap(self, stream: Stream, head: Position, oldest: Position) -> bytes | None:
        raise AssertionError("the log is complete")

    def opening(self) -> bytes:
        return b""

    def heartbeat(self, position: Position | None) -> bytes:
        return b""

    def close_frame(self, ending: CloseReason, delay: float) -> bytes:
        return b""


@define(eq=False)
class SubscribedSocket(WebSocket):
    """A socket subscribed to one stream, from `since` on."""

    since: Position | None

    def admitted(self) -> None:
        self.feed.subscribe(self.subscriber, PUBLIC, self.since)


def by_socket(world: BroadcasterFixture, since: Position | None = None) -> OpenStream:
    encoder = LargeEventEncoder(lambda position: text_frame(str(position).encode() + b" " + LONG))
    return SubscribedSocket(world.broadcaster, encoder, StreamIdentity(), lambda _: None, since)


def by_events(world: BroadcasterFixture, since: Position | None = None) -> OpenStream:
    encoder = LargeEventEncoder(lambda position: event("update", LONG, position))
    return EventStream(world.broadcaster, encoder, StreamIdentity(), lambda _: None, PUBLIC, since)


def positions(data: bytes) -> list[str]:
    """Return the positions of the events that arrived whole, by either transport."""
    return [found.decode() for found in re.findall(rb"(e\.\d+\.\d+)(?: |\ndata: )x{%d}" % len(LONG), data)]


@define(eq=False)
class Client:
    """The client's end, which reads only on demand."""

    socket: socket.socket
    server: OpenStream
    data: bytes = b""
    closed: bool = False

    @classmethod
    async def connect(cls, stream: OpenStream) -> Client:
        factory = Factory()
        factory.buildProtocol = lambda _: stream  # type: ignore[method-assign,assignment]  # one connection is all
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL)
        client.connect(("127.0.0.1", port.getHost().port))
        client.setblocking(False)
        while stream.transport is None:
            await deferLater(reactor, 0.001)
        cast("Connection", stream.transport).getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL)
        await port.stopListening()
        return cls(client, stream)

    def read(self) -> None:
        """Read what is available."""
        while not self.closed:
            try:
                more = self.socket.recv(1 << 20)
            except BlockingIOError:
                return
            except ConnectionResetError:
                more = b""
            self.data += more
            self.closed = not more

    async def read_until(self, condition: Callable[[Client], object]) -> None:
        for _ in range(5_000):
            self.read()
            if condition(self):
                return
            await deferLater(reactor, 0.002)
        raise AssertionError(f"Only {len(self.data)} bytes arrived.")

    async def close(self) -> None:
        self.socket.close()
        while cast("Connection", self.server.transport).connected:
            await deferLater(reactor, 0.002)


async def publish(world: BroadcasterFixture, *readers: Client) -> list[str]:
    """Publish more than kernels buffer, while `readers` read; return the positions."""
    posted = []
    for _ in range(POSTS):
        posted.append(str(world.log.publish(4).position))
        world.wake()
        for reader in readers:
            reader.read()
        await deferLater(reactor, 0)
    return posted


async def pass_stall_timeout(world: BroadcasterFixture) -> None:
    for _ in range(STALL_TIMEOUT_S + 1):
        world.clock.advance(1)
        await deferLater(reactor, 0)


@pytest.fixture
def world() -> BroadcasterFixture:
    fixture = BroadcasterFixture().start()
    fixture.log.limit = 500
    return fixture


TRANSPORTS = pytest.mark.parametrize("open_stream", [by_socket, by_events])


@TRANSPORTS
async def test_a_stalled_client_delays_nobody_and_takes_little_memory(
    world: BroadcasterFixture, open_stream: Callable[..., OpenStream]
) -> None:
    slow, fast = await Client.connect(open_stream(world)), await Client.connect(open_stream(world))
    posted = await publish(world, fast)
    await fast.read_until(lambda client: len(positions(client.data)) == POSTS)
    assert positions(fast.data) == posted
    assert not slow.server.subscriber.live, "nothing more is pushed"
    assert 0 < slow.server.unsent() <= MAX_UNSENT + 2 * len(LONG)
    assert world.broadcaster.connections.waiting() == slow.server.unsent()
    await slow.read_until(lambda client: len(positions(client.data)) == POSTS)  # it catches up from the log
    assert positions(slow.data) == posted
    for client in (slow, fast):
        await client.close()


@TRANSPORTS
async def test_a_client_without_progress_is_closed_and_resumes_without_a_gap(
    world: BroadcasterFixture, open_stream: Callable[..., OpenStream]
) -> None:
    slow, fast = await Client.connect(open_stream(world)), await Client.connect(open_stream(world))
    posted = await publish(world, fast)
    await pass_stall_timeout(world)
    assert world.broadcaster.stats.closed == {CloseReason.STALLED: 1}
    world.clock.advance(LINGER_S)
    await slow.read_until(lambda client: client.closed)
    received = positions(slow.data)
    assert received == posted[: len(received)]
    assert len(received) < POSTS
    again = await Client.connect(open_stream(world, Position.parse(received[-1])))
    await again.read_until(lambda client: len(positions(client.data)) == POSTS - len(received))
    assert received + positions(again.data) == posted
    assert not fast.closed
    for client in (slow, fast, again):
        await client.close()


async def test_a_stalled_socket_still_gets_buffered_data_and_close_code_4008(world: BroadcasterFixture) -> None:
    slow = await Client.connect(by_socket(world))
    posted = await publish(world)
    await pass_stall_timeout(world)
    await slow.read_until(lambda client: client.data.endswith(close_frame(*CODES[CloseReason.STALLED])))
    *messages, (opcode, closed) = frames(slow.data)
    assert (opcode, int.from_bytes(closed[:2], "big")) == (CLOSE, 4008)
    received = positions(slow.data)
    assert received == posted[: len(received)]
    assert [opcode for opcode, _ in messages] == [TEXT] * len(received)
    world.clock.advance(LINGER_S)
    await slow.close()


@TRANSPORTS
async def test_a_slow_client_that_keeps_reading_is_not_closed(world: BroadcasterFixture, open_stream: Callable[..., OpenStream]) -> None:
    slow = await Client.connect(open_stream(world))
    posted = await publish(world)
    for _ in range(3 * STALL_TIMEOUT_S):
        slow.data += slow.socket.recv(KERNEL // 2)
        await deferLater(reactor, 0.002)
        world.clock.advance(1)
    assert not slow.closed
    await slow.read_until(lambda client: len(positions(client.data)) == POSTS)
    assert positions(slow.data) == posted
    await slow.close()
