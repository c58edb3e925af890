"""A web server that sends any bytes, and a reactor with its own DNS answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import define, field
from twisted.internet import reactor as real
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.protocol import Factory, Protocol


def response(body: bytes, kind: str = "text/html", *, status: str = "200 OK", **headers: str) -> bytes:
    """Return a complete HTTP response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(target: str) -> bytes:
    """Return a redirect to the target."""
    return response(b"", status="302 Found", Location=target)


class _ServerProtocol(Protocol):
    factory: _ServerFactory
    transport: Any

    def connectionMade(self) -> None:
        self.factory.server.connections.append(self)
        self.head = b""

    def dataReceived(self, data: bytes) -> None:
        self.head += data
        if b"\r\n\r\n" not in self.head:
            return
        server = self.factory.server
        path = self.head.split(b" ")[1].decode()
        server.requested_paths.append(path)
        server.request_heads.append(self.head.decode())
        self.head = b""
        self.transport.write(server.responses.get(path, response(b"not here", status="404 Not Found")))
        if path in server.endless:
            self.transport.registerProducer(_EndlessProducer(self.transport, server), False)
        elif path in server.broken:
            real.callLater(0.1, self.transport.abortConnection)
        elif path not in server.silent:
            self.transport.loseConnection()


@define(eq=False)
class _EndlessProducer:
    transport: Any
    server: FakeWebServer

    def resumeProducing(self) -> None:
        self.server.bytes_sent += 65536
        self.transport.write(b"x" * 65536)

    def stopProducing(self) -> None:
        pass


class _ServerFactory(Factory):
    noisy = False
    protocol: Any = _ServerProtocol

    def __init__(self, server: FakeWebServer) -> None:
        self.server = server


@define(eq=False)
class FakeWebServer:
    """The server. `responses` holds complete responses by path.

    The responses of `endless` paths never end; after those of `silent` paths the connection stays open and idle, and after those of
    `broken` ones it is reset.
    """

    port: int = 0
    responses: dict[str, bytes] = field(factory=dict)
    endless: set[str] = field(factory=set)
    silent: set[str] = field(factory=set)
    broken: set[str] = field(factory=set)
    requested_paths: list[str] = field(factory=list)
    request_heads: list[str] = field(factory=list)
    connections: list[Any] = field(factory=list)
    bytes_sent: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def fake_web_server(interface: str = "127.0.0.1") -> Iterator[FakeWebServer]:
    """Yield a listening server; close it and its connections at the end."""
    server = FakeWebServer()
    reactor: Any = real
    port = reactor.listenTCP(0, _ServerFactory(server), interface=interface)
    server.port = port.getHost().port
    yield server
    port.stopListening()
    for connection in server.connections:
        if connection.transport is not None:
            connection.transport.abortConnection()


@define(eq=False)
class FakeDnsReactor:
    """The real reactor with fake DNS: `addresses` by host name, one list for each look-up; the last list repeats.

    Connections to an address in `routes` go to that address and port instead. `connected` records every connection attempt.
    """

    addresses: dict[str, list[Sequence[str]]] = field(factory=dict)
    routes: dict[str, tuple[str, int]] = field(factory=dict)
    connected: list[tuple[str, int]] = field(factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(real, name)

    @property
    def nameResolver(self) -> FakeDnsReactor:
        return self

    def resolveHostName(self, receiver: Any, host: str, portNumber: int = 0) -> Any:  # noqa: N803 - Twisted's name
        if host not in self.addresses:
            reactor: Any = real
            return reactor.nameResolver.resolveHostName(receiver, host, portNumber)
        receiver.resolutionBegan(self)
        address_lists = self.addresses[host]
        for address in address_lists.pop(0) if len(address_lists) > 1 else address_lists[0]:
            kind = IPv6Address if ":" in address else IPv4Address
            receiver.addressResolved(kind("TCP", address, portNumber))
        receiver.resolutionComplete()
        return self

    def cancel(self) -> None:
        pass

    def connectTCP(self, host: str, port: int, factory: Any, *args: Any, **kwargs: Any) -> Any:
        self.connected.append((host, port))
        reactor: Any = real
        return reactor.connectTCP(*self.routes.get(host, (host, port)), factory, *args, **kwargs)
