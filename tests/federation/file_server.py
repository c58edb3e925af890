"""A server on this machine with files: pictures and films, lies about their type, redirects, and responses that never end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from attrs import define, field
from twisted.internet import reactor
from twisted.protocols.policies import WrappingFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site


@define(eq=False)
class FileServer:
    """Files by path, with the content type that the server claims. `asked` counts the requests by path; `held` ones wait for `release`.

    A path in `hanging` gets headers and the first bytes, and no end; one in `silent` gets nothing at all.
    """

    files: dict[str, bytes] = field(factory=dict)
    types: dict[str, str] = field(factory=dict)
    redirects: dict[str, str] = field(factory=dict)
    statuses: dict[str, int] = field(factory=dict)
    hanging: set[str] = field(factory=set)
    silent: set[str] = field(factory=set)
    holding: set[str] = field(factory=set)
    held: list[Any] = field(factory=list)
    asked: Counter[str] = field(factory=Counter)
    headers: list[dict[str, str]] = field(factory=list)
    port: int = 0

    def url(self, path: str) -> str:
        """Return the address of a file."""
        return f"http://127.0.0.1:{self.port}{path}"

    def put(self, path: str, content: bytes, type: str = "") -> str:
        """Serve a file; return its address."""
        self.files[path] = content
        if type:
            self.types[path] = type
        return self.url(path)

    def release(self) -> None:
        """Send the responses that were held."""
        held, self.held = self.held, []
        for request in held:
            self.respond(request, request.path.decode())

    def respond(self, request: Any, path: str) -> None:
        """Send a file."""
        request.setHeader("Content-Type", self.types.get(path, "application/octet-stream"))
        request.write(self.files[path])
        request.finish()


class _Files(Resource):
    isLeaf = True

    def __init__(self, server: FileServer) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's
        self.host = server

    def render(self, request: Any) -> Any:
        """Respond as the path says."""
        server, path = self.host, request.path.decode()
        server.asked[path] += 1
        server.headers.append({name.decode().lower(): values[0].decode() for name, values in request.requestHeaders.getAllRawHeaders()})
        if path in server.redirects:
            request.setResponseCode(302)
            request.setHeader("Location", server.redirects[path])
            return b""
        if path in server.statuses or path not in server.files:
            request.setResponseCode(server.statuses.get(path, 404))
            return b"no"
        if path in server.hanging:
            request.write(server.files[path][:100])
        elif path in server.holding:
            server.held.append(request)
        elif path not in server.silent:
            server.respond(request, path)
        return NOT_DONE_YET


@contextmanager
def run_file_server() -> Iterator[FileServer]:
    """Start a server; stop it at the end."""
    clock: Any = reactor
    server = FileServer()
    site: Any = WrappingFactory(Site(_Files(server)))
    port = clock.listenTCP(0, site, interface="127.0.0.1")
    server.port = port.getHost().port
    try:
        yield server
    finally:
        port.stopListening()
        for connection in list(site.protocols):
            connection.transport.abortConnection()
