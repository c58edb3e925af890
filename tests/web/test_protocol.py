"""What happens on the wire: each trick of the table in SECURITY.md, bodies, deadlines, pipelining, streams and the end."""

from __future__ import annotations

import json
import re
import socket
import time
from http import HTTPStatus
from pathlib import Path
from typing import cast

import psutil
import pytest
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThread
from twisted.web import http

from microblog.adapters.access_log import AccessLog
from microblog.web.http import protocol
from microblog.web.http.channel_request import ChannelRequest
from microblog.web.http.pipeline import PipelinedChannel
from tests.web.fake_site import House, house
from tests.web.memory import FORM, Line, ask, replies, request

GET = b"GET / HTTP/1.1\r\nHost: site.test\r\n"
POST = b"POST /api/v1/echo HTTP/1.1\r\nHost: site.test\r\nContent-Type: application/json\r\n"

REFUSED = {
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": GET + b"Host: other.test\r\n\r\n",
    "two equal Hosts": GET + b"Host: site.test\r\n\r\n",
    "an empty Host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "a Host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a Host with a user": b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "a folded header": GET + b"X-A: 1\r\n 2\r\n\r\n",
    "a folded header with a tab": GET + b"X-A: 1\r\n\t2\r\n\r\n",
    "a folded first header": b"GET / HTTP/1.1\r\n Host: site.test\r\n\r\n",
    "a space before the colon": GET + b"X-A : 1\r\n\r\n",
    "a header without a colon": GET + b"nonsense\r\n\r\n",
    "a header without a name": GET + b": 1\r\n\r\n",
    "a bare CR in a header": GET + b"X-A: 1\rX-B: 2\r\n\r\n",
    "a NUL in a header": GET + b"X-A: 1\x002\r\n\r\n",
    "Content-Length and Transfer-Encoding": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding and Content-Length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    "two Content-Lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "two equal Content-Lengths": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "a list as Content-Length": POST + b"Content-Length: 2, 2\r\n\r\n{}",
    "a signed Content-Length": POST + b"Content-Length: +2\r\n\r\n{}",
    "a negative Content-Length": POST + b"Content-Length: -2\r\n\r\n{}",
    "a hexadecimal Content-Length": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "a Content-Length of 6,000 digits": POST + b"Content-Length: " + b"9" * 6_000 + b"\r\n\r\n{}",
    "an unknown coding": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "the coding identity": POST + b"Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk size that is no number": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a signed chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n",
    "a chunk size with 0x": POST + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
    "a chunk that is longer than its size": POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}}\r\n0\r\n\r\n",
    "a bare LF in a chunk extension": POST + b"Transfer-Encoding: chunked\r\n\r\n2;a\nb\r\n{}\r\n0\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2 without TLS": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an unknown version": b"GET / HTTP/1.2\r\nHost: site.test\r\n\r\n",
    "a space in the address": b"GET /a b HTTP/1.1\r\nHost: site.test\r\n\r\n",
    "a raw byte in the address": b"GET /\xc3\xa4 HTTP/1.1\r\nHost: site.test\r\n\r\n",
    "a fragment in the address": b"GET /#a HTTP/1.1\r\nHost: site.test\r\n\r\n",
    "another site's absolute address": b"GET http://other.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n",
    "a tunnel": b"CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n",
    "a method that is none": b"G@T / HTTP/1.1\r\nHost: site.test\r\n\r\n",
    "101 headers": GET + b"".join(b"X-%d: 1\r\n" % number for number in range(101)) + b"\r\n",
}


@pytest.fixture
def home() -> House:
    return house()


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_two_readers_could_read_differently_is_refused_and_the_connection_closed(home: House, data: bytes) -> None:
    line = Line(home.server)
    first, *more = replies(line.send(data + GET + b"\r\n"))
    assert (first.status, more) == (400, [])
    assert first.header("Connection") == "close"
    assert line.closed


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_it_is_refused_as_well_when_it_comes_byte_by_byte(home: House, data: bytes) -> None:
    line = Line(home.server)
    answer = b"".join(line.send(data[at : at + 1]) for at in range(len(data)))
    assert [reply.status for reply in replies(answer)] == [400]


