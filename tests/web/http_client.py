"""An HTTP client in memory: the real channel and server on a transport that records what is written."""

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

from microblog.web.http.file_body import FileProducer
from microblog.web.http.protocol import HttpChannel
from microblog.web.http.server import HttpServer

FORM = "application/x-www-form-urlencoded"


@frozen
class HttpResponse:
    """A parsed response."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the first header with that name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def all(self, name: str) -> list[str]:
        """Return all headers with that name."""
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


class MemoryConnection:
    """A client's connection to a server, from the IP address `host`; without one, through a UNIX socket."""

    def __init__(self, server: HttpServer, host: str | None = "203.0.113.7") -> None:
        self.transport = StringTransport(peerAddress=IPv4Address("TCP", host, 54321) if host else UNIXAddress(None))
        self.server = server
        self.channel = server.buildProtocol(None)
        self.channel.makeConnection(self.transport)

    def send(self, data: bytes) -> bytes:
        """Send bytes; return what the server has sent since the last read."""
        self.channel.dataReceived(data)
        return self.read()

    def read(self) -> bytes:
        """Return what the server has sent since the last read, after pipelined requests had their turns."""
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
        """Close the client's end."""
        self.channel.connectionLost(Failure(ConnectionDone()))


def encode_request(
    method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes | None = None, host: str = "site.test"
) -> bytes:
    """Return the bytes of a well-formed request."""
    assert "Host" not in (headers or {}), "A Host header is added below, and a second one would be refused."
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8") + (body or b"")


def parse_responses(data: bytes, methods: tuple[str, ...] = ()) -> list[HttpResponse]:
    """Parse all responses in `data`. `methods`: the requests' methods, which tell responses to HEAD."""
    responses: list[HttpResponse] = []
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("utf-8").split("\r\n")
        headers = tuple((name, value) for name, _, value in (line.partition(": ") for line in lines))
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), None)
        if len(responses) < len(methods) and methods[len(responses)] == "HEAD":
            length = 0
        body = rest if length is None and "Connection: close" in head.decode() else rest[: length or 0]
        responses.append(HttpResponse(int(first.split(" ")[1]), headers, body))
        data = rest[len(body) :]
    return responses


def request(
    server: HttpServer, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes | None = None, **options: Any
) -> HttpResponse:
    """Send one request on a new connection, read the whole response and return it. It must not need waiting."""
    connection = MemoryConnection(server, **options)
    data = connection.send(encode_request(method, target, headers, body))
    while isinstance(connection.transport.producer, FileProducer):
        connection.transport.producer.resumeProducing()
        data += connection.read()
    (response,) = parse_responses(data, (method,))
    connection.hang_up()
    return response


__all__ = ["FORM", "HttpChannel", "HttpResponse", "MemoryConnection", "encode_request", "parse_responses", "request"]
