"""Connections to hosts that users name: limited in size, and never into private networks (SSRF).

The host name is resolved once here, each address is checked, and the connection is made to that address and its peer address checked again.
So neither DNS rebinding, nor redirects, nor unusual notations of an address get around the check.
"""

# mypy: disable-error-code="no-untyped-call"
# twisted.protocols.policies has no annotations, and its classes are extended here

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar, cast

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, ConnectionDone
from twisted.internet.interfaces import IAddress, IHostResolution, IProtocol, IProtocolFactory, IResolutionReceiver, IStreamClientEndpoint
from twisted.internet.protocol import connectionDone
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.iweb import UNKNOWN_LENGTH, IAgentEndpointFactory, IPolicyForHTTPS, IResponse
from zope.interface import implementer

from microblog.adapters.public_ip import is_public
from microblog.adapters.tls_errors import explained
from microblog.model.cards import FetchError

T = TypeVar("T")

PORTS = frozenset({80, 443})
HEAD_BYTES = 64 * 1024  # for headers and TLS, in addition to the limit of the body
MAX_ADDRESSES = 3  # most addresses of one name that are tried
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
NOT_PUBLIC = "The host is not on the public internet."


@define
class SsrfGuard:
    """Decides which addresses may be contacted. `exceptions` are (address, port) pairs that are allowed although not public, for tests.
    `names` are hosts with the pair that is contacted for their port 443, for tests too. `trust` is the policy for certificates.
    """

    reactor: Any
    exceptions: frozenset[tuple[str, int]] = field(default=frozenset(), kw_only=True)
    names: Mapping[str, tuple[str, int]] = field(factory=dict, kw_only=True)
    trust: IPolicyForHTTPS = field(factory=BrowserLikePolicyForHTTPS, kw_only=True)

    def may_connect(self, address: str, port: int) -> bool:
        """True for a public address on an allowed port, and for exceptions."""
        return (address, port) in self.exceptions or (address, port) in self.names.values() or (is_public(address) and port in PORTS)

    async def with_timeout(self, seconds: float, work: Coroutine[Deferred[Any], Any, T]) -> T:
        """Await the work with a time limit. Raises FetchError for any failure."""
        try:
            return await self.limited(seconds, Deferred.fromCoroutine(work))
        except FetchError:
            raise
        except Exception as problem:  # hostile servers can cause any error in HTTP and TLS
            raise FetchError(explained(problem), permanent=False) from problem

    def limited(self, seconds: float, work: Deferred[T]) -> Deferred[T]:
        """Cancel the work after `seconds`; it fails with FetchError then."""
        return work.addTimeout(seconds, self.reactor, onTimeoutCancel=_too_slow)

    def may_use(self, connection: GuardedConnection) -> bool:
        """True if the address that a connection has really reached may be contacted."""
        peer: Any = connection.raw_transport.getPeer()
        return self.may_connect(peer.host, peer.port)

    def transfer_limit(self, most: int) -> TransferLimit:
        """Return the limit of one request whose response body may have `most` bytes."""
        return TransferLimit(self, most + HEAD_BYTES)

    def persistent_connections(self, most: int, per_host: int, idle_s: float) -> PersistentConnections:
        """Return a pool of connections for many requests, each of whose response bodies may have `most` bytes.

        It keeps up to `per_host` idle connections to a host for `idle_s` seconds.
        """
        return PersistentConnections(self, most + HEAD_BYTES, per_host, idle_s)


def trusted_authorities(file: Path) -> IPolicyForHTTPS:
    """Return the policy that trusts the certificate authorities in a PEM file, and no others."""
    certificates = [Certificate.loadPEM(pem + _END) for pem in file.read_bytes().split(_END) if _BEGIN in pem]
    return BrowserLikePolicyForHTTPS(trustRootFromCertificates(certificates))


def _too_slow(_: object, seconds: float) -> NoReturn:
    raise FetchError(f"No complete response within {seconds:g} seconds.", permanent=False)