def test_a_head_that_is_too_large_is_refused(home: House) -> None:
    long_line = Line(home.server).send(GET + b"X-A: " + b"a" * 20_000 + b"\r\n\r\n")
    endless_line = Line(home.server).send(GET + b"X-A: " + b"a" * 70_000)
    many_lines = Line(home.server).send(GET + b"".join(b"X-%d: %s\r\n" % (number, b"a" * 1_000) for number in range(20)) + b"\r\n")
    assert [replies(data)[0].status for data in (long_line, endless_line, many_lines)] == [431, 431, 431]


LONG = b"a" * 20_000
REFUSED_BY_PATH = {
    "a request line that is too long": (414, b"GET %s?q=" + LONG + b" HTTP/1.1\r\nHost: site.test\r\n\r\n"),
    "a request line without an end": (414, b"GET %s?" + LONG),
    "a header that is too long": (431, b"GET %s HTTP/1.1\r\nHost: site.test\r\nX-A: " + LONG + b"\r\n\r\n"),
    "a space in the address": (400, b"GET %s?a b HTTP/1.1\r\nHost: site.test\r\n\r\n"),
    "an unknown version": (400, b"GET %s HTTP/3.0\r\nHost: site.test\r\n\r\n"),
    "a method that is none": (400, b"G@T %s HTTP/1.1\r\nHost: site.test\r\n\r\n"),
    "a folded first header": (400, b"GET %s HTTP/1.1\r\n Host: site.test\r\n\r\n"),
    "no Host": (400, b"GET %s HTTP/1.1\r\n\r\n"),
    "too large a body": (413, b"POST %s HTTP/1.1\r\nHost: site.test\r\nContent-Length: 300000000\r\n\r\n"),
}


@pytest.mark.parametrize(("status", "data"), REFUSED_BY_PATH.values(), ids=REFUSED_BY_PATH)
@pytest.mark.parametrize("path", ["/api/v1/echo", "/oauth/token", "/api/nothing"])
def test_what_is_refused_below_the_paths_of_programs_is_told_in_json(home: House, path: str, status: int, data: bytes) -> None:
    (reply,) = replies(Line(home.server).send(data.replace(b"%s", path.encode())))
    assert (reply.status, reply.header("Content-Type")) == (status, "application/json; charset=utf-8")
    assert reply.json["error"]


@pytest.mark.parametrize(("status", "data"), REFUSED_BY_PATH.values(), ids=REFUSED_BY_PATH)
def test_what_is_refused_elsewhere_is_told_on_a_page(home: House, status: int, data: bytes) -> None:
    (reply,) = replies(Line(home.server).send(data.replace(b"%s", b"/tags/x")))
    assert (reply.status, reply.header("Content-Type")) == (status, "text/html; charset=utf-8")


@pytest.mark.parametrize(("status", "data"), REFUSED_BY_PATH.values(), ids=REFUSED_BY_PATH)
def test_the_status_line_of_a_refusal_has_the_phrase_of_http(home: House, status: int, data: bytes) -> None:
    first = Line(home.server).send(data.replace(b"%s", b"/api/v1/echo")).partition(b"\r\n")[0]
    assert first.decode() == f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"


def test_after_a_refusal_nothing_more_is_read(home: House) -> None:
    line = Line(home.server)
    line.send(b"GET / HTTP/1.1\r\n\r\n")
    assert line.send(GET + b"\r\n") == b""


def test_an_absolute_address_of_this_site_is_the_same_as_its_path(home: House) -> None:
    (reply,) = replies(Line(home.server).send(b"GET http://site.test/tags/x?a=1 HTTP/1.1\r\nHost: site.test\r\n\r\n"))
    assert (reply.status, reply.text) == (200, "x")


def test_http_1_0_is_answered_and_closed(home: House) -> None:
    line = Line(home.server)
    (reply,) = replies(line.send(b"GET / HTTP/1.0\r\n\r\n"))
    assert (reply.status, reply.text, reply.header("Connection"), line.closed) == (200, "hello stranger", "close", True)


