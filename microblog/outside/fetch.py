"""Brings pages and pictures from elsewhere, to where a stranger's link leads: bounded in everything, and never into our own network.

What counts is the address that is connected: the name is resolved here, once, each address is looked at, and the connection is made to that
very address and asked for its peer. So neither a name that resolves otherwise the next time, nor a redirect, nor an odd way to write a
number leads anywhere else.
"""

# mypy: disable-error-code="no-untyped-call"
# twisted.protocols.policies has no annotations, and its classes are extended here

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import treq.client
from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IAddress, IHostResolution, IProtocol, IProtocolFactory, IResolutionReceiver, IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IAgentEndpointFactory, IBodyProducer, IPolicyForHTTPS, IResponse
from zope.interface import implementer

from microblog.model.cards import LONGEST_URL, Fetched, Unfetchable
from microblog.outside import robots
from microblog.outside.addresses import is_public
from microblog.outside.robots import Robots

PORTS = frozenset({80, 443})
MOST_HOPS = 4
MOST_ADDRESSES = 3  # of one name that are tried
HEAD_BYTES = 64 * 1024  # for headers and TLS, beside what the body may have
ROBOTS_BYTES = 512 * 1024  # RFC 9309, section 2.5
ROBOTS_KEPT_S = 3_600.0
MOST_ROBOTS = 1_000
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


@define
class Fetch:
    """Fetches for one site. `agent` is what it calls itself, its first word is what robots.txt calls it.

    `seconds` bounds all of one fetch: resolving, redirects, reading. `exceptions` are (address, port) pairs that may be connected although
    they are not public; tests have a server there.
    """

    reactor: Any
    agent: str
    seconds: float = 12.0
    exceptions: frozenset[tuple[str, int]] = frozenset()
    trust: IPolicyForHTTPS = field(factory=BrowserLikePolicyForHTTPS)
    _robots: dict[str, tuple[float, Robots]] = field(factory=dict, init=False)

    async def get(self, url: str, *, types: Collection[str], most: int, whole: bool = False) -> Fetched:
        """What is at the URL, if robots.txt lets us read it and it is of one of the content types.

        Of a body longer than `most` bytes the beginning is taken; where `whole` is true, none. Raises Unfetchable.
        """
        work = Deferred.fromCoroutine(self._polite(url, types, most, whole))
        work.addTimeout(self.seconds, self.reactor, onTimeoutCancel=_too_slow)
        try:
            return await work
        except Unfetchable:
            raise
        except Exception as problem:  # whatever a hostile server makes of HTTP and TLS
            raise Unfetchable(f"{type(problem).__name__}: {problem}"[:300], lasting=False) from problem

    def may_connect(self, address: str, port: int) -> bool:
        """True for a public address, and for what was excepted."""
        return (address, port) in self.exceptions or (is_public(address) and port in PORTS)

    async def _polite(self, url: str, types: Collection[str], most: int, whole: bool) -> Fetched:
        for _ in range(MOST_HOPS + 1):
            parts = _checked(url)
            if not (await self._robots_of(f"{parts.scheme}://{parts.netloc}")).allows(_target(parts.path, parts.query)):
                raise Unfetchable("robots.txt asks not to read it.")
            answer, target = await self._hop(url, types, most, whole)
            if answer is not None:
                return answer
            url = target
        raise Unfetchable("It redirects too often.")

    async def _robots_of(self, origin: str) -> Robots:
        kept = self._robots.get(origin)
        if kept is not None and self.reactor.seconds() - kept[0] < ROBOTS_KEPT_S:
            return kept[1]
        found = await self._read_robots(origin + "/robots.txt")
        if len(self._robots) >= MOST_ROBOTS:
            self._robots.clear()
        self._robots[origin] = self.reactor.seconds(), found
        return found

    async def _read_robots(self, url: str) -> Robots:
        """RFC 9309, section 2.3.1: what is not there forbids nothing, what cannot be asked forbids all."""
        for _ in range(MOST_HOPS + 1):
            _checked(url)
            try:
                answer, target = await self._hop(url, ("text/plain",), ROBOTS_BYTES, whole=False)
            except Unfetchable as problem:
                if not problem.lasting:
                    raise
                return robots.EVERYTHING
            if answer is not None:
                return robots.parse(answer.body.decode("utf-8", "replace"), self.agent.split("/")[0])
            url = target
        return robots.EVERYTHING

    async def _hop(self, url: str, types: Collection[str], most: int, whole: bool) -> tuple[Fetched | None, str]:
        """One request: what was answered, or where it sends us."""
        watch = _Watch(self, most + HEAD_BYTES)
        agent = Agent.usingEndpointFactory(self.reactor, _Endpoints(watch), pool=HTTPConnectionPool(self.reactor, persistent=False))
        client = treq.client.HTTPClient(_Plain(agent))
        headers = Headers({"User-Agent": [self.agent], "Accept": [", ".join(types)]})
        response = await client.get(url, headers=headers, allow_redirects=False, unbuffered=True)
        try:
            if response.code in _REDIRECTS:
                return None, _location(url, response)
            if response.code != 200:
                raise Unfetchable(f"It answers with {response.code}.", lasting=response.code not in _PASSING)
            kind, charset = _content_type(response)
            if kind not in types:
                raise Unfetchable(f"It is of type {kind or 'unknown'}.")
            return Fetched(url, kind, charset, await _body(response, most, whole)), ""
        finally:
            watch.close()


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError as problem:
        raise Unfetchable("This is no address on the web.") from problem
    if parts.scheme not in ("http", "https") or not parts.hostname or len(url) > LONGEST_URL:
        raise Unfetchable("This is no address on the web.")
    if "@" in parts.netloc:
        raise Unfetchable("The address holds a user name.")
    return parts


