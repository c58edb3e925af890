"""Parsing of parameters: limits, linear time, and errors that name the field."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.model.errors import Invalid, Malformed, Problem, TooLarge
from microblog.web.http.body_parsing import MAX_FIELDS, Upload, close_uploads, label, path_of, read_body, read_query, unquoted
from microblog.web.http.params import Params
from tests.web.fake_site import build_fake_site
from tests.web.http_client import FORM, request

JSON = "application/json"


def parse_query(query: str) -> Params:
    return Params(read_query(query.encode()))


def parse_json(body: str) -> Params:
    return Params(read_body(body.encode(), JSON))


def multipart(*parts: tuple[str, bytes], boundary: str = "xxx") -> tuple[bytes, str]:
    body = b"".join(f"--{boundary}\r\n{head}\r\n\r\n".encode() + data + b"\r\n" for head, data in parts)
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


# --- names


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a", {"a": ""}),
        ("=1", {"": "1"}),
        ("&&a=1&", {"a": "1"}),
        ("a=b=c", {"a": "b=c"}),
        ("a+b=c+d%20e%2B", {"a b": "c d e+"}),
        ("a=%E6%97%A5%e6%9c%ac%41%2", {"a": "日本A%2"}),
        ("a=100%&b=%zz", {"a": "100%", "b": "%zz"}),
        ("a=1&a=2", {"a": ["1", "2"]}),
        ("a[]=1&a[]=2", {"a": ["1", "2"]}),
        ("a%5B%5D=1", {"a": ["1"]}),
        ("a[b]=1&a[c]=2", {"a": {"b": "1", "c": "2"}}),
        ("poll[options][]=x&poll[options][]=y&poll[multiple]=1", {"poll": {"options": ["x", "y"], "multiple": "1"}}),
        ("f[0][name]=a&f[0][value]=b&f[1][name]=c", {"f": {"0": {"name": "a", "value": "b"}, "1": {"name": "c"}}}),
        ("k[][word]=a&k[][whole]=1&k[][word]=b", {"k": [{"word": "a", "whole": "1"}, {"word": "b"}]}),
        ("a[b=1", {"a[b": "1"}),
        ("[a]=1", {"[a]": "1"}),
        ("a[b]c=1", {"a[b]c": "1"}),
    ],
)
def test_names_nest_as_in_rails(query: str, tree: object) -> None:
    assert read_query(query.encode()) == tree


@pytest.mark.parametrize("query", ["a=1&a[]=2", "a[]=1&a=2", "a[]=1&a[b]=2", "a[b]=1&a[]=2", "a=1&a[b]=2", "a[b]=1&a=2"])
def test_a_name_that_is_both_a_value_and_a_list_is_rejected(query: str) -> None:
    with pytest.raises(Malformed):
        parse_query(query)


def test_the_number_depth_and_length_of_names_are_limited() -> None:
    assert len(parse_query("&".join(f"a{number}=1" for number in range(MAX_FIELDS))).tree) == MAX_FIELDS
    for query in ("a=1&" * (MAX_FIELDS + 1), "a" + "[b]" * 17 + "=1", "a" * 257 + "=1"):
        with pytest.raises(Malformed):
            parse_query(query)


def test_the_body_overrides_the_query() -> None:
    fake_site = build_fake_site()
    response = request(fake_site.server, "POST", "/api/v1/echo?a=query&b=query", {"Content-Type": FORM}, b"a=body&c=body")
    assert response.json == {"a": "body", "b": "query", "c": "body"}


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_every_method_may_have_a_query_or_a_body_of_any_kind(method: str) -> None:
    fake_site = build_fake_site()
    body, kind = multipart(('Content-Disposition: form-data; name="a[]"', b"1"))
    for content_type, sent in ((FORM, b"a[]=1"), (JSON, b'{"a":["1"]}'), (kind, body)):
        assert request(fake_site.server, method, "/api/v1/echo", {"Content-Type": content_type}, sent).json == {"a": ["1"]}
    assert request(fake_site.server, method, "/api/v1/echo?a[]=1").json == {"a": ["1"]}


def test_a_body_of_an_unknown_content_type_has_no_fields() -> None:
    assert read_body(b"a=1", "text/plain") == {}
    assert read_body(b"a=1", "") == {}


# --- text that cannot be stored


@pytest.mark.parametrize(
    ("body", "kind", "name"),
    [
        (b"text=a%00b", FORM, "text"),
        (b"text=a\0b", FORM, "text"),
        (b"text=%ff", FORM, "text"),
        (b"text=%ed%a0%80", FORM, "text"),
        (b"poll[options][]=%00", FORM, "poll[options][]"),
        (b"a%00b=1", FORM, "The name of a field"),
        (b"a%ff=1", FORM, "The name of a field"),
        (b'{"text":"a\\u0000b"}', JSON, "text"),
        (b'{"a":{"b":["\\u0000"]}}', JSON, "b"),
        (b'{"a":{"b\\u0000":1}}', JSON, "a"),
        (*multipart(('Content-Disposition: form-data; name="text"', b"\0")), "text"),
        (*multipart(('Content-Disposition: form-data; name="text"', b"\xff")), "text"),
    ],
)
def test_text_that_cannot_be_stored_is_rejected_with_the_field_name(body: bytes, kind: str, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_body(body, kind)
    assert list(caught.value.fields) == [name]


@pytest.mark.parametrize(
    "body",
    [
        *("{", "[]", "1", "null", '"a"', "{}x", "{'a':1}", "\ufeff{}", '{"a":NaN}', '{"a":Infinity}', '{"a":1e999}', '{"a":"\\ud800"}'),
        *('{"a":1,"a":2}', '{"a":{"b":1,"b":2}}', '{"a":' + "1" * 5_000 + "}", '{"a":[' + "1," * 20_000 + "1]}"),
        *('{"a":' + "[" * 10_000 + "]" * 10_000 + "}", '{"a":' + "[" * 40 + "]" * 40 + "}"),
    ],
    ids=lambda body: body[:20],
)
def test_invalid_and_excessive_json_is_rejected(body: str) -> None:
    with pytest.raises(Malformed):
        parse_json(body)


@pytest.mark.parametrize("number", ["1" * 30, "1" * 300, "-" + "9" * 25, "1.5", "-0", "1e5"])
def test_any_number_in_json_is_a_number(number: str) -> None:
    assert isinstance(parse_json(f'{{"a":{number}}}').tree["a"], int | float)


# --- multipart


def test_multipart_files_and_texts_are_separated() -> None:
    body, kind = multipart(
        ('Content-Disposition: form-data; name="text"', "größer".encode()),
        ('Content-Disposition: form-data; name="media[]"; filename="a.png"\r\nContent-Type: image/png', b"\x89PNG\r\n\0"),
        ('Content-Disposition: form-data; name="empty"; filename=""\r\nContent-Type: application/octet-stream', b""),
    )
    fields = Params(read_body(body, kind))
    assert (fields.text("text"), fields.upload("empty")) == ("größer", None)
    assert isinstance(fields.tree["media"], list)
    [file] = fields.tree["media"]
    assert isinstance(file, Upload)
    assert (file.filename, file.content_type, file.data, file.size) == ("a.png", "image/png", b"\x89PNG\r\n\0", 7)
    with pytest.raises(Invalid, match="Media"):
        fields.list("media")
    close_uploads(fields.tree)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"nonsense", "multipart/form-data; boundary=xxx"),
        (b"--xxx\r\n", "multipart/form-data; boundary=xxx"),
        (multipart(('Content-Disposition: form-data; name="a"', b"1"))[0], "multipart/form-data"),
        (multipart(('Content-Disposition: form-data; name="a"', b"1"))[0][:-6], "multipart/form-data; boundary=xxx"),
        multipart(("Content-Type: text/plain", b"1")),
        multipart(("Content-Disposition: attachment", b"1")),
    ],
)
def test_a_broken_multipart_form_is_rejected(body: bytes, kind: str) -> None:
    with pytest.raises(Malformed):
        read_body(body, kind)


def test_the_parts_and_headers_of_a_multipart_form_are_limited() -> None:
    head = 'Content-Disposition: form-data; name="a"'
    for body, kind in (
        multipart(*[(head, b"1")] * (MAX_FIELDS + 1)),
        multipart((head + "".join(f"\r\nX-{number}: 1" for number in range(50)), b"1")),
        multipart((head + "\r\nX-A: " + "a" * 10_000, b"1")),
    ):
        with pytest.raises(TooLarge):
            read_body(body, kind)


# --- types


def test_text_gets_unix_line_endings_and_has_a_length_limit() -> None:
    assert parse_query("a=1%0D%0A2%0D3").text("a") == "1\n2\n3"
    assert parse_query("a=%E6%97%A5%E6%9C%AC").text("a", max=2) == "日本"
    with pytest.raises(Invalid, match=r"Display name is too long \(maximum is 2 characters\)"):
        parse_query("display_name=abc").text("display_name", max=2)


def test_any_json_scalar_can_be_read_as_text() -> None:
    fields = parse_json('{"s":"x","n":5,"f":1.5,"t":true,"z":null,"l":[1],"o":{"a":1}}')
    assert [fields.text(name) for name in "snftz"] == ["x", "5", "1.5", "true", ""]
    assert fields.text("z", default=None) is None
    for name in "lo":
        with pytest.raises(Invalid):
            fields.text(name)


def test_a_missing_required_parameter_gets_the_message_of_rails() -> None:
    for query in ("", "q=", "q=%20"):
        with pytest.raises(Malformed, match="param is missing or the value is empty: q"):
            parse_query(query).required("q")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        *((text, False) for text in ("0", "f", "F", "false", "FALSE", "off", "OFF")),
        *((text, True) for text in ("1", "true", "on", "False")),
        ("", None),
    ],
)
def test_booleans_are_parsed_as_in_rails(sent: str, expected: bool | None) -> None:
    assert parse_query(f"a={sent}").flag("a", None) is expected


def test_json_booleans_are_parsed() -> None:
    fields = parse_json('{"t":true,"f":false,"z":null,"n":0,"o":1}')
    assert [fields.flag(name, None) for name in "tfzno"] == [True, False, None, False, True]
    assert (fields.flag("absent"), fields.flag("absent", True)) == (False, True)


@pytest.mark.parametrize(("sent", "expected"), [("5", 5), ("+5", 5), (" 5 ", 5), ("-1", -1), ("", 20)])
def test_integers_are_parsed(sent: str, expected: int) -> None:
    assert parse_query(f"a={sent.replace('+', '%2B')}").integer("a", 20) == expected


@pytest.mark.parametrize("sent", ["x", "1.5", "1e3", "٣", "9" * 30, "0x1", "1_000", "51", "-2"])
def test_invalid_and_out_of_range_integers_are_rejected(sent: str) -> None:
    with pytest.raises(Invalid):
        parse_query(f"a={sent}").integer("a", min=-1, max=50)


@pytest.mark.parametrize(("sent", "expected"), [("", 20), ("5", 5), ("-5", 5), ("100", 40), ("x", 0), ("7x", 7), ("9" * 50, 40), ("0", 0)])
def test_any_page_limit_is_clamped(sent: str, expected: int) -> None:
    assert parse_query(f"limit={sent}").limit(20, 40) == expected


def test_ids_fit_into_63_bits() -> None:
    assert parse_query("a=9223372036854775807").id("a") == 2**63 - 1
    assert parse_query("a=").id("a") is None
    assert parse_query("a=007").id("a") == 7
    for wrong in ("9223372036854775808", "-1", "x", "1.0", "٣", "9" * 40):
        with pytest.raises(Invalid):
            parse_query(f"a={wrong}").id("a")


@pytest.mark.parametrize("query", ["id[]=1&id[]=2", "id[0]=1&id[1]=2", "id[1]=2&id[0]=1", "id=1&id=2"])
def test_lists_have_several_spellings(query: str) -> None:
    assert parse_query(query).list("id") == ["1", "2"]
    assert parse_query(query).ids("id[]") == [1, 2]


def test_doubled_brackets_count_as_one_pair() -> None:
    assert parse_query("a[][]=x&a[][]=y").list("a") == ["x", "y"]


def test_a_list_may_be_a_single_value_or_json() -> None:
    assert parse_query("id=1").ids("id") == [1]
    assert parse_json('{"id":["1",2,null,"x"]}').ids("id") == [1, 2]
    assert parse_query("").list("id") == []
    with pytest.raises(Invalid):
        parse_query("&".join(["id[]=1"] * 5)).list("id", max=4)


def test_mappings_have_several_spellings() -> None:
    expected = [("a", "1"), ("b", "2")]
    for fields in (
        parse_query("f[0][name]=a&f[0][value]=1&f[1][name]=b&f[1][value]=2"),
        parse_query("f[10][name]=b&f[10][value]=2&f[9][name]=a&f[9][value]=1"),
        parse_query("f[][name]=a&f[][value]=1&f[][name]=b&f[][value]=2"),
        parse_json('{"f":[{"name":"a","value":1},{"name":"b","value":2}]}'),
    ):
        assert [(item.text("name"), item.text("value")) for item in fields.subs("f")] == expected


def test_inner_fields_have_bracketed_names() -> None:
    fields = parse_query("source[privacy]=direct&poll[options][]=a&poll[options][]=b")
    poll = fields.sub("poll")
    assert poll is not None
    assert (fields.text("source[privacy]"), fields.list("poll[options]"), poll.list("options")) == ("direct", ["a", "b"], ["a", "b"])
    assert fields.sub("source[privacy]") is None
    assert (fields.has("source[privacy]"), fields.has("source[x]"), fields.has("poll[options][]")) == (True, False, True)


def test_parameters_can_be_copied_into_a_link() -> None:
    pairs = parse_query("types[]=a&types[]=b&local=1&x=1").pairs("types", "local", "absent")
    assert list(pairs) == [("types[]", "a"), ("types[]", "b"), ("local", "1")]


def test_a_label_is_a_readable_field_name() -> None:
    assert (label("poll[expires_in]"), label("display_name"), label("[]")) == ("Poll expires in", "Display name", "A field")


# --- fuzzing


def read_or_refuse(body: bytes, kind: str) -> None:
    """Any other exception than a Problem fails the test."""
    with suppress(Problem):
        read_all(Params(read_body(body, kind)))


def read_all(fields: Params) -> None:
    for name in ("a", "a[b]", "a[]", "a[b][c]"):
        for read in (fields.text, fields.flag, fields.integer, fields.id, fields.list, fields.ids, fields.upload, fields.has):
            with suppress(Invalid):
                read(name)
        fields.sub(name)
        fields.subs(name)


NAMES = st.sampled_from(["a", "a[]", "a[b]", "a[b][]", "a[][b]", "a[b][c]", "a[0]", "a[0][b]", "b"])


@given(st.lists(st.tuples(NAMES, st.text(max_size=5)), max_size=8))
def test_any_form_is_parsed_or_rejected(pairs: list[tuple[str, str]]) -> None:
    raw = b"&".join(name.encode() + b"=" + value.encode("utf-8", "surrogatepass") for name, value in pairs)
    read_or_refuse(raw, FORM)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "0", "1"]), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(["a", "b"]), VALUES))
def test_any_json_is_parsed_or_rejected(value: dict[str, Any]) -> None:
    read_or_refuse(json.dumps(value).encode(), JSON)


@given(st.binary(max_size=60), st.sampled_from([FORM, JSON, "multipart/form-data; boundary=x"]))
def test_any_bytes_are_parsed_or_rejected(body: bytes, kind: str) -> None:
    read_or_refuse(body, kind)


PIECES = (b"%", b"%4", b"%41", b"%C3%A9", b"%3d", b"=", b"\n", b"\r\n", b" ", b"_", b"x", b"%0a", b"\xff")


@given(st.lists(st.sampled_from(PIECES)).map(b"".join))
def test_percent_decoding_equals_the_standard_librarys(raw: bytes) -> None:
    assert unquoted(raw) == unquote_to_bytes(raw)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("data:image/png;base64,aGVsbG8=", b"hello"),
        ("DATA:;BASE64,aGVsbG8=", b"hello"),
        ("data:text/plain;charset=utf-8;base64,aGVsbG8%3D", b"hello"),
        ("data:,hel%6co", b"hello"),
    ],
)
def test_a_file_may_come_as_a_data_uri(text: str, content: bytes) -> None:
    found = parse_json(json.dumps({"picture": text})).upload("picture")
    assert found is not None
    assert (found.data, found.size) == (content, len(content))


NO_FILES = ("https://example.org/a.png", "data:image/png;base64", "data:;base64,a", "data:;base64,ü", 7, ["data:,x"])


@pytest.mark.parametrize("value", NO_FILES)
def test_a_value_that_is_not_a_file_is_rejected_and_not_ignored(value: object) -> None:
    with pytest.raises(Invalid) as refused:
        parse_json(json.dumps({"picture": value})).upload("picture")
    assert list(refused.value.fields) == ["picture"]


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_file_field_is_none(value: object) -> None:
    assert parse_json(json.dumps({"picture": value})).upload("picture") is None


SLOW_INPUTS = {
    "percent signs": (b"a=" + b"%41" * 330_000, FORM),
    "percent signs here and there": (b"a=" + b"%41a" * 250_000, FORM),
    "percent signs that break off": (b"a=" + b"%41x%" * 200_000, FORM),
    "broken percent signs": (b"a=" + b"%" * 1_000_000, FORM),
    "ampersands": (b"&" * 999 + b"a" * 1_000_000, FORM),
    "brackets": (b"a" + b"[" * 500_000 + b"]" * 500_000 + b"=1", FORM),
    "deep brackets": (b"a" + b"[b]" * 330_000 + b"=1", FORM),
    "equal fields": (b"a=1&" * 1_000, FORM),
    "JSON strings": (b'{"a":"' + b"\\u0041" * 160_000 + b'"}', JSON),
    "JSON keys": (b"{" + b",".join(b'"k%d":1' % number for number in range(90_000)) + b"}", JSON),
    "JSON depth": (b'{"a":' * 160_000, JSON),
    "line ends in multipart": (b"--x\r\n" + b"\r\n" * 400_000, "multipart/form-data; boundary=x"),
    "almost boundaries": (
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"\r\n--" * 250_000 + b"\r\n--x--",
        "multipart/form-data; boundary=x",
    ),
    "a long boundary": (b"--" + b"x" * 500 + b"\r\n" + (b"--" + b"x" * 499) * 1_500, "multipart/form-data; boundary=" + "x" * 400),
    "a hostile content type": (b"a", "multipart/form-data; " + 'a="' * 5_000),
}


@pytest.mark.parametrize(("body", "kind"), SLOW_INPUTS.values(), ids=SLOW_INPUTS)
def test_a_megabyte_of_anything_is_parsed_in_linear_time(body: bytes, kind: str) -> None:
    started = time.process_time()
    with suppress(Problem):
        read_body(body, kind)
    assert time.process_time() - started < 0.8


@pytest.mark.parametrize("name", ["a[" * 50_000, "a" + "[]" * 50_000, "a" + "]" * 100_000, "[" * 100_000])
def test_a_parameter_name_is_parsed_in_linear_time(name: str) -> None:
    started = time.process_time()
    path_of(name)
    assert time.process_time() - started < 0.5


# --- texts and values


@pytest.mark.parametrize("sent", ["a\x7fb", "\x01", "a\u2028\x9fb", "one\rtwo", "\x0c"])
def test_control_characters_are_removed_from_texts_but_not_from_values(sent: str) -> None:
    fields = parse_json(json.dumps({"it": sent, "several": [sent]}))
    assert (fields.value("it"), fields.list("several"), fields.required("it") if sent.strip() else sent) == (sent, [sent], sent)
    assert fields.text("it") == fields.texts("several")[0] != sent


@pytest.mark.parametrize("digits", ["1\x7f", "\x011", "1\x9f2"])
def test_control_characters_in_numbers_are_rejected(digits: str) -> None:
    fields = parse_json(json.dumps({"it": digits}))
    for reading in (fields.integer, fields.id):
        with pytest.raises(Invalid):
            reading("it")
