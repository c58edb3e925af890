"""Validation of form fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain import validation
from microblog.model.errors import Invalid


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (" Ann@Example.ORG\n", "Ann@example.org"),
        ("a.b+c@sub.example.museum", "a.b+c@sub.example.museum"),
        ("root@localhost", "root@localhost"),
        ("ann@mailhost", "ann@mailhost"),
        ("ann@MAIL-01", "ann@mail-01"),
        ("ann@b", "ann@b"),
        ("ann@büro", "ann@xn--bro-hoa"),
        ("x@bücher.example", "x@xn--bcher-kva.example"),
        ("o'neil@example.org", "o'neil@example.org"),
    ],
)
def test_an_address_is_stored_with_its_host_in_ascii(given: str, stored: str) -> None:
    assert validation.email(given) == stored


@pytest.mark.parametrize(
    "given",
    [
        "a",
        "@example.org",
        "a@",
        "a@-b",
        "a@b-",
        "a@b_c",
        "a@127.0.0.1",
        "a@1",
        "a@" + "b" * 64,
        "a@@example.org",
        "a b@example.org",
        "a..b@example.org",
        ".a@example.org",
        '"a b"@example.org',
        "a@example..org",
        "a@-example.org",
        "a@example.org.",
        "a@[127.0.0.1]",
        "a@exam\u2028ple.org",
        "a@example.org\0",
        "a\r\nBcc: b@example.org",
        "a@\ud800.org",
        "é@example.org",
        "a@" + "é" * 100_000,
        f"{'a' * 65}@example.org",
    ],
)
def test_an_invalid_address_is_refused(given: str) -> None:
    with pytest.raises(Invalid) as raised:
        validation.email(given)
    assert raised.value.codes == {"email": "ERR_INVALID"}


@given(st.text() | st.emails())
def test_any_accepted_address_has_no_line_breaks(given: str) -> None:
    try:
        address = validation.email(given)
    except Invalid:
        return
    assert address.isascii()
    assert address.isprintable()
    assert " " not in address
    assert validation.email(address) == address


@pytest.mark.parametrize("given", ["", ".", "..", "../../etc/passwd", "/etc/passwd", "\0", "\ud800", "x" * 10_000, "Mars/Base"])
def test_an_unknown_time_zone_is_refused(given: str) -> None:
    with pytest.raises(Invalid):
        validation.time_zone(given)


def test_a_time_zone_is_accepted_by_its_name() -> None:
    assert validation.time_zone("Asia/Kathmandu") == "Asia/Kathmandu"
