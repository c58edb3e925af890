"""Large request bodies are buffered on disk, within limits, and leave no files behind."""

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
from tests.web.fake_site import FakeAuthenticator, FakeSite, build_fake_site
from tests.web.http_client import FORM, HttpResponse, MemoryConnection, encode_request, parse_responses, request

MEGABYTE = 1024 * 1024
ADA = {"Cookie": "__Host-session=ada"}
KIND = "multipart/form-data; boundary=xyz"


@define(eq=False)
class UploadRoute:
    """A route that records its uploads: name, size and first bytes."""

    uploads: list[tuple[str, int, bytes]]

    @route("POST", "/attic", RouteOptions(csrf=False, viewer=AccessLevel.MEMBER, body=1_000, files=40 * MEGABYTE))
    async def store(self, request: Request) -> Response:
        """Record the upload."""
        upload = request.fields.upload("file")
        assert upload is not None
        self.uploads.append((request.fields.text("name"), upload.size, upload.file.read(5)))
        return Response.html("stored")


@pytest.fixture
def upload_route() -> UploadRoute:
    return UploadRoute([])


@pytest.fixture
def fake_site(upload_route: UploadRoute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSite:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return build_fake_site(features=[upload_route])


def form(size: int) -> bytes:
    name = b'--xyz\r\nContent-Disposition: form-data; name="name"\r\n\r\nfilm\r\n'
    file = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
    return name + file + b"begin" + b"x" * (size - 5) + b"\r\n--xyz--\r\n"


def head(length: int, kind: str = KIND, **more: str) -> bytes:
    return encode_request("POST", "/attic", {"Content-Type": kind, "Content-Length": str(length), **ADA, **more})


def send(server: HttpServer, body: bytes, kind: str = KIND) -> HttpResponse:
    connection = MemoryConnection(server)
    received = connection.send(head(len(body), kind))
    for start in range(0, len(body), 65_536):
        received = received or connection.send(body[start : start + 65_536])
    (response,) = parse_responses(received)
    return response


@pytest.mark.parametrize("size", [100, IN_MEMORY - 1_000, IN_MEMORY + 1, 8 * MEGABYTE])
def test_files_of_any_size_arrive_intact(fake_site: FakeSite, upload_route: UploadRoute, size: int) -> None:
    assert send(fake_site.server, form(size)).status == 200
    assert upload_route.uploads == [("film", size, b"begin")]
    assert (fake_site.server.budget.on_disk, fake_site.server.budget.arriving) == (0, {})


def test_a_large_file_takes_no_memory(fake_site: FakeSite, upload_route: UploadRoute) -> None:
    body = form(32 * MEGABYTE)
    tracemalloc.start()
    assert send(fake_site.server, body).status == 200
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert upload_route.uploads[0][1] == 32 * MEGABYTE
    assert peak < 4 * MEGABYTE


def test_only_multipart_forms_may_be_that_large(fake_site: FakeSite) -> None:
    assert send(fake_site.server, form(2_000), "text/plain").status == 413
    assert send(fake_site.server, form(41 * MEGABYTE)).status == 413
    assert (fake_site.server.budget.on_disk, fake_site.server.budget.arriving) == (0, {})


def test_text_fields_beside_a_file_are_limited(fake_site: FakeSite) -> None:
    body = form(100).replace(b"film", b"f" * (2 * MEGABYTE))
    assert send(fake_site.server, body).status == 413


def test_a_disconnected_client_leaves_no_temporary_file(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.send(head(9_000_000) + form(5_000_000))
    assert fake_site.server.budget.on_disk > 5_000_000
    connection.hang_up()
    assert (fake_site.server.budget.on_disk, fake_site.server.budget.arriving) == (0, {})


# --- limits on large bodies


def test_an_anonymous_large_body_is_rejected_by_its_head(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    (response,) = parse_responses(connection.send(encode_request("POST", "/attic", {"Content-Type": KIND, "Content-Length": "9000000"})))
    assert (response.status, connection.closed, fake_site.server.budget.arriving) == (401, True, {})


def test_an_anonymous_expect_100_continue_is_rejected(fake_site: FakeSite) -> None:
    headers = {"Content-Type": KIND, "Content-Length": "9000000", "Expect": "100-continue"}
    assert [
        response.status for response in parse_responses(MemoryConnection(fake_site.server).send(encode_request("POST", "/attic", headers)))
    ] == [401]
    assert MemoryConnection(fake_site.server).send(head(9_000_000, Expect="100-continue")) == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_an_anonymous_chunked_body_is_rejected_once_it_is_large(fake_site: FakeSite) -> None:
    connection, piece = MemoryConnection(fake_site.server), b"4000\r\n" + b"a" * 16_384 + b"\r\n"
    connection.send(encode_request("POST", "/attic", {"Content-Type": KIND, "Transfer-Encoding": "chunked"}))
    all_received = [connection.send(piece) for _ in range(6)]
    assert [bool(received) for received in all_received] == [False] * 4 + [True, False]
    assert (parse_responses(all_received[4])[0].status, fake_site.server.budget.on_disk) == (401, 0)


def test_small_anonymous_bodies_are_read_even_without_disk_budget(fake_site: FakeSite) -> None:
    fake_site.server.budget.disk = 0
    assert request(fake_site.server, "POST", "/api/v1/echo", {"Content-Type": FORM}, b"a=" + b"x" * 60_000).status == 200
    assert request(fake_site.server, "POST", "/api/v1/echo", {"Content-Type": FORM}, b"a=" + b"x" * 70_000).status == 413


def test_reading_pauses_during_authentication(fake_site: FakeSite) -> None:
    found: Deferred[None] = Deferred()

    async def slowly(token: str) -> tuple[Viewer, Session] | None:
        await found
        return await FakeAuthenticator.by_cookie(fake_site.authenticator, token)

    object.__setattr__(fake_site.dispatcher._authorizer, "cached", SlowAuthenticator(slowly))
    connection, body = MemoryConnection(fake_site.server), form(MEGABYTE)
    assert connection.send(head(len(body)) + body[:50_000]) == b""
    assert connection.transport.producerState == "paused"
    assert fake_site.server.budget.on_disk == 0
    found.callback(None)
    assert connection.transport.producerState == "producing"
    (response,) = parse_responses(connection.send(body[50_000:]))
    assert response.text == "stored"


def test_the_slowest_body_is_dropped_for_faster_ones(fake_site: FakeSite) -> None:
    fake_site.server.budget.disk = 3 * MEGABYTE
    slow, fast = MemoryConnection(fake_site.server), MemoryConnection(fake_site.server)
    slow.send(head(9_000_000) + form(2 * MEGABYTE))
    fake_site.clock.pump([1] * 9)
    assert fast.send(head(9_000_000) + form(2 * MEGABYTE)) == b""
    assert [response.status for response in parse_responses(slow.read())] == [503]
    assert 2 * MEGABYTE <= fake_site.server.budget.on_disk <= 3 * MEGABYTE
    fast.hang_up()


def test_the_newest_body_is_rejected_if_none_is_slower(fake_site: FakeSite) -> None:
    fake_site.server.budget.disk = 3 * MEGABYTE
    first, second = MemoryConnection(fake_site.server), MemoryConnection(fake_site.server)
    assert first.send(head(9_000_000) + form(2 * MEGABYTE)) == b""
    assert parse_responses(second.send(head(9_000_000) + form(2 * MEGABYTE)))[0].status == 503
    assert not first.closed
    first.hang_up()


def test_each_network_has_its_own_disk_share(fake_site: FakeSite) -> None:
    fake_site.server.budget.share = 3 * MEGABYTE
    connections = [MemoryConnection(fake_site.server, host) for host in ("203.0.113.7", "203.0.113.7", "203.0.113.8")]
    all_received = [connection.send(head(9_000_000) + form(2 * MEGABYTE)) for connection in connections]
    assert [bool(received) for received in all_received] == [False, True, False]
    for connection in connections:
        connection.hang_up()
    assert fake_site.server.budget.on_disk == 0


@pytest.mark.parametrize(("a_second", "ends"), [(0, True), (100, True), (4_000, False)])
def test_a_body_without_progress_times_out(fake_site: FakeSite, a_second: int, ends: bool) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.send(head(9_000_000) + form(MEGABYTE))
    for _ in range(35):
        fake_site.clock.advance(1)
        if a_second and not connection.closed:
            connection.send(b"x" * a_second)
    assert connection.closed is ends
    assert (fake_site.server.budget.on_disk == 0) is ends
    connection.hang_up()


def test_a_bodys_deadline_depends_on_its_own_length(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    connection.send(head(1_000) + b"a")
    fake_site.clock.pump([1] * 33)
    assert connection.closed
    assert parse_responses(connection.read())[0].status == 408


def test_a_full_disk_rejects_only_the_body(fake_site: FakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> BinaryIO:
        return cast("BinaryIO", Path("/dev/full").open("wb", buffering=0))

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    assert parse_responses(MemoryConnection(fake_site.server).send(head(9_000_000) + form(MEGABYTE)))[0].status == 503
    assert request(fake_site.server, "GET", "/").status == 200


@define
class SlowAuthenticator:
    """An authenticator with a slow lookup."""

    by_cookie: Callable[[str], Awaitable[tuple[Viewer, Session] | None]]
