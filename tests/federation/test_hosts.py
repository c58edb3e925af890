"""Tests of the spelling of hosts and of the comparison of URIs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.federation.hosts import host_of, normalize_host, registered_domain, same_host, same_uri
from tests.strategies import texts

TEST_HOST = frozenset({"127.0.0.1:3000"})

host_texts = st.one_of(
    texts,
    st.lists(
        st.sampled_from(
            ["a", "B", "xn--", "xn--bcher-kva", "bücher", ".", "。", "-", "_", ":443", ":", "@", "ß", "İ", "１", "\u00ad", "\u200d", "%41"]
        )
    ).map("".join),
)


@pytest.mark.parametrize(
    "spelling",
    [
        "bücher.example",
        "BÜCHER.example",
        "xn--bcher-kva.example",
        "XN--BCHER-KVA.Example",
        "bücher.example.",
        "bücher。example",
        "bücher.example:443",
        "bu\u0308cher.example",
        "bü\u00adcher.example",
    ],
)
def test_two_spellings_of_a_host_are_one(spelling: str) -> None:
    assert normalize_host(spelling) == "xn--bcher-kva.example"
    assert host_of(f"https://{spelling}/users/bo") == "xn--bcher-kva.example"
    assert same_host(f"https://{spelling}/users/bo", "HTTPS://xn--bcher-kva.example/inbox")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "localhost",
        "b..example",
        ".b.example",
        "b.example..",
        "-b.example",
        "b-.example",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "b.0x7f",
        "１２７.0.0.1",
        "127。0。0。1",
        "[::1]",
        "::1",
        "al@b.example",
        "b.example@c.example",
        "b.example:80",
        "b.example:8443",
        "b.example:0443",
        "b.example:",
        "b.example:443:443",
        "b%2eexample",
        "b.exam\tple",
        "b.exam\nple",
        "b.example\\.c.example",
        "b\u200b.example",
        "\ud800.example",
        "a" * 64 + ".example",
        "a." * 127 + "example",
    ],
)
def test_a_host_that_parsers_could_read_differently_is_refused(name: str) -> None:
    assert normalize_host(name) is None
    assert host_of(f"https://{name}/users/bo") is None
    assert normalize_host(f"{name}/") is None


@pytest.mark.parametrize(
    "uri",
    [
        None,
        1,
        [],
        {"id": "https://b.example/"},
        "",
        "b.example",
        "//b.example/",
        "http://b.example/",
        "ftp://b.example/",
        "https:b.example",
        "https:/b.example",
        "https:///b.example",
        "https://b.example@c.example/",
        "https://b.example\\@c.example/",
        "https://c.example\\.b.example/",
        "https://b.example/a b",
        "https://b.exam\nple/",
        " https://b.example/",
        "https://b.example/\n",
        "https://b.example:80/",
        "javascript:alert(1)//https://b.example/",
        "https://b.example/" + "x" * 2048,
    ],
)
def test_other_values_than_https_uris_have_no_host(uri: object) -> None:
    assert host_of(uri) is None
    assert not same_host(uri, uri)
    assert not same_uri(uri, uri)


def test_the_port_of_the_scheme_is_left_out() -> None:
    assert host_of("https://b.example:443/users/bo") == host_of("https://b.example?x") == host_of("https://b.example#x") == "b.example"


def test_exempt_hosts_may_have_ports_and_speak_http() -> None:
    assert host_of("http://127.0.0.1:3000/users/bo", TEST_HOST) == "127.0.0.1:3000"
    assert normalize_host("127.0.0.1:3000", TEST_HOST) == "127.0.0.1:3000"
    assert host_of("http://127.0.0.1:3001/users/bo", TEST_HOST) is None
    assert host_of("http://127.0.0.1:3000/users/bo") is None
    assert host_of("http://b.example/", frozenset({"b.example"})) == "b.example"


def test_hosts_that_share_a_domain_are_different_hosts() -> None:
    assert not same_host("https://a.b.example/", "https://b.example/")
    assert not same_host("https://b.example.c.example/", "https://b.example/")


def test_uris_are_compared_apart_from_the_spelling_of_scheme_and_host() -> None:
    assert same_uri("HTTPS://B.example./users/bo#main-key", "https://b.example:443/users/bo#main-key")
    assert same_uri("https://b.example", "https://b.example/")
    assert not same_uri("https://b.example/users/Bo", "https://b.example/users/bo")
    assert not same_uri("https://b.example/users/bo/", "https://b.example/users/bo")
    assert not same_uri("https://b.example/users/bo#x", "https://b.example/users/bo")


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("b.example", "b.example"),
        ("a.x.b.example", "b.example"),
        ("a.b.co.uk", "b.co.uk"),
        ("co.uk", "co.uk"),
        ("a.b.uk", "b.uk"),
        ("single", "single"),
    ],
)
def test_subdomains_count_for_the_domain_that_was_registered(host: str, domain: str) -> None:
    assert registered_domain(host) == domain


@given(host_texts)
def test_no_host_crashes_the_parser_and_each_has_one_spelling(text: str) -> None:
    host = normalize_host(text)
    if host is not None:
        assert host == host.lower()
        assert host.isascii()
        assert normalize_host(host) == host
        assert host_of(f"https://{host}/") == host
        assert host.endswith(registered_domain(host))


@given(
    st.builds(lambda before, host, rest: before + host + rest, st.sampled_from(["https://", "http://", "https:", ""]), host_texts, texts)
)
def test_no_uri_crashes_the_parser(uri: str) -> None:
    host = host_of(uri)
    assert host is None or normalize_host(host) == host
    assert same_uri(uri, uri) == (host is not None)
