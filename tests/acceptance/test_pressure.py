"""Tests of a stranger who overloads the started site over real sockets: everybody else is served."""

from __future__ import annotations

import json
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import psutil
import pytest
from attrs import define, field

from tests.acceptance.site_client import SiteClient
from tests.acceptance.site_process import SiteProcess, site_process

pytestmark = pytest.mark.acceptance

MEGABYTE = 1024 * 1024
LATE_S = 0.05
WORST_S = 0.5  # once in a while, on a machine that does other things


@pytest.fixture(scope="module")
def pressed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    """A started site whose rates are not limited: what holds here holds for many strangers who each keep below every limit."""
    with site_process(tmp_path_factory.mktemp("site"), rate_limits="off", registration="open") as made:
        made.start()
        yield made
        assert made.stop() in {0, -signal.SIGTERM}
        assert "Traceback" not in made.log


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post(path: str, length: int, *headers: str) -> bytes:
    kind = "multipart/form-data; boundary=xyz"
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {kind}", f"Content-Length: {length}", *headers, "", ""]
    return "\r\n".join(lines).encode()


@define
class Others:
    """Somebody else, who asks for a small page all the time on one connection; `late` are the seconds that each took."""

    port: int
    pid: int
    late: list[float] = field(factory=list)
    most_memory: int = 0

    def watch(self, seconds: float) -> None:
        """Go on for so long."""
        ends = time.monotonic() + seconds
        process = psutil.Process(self.pid)
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            while time.monotonic() < ends:
                began = time.monotonic()
                connection.request("GET", "/api/v1/custom_emojis")
                assert connection.getresponse().read() == b"[]"
                self.late.append(time.monotonic() - began)
                self.most_memory = max(self.most_memory, process.memory_info().rss)
                time.sleep(0.02)

    @property
    def nine_in_ten(self) -> float:
        """What nine of ten were not later than."""
        return sorted(self.late)[len(self.late) * 9 // 10]


def others(made: SiteProcess) -> Others:
    assert made.process is not None
    return Others(made.port, made.process.pid)


@contextmanager
def flooding(port: int, data: bytes, connections: int, *, read: bool = False) -> Iterator[None]:
    """Clients that send all of `data` as fast as it is taken, and read nothing, or everything."""

    def send(client: socket.socket) -> None:
        try:
            client.sendall(data)
        except OSError:
            return

    def take(client: socket.socket) -> None:
        try:
            while client.recv(MEGABYTE):
                pass
        except OSError:
            return

    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30)) for _ in range(connections)]
        work = [threading.Thread(target=send, args=(client,)) for client in clients]
        work += [threading.Thread(target=take, args=(client,)) for client in clients if read]
        for thread in work:
            thread.start()
        try:
            yield
        finally:
            for client in clients:
                with suppress(OSError):  # the other side has closed
                    client.shutdown(socket.SHUT_RDWR)
            for thread in work:
                thread.join(10)


def style_sheet(made: SiteProcess) -> str:
    found = re.search(rb'/static/[^"]+\.css', made.get("/login")[1])
    assert found
    return found[0].decode()


@pytest.mark.parametrize("path", ["a style sheet", "/login", "/nowhere", "/api/openapi.json"])
@pytest.mark.parametrize(("connections", "read"), [(1, False), (5, False), (3, True)])
def test_who_asks_90_000_times_at_once_delays_nobody_and_fills_no_memory(
    pressed: SiteProcess, path: str, connections: int, read: bool
) -> None:
    target = style_sheet(pressed) if path == "a style sheet" else path
    pressed.get(target)  # what is made once is made
    somebody = others(pressed)
    before = psutil.Process(somebody.pid).memory_info().rss
    with flooding(pressed.port, get(target) * 90_000, connections, read=read):
        somebody.watch(2)
    assert somebody.nine_in_ten < LATE_S
    assert max(somebody.late) < WORST_S
    assert somebody.most_memory - before < 24 * MEGABYTE


def test_bodies_that_strangers_half_send_keep_nobody_from_writing(pressed: SiteProcess) -> None:
    writer = SiteClient(pressed)
    writer.sign_up("writes_on")
    with ExitStack() as stack:
        for _ in range(135):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", pressed.port), timeout=10))
            client.sendall(post("/posts", 20_000_000))
            try:
                client.sendall(b"x" * MEGABYTE)
            except OSError:  # it was refused already
                continue
        for number in range(3):
            assert writer.request("POST", "/posts", {"csrf": writer.csrf_token, "text": f"Post {number}"})[0] == 303
            assert writer.request("POST", "/posts", {"csrf": writer.csrf_token, "text": f"Post {number} " + "&" * 60_000})[0] == 422


def test_a_large_body_of_a_stranger_is_refused_before_it_is_sent(pressed: SiteProcess) -> None:
    for path, wanted in (("/posts", b"HTTP/1.1 401"), ("/api/v2/media", b"HTTP/1.1 401"), ("/signup", b"HTTP/1.1 413")):
        with socket.create_connection(("127.0.0.1", pressed.port), timeout=10) as client:
            client.sendall(post(path, 20_000_000, "Expect: 100-continue"))
            assert client.recv(4096)[:12] == wanted
            assert not client.recv(4096).startswith(b"HTTP/1.1 100")


def test_a_large_body_of_a_member_is_read(pressed: SiteProcess) -> None:
    SiteClient(pressed).sign_up("sends_much")
    token = json.loads(pressed.run_command("token", "create", "sends_much", "--scopes", "write", "--json"))["token"]
    head, tail = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n', b"\r\n--xyz--\r\n"
    with socket.create_connection(("127.0.0.1", pressed.port), timeout=20) as client:
        length = len(head) + 3 * MEGABYTE + len(tail)
        client.sendall(post("/api/v2/media", length, f"Authorization: Bearer {token}", "Expect: 100-continue"))
        assert client.recv(4096).startswith(b"HTTP/1.1 100")
        client.sendall(head + b"x" * 3 * MEGABYTE + tail)
        assert client.recv(4096).startswith(b"HTTP/1.1 422")  # it was read whole: it is no picture


def test_sigterm_is_obeyed_while_requests_pile_up_unread(tmp_path: Path) -> None:
    with site_process(tmp_path, rate_limits="off") as made:
        made.start()
        with flooding(made.port, get("/login") * 60_000, 5), flooding(made.port, get("/api/openapi.json") * 60_000, 5):
            time.sleep(1)
            began = time.monotonic()
            assert made.stop() in {0, -signal.SIGTERM}
            assert time.monotonic() - began < 15


def test_a_network_meets_its_limit_for_pages_and_files_too(tmp_path: Path) -> None:
    with site_process(tmp_path, requests_per_network="200") as made:
        made.start()
        with closing(HTTPConnection("127.0.0.1", made.port, timeout=20)) as connection:
            answers: list[HTTPResponse] = []
            while len(answers) < 1_000 and (not answers or answers[-1].status != 429):
                connection.request("GET", ("/login", "/favicon.ico")[len(answers) % 2])
                answers.append(connection.getresponse())
                answers[-1].read()
        assert answers[-1].status == 429
        assert len(answers) > 150
        assert int(answers[-1].headers["Retry-After"]) in range(1, 11)
