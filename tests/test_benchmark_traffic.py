"""The load of the benchmarks, sent to a real server: what it counts, and that it notices errors."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from benchmarks.traffic import Stream, percentile, traffic


class Handler(BaseHTTPRequestHandler):
    """Responds 200 to /ok, closes the connection on /closed, and responds 500 to everything else."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/closed":
            self.close_connection = True
            return
        self.send_response(200 if self.path == "/ok" else 500)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def test_readers_and_writers_run_at_their_own_rates(port: int) -> None:
    bodies = list[bytes]()
    slow = Stream(lambda: get("/ok"), [port], rate=10, done=bodies.append)
    fast = Stream(lambda: get("/ok"), [port], rate=50)
    with traffic(slow, fast) as running:
        for _ in range(2):
            assert running.run(0.5) >= 0.5
            assert (len(slow.durations), len(fast.durations)) == (5, 25)
    assert bodies == [b"hello"] * 10


def test_a_limit_ends_a_run(port: int) -> None:
    stream = Stream(lambda: get("/ok"), [port], limit=20)
    with traffic(stream) as running:
        assert running.run(30) < 20
    assert len(stream.durations) == 20


@pytest.mark.parametrize("path", ["/wrong", "/closed"])
def test_an_error_ends_the_program(port: int, path: str) -> None:
    with traffic(Stream(lambda: get(path), [port], limit=1)) as running, pytest.raises(SystemExit, match="a request failed"):
        running.run(30)


@pytest.mark.parametrize("path", ["/wrong", "/closed"])
def test_errors_can_be_counted_instead(port: int, path: str) -> None:
    paths = iter(["/ok", path, "/ok"])
    stream = Stream(lambda: get(next(paths)), [port], limit=3, strict=False, most_connections=1)
    with traffic(stream) as running:
        running.run(30)
    assert len(stream.durations) == 2
    assert sum(stream.errors.values()) == 1


def test_percentiles() -> None:
    assert percentile([], 0.5) == 0
    assert (percentile(range(100), 0.5), percentile(range(100), 0.99)) == (50, 99)
