"""Tests of the client for other servers: persistent connections, limits on every response, no access to private networks (SSRF)."""

# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest
from attrs import define, field
from twisted.internet import reactor as real
from twisted.internet.defer import Deferred
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.internet.task import deferLater
from twisted.protocols.policies import WrappingFactory
from twisted.web.client import BrowserLikePolicyForHTTPS
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from microblog.adapters.federation_client import CONNECTIONS_PER_HOST, MAX_BODY, FederationClient
from microblog.adapters.tls_errors import WRONG_NAME
from microblog.model.cards import FetchError
from microblog.model.remote_requests import DownloadLimits
from tests.adapters.fake_web_server import FakeDnsReactor, fake_web_server
from tests.adapters.test_http_fetcher import LOOPBACK_URLS
from tests.certificates import create_certificates
from tests.push_service import TrustRoot

HOST = "social.example.net"
ADDRESS = "93.184.216.34"
URL = f"https://{HOST}/inbox"


class _CountingFactory(WrappingFactory):
    """Factory of connections; `protocols` has the open ones."""

    noisy = False
    opened = 0

    def buildProtocol(self, addr: Any) -> Any:
        """Count the connection."""
        self.opened += 1
        return super().buildProtocol(addr)


@define(eq=False)
class Peer:
    """Another server over HTTPS. `bodies` are the response bodies by path."""

    authority: Path
    bodies: dict[str, bytes] = field(factory=dict)
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(factory=list)
    port: int = 0
    factory: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.factory = _CountingFactory(Site(_Everything(self)))

    def close_connections(self) -> None:
        """Abort all open connections."""
        for connection in list(self.factory.protocols):
            connection.transport.abortConnection()

    def client(self, *, seconds: float = 10.0) -> FederationClient:
        """Return a client for which the name of this server resolves to a public address that leads here."""
        reactor = FakeDnsReactor({HOST: [[ADDRESS]]}, {ADDRESS: ("127.0.0.1", self.port)})
        trust = BrowserLikePolicyForHTTPS(TrustRoot(self.authority))
        exceptions = frozenset({("127.0.0.1", self.port)})
        return FederationClient(reactor, "microblog/1 (+https://example.org/)", seconds, exceptions=exceptions, trust=trust)


class _Everything(Resource):
    isLeaf = True

    def __init__(self, peer: Peer) -> None:
        super().__init__()
        self.peer = peer

    def render(self, request: Any) -> Any:
        """Record the request; respond with the body of the path."""
        path, peer = request.uri.decode(), self.peer
        headers = {name.decode().lower(): values[0].decode() for name, values in request.requestHeaders.getAllRawHeaders()}
        peer.requests.append((request.method.decode(), path, headers, request.content.read()))
        if path == "/silent":
            return NOT_DONE_YET
        if path == "/elsewhere":
            request.setResponseCode(302)
            request.setHeader("Location", "/inbox")
        elif path == "/inbox":
            request.setResponseCode(202)
        request.setHeader("Content-Type", "application/activity+json")
        return peer.bodies.get(path, b"")


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    certificates, reactor = create_certificates(tmp_path, HOST), real
    server = Peer(certificates.authority)
    context = DefaultOpenSSLContextFactory(str(certificates.server), str(certificates.server))
    port = reactor.listenSSL(0, server.factory, context, interface="127.0.0.1")  # type: ignore[attr-defined]  # the module stands for the reactor
    server.port = port.getHost().port
    yield server
    port.stopListening()
    server.close_connections()


async def until(condition: Any) -> None:
    for _ in range(200):
        if condition():
            return
        await deferLater(real, 0.02)
    raise AssertionError("it did not happen within four seconds")


