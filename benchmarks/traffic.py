"""Requests to a site from one process: at fixed rates or flat out, readers and writers at the same time.

A request at a fixed rate is due at its time, whether or not earlier ones have been answered, and its duration counts from then: it shows
when a site falls behind. Flat out, each connection sends its next request as soon as the response to the last one has arrived.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from attrs import Factory, define, field

PACED_CONNECTIONS = 32
FLAT_OUT_CONNECTIONS = 8
ANSWER_WITHIN_S = 60.0


@define
class Stream:
    """Requests of one kind.

    `build` makes the next request for one of the servers at `ports`, which are used in turn. `rate`: requests per second, None: flat out.
    `limit`: how many at most in a run, on `most_connections` at once. `done` gets the body of each response. `strict`: an error ends the
    run of the program; else it is counted in `errors` by what happened.
    """

    build: Callable[[], bytes]
    ports: Sequence[int]
    rate: float | None = None
    limit: int | None = None
    done: Callable[[bytes], object] = lambda body: None
    strict: bool = True
    most_connections: int = PACED_CONNECTIONS
    durations: list[float] = Factory(list)  # milliseconds
    errors: Counter[str] = Factory(Counter)

    @property
    def connections(self) -> int:
        """The number of connections that it uses at most."""
        number = FLAT_OUT_CONNECTIONS if self.rate is None else max(4, min(PACED_CONNECTIONS, int(self.rate)))
        return min(number, self.most_connections) if self.limit is None else min(number, self.most_connections, self.limit)

    def failed(self, what: str) -> None:
        """Count an error, or end the run by it."""
        if self.strict:
            raise SystemExit(f"a request failed: {what}")
        self.errors[what.splitlines()[0][:80]] += 1


@define(eq=False)
class Channel:
    """A keep-alive connection of a stream, with at most one request under way. It reconnects if the server closed it."""

    stream: Stream
    port: int
    poll: selectors.BaseSelector
    transport: socket.socket | None = None
    buffer: bytearray = Factory(bytearray)
    due: float = 0.0
    is_waiting: bool = False

    def send(self, due: float) -> None:
        """Send the next request of the stream, which was due at that time."""
        self.due, self.is_waiting, request = due, True, self.stream.build()
        if self.transport is not None:
            try:
                self.transport.sendall(request)
            except OSError:  # the server has just closed the idle connection
                self.close()
            else:
                return
        self.transport = socket.create_connection(("127.0.0.1", self.port))
        self.transport.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.poll.register(self.transport, selectors.EVENT_READ, self)
        self.transport.sendall(request)

    def receive(self) -> bool:
        """Read what has arrived; True if the response is complete, or failed."""
        assert self.transport is not None
        try:
            data = self.transport.recv(262_144)
        except ConnectionResetError:
            data = b""
        if not data:
            self.close()
            if not self.is_waiting:
                return False
            self.is_waiting = False
            self.stream.failed("the server closed the connection")
            return True
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        size = _length(bytes(self.buffer[:end]))
        if len(self.buffer) < end + 4 + size:
            return False
        self.is_waiting = False
        if self.buffer[9:12] != b"200":
            self.stream.failed(self.buffer[:2000].decode("utf-8", "replace"))
        else:
            self.stream.durations.append((time.perf_counter() - self.due) * 1000)
            self.stream.done(bytes(self.buffer[end + 4 :]))
        self.buffer.clear()
        return True

    def close(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.poll.unregister(self.transport)
            self.transport.close()
            self.transport = None
            self.buffer.clear()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    raise SystemExit(f"a response without Content-Length: {head!r}")


@define
class _Sender:
    """A stream in one run: which connections are idle, and how many requests were sent."""

    stream: Stream
    idle: deque[Channel]
    total: float  # requests in this run
    started: float
    ends: float
    sent: int = 0
    under_way: int = 0

    @property
    def next_due(self) -> float:
        """Time of the next request; infinity if there is none."""
        if self.sent >= self.total or not self.idle or (self.stream.rate is None and time.perf_counter() >= self.ends):
            return float("inf")
        return self.started if self.stream.rate is None else self.started + self.sent / self.stream.rate

    def send_due(self) -> None:
        """Send every request that is due."""
        now = time.perf_counter()
        while (due := self.next_due) <= now:
            channel = self.idle.popleft()
            self.sent += 1
            self.under_way += 1
            channel.send(now if self.stream.rate is None else due)

    def received(self, channel: Channel) -> None:
        """Take a connection back."""
        self.under_way -= 1
        self.idle.append(channel)

    def is_over(self, now: float) -> bool:
        """True if all requests were sent and answered."""
        return not self.under_way and (self.sent >= self.total or (self.stream.rate is None and now >= self.ends))


@define
class Traffic:
    """Streams at the same time, whose connections stay open between runs."""

    streams: Sequence[Stream]
    poll: selectors.BaseSelector = field(factory=selectors.DefaultSelector)
    channels: list[list[Channel]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.channels = [
            [
                Channel(stream, stream.ports[number % len(stream.ports)], self.poll)
                for number in range(max(stream.connections, len(stream.ports)))
            ]
            for stream in self.streams
        ]

    def run(self, seconds: float) -> float:
        """Send for a time, and wait for the last response; return how many seconds both took.

        Ends earlier only if every stream has a limit and has reached it. `durations` of the streams are those of this run.
        """
        started = time.perf_counter()
        senders = {
            id(stream): self._sender(stream, channels, started, seconds)
            for stream, channels in zip(self.streams, self.channels, strict=True)
        }
        ends = started + seconds
        while (now := time.perf_counter()) < ends or not all(each.is_over(now) for each in senders.values()):
            for each in senders.values():
                each.send_due()
            if all(each.stream.limit is not None and each.is_over(now) for each in senders.values()):
                break
            if now > ends + ANSWER_WITHIN_S:
                raise SystemExit(f"no response within {ANSWER_WITHIN_S:.0f} s")
            soonest = min((each.next_due for each in senders.values()), default=ends)
            for key, _ in self.poll.select(max(0.0, min(soonest, ends if now < ends else now + 0.1) - time.perf_counter())):
                if key.data.receive():
                    senders[id(key.data.stream)].received(key.data)
        return time.perf_counter() - started

    @staticmethod
    def _sender(stream: Stream, channels: list[Channel], started: float, seconds: float) -> _Sender:
        stream.durations.clear()
        total = float("inf") if stream.rate is None else float(int(stream.rate * seconds))
        return _Sender(stream, deque(channels), min(total, stream.limit or float("inf")), started, started + seconds)

    def close(self) -> None:
        """Close all connections."""
        for channels in self.channels:
            for channel in channels:
                channel.close()
        self.poll.close()


@contextmanager
def traffic(*streams: Stream) -> Iterator[Traffic]:
    """Yield traffic whose connections are closed at the end."""
    made = Traffic(streams)
    try:
        yield made
    finally:
        made.close()


def percentile(durations: Sequence[float], share: float) -> float:
    """Return the duration that this share of them does not exceed; 0 if there are none."""
    ordered = sorted(durations)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