@define(eq=False)
class TransferLimit:
    """Counts the bytes of one response, headers included, and aborts above `most`."""

    guard: SsrfGuard
    most: int
    _connections: list[GuardedConnection] = field(factory=list, init=False)

    def agent(self) -> Agent:
        """Return an agent for this request, without persistent connections."""
        pool = HTTPConnectionPool(self.guard.reactor, persistent=False)
        agent: Agent = Agent.usingEndpointFactory(self.guard.reactor, _Endpoints(self), pool=pool)
        return agent

    def connected(self, connection: GuardedConnection) -> bool:
        """Register a connection. Return False if it must not be used."""
        self._connections.append(connection)
        return self.guard.may_use(connection)

    def count(self, connection: GuardedConnection, size: int) -> bool:
        """Count received bytes. Return False above the limit."""
        self.most -= size
        return self.most >= 0

    def require_whole(self, response: IResponse) -> None:
        """Raise FetchError if the response, which has been read, may be cut off."""
        for connection in self._connections:
            connection.require_whole(response)

    def close(self) -> None:
        """Abort open connections."""
        for connection in self._connections:
            connection.raw_transport.abortConnection()


class PersistentConnections(HTTPConnectionPool):
    """A pool of guarded connections. It counts the bytes of each response, headers included, and aborts above `most`."""

    def __init__(self, guard: SsrfGuard, most: int, per_host: int, idle_s: float) -> None:
        super().__init__(guard.reactor, persistent=True)
        self.guard, self.most = guard, most
        self.maxPersistentPerHost, self.cachedConnectionTimeout, self.retryAutomatically = per_host, cast("Any", idle_s), False

    def exchange(self) -> Exchange:
        """Begin a request."""
        return Exchange(self)

    def connected(self, connection: GuardedConnection) -> bool:
        """Return False if the connection must not be used."""
        connection.remaining = self.most
        return self.guard.may_use(connection)

    def count(self, connection: GuardedConnection, size: int) -> bool:
        """Count received bytes. Return False above the limit."""
        connection.remaining -= size
        return connection.remaining >= 0


@define(eq=False)
class Exchange:
    """One request on a connection of the pool, which is aborted unless the whole response was read."""

    pool: PersistentConnections
    persistent = True
    _connection: GuardedConnection | None = field(init=False, default=None)

    def agent(self) -> Agent:
        """Return an agent for this request."""
        agent: Agent = Agent.usingEndpointFactory(self.pool.guard.reactor, _Endpoints(self.pool), pool=self)
        return agent

    def getConnection(self, key: object, endpoint: IStreamClientEndpoint) -> Deferred[Any]:  # noqa: N802 - Twisted's name
        """Return an idle or a new connection, which may receive one more response."""
        return self.pool.getConnection(key, endpoint).addCallback(self._opened)

    def _opened(self, protocol: Any) -> Any:
        connection = protocol.transport
        while not isinstance(connection, GuardedConnection):  # TLS is between the two
            connection = connection.transport
        connection.remaining = self.pool.most
        self._connection = connection
        return protocol

    def require_whole(self, response: IResponse) -> None:
        """Raise FetchError if the response, which has been read, may be cut off."""
        if self._connection is not None:
            self._connection.require_whole(response)

    def abort(self) -> None:
        """Close the connection: the rest of its response is not wanted."""
        if self._connection is not None:
            self._connection.raw_transport.abortConnection()


class _Limit(Protocol):
    """Limit that the connections of a request report to."""

    @property
    def guard(self) -> SsrfGuard:
        """The guard that decides on addresses."""

    def connected(self, connection: GuardedConnection) -> bool:
        """Register a connection. Return False if it must not be used."""

    def count(self, connection: GuardedConnection, size: int) -> bool:
        """Count received bytes. Return False above the limit."""


@implementer(IAgentEndpointFactory)
@frozen
class _Endpoints:
    """Factory of guarded endpoints, with TLS for https."""

    limit: _Limit

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:  # noqa: N802 - Twisted's name
        """See `IAgentEndpointFactory`."""
        guarded = _GuardedEndpoint(self.limit, uri.host.decode("ascii").strip("[]"), uri.port)
        if uri.scheme == b"http":
            return guarded
        trusted = self.limit.guard.trust.creatorForNetloc(uri.host, uri.port)
        secured: IStreamClientEndpoint = wrapClientTLS(trusted, guarded)
        return secured


