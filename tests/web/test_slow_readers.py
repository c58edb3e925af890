"""Readers that stop reading, on real sockets: nobody waits for them, they are closed by name, and miss nothing when they come back."""

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
class Wordy:
    """A dialect that says a lot about each event. `framed` makes the bytes for the transport."""

    framed: Callable[[Position], bytes]

    def variant(self, stream: Stream) -> str:
        return "wordy"

    def personal(self, stream: Stream) -> bool:
        return False

    def frame(self, news: Update, stream: Stream, matches: Any = (), own: Any = None) -> bytes | None:
        return self.framed(news.position)

    def resumed(self, stream: Stream, since: Position) -> bytes | None:
        return None

    def gap(self, stream: Stream, head: Position, oldest: Position) -> bytes | None:
        raise AssertionError("everything is kept here")

    def opening(self) -> bytes:
        return b""

    def heartbeat(self, position: Position | None) -> bytes:
        return b""

    def close_frame(self, ending: CloseReason, delay: float) -> bytes:
        return b""


@define(eq=False)
class Listening(WebSocket):
    """A socket on which one stream is listened to, perhaps from a position on."""

    since: Position | None

    def admitted(self) -> None:
        self.feed.subscribe(self.subscriber, PUBLIC, self.since)


def by_socket(world: BroadcasterFixture, since: Position | None = None) -> OpenStream:
    dialect = Wordy(lambda position: text_frame(str(position).encode() + b" " + LONG))
    return Listening(world.broadcaster, dialect, StreamIdentity(), lambda _: None, since)


def by_events(world: BroadcasterFixture, since: Position | None = None) -> OpenStream:
    dialect = Wordy(lambda position: event("update", LONG, position))
    return EventStream(world.broadcaster, dialect, StreamIdentity(), lambda _: None, PUBLIC, since)


def positions(data: bytes) -> list[str]:
    """The positions of all that came whole, by either way."""
    return [found.decode() for found in re.findall(rb"(e\.\d+\.\d+)(?: |\ndata: )x{%d}" % len(LONG), data)]


@define(eq=False)
class Client:
    """The reader's end: reads only when it is told to."""

    socket: socket.socket
    server: OpenStream
    data: bytes = b""
    over: bool = False

    @classmethod
    async def connect(cls, made: OpenStream) -> Client:
        factory = Factory()
        factory.buildProtocol = lambda _: made  # type: ignore[method-assign,assignment]  # one connection is all
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL)
        client.connect(("127.0.0.1", port.getHost().port))
        client.setblocking(False)
        while made.transport is None:
            await deferLater(reactor, 0.001)
        cast("Connection", made.transport).getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL)
        await port.stopListening()
        return cls(client, made)

    def read(self) -> None:
        """All that is there."""
        while not self.over:
            try:
                more = self.socket.recv(1 << 20)
            except BlockingIOError:
                return
            except ConnectionResetError:
                more = b""
            self.data += more
            self.over = not more

    async def read_until(self, enough: Callable[[Client], object]) -> None:
        for _ in range(5_000):
            self.read()
            if enough(self):
                return
            await deferLater(reactor, 0.002)
        raise AssertionError(f"Only {len(self.data)} bytes came.")

    async def close(self) -> None:
        self.socket.close()
        while cast("Connection", self.server.transport).connected:
            await deferLater(reactor, 0.002)


async def publish(world: BroadcasterFixture, *readers: Client) -> list[str]:
    """Post so much that no kernel holds it, while those read who read; the positions."""
    posted = []
    for _ in range(POSTS):
        posted.append(str(world.log.publish(4).position))
        world.wake()
        for reader in readers:
            reader.read()
        await deferLater(reactor, 0)
    return posted


async def patience_ends(world: BroadcasterFixture) -> None:
    for _ in range(STALL_TIMEOUT_S + 1):
        world.clock.advance(1)
        await deferLater(reactor, 0)


@pytest.fixture
def world() -> BroadcasterFixture:
    made = BroadcasterFixture().start()
    made.log.limit = 500
    return made


WAYS = pytest.mark.parametrize("way", [by_socket, by_events])


@WAYS
async def test_a_stalled_client_delays_nobody_and_takes_little_memory(world: BroadcasterFixture, way: Callable[..., OpenStream]) -> None:
    slow, quick = await Client.connect(way(world)), await Client.connect(way(world))
    posted = await publish(world, quick)
    await quick.read_until(lambda client: len(positions(client.data)) == POSTS)
    assert positions(quick.data) == posted
    assert not slow.server.subscriber.live, "nothing more is pushed"
    assert 0 < slow.server.unsent() <= MAX_UNSENT + 2 * len(LONG)
    assert world.broadcaster.connections.waiting() == slow.server.unsent()
    await slow.read_until(lambda client: len(positions(client.data)) == POSTS)  # it reads on from the log
    assert positions(slow.data) == posted
    for client in (slow, quick):
        await client.close()


@WAYS
async def test_a_client_without_progress_is_closed_and_resumes_without_a_gap(
    world: BroadcasterFixture, way: Callable[..., OpenStream]
) -> None:
    slow, quick = await Client.connect(way(world)), await Client.connect(way(world))
    posted = await publish(world, quick)
    await patience_ends(world)
    assert world.broadcaster.stats.closed == {CloseReason.STALLED: 1}
    world.clock.advance(LINGER_S)
    await slow.read_until(lambda client: client.over)
    had = positions(slow.data)
    assert had == posted[: len(had)]
    assert len(had) < POSTS
    again = await Client.connect(way(world, Position.parse(had[-1])))
    await again.read_until(lambda client: len(positions(client.data)) == POSTS - len(had))
    assert had + positions(again.data) == posted
    assert not quick.over
    for client in (slow, quick, again):
        await client.close()


async def test_a_stalled_socket_still_gets_buffered_data_and_close_code_4008(world: BroadcasterFixture) -> None:
    slow = await Client.connect(by_socket(world))
    posted = await publish(world)
    await patience_ends(world)
    await slow.read_until(lambda client: client.data.endswith(close_frame(*CODES[CloseReason.STALLED])))
    *told, (opcode, closed) = frames(slow.data)
    assert (opcode, int.from_bytes(closed[:2], "big")) == (CLOSE, 4008)
    had = positions(slow.data)
    assert had == posted[: len(had)]
    assert [opcode for opcode, _ in told] == [TEXT] * len(had)
    world.clock.advance(LINGER_S)
    await slow.close()


@WAYS
async def test_a_slow_client_that_keeps_reading_is_not_closed(world: BroadcasterFixture, way: Callable[..., OpenStream]) -> None:
    slow = await Client.connect(way(world))
    posted = await publish(world)
    for _ in range(3 * STALL_TIMEOUT_S):
        slow.data += slow.socket.recv(KERNEL // 2)
        await deferLater(reactor, 0.002)
        world.clock.advance(1)
    assert not slow.over
    await slow.read_until(lambda client: len(positions(client.data)) == POSTS)
    assert positions(slow.data) == posted
    await slow.close()