async def fetch_error(client: FederationClient, url: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await client.send("GET", url, {})
    return caught.value


async def test_a_delivery_arrives_with_the_headers_that_were_signed(peer: Peer) -> None:
    client, headers = (
        peer.client(),
        {"Date": "Sun, 29 Nov 2026 15:00:00 GMT", "Signature": 'keyId="x"', "Content-Type": "application/activity+json"},
    )
    answer = await client.send("POST", URL + "?a=b", headers, b'{"type":"Follow"}')
    await client.stop()
    [(method, path, received, body)] = peer.requests
    assert (answer.status, method, path, body) == (200, "POST", "/inbox?a=b", b'{"type":"Follow"}')
    assert {name: received[name.lower()] for name in headers} == headers
    assert (received["host"], received["user-agent"]) == (HOST, "microblog/1 (+https://example.org/)")


async def test_requests_to_one_host_share_a_connection(peer: Peer) -> None:
    client = peer.client()
    peer.bodies["/document"] = b"x" * (MAX_BODY // 4)
    for _ in range(10):  # together more than one response may have
        answer = await client.send("GET", f"https://{HOST}/document", {})
        assert (answer.status, len(answer.body)) == (200, MAX_BODY // 4)
        assert answer.headers["content-type"] == "application/activity+json"
    assert (peer.factory.opened, len(peer.requests)) == (1, 10)
    await client.stop()
    await until(lambda: not peer.factory.protocols)


async def test_few_idle_connections_to_a_host_are_kept(peer: Peer) -> None:
    client = peer.client()
    waiting = [Deferred.fromCoroutine(client.send("POST", URL, {}, b"{}")) for _ in range(5)]
    for each in waiting:
        assert (await each).status == 202
    await until(lambda: len(peer.factory.protocols) <= CONNECTIONS_PER_HOST)
    await client.stop()


async def test_a_request_is_repeated_if_the_idle_connection_was_just_closed(peer: Peer) -> None:
    client = peer.client()
    assert (await client.send("POST", URL, {}, b"1")).status == 202
    peer.close_connections()
    assert (await client.send("POST", URL, {}, b"2")).status == 202
    assert [body for *_, body in peer.requests] == [b"1", b"2"]
    await client.stop()


async def test_redirects_are_left_to_the_caller(peer: Peer) -> None:
    client = peer.client()
    answer = await client.send("GET", f"https://{HOST}/elsewhere", {})
    assert (answer.status, answer.headers["location"], len(peer.requests)) == (302, "/inbox", 1)
    await client.stop()


async def test_a_document_that_is_too_long_closes_its_connection_only(peer: Peer) -> None:
    client = peer.client()
    peer.bodies["/long"] = b"x" * (MAX_BODY + 1)
    peer.bodies["/longer"] = b"x" * (4 * MAX_BODY)
    for path in ("/long", "/longer"):
        await fetch_error(client, f"https://{HOST}{path}")
        await until(lambda: not peer.factory.protocols)
    assert (await client.send("POST", URL, {})).status == 202
    await client.stop()


async def test_a_server_that_never_responds_loses_its_connection(peer: Peer) -> None:
    for seconds, patience in ((0.5, 10.0), (10.0, 0.5)):
        client = peer.client(seconds=seconds)
        client.patience = patience
        problem = await fetch_error(client, f"https://{HOST}/silent")
        assert not problem.permanent
        assert "0.5 seconds" in str(problem)
        await until(lambda: not peer.factory.protocols)


async def test_an_unknown_certificate_is_not_trusted(peer: Peer) -> None:
    client = peer.client()
    client.trust = BrowserLikePolicyForHTTPS()
    error = await fetch_error(client, URL)
    assert not error.permanent  # certificates are renewed
    assert str(error) == "TLS: certificate verify failed."
    assert not peer.requests


async def test_a_certificate_of_another_name_is_not_trusted(peer: Peer) -> None:
    client, other = peer.client(), "other.example"
    client.reactor = FakeDnsReactor({other: [[ADDRESS]]}, {ADDRESS: ("127.0.0.1", peer.port)})
    error = await fetch_error(client, f"https://{other}/inbox")
    assert not error.permanent
    assert str(error) == WRONG_NAME
    assert not peer.requests


async def test_a_name_of_a_test_leads_to_its_address_with_its_certificate(peer: Peer) -> None:
    address, trust = ("127.0.0.1", peer.port), BrowserLikePolicyForHTTPS(TrustRoot(peer.authority))
    client = FederationClient(real, "microblog/1", names={HOST: address, "other.test": address}, trust=trust)
    assert (await client.send("POST", URL, {})).status == 202
    assert peer.requests[0][2]["host"] == HOST
    await fetch_error(client, "https://other.test/inbox")  # the certificate is of another name
    await fetch_error(client, f"https://{HOST}:80/inbox")
    await client.stop()
    assert len(peer.requests) == 1


async def test_plain_http_is_for_listed_addresses_only() -> None:
    with fake_web_server() as server:
        client = FederationClient(real, "microblog/1", exceptions=frozenset({("127.0.0.1", server.port)}))
        assert (await client.send("GET", server.url + "/", {})).status == 404
        await fetch_error(client, "http://example.org/")
        await fetch_error(client, f"http://user@127.0.0.1:{server.port}/")
        await client.stop()


async def test_endless_responses_are_cut_off() -> None:
    with fake_web_server() as server:
        server.responses["/headers"] = b"HTTP/1.1 200 OK\r\n" + b"X-Filler: yyyyyyyyyyyyyyyy\r\n" * 100_000
        server.responses["/body"] = b"HTTP/1.1 200 OK\r\nContent-Type: application/activity+json\r\n\r\n"
        server.silent.add("/headers")
        server.endless.add("/body")
        client = FederationClient(real, "microblog/1", 5.0, exceptions=frozenset({("127.0.0.1", server.port)}))
        await fetch_error(client, server.url + "/headers")
        await fetch_error(client, server.url + "/body")
        assert server.bytes_sent < 20 * MAX_BODY


async def test_a_response_that_was_cut_off_is_not_taken_for_a_whole_one() -> None:
    with fake_web_server() as server:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/activity+json\r\n"  # without a length: it ends with the connection
        server.responses |= dict.fromkeys(("/whole", "/broken"), head + b"\r\n{}")
        server.broken.add("/broken")
        filler = b"X-Filler: %b\r\n" % (b"y" * 1000)
        server.responses["/long"] = head + filler * 128 + b"\r\n" + b"x" * MAX_BODY  # too long only together with its headers
        client = FederationClient(real, "microblog/1", 5.0, exceptions=frozenset({("127.0.0.1", server.port)}))
        assert (await client.send("GET", server.url + "/whole", {})).body == b"{}"
        for path, permanent in (("/broken", False), ("/long", True)):
            error = await fetch_error(client, server.url + path)
            assert error.permanent is permanent, path
        with TemporaryFile() as file, pytest.raises(FetchError):
            await client.download(server.url + "/broken", file, lambda head: DownloadLimits(MAX_BODY, 5.0))


@pytest.mark.parametrize("url", LOOPBACK_URLS)
async def test_private_addresses_are_never_contacted(url: str) -> None:
    await fetch_error(FederationClient(real, "microblog/1"), url.replace("http:", "https:"))