@pytest.mark.parametrize("wish", ["close", "Close", "keep-alive, close", "close, TE"])
def test_a_client_that_wishes_so_gets_its_connection_closed(home: House, wish: str) -> None:
    line = Line(home.server)
    (reply,) = replies(line.send(request("GET", "/", {"Connection": wish})))
    assert (reply.header("Connection"), line.closed) == ("close", True)


def test_http_2_is_not_offered(home: House) -> None:
    assert not IProtocolNegotiationFactory.providedBy(home.server)
    upgrade = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"}
    assert ask(home.server, "GET", "/", upgrade).status == 200


def test_pipelined_requests_are_answered_in_their_order(home: House) -> None:
    line = Line(home.server)
    data = b"".join((request("GET", "/slow"), request("GET", "/tags/2"), request("POST", "/go", None, b"x=1"), request("GET", "/tags/4")))
    assert line.send(data) == b""
    home.rooms.waiting[0].callback("first")
    assert [(reply.status, reply.text) for reply in replies(line.read())] == [(200, "first"), (200, "2"), (303, ""), (200, "4")]


def test_a_thousand_pipelined_requests_are_answered(home: House) -> None:
    line = Line(home.server)
    assert len(replies(line.send((GET + b"\r\n") * 1_000))) == 1_000


# --- bodies


@pytest.mark.parametrize("path", ["/form", "/nowhere", "/api/v1/nothing", "/"])
def test_a_body_over_the_limit_is_refused_by_its_length_alone(home: House, path: str) -> None:
    line = Line(home.server)
    head = f"POST {path} HTTP/1.1\r\nHost: site.test\r\nContent-Length: 300000000\r\n\r\n".encode()
    (reply,) = replies(line.send(head))
    assert (reply.status, line.closed, home.server.budget.arriving) == (413, True, {})


