"""Nothing leads into our own network, and nothing that comes from elsewhere is without bounds."""

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
    with fake_web_server() as made:
        made.responses["/"] = response(b"<title>Hello</title>", "text/html; charset=ISO-8859-1")
        yield made


def fetching(server: FakeWebServer | None = None, *, reactor: Any = real, seconds: float = 3.0) -> TreqFetcher:
    exceptions = frozenset({("127.0.0.1", server.port)} if server else ())
    return TreqFetcher(reactor, "microblog/1 (+https://example.org)", seconds=seconds, exceptions=exceptions)


async def get(fetch: TreqFetcher, url: str, *, most: int = 10_000, whole: bool = False) -> FetchedPage:
    return await fetch.get(url, types=HTML, most=most, whole=whole)


async def refusal(fetch: TreqFetcher, url: str, **how: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await get(fetch, url, **how)
    return caught.value


async def test_a_page_is_brought(server: FakeWebServer) -> None:
    found = await get(fetching(server), server.url + "/")
    assert found == FetchedPage(server.url + "/", "text/html", "iso-8859-1", b"<title>Hello</title>")
    assert server.requested_paths == ["/robots.txt", "/"]
    assert "User-Agent: microblog/1 (+https://example.org)" in server.request_heads[1]
    assert "identity" in server.request_heads[1]
    assert "gzip" not in server.request_heads[1]
    assert "Cookie" not in server.request_heads[1]


WAYS_HOME = [
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


@pytest.mark.parametrize("url", WAYS_HOME)
async def test_no_way_to_write_an_address_leads_home(url: str) -> None:
    reactor = FakeDnsReactor()
    await refusal(fetching(reactor=reactor), url)
    assert reactor.connected == []


@pytest.mark.parametrize("address", [one for one in PRIVATE_4 + PRIVATE_6 if "%" not in one])
async def test_no_name_leads_to_an_address_that_is_not_public(address: str) -> None:
    reactor = FakeDnsReactor({"evil.example": [[address]]})
    problem = await refusal(fetching(reactor=reactor), "http://evil.example/")
    assert (str(problem), problem.permanent) == ("It is not on the public internet.", True)
    assert reactor.connected == []


async def test_of_several_addresses_only_public_ones_are_tried(server: FakeWebServer) -> None:
    reactor = FakeDnsReactor({"mixed.example": [["10.0.0.1", "93.184.216.34", "::1"]]}, {"93.184.216.34": ("127.0.0.1", server.port)})
    fetch = TreqFetcher(reactor, "microblog/1", seconds=3, exceptions=frozenset({("127.0.0.1", server.port)}))
    await get(fetch, "http://mixed.example/")
    assert {address for address, _ in reactor.connected} == {"93.184.216.34"}


async def test_a_name_that_leads_home_the_second_time_is_not_followed(server: FakeWebServer) -> None:
    reactor = FakeDnsReactor({"rebinding.example": [["93.184.216.34"], ["127.0.0.1"]]}, {"93.184.216.34": ("127.0.0.1", server.port)})
    fetch = TreqFetcher(reactor, "microblog/1", seconds=3, exceptions=frozenset({("127.0.0.1", server.port)}))
    await refusal(fetch, "http://rebinding.example/")  # robots.txt came from the public address; the page would come from ours
    assert server.requested_paths == ["/robots.txt"]
    assert {address for address, _ in reactor.connected} == {"93.184.216.34"}


async def test_the_address_that_was_really_connected_counts(server: FakeWebServer) -> None:
    reactor = FakeDnsReactor({"detour.example": [["93.184.216.34"]]}, {"93.184.216.34": ("127.0.0.1", server.port)})
    await refusal(fetching(reactor=reactor), "http://detour.example/")
    assert reactor.connected
    assert server.requested_paths == []


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1/", "http://[::1]/", "http://2130706433/", "file:///etc/passwd", "ftp://example.org/", "gopher://x/", "//0/", ""],
)
async def test_no_redirect_leads_home(server: FakeWebServer, target: str) -> None:
    reactor = FakeDnsReactor()
    server.responses["/away"] = redirect(target)
    fetch = TreqFetcher(reactor, "microblog/1", seconds=3, exceptions=frozenset({("127.0.0.1", server.port)}))
    await refusal(fetch, server.url + "/away")
    assert set(reactor.connected) == {("127.0.0.1", server.port)}


async def test_redirects_are_followed_and_counted(server: FakeWebServer) -> None:
    server.responses |= {f"/{n}": redirect(f"/{n - 1}#top") for n in range(1, 7)} | {"/0": response(b"there")}
    found = await get(fetching(server), server.url + "/4")
    assert (found.url, found.body) == (server.url + "/0", b"there")
    assert "too often" in str(await refusal(fetching(server), server.url + "/5"))


@pytest.mark.parametrize(
    "url", ["http://example.org:22/", "http://example.org:8080/", "https://example.org:5432/", "http://example.org:6379/"]
)
async def test_only_the_ports_of_the_web_are_connected(url: str) -> None:
    reactor = FakeDnsReactor({"example.org": [["93.184.216.34"]]})
    await refusal(fetching(reactor=reactor), url)
    assert reactor.connected == []


@pytest.mark.parametrize(
    "url",
    ["http://user:word@example.org/", "ftp://example.org/", "javascript:alert(1)", "http:///", "http://x/" + "y" * 3000, "", "http://["],
)
async def test_what_is_no_address_on_the_web_is_refused(url: str) -> None:
    assert (await refusal(fetching(), url)).permanent


async def test_robots_txt_is_respected_and_remembered(server: FakeWebServer) -> None:
    server.responses["/robots.txt"] = response(b"User-agent: microblog\nDisallow: /no", "text/plain")
    server.responses["/no"] = server.responses["/yes"] = response(b"x")
    fetch = fetching(server)
    assert "robots" in str(await refusal(fetch, server.url + "/no"))
    await get(fetch, server.url + "/yes")
    assert server.requested_paths == ["/robots.txt", "/yes"]


async def test_where_robots_txt_cannot_be_asked_nothing_is_read_for_now(server: FakeWebServer) -> None:
    server.responses["/robots.txt"] = response(b"", status="503 Busy")
    problem = await refusal(fetching(server), server.url + "/")
    assert not problem.permanent
    assert server.requested_paths == ["/robots.txt"]


@pytest.mark.parametrize(
    ("status", "permanent"), [("404 Not Found", True), ("403 Forbidden", True), ("500 Oops", False), ("429 Slow", False)]
)
async def test_a_refusal_is_known_to_last_or_not(server: FakeWebServer, status: str, permanent: bool) -> None:
    server.responses["/x"] = response(b"", status=status)
    assert (await refusal(fetching(server), server.url + "/x")).permanent is permanent


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "text/plain", ""])
async def test_other_content_is_not_read(server: FakeWebServer, kind: str) -> None:
    server.responses["/x"] = response(b"x", kind)
    assert "type" in str(await refusal(fetching(server), server.url + "/x"))


