"""Parsing of page metadata, and harmless handling of hostile pages."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain.link_preview_parser import MAX_DESCRIPTION_LENGTH, MAX_TITLE_LENGTH, ParsedPreview, decoded, parse, with_oembed
from microblog.model.cards import FetchedPage

URL = "https://news.example/a/story?x=1"


def parse_html(markup: str | bytes, charset: str = "", url: str = URL) -> ParsedPreview:
    return parse(FetchedPage(url, "text/html", charset, markup.encode() if isinstance(markup, str) else markup))


WHOLE = """<!doctype html><html lang="de-AT"><head><meta charset=utf-8><title>Plain title</title>
<meta name="description" content="Plain words"><meta property='og:title' content="Caf&eacute; &amp; Tee">
<meta content="What it is about" property="og:description"><meta property=og:site_name content="The News">
<META PROPERTY="OG:IMAGE" CONTENT="/pictures/1.jpg"><meta property="og:image:alt" content="A cup">
<meta name="author" content="Ada"><meta property="article:published_time" content="2026-03-04T05:06:07+01:00">
<link rel="alternate" type="application/json+oembed" href="/oembed?url=1"></head><body><title>no</title></body></html>"""


def test_all_metadata_of_a_page_is_read() -> None:
    assert parse_html(WHOLE) == ParsedPreview(
        title="Café & Tee",
        description="What it is about",
        language="de",
        author="Ada",
        provider="The News",
        image="https://news.example/pictures/1.jpg",
        image_description="A cup",
        oembed="https://news.example/oembed?url=1",
        published_at=datetime(2026, 3, 4, 4, 6, 7, tzinfo=UTC),
    )


def test_the_provider_is_the_host_if_the_page_names_none() -> None:
    card = parse_html("<title>T</title>").card("https://short.example/1", "https://www.news.example/long")
    assert card is not None
    assert (card.url, card.title, card.provider_name) == ("https://short.example/1", "T", "news.example")
    assert card.provider_url == "https://www.news.example"
    assert parse_html("<p>nothing</p>").card(URL, URL) is None


@pytest.mark.parametrize(
    ("markup", "title"),
    [
        ("<title>One</title><title>Two</title>", "One"),
        ("<TITLE\n>One\n  line</TITLE>", "One line"),
        ("<title></title>", ""),
        ("<title>never closed", ""),
        ("<!-- <title>no</title> --><title>yes</title>", "yes"),
        ("<script>'<title>no</title>'</script><title>yes</title>", "yes"),
        ("<svg><title>no</title></svg><title>yes</title>", "yes"),
        ("<noscript><title>no</title></noscript><title>yes</title>", "yes"),
        ("</head><title>no</title>", ""),
        ("<body><title>no</title>", ""),
        ("<titles>no</titles><title>yes</title>", "yes"),
        ("<meta property=og:title content='a > b'>", "a > b"),
        ('<meta property="og:title" content="&lt;script&gt;alert(1)&lt;/script&gt;">', "<script>alert(1)</script>"),
        ('<meta property="og:title" content=""><meta name="twitter:title" content="T">', "T"),
        ("<meta property=og:title content=a\u202eb\u2066c>", "abc"),
        ("<title>a\x00b</title>", "a\ufffdb"),
        ("<!-- never closed <title>no</title>", ""),
        ('<meta name="x" content="never closed><title>yes</title>', "yes"),
    ],
)
def test_the_title_is_found_in_any_of_its_places(markup: str, title: str) -> None:
    assert parse_html(markup).title == title


def test_long_texts_are_cut() -> None:
    found = parse_html(f"<title>{'word ' * 300}</title><meta name=description content='{'x' * 3000}'>")
    assert len(found.title) <= MAX_TITLE_LENGTH
    assert len(found.description) <= MAX_DESCRIPTION_LENGTH


@pytest.mark.parametrize(
    ("target", "absolute"),
    [
        ("//cdn.example/1.png", "https://cdn.example/1.png"),
        ("2.png", "https://news.example/a/2.png"),
        ("javascript:alert(1)", ""),
        ("data:image/png;base64,AAAA", ""),
        ("file:///etc/passwd", ""),
        ("http://[", ""),
        ("ftp://x/1.png", ""),
        ("https://x/" + "y" * 3000, ""),
        ("https://x/\u202e", ""),
        ("", ""),
    ],
)
def test_only_http_images_are_accepted(target: str, absolute: str) -> None:
    assert parse_html(f'<meta property="og:image" content="{target}">').image == absolute


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("<title>é</title>".encode(), ""),
        ("<title>é</title>".encode("latin-1"), "iso-8859-1"),
        ("<meta charset='windows-1252'><title>é</title>".encode("cp1252"), ""),
        ('<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-15"><title>é</title>'.encode("iso8859-15"), ""),
        ("\ufeff<title>é</title>".encode("utf-16-le"), "utf-8"),
        ("\ufeff<title>é</title>".encode(), "latin-1"),
        ("<title>é</title>".encode("shift_jisx0213", "ignore") + "<title>é</title>".encode(), "punycode"),
        ("<title>é</title>".encode(), "no such"),
        ("<title>é</title>".encode(), "\0"),
    ],
)
def test_the_declared_charset_is_used(body: bytes, charset: str) -> None:
    assert "é" in decoded(FetchedPage(URL, "text/html", charset, body))


@pytest.mark.parametrize(("lang", "language"), [("en", "en"), ("pt-BR", "pt"), ("de_AT", "de"), ("english", None), ("", None), ("x", None)])
def test_languages_are_primary_subtags(lang: str, language: str | None) -> None:
    assert parse_html(f'<html lang="{lang}"><title>x</title>').language == language


@pytest.mark.parametrize("when", ["yesterday", "", "2026-13-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_invalid_times_are_ignored(when: str) -> None:
    assert parse_html(f'<meta property="article:published_time" content="{when}">').published_at is None


def oembed(value: object) -> FetchedPage:
    return FetchedPage("https://video.example/oembed", "application/json", "", orjson.dumps(value))


def test_oembed_only_fills_missing_values() -> None:
    told = {"title": "Other", "author_name": "Bob", "provider_name": "Video", "thumbnail_url": "/1.jpg", "html": "<script>"}
    found = with_oembed(parse_html("<title>Own</title>"), oembed(told))
    assert (found.title, found.author, found.provider, found.image) == ("Own", "Bob", "Video", "https://video.example/1.jpg")
    assert with_oembed(ParsedPreview(), oembed({"title": "T" * 9999})).title.startswith("TTT")


@pytest.mark.parametrize("value", [[], 1, None, {"title": 1, "thumbnail_url": ["x"]}, {"thumbnail_url": "javascript:1"}])
def test_odd_oembed_responses_add_nothing(value: object) -> None:
    assert with_oembed(ParsedPreview(title="T"), oembed(value)) == ParsedPreview(title="T")


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff\xfe"])
def test_broken_oembed_responses_add_nothing(body: bytes) -> None:
    assert with_oembed(ParsedPreview(title="T"), FetchedPage(URL, "application/json", "", body)) == ParsedPreview(title="T")


@pytest.mark.parametrize(
    "pump",
    [
        "<!--",
        "<meta ",
        '<meta x="',
        "<meta x='",
        "<title>",
        "<title ",
        "<script>",
        "<svg>",
        "<link a=b ",
        "<meta a=b>",
        "<",
        "&",
        "&#x",
        "<meta content='&amp;&amp;' name=x>",
        '<meta property="og:title" content="&#1;">',
        "<html lang=x ",
        "a=\"'",
        "\u202e",
    ],
)
def test_hostile_pages_are_parsed_quickly(pump: str) -> None:
    body = (pump * (512 * 1024 // len(pump.encode()))).encode()
    begun = time.process_time()
    parse_html(body)
    assert time.process_time() - begun < 1


@given(st.binary(max_size=300), st.text(max_size=20))
def test_any_bytes_can_be_parsed(body: bytes, charset: str) -> None:
    assert "\n" not in parse_html(body, charset).title


@given(st.text(alphabet="<>\"'=/!- \nmetailnkspcrgo:x&;#", max_size=200))
def test_any_tag_soup_can_be_parsed(soup: str) -> None:
    parse_html(soup)
