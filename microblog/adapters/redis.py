"""Wake-ups and rate limit counters shared by several processes through Redis. All of it may be lost at any moment."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import txredisapi
from attrs import Factory, define, field, frozen
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.logger import Logger

from microblog.model.errors import ProbeError

REPLY_TIMEOUT_S = 2.0  # after so many seconds without a response the connection is closed and reopened
MAX_RETRY_DELAY_S = 3.0

_log = Logger()


@frozen
class Address:
    """Address of a Redis server, from a URL: `redis://user:password@host:6379/0`, or `rediss` for TLS."""

    host: str
    port: int = 6379
    number: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False

    @classmethod
    def parse(cls, url: str) -> Address:
        """Parse a URL. Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in ("redis", "rediss") or not parts.hostname:
            raise ValueError("A Redis URL looks like redis://:password@host:6379/0.")
        number = parts.path.strip("/") or "0"
        return cls(
            parts.hostname,
            parts.port or 6379,
            int(number),
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
            parts.scheme == "rediss",
        )

    def endpoint(self, reactor: Any) -> IStreamClientEndpoint:
        """Return the client endpoint."""
        plain = HostnameEndpoint(reactor, self.host, self.port, timeout=5)
        return wrapClientTLS(optionsForClientTLS(self.host), plain) if self.tls else plain


class _Connection(txredisapi.RedisFactory):  # type: ignore[misc]  # txredisapi has no annotations
    """A connection that reconnects when it is lost. `ready` is called with each new one."""

    maxDelay = MAX_RETRY_DELAY_S  # noqa: N815 - txredisapi's name

    def __init__(self, address: Address, ready: Callable[[Any], None]) -> None:
        super().__init__(
            None,
            address.number or None,
            1,
            isLazy=True,
            charset=None,
            password=address.password,
            username=address.username,
            replyTimeout=REPLY_TIMEOUT_S,
        )
        self._ready = ready

    def addConnection(self, conn: Any) -> None:  # noqa: N802 - txredisapi's name
        """Configure the new connection and call `ready`."""
        super().addConnection(conn)
        if conn in self.pool:
            conn.transport.setTcpKeepAlive(1)
            self._ready(conn)


class _SubscriberProtocol(txredisapi.SubscriberProtocol):  # type: ignore[misc]  # txredisapi has no annotations
    """Protocol of the subscribed connection."""

    def messageReceived(self, pattern: object, channel: object, message: object) -> None:  # noqa: N802 - txredisapi's name
        """Pass on a message."""
        self.factory.on_message(message)


class _SubscriberConnection(_Connection):
    protocol = _SubscriberProtocol

    def __init__(self, address: Address, ready: Callable[[Any], None], on_message: Callable[[bytes], None]) -> None:
        super().__init__(address, ready)
        self.on_message = on_message


