"""Stream clients over real sockets that reconnect to any process of a site with their last position."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress

from attrs import define, field

CONNECTION_ERRORS = (OSError, EOFError, asyncio.IncompleteReadError, asyncio.TimeoutError)
READ_TIMEOUT_S = 20.0
MIN_POSTS = 50  # per author, even on a slow machine

HANDSHAKE = (
    "GET /api/v1/streaming?stream={stream}&since={since} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
# HTTP/1.0 has no chunks, which a proxy would make
REQUEST = "GET /api/v1/streaming/{stream} HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nLast-Event-ID: {since}\r\n\r\n"


@define
class StreamEvent:
    """One event: its name, payload and position."""

    name: str
    payload: str
    position: str


async def _frames(reader: asyncio.StreamReader) -> AsyncIterator[StreamEvent]:
    """Yield the events of a WebSocket until it closes."""
    while True:
        head = await asyncio.wait_for(reader.readexactly(2), READ_TIMEOUT_S)
        size = head[1]
        if size > 125:
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
        payload = await reader.readexactly(size)
        if head[0] & 0x0F == 8:
            return
        if head[0] & 0x0F == 1:
            message = json.loads(payload)
            yield StreamEvent(message["event"], message.get("payload", ""), message.get("id", ""))


async def _events(reader: asyncio.StreamReader) -> AsyncIterator[StreamEvent]:
    """Yield server-sent events until the response ends."""
    values: dict[str, str] = {}
    while line := await asyncio.wait_for(reader.readline(), READ_TIMEOUT_S):
        text = line.decode().rstrip("\n")
        if not text and "event" in values:
            yield StreamEvent(values["event"], values.get("data", ""), values.get("id", ""))
            values = {}
        name, separator, value = text.partition(": ")
        if separator and name:
            values[name] = value


@define(eq=False)
class StreamListener:
    """A client that reads one stream until cancelled; with `reconnects`, it disconnects at random and reconnects to a random port.

    `received` holds the ids of posts in the order of arrival.
    """

    stream: str
    token: str
    position: str
    ports: Sequence[int]
    rng: random.Random
    websocket: bool
    reconnects: bool = True
    received: list[str] = field(factory=list)
    errors: list[str] = field(factory=list)
    connections: int = 0

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            with suppress(*CONNECTION_ERRORS):
                await self._listen(self.rng.choice(self.ports))
            await asyncio.sleep(self.rng.uniform(0.05, 0.4))

    async def _listen(self, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            request = (HANDSHAKE if self.websocket else REQUEST).format(stream=self.stream, since=self.position, token=self.token)
            writer.write(request.encode())
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), READ_TIMEOUT_S)
            if head.split(b" ")[1] not in (b"101", b"200"):
                return
            self.connections += 1
            await asyncio.wait_for(self._read(_frames(reader) if self.websocket else _events(reader)), self._connection_time())
        finally:
            writer.close()

    def _connection_time(self) -> float | None:
        return self.rng.expovariate(1 / 8) + 0.2 if self.reconnects else None

    async def _read(self, events: AsyncIterator[StreamEvent]) -> None:
        with suppress(*CONNECTION_ERRORS):
            async for event in events:
                if event.name == "gap":
                    self.errors.append(f"gap {event.payload}")
                if event.name == "update":
                    self.received.append(json.loads(event.payload)["id"])
                self.position = event.position or self.position


@define(eq=False)
class Author:
    """A writer of posts that retries each with its idempotency key until it is acknowledged."""

    token: str
    name: str
    ports: Sequence[int]
    pause_s: float
    acknowledged: list[str] = field(factory=list)

    async def run(self, keep_going: Callable[[], bool]) -> None:
        """Publish while `keep_going()` is true, and at least MIN_POSTS posts."""
        number = 0
        while keep_going() or number < MIN_POSTS:
            number += 1
            await self._publish(f"{self.name} {number}")
            await asyncio.sleep(self.pause_s)

    async def _publish(self, text: str) -> None:
        for attempt in range(1_000):
            with suppress(*CONNECTION_ERRORS):
                if (id := await self._post(self.ports[attempt % len(self.ports)], text)) is not None:
                    self.acknowledged.append(id)
                    return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{text} was never acknowledged.")

    async def _post(self, port: int, text: str) -> str | None:
        body = json.dumps({"status": text}).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            head = (
                f"POST /api/v1/statuses HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\nIdempotency-Key: {text}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + body)
            response = await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()
        if response[:12] != b"HTTP/1.1 200":
            return None
        id: str = json.loads(response.partition(b"\r\n\r\n")[2])["id"]
        return id
