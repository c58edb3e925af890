"""Push messages go where they may, once, and wait for nobody without end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.web.client import BrowserLikePolicyForHTTPS

from microblog.adapters.push_client import PushClient
from microblog.model.cards import FetchError
from microblog.model.push import PushResponse
from tests.adapters.fake_web_server import FakeDnsReactor
from tests.adapters.test_http_fetcher import WAYS_HOME
from tests.adapters.test_public_ip import PRIVATE_4, PRIVATE_6
from tests.push_service import HOST, Posted, Service, listening

URL = f"https://{HOST}/send/1?key=x"
HEADERS = {"TTL": "60", "Content-Encoding": "aes128gcm", "Authorization": "vapid t=x,k=y"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with listening(tmp_path) as made:
        yield made


async def refusal(services: PushClient, url: str = URL) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await services.post(url, HEADERS, b"body")
    return caught.value


async def test_a_message_arrives_as_it_was_sent(service: Service) -> None:
    body = bytes(range(256)) * 15
    assert await service.reached().post(URL, HEADERS, body) == PushResponse(201)
    [posted] = service.posted
    assert isinstance(posted, Posted)
    assert (posted.path, posted.body) == ("/send/1?key=x", body)
    assert {name: posted.headers[name.lower()] for name in HEADERS} == HEADERS
    assert posted.headers["user-agent"] == "microblog/1"
    assert posted.headers["host"] == HOST
    assert "cookie" not in posted.headers


async def test_what_the_service_asks_for_is_told(service: Service) -> None:
    service.answers = ["429 Slow down\r\nRetry-After: 120"]
    assert await service.reached().post(URL, HEADERS, b"body") == PushResponse(429, "120")


async def test_redirects_are_not_followed(service: Service) -> None:
    service.answers = ["307 Elsewhere\r\nLocation: https://push.example.net/other"]
    assert await service.reached().post(URL, HEADERS, b"body") == PushResponse(307)
    assert service.asked == 1


async def test_who_never_answers_is_given_up_for_now(service: Service) -> None:
    service.silent = True
    assert not (await refusal(service.reached(seconds=0.5))).permanent


async def test_answers_without_end_are_cut_off(service: Service) -> None:
    service.answers = ["200 OK\r\n" + "X-Filler: yyyyyyyyyyyyyyyy\r\n" * 10_000]
    assert not (await refusal(service.reached())).permanent


async def test_nobody_there_is_no_lasting_refusal(service: Service) -> None:
    services = service.reached()
    services.reactor.routes = {"93.184.216.34": ("127.0.0.1", 1)}
    assert not (await refusal(services)).permanent


async def test_a_certificate_of_nobody_known_is_not_trusted(service: Service) -> None:
    services = service.reached()
    services.trust = BrowserLikePolicyForHTTPS()
    assert not (await refusal(services)).permanent
    assert service.posted == []


@pytest.mark.parametrize("address", [one for one in PRIVATE_4 + PRIVATE_6 if "%" not in one])
async def test_no_name_leads_to_an_address_that_is_not_public(service: Service, address: str) -> None:
    services = service.reached(address=address)
    services.exceptions = frozenset()
    problem = await refusal(services)
    assert (str(problem), problem.permanent) == ("It is not on the public internet.", True)
    assert services.reactor.connected == []


@pytest.mark.parametrize("url", [url.replace("http://", "https://") for url in WAYS_HOME])
async def test_no_way_to_write_an_address_leads_home(url: str) -> None:
    reactor = FakeDnsReactor()
    await refusal(PushClient(reactor, "microblog/1"), url)
    assert reactor.connected == []


async def test_the_address_that_was_really_connected_counts(service: Service) -> None:
    services = service.reached()
    services.exceptions = frozenset()  # the name leads to a public address, the connection to this machine
    assert (await refusal(services)).permanent  # at once, not when its patience ends
    assert services.reactor.connected
    assert service.posted == []


@pytest.mark.parametrize("port", [22, 80 + 8000, 5432, 8443])
async def test_only_the_ports_of_the_web_are_connected(service: Service, port: int) -> None:
    services = service.reached()
    await refusal(services, f"https://{HOST}:{port}/send")
    assert services.reactor.connected == []