@define(eq=False)
class Redis:
    """Two connections to a Redis server, for commands and for a subscription. The server may be unavailable at any time."""

    reactor: Any
    address: Address
    channel: str = "microblog"
    name: bytes = Factory(lambda: secrets.token_bytes(8))
    _listeners: list[Callable[[], None]] = Factory(list)
    _commands: _Connection = field(init=False)
    _subscriber: _SubscriberConnection = field(init=False)
    _publishing: bool = False
    _again: bool = False

    def __attrs_post_init__(self) -> None:
        self._commands = _Connection(self.address, self._reconnected)
        self._subscriber = _SubscriberConnection(self.address, self._subscribe, self._received)

    def start(self) -> None:
        """Start connecting, without waiting."""
        self._commands.startConnecting(self.address.endpoint(self.reactor))
        self._subscriber.startConnecting(self.address.endpoint(self.reactor))

    def stop(self) -> Deferred[Any]:
        """Close both connections."""
        return DeferredList([self._commands.disconnect(), self._subscriber.disconnect()], consumeErrors=True)

    @property
    def connected(self) -> bool:
        """True if both connections are open."""
        return bool(self._commands.pool and self._subscriber.pool)

    def send(self) -> None:
        """Wake this process at once and the others through Redis, with at most one message under way."""
        self._wake_listeners()
        self.send_to_others()

    def send_to_others(self) -> None:
        """Wake the other processes only."""
        self._publish()

    def listen(self, listener: Callable[[], None]) -> None:
        """Add a listener, which is also called whenever wake-ups may have been missed."""
        self._listeners.append(listener)

    def command(self, name: str, *arguments: object) -> Deferred[Any]:
        """Run a command. Raises RedisUnavailable if there is no connection."""
        pool = self._commands.pool
        if not pool:
            raise RedisUnavailable
        result: Deferred[Any] = getattr(pool[0], name)(*arguments)
        return result

    async def ping(self) -> None:
        """Wait for a response. Raises RedisUnavailable if there is no connection, and txredisapi's errors if it is lost."""
        await self.command("ping")

    async def used_memory(self) -> int | None:
        """Return the bytes of memory that the server uses; None while it is unavailable."""
        try:
            return int((await self.command("info", "memory"))["used_memory"])
        except (RedisUnavailable, txredisapi.RedisError):
            return None

    def _publish(self) -> None:
        if self._publishing:
            self._again = True
        elif self._commands.pool:
            self._publishing, self._again = True, False
            self.command("publish", self.channel, self.name).addBoth(self._published)

    def _published(self, outcome: object) -> None:
        self._publishing = False
        if self._again:
            self._publish()

    def _received(self, sender: bytes) -> None:
        if sender != self.name:  # this process's own messages come back too, and were handled already
            self._wake_listeners()

    def _wake_listeners(self) -> None:
        for listener in self._listeners:
            listener()

    def _subscribe(self, connection: Any) -> None:
        connection.subscribe(self.channel).addErrback(lambda failure: _log.failure("Could not subscribe to the Redis channel", failure))
        self._wake_listeners()

    def _reconnected(self, connection: Any) -> None:
        self._wake_listeners()


class _ProbeConnection(txredisapi.RedisFactory):  # type: ignore[misc]  # txredisapi has no annotations
    """A connection that is tried once."""

    reconnect = False


async def ping(address: Address, reactor: Any) -> str:
    """Connect to the server, log in, and return its version. Raises ProbeError."""
    connection = _ProbeConnection(
        None, address.number or None, 1, password=address.password, username=address.username, replyTimeout=REPLY_TIMEOUT_S
    )
    connection.startConnecting(address.endpoint(reactor))
    try:
        handler = await connection.deferred
        facts = await handler.info("server")
        return str(facts.get("valkey_version") or facts["redis_version"])
    except CancelledError:
        raise
    except Exception as problem:  # of the network, TLS and the protocol; the URL is not part of any
        raise ProbeError(f"Redis at {address.host}:{address.port} cannot be used: {problem}") from problem
    finally:
        await connection.disconnect()


class RedisUnavailable(Exception):
    """There is no connection to Redis."""


class LocalCounter(Protocol):
    """A counter in this process, see `domain.rate_limits`."""

    async def add(self, key: str, window: int, expires_in: int, amount: int = 1) -> int:
        """Add to a count and return it."""


@define
class RedisCounter:
    """Counts for all processes of the site; for this process alone, by `fallback`, while Redis is unavailable."""

    redis: Redis
    fallback: LocalCounter

    async def add(self, key: str, window: int, expires_in: int, amount: int = 1) -> int:
        """Add `amount` (0 reads only) to the count of `key` in this window, and return it. It may be dropped after `expires_in` seconds."""
        local = await self.fallback.add(key, window, expires_in, amount)
        name = f"{self.redis.channel}:{key}:{window}"
        try:
            if not amount:
                return max(local, int(await self.redis.command("get", name) or 0))
            shared = int(await self.redis.command("incrby", name, amount))
            if shared == amount:
                await self.redis.command("expire", name, max(1, expires_in))
        except (RedisUnavailable, txredisapi.RedisError):
            return local
        return max(local, shared)
