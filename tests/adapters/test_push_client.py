"""Tests of the push client: delivery over HTTPS, time limits, no access to private networks (SSRF)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.web.client import BrowserLikePolicyForHTTPS

from microblog.adapters.push_client import PushClient
from microblog.model.cards import FetchError
from microblog.model.push import PushResponse
from tests.adapters.fake_web_server import FakeDnsReactor
from tests.adapters.test_http_fetcher import LOOPBACK_URLS
from tests.adapters.test_public_ip import PRIVATE_4, PRIVATE_6
from tests.push_service import HOST, PushService, ReceivedPush, run_push_service

URL = f"https://{HOST}/send/1?key=x"
HEADERS = {"TTL": "60", "Content-Encoding": "aes128gcm", "Authorization": "vapid t=x,k=y"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[PushService]:
    with run_push_service(tmp_path) as service:
        yield service


async def fetch_error(client: PushClient, url: str = URL) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await client.post(url, HEADERS, b"body")
    return caught.value


async def test_a_message_arrives_unchanged(service: PushService) -> None:
    body = bytes(range(256)) * 15
    assert await service.client().post(URL, HEADERS, body) == PushResponse(201)
    [posted] = service.received
    assert isinstance(posted, ReceivedPush)
    assert (posted.path, posted.body) == ("/send/1?key=x", body)
    assert {name: posted.headers[name.lower()] for name in HEADERS} == HEADERS
    assert posted.headers["user-agent"] == "microblog/1"
    assert posted.headers["host"] == HOST
    assert "cookie" not in posted.headers


async def test_retry_after_is_returned(service: PushService) -> None:
    service.responses = ["429 Slow down\r\nRetry-After: 120"]
    assert await service.client().post(URL, HEADERS, b"body") == PushResponse(429, "120")


async def test_redirects_are_not_followed(service: PushService) -> None:
    service.responses = ["307 Elsewhere\r\nLocation: https://push.example.net/other"]
    assert await service.client().post(URL, HEADERS, b"body") == PushResponse(307)
    assert service.request_count == 1


async def test_a_silent_service_is_a_temporary_error(service: PushService) -> None:
    service.silent = True
    assert not (await fetch_error(service.client(seconds=0.5))).permanent


async def test_an_endless_response_is_cut_off(service: PushService) -> None:
    service.responses = ["200 OK\r\n" + "X-Filler: yyyyyyyyyyyyyyyy\r\n" * 10_000]
    assert not (await fetch_error(service.client())).permanent


async def test_a_refused_connection_is_a_temporary_error(service: PushService) -> None:
    client = service.client()
    client.reactor.routes = {"93.184.216.34": ("127.0.0.1", 1)}
    assert not (await fetch_error(client)).permanent


async def test_an_unknown_certificate_is_not_trusted(service: PushService) -> None:
    client = service.client()
    client.trust = BrowserLikePolicyForHTTPS()
    assert not (await fetch_error(client)).permanent
    assert service.received == []


@pytest.mark.parametrize("address", [one for one in PRIVATE_4 + PRIVATE_6 if "%" not in one])
async def test_a_name_with_a_private_address_is_not_connected(service: PushService, address: str) -> None:
    client = service.client(address=address)
    client.exceptions = frozenset()
    error = await fetch_error(client)
    assert (str(error), error.permanent) == ("The host is not on the public internet.", True)
    assert client.reactor.connected == []


@pytest.mark.parametrize("url", [url.replace("http://", "https://") for url in LOOPBACK_URLS])
async def test_no_spelling_of_a_private_address_is_connected(url: str) -> None:
    reactor = FakeDnsReactor()
    await fetch_error(PushClient(reactor, "microblog/1"), url)
    assert reactor.connected == []


async def test_the_connected_address_is_checked(service: PushService) -> None:
    client = service.client()
    client.exceptions = frozenset()  # the name has a public address, the connection goes to this machine
    assert (await fetch_error(client)).permanent  # at once, not after the timeout
    assert client.reactor.connected
    assert service.received == []


@pytest.mark.parametrize("port", [22, 80 + 8000, 5432, 8443])
async def test_only_port_443_is_connected(service: PushService, port: int) -> None:
    client = service.client()
    await fetch_error(client, f"https://{HOST}:{port}/send")
    assert client.reactor.connected == []
