"""One connection asks much and reads little: it waits for its turns, and nobody else for it."""

# mypy: disable-error-code="no-untyped-call"
# twisted.web.http has no annotations

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from time import monotonic, perf_counter
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

from microblog.web.http.network_limits import Caps
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.http.timeouts import Timeouts
from tests.web.fake_site import House, house
from tests.web.memory import Line, ask, replies, request

KILOBYTE = 1024
LARGE = 700 * KILOBYTE


@define(eq=False)
class Library:
    """Counts how often it was asked."""

    asked: int = 0
    heard: Callable[[int], object] = int

    @route("GET", "/book/<id:kilobytes>", RouteOptions())
    async def book(self, call: Request, kilobytes: int) -> Response:
        """A page of a size."""
        self.asked += 1
        return Response.html(b"x" * (kilobytes * KILOBYTE))

    @route("GET", "/heavy/<id:number>", RouteOptions())
    async def heavy(self, call: Request, number: int) -> Response:
        """Work for a millisecond."""
        self.heard(number)
        ends = perf_counter() + 0.001
        while perf_counter() < ends:
            pass
        return Response.html("done")


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
def home(library: Library) -> House:
    return house(features=[library])


# --- in memory: the transport says when it is full


def test_one_request_begins_in_each_turn_of_the_reactor(home: House, library: Library) -> None:
    line = Line(home.server)
    line.channel.dataReceived(request("GET", "/book/1") * 10)
    assert library.asked == 1
    assert len(replies(line.read())) == 10


def test_connections_take_turns(home: House, library: Library) -> None:
    lines = [Line(home.server) for _ in range(3)]
    for line in lines:
        line.channel.dataReceived(request("GET", "/book/1") * 5)
    assert library.asked <= 3
    assert [len(replies(line.read())) for line in lines] == [5, 5, 5]


def test_the_next_request_waits_until_the_transport_takes_more(home: House, library: Library) -> None:
    line = Line(home.server)
    line.channel.dataReceived(request("GET", "/book/1") * 3)
    line.channel.pauseProducing()
    assert len(replies(line.read())) == 1
    line.channel.resumeProducing()
    assert len(replies(line.read())) == 2


def test_nothing_is_read_while_requests_wait(home: House) -> None:
    line = Line(home.server)
    line.channel.dataReceived(request("GET", "/book/1") * 3)
    assert line.transport.producerState == "paused"
    line.read()
    assert line.transport.producerState == "producing"


def test_a_client_that_hangs_up_while_its_requests_wait_is_forgotten(home: House, library: Library) -> None:
    line = Line(home.server)
    line.channel.dataReceived(request("GET", "/book/1") * 3)
    line.hang_up()
    home.clock.advance(1)
    assert (library.asked, home.server.channels) == (1, set())


def test_a_request_after_a_waiting_one_with_a_body_is_answered(home: House) -> None:
    line = Line(home.server)
    data = request("GET", "/book/1") + request("POST", "/go", None, b"x=1") + request("GET", "/book/1") + request("POST", "/go", None, b"")
    assert [reply.status for reply in replies(line.send(data))] == [200, 303, 200, 303]


def test_waiting_requests_are_not_begun_any_more_when_the_site_ends(home: House, library: Library) -> None:
    line = Line(home.server)
    line.channel.dataReceived(request("GET", "/book/1") * 3)
    home.server.draining = True
    assert len(replies(line.read())) == 1
    assert line.closed


def test_where_requests_pile_up_networks_take_turns(home: House, library: Library) -> None:
    order: list[int] = []
    library.heard = order.append
    flood = [Line(home.server, "203.0.113.1") for _ in range(100)]
    for line in flood:
        line.channel.dataReceived(request("GET", "/heavy/1"))
    assert 0 < len(order) < 50  # what takes no longer than a slice begins at once
    other = Line(home.server, "203.0.113.2")
    other.channel.dataReceived(request("GET", "/heavy/2"))
    begun = len(order)
    other.read()
    assert order.index(2) <= begun + 2
    assert sum(len(replies(line.read())) for line in flood) == 100


CHUNKED = b"POST /form HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_a_body_in_tiny_chunks_is_taken_apart_in_many_turns(home: House) -> None:
    line = Line(home.server)
    line.channel.dataReceived(CHUNKED + b"1\r\na\r\n" * 900)
    (taking,) = line.channel.requests
    assert taking.content.size < 400
    assert line.transport.producerState == "paused"
    line.read()
    assert taking.content.size == 900
    assert line.transport.producerState == "producing"


def test_trailers_without_end_are_taken_apart_in_many_turns_and_refused(home: House) -> None:
    line = Line(home.server)
    line.channel.dataReceived(CHUNKED + b"0\r\n" + b"a:b\r\n" * 15_000)
    assert line.transport.producerState == "paused"
    assert [reply.status for reply in replies(line.send(b"a:b\r\n" * 15_000))] == [400]


