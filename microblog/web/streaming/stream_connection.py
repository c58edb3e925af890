"""A connection that receives updates of the live feed, by any protocol, and limits on such connections."""

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
from microblog.live.subscriber import MAX_UNSENT, CloseReason, Encoder, Subscriber
from microblog.model.errors import Problem, TooMany, Unauthenticated
from microblog.model.events import Position
from microblog.web.http.request import Request
from microblog.web.streaming.stream_transport import Socket, socket_of

_log = Logger()


class StreamProtocol(Encoder, Shape):
    """An encoder of updates and of a connection's own messages. Empty bytes are not sent."""

    def opening(self) -> bytes:
        """The first bytes, after the feed has admitted the client."""

    def heartbeat(self, position: Position | None) -> bytes:
        """Bytes sent periodically, so that proxies and clients see that the connection is alive."""

    def close_frame(self, reason: CloseReason, delay: float) -> bytes:
        """The last bytes. `delay`: seconds that the client should wait before it reconnects."""


@frozen
class StreamIdentity:
    """The account of a stream, and the session or access token that authenticates it."""

    account: int | None = None
    session: int | None = None
    token: int | None = None

    @classmethod
    def of(cls, request: Request) -> StreamIdentity:
        """The identity of a request."""
        return cls(
            request.viewer.id if request.viewer else None,
            request.session.id if request.session else None,
            request.access.id if request.access else None,
        )


@define
class ConnectionLimiter:
    """Limits open streams by network, and how often a network or account opens new ones.

    This keeps one network from using all connections, and clients that reconnect without delay from loading the database.
    """

    limits: RateLimiter
    max_connections: int
    per_account: RateLimit
    per_network: RateLimit
    _open_connections: Counter[str] = field(factory=Counter, init=False)

    async def check_rate(self, request: Request) -> None:
        """Count a connection attempt, before authentication. Raises TooMany if the network makes too many."""
        await self._limit(request, self.per_network, request.network)

    async def reserve(self, request: Request) -> Callable[[int], None]:
        """Return a function to call with 1 when the connection opens and with -1 when it closes.

        Raises TooMany if the account opens streams too often, or the network has too many open.
        """
        if request.viewer is not None:
            await self._limit(request, self.per_account, str(request.viewer.id))
        network = request.network
        if self._open_connections[network] >= self.max_connections:
            raise TooMany("There are too many open streams from your network.")
        return lambda change: self._count(network, change)

    async def _limit(self, request: Request, rate: RateLimit, key: str) -> None:
        request.limit_usage = await self.limits.consume([(rate, key)])
        if request.limit_usage is not None and request.limit_usage.exceeded:
            raise request.limit_usage.problem(self.limits.now())

    def _count(self, network: str, change: int) -> None:
        self._open_connections[network] += change
        if not self._open_connections[network]:
            del self._open_connections[network]


@define(eq=False)
class OpenStream(Protocol):
    """An open stream; the feed's `Connection`. `count_open` is called with 1 when it opens and with -1 when it closes.

    `requested_at`: position of the feed when the connection was made. Admission takes a while, and a client that has received the head
    of the response must not miss anything from then on.
    """

    feed: Broadcaster
    encoder: StreamProtocol
    identity: StreamIdentity
    count_open: Callable[[int], None]
    subscriber: Subscriber = field(init=False)
    requested_at: Position = field(init=False)
    socket: Socket | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.subscriber = Subscriber(self, self.encoder, self.identity.account, self.identity.session, self.identity.token)

    def connectionMade(self) -> None:
        """Take over the connection, after the head of the response was written."""
        self.socket = socket_of(self.transport, self._drained)
        self.count_open(1)
        self.requested_at = self.feed.position
        Deferred.fromCoroutine(self._admit()).addErrback(self._failed)

    async def _admit(self) -> None:
        try:
            await self.feed.admit(self.subscriber)
        except Unauthenticated:
            self.end(CloseReason.UNAUTHORIZED, 0)
        except Problem:
            self.end(CloseReason.UNAVAILABLE, 0)
        else:
            if self.socket is not None and (opening := self.encoder.opening()):
                self.socket.write(opening)  # a client that has received it misses nothing from then on
            self.admitted()

    def admitted(self) -> None:
        """Subscribe to streams; called once the feed has admitted the connection."""

    def _failed(self, failure: Failure) -> None:
        _log.failure("A stream could not be opened", failure)
        self.end(CloseReason.UNAVAILABLE, 0)

    def dataReceived(self, data: bytes) -> None:
        """Ignore data after the request."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End the subscription."""
        self.socket = None
        self.feed.dismiss(self.subscriber)
        self.count_open(-1)

    def _drained(self) -> None:
        self.feed.drained(self.subscriber)

    def offer(self, frame: bytes) -> bool:
        """Send the frame, or return False without sending if more than MAX_UNSENT bytes are buffered."""
        socket = self.socket
        return socket is None or socket.offer(frame, MAX_UNSENT)  # None: it is closed, and about to be dismissed

    def unsent(self) -> int:
        """Number of buffered bytes."""
        return 0 if self.socket is None else self.socket.unsent()

    def progress(self) -> int:
        """A number that grows when buffered bytes have been sent."""
        return 0 if self.socket is None else self.socket.progress()

    def heartbeat(self, position: Position | None) -> None:
        """Send a heartbeat, since proxies close idle connections. The position shortens the catch-up of a later reconnect."""
        if self.socket is not None and not self.socket.unsent() and (data := self.encoder.heartbeat(position)):
            self.socket.write(data)

    def end(self, reason: CloseReason, delay: float) -> None:
        """Send the reason, and close. A client whose authorization was revoked gets no buffered data."""
        socket, self.socket = self.socket, None
        if socket is None:
            return
        if reason is CloseReason.STALLED or (reason is CloseReason.UNAUTHORIZED and socket.unsent()):
            socket.close(graceful=False)
            return
        if data := self.encoder.close_frame(reason, delay):
            socket.write(data)
        socket.close(graceful=True)
