"""Measure the fixed cost of a request: empty routes of the site compared with a bare Twisted resource.

Also measures the gain of the thin dispatcher of `web/http/url_map.py`: the same site on a stock `twisted.web.server.Site`, once
with Klein's own resource and once with the dispatcher, everything else being equal.

    python -m benchmarks.overhead [seconds per round]

Each server runs in its own process on loopback; this process sends requests on 16 keep-alive connections. Rounds are interleaved; figures
are medians. CPU is that of the server process alone, in microseconds per request.
"""

from __future__ import annotations

import os
import selectors
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
from twisted.internet.interfaces import IReactorTime

CONNECTIONS = 16
ROUNDS = 5
CASES = {
    "bare twisted.web Resource": ("bare", "/"),
    "empty route of the site": ("ours", "/"),
    "route with an id in its path": ("ours", "/posts/123456789012345678"),
    "API route, JSON, with rate limits": ("ours", "/api/v1/empty"),
    "stock server, Klein's resource": ("klein", "/"),
    "stock server, thin dispatcher": ("thin", "/"),
    "stock server, Klein's resource, id": ("klein", "/posts/123456789012345678"),
    "stock server, thin dispatcher, id": ("thin", "/posts/123456789012345678"),
}


def serve(kind: str) -> None:
    """Run one server and print its port."""
    from twisted.internet import reactor as installed

    reactor: Any = installed  # many interfaces at once
    factory = bare() if kind == "bare" else ours(reactor) if kind == "ours" else stock(reactor, by_klein=kind == "klein")
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    sys.stdout.write(f"{port.getHost().port}\n")
    sys.stdout.flush()
    reactor.run()


def bare() -> object:
    """Return a plain Twisted resource on a stock server."""
    from twisted.web.resource import Resource

    class Front(Resource):
        isLeaf = True

        def render_GET(self, request: object) -> bytes:
            return b"hello, world"

    return without_log(Front())  # type: ignore[no-untyped-call]  # Twisted has no annotations here


def without_log(resource: Any) -> object:
    """Return a stock server of a resource, without an access log."""
    from twisted.web.server import Site

    class SilentSite(Site):
        def log(self, request: object) -> None:
            pass

    return SilentSite(resource)  # type: ignore[no-untyped-call]  # Twisted has no annotations here


def stock(reactor: IReactorTime, *, by_klein: bool) -> object:
    """Return our routes on the stock server: by Klein's own resource, or by the thin dispatcher."""
    from twisted.web.resource import Resource
    from twisted.web.server import NOT_DONE_YET, Request

    from microblog.web.http.stock_request import StockRequest

    site = empty_site(reactor)

    class ThinResource(Resource):
        isLeaf = True

        def render(self, request: Request) -> int:
            incoming = StockRequest(request)
            site.render(incoming)
            incoming.done.addCallback(request.write).addCallback(lambda _: request.finish())
            return NOT_DONE_YET

    return without_log(site.routes.app.resource() if by_klein else ThinResource())  # type: ignore[no-untyped-call]  # as above


def ours(reactor: IReactorTime) -> object:
    """Return our own server with empty routes: authorization, headers, limits, access log."""
    from microblog.web.http.network_limits import Caps
    from microblog.web.http.server import HttpServer

    caps = Caps(connections=200, requests=10_000_000)
    return HttpServer(empty_site(reactor), reactor, caps=caps, access_log=open(os.devnull, "w", encoding="utf-8").write)


def empty_site(reactor: IReactorTime) -> Any:
    """Return a dispatcher of empty routes, with authorization, headers and limits."""
    from datetime import UTC, datetime

    from microblog.domain.rate_limits import MemoryCounter, RateLimiter
    from microblog.model.accounts import Session, Viewer
    from microblog.model.oauth import TokenContext
    from microblog.web.http.authorization import Authorizer
    from microblog.web.http.dispatcher import Dispatcher
    from microblog.web.http.errors import Errors
    from microblog.web.http.request import Request as SiteRequest
    from microblog.web.http.request import SiteOrigin
    from microblog.web.http.response import Response
    from microblog.web.http.route import RouteOptions, route

    class NoLogins:
        async def by_cookie(self, token: str) -> tuple[Viewer, Session] | None:
            return None

        async def is_over(self, token: str) -> bool:
            return False

        async def by_bearer(self, token: str, *, address: str = "", pending: bool = False) -> TokenContext | None:
            return None

    class Empty:
        @route("GET", "/", RouteOptions())
        async def front(self, request: SiteRequest) -> Response:
            return Response.html(b"hello, world")

        @route("GET", "/posts/<id:post_id>", RouteOptions())
        async def post(self, request: SiteRequest, post_id: int) -> Response:
            return Response.html(b"hello, world")

        @route("GET", "/api/v1/empty", RouteOptions(api=True))
        async def api(self, request: SiteRequest) -> Response:
            return Response.json(b"{}")

    class Unlimited(MemoryCounter):
        async def add(self, key: str, window: int, expires_in: int, amount: int = 1) -> int:
            await super().add(key, window, expires_in, amount)
            return 1

    limits = RateLimiter(Unlimited(reactor.seconds), lambda: datetime.now(UTC))
    return Dispatcher([Empty()], origin=SiteOrigin.parse("http://127.0.0.1"), authorizer=Authorizer(NoLogins(), limits), errors=Errors())


def load(port: int, path: str, seconds: float) -> int:
    """Send requests on all connections for a time; return the number of responses."""
    request_bytes = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    poll = selectors.DefaultSelector()
    for _ in range(CONNECTIONS):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(request_bytes)
        poll.register(connection, selectors.EVENT_READ)
    responses, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for key, _ in poll.select(0.1):
            data = key.fileobj.recv(65_536)  # type: ignore[union-attr]  # it is a socket
            if not data.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"unexpected response: {data[:200]!r}")
            responses += 1
            key.fileobj.sendall(request_bytes)  # type: ignore[union-attr]  # it is a socket
    for key in list(poll.get_map().values()):
        key.fileobj.close()  # type: ignore[union-attr]  # it is a socket
    return responses


def measure(port: int, process: psutil.Process, path: str, seconds: float) -> tuple[float, float]:
    """Return requests per second, and CPU microseconds per request."""
    load(port, path, 0.2)
    before = process.cpu_times()
    responses = load(port, path, seconds)
    after = process.cpu_times()
    cpu = (after.user + after.system) - (before.user + before.system)
    return responses / seconds, cpu / responses * 1e6


def main() -> None:
    """Measure every case and print the table."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    root = Path(__file__).resolve().parent.parent
    servers = {}
    for kind in dict.fromkeys(kind for kind, _ in CASES.values()):
        child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.overhead", "--serve", kind], cwd=root, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        servers[kind] = (child, int(child.stdout.readline()), psutil.Process(child.pid))
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in CASES}
    try:
        for _ in range(ROUNDS):
            for name, (kind, path) in CASES.items():
                _, port, process = servers[kind]
                results[name].append(measure(port, process, path, seconds))
    finally:
        for child, _, _ in servers.values():
            child.terminate()
            child.wait()
    report(results)


def report(results: dict[str, list[tuple[float, float]]]) -> None:
    """Print medians, and each cost as a ratio to the first."""
    first = 0.0
    for name, rounds in results.items():
        rate = statistics.median(rate for rate, _ in rounds)
        cost = statistics.median(cost for _, cost in rounds)
        first = first or cost
        print(f"{name:40} {rate:8.0f} req/s {cost:7.1f} us CPU   x {cost / first:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2])
    else:
        main()
