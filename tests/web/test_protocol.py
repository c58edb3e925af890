"""HTTP on the wire: ambiguous requests, bodies, timeouts, pipelining, streams and shutdown."""

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
from microblog.logs.field_names import ALWAYS, FIELDS
from microblog.logs.format import LogFormat
from microblog.web.http import protocol
from microblog.web.http.access_lines import LINES
from microblog.web.http.channel_request import ChannelRequest
from microblog.web.http.pipeline import PipelinedChannel
from tests.web.fake_site import FakeSite, build_fake_site
from tests.web.http_client import FORM, MemoryConnection, encode_request, parse_responses, request

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
def fake_site() -> FakeSite:
    return build_fake_site()


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_ambiguous_requests_are_rejected_and_the_connection_is_closed(fake_site: FakeSite, data: bytes) -> None:
    connection = MemoryConnection(fake_site.server)
    first, *more = parse_responses(connection.send(data + GET + b"\r\n"))
    assert (first.status, more) == (400, [])
    assert first.header("Connection") == "close"
    assert connection.closed


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_ambiguous_requests_are_rejected_when_sent_byte_by_byte(fake_site: FakeSite, data: bytes) -> None:
    connection = MemoryConnection(fake_site.server)
    received = b"".join(connection.send(data[at : at + 1]) for at in range(len(data)))
    assert [response.status for response in parse_responses(received)] == [400]


def test_a_head_that_is_too_large_is_rejected(fake_site: FakeSite) -> None:
    long_line = MemoryConnection(fake_site.server).send(GET + b"X-A: " + b"a" * 20_000 + b"\r\n\r\n")
    endless_line = MemoryConnection(fake_site.server).send(GET + b"X-A: " + b"a" * 70_000)
    many_lines = MemoryConnection(fake_site.server).send(
        GET + b"".join(b"X-%d: %s\r\n" % (number, b"a" * 1_000) for number in range(20)) + b"\r\n"
    )
    assert [parse_responses(data)[0].status for data in (long_line, endless_line, many_lines)] == [431, 431, 431]


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
def test_protocol_errors_on_api_paths_are_json(fake_site: FakeSite, path: str, status: int, data: bytes) -> None:
    (response,) = parse_responses(MemoryConnection(fake_site.server).send(data.replace(b"%s", path.encode())))
    assert (response.status, response.header("Content-Type")) == (status, "application/json; charset=utf-8")
    assert response.json["error"]


@pytest.mark.parametrize(("status", "data"), REFUSED_BY_PATH.values(), ids=REFUSED_BY_PATH)
def test_protocol_errors_on_other_paths_are_html(fake_site: FakeSite, status: int, data: bytes) -> None:
    (response,) = parse_responses(MemoryConnection(fake_site.server).send(data.replace(b"%s", b"/tags/x")))
    assert (response.status, response.header("Content-Type")) == (status, "text/html; charset=utf-8")


@pytest.mark.parametrize(("status", "data"), REFUSED_BY_PATH.values(), ids=REFUSED_BY_PATH)
def test_the_status_line_of_an_error_has_the_standard_reason_phrase(fake_site: FakeSite, status: int, data: bytes) -> None:
    first = MemoryConnection(fake_site.server).send(data.replace(b"%s", b"/api/v1/echo")).partition(b"\r\n")[0]
    assert first.decode() == f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"


@pytest.mark.parametrize("path", ["/api/v1/echo", "/tags/x"])
def test_protocol_errors_have_the_security_headers_of_other_responses(fake_site: FakeSite, path: str) -> None:
    names = ("Strict-Transport-Security", "Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy")
    (refused,) = parse_responses(MemoryConnection(fake_site.server).send(b"GET %s HTTP/3.0\r\nHost: site.test\r\n\r\n" % path.encode()))
    served = request(fake_site.server, "GET", path)
    assert refused.status == 400
    assert [refused.header(name) for name in names] == [served.header(name) for name in names]
    assert "base-uri 'none'" in str(refused.header("Content-Security-Policy"))


