"""A connection that the live feed tells news to, whatever is spoken on it; and how many of them one network may have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol as Shape

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from microblog.domain.rate_limits import RateLimit, RateLimiter
from microblog.live.broadcaster import Broadcaster
from microblog.live.subscriber import MOST_UNSENT, CloseReason, Encoder, Subscriber
from microblog.model.errors import Problem, TooMany, Unauthenticated
from microblog.model.events import Position
from microblog.web.http.request import Request
from microblog.web.streaming.stream_transport import Socket, socket_of

_log = Logger()


class StreamProtocol(Encoder, Shape):
    """A dialect, and what is said on a connection beside news. Empty bytes are not sent."""

    def opening(self) -> bytes:
        """What is said first, once the feed has let the reader in."""

    def heartbeat(self, position: Position | None) -> bytes:
        """What is said now and then, so that nobody takes the silence for death."""

    def close_frame(self, ending: CloseReason, delay: float) -> bytes:
        """The last words. `delay` is how many seconds the reader should wait before it comes back."""


@frozen
class StreamIdentity:
    """Who listens, and what that rests on: a login, or an API token."""

    account: int | None = None
    session: int | None = None
    token: int | None = None

    @classmethod
    def of(cls, request: Request) -> StreamIdentity:
        """Whoever makes the call."""
        return cls(
            request.viewer.id if request.viewer else None,
            request.session.id if request.session else None,
            request.access.id if request.access else None,
        )


@define
class ConnectionLimiter:
    """Where connections are let in: counts those that are open by network, and how often one network or account opens new ones.

    So none takes all of them, and whoever comes back again and again without waiting does not keep the database busy for everybody.
    """

    limits: RateLimiter
    most: int
    per_account: RateLimit
    per_network: RateLimit
    _open: Counter[str] = field(factory=Counter, init=False)

    async def check_rate(self, request: Request) -> None:
        """Count the wish for a connection, before anybody looks who it is. Raises TooMany where the network wishes too often."""
        await self._limit(request, self.per_network, request.network)

    async def reserve(self, request: Request) -> Callable[[int], None]:
        """What to call with 1 when the connection opens and with -1 when it closes.

        Raises TooMany where the account opens too many, or the network has enough of them.
        """
        if request.viewer is not None:
            await self._limit(request, self.per_account, str(request.viewer.id))
        network = request.network
        if self._open[network] >= self.most:
            raise TooMany("There are too many open streams from your network.")
        return lambda more: self._count(network, more)

    async def _limit(self, request: Request, rate: RateLimit, key: str) -> None:
        request.limit_usage = await self.limits.consume([(rate, key)])
        if request.limit_usage is not None and request.limit_usage.exceeded:
            raise request.limit_usage.problem(self.limits.now())

    def _count(self, network: str, more: int) -> None:
        self._open[network] += more
        if not self._open[network]:
            del self._open[network]


@define(eq=False)
class OpenStream(Protocol):
    """One open connection; also the feed's way out to it. `opened` hears of 1 when it opens and of -1 when it closes.

    `asked` is where the feed was when the client asked for what it is to hear: to be let in takes a while, and a client that has seen the
    head of the response counts on missing nothing from then on.
    """

    feed: Broadcaster
    manner: StreamProtocol
    reader: StreamIdentity
    opened: Callable[[int], None]
    subscriber: Subscriber = field(init=False)
    asked: Position = field(init=False)
    socket: Socket | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.subscriber = Subscriber(self, self.manner, self.reader.account, self.reader.session, self.reader.token)

    def connectionMade(self) -> None:
        """The head of the response is written, and the connection is ours."""
        self.socket = socket_of(self.transport, self._drained)
        self.opened(1)
        self.asked = self.feed.position
        Deferred.fromCoroutine(self._admit()).addErrback(self._failed)

    async def _admit(self) -> None:
        try:
            await self.feed.admit(self.subscriber)
        except Unauthenticated:
            self.end(CloseReason.UNAUTHORIZED, 0)
        except Problem:
            self.end(CloseReason.UNAVAILABLE, 0)
        else:
            if self.socket is not None and (opening := self.manner.opening()):
                self.socket.write(opening)  # whoever has read it misses nothing from then on
            self.admitted()

    def admitted(self) -> None:
        """From now on the feed can be subscribed to."""

    def _failed(self, failure: Failure) -> None:
        _log.failure("A stream could not be opened", failure)
        self.end(CloseReason.UNAVAILABLE, 0)

    def dataReceived(self, data: bytes) -> None:
        """Whatever a client says after its request is not listened to."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The reader went, or we closed."""
        self.socket = None
        self.feed.dismiss(self.subscriber)
        self.opened(-1)

    def _drained(self) -> None:
        self.feed.drained(self.subscriber)

    def offer(self, frame: bytes) -> bool:
        """Send the frame; or answer False and take nothing, where more than MOST_UNSENT bytes wait already."""
        socket = self.socket
        return socket is None or socket.offer(frame, MOST_UNSENT)  # None: it is closed, and about to be dismissed

    def unsent(self) -> int:
        """How many bytes wait for the reader."""
        return 0 if self.socket is None else self.socket.unsent()

    def progress(self) -> int:
        """A number that grows when some of what waited has left."""
        return 0 if self.socket is None else self.socket.progress()

    def heartbeat(self, position: Position | None) -> None:
        """Proxies close what is silent. With the position, whoever comes back after a quiet night has little to be told."""
        if self.socket is not None and not self.socket.unsent() and (said := self.manner.heartbeat(position)):
            self.socket.write(said)

    def end(self, ending: CloseReason, delay: float) -> None:
        """Say why, and close. Whoever may not read any more gets nothing of what still waits."""
        socket, self.socket = self.socket, None
        if socket is None:
            return
        if ending is CloseReason.STALLED or (ending is CloseReason.UNAUTHORIZED and socket.unsent()):
            socket.close(politely=False)
            return
        if said := self.manner.close_frame(ending, delay):
            socket.write(said)
        socket.close(politely=True)
