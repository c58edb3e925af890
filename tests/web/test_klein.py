"""The same site through Klein's own resource on a plain `twisted.web.server.Site` gives the same responses."""

# mypy: disable-error-code="no-untyped-call"
# twisted.web has few annotations, and is used here

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from attrs import frozen
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock, deferLater
from twisted.internet.testing import StringTransport
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.web.server import Site as StockSite

from microblog.storage.database import Cursor
from microblog.web.http.csrf import token_for
from microblog.web.http.dispatcher import Dispatcher
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import TEXT_FORM, AccessLevel, RouteOptions, route
from microblog.web.http.server import HttpServer
from tests import make
from tests.web.api.client import new_client_for
from tests.web.crawler import STREAMS, fill_path
from tests.web.fake_site import FakeSite, build_fake_site
from tests.web.http_client import FORM, HttpResponse, MemoryConnection, encode_request, parse_responses, request
from tests.web.visitor import SiteFixture, build_site

_ONE_TIME = (
    (re.compile(r"(visitor=)[^;]+"), r"\1X"),
    (re.compile(r'(name="(?:csrf|key)" value=")[^"]*|(data-(?:now|position)=")[^"]*'), r"\1\2X"),
    (re.compile(r"[0-9]{17,19}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z|[A-Za-z0-9_-]{43}"), "X"),
)
"""Values that differ in each response: CSRF tokens, sessions, ids and times."""
_CHANGING = frozenset({"/health/ready", "/metrics", "/admin/stats", "/admin/stats.json"})  # a different response each time
_OWN_HEADERS = frozenset({"date", "x-request-id", "connection"})
"""Headers whose values differ from one request to the next, or are about the connection."""


class KleinConnection:
    """A connection to a plain `twisted.web.server.Site` with the Klein app's resource."""

    def __init__(self, site: Dispatcher) -> None:
        self.transport = StringTransport(peerAddress=IPv4Address("TCP", "203.0.113.7", 54321))
        channel: Any = StockSite(site.routes.app.resource(), reactor=Clock()).buildProtocol(None)
        self.transport.protocol = channel  # type: ignore[attr-defined]  # real transports know their protocol
        channel.makeConnection(self.transport)

    @property
    def protocol(self) -> Any:
        """The protocol that receives the bytes."""
        return self.transport.protocol  # type: ignore[attr-defined]  # see above

    def send(self, data: bytes) -> bytes:
        """Send bytes; return what the server has sent since the last read."""
        self.protocol.dataReceived(data)
        return self.read()

    def read(self) -> bytes:
        """Return what the server has sent since the last read."""
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def hang_up(self) -> None:
        """Close the client's end."""
        self.protocol.connectionLost(Failure(ConnectionDone()))


