"""Pipelining, backpressure and limits per network: a greedy connection waits for its turn and delays nobody else."""

# mypy: disable-error-code="no-untyped-call"
# twisted.web.http has no annotations

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from time import monotonic
from typing import cast

import psutil
import pytest
from attrs import define
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import LoopingCall, deferLater
from twisted.internet.threads import deferToThread

from microblog.web.http import reactor_turns
from microblog.web.http.network_limits import Caps
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.http.timeouts import Timeouts
from tests.web.fake_site import FakeSite, build_fake_site
from tests.web.http_client import MemoryConnection, encode_request, parse_responses, request

KILOBYTE = 1024
LARGE = 700 * KILOBYTE


@define(eq=False)
class CountingRoutes:
    """Routes that count their requests."""

    requests: int = 0
    on_request: Callable[[int], object] = int

    @route("GET", "/book/<id:kilobytes>", RouteOptions())
    async def book(self, request: Request, kilobytes: int) -> Response:
        """Return a page of that size."""
        self.requests += 1
        return Response.html(b"x" * (kilobytes * KILOBYTE))

    @route("GET", "/heavy/<id:number>", RouteOptions())
    async def heavy(self, request: Request, number: int) -> Response:
        """Take as long as `on_request` does."""
        self.on_request(number)
        return Response.html("done")


@pytest.fixture
def counting_routes() -> CountingRoutes:
    return CountingRoutes()


@pytest.fixture
def fake_site(counting_routes: CountingRoutes) -> FakeSite:
    return build_fake_site(features=[counting_routes])


# --- in memory: the transport reports when it is full


def test_one_request_starts_per_reactor_turn(fake_site: FakeSite, counting_routes: CountingRoutes) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.channel.dataReceived(encode_request("GET", "/book/1") * 10)
    assert counting_routes.requests == 1
    assert len(parse_responses(connection.read())) == 10


def test_connections_take_turns(fake_site: FakeSite, counting_routes: CountingRoutes) -> None:
    connections = [MemoryConnection(fake_site.server) for _ in range(3)]
    for connection in connections:
        connection.channel.dataReceived(encode_request("GET", "/book/1") * 5)
    assert counting_routes.requests <= 3
    assert [len(parse_responses(connection.read())) for connection in connections] == [5, 5, 5]


def test_the_next_request_waits_while_the_transport_is_full(fake_site: FakeSite, counting_routes: CountingRoutes) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.channel.dataReceived(encode_request("GET", "/book/1") * 3)
    connection.channel.pauseProducing()
    assert len(parse_responses(connection.read())) == 1
    connection.channel.resumeProducing()
    assert len(parse_responses(connection.read())) == 2


