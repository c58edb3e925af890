"""Tests of the check for public addresses, and of robots.txt (RFC 9309)."""

from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.adapters.public_ip import is_public
from microblog.adapters.robots import ALLOW_ALL, ALLOW_NONE, Robots, parse

PRIVATE_4 = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
]
PRIVATE_6 = [
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PRIVATE_4 + PRIVATE_6)
def test_private_and_reserved_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1", "64:ff9b::8.8.8.8"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("text", ["", "localhost", "2130706433", "0x7f000001", "017700000001", "127.1", "1.2.3.4.5", "8.8.8.8 ", "[::1]"])
def test_other_spellings_are_not_addresses(text: str) -> None:
    assert not is_public(text)


@given(st.sampled_from(PRIVATE_4).map(IPv4Address))
def test_an_embedded_private_address_is_not_public(private: IPv4Address) -> None:
    number = int(private)
    for embedded in (number, 0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80):
        assert not is_public(str(IPv6Address(embedded)))


ROBOTS = """
# for everybody
User-agent: *
Disallow: /private
Allow: /private/shown
Disallow: /*.pdf$

User-agent: Other
User-agent: Microblog
Disallow: /
Allow: /about$
Crawl-delay: 5
"""


@pytest.mark.parametrize(
    ("agent", "path", "allowed"),
    [
        ("nobody", "/", True),
        ("nobody", "/private", False),
        ("nobody", "/private/hidden", False),
        ("nobody", "/private/shown/x", True),
        ("nobody", "/a/b.pdf", False),
        ("nobody", "/a/b.pdf?x", True),
        ("microblog", "/", False),
        ("microblog", "/about", True),
        ("microblog", "/about/us", False),
        ("other", "/x", False),
    ],
)
def test_the_longest_rule_of_the_matching_group_decides(agent: str, path: str, allowed: bool) -> None:
    assert parse(ROBOTS, agent).allows(path) is allowed


def test_an_empty_disallow_allows_all_and_allow_wins_a_tie() -> None:
    assert parse("User-agent: *\nDisallow:", "x").allows("/")
    assert Robots(((False, "/a"), (True, "/a"))).allows("/a")
    assert ALLOW_ALL.allows("/")
    assert not ALLOW_NONE.allows("/x")
    assert parse("Disallow: /", "x") == ALLOW_ALL


def test_matching_hostile_rules_is_fast() -> None:
    started = time.process_time()
    rules = parse("User-agent: *\n" + f"Disallow: /{'*a' * 1000}$\n" * 400, "x")
    rules.allows("/" + "a" * 2000 + "b")
    assert time.process_time() - started < 2


@given(st.text(), st.text())
def test_any_text_can_be_parsed(text: str, path: str) -> None:
    assert parse(text, "x").allows(path) in (True, False)