async def test_of_a_long_page_the_beginning_is_read(server: FakeWebServer) -> None:
    server.responses["/"] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<title>Hello</title>"
    server.endless.add("/")
    found = await get(fetching(server), server.url + "/", most=5000)
    assert len(found.body) == 5000
    assert found.body.startswith(b"<title>Hello")
    await _quiet(server)


async def test_a_long_picture_is_not_taken(server: FakeWebServer) -> None:
    server.responses["/"] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
    server.endless.add("/")
    assert "longer" in str(await refusal(fetching(server), server.url + "/", most=5000, whole=True))
    await _quiet(server)


async def _quiet(server: FakeWebServer) -> None:
    """What is not wanted any more is not sent any more."""
    await deferLater(real, 0.1)
    sent = server.bytes_sent
    await deferLater(real, 0.1)
    assert server.bytes_sent == sent


async def test_a_picture_that_breaks_off_is_not_taken(server: FakeWebServer) -> None:
    server.responses["/"] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\nhalf"
    assert not (await refusal(fetching(server), server.url + "/", whole=True)).permanent


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX: ", b""])
async def test_headers_without_end_are_cut_off(server: FakeWebServer, head: bytes) -> None:
    server.responses["/"] = head + b"X-Filler: y\r\n" * 50_000
    server.endless.add("/")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await refusal(fetching(server), server.url + "/")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16_000  # KiB
    await _quiet(server)


async def test_a_page_that_was_packed_unasked_is_not_unpacked(server: FakeWebServer) -> None:
    server.responses["/"] = response(gzip.compress(b"\0" * 50_000_000), Content_Encoding="gzip")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "packed" in str(await refusal(fetching(server), server.url + "/", most=1_000_000))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16_000


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", response(b"x" * 10)[:-5]])
async def test_who_says_nothing_more_is_not_waited_for(server: FakeWebServer, answer: bytes) -> None:
    server.responses["/"] = answer
    server.silent.add("/")
    problem = await refusal(fetching(server, seconds=0.3), server.url + "/")
    assert (str(problem), problem.permanent) == ("It took longer than 0.3 seconds.", False)


@pytest.mark.parametrize(
    "answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\0" * 100, b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"]
)
async def test_what_is_no_http_is_a_refusal_like_any_other(server: FakeWebServer, answer: bytes) -> None:
    server.responses["/"] = answer
    assert str(await refusal(fetching(server), server.url + "/"))


async def test_a_host_that_there_is_not_may_be_there_later() -> None:
    problem = await refusal(fetching(reactor=FakeDnsReactor({"nowhere.example": [[]]})), "http://nowhere.example/")
    assert (str(problem), problem.permanent) == ("There is no such host.", False)


async def test_a_host_that_refuses_connections_may_accept_them_later() -> None:
    with fake_web_server() as gone:
        port = gone.port
    fetch = TreqFetcher(real, "microblog/1", seconds=3, exceptions=frozenset({("127.0.0.1", port)}))
    assert not (await refusal(fetch, f"http://127.0.0.1:{port}/")).permanent
