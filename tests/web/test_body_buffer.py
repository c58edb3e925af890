"""Large bodies do not live in memory, and leave nothing behind."""

from __future__ import annotations

import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from attrs import define
from twisted.internet.defer import Deferred

from microblog.model.accounts import Session, Viewer
from microblog.web.http.body_buffer import IN_MEMORY
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.server import HttpServer
from tests.web.fake_site import House, KnownPeople, house
from tests.web.memory import FORM, Line, Reply, ask, replies, request

MEGABYTE = 1024 * 1024
ADA = {"Cookie": "__Host-session=ada"}
KIND = "multipart/form-data; boundary=xyz"


@define(eq=False)
class Attic:
    """Takes files and remembers how it saw them."""

    seen: list[tuple[str, int, bytes]]

    @route("POST", "/attic", RouteOptions(csrf=False, viewer=AccessLevel.MEMBER, body=1_000, files=40 * MEGABYTE))
    async def store(self, call: Request) -> Response:
        """Look at the file."""
        upload = call.fields.upload("file")
        assert upload is not None
        self.seen.append((call.fields.text("name"), upload.size, upload.file.read(5)))
        return Response.html("stored")


@pytest.fixture
def attic() -> Attic:
    return Attic([])


@pytest.fixture
def home(attic: Attic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return house(features=[attic])


def form(size: int) -> bytes:
    name = b'--xyz\r\nContent-Disposition: form-data; name="name"\r\n\r\nfilm\r\n'
    file = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
    return name + file + b"begin" + b"x" * (size - 5) + b"\r\n--xyz--\r\n"


def head(length: int, kind: str = KIND, **more: str) -> bytes:
    return request("POST", "/attic", {"Content-Type": kind, "Content-Length": str(length), **ADA, **more})


def send(server: HttpServer, body: bytes, kind: str = KIND) -> Reply:
    line = Line(server)
    answer = line.send(head(len(body), kind))
    for start in range(0, len(body), 65_536):
        answer = answer or line.send(body[start : start + 65_536])
    (reply,) = replies(answer)
    return reply


@pytest.mark.parametrize("size", [100, IN_MEMORY - 1_000, IN_MEMORY + 1, 8 * MEGABYTE])
def test_a_file_arrives_whole_whatever_its_size(home: House, attic: Attic, size: int) -> None:
    assert send(home.server, form(size)).status == 200
    assert attic.seen == [("film", size, b"begin")]
    assert (home.server.budget.on_disk, home.server.budget.arriving) == (0, {})


def test_a_large_file_takes_no_memory(home: House, attic: Attic) -> None:
    body = form(32 * MEGABYTE)
    tracemalloc.start()
    assert send(home.server, body).status == 200
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert attic.seen[0][1] == 32 * MEGABYTE
    assert peak < 4 * MEGABYTE


def test_only_forms_with_files_may_be_that_large(home: House) -> None:
    assert send(home.server, form(2_000), "text/plain").status == 413
    assert send(home.server, form(41 * MEGABYTE)).status == 413
    assert (home.server.budget.on_disk, home.server.budget.arriving) == (0, {})


def test_the_texts_beside_a_file_stay_small(home: House) -> None:
    body = form(100).replace(b"film", b"f" * (2 * MEGABYTE))
    assert send(home.server, body).status == 413


def test_a_client_that_hangs_up_leaves_nothing(home: House) -> None:
    line = Line(home.server)
    line.send(head(9_000_000) + form(5_000_000))
    assert home.server.budget.on_disk > 5_000_000
    line.hang_up()
    assert (home.server.budget.on_disk, home.server.budget.arriving) == (0, {})


# --- who may send a large body, and how fast


def test_a_stranger_is_refused_by_the_head_of_a_large_body(home: House) -> None:
    line = Line(home.server)
    (reply,) = replies(line.send(request("POST", "/attic", {"Content-Type": KIND, "Content-Length": "9000000"})))
    assert (reply.status, line.closed, home.server.budget.arriving) == (401, True, {})


def test_a_stranger_who_asks_before_sending_is_not_told_to_go_on(home: House) -> None:
    headers = {"Content-Type": KIND, "Content-Length": "9000000", "Expect": "100-continue"}
    assert [reply.status for reply in replies(Line(home.server).send(request("POST", "/attic", headers)))] == [401]
    assert Line(home.server).send(head(9_000_000, Expect="100-continue")) == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_a_stranger_is_refused_once_a_body_of_unknown_length_is_large(home: House) -> None:
    line, piece = Line(home.server), b"4000\r\n" + b"a" * 16_384 + b"\r\n"
    line.send(request("POST", "/attic", {"Content-Type": KIND, "Transfer-Encoding": "chunked"}))
    answers = [line.send(piece) for _ in range(6)]
    assert [bool(answer) for answer in answers] == [False] * 4 + [True, False]
    assert (replies(answers[4])[0].status, home.server.budget.on_disk) == (401, 0)


def test_small_bodies_of_strangers_are_read_whatever_the_large_ones_take(home: House) -> None:
    home.server.budget.disk = 0
    assert ask(home.server, "POST", "/api/v1/echo", {"Content-Type": FORM}, b"a=" + b"x" * 60_000).status == 200
    assert ask(home.server, "POST", "/api/v1/echo", {"Content-Type": FORM}, b"a=" + b"x" * 70_000).status == 413


def test_nothing_is_read_while_it_is_looked_up_who_sends(home: House) -> None:
    found: Deferred[None] = Deferred()

    async def slowly(token: str) -> tuple[Viewer, Session] | None:
        await found
        return await KnownPeople.by_cookie(home.people, token)

    object.__setattr__(home.site._authorizer, "cached", Slow(slowly))
    line, body = Line(home.server), form(MEGABYTE)
    assert line.send(head(len(body)) + body[:50_000]) == b""
    assert line.transport.producerState == "paused"
    assert home.server.budget.on_disk == 0
    found.callback(None)
    assert line.transport.producerState == "producing"
    (reply,) = replies(line.send(body[50_000:]))
    assert reply.text == "stored"


def test_the_slowest_body_makes_room_for_faster_ones(home: House) -> None:
    home.server.budget.disk = 3 * MEGABYTE
    slow, fast = Line(home.server), Line(home.server)
    slow.send(head(9_000_000) + form(2 * MEGABYTE))
    home.clock.pump([1] * 9)
    assert fast.send(head(9_000_000) + form(2 * MEGABYTE)) == b""
    assert [reply.status for reply in replies(slow.read())] == [503]
    assert 2 * MEGABYTE <= home.server.budget.on_disk <= 3 * MEGABYTE
    fast.hang_up()


def test_where_all_are_as_fast_the_newcomer_is_refused(home: House) -> None:
    home.server.budget.disk = 3 * MEGABYTE
    first, second = Line(home.server), Line(home.server)
    assert first.send(head(9_000_000) + form(2 * MEGABYTE)) == b""
    assert replies(second.send(head(9_000_000) + form(2 * MEGABYTE)))[0].status == 503
    assert not first.closed
    first.hang_up()


def test_one_network_has_its_share_and_others_have_theirs(home: House) -> None:
    home.server.budget.share = 3 * MEGABYTE
    lines = [Line(home.server, host) for host in ("203.0.113.7", "203.0.113.7", "203.0.113.8")]
    answers = [line.send(head(9_000_000) + form(2 * MEGABYTE)) for line in lines]
    assert [bool(answer) for answer in answers] == [False, True, False]
    for line in lines:
        line.hang_up()
    assert home.server.budget.on_disk == 0


@pytest.mark.parametrize(("a_second", "ends"), [(0, True), (100, True), (4_000, False)])
def test_a_body_has_to_make_progress(home: House, a_second: int, ends: bool) -> None:
    line = Line(home.server)
    line.send(head(9_000_000) + form(MEGABYTE))
    for _ in range(35):
        home.clock.advance(1)
        if a_second and not line.closed:
            line.send(b"x" * a_second)
    assert line.closed is ends
    assert (home.server.budget.on_disk == 0) is ends
    line.hang_up()


def test_a_body_has_as_long_as_its_own_length_takes_not_as_its_route_allows(home: House) -> None:
    line = Line(home.server)
    line.send(head(1_000) + b"a")
    home.clock.pump([1] * 33)
    assert line.closed
    assert replies(line.read())[0].status == 408


def test_a_full_disk_refuses_the_body_and_nothing_else(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> BinaryIO:
        return cast("BinaryIO", Path("/dev/full").open("wb", buffering=0))

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    assert replies(Line(home.server).send(head(9_000_000) + form(MEGABYTE)))[0].status == 503
    assert ask(home.server, "GET", "/").status == 200


@define
class Slow:
    """An authenticator that takes its time."""

    by_cookie: Callable[[str], Awaitable[tuple[Viewer, Session] | None]]
