"""Tests of the limits of what other servers send."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.federation import bounds
from microblog.model.errors import TooLarge
from microblog.model.federation import InvalidDocument
from tests.strategies import texts

NOW = datetime(2026, 11, 29, 15, tzinfo=UTC)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from(['\\"', '"', "[{"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", '"', "\\", "[", "{{"]), inner, max_size=4),
    max_leaves=30,
)
anything = st.one_of(json_values, texts, st.floats(), st.binary())


def nested(levels: int, opening: str = '{"a":', closing: str = "}") -> bytes:
    return (opening * (levels - 1) + "{}" + closing * (levels - 1)).encode()


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), json_values))
def test_ordinary_documents_are_parsed_as_json(document: dict[str, object]) -> None:
    assert bounds.parse_json(json.dumps(document).encode()) == document
    assert bounds.parse_json(json.dumps(document, ensure_ascii=False).encode()) == document


def test_a_byte_order_mark_is_skipped() -> None:
    assert bounds.parse_json(b'\xef\xbb\xbf{"a":1}') == {"a": 1}


def test_nesting_is_limited_to_32_levels() -> None:
    assert bounds.parse_json(nested(bounds.MAX_NESTING))
    assert bounds.parse_json(b'{"a":' + nested(bounds.MAX_NESTING - 1, "[{}, ", "]") + b"}")
    for too_deep in (nested(bounds.MAX_NESTING + 1), b'{"a":' + nested(bounds.MAX_NESTING, "[{}, ", "]") + b"}"):
        with pytest.raises(InvalidDocument):
            bounds.parse_json(too_deep)


def test_objects_and_strings_are_limited_and_brackets_in_strings_are_not() -> None:
    def parse(value: object) -> dict[str, object]:
        return bounds.parse_json(orjson.dumps({"a": value}), brackets=100, quotes=100)

    assert parse([{}] * 48)
    assert parse(["x"] * 49)
    assert parse("[" * 1000)
    with pytest.raises(InvalidDocument):
        parse([{}] * 49)
    with pytest.raises(InvalidDocument):
        parse(["x"] * 50)


def test_brackets_in_texts_are_no_nesting() -> None:
    for value in ("[" * 100, '\\"' + "{" * 100, "\\" * 7 + '"' + "[" * 100):
        assert bounds.parse_json(orjson.dumps({"a": value})) == {"a": value}


@given(st.integers(1, 60), st.sampled_from([b"[", b"{", b'{"a":', b'[1,"]",']))
def test_a_bomb_of_brackets_is_refused(levels: int, opening: bytes) -> None:
    for body in (opening * levels, b'{"a":' + opening * levels):
        with pytest.raises(InvalidDocument):
            bounds.parse_json(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * bounds.MAX_JSON_BYTES,
        b'{"a":[' + b"[]," * 300_000 + b"[]]}",
        b'{"a":[' + b'"",' * 300_000 + b'""]}',
        b'"\\' * (bounds.MAX_JSON_BYTES // 2),
        b'{"a":' * 200_000,
    ],
)
def test_a_megabyte_that_is_made_to_cost_much_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidDocument):
        bounds.parse_json(body)


def test_a_document_of_more_than_a_megabyte_is_refused() -> None:
    fits = b'{"a":"' + b"x" * (bounds.MAX_JSON_BYTES - 8) + b'"}'
    assert len(fits) == bounds.MAX_JSON_BYTES
    assert bounds.parse_json(fits)
    with pytest.raises(TooLarge):
        bounds.parse_json(fits + b" ")


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"a"', b"1", b"{", b"{}{}", b'{"a":NaN}', b'{"a":"\xff"}', b'{"a":"\\ud800"}', b"{'a':1}"]
)
def test_only_a_json_object_is_a_document(body: bytes) -> None:
    with pytest.raises(InvalidDocument):
        bounds.parse_json(body)


@given(st.binary() | st.lists(st.sampled_from([b"{", b"}", b"[", b"]", b'"', b"\\", b":", b",", b"a", b"1", b"\xff"])).map(b"".join))
def test_no_body_crashes_the_parser(body: bytes) -> None:
    try:
        document = bounds.parse_json(body)
    except InvalidDocument:
        return
    assert json.loads(body) == document


@given(anything, st.integers(0, 50))
def test_texts_are_cut_off_and_can_be_stored(value: object, limit: int) -> None:
    for cut in (bounds.text(value, limit), bounds.line(value, limit)):
        assert len(cut) <= limit
        assert "\x00" not in cut
        cut.encode()
    assert "\n" not in bounds.line(value, limit)


def test_a_text_within_its_limit_is_kept() -> None:
    assert bounds.text("a\n b", 4) == "a\n b"
    assert bounds.text("abcde", 4) == "abcd"
    assert bounds.line("  a\n b ", 10) == "a b"
    assert bounds.text(None, 4) == bounds.text(["abc"], 4) == ""


@pytest.mark.parametrize(
    "url", ["https://b.example", "http://b.example:8080/a?b#c", "HTTPS://b.example/é", "https://b.example/" + "x" * 2030]
)
def test_web_addresses_are_links(url: str) -> None:
    assert bounds.web_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "//b.example/",
        "/a",
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "ftp://b.example/",
        "https://b.example@c.example/",
        "https://b.example\\@c.example/",
        "https://b.example/ x",
        "https://b.example/\n",
        " https://b.example/",
        "https://b.example/" + "x" * 2031,
        None,
        7,
        ["https://b.example/"],
    ],
)
def test_other_values_are_no_links(url: object) -> None:
    assert bounds.web_url(url) is None


@pytest.mark.parametrize("name", ["bo", "Bo_1", "bo.cy", "bo-cy.dee", "bo..--cy", "_", "b" * 255])
def test_usernames_of_others_may_have_dots_and_hyphens_between(name: str) -> None:
    assert bounds.username(name) == name


@pytest.mark.parametrize(
    "name", ["", ".bo", "bo.", "-bo", "bo-", "b o", "bö", "bo@b.example", "bo\n", "b" * 256, "a" + ".-" * 10_000, None, 7]
)
def test_other_usernames_are_refused(name: object) -> None:
    assert bounds.username(name) is None


def test_shortcodes_of_emoji_lose_their_colons() -> None:
    assert bounds.shortcode(":blob_cat:") == bounds.shortcode("blob_cat") == "blob_cat"
    for refused in ("", ":", "::", ":a b:", ":<b>:", "a" * 129, None):
        assert bounds.shortcode(refused) is None


def test_languages_are_tags() -> None:
    assert [bounds.language(tag) for tag in ("en", "zh-Hant-TW", "und")] == ["en", "zh-Hant-TW", "und"]
    assert [bounds.language(tag) for tag in ("", "e", "en_GB", "en-", '"><script>', "a" * 36, None, 7)] == [None] * 8


def test_counts_are_whole_numbers_that_fit() -> None:
    assert [bounds.count(value) for value in (0, 3, -3, 10**30, True, 1.5, "3", None)] == [0, 3, 0, 2**31 - 1, None, None, None, None]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-29T15:00:00Z",
        "2026-11-29T15:00:00.000Z",
        "2026-11-29T15:00:00.000000000Z",
        "2026-11-29T16:00:00+01:00",
        "2026-11-29t15:00:00z",
        "2026-11-29T15:00:00",
    ],
)
def test_dates_are_read_in_every_common_form(text: str) -> None:
    assert bounds.date(text) == NOW


@pytest.mark.parametrize(
    "value",
    ["", "yesterday", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-13-01", 7, None, "2" * 9999],
)
def test_nonsense_is_no_date(value: object) -> None:
    assert bounds.date(value) is None


def test_what_happened_in_the_future_or_at_no_time_happened_now() -> None:
    earlier = NOW - timedelta(days=1)
    assert bounds.past_date(earlier, NOW) == earlier
    assert bounds.past_date(NOW + timedelta(seconds=1), NOW) == NOW
    assert bounds.past_date(None, NOW) == NOW
    assert bounds.past_date(datetime(1, 1, 1, tzinfo=UTC), NOW) == NOW


@given(anything)
def test_no_value_crashes_a_bound(value: object) -> None:
    for bound in (bounds.web_url, bounds.username, bounds.shortcode, bounds.language):
        assert bound(value) is None or isinstance(value, str)
    assert bounds.count(value) is None or isinstance(value, int)
    moment = bounds.date(value)
    assert moment is None or bounds.past_date(moment, NOW) <= NOW


def test_only_as_many_items_as_allowed_are_taken() -> None:
    assert bounds.first(iter(range(10)), 3) == (0, 1, 2)
    assert bounds.first([], 3) == ()


@given(texts)
def test_texts_have_no_character_that_pages_cannot_contain(text: str) -> None:
    for limited in (bounds.text, bounds.line):
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]", limited(text, 1_000))


def test_names_neither_turn_nor_hide_what_follows() -> None:
    assert bounds.line("\u202eevil\u2066 Bo", 100) == "evil Bo"
    assert bounds.line("\u200b\u3164\u2800", 100) == ""
    assert bounds.line("\u200fשלום", 100) == "\u200fשלום"