def test_nothing_is_read_after_a_protocol_error(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.send(b"GET / HTTP/1.1\r\n\r\n")
    assert connection.send(GET + b"\r\n") == b""


def test_an_absolute_url_of_this_site_equals_its_path(fake_site: FakeSite) -> None:
    (response,) = parse_responses(
        MemoryConnection(fake_site.server).send(b"GET http://site.test/tags/x?a=1 HTTP/1.1\r\nHost: site.test\r\n\r\n")
    )
    assert (response.status, response.text) == (200, "x")


def test_http_1_0_is_answered_and_closed(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    (response,) = parse_responses(connection.send(b"GET / HTTP/1.0\r\n\r\n"))
    assert (response.status, response.text, response.header("Connection"), connection.closed) == (200, "hello stranger", "close", True)


@pytest.mark.parametrize("value", ["close", "Close", "keep-alive, close", "close, TE"])
def test_connection_close_closes_the_connection(fake_site: FakeSite, value: str) -> None:
    connection = MemoryConnection(fake_site.server)
    (response,) = parse_responses(connection.send(encode_request("GET", "/", {"Connection": value})))
    assert (response.header("Connection"), connection.closed) == ("close", True)


def test_http_2_is_not_offered(fake_site: FakeSite) -> None:
    assert not IProtocolNegotiationFactory.providedBy(fake_site.server)
    upgrade = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"}
    assert request(fake_site.server, "GET", "/", upgrade).status == 200


def test_pipelined_requests_are_answered_in_order(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    data = b"".join(
        (
            encode_request("GET", "/slow"),
            encode_request("GET", "/tags/2"),
            encode_request("POST", "/go", None, b"x=1"),
            encode_request("GET", "/tags/4"),
        )
    )
    assert connection.send(data) == b""
    fake_site.routes.waiting[0].callback("first")
    assert [(response.status, response.text) for response in parse_responses(connection.read())] == [
        (200, "first"),
        (200, "2"),
        (303, ""),
        (200, "4"),
    ]


def test_a_thousand_pipelined_requests_are_answered(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    assert len(parse_responses(connection.send((GET + b"\r\n") * 1_000))) == 1_000


# --- bodies


@pytest.mark.parametrize("path", ["/form", "/nowhere", "/api/v1/nothing", "/"])
def test_a_body_over_the_limit_is_rejected_by_its_content_length(fake_site: FakeSite, path: str) -> None:
    connection = MemoryConnection(fake_site.server)
    head = f"POST {path} HTTP/1.1\r\nHost: site.test\r\nContent-Length: 300000000\r\n\r\n".encode()
    (response,) = parse_responses(connection.send(head))
    assert (response.status, connection.closed, fake_site.server.budget.arriving) == (413, True, {})


@pytest.mark.parametrize(("path", "limit"), [("/form", 1_000), ("/nowhere", 65_536)])
def test_a_chunked_body_over_the_limit_is_rejected_while_it_arrives(fake_site: FakeSite, path: str, limit: int) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.send(f"POST {path} HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    sent, received = 0, b""
    while not received and sent < 10_000_000:
        received = connection.send(b"200\r\n" + b"a" * 512 + b"\r\n")
        sent += 512
    assert parse_responses(received)[0].status == 413
    assert sent <= limit + 512
    assert fake_site.server.budget.arriving == {}


def test_a_small_body_with_enormous_chunk_overhead_is_rejected(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.send(b"POST /form HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n")
    sent, received = 0, b""
    while not received and sent < 1_000_000:
        received = connection.send(b"1;" + b"x" * 900 + b"\r\na\r\n")
        sent += 900
    assert parse_responses(received)[0].status == 413
    assert sent < 100_000


def test_a_body_within_the_limit_is_read_whole(fake_site: FakeSite) -> None:
    response = request(
        fake_site.server, "POST", "/api/v1/echo", {"Content-Type": FORM, "Authorization": "Bearer reader"}, b"a=" + b"x" * 99_990
    )
    assert len(response.json["a"]) == 99_990


def test_a_chunked_body_is_read(fake_site: FakeSite) -> None:
    data = POST + b'Transfer-Encoding: chunked\r\n\r\n4;ext=1\r\n{"a"\r\n3\r\n:1}\r\n0\r\nX-Trailer: 1\r\n\r\n'
    first, second = parse_responses(MemoryConnection(fake_site.server).send(data + GET + b"\r\n"))
    assert (first.json, second.status) == ({"a": 1}, 200)


def test_expect_100_continue_is_answered(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    assert connection.send(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert parse_responses(connection.send(b"{}"))[0].json == {}


def test_expect_100_continue_with_a_large_body_is_rejected(fake_site: FakeSite) -> None:
    received = MemoryConnection(fake_site.server).send(POST + b"Expect: 100-continue\r\nContent-Length: 200000\r\n\r\n")
    assert [response.status for response in parse_responses(received)] == [413]


# --- deadlines


def test_a_slowly_sent_head_times_out(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    seconds = 0
    while not connection.closed and seconds < len(GET):
        connection.send(GET[seconds : seconds + 1])
        fake_site.clock.advance(1)
        seconds += 1
    assert 10 < seconds < 20
    assert parse_responses(connection.read())[0].status == 408


def test_a_slowly_sent_body_times_out(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.send(POST + b"Content-Length: 1000\r\n\r\n")
    seconds = 0
    while not connection.closed and seconds < 100:
        connection.send(b"a")
        fake_site.clock.advance(1)
        seconds += 1
    assert 20 < seconds < 40
    assert parse_responses(connection.read())[0].status == 408


def test_a_connection_without_a_request_is_closed(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    fake_site.clock.pump([1] * 20)
    assert connection.closed
    assert connection.read() == b""


def test_an_idle_connection_is_kept_for_a_while_and_then_closed(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.send(GET + b"\r\n")
    fake_site.clock.pump([1] * 70)
    assert not connection.closed
    fake_site.clock.pump([1] * 10)
    assert connection.closed


def test_a_slow_response_does_not_time_out(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.send(encode_request("GET", "/slow"))
    fake_site.clock.pump([1] * 300)
    fake_site.routes.waiting[0].callback("late")
    assert parse_responses(connection.read())[0].text == "late"


def test_a_rejected_client_that_keeps_sending_is_disconnected(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.send(b"GET / HTTP/1.1\r\n\r\n")
    fake_site.clock.pump([1] * 3)
    assert connection.transport.disconnected


# --- waiting, disconnects, streams


def test_a_read_is_cancelled_when_its_client_disconnects(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    cancelled: list[bool] = []
    connection.send(encode_request("GET", "/slow"))
    fake_site.routes.waiting[0].addErrback(lambda _: cancelled.append(True))
    connection.hang_up()
    assert (fake_site.routes.done, fake_site.dispatcher.busy) == ([], False)


def test_a_command_completes_when_its_client_disconnects(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.send(encode_request("POST", "/slow", {"Content-Type": FORM}, b"text=hi"))
    connection.hang_up()
    assert fake_site.dispatcher.busy
    fake_site.routes.waiting[0].callback("x")
    assert (fake_site.routes.done, fake_site.dispatcher.busy) == (["command", "for 203.0.113.7 False hi"], False)


def test_a_stream_takes_over_the_connection_after_the_head(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    head, _, body = connection.send(encode_request("GET", "/stream")).partition(b"\r\n\r\n")
    assert b"Content-Type: text/event-stream" in head
    assert b"Content-Length" not in head
    assert body == b"hello;"
    assert connection.send(b"more") == b"<more>"
    fake_site.clock.pump([1] * 300)
    assert not connection.closed
    connection.hang_up()
    assert fake_site.routes.echo.lost


def test_bytes_that_came_with_the_request_reach_the_stream(fake_site: FakeSite) -> None:
    assert MemoryConnection(fake_site.server).send(encode_request("GET", "/stream") + b"early").endswith(b"\r\n\r\nhello;<early>")


def test_head_of_a_stream_is_only_a_head(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    assert connection.send(encode_request("HEAD", "/stream")).endswith(b"\r\n\r\n")
    assert connection.closed
    assert fake_site.routes.echo.transport is None


# --- shutdown


def drain(fake_site: FakeSite, seconds: float = 5) -> tuple[Deferred[bool], list[bool]]:
    ended: list[bool] = []
    work = ensureDeferred(fake_site.server.drain(seconds))
    work.addCallback(ended.append)
    return work, ended


def test_shutdown_waits_for_accepted_requests_and_closes_idle_connections(fake_site: FakeSite) -> None:
    idle, working = MemoryConnection(fake_site.server), MemoryConnection(fake_site.server)
    idle.send(GET + b"\r\n")
    working.send(encode_request("GET", "/slow"))
    _, ended = drain(fake_site)
    fake_site.clock.pump([0.1] * 5)
    assert (idle.closed, working.closed, ended) == (True, False, [])
    fake_site.routes.waiting[0].callback("done")
    (response,) = parse_responses(working.read())
    fake_site.clock.advance(0.1)
    assert (response.text, response.header("Connection"), working.closed, ended) == ("done", "close", True, [True])


def test_shutdown_waits_a_moment_for_the_request_of_a_new_connection(fake_site: FakeSite) -> None:
    proxy, unused = MemoryConnection(fake_site.server), MemoryConnection(fake_site.server)
    _, ended = drain(fake_site)
    fake_site.clock.pump([0.1] * 3)
    assert (proxy.closed, unused.closed, ended) == (False, False, [])
    (response,) = parse_responses(proxy.send(encode_request("POST", "/go", None, b"x=1")))
    assert (response.status, response.header("Connection"), proxy.closed) == (303, "close", True)
    fake_site.clock.pump([0.1] * 5)
    assert (unused.closed, ended) == (True, [True])


def test_shutdown_waits_for_a_command_whose_client_disconnected(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.send(encode_request("POST", "/slow"))
    connection.hang_up()
    _, ended = drain(fake_site)
    fake_site.clock.advance(1)
    assert ended == []
    fake_site.routes.waiting[0].callback("done")
    fake_site.clock.advance(0.1)
    assert ended == [True]


def test_shutdown_has_a_deadline(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.send(encode_request("GET", "/slow"))
    _, ended = drain(fake_site, 3)
    fake_site.clock.pump([0.1] * 40)
    assert ended == [False]
    assert connection.transport.disconnected


# --- log and ids


def test_the_access_log_has_one_line_per_request_without_query_or_secret(fake_site: FakeSite) -> None:
    request(fake_site.server, "GET", "/posts/7?access_token=canary")
    request(fake_site.server, "GET", "/confirm/canary-token")
    request(fake_site.server, "GET", "/tags/a%0d%0ab")
    MemoryConnection(fake_site.server).send(b"GET /?canary HTTP/1.1\r\n\r\n")
    fake_site.clock.advance(1)
    entries = "".join(fake_site.log).splitlines()
    assert [entry.split()[3] for entry in entries] == ["/posts/7", "/confirm/<secret:token>", "/tags/a%0d%0ab", "-"]
    assert [entry.split()[4] for entry in entries] == ["200", "200", "404", "400"]
    assert "canary" not in "".join(entries)


def test_a_line_of_the_access_log_ends_with_request_user_and_route(fake_site: FakeSite) -> None:
    page = request(fake_site.server, "GET", "/posts/7")
    member = request(fake_site.server, "GET", "/api/v1/lists", {"Authorization": "Bearer reader"})
    unknown = request(fake_site.server, "GET", "/nowhere")
    fake_site.clock.advance(1)
    assert [line.split()[7:] for line in "".join(fake_site.log).splitlines()] == [
        [page.header("X-Request-Id"), "-", "/posts/<id:post_id>"],
        [member.header("X-Request-Id"), "1", "/api/v1/lists"],
        [unknown.header("X-Request-Id"), "-", "-"],
    ]


def test_the_access_log_as_json_has_the_documented_fields(fake_site: FakeSite) -> None:
    fake_site.server.access_line = LINES[LogFormat.JSON]
    member = request(fake_site.server, "GET", "/api/v1/lists?access_token=canary", {"Authorization": "Bearer reader"})
    MemoryConnection(fake_site.server).send(b"GET /?canary HTTP/1.1\r\n\r\n")
    fake_site.clock.advance(1)
    served, refused = map(json.loads, "".join(fake_site.log).splitlines())
    assert set(served) | set(refused) <= {*ALWAYS, *FIELDS}
    assert (served["event"], served["path"], served["status"], served["bytes"]) == ("request", "/api/v1/lists", 200, 2)
    assert (served["request_id"], served["user_id"], served["route"]) == (member.header("X-Request-Id"), 1, "/api/v1/lists")
    assert (served["client"], refused["status"], "duration_ms" in refused) == ("203.0.113.7", 400, False)
    assert "canary" not in "".join(fake_site.log)


def test_rejected_requests_are_logged_with_the_client_address_not_the_proxys() -> None:
    fake_site = build_fake_site(proxies=("203.0.113.0/24",))
    request(fake_site.server, "POST", "/form", {"X-Forwarded-For": "198.51.100.1", "Content-Length": "300000000"})
    MemoryConnection(fake_site.server).send(b"GET / HTTP/3\r\n\r\n")
    fake_site.clock.advance(1)
    assert [entry.split()[1:5] for entry in "".join(fake_site.log).splitlines()] == [
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
def test_a_proxy_on_a_unix_socket_is_believed_if_it_is_trusted(proxies: tuple[str, ...], address: str, secure: bool) -> None:
    headers = {"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "https"}
    response = request(build_fake_site(proxies=proxies).server, "GET", "/where", headers, host=None)
    assert (response.json["address"], response.json["secure"]) == (address, secure)


def test_a_full_disk_stops_only_the_access_log(fake_site: FakeSite) -> None:
    log = AccessLog(Path("/dev/full"))
    fake_site.server.access_log = log.write
    slow = MemoryConnection(fake_site.server)
    slow.send(GET)
    for _ in range(20):
        request(fake_site.server, "GET", "/posts/7")
        fake_site.clock.advance(1)
    assert slow.closed
    log.stop()


def test_timeouts_still_work_after_an_error_in_one_tick(fake_site: FakeSite) -> None:
    def failing_log(lines: str) -> None:
        raise RuntimeError(lines)

    fake_site.server.access_log = failing_log
    slow = MemoryConnection(fake_site.server)
    slow.send(GET)
    request(fake_site.server, "GET", "/posts/7")
    with pytest.raises(RuntimeError):
        fake_site.clock.advance(1)
    fake_site.server.access_log = fake_site.log.append
    fake_site.clock.pump([1] * 20)
    assert slow.closed


def test_every_response_has_its_own_request_id(fake_site: FakeSite) -> None:
    responses = [request(fake_site.server, "GET", path, {"X-Request-Id": "mine-12345"}) for path in ("/", "/", "/nowhere")]
    ids = {received.header("X-Request-Id") for received in responses}
    assert len(ids) == 3
    assert "mine-12345" not in ids


def test_a_trusted_proxy_may_set_the_request_id() -> None:
    fake_site = build_fake_site(proxies=("203.0.113.0/24",))
    assert request(fake_site.server, "GET", "/", {"X-Request-Id": "mine-12345"}).header("X-Request-Id") == "mine-12345"


# --- a real socket


async def over_socket(fake_site: FakeSite, *pieces: bytes) -> bytes:
    """Send these pieces over a loopback socket and return everything that is received."""
    listening = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(fake_site.server)
    turns = LoopingCall(fake_site.clock.advance, 0)
    turns.start(0.001)
    try:
        return await deferToThread(exchange, cast("IPv4Address", listening.getHost()).port, *pieces)
    finally:
        turns.stop()
        await maybeDeferred(listening.stopListening)


def exchange(port: int, *pieces: bytes) -> bytes:
    """Send pieces and read until the server closes. Raises OSError if the connection breaks before all is sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        received = b""
        for piece in pieces:
            connection.sendall(piece)
        while data := connection.recv(65_536):
            received += data
        return received


async def test_over_a_real_socket_requests_are_answered_in_order(fake_site: FakeSite) -> None:
    received = await over_socket(fake_site, GET + b"\r\n" + GET + b"Connection: close\r\n\r\n")
    assert [response.status for response in parse_responses(received)] == [200, 200]


async def test_over_a_real_socket_a_client_that_sends_too_much_can_read_the_error(fake_site: FakeSite) -> None:
    head = b"POST /api/v1/echo HTTP/1.1\r\nHost: site.test\r\nContent-Length: 2000000\r\n\r\n"
    (response,) = parse_responses(await over_socket(fake_site, head, *[b"a" * 50_000] * 40))
    assert response.status == 413
    assert "larger" in json.loads(response.body)["error"]


async def test_a_body_of_countless_fields_neither_stalls_the_reactor_nor_fills_memory(fake_site: FakeSite) -> None:
    delay = ReactorDelay()
    before = psutil.Process().memory_info().rss
    for path in ("/form", "/nowhere", "/api/v1/echo", "/mine"):
        head = f"POST {path} HTTP/1.1\r\nHost: site.test\r\nContent-Type: {FORM}\r\nContent-Length: 60000000\r\n\r\n".encode()
        (response,) = parse_responses(await over_socket(fake_site, head, *[b"a=1&" * 25_000] * 30))
        assert response.status == 413
    assert delay.stop() < 0.25  # other processes share these cores; plain Twisted stalls for 3 s
    assert psutil.Process().memory_info().rss - before < 30_000_000


class ReactorDelay:
    """Measures the longest delay of the reactor, in seconds."""

    def __init__(self) -> None:
        self._worst = 0.0
        self._call = LoopingCall(self._tick)
        self._last = time.monotonic()
        self._call.start(0.01)

    def _tick(self) -> None:
        now = time.monotonic()
        self._worst = max(self._worst, now - self._last - 0.01)
        self._last = now

    def stop(self) -> float:
        """Stop, and return the longest delay."""
        self._call.stop()
        return self._worst


# --- overrides of Twisted


def test_the_module_docstring_lists_every_overridden_twisted_method() -> None:
    listed = set(re.findall(r"`(_?[a-z]+[A-Z]\w*)`", protocol.__doc__ or ""))
    classes = {protocol.HttpChannel: http.HTTPChannel, PipelinedChannel: http.HTTPChannel, ChannelRequest: http.Request}
    replaced = {name for ours, theirs in classes.items() for name in vars(ours) if hasattr(theirs, name) and not name.startswith("__")}
    assert replaced - listed == {"requestFactory"}
    assert listed <= replaced