class GuardedConnection(ProtocolWrapper):
    """A counted connection. A `refused` one is aborted before a byte is sent, and its protocol is not connected."""

    factory: _GuardedFactory
    raw_transport: Any
    refused = False
    too_long = False
    broken = False  # aborted by either end
    remaining = 0  # bytes of the current response, for `PersistentConnections`

    def makeConnection(self, transport: Any) -> None:  # noqa: N802 - Twisted's name
        """Connect the protocol if the peer address is allowed."""
        self.transport = self.raw_transport = transport
        if self.factory.limit.connected(self):
            super().makeConnection(transport)
        else:
            self.refused = True
            transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Pass on data up to the limit."""
        if self.factory.limit.count(self, len(data)):
            super().dataReceived(data)
        else:
            self.too_long = True
            self.raw_transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Pass it on, and remember whether the connection was closed in order."""
        self.broken = not reason.check(ConnectionDone)
        super().connectionLost(reason)

    def require_whole(self, response: IResponse) -> None:
        """Raise FetchError if the connection was aborted, and with it a response without a length, which ends with its connection."""
        if response.length is not UNKNOWN_LENGTH:
            return  # Twisted has compared
        if self.too_long:
            raise FetchError("The response is too long.")
        if self.broken:
            raise FetchError("The connection was lost before the end of the response.", permanent=False)


class _GuardedFactory(WrappingFactory):
    """Factory of counted connections."""

    noisy = False
    protocol = GuardedConnection

    def __init__(self, wrapped: IProtocolFactory, limit: _Limit) -> None:
        inner: Any = wrapped
        while inner is not None:  # else there are two lines in the log for each connection; with TLS, a factory is around that of HTTP
            inner.noisy, inner = False, getattr(inner, "wrappedFactory", None)
        super().__init__(wrapped)
        self.limit = limit


@implementer(IStreamClientEndpoint)
@frozen
class _GuardedEndpoint:
    """Endpoint that connects to the allowed addresses of a host."""

    limit: _Limit
    host: str
    port: int

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """See `IStreamClientEndpoint`."""
        return Deferred.fromCoroutine(self._connect(factory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        found = await self._resolve()
        allowed = [pair for pair in found if self.limit.guard.may_connect(*pair)]
        if not allowed:
            raise FetchError(NOT_PUBLIC if found else "The host does not exist.", permanent=bool(found))
        problem: Exception = AssertionError("unreachable")
        for address, port in allowed[:MAX_ADDRESSES]:
            try:
                connected: Any = await self._endpoint(address, port).connect(_GuardedFactory(factory, self.limit))
            except ConnectError as cause:
                problem = cause
            else:
                if connected.refused:
                    raise FetchError(NOT_PUBLIC)
                wrapped: IProtocol = connected.wrappedProtocol
                return wrapped
        raise problem

    async def _resolve(self) -> list[tuple[str, int]]:
        """Return addresses with ports."""
        guard = self.limit.guard
        if self.port == 443 and self.host in guard.names:
            return [guard.names[self.host]]
        return [(address, self.port) for address in await _AddressCollector.of(guard.reactor, self.host, self.port)]

    def _endpoint(self, address: str, port: int) -> TCP4ClientEndpoint | TCP6ClientEndpoint:
        kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        return kind(self.limit.guard.reactor, address, port, timeout=5)


@implementer(IResolutionReceiver)
@define(eq=False)
class _AddressCollector:
    """Collects the addresses of a host name."""

    found: list[str] = field(factory=list)
    done: Deferred[list[str]] = field(init=False)
    _resolution: IHostResolution | None = None

    @classmethod
    def of(cls, reactor: Any, host: str, port: int) -> Deferred[list[str]]:
        """Resolve a host name by the reactor's resolver."""
        collector = cls()
        collector.done = Deferred(collector._cancel)
        reactor.nameResolver.resolveHostName(collector, host, portNumber=port)
        return collector.done

    def _cancel(self, _: object) -> None:
        if self._resolution is not None:
            self._resolution.cancel()

    def resolutionBegan(self, resolution: IHostResolution) -> None:  # noqa: N802 - Twisted's name
        """See `IResolutionReceiver`."""
        self._resolution = resolution

    def addressResolved(self, address: IAddress) -> None:  # noqa: N802 - Twisted's name
        """See `IResolutionReceiver`."""
        self.found.append(str(getattr(address, "host", "")))

    def resolutionComplete(self) -> None:  # noqa: N802 - Twisted's name
        """See `IResolutionReceiver`."""
        if not self.done.called:
            self.done.callback(self.found)