@pytest.mark.parametrize("by", [100_000, 2_000, 7, 1])
def test_what_follows_a_body_in_tiny_chunks_is_answered_in_order(home: House, by: int) -> None:
    line = Line(home.server)
    body = b"2\r\na=\r\n" + b"1\r\nx\r\n" * 900 + b"0\r\n\r\n"
    echo = CHUNKED.replace(b"/form", b"/api/v1/echo").replace(b"\r\n\r\n", b"\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n")
    data = (echo + body + request("GET", "/book/1")) * 3 + request("GET", "/book/2")
    answers = replies(b"".join(line.send(data[at : at + by]) for at in range(0, len(data), by)))
    assert [len(answer.body) for answer in answers] == [len('{"a":""}') + 900, KILOBYTE] * 3 + [2 * KILOBYTE]


def test_tiny_chunks_of_a_large_body_are_refused_once_it_is_known_who_sends_them(home: House) -> None:
    line = Line(home.server)
    line.send(CHUNKED.replace(b"/form", b"/api/v1/echo"))
    answers = [line.send(b"1\r\na\r\n" * 10_000) for _ in range(7)]
    assert [bool(answer) for answer in answers] == [False] * 6 + [True]
    assert replies(answers[6])[0].status == 413


# --- over a socket


@asynccontextmanager
async def served(home: House) -> AsyncIterator[int]:
    """The port on which the house listens; its clock goes with the real one."""
    listening = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(home.server)
    began = monotonic()
    turns = LoopingCall(lambda: home.clock.advance(max(0.0, monotonic() - began - (home.clock.seconds() - start))))
    start = home.clock.seconds()
    turns.start(0.001)
    try:
        yield cast("IPv4Address", listening.getHost()).port
    finally:
        turns.stop()
        await maybeDeferred(listening.stopListening)
        for channel in list(home.server.channels):
            channel.transport.abortConnection()
        await deferLater(reactor, 0.02)


@pytest.fixture
def client() -> Iterator[socket.socket]:
    with closing(socket.socket()) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * KILOBYTE)
        made.settimeout(20)
        yield made


def ask_much(client: socket.socket, port: int, path: str, times: int) -> None:
    """Send requests until all are sent or nothing takes them any more."""
    client.connect(("127.0.0.1", port))
    client.settimeout(1)
    try:
        client.sendall(request("GET", path) * times)
    except TimeoutError:
        pass


def read_all(client: socket.socket, times: int) -> int:
    """How many bodies arrive, read to the end."""
    client.settimeout(20)
    received = 0
    while received < times:
        data = client.recv(1 << 20)
        if not data:
            break
        received += data.count(b"HTTP/1.1 200")
    return received


async def settled(library: Library) -> int:
    """How often the library was asked once it is asked no more."""
    last = -1
    while last != library.asked:
        last = library.asked
        await deferLater(reactor, 0.3)
    return last


@pytest.mark.parametrize("kilobytes", [30, 700])
async def test_who_reads_nothing_is_answered_only_as_far_as_buffers_go(
    home: House, library: Library, client: socket.socket, kilobytes: int
) -> None:
    before = psutil.Process().memory_info().rss
    async with served(home) as port:
        await deferToThread(ask_much, client, port, f"/book/{kilobytes}", 20_000)
        asked = await settled(library)
        assert asked * kilobytes < 12_000  # the kernel's buffers, and little more
        assert psutil.Process().memory_info().rss - before < 30_000_000


async def test_who_reads_late_gets_every_response_whole(home: House, library: Library, client: socket.socket) -> None:
    async with served(home) as port:
        await deferToThread(ask_much, client, port, "/book/300", 100)
        assert await settled(library) < 100
        assert await deferToThread(read_all, client, 100) == 100
        assert library.asked == 100


async def test_a_large_response_waits_outside_the_transport(home: House, library: Library, client: socket.socket) -> None:
    async with served(home) as port:
        await deferToThread(ask_much, client, port, f"/book/{20 * KILOBYTE}", 1)
        await settled(library)
        (channel,) = home.server.channels
        assert len(channel.transport.dataBuffer) + channel.transport._tempDataLen < 400 * KILOBYTE


async def test_who_reads_nothing_is_cut_off(library: Library, client: socket.socket) -> None:
    home = house(features=[library], timeouts=Timeouts(unread=1.5, idle=1.5))
    async with served(home) as port:
        await deferToThread(ask_much, client, port, "/book/300", 100)
        await settled(library)
        await deferLater(reactor, 4)
        assert home.server.channels == set()