def request_klein(
    site: Dispatcher, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> HttpResponse:
    """Send one request on a new connection."""
    connection = KleinConnection(site)
    (response,) = parse_responses(connection.send(encode_request(method, target, headers, body)), (method,))
    connection.hang_up()
    return response


def comparable(response: HttpResponse) -> tuple[object, ...]:
    """Return status, headers and body, without values that differ in each response."""
    headers = sorted((name.lower(), _steady(value)) for name, value in response.headers if name.lower() not in _OWN_HEADERS)
    assert len(response.all("X-Request-Id")) == len(response.all("Date")) == 1
    if response.status == 500:  # the page shows the request's id, and ids may have any length
        headers = [header for header in headers if header[0] != "content-length"]
    body = response.body.decode("utf-8", "replace").replace(str(response.header("X-Request-Id")), "ID")
    return response.status, headers, _steady(body)


def _steady(text: str) -> str:
    for pattern, steady in _ONE_TIME:
        text = pattern.sub(steady, text)
    return text


def compare(
    server: HttpServer, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> HttpResponse:
    """Send a request through both, and compare the responses."""
    assert isinstance(server.site, Dispatcher)
    direct, klein = request(server, method, target, headers, body), request_klein(server.site, method, target, headers, body)
    assert comparable(klein) == comparable(direct), f"{method} {target} {headers}"
    return direct


# --- the whole route table


@frozen
class Credentials:
    """The credentials of a client."""

    headers: Mapping[str, str]
    csrf: str = ""


def all_credentials(site: SiteFixture) -> Iterator[Credentials]:
    """Return an anonymous client, a logged-in browser and an API client."""
    ada = site.registered_user("ada")
    site.cursor.execute("update users set role = 'admin' where account_id = %s", [site.viewer("ada").id])
    yield Credentials({})
    yield Credentials({"Cookie": "; ".join(f"{name}={value}" for name, value in ada.cookies.items())}, token_for(ada.cookies["session"]))
    yield Credentials({"Authorization": f"Bearer {new_client_for(site, site.viewer('ada')).token}"})


def compare_on_same_state(site: SiteFixture, method: str, target: str, credentials: Credentials) -> None:
    """Send a request through both, on the same state of the database, and compare the responses."""
    assert isinstance(site.server.site, Dispatcher)
    body = None if method in ("GET", "HEAD") else urlencode({"csrf": credentials.csrf}).encode()
    headers = dict(credentials.headers) if body is None else {**credentials.headers, "Content-Type": FORM}
    found = []
    for send in (lambda *sent: request(site.server, *sent), lambda *sent: request_klein(site.server.site, *sent)):
        site.cursor.execute("savepoint before")
        found.append(comparable(send(method, target, headers, body)))
        site.cursor.execute("rollback to savepoint before")
    assert found[0] == found[1], f"{method} {target} {headers}"


def test_every_route_responds_alike_through_klein_and_the_dispatcher(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path, rate_limits="off")
    clients = list(all_credentials(site))
    post = make.post(site.cursor, site.viewer("ada"), "Hello #tag")
    values = {"username": "ada", "name": "tag", "post_id": post.id, "status_id": post.id, "account_id": post.author.id}
    compared = 0
    for entry in site.routes:
        if entry.path in _CHANGING:
            continue
        methods = ("GET", "HEAD") if entry.method == "GET" else (entry.method,)
        for method in methods[1:] if entry.path.startswith(STREAMS) else methods:
            for credentials in clients:
                compare_on_same_state(site, method, fill_path(entry.path, values), credentials)
                compared += 1
    assert compared > 1_000


def test_every_path_rejects_other_methods_alike(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path, rate_limits="off")
    for path in dict.fromkeys(fill_path(entry.path, {}) for entry in site.routes):
        for method in ("OPTIONS", "TRACE", "get"):
            compare(site.server, method, path, {"Accept": "text/html"})


# --- kinds of responses


@pytest.fixture
def fake_site() -> FakeSite:
    """A small site with a few routes."""
    return build_fake_site()


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/nowhere", 404),
        ("/api/v1/nowhere", 404),
        ("/posts/99999999999999999999", 404),
        ("/posts/9223372036854775808", 404),
        ("//", 404),
        ("/posts//1", 404),
        ("/tags/a%2Fb", 404),
        ("/tags/a%00b", 404),
        ("/tags/%C3%A9", 200),
        ("/tags/caf%C3%A9?x=%FF", 200),
        ("/mine", 303),
        ("/bug", 500),
        ("/down", 503),
        ("/full", 503),
        ("/confirm/secret", 200),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_found_missing_and_failing_routes_respond_alike(fake_site: FakeSite, method: str, target: str, status: int) -> None:
    response = compare(fake_site.server, method, target)
    assert response.status == status
    assert method == "GET" or response.body == b""


def test_an_unchanged_response_is_304_either_way(fake_site: FakeSite) -> None:
    assert compare(fake_site.server, "GET", "/posts/1", {"If-None-Match": 'W/"v1"'}).status == 304


@pytest.mark.parametrize(("method", "target", "status"), [("POST", "/", 405), ("DELETE", "/nowhere", 404), ("PUT", "/api/v1/echo", 405)])
def test_a_method_that_is_not_allowed_is_rejected_alike(fake_site: FakeSite, method: str, target: str, status: int) -> None:
    assert compare(fake_site.server, method, target, {"Content-Type": FORM}, b"x=1").status == status


class LargeBodyRoute:
    """A route that accepts a large body."""

    @route("POST", "/api/v1/large", RouteOptions(api=True, viewer=AccessLevel.MEMBER, body=TEXT_FORM))
    async def large(self, request: Request) -> Response:
        return Response.json({"length": len(request.fields.text("text"))})


@pytest.mark.parametrize("size", [0, 10, 40_000, 200_000])
def test_a_body_is_read_alike(size: int) -> None:
    fake_site = build_fake_site(features=[LargeBodyRoute()])
    body = urlencode({"text": "x" * size}).encode()
    response = compare(fake_site.server, "POST", "/api/v1/large", {"Content-Type": FORM, "Authorization": "Bearer writer"}, body)
    assert response.json == {"length": size}


@pytest.mark.parametrize(
    ("target", "size", "token"),
    [
        ("/api/v1/echo", 100_001, "writer"),
        ("/api/v1/large", 2_000_000, "writer"),
        ("/api/v1/large", 200_000, "nobody"),
        ("/api/v1/large", 200_000, "app"),
        ("/nowhere", 70_000, "writer"),
    ],
)
def test_a_body_that_is_too_large_is_rejected_with_the_same_message(target: str, size: int, token: str) -> None:
    fake_site = build_fake_site(features=[LargeBodyRoute()])
    headers, body = {"Content-Type": FORM, "Authorization": f"Bearer {token}"}, b"x" * size
    direct, klein = (
        request(fake_site.server, "POST", target, headers, body),
        request_klein(fake_site.dispatcher, "POST", target, headers, body),
    )
    assert (klein.status, klein.body) == (direct.status, direct.body)
    assert direct.status in (401, 413, 422)


# --- time


@pytest.mark.parametrize(
    "connect",
    [lambda fake_site: MemoryConnection(fake_site.server), lambda fake_site: KleinConnection(fake_site.dispatcher)],
    ids=["thin", "klein"],
)
@pytest.mark.parametrize(("method", "done"), [("GET", []), ("POST", ["command", "for 203.0.113.7 False hi"])])
def test_a_disconnect_cancels_reads_and_lets_commands_finish(fake_site: FakeSite, connect: Any, method: str, done: list[str]) -> None:
    connection = connect(fake_site)
    body = b"text=hi" if method == "POST" else None
    assert connection.send(encode_request(method, "/slow", {"Content-Type": FORM}, body)) == b""
    connection.hang_up()
    assert fake_site.dispatcher.busy == (method == "POST")
    if not fake_site.routes.waiting[0].called:
        fake_site.routes.waiting[0].callback("late")
    assert (fake_site.routes.done, fake_site.dispatcher.busy) == (done, False)


def test_a_late_response_is_written_alike(fake_site: FakeSite) -> None:
    found = []
    for connection in (MemoryConnection(fake_site.server), KleinConnection(fake_site.dispatcher)):
        assert connection.send(encode_request("GET", "/slow")) == b""
        fake_site.routes.waiting.pop().callback("at last")
        found.append(comparable(parse_responses(connection.read())[0]))
    assert found[0] == found[1]


def test_a_stream_takes_the_connection_over_alike() -> None:
    found = []
    for klein in (False, True):
        fake_site = build_fake_site()
        connection = KleinConnection(fake_site.dispatcher) if klein else MemoryConnection(fake_site.server)
        [response] = parse_responses(connection.send(encode_request("GET", "/stream")))
        assert connection.send(b"more") == b"<more>"
        connection.hang_up()
        assert fake_site.routes.echo.lost
        found.append(comparable(response))
    assert found[0] == found[1]
    assert found[0][2] == "hello;"


# --- over a real socket


async def test_over_a_real_socket_klein_keeps_the_connection_and_then_hands_it_to_a_stream() -> None:
    fake_site = build_fake_site()
    endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    listening = await endpoint.listen(StockSite(fake_site.dispatcher.routes.app.resource()))
    try:
        received = await deferToThread(_exchange, listening.getHost().port)
    finally:
        await maybeDeferred(listening.stopListening)
    front, missing, stream = parse_responses(received)
    assert [front.status, missing.status, stream.status] == [200, 404, 200]
    assert (front.text, stream.text) == ("hello stranger", "hello;<more>")
    while not fake_site.routes.echo.lost:
        await deferLater(reactor, 0.01)
    assert not fake_site.dispatcher.busy


def _exchange(port: int) -> bytes:
    """Request a page, a missing page and a stream; send bytes on the stream and close."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        received = b""
        for sent, end in (
            (encode_request("GET", "/"), b"hello stranger"),
            (encode_request("GET", "/nowhere"), b"</html>"),
            (encode_request("GET", "/stream"), b"hello;"),
            (b"more", b"<more>"),
        ):
            connection.sendall(sent)
            while not received.endswith(end):
                received += connection.recv(65_536)
        return received
