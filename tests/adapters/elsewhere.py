"""A web server that answers with any bytes, and a reactor whose names lead where a test wants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import define, field
from twisted.internet import reactor as real
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.protocol import Factory, Protocol


def page(body: bytes, kind: str = "text/html", *, status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(target: str) -> bytes:
    """An answer that sends elsewhere."""
    return page(b"", status="302 Found", Location=target)


class _Answering(Protocol):
    factory: _Answers
    transport: Any

    def connectionMade(self) -> None:
        self.factory.elsewhere.open.append(self)
        self.head = b""

    def dataReceived(self, data: bytes) -> None:
        self.head += data
        if b"\r\n\r\n" not in self.head:
            return
        elsewhere = self.factory.elsewhere
        path = self.head.split(b" ")[1].decode()
        elsewhere.asked.append(path)
        elsewhere.heads.append(self.head.decode())
        self.head = b""
        self.transport.write(elsewhere.answers.get(path, page(b"not here", status="404 Not Found")))
        if path in elsewhere.endless:
            self.transport.registerProducer(_Endless(self.transport, elsewhere), False)
        elif path not in elsewhere.silent:
            self.transport.loseConnection()


@define(eq=False)
class _Endless:
    transport: Any
    elsewhere: Elsewhere

    def resumeProducing(self) -> None:
        self.elsewhere.sent += 65536
        self.transport.write(b"x" * 65536)

    def stopProducing(self) -> None:
        pass


class _Answers(Factory):
    noisy = False
    protocol: Any = _Answering

    def __init__(self, elsewhere: Elsewhere) -> None:
        self.elsewhere = elsewhere


@define(eq=False)
class Elsewhere:
    """The server. `answers` are whole responses by path; those of `endless` paths go on for ever, after `silent` ones comes nothing."""

    port: int = 0
    answers: dict[str, bytes] = field(factory=dict)
    endless: set[str] = field(factory=set)
    silent: set[str] = field(factory=set)
    asked: list[str] = field(factory=list)
    heads: list[str] = field(factory=list)
    open: list[Any] = field(factory=list)
    sent: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def elsewhere(interface: str = "127.0.0.1") -> Iterator[Elsewhere]:
    """One that listens, as long as it is needed."""
    made = Elsewhere()
    reactor: Any = real
    listening = reactor.listenTCP(0, _Answers(made), interface=interface)
    made.port = listening.getHost().port
    yield made
    listening.stopListening()
    for connection in made.open:
        if connection.transport is not None:
            connection.transport.abortConnection()


@define(eq=False)
class Misled:
    """The real reactor, whose names resolve to what a test says (each look-up takes the next list), and which notes what is connected.

    Connections to the addresses of `detours` end up at another address and port.
    """

    names: dict[str, list[Sequence[str]]] = field(factory=dict)
    detours: dict[str, tuple[str, int]] = field(factory=dict)
    connected: list[tuple[str, int]] = field(factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(real, name)

    @property
    def nameResolver(self) -> Misled:
        return self

    def resolveHostName(self, receiver: Any, host: str, portNumber: int = 0) -> Any:  # noqa: N803 - Twisted's name
        if host not in self.names:
            reactor: Any = real
            return reactor.nameResolver.resolveHostName(receiver, host, portNumber)
        receiver.resolutionBegan(self)
        lists = self.names[host]
        for address in lists.pop(0) if len(lists) > 1 else lists[0]:
            kind = IPv6Address if ":" in address else IPv4Address
            receiver.addressResolved(kind("TCP", address, portNumber))
        receiver.resolutionComplete()
        return self

    def cancel(self) -> None:
        pass

    def connectTCP(self, host: str, port: int, factory: Any, *args: Any, **kwargs: Any) -> Any:
        self.connected.append((host, port))
        reactor: Any = real
        return reactor.connectTCP(*self.detours.get(host, (host, port)), factory, *args, **kwargs)