async def test_who_reads_slowly_but_steadily_is_not_cut_off(library: Library, client: socket.socket) -> None:
    home = house(features=[library], timeouts=Timeouts(unread=1.0, idle=1.0, read_rate=1_000))

    def slowly() -> int:
        client.connect(("127.0.0.1", port))
        client.sendall(request("GET", "/book/8000"))
        received = 0
        while received < 8_000 * KILOBYTE:
            data = client.recv(200 * KILOBYTE)
            if not data:
                break
            received += len(data)
            asyncio.run(asyncio.sleep(0.05))
        return received

    async with served(home) as port:
        assert await deferToThread(slowly) > 8_000 * KILOBYTE


async def test_the_end_does_not_wait_for_who_reads_nothing(home: House, library: Library, client: socket.socket) -> None:
    async with served(home) as port:
        await deferToThread(ask_much, client, port, "/book/700", 100)
        await settled(library)
        began = monotonic()
        await Deferred.fromCoroutine(home.server.drain(10))
        assert monotonic() - began < 5


async def test_the_end_waits_for_who_still_reads(home: House, library: Library, client: socket.socket) -> None:
    async with served(home) as port:
        await deferToThread(ask_much, client, port, f"/book/{20 * KILOBYTE}", 1)
        assert await settled(library) == 1
        ending = Deferred.fromCoroutine(home.server.drain(10))

        def read() -> int:
            client.settimeout(20)
            received = 0
            while data := client.recv(1 << 20):
                received += len(data)
            return received

        assert await deferToThread(read) > 20 * KILOBYTE * KILOBYTE
        assert await ending


# --- what one network may have


def test_a_network_that_asks_too_often_is_told_when_to_come_back(library: Library) -> None:
    home = house(features=[library], caps=Caps(requests=20))
    answers = [ask(home.server, "GET", "/book/1").status for _ in range(20)]
    refused = ask(home.server, "GET", "/book/1")
    elsewhere = ask(home.server, "GET", "/book/1", host="203.0.113.8")
    home.clock.advance(int(refused.header("Retry-After") or 0))
    assert (set(answers), refused.status, elsewhere.status) == ({200}, 429, 200)
    assert ask(home.server, "GET", "/book/1").status == 200


def test_pages_files_and_programs_are_counted_together_and_behind_a_proxy_each_client_alone() -> None:
    home = house(caps=Caps(requests=20), proxies=("203.0.113.7",))
    clients = [{"X-Forwarded-For": f"198.51.100.{number}"} for number in (1, 2)]
    paths = ("/", "/nowhere", "/api/v1/echo", "/api/v1/nothing")
    statuses = [ask(home.server, "GET", paths[number % 4], clients[0]).status for number in range(21)]
    assert statuses[-1] == 429
    assert ask(home.server, "GET", "/", clients[1]).status == 200


def test_who_is_refused_for_asking_too_often_has_nothing_more_answered(library: Library) -> None:
    home = house(features=[library], caps=Caps(requests=20))
    line = Line(home.server)
    answers = replies(line.send(request("GET", "/book/1") * 1_000))
    assert [answer.status for answer in answers] == [200] * 20 + [429]
    assert (line.closed, library.asked) == (True, 20)


def test_a_new_connection_closes_the_idlest_of_its_network(library: Library) -> None:
    home = house(features=[library], caps=Caps(connections=10))
    lines = []
    for _ in range(10):
        lines.append(Line(home.server))
        lines[-1].send(request("GET", "/book/1"))
        home.clock.advance(0.1)
    lines[0].send(request("GET", "/book/1"))
    home.clock.advance(0.1)
    newest, elsewhere = Line(home.server), Line(home.server, "203.0.113.8")
    assert [line.closed for line in lines] == [False, True] + [False] * 8
    assert newest.send(request("GET", "/book/1"))
    assert elsewhere.send(request("GET", "/book/1"))


def test_a_connection_whose_request_is_worked_on_is_not_closed_for_a_new_one() -> None:
    home = house(caps=Caps(connections=2))
    busy = []
    for _ in range(20):
        busy.append(Line(home.server))
        if not busy[-1].closed:
            busy[-1].send(request("GET", "/slow"))
    assert [line.closed for line in busy] == [False] * 8 + [True] * 12
    for waiting in home.rooms.waiting:
        waiting.callback("done")
    assert [bool(line.read()) for line in busy[:8]] == [True] * 8


def test_a_stream_is_no_plain_connection() -> None:
    home = house(caps=Caps(connections=1))
    streams = []
    for _ in range(5):
        streams.append(Line(home.server))
        streams[-1].send(request("GET", "/stream"))
    assert [line.closed for line in streams] == [False] * 5


def test_connections_of_a_trusted_proxy_are_not_counted() -> None:
    home = house(caps=Caps(connections=1), proxies=("203.0.113.7",))
    lines = [Line(home.server) for _ in range(10)]
    assert all(line.send(request("GET", "/")) for line in lines)
    assert not any(line.closed for line in lines)
