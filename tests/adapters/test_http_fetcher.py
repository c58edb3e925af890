"""Tests of the HTTP fetcher: no access to private networks (SSRF), and limits on every response."""

from __future__ import annotations

import gzip
import resource
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet import reactor as real
from twisted.internet.task import deferLater

from microblog.adapters.http_fetcher import TreqFetcher
from microblog.model.cards import FetchedPage, FetchError
from tests.adapters.fake_web_server import FakeDnsReactor, FakeWebServer, fake_web_server, redirect, response
from tests.adapters.test_public_ip import PRIVATE_4, PRIVATE_6

HTML = ("text/html",)


@pytest.fixture
def server() -> Iterator[FakeWebServer]:
    with fake_web_server() as server:
        server.responses["/"] = response(b"<title>Hello</title>", "text/html; charset=ISO-8859-1")
        yield server


def build_fetcher(server: FakeWebServer | None = None, *, reactor: Any = real, seconds: float = 3.0) -> TreqFetcher:
    exceptions = frozenset({("127.0.0.1", server.port)} if server else ())
    return TreqFetcher(reactor, "microblog/1 (+https://example.org)", seconds=seconds, exceptions=exceptions)


async def get(fetcher: TreqFetcher, url: str, *, max_bytes: int = 10_000, whole: bool = False) -> FetchedPage:
    return await fetcher.get(url, types=HTML, max_bytes=max_bytes, whole=whole)


async def fetch_error(fetcher: TreqFetcher, url: str, **options: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await get(fetcher, url, **options)
    return caught.value


async def test_a_page_is_fetched(server: FakeWebServer) -> None:
    found = await get(build_fetcher(server), server.url + "/")
    assert found == FetchedPage(server.url + "/", "text/html", "iso-8859-1", b"<title>Hello</title>")
    assert server.requested_paths == ["/robots.txt", "/"]
    assert "User-Agent: microblog/1 (+https://example.org)" in server.request_heads[1]
    assert "identity" in server.request_heads[1]
    assert "gzip" not in server.request_heads[1]
    assert "Cookie" not in server.request_heads[1]


LOOPBACK_URLS = [
    "http://127.0.0.1/",
    "http://127.0.0.1:443/",
    "https://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://localhost/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fe80::1]/",
    "http://[fd00::1]/",
]


@pytest.mark.parametrize("url", LOOPBACK_URLS)
async def test_no_spelling_of_a_private_address_is_connected(url: str) -> None:
    reactor = FakeDnsReactor()
    await fetch_error(build_fetcher(reactor=reactor), url)
    assert reactor.connected == []


@pytest.mark.parametrize("address", [one for one in PRIVATE_4 + PRIVATE_6 if "%" not in one])
async def test_a_name_with_a_private_address_is_not_connected(address: str) -> None:
    reactor = FakeDnsReactor({"evil.example": [[address]]})
    error = await fetch_error(build_fetcher(reactor=reactor), "http://evil.example/")
    assert (str(error), error.permanent) == ("The host is not on the public internet.", True)
    assert reactor.connected == []


async def test_only_public_addresses_of_a_name_are_tried(server: FakeWebServer) -> None:
    reactor = FakeDnsReactor({"mixed.example": [["10.0.0.1", "93.184.216.34", "::1"]]}, {"93.184.216.34": ("127.0.0.1", server.port)})
    fetcher = TreqFetcher(reactor, "microblog/1", seconds=3, exceptions=frozenset({("127.0.0.1", server.port)}))
    await get(fetcher, "http://mixed.example/")
    assert {address for address, _ in reactor.connected} == {"93.184.216.34"}


async def test_dns_rebinding_is_prevented(server: FakeWebServer) -> None:
    reactor = FakeDnsReactor({"rebinding.example": [["93.184.216.34"], ["127.0.0.1"]]}, {"93.184.216.34": ("127.0.0.1", server.port)})
    fetcher = TreqFetcher(reactor, "microblog/1", seconds=3, exceptions=frozenset({("127.0.0.1", server.port)}))
    await fetch_error(fetcher, "http://rebinding.example/")  # robots.txt came from the public address; the page would come from 127.0.0.1
    assert server.requested_paths == ["/robots.txt"]
    assert {address for address, _ in reactor.connected} == {"93.184.216.34"}


async def test_the_connected_address_is_checked(server: FakeWebServer) -> None:
    reactor = FakeDnsReactor({"detour.example": [["93.184.216.34"]]}, {"93.184.216.34": ("127.0.0.1", server.port)})
    await fetch_error(build_fetcher(reactor=reactor), "http://detour.example/")
    assert reactor.connected
    assert server.requested_paths == []


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1/", "http://[::1]/", "http://2130706433/", "file:///etc/passwd", "ftp://example.org/", "gopher://x/", "//0/", ""],
)
async def test_a_redirect_to_a_private_address_is_refused(server: FakeWebServer, target: str) -> None:
    reactor = FakeDnsReactor()
    server.responses["/away"] = redirect(target)
    fetcher = TreqFetcher(reactor, "microblog/1", seconds=3, exceptions=frozenset({("127.0.0.1", server.port)}))
    await fetch_error(fetcher, server.url + "/away")
    assert set(reactor.connected) == {("127.0.0.1", server.port)}


async def test_redirects_are_followed_up_to_a_limit(server: FakeWebServer) -> None:
    server.responses |= {f"/{n}": redirect(f"/{n - 1}#top") for n in range(1, 7)} | {"/0": response(b"there")}
    found = await get(build_fetcher(server), server.url + "/4")
    assert (found.url, found.body) == (server.url + "/0", b"there")
    assert "Too many redirects" in str(await fetch_error(build_fetcher(server), server.url + "/5"))


