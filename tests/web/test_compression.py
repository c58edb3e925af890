"""Responses are compressed for clients that take it, and their length tells no secret."""

from __future__ import annotations

import gzip
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.web.http.compression import SMALLEST, joined, packed_piece, stored_piece
from microblog.web.http.csrf import is_token_of
from tests import make
from tests.web.api.client import client
from tests.web.memory import Reply, ask
from tests.web.visitor import Town, Visitor

GZIP = {"Accept-Encoding": "gzip, deflate, br"}
TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


def unpacked(reply: Reply) -> str:
    assert reply.header("Content-Encoding") == "gzip", reply.headers
    assert reply.header("Content-Length") == str(len(reply.body))
    return gzip.decompress(reply.body).decode()


@pytest.fixture
def ada(site: Town) -> Visitor:
    visitor = site.resident("ada")
    for number in range(10):
        make.post(site.cursor, site.viewer("ada"), f"Post number {number}")
    return visitor


@pytest.mark.parametrize("path", ["/", "/local", "/@ada", "/about", "/login", "/@ada/feed.atom", "/api/v1/timelines/public?local=true"])
def test_what_everybody_reads_is_compressed_for_clients_that_take_it(site: Town, ada: Visitor, path: str) -> None:
    del ada
    plain = reply = ask(site.server, "GET", path)
    assert plain.header("Content-Encoding") is None
    for _ in range(3):  # made, kept, and kept with its compressed pieces
        reply = ask(site.server, "GET", path, GZIP)
        assert len(reply.body) < len(plain.body) / 2
        assert len(unpacked(reply)) == len(plain.text)
        assert ask(site.server, "GET", path).header("Content-Encoding") is None
    for one in (plain, reply):
        assert "Accept-Encoding" in ",".join(one.all("Vary"))


@pytest.mark.parametrize("path", ["/home", "/@ada", "/settings", "/compose"])
def test_a_members_page_is_compressed_and_its_form_tokens_differ_each_time(ada: Visitor, path: str) -> None:
    plain, seen = ada.get(path), set()
    secret = ada.cookies["session"] if "session" in ada.cookies else next(iter(ada.cookies.values()))
    for _ in range(4):
        text = unpacked(ada.get(path, **GZIP))
        assert len(text) == len(plain.text)
        [token] = set(TOKEN.findall(text))
        assert is_token_of(secret, token)
        seen.add(token)
    assert len(seen) == 4
    assert ada.post("/settings/theme", {"csrf": seen.pop(), "theme": "dark"}).status == 303


def test_a_page_that_another_site_opened_for_a_member_is_not_compressed(site: Town, ada: Visitor) -> None:
    """So nobody can choose a part of it (`/search?q=...`), and learn from its length whether the rest has that, too."""
    for _ in range(2):
        for site_of in ("cross-site", "same-site"):
            assert ada.get("/search?q=Post", **{**GZIP, "Sec-Fetch-Site": site_of}).header("Content-Encoding") is None
        for site_of in ("same-origin", "none"):
            assert "Post number" in unpacked(ada.get("/search?q=Post", **{**GZIP, "Sec-Fetch-Site": site_of}))
    assert unpacked(ask(site.server, "GET", "/search?q=Post", {**GZIP, "Sec-Fetch-Site": "cross-site"}))


def test_answers_of_the_api_are_compressed_and_keep_their_tags(site: Town, ada: Visitor) -> None:
    del ada
    program = client(site, "bob")
    listed = "/api/v1/timelines/public?local=true"
    headers = {**GZIP, "Authorization": f"Bearer {program.token}"}
    assert '"content"' in unpacked(ask(site.server, "GET", listed, headers))
    plain, packed = ask(site.server, "GET", listed), ask(site.server, "GET", listed, GZIP)
    assert plain.header("ETag") == packed.header("ETag")
    for one in ({}, GZIP):
        reply = ask(site.server, "GET", listed, {**one, "If-None-Match": str(plain.header("ETag"))})
        assert (reply.status, reply.body, reply.header("Content-Encoding")) == (304, b"", None)


@pytest.mark.parametrize(("method", "path"), [("GET", "/health"), ("GET", "/nowhere.png"), ("GET", "/static/favicon.png")])
def test_what_is_small_or_compressed_already_stays_as_it_is(site: Town, method: str, path: str) -> None:
    reply = ask(site.server, method, path, GZIP)
    assert reply.header("Content-Encoding") is None or len(gzip.decompress(reply.body)) >= SMALLEST


def test_the_head_of_a_page_says_what_the_page_would_say(site: Town, ada: Visitor) -> None:
    del ada
    head = ask(site.server, "HEAD", "/local", GZIP)
    assert (head.body, head.header("Content-Encoding")) == (b"", "gzip")


@given(st.lists(st.binary(max_size=2_000), min_size=1), st.data())
def test_pieces_that_were_compressed_apart_are_one_body(pieces: list[bytes], data: st.DataObject) -> None:
    made = [(piece, packed_piece(piece) if data.draw(st.booleans()) else stored_piece(piece)) for piece in pieces]
    assert gzip.decompress(joined(made)) == b"".join(pieces)
