"""Look-ups of records about mail, with a real name server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet import reactor

from microblog.adapters.dns_lookup import DnsLookup
from microblog.model.errors import ProbeError
from tests.acceptance.site_process import free_port
from tests.name_server import a, mx, name_server, txt


@pytest.fixture
def dns() -> Iterator[DnsLookup]:
    records: dict[str, list[Any]] = {
        "blog.example": [mx("second.example", 20), mx("first.example", 10), txt("v=spf1 ", "-all"), txt("other"), a("192.0.2.1")],
        "nomail.example": [mx("", 0)],
        "key._domainkey.blog.example": [txt("v=DKIM1; p=")],
    }
    with name_server(records) as address:
        yield DnsLookup(reactor, [address])


async def test_exchangers_are_sorted_by_preference(dns: DnsLookup) -> None:
    assert await dns.mail_exchangers("blog.example") == ["first.example", "second.example"]
    assert await dns.mail_exchangers("nomail.example") == [""]


async def test_the_parts_of_a_text_are_joined(dns: DnsLookup) -> None:
    assert sorted(await dns.texts("blog.example")) == ["other", "v=spf1 -all"]


async def test_a_name_without_such_records_has_none(dns: DnsLookup) -> None:
    assert await dns.addresses("blog.example") == ["192.0.2.1"]
    assert await dns.addresses("nomail.example") == []
    assert await dns.texts("missing.example") == []


async def test_a_name_above_another_one_exists(dns: DnsLookup) -> None:
    assert await dns.exists("_domainkey.blog.example")
    assert not await dns.exists("_domainkey.nomail.example")


async def test_a_server_that_is_down_is_named_as_a_problem_in_a_sentence() -> None:
    dns = DnsLookup(reactor, [("127.0.0.1", free_port())], timeouts=(1,))
    with pytest.raises(ProbeError, match=r"No name server of this machine answered for blog\.example\."):
        await dns.texts("blog.example")