@pytest.mark.parametrize(
    "url", ["http://example.org:22/", "http://example.org:8080/", "https://example.org:5432/", "http://example.org:6379/"]
)
async def test_only_ports_80_and_443_are_connected(url: str) -> None:
    reactor = FakeDnsReactor({"example.org": [["93.184.216.34"]]})
    await fetch_error(build_fetcher(reactor=reactor), url)
    assert reactor.connected == []


@pytest.mark.parametrize(
    "url",
    ["http://user:word@example.org/", "ftp://example.org/", "javascript:alert(1)", "http:///", "http://x/" + "y" * 3000, "", "http://["],
)
async def test_an_invalid_url_is_refused(url: str) -> None:
    assert (await fetch_error(build_fetcher(), url)).permanent


async def test_robots_txt_is_respected_and_cached(server: FakeWebServer) -> None:
    server.responses["/robots.txt"] = response(b"User-agent: microblog\nDisallow: /no", "text/plain")
    server.responses["/no"] = server.responses["/yes"] = response(b"x")
    fetcher = build_fetcher(server)
    assert "robots" in str(await fetch_error(fetcher, server.url + "/no"))
    await get(fetcher, server.url + "/yes")
    assert server.requested_paths == ["/robots.txt", "/yes"]


async def test_nothing_is_fetched_while_robots_txt_is_unavailable(server: FakeWebServer) -> None:
    server.responses["/robots.txt"] = response(b"", status="503 Busy")
    error = await fetch_error(build_fetcher(server), server.url + "/")
    assert not error.permanent
    assert server.requested_paths == ["/robots.txt"]


@pytest.mark.parametrize(
    ("status", "permanent"), [("404 Not Found", True), ("403 Forbidden", True), ("500 Oops", False), ("429 Slow", False)]
)
async def test_an_error_status_is_permanent_or_temporary(server: FakeWebServer, status: str, permanent: bool) -> None:
    server.responses["/x"] = response(b"", status=status)
    assert (await fetch_error(build_fetcher(server), server.url + "/x")).permanent is permanent


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "text/plain", ""])
async def test_other_content_types_are_refused(server: FakeWebServer, kind: str) -> None:
    server.responses["/x"] = response(b"x", kind)
    assert "type" in str(await fetch_error(build_fetcher(server), server.url + "/x"))


async def test_a_long_page_is_truncated(server: FakeWebServer) -> None:
    server.responses["/"] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<title>Hello</title>"
    server.endless.add("/")
    found = await get(build_fetcher(server), server.url + "/", max_bytes=5000)
    assert len(found.body) == 5000
    assert found.body.startswith(b"<title>Hello")
    await assert_stops_sending(server)


async def test_a_long_image_is_refused(server: FakeWebServer) -> None:
    server.responses["/"] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
    server.endless.add("/")
    assert "longer" in str(await fetch_error(build_fetcher(server), server.url + "/", max_bytes=5000, whole=True))
    await assert_stops_sending(server)


async def assert_stops_sending(server: FakeWebServer) -> None:
    """Assert that the server has stopped sending."""
    await deferLater(real, 0.1)
    bytes_sent = server.bytes_sent
    await deferLater(real, 0.1)
    assert server.bytes_sent == bytes_sent


async def test_a_truncated_image_is_refused(server: FakeWebServer) -> None:
    server.responses["/"] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\nhalf"
    assert not (await fetch_error(build_fetcher(server), server.url + "/", whole=True)).permanent


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX: ", b""])
async def test_endless_headers_are_cut_off(server: FakeWebServer, head: bytes) -> None:
    server.responses["/"] = head + b"X-Filler: y\r\n" * 50_000
    server.endless.add("/")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await fetch_error(build_fetcher(server), server.url + "/")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16_000  # KiB
    await assert_stops_sending(server)


async def test_an_unrequested_compression_is_refused(server: FakeWebServer) -> None:
    server.responses["/"] = response(gzip.compress(b"\0" * 50_000_000), Content_Encoding="gzip")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "compressed" in str(await fetch_error(build_fetcher(server), server.url + "/", max_bytes=1_000_000))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16_000


@pytest.mark.parametrize("response_bytes", [b"", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", response(b"x" * 10)[:-5]])
async def test_a_silent_server_times_out(server: FakeWebServer, response_bytes: bytes) -> None:
    server.responses["/"] = response_bytes
    server.silent.add("/")
    error = await fetch_error(build_fetcher(server, seconds=0.3), server.url + "/")
    assert (str(error), error.permanent) == ("No complete response within 0.3 seconds.", False)


@pytest.mark.parametrize(
    "response_bytes", [b"nonsense\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\0" * 100, b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"]
)
async def test_an_invalid_response_is_refused(server: FakeWebServer, response_bytes: bytes) -> None:
    server.responses["/"] = response_bytes
    assert str(await fetch_error(build_fetcher(server), server.url + "/"))


async def test_an_unknown_host_is_a_temporary_error() -> None:
    error = await fetch_error(build_fetcher(reactor=FakeDnsReactor({"nowhere.example": [[]]})), "http://nowhere.example/")
    assert (str(error), error.permanent) == ("The host does not exist.", False)


async def test_a_refused_connection_is_a_temporary_error() -> None:
    with fake_web_server() as closed_server:
        port = closed_server.port
    fetcher = TreqFetcher(real, "microblog/1", seconds=3, exceptions=frozenset({("127.0.0.1", port)}))
    assert not (await fetch_error(fetcher, f"http://127.0.0.1:{port}/")).permanent