def test_nothing_is_read_while_requests_wait(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.channel.dataReceived(encode_request("GET", "/book/1") * 3)
    assert connection.transport.producerState == "paused"
    connection.read()
    assert connection.transport.producerState == "producing"


def test_queued_requests_are_dropped_when_their_client_disconnects(fake_site: FakeSite, counting_routes: CountingRoutes) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.channel.dataReceived(encode_request("GET", "/book/1") * 3)
    connection.hang_up()
    fake_site.clock.advance(1)
    assert (counting_routes.requests, fake_site.server.channels) == (1, set())


def test_a_request_after_a_waiting_one_with_a_body_is_answered(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    data = (
        encode_request("GET", "/book/1")
        + encode_request("POST", "/go", None, b"x=1")
        + encode_request("GET", "/book/1")
        + encode_request("POST", "/go", None, b"")
    )
    assert [response.status for response in parse_responses(connection.send(data))] == [200, 303, 200, 303]


def test_queued_requests_do_not_start_during_shutdown(fake_site: FakeSite, counting_routes: CountingRoutes) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.channel.dataReceived(encode_request("GET", "/book/1") * 3)
    fake_site.server.draining = True
    assert len(parse_responses(connection.read())) == 1
    assert connection.closed


def test_networks_take_turns_under_load(fake_site: FakeSite, counting_routes: CountingRoutes, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[int] = []
    counting_routes.on_request = order.append
    monkeypatch.setattr(reactor_turns, "perf_counter", lambda: len(order) / 1000)  # each request takes a millisecond
    flood = [MemoryConnection(fake_site.server, "203.0.113.1") for _ in range(100)]
    for connection in flood:
        connection.channel.dataReceived(encode_request("GET", "/heavy/1"))
    assert len(order) == reactor_turns.SLICE_S * 1000 + 1  # requests start at once within a time slice
    other = MemoryConnection(fake_site.server, "203.0.113.2")
    other.channel.dataReceived(encode_request("GET", "/heavy/2"))
    begun = len(order)
    other.read()
    assert order.index(2) <= begun + 2
    assert sum(len(parse_responses(connection.read())) for connection in flood) == 100


CHUNKED = b"POST /form HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_a_body_in_tiny_chunks_is_parsed_over_many_turns(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.channel.dataReceived(CHUNKED + b"1\r\na\r\n" * 900)
    (request_in_progress,) = connection.channel.requests
    assert request_in_progress.content.size < 400
    assert connection.transport.producerState == "paused"
    connection.read()
    assert request_in_progress.content.size == 900
    assert connection.transport.producerState == "producing"


def test_endless_trailers_are_parsed_over_many_turns_and_rejected(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.channel.dataReceived(CHUNKED + b"0\r\n" + b"a:b\r\n" * 15_000)
    assert connection.transport.producerState == "paused"
    assert [response.status for response in parse_responses(connection.send(b"a:b\r\n" * 15_000))] == [400]


@pytest.mark.parametrize("by", [100_000, 2_000, 7, 1])
def test_requests_after_a_body_in_tiny_chunks_are_answered_in_order(fake_site: FakeSite, by: int) -> None:
    connection = MemoryConnection(fake_site.server)
    body = b"2\r\na=\r\n" + b"1\r\nx\r\n" * 900 + b"0\r\n\r\n"
    echo = CHUNKED.replace(b"/form", b"/api/v1/echo").replace(b"\r\n\r\n", b"\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n")
    data = (echo + body + encode_request("GET", "/book/1")) * 3 + encode_request("GET", "/book/2")
    responses = parse_responses(b"".join(connection.send(data[at : at + by]) for at in range(0, len(data), by)))
    assert [len(response.body) for response in responses] == [len('{"a":""}') + 900, KILOBYTE] * 3 + [2 * KILOBYTE]


def test_a_large_body_in_tiny_chunks_is_rejected_after_authentication(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.send(CHUNKED.replace(b"/form", b"/api/v1/echo"))
    responses = [connection.send(b"1\r\na\r\n" * 10_000) for _ in range(7)]
    assert [bool(response) for response in responses] == [False] * 6 + [True]
    assert parse_responses(responses[6])[0].status == 413


# --- over a socket


@asynccontextmanager
async def served(fake_site: FakeSite) -> AsyncIterator[int]:
    """Listen on a free port, with the clock following real time; yields the port."""
    listening = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(fake_site.server)
    began = monotonic()
    turns = LoopingCall(lambda: fake_site.clock.advance(max(0.0, monotonic() - began - (fake_site.clock.seconds() - start))))
    start = fake_site.clock.seconds()
    turns.start(0.001)
    try:
        yield cast("IPv4Address", listening.getHost()).port
    finally:
        turns.stop()
        await maybeDeferred(listening.stopListening)
        for channel in list(fake_site.server.channels):
            channel.transport.abortConnection()
        await deferLater(reactor, 0.02)


@pytest.fixture
def client() -> Iterator[socket.socket]:
    with closing(socket.socket()) as client_socket:
        client_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * KILOBYTE)
        client_socket.settimeout(20)
        yield client_socket


def flood(client: socket.socket, port: int, path: str, times: int) -> None:
    """Send requests until all are sent or the connection is full."""
    client.connect(("127.0.0.1", port))
    client.settimeout(1)
    try:
        client.sendall(encode_request("GET", path) * times)
    except TimeoutError:
        pass


def read_all(client: socket.socket, times: int) -> int:
    """Read to the end and return the number of responses."""
    client.settimeout(20)
    received = 0
    while received < times:
        data = client.recv(1 << 20)
        if not data:
            break
        received += data.count(b"HTTP/1.1 200")
    return received


async def wait_until_idle(counting_routes: CountingRoutes) -> int:
    """Wait until no more requests arrive, and return their number."""
    last = -1
    while last != counting_routes.requests:
        last = counting_routes.requests
        await deferLater(reactor, 0.3)
    return last


@pytest.mark.parametrize("kilobytes", [30, 700])
async def test_a_client_that_never_reads_gets_only_as_many_responses_as_buffers_hold(
    fake_site: FakeSite, counting_routes: CountingRoutes, client: socket.socket, kilobytes: int
) -> None:
    before = psutil.Process().memory_info().rss
    async with served(fake_site) as port:
        await deferToThread(flood, client, port, f"/book/{kilobytes}", 20_000)
        requests = await wait_until_idle(counting_routes)
        assert requests * kilobytes < 12_000  # the kernel's buffers, and little more
        assert psutil.Process().memory_info().rss - before < 30_000_000


async def test_a_client_that_reads_late_gets_every_response_whole(
    fake_site: FakeSite, counting_routes: CountingRoutes, client: socket.socket
) -> None:
    async with served(fake_site) as port:
        await deferToThread(flood, client, port, "/book/300", 100)
        assert await wait_until_idle(counting_routes) < 100
        assert await deferToThread(read_all, client, 100) == 100
        assert counting_routes.requests == 100


async def test_a_large_response_waits_outside_the_transport(
    fake_site: FakeSite, counting_routes: CountingRoutes, client: socket.socket
) -> None:
    async with served(fake_site) as port:
        await deferToThread(flood, client, port, f"/book/{20 * KILOBYTE}", 1)
        await wait_until_idle(counting_routes)
        (channel,) = fake_site.server.channels
        assert len(channel.transport.dataBuffer) + channel.transport._tempDataLen < 400 * KILOBYTE


async def test_a_client_that_never_reads_is_disconnected(counting_routes: CountingRoutes, client: socket.socket) -> None:
    fake_site = build_fake_site(features=[counting_routes], timeouts=Timeouts(unread=1.5, idle=1.5))
    async with served(fake_site) as port:
        await deferToThread(flood, client, port, "/book/300", 100)
        await wait_until_idle(counting_routes)
        await deferLater(reactor, 4)
        assert fake_site.server.channels == set()


async def test_a_client_that_reads_slowly_is_not_disconnected(counting_routes: CountingRoutes, client: socket.socket) -> None:
    fake_site = build_fake_site(features=[counting_routes], timeouts=Timeouts(unread=1.0, idle=1.0, read_rate=1_000))

    def slowly() -> int:
        client.connect(("127.0.0.1", port))
        client.sendall(encode_request("GET", "/book/8000"))
        received = 0
        while received <= 8_000 * KILOBYTE:
            data = client.recv(200 * KILOBYTE)
            if not data:
                break
            received += len(data)
            asyncio.run(asyncio.sleep(0.05))
        return received

    async with served(fake_site) as port:
        assert await deferToThread(slowly) > 8_000 * KILOBYTE


async def test_shutdown_does_not_wait_for_a_client_that_never_reads(
    fake_site: FakeSite, counting_routes: CountingRoutes, client: socket.socket
) -> None:
    async with served(fake_site) as port:
        await deferToThread(flood, client, port, "/book/700", 100)
        await wait_until_idle(counting_routes)
        began = monotonic()
        await Deferred.fromCoroutine(fake_site.server.drain(10))
        assert monotonic() - began < 5


async def test_shutdown_waits_for_a_client_that_is_reading(
    fake_site: FakeSite, counting_routes: CountingRoutes, client: socket.socket
) -> None:
    async with served(fake_site) as port:
        await deferToThread(flood, client, port, f"/book/{20 * KILOBYTE}", 1)
        assert await wait_until_idle(counting_routes) == 1
        ending = Deferred.fromCoroutine(fake_site.server.drain(10))

        def read() -> int:
            client.settimeout(20)
            received = 0
            while data := client.recv(1 << 20):
                received += len(data)
            return received

        assert await deferToThread(read) > 20 * KILOBYTE * KILOBYTE
        assert await ending


# --- limits per network


def test_a_network_over_its_rate_limit_gets_a_retry_after_header(counting_routes: CountingRoutes) -> None:
    fake_site = build_fake_site(features=[counting_routes], caps=Caps(requests=20))
    responses = [request(fake_site.server, "GET", "/book/1").status for _ in range(20)]
    refused = request(fake_site.server, "GET", "/book/1")
    elsewhere = request(fake_site.server, "GET", "/book/1", host="203.0.113.8")
    fake_site.clock.advance(int(refused.header("Retry-After") or 0))
    assert (set(responses), refused.status, elsewhere.status) == ({200}, 429, 200)
    assert request(fake_site.server, "GET", "/book/1").status == 200


def test_all_requests_share_one_rate_limit_per_client_behind_a_proxy() -> None:
    fake_site = build_fake_site(caps=Caps(requests=20), proxies=("203.0.113.7",))
    clients = [{"X-Forwarded-For": f"198.51.100.{number}"} for number in (1, 2)]
    paths = ("/", "/nowhere", "/api/v1/echo", "/api/v1/nothing")
    statuses = [request(fake_site.server, "GET", paths[number % 4], clients[0]).status for number in range(21)]
    assert statuses[-1] == 429
    assert request(fake_site.server, "GET", "/", clients[1]).status == 200


def test_after_a_rate_limit_error_nothing_more_is_answered(counting_routes: CountingRoutes) -> None:
    fake_site = build_fake_site(features=[counting_routes], caps=Caps(requests=20))
    connection = MemoryConnection(fake_site.server)
    responses = parse_responses(connection.send(encode_request("GET", "/book/1") * 1_000))
    assert [response.status for response in responses] == [200] * 20 + [429]
    assert (connection.closed, counting_routes.requests) == (True, 20)


def test_a_new_connection_replaces_the_longest_idle_one_of_its_network(counting_routes: CountingRoutes) -> None:
    fake_site = build_fake_site(features=[counting_routes], caps=Caps(connections=10))
    connections = []
    for _ in range(10):
        connections.append(MemoryConnection(fake_site.server))
        connections[-1].send(encode_request("GET", "/book/1"))
        fake_site.clock.advance(0.1)
    connections[0].send(encode_request("GET", "/book/1"))
    fake_site.clock.advance(0.1)
    newest, elsewhere = MemoryConnection(fake_site.server), MemoryConnection(fake_site.server, "203.0.113.8")
    assert [connection.closed for connection in connections] == [False, True] + [False] * 8
    assert newest.send(encode_request("GET", "/book/1"))
    assert elsewhere.send(encode_request("GET", "/book/1"))


def test_a_busy_connection_is_not_closed_for_a_new_one() -> None:
    fake_site = build_fake_site(caps=Caps(connections=2))
    busy = []
    for _ in range(20):
        busy.append(MemoryConnection(fake_site.server))
        if not busy[-1].closed:
            busy[-1].send(encode_request("GET", "/slow"))
    assert [connection.closed for connection in busy] == [False] * 8 + [True] * 12
    for waiting in fake_site.routes.waiting:
        waiting.callback("done")
    assert [bool(connection.read()) for connection in busy[:8]] == [True] * 8


def test_streams_do_not_count_as_plain_connections() -> None:
    fake_site = build_fake_site(caps=Caps(connections=1))
    streams = []
    for _ in range(5):
        streams.append(MemoryConnection(fake_site.server))
        streams[-1].send(encode_request("GET", "/stream"))
    assert [connection.closed for connection in streams] == [False] * 5


def test_connections_of_a_trusted_proxy_are_not_counted() -> None:
    fake_site = build_fake_site(caps=Caps(connections=1), proxies=("203.0.113.7",))
    connections = [MemoryConnection(fake_site.server) for _ in range(10)]
    assert all(connection.send(encode_request("GET", "/")) for connection in connections)
    assert not any(connection.closed for connection in connections)
