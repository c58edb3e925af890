"""Look-ups of mail hosts, with a real name server."""

from __future__ import annotations

from collections.abc import Iterator
from socket import AF_INET, SOCK_DGRAM, socket
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from microblog.adapters.dns_lookup import DnsLookup
from microblog.adapters.mail_hosts import MAX_HOSTS, MailHostLookup
from tests.acceptance.site_process import free_port
from tests.name_server import a, mx, name_server


@pytest.fixture
def hosts() -> Iterator[MailHostLookup]:
    records: dict[str, list[Any]] = {
        "blog.example": [mx("MX2.farm.example", 20), mx("mx1.farm.example", 10), a("192.0.2.9")],
        "mx1.farm.example": [a("192.0.2.1"), a("192.0.2.2")],
        "mx2.farm.example": [a("192.0.2.2")],
        "plain.example": [a("192.0.2.3")],
        "nomail.example": [mx("", 0), a("192.0.2.4")],
        "many.example": [mx(f"mx{number}.example", number) for number in range(2 * MAX_HOSTS)],
        "half.example": [mx("mx1.half.example", 10), mx("mx2.farm.example", 20)],
    }
    with name_server(records, failing=["mx1.half.example", "broken.example"]) as address:
        yield MailHostLookup(reactor, DnsLookup(reactor, [address]))


@pytest.fixture
def silent() -> Iterator[DnsLookup]:
    """Look-ups at a name server that never answers."""
    with socket(AF_INET, SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        yield DnsLookup(reactor, [("127.0.0.1", server.getsockname()[1])], timeouts=(60,))


async def test_the_hosts_come_by_preference_and_then_their_addresses(hosts: MailHostLookup) -> None:
    found = list(await hosts.of("blog.example"))
    assert found[:2] == ["mx1.farm.example", "mx2.farm.example"]
    assert sorted(found[2:]) == ["192.0.2.1", "192.0.2.2"]


async def test_without_mx_records_the_address_of_the_domain_counts(hosts: MailHostLookup) -> None:
    assert await hosts.of("plain.example") == ["192.0.2.3"]


async def test_a_name_that_does_not_exist_has_no_hosts(hosts: MailHostLookup) -> None:
    assert await hosts.of("missing.example") == []


async def test_the_number_of_hosts_is_bounded(hosts: MailHostLookup) -> None:
    assert await hosts.of("many.example") == [f"mx{number}.example" for number in range(MAX_HOSTS)]


async def test_a_host_whose_name_server_fails_does_not_hide_the_others(hosts: MailHostLookup) -> None:
    with capturedLogs() as events:
        assert await hosts.of("half.example") == ["mx1.half.example", "mx2.farm.example", "192.0.2.2"]
        assert await hosts.of("broken.example") == []
    assert [event["host"] for event in events if "reason" in event] == ["mx1.half.example", "broken.example"]


async def test_a_name_server_that_does_not_answer_is_not_waited_for(silent: DnsLookup) -> None:
    with capturedLogs() as events:
        assert await MailHostLookup(reactor, silent, timeout_s=0.05).of("blog.example") == []
    assert [event["host"] for event in events if "reason" in event] == ["blog.example"]


async def test_a_name_server_that_is_down_finds_nothing() -> None:
    dns = DnsLookup(reactor, [("127.0.0.1", free_port())], timeouts=(1,))
    assert await MailHostLookup(reactor, dns).of("blog.example") == []


async def test_the_number_of_look_ups_at_once_is_bounded(silent: DnsLookup) -> None:
    hosts = MailHostLookup(reactor, silent, timeout_s=0.05, at_once=1)
    first = Deferred.fromCoroutine(hosts.of("a.example"))
    assert await hosts.of("b.example") == []
    assert not first.called
    assert await first == []
    assert list(await hosts.of("c.example")) == []
