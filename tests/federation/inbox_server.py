"""Servers with inboxes on this process's reactor: they record what arrives, and respond as the test says."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from attrs import define, field
from twisted.internet import reactor as real
from twisted.protocols.policies import WrappingFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from microblog.federation.signed_requests import HttpRequest


@define(eq=False)
class InboxServer:
    """A server that answers everything with the next of `statuses`, and then with 202; `hangs`: with nothing."""

    statuses: list[int] = field(factory=list)
    headers: dict[str, str] = field(factory=dict)
    hangs: bool = False
    received: list[HttpRequest] = field(factory=list)
    arrived: Callable[[HttpRequest], None] = lambda request: None
    port: int = 0

    @property
    def host(self) -> str:
        """The host, with its port."""
        return f"127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        """The URL, without a final slash."""
        return f"http://{self.host}"

    @property
    def activities(self) -> list[Any]:
        """The activities that arrived, refused ones included."""
        return [orjson.loads(request.body) for request in self.received]


class _Inbox(Resource):
    isLeaf = True

    def __init__(self, server: InboxServer) -> None:
        super().__init__()
        self.inbox_server = server

    def render(self, request: Any) -> bytes | int:
        """Record the request and answer it."""
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, values in request.requestHeaders.getAllRawHeaders()
            for value in values
        )
        target, body = request.uri.decode("latin-1"), request.content.read()
        found = HttpRequest.received(self.inbox_server.origin, request.method.decode("latin-1"), target, headers, body)
        self.inbox_server.received.append(found)
        self.inbox_server.arrived(found)
        if self.inbox_server.hangs:
            return NOT_DONE_YET
        request.setResponseCode(self.inbox_server.statuses.pop(0) if self.inbox_server.statuses else 202)
        for name, value in self.inbox_server.headers.items():
            request.setHeader(name, value)
        return b""


@contextmanager
def run_inbox_servers(count: int) -> Iterator[list[InboxServer]]:
    """Run servers on free ports of 127.0.0.1."""
    reactor: Any = real
    servers, ports, factories = [InboxServer() for _ in range(count)], [], []
    for server in servers:
        factory = WrappingFactory(Site(_Inbox(server)))
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        server.port = port.getHost().port
        ports.append(port)
        factories.append(factory)
    yield servers
    for port in ports:
        port.stopListening()
    for factory in factories:
        for connection in list(factory.protocols):
            connection.transport.abortConnection()
