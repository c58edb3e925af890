"""Connections to where a stranger says: bounded in what they bring in, and never into our own network.

What counts is the address that is connected: the name is resolved here, once, each address is looked at, and the connection is made to that
very address and asked for its peer. So neither a name that resolves otherwise the next time, nor a redirect, nor an odd way to write a
number leads anywhere else.
"""

# mypy: disable-error-code="no-untyped-call"
# twisted.protocols.policies has no annotations, and its classes are extended here

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IAddress, IHostResolution, IProtocol, IProtocolFactory, IResolutionReceiver, IStreamClientEndpoint
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.client import URI, Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory, IPolicyForHTTPS
from zope.interface import implementer

from microblog.adapters.public_ip import is_public
from microblog.model.cards import FetchError

T = TypeVar("T")

PORTS = frozenset({80, 443})
HEAD_BYTES = 64 * 1024  # for headers and TLS, beside what a body may have
MOST_ADDRESSES = 3  # of one name that are tried
NOT_PUBLIC = "It is not on the public internet."


@define
class SsrfGuard:
    """Says where connections may lead. `exceptions` are (address, port) pairs that may be connected although they are not public; tests
    have a server there. `trust` says whose certificates count.
    """

    reactor: Any
    exceptions: frozenset[tuple[str, int]] = field(default=frozenset(), kw_only=True)
    trust: IPolicyForHTTPS = field(factory=BrowserLikePolicyForHTTPS, kw_only=True)

    def may_connect(self, address: str, port: int) -> bool:
        """True for a public address, and for what was excepted."""
        return (address, port) in self.exceptions or (is_public(address) and port in PORTS)

    async def within(self, seconds: float, work: Coroutine[Deferred[Any], Any, T]) -> T:
        """What the work gives, if that takes no longer. Raises Unfetchable, whatever goes wrong."""
        running = Deferred.fromCoroutine(work)
        running.addTimeout(seconds, self.reactor, onTimeoutCancel=_too_slow)
        try:
            return await running
        except FetchError:
            raise
        except Exception as problem:  # whatever a hostile server makes of HTTP and TLS
            raise FetchError(f"{type(problem).__name__}: {problem}"[:300], lasting=False) from problem

    def watch(self, most: int) -> TransferLimit:
        """For one request, whose answer may have a body of so many bytes."""
        return TransferLimit(self, most + HEAD_BYTES)


def _too_slow(_: object, seconds: float) -> None:
    raise FetchError(f"It took longer than {seconds:g} seconds.", lasting=False)


@define(eq=False)
class TransferLimit:
    """Counts what one request brings in, headers included, and cuts it off above `most` bytes."""

    guard: SsrfGuard
    most: int
    _connections: list[_Watched] = field(factory=list, init=False)

    def agent(self) -> Agent:
        """One that makes this request's connections, and keeps none."""
        pool = HTTPConnectionPool(self.guard.reactor, persistent=False)
        made: Agent = Agent.usingEndpointFactory(self.guard.reactor, _Endpoints(self), pool=pool)
        return made

    def connected(self, connection: _Watched) -> bool:
        """A connection was made. False if it must not be used."""
        self._connections.append(connection)
        peer: Any = connection.carrier.getPeer()
        return self.guard.may_connect(peer.host, peer.port)

    def count(self, size: int) -> bool:
        """So many bytes came. False if that is too much."""
        self.most -= size
        return self.most >= 0

    def close(self) -> None:
        """End whatever is still open."""
        for connection in self._connections:
            connection.carrier.abortConnection()


@implementer(IAgentEndpointFactory)
@frozen
class _Endpoints:
    """Gives the agent an endpoint for each URL: guarded, and inside TLS where that is asked for."""

    watch: TransferLimit

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:  # noqa: N802 - Twisted's name
        """See `IAgentEndpointFactory`."""
        guarded = _Guarded(self.watch, uri.host.decode("ascii").strip("[]"), uri.port)
        if uri.scheme == b"http":
            return guarded
        trusted = self.watch.guard.trust.creatorForNetloc(uri.host, uri.port)
        secured: IStreamClientEndpoint = wrapClientTLS(trusted, guarded)
        return secured


class _Watched(ProtocolWrapper):
    """A connection under watch. One that is `refused` was cut before a byte was sent, and its protocol never hears of it."""

    factory: _Watching
    carrier: Any
    refused = False

    def makeConnection(self, transport: Any) -> None:  # noqa: N802 - Twisted's name
        """Let the protocol have it, if it leads where it may."""
        self.transport = self.carrier = transport
        if self.factory.watch.connected(self):
            super().makeConnection(transport)
        else:
            self.refused = True
            transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Pass on what came, as long as it is not too much."""
        if self.factory.watch.count(len(data)):
            super().dataReceived(data)
        else:
            self.carrier.abortConnection()


class _Watching(WrappingFactory):
    """Makes watched connections."""

    noisy = False
    protocol = _Watched

    def __init__(self, wrapped: IProtocolFactory, watch: TransferLimit) -> None:
        super().__init__(wrapped)
        self.watch = watch


@implementer(IStreamClientEndpoint)
@frozen
class _Guarded:
    """Connects to a host, by those of its addresses that may be connected to."""

    watch: TransferLimit
    host: str
    port: int

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """See `IStreamClientEndpoint`."""
        return Deferred.fromCoroutine(self._connect(factory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        found = await _Resolving.of(self.watch.guard.reactor, self.host, self.port)
        allowed = [address for address in found if self.watch.guard.may_connect(address, self.port)]
        if not allowed:
            raise FetchError(NOT_PUBLIC if found else "There is no such host.", lasting=bool(found))
        problem: Exception = AssertionError("unreachable")
        for address in allowed[:MOST_ADDRESSES]:
            try:
                connected: Any = await self._endpoint(address).connect(_Watching(factory, self.watch))
            except ConnectError as cause:
                problem = cause
            else:
                if connected.refused:
                    raise FetchError(NOT_PUBLIC)
                wrapped: IProtocol = connected.wrappedProtocol
                return wrapped
        raise problem

    def _endpoint(self, address: str) -> TCP4ClientEndpoint | TCP6ClientEndpoint:
        kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        return kind(self.watch.guard.reactor, address, self.port, timeout=5)


@implementer(IResolutionReceiver)
@define(eq=False)
class _Resolving:
    """Collects the addresses of a name."""

    found: list[str] = field(factory=list)
    done: Deferred[list[str]] = field(init=False)
    _resolution: IHostResolution | None = None

    @classmethod
    def of(cls, reactor: Any, host: str, port: int) -> Deferred[list[str]]:
        """Those that the reactor's resolver gives."""
        made = cls()
        made.done = Deferred(made._cancel)
        reactor.nameResolver.resolveHostName(made, host, portNumber=port)
        return made.done

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