@pytest.mark.parametrize(("path", "limit"), [("/form", 1_000), ("/nowhere", 65_536)])
def test_a_chunked_body_over_the_limit_is_refused_while_it_arrives(home: House, path: str, limit: int) -> None:
    line = Line(home.server)
    line.send(f"POST {path} HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    sent, answer = 0, b""
    while not answer and sent < 10_000_000:
        answer = line.send(b"200\r\n" + b"a" * 512 + b"\r\n")
        sent += 512
    assert replies(answer)[0].status == 413
    assert sent <= limit + 512
    assert home.server.budget.arriving == {}


def test_a_small_body_in_enormous_chunk_wrapping_is_refused(home: House) -> None:
    line = Line(home.server)
    line.send(b"POST /form HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n")
    sent, answer = 0, b""
    while not answer and sent < 1_000_000:
        answer = line.send(b"1;" + b"x" * 900 + b"\r\na\r\n")
        sent += 900
    assert replies(answer)[0].status == 413
    assert sent < 100_000


def test_a_body_within_the_limit_is_read_whole(home: House) -> None:
    reply = ask(home.server, "POST", "/api/v1/echo", {"Content-Type": FORM, "Authorization": "Bearer reader"}, b"a=" + b"x" * 99_990)
    assert len(reply.json["a"]) == 99_990


def test_a_chunked_body_is_a_body(home: House) -> None:
    data = POST + b'Transfer-Encoding: chunked\r\n\r\n4;ext=1\r\n{"a"\r\n3\r\n:1}\r\n0\r\nX-Trailer: 1\r\n\r\n'
    first, second = replies(Line(home.server).send(data + GET + b"\r\n"))
    assert (first.json, second.status) == ({"a": 1}, 200)


def test_a_client_that_asks_before_sending_is_told_to_go_on(home: House) -> None:
    line = Line(home.server)
    assert line.send(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert replies(line.send(b"{}"))[0].json == {}


def test_a_client_that_asks_before_sending_too_much_is_told_so(home: House) -> None:
    answer = Line(home.server).send(POST + b"Expect: 100-continue\r\nContent-Length: 200000\r\n\r\n")
    assert [reply.status for reply in replies(answer)] == [413]


# --- deadlines


def test_a_head_that_drips_is_cut_off_at_its_deadline(home: House) -> None:
    line = Line(home.server)
    seconds = 0
    while not line.closed and seconds < len(GET):
        line.send(GET[seconds : seconds + 1])
        home.clock.advance(1)
        seconds += 1
    assert 10 < seconds < 20
    assert replies(line.read())[0].status == 408


def test_a_body_that_drips_is_cut_off_at_its_deadline(home: House) -> None:
    line = Line(home.server)
    line.send(POST + b"Content-Length: 1000\r\n\r\n")
    seconds = 0
    while not line.closed and seconds < 100:
        line.send(b"a")
        home.clock.advance(1)
        seconds += 1
    assert 20 < seconds < 40
    assert replies(line.read())[0].status == 408


def test_a_connection_that_says_nothing_is_closed(home: House) -> None:
    line = Line(home.server)
    home.clock.pump([1] * 20)
    assert line.closed
    assert line.read() == b""


def test_an_idle_connection_is_kept_for_a_while_and_then_closed(home: House) -> None:
    line = Line(home.server)
    line.send(GET + b"\r\n")
    home.clock.pump([1] * 70)
    assert not line.closed
    home.clock.pump([1] * 10)
    assert line.closed


def test_a_slow_answer_is_waited_for(home: House) -> None:
    line = Line(home.server)
    line.send(request("GET", "/slow"))
    home.clock.pump([1] * 300)
    home.rooms.waiting[0].callback("late")
    assert replies(line.read())[0].text == "late"


def test_who_is_refused_and_goes_on_sending_is_torn_down(home: House) -> None:
    line = Line(home.server)
    line.send(b"GET / HTTP/1.1\r\n\r\n")
    home.clock.pump([1] * 3)
    assert line.transport.disconnected


# --- waiting, hanging up, streams


def test_a_read_is_cancelled_when_its_client_hangs_up(home: House) -> None:
    line = Line(home.server)
    cancelled: list[bool] = []
    line.send(request("GET", "/slow"))
    home.rooms.waiting[0].addErrback(lambda _: cancelled.append(True))
    line.hang_up()
    assert (home.rooms.done, home.site.busy) == ([], False)


def test_a_command_runs_to_its_end_when_its_client_hangs_up(home: House) -> None:
    line = Line(home.server)
    line.send(request("POST", "/slow", {"Content-Type": FORM}, b"text=kept"))
    line.hang_up()
    assert home.site.busy
    home.rooms.waiting[0].callback("x")
    assert (home.rooms.done, home.site.busy) == (["command", "for 203.0.113.7 False kept"], False)


def test_a_stream_gets_the_bare_connection_after_the_head(home: House) -> None:
    line = Line(home.server)
    head, _, body = line.send(request("GET", "/stream")).partition(b"\r\n\r\n")
    assert b"Content-Type: text/event-stream" in head
    assert b"Content-Length" not in head
    assert body == b"hello;"
    assert line.send(b"more") == b"<more>"
    home.clock.pump([1] * 300)
    assert not line.closed
    line.hang_up()
    assert home.rooms.parrot.lost


def test_bytes_that_came_with_the_request_reach_the_stream(home: House) -> None:
    assert Line(home.server).send(request("GET", "/stream") + b"early").endswith(b"\r\n\r\nhello;<early>")


def test_head_of_a_stream_is_only_a_head(home: House) -> None:
    line = Line(home.server)
    assert line.send(request("HEAD", "/stream")).endswith(b"\r\n\r\n")
    assert line.closed
    assert home.rooms.parrot.transport is None


# --- the end


def drain(home: House, seconds: float = 5) -> tuple[Deferred[bool], list[bool]]:
    ended: list[bool] = []
    work = ensureDeferred(home.server.drain(seconds))
    work.addCallback(ended.append)
    return work, ended


def test_the_end_waits_for_what_was_accepted_and_closes_idle_connections(home: House) -> None:
    idle, working = Line(home.server), Line(home.server)
    idle.send(GET + b"\r\n")
    working.send(request("GET", "/slow"))
    _, ended = drain(home)
    home.clock.pump([0.1] * 5)
    assert (idle.closed, working.closed, ended) == (True, False, [])
    home.rooms.waiting[0].callback("done")
    (reply,) = replies(working.read())
    home.clock.advance(0.1)
    assert (reply.text, reply.header("Connection"), working.closed, ended) == ("done", "close", True, [True])


def test_the_end_waits_for_a_command_whose_client_hung_up(home: House) -> None:
    line = Line(home.server)
    line.send(request("POST", "/slow"))
    line.hang_up()
    _, ended = drain(home)
    home.clock.advance(1)
    assert ended == []
    home.rooms.waiting[0].callback("done")
    home.clock.advance(0.1)
    assert ended == [True]


def test_the_end_does_not_wait_for_ever(home: House) -> None:
    line = Line(home.server)
    line.send(request("GET", "/slow"))
    _, ended = drain(home, 3)
    home.clock.pump([0.1] * 40)
    assert ended == [False]
    assert line.transport.disconnected


# --- log and ids


def test_the_log_has_one_line_for_each_request_and_no_query_or_secret(home: House) -> None:
    ask(home.server, "GET", "/posts/7?access_token=canary")
    ask(home.server, "GET", "/confirm/canary-token")
    ask(home.server, "GET", "/tags/a%0d%0ab")
    Line(home.server).send(b"GET /?canary HTTP/1.1\r\n\r\n")
    home.clock.advance(1)
    lines = "".join(home.log).splitlines()
    assert [line.split()[3] for line in lines] == ["/posts/7", "/confirm/<secret:token>", "/tags/a%0d%0ab", "-"]
    assert [line.split()[4] for line in lines] == ["200", "200", "404", "400"]
    assert "canary" not in "".join(lines)


def test_what_is_refused_is_logged_with_its_client_and_not_with_the_proxy() -> None:
    home = house(proxies=("203.0.113.0/24",))
    ask(home.server, "POST", "/form", {"X-Forwarded-For": "198.51.100.1", "Content-Length": "300000000"})
    Line(home.server).send(b"GET / HTTP/3\r\n\r\n")
    home.clock.advance(1)
    assert [line.split()[1:5] for line in "".join(home.log).splitlines()] == [
        ["198.51.100.1", "-", "-", "413"],
        ["203.0.113.7", "-", "-", "400"],
    ]


@pytest.mark.parametrize(
    ("proxies", "address", "secure"),
    [
        (("unix",), "198.51.100.1", True),
        (("127.0.0.1",), "198.51.100.1", True),
        (("::1",), "198.51.100.1", True),
        (("127.0.0.0/8", "203.0.113.7"), "198.51.100.1", True),
        (("203.0.113.7",), "0.0.0.0", False),
        ((), "0.0.0.0", False),
    ],
)
def test_a_proxy_on_a_unix_socket_is_believed_where_it_is_trusted(proxies: tuple[str, ...], address: str, secure: bool) -> None:
    headers = {"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "https"}
    reply = ask(house(proxies=proxies).server, "GET", "/where", headers, host=None)
    assert (reply.json["address"], reply.json["secure"]) == (address, secure)


def test_a_full_disk_ends_the_log_and_nothing_else(home: House) -> None:
    log = AccessLog(Path("/dev/full"))
    home.server.access_log = log.write
    slow = Line(home.server)
    slow.send(GET)
    for _ in range(20):
        ask(home.server, "GET", "/posts/7")
        home.clock.advance(1)
    assert slow.closed
    log.stop()


def test_deadlines_are_kept_after_a_bug_in_one_tick(home: House) -> None:
    def broken(lines: str) -> None:
        raise RuntimeError(lines)

    home.server.access_log = broken
    slow = Line(home.server)
    slow.send(GET)
    ask(home.server, "GET", "/posts/7")
    with pytest.raises(RuntimeError):
        home.clock.advance(1)
    home.server.access_log = home.log.append
    home.clock.pump([1] * 20)
    assert slow.closed


def test_every_answer_has_an_id_of_its_own(home: House) -> None:
    answers = [ask(home.server, "GET", path, {"X-Request-Id": "mine-12345"}) for path in ("/", "/", "/nowhere")]
    ids = {answer.header("X-Request-Id") for answer in answers}
    assert len(ids) == 3
    assert "mine-12345" not in ids


def test_a_trusted_proxy_may_give_the_id() -> None:
    home = house(proxies=("203.0.113.0/24",))
    assert ask(home.server, "GET", "/", {"X-Request-Id": "mine-12345"}).header("X-Request-Id") == "mine-12345"


# --- a real socket


async def over_socket(home: House, *pieces: bytes) -> bytes:
    """What a client gets that sends these pieces to a port on loopback and reads until the end."""
    listening = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(home.server)
    turns = LoopingCall(home.clock.advance, 0)
    turns.start(0.001)
    try:
        return await deferToThread(talk, cast("IPv4Address", listening.getHost()).port, *pieces)
    finally:
        turns.stop()
        await maybeDeferred(listening.stopListening)


def talk(port: int, *pieces: bytes) -> bytes:
    """Send pieces and read until the other side closes; what came. Raises OSError if the connection breaks before all is sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        received = b""
        for piece in pieces:
            connection.sendall(piece)
        while data := connection.recv(65_536):
            received += data
        return received


async def test_over_a_real_socket_requests_are_answered_in_order(home: House) -> None:
    answer = await over_socket(home, GET + b"\r\n" + GET + b"Connection: close\r\n\r\n")
    assert [reply.status for reply in replies(answer)] == [200, 200]


async def test_over_a_real_socket_a_client_that_sends_too_much_can_still_read_why(home: House) -> None:
    head = b"POST /api/v1/echo HTTP/1.1\r\nHost: site.test\r\nContent-Length: 2000000\r\n\r\n"
    (reply,) = replies(await over_socket(home, head, *[b"a" * 50_000] * 40))
    assert reply.status == 413
    assert "larger" in json.loads(reply.body)["error"]


async def test_a_bomb_of_fields_neither_stalls_the_reactor_nor_fills_memory(home: House) -> None:
    lateness = Lateness()
    before = psutil.Process().memory_info().rss
    for path in ("/form", "/nowhere", "/api/v1/echo", "/mine"):
        head = f"POST {path} HTTP/1.1\r\nHost: site.test\r\nContent-Type: {FORM}\r\nContent-Length: 60000000\r\n\r\n".encode()
        (reply,) = replies(await over_socket(home, head, *[b"a=1&" * 25_000] * 30))
        assert reply.status == 413
    assert lateness.stop() < 0.25  # other processes share these cores; Twisted as it comes stalls for 3 s
    assert psutil.Process().memory_info().rss - before < 30_000_000


class Lateness:
    """How late the reactor was at worst, in seconds."""

    def __init__(self) -> None:
        self._worst = 0.0
        self._call = LoopingCall(self._look)
        self._last = time.monotonic()
        self._call.start(0.01)

    def _look(self) -> None:
        now = time.monotonic()
        self._worst = max(self._worst, now - self._last - 0.01)
        self._last = now

    def stop(self) -> float:
        """Stop looking; the worst."""
        self._call.stop()
        return self._worst


# --- the index of what replaces Twisted's


def test_the_index_says_which_limit_of_twisted_each_method_mends() -> None:
    listed = set(re.findall(r"`(_?[a-z]+[A-Z]\w*)`", protocol.__doc__ or ""))
    classes = {protocol.HttpChannel: http.HTTPChannel, PipelinedChannel: http.HTTPChannel, ChannelRequest: http.Request}
    replaced = {name for ours, theirs in classes.items() for name in vars(ours) if hasattr(theirs, name) and not name.startswith("__")}
    assert replaced - listed == {"requestFactory"}
    assert listed <= replaced
