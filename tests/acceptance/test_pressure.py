"""Tests of overload by one client over real sockets: other clients are still served."""

from __future__ import annotations

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
P90_LIMIT_S = 0.05
MAX_DELAY_S = 0.5  # for single requests on a busy machine


@pytest.fixture(scope="module")
def flooded_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    """A started site without rate limits, so that one client stands for many that each stay below the limits."""
    with site_process(tmp_path_factory.mktemp("site"), rate_limits="off", registration="open") as site:
        site.start()
        yield site
        assert site.stop() in {0, -signal.SIGTERM}
        assert "Traceback" not in site.log


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post(path: str, length: int, *headers: str) -> bytes:
    content_type = "multipart/form-data; boundary=xyz"
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {content_type}", f"Content-Length: {length}", *headers, "", ""]
    return "\r\n".join(lines).encode()


@define
class ProbeClient:
    """Another client, which requests a small page repeatedly on one connection. `delays` are response times in seconds."""

    port: int
    pid: int
    delays: list[float] = field(factory=list)
    max_memory: int = 0

    def watch(self, seconds: float) -> None:
        """Send requests for this many seconds."""
        end = time.monotonic() + seconds
        process = psutil.Process(self.pid)
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            while time.monotonic() < end:
                started = time.monotonic()
                connection.request("GET", "/api/v1/custom_emojis")
                assert connection.getresponse().read() == b"[]"
                self.delays.append(time.monotonic() - started)
                self.max_memory = max(self.max_memory, process.memory_info().rss)
                time.sleep(0.02)

    @property
    def p90(self) -> float:
        """Return the 90th percentile of the delays."""
        return sorted(self.delays)[len(self.delays) * 9 // 10]


def probe_client(site: SiteProcess) -> ProbeClient:
    assert site.process is not None
    return ProbeClient(site.port, site.process.pid)


@contextmanager
def flood(port: int, data: bytes, connections: int, *, read: bool = False) -> Iterator[None]:
    """Let clients send all of `data` as fast as possible; with `read`, they also read the responses."""

    def send(client: socket.socket) -> None:
        try:
            client.sendall(data)
        except OSError:
            return

    def receive(client: socket.socket) -> None:
        try:
            while client.recv(MEGABYTE):
                pass
        except OSError:
            return

    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30)) for _ in range(connections)]
        threads = [threading.Thread(target=send, args=(client,)) for client in clients]
        threads += [threading.Thread(target=receive, args=(client,)) for client in clients if read]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for client in clients:
                with suppress(OSError):  # the site has closed the connection
                    client.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(10)


def style_sheet(site: SiteProcess) -> str:
    found = re.search(rb'/static/[^"]+\.css', site.get("/login")[1])
    assert found
    return found[0].decode()


@pytest.mark.parametrize("path", ["a style sheet", "/login", "/nowhere", "/api/openapi.json"])
@pytest.mark.parametrize(("connections", "read"), [(1, False), (5, False), (3, True)])
def test_pipelined_requests_delay_nobody_and_use_little_memory(flooded_site: SiteProcess, path: str, connections: int, read: bool) -> None:
    target = style_sheet(flooded_site) if path == "a style sheet" else path
    flooded_site.get(target)  # fills the caches
    probe = probe_client(flooded_site)
    before = psutil.Process(probe.pid).memory_info().rss
    with flood(flooded_site.port, get(target) * 90_000, connections, read=read):
        probe.watch(1)
    assert probe.p90 < P90_LIMIT_S
    assert max(probe.delays) < MAX_DELAY_S
    assert probe.max_memory - before < 24 * MEGABYTE


def test_unfinished_anonymous_bodies_do_not_block_publishing(flooded_site: SiteProcess) -> None:
    writer = SiteClient(flooded_site)
    writer.sign_up("writes_on")
    with ExitStack() as stack:
        for _ in range(135):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", flooded_site.port), timeout=10))
            client.sendall(post("/posts", 20_000_000))
            try:
                client.sendall(b"x" * MEGABYTE)
            except OSError:  # already refused
                continue
        for number in range(3):
            assert writer.request("POST", "/posts", {"csrf": writer.csrf_token, "text": f"Post {number}"})[0] == 303
            assert writer.request("POST", "/posts", {"csrf": writer.csrf_token, "text": f"Post {number} " + "&" * 60_000})[0] == 422


def test_a_large_anonymous_body_is_refused_before_it_is_sent(flooded_site: SiteProcess) -> None:
    for path, expected in (("/posts", b"HTTP/1.1 401"), ("/api/v2/media", b"HTTP/1.1 401"), ("/signup", b"HTTP/1.1 413")):
        with socket.create_connection(("127.0.0.1", flooded_site.port), timeout=10) as client:
            client.sendall(post(path, 20_000_000, "Expect: 100-continue"))
            assert client.recv(4096)[:12] == expected
            assert not client.recv(4096).startswith(b"HTTP/1.1 100")


def test_a_large_body_of_a_logged_in_user_is_read(flooded_site: SiteProcess) -> None:
    SiteClient(flooded_site).sign_up("sends_much")
    token = flooded_site.run_json("token", "create", "sends_much", "--scopes", "write")["token"]
    head, tail = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n', b"\r\n--xyz--\r\n"
    with socket.create_connection(("127.0.0.1", flooded_site.port), timeout=20) as client:
        length = len(head) + 3 * MEGABYTE + len(tail)
        client.sendall(post("/api/v2/media", length, f"Authorization: Bearer {token}", "Expect: 100-continue"))
        assert client.recv(4096).startswith(b"HTTP/1.1 100")
        client.sendall(head + b"x" * 3 * MEGABYTE + tail)
        assert client.recv(4096).startswith(b"HTTP/1.1 422")  # read completely, and not an image


def test_sigterm_stops_the_site_during_a_flood(tmp_path: Path) -> None:
    with site_process(tmp_path, rate_limits="off") as site:
        site.start()
        with flood(site.port, get("/login") * 60_000, 5), flood(site.port, get("/api/openapi.json") * 60_000, 5):
            time.sleep(1)
            started = time.monotonic()
            assert site.stop() in {0, -signal.SIGTERM}
            assert time.monotonic() - started < 15


def test_the_limit_per_network_applies_to_pages_and_files(tmp_path: Path) -> None:
    with site_process(tmp_path, requests_per_network="200") as site:
        site.start()
        with closing(HTTPConnection("127.0.0.1", site.port, timeout=20)) as connection:
            responses: list[HTTPResponse] = []
            while len(responses) < 1_000 and (not responses or responses[-1].status != 429):
                connection.request("GET", ("/login", "/favicon.ico")[len(responses) % 2])
                responses.append(connection.getresponse())
                responses[-1].read()
        assert responses[-1].status == 429
        assert len(responses) > 150
        assert int(responses[-1].headers["Retry-After"]) in range(1, 11)