def _target(path: str, query: str) -> str:
    return (path or "/") + (f"?{query}" if query else "")


def _location(url: str, response: IResponse) -> str:
    found: str = response.headers.getRawHeaders("location", [""])[0]
    if not found:
        raise Unfetchable("It redirects to nowhere.")
    return str(urljoin(url, found)).partition("#")[0]


def _content_type(response: IResponse) -> tuple[str, str]:
    kind, *parameters = response.headers.getRawHeaders("content-type", [""])[0].split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return kind.strip().lower(), value.strip().strip("\"'").lower()
    return kind.strip().lower(), ""


def _too_slow(_: object, seconds: float) -> None:
    raise Unfetchable(f"It took longer than {seconds:g} seconds.", lasting=False)


# --- What is connected.


@implementer(IAgentEndpointFactory)
@frozen
class _Endpoints:
    """Gives the agent an endpoint for each URL: guarded, and inside TLS where that is asked for."""

    watch: _Watch

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:  # noqa: N802 - Twisted's name
        """See `IAgentEndpointFactory`."""
        guarded = _Guarded(self.watch, uri.host.decode("ascii").strip("[]"), uri.port)
        if uri.scheme == b"http":
            return guarded
        trusted = self.watch.fetch.trust.creatorForNetloc(uri.host, uri.port)
        secured: IStreamClientEndpoint = wrapClientTLS(trusted, guarded)
        return secured


@define(eq=False)
class _Watch:
    """Counts what one request brings in, headers included, and cuts it off above `most` bytes."""

    fetch: Fetch
    most: int
    _connections: list[_Watched] = field(factory=list, init=False)

    def connected(self, connection: _Watched) -> bool:
        """A connection was made. False if it must not be used."""
        self._connections.append(connection)
        peer: Any = connection.carrier.getPeer()
        return self.fetch.may_connect(peer.host, peer.port)

    def count(self, size: int) -> bool:
        """So many bytes came. False if that is too much."""
        self.most -= size
        return self.most >= 0

    def close(self) -> None:
        """End whatever is still open."""
        for connection in self._connections:
            connection.carrier.abortConnection()


class _Watched(ProtocolWrapper):
    """A connection under watch."""

    factory: _Watching
    carrier: Any

    def makeConnection(self, transport: Any) -> None:  # noqa: N802 - Twisted's name
        """Let the protocol have it, if it leads where it may."""
        self.transport = self.carrier = transport
        if self.factory.watch.connected(self):
            super().makeConnection(transport)
        else:
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

    def __init__(self, wrapped: IProtocolFactory, watch: _Watch) -> None:
        super().__init__(wrapped)
        self.watch = watch


@implementer(IStreamClientEndpoint)
@frozen
class _Guarded:
    """Connects to a host, by those of its addresses that may be connected to."""

    watch: _Watch
    host: str
    port: int

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """See `IStreamClientEndpoint`."""
        return Deferred.fromCoroutine(self._connect(factory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        found = await _Resolving.of(self.watch.fetch.reactor, self.host, self.port)
        allowed = [address for address in found if self.watch.fetch.may_connect(address, self.port)]
        if not allowed:
            raise Unfetchable("It is not on the public internet." if found else "There is no such host.", lasting=bool(found))
        problem: Exception = AssertionError("unreachable")
        for address in allowed[:MOST_ADDRESSES]:
            try:
                connected: Any = await self._endpoint(address).connect(_Watching(factory, self.watch))
            except ConnectError as cause:
                problem = cause
            else:
                wrapped: IProtocol = connected.wrappedProtocol
                return wrapped
        raise problem

    def _endpoint(self, address: str) -> TCP4ClientEndpoint | TCP6ClientEndpoint:
        kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        return kind(self.watch.fetch.reactor, address, self.port, timeout=5)


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


# --- What is read.


@implementer(IAgent)
@frozen
class _Plain:
    """An agent that asks for bodies as they are, and refuses those that were packed all the same: a small one may unpack to anything."""

    agent: Agent

    async def _request(self, method: bytes, uri: bytes, headers: Headers | None, body: IBodyProducer | None) -> IResponse:
        asked = Headers(dict((headers or Headers()).getAllRawHeaders()))
        asked.setRawHeaders("accept-encoding", ["identity"])
        response: IResponse = await self.agent.request(method, uri, asked, body)
        if any(value.strip().lower() != "identity" for value in response.headers.getRawHeaders("content-encoding", [])):
            raise Unfetchable("It sends something packed that was asked for plain.")
        return response

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,  # noqa: N803 - Twisted's
    ) -> Deferred[IResponse]:
        """See `IAgent`."""
        return Deferred.fromCoroutine(self._request(method, uri, headers, bodyProducer))


def _body(response: IResponse, most: int, whole: bool) -> Deferred[bytes]:
    reading = _Reading(most, whole)
    response.deliverBody(reading)
    return reading.done


class _Reading(Protocol):
    """Keeps a body up to its limit."""

    def __init__(self, most: int, whole: bool) -> None:
        self.most, self.whole = most, whole
        self.done: Deferred[bytes] = Deferred()
        self._parts: list[bytes] = []
        self._size = 0

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self._parts.append(data)
        self._size += len(data)
        if self._size > self.most and not self.done.called:
            if self.whole:
                self.done.errback(Unfetchable(f"It is longer than {self.most} bytes."))
            else:
                self.done.callback(b"".join(self._parts)[: self.most])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """That was all, or the rest was lost: then the beginning of a page will do."""
        if self.done.called:
            return
        if self.whole and not reason.check(ResponseDone, PotentialDataLoss):
            self.done.errback(Unfetchable("It broke off.", lasting=False))
        else:
            self.done.callback(b"".join(self._parts))
