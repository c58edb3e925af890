"""A whole HTTP conversation in memory: the real channel and site, a transport that only remembers."""

# mypy: disable-error-code="no-untyped-call"
# twisted.web.http has no annotations, and its classes are extended here

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import frozen
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from microblog.web.http.protocol import HttpChannel
from microblog.web.http.server import HttpServer

FORM = "application/x-www-form-urlencoded"


@frozen
class Reply:
    """One response, taken apart."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def all(self, name: str) -> list[str]:
        """Every header of that name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8")

    def cookies(self) -> dict[str, str]:
        """The cookies that this response sets."""
        pairs = (value.partition(";")[0].partition("=") for value in self.all("Set-Cookie"))
        return {name: value for name, _, value in pairs}


class Line:
    """One connection to a server; with no host, through a UNIX socket."""

    def __init__(self, server: HttpServer, host: str | None = "203.0.113.7") -> None:
        self.server = server
        self.transport = StringTransport(peerAddress=IPv4Address("TCP", host, 54321) if host else UNIXAddress(None))
        self.channel = server.buildProtocol(None)
        self.channel.makeConnection(self.transport)

    def send(self, data: bytes) -> bytes:
        """Send bytes; what came back since the last time."""
        self.channel.dataReceived(data)
        return self.read()

    def read(self) -> bytes:
        """What came back since the last time, once what was pipelined had its turns."""
        if isinstance(self.server.reactor, Clock):
            self.server.reactor.advance(0)
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    @property
    def closed(self) -> bool:
        """True if the server closed the connection."""
        return bool(self.transport.disconnecting)

    def hang_up(self) -> None:
        """The client goes away."""
        self.channel.connectionLost(Failure(ConnectionDone()))


def request(
    method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes | None = None, host: str = "site.test"
) -> bytes:
    """The bytes of a well-formed request."""
    assert "Host" not in (headers or {}), "It has one already: two would be refused, whatever is asked for."
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8") + (body or b"")


def replies(data: bytes, methods: tuple[str, ...] = ()) -> list[Reply]:
    """All responses in `data`. `methods` tells which were HEAD requests."""
    found: list[Reply] = []
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("utf-8").split("\r\n")
        headers = tuple((name, value) for name, _, value in (line.partition(": ") for line in lines))
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), None)
        if len(found) < len(methods) and methods[len(found)] == "HEAD":
            length = 0
        body = rest if length is None and "Connection: close" in head.decode() else rest[: length or 0]
        found.append(Reply(int(first.split(" ")[1]), headers, body))
        data = rest[len(body) :]
    return found


def ask(
    server: HttpServer, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes | None = None, **line: Any
) -> Reply:
    """One request on a connection of its own, for routes that answer without waiting."""
    connection = Line(server, **line)
    (reply,) = replies(connection.send(request(method, target, headers, body)), (method,))
    connection.hang_up()
    return reply


__all__ = ["FORM", "HttpChannel", "Line", "Reply", "ask", "replies", "request"]
