"""Compression of responses, without revealing secrets by their length (BREACH)."""

from __future__ import annotations

import gzip
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.web.http.compression import SMALLEST, compressed_piece, joined, stored_piece
from microblog.web.http.csrf import is_token_of
from tests import make
from tests.web.api.client import client
from tests.web.http_client import HttpResponse, request
from tests.web.visitor import SiteFixture, Visitor

GZIP = {"Accept-Encoding": "gzip, deflate, br"}
TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


def unpacked(response: HttpResponse) -> str:
    assert response.header("Content-Encoding") == "gzip", response.headers
    assert response.header("Content-Length") == str(len(response.body))
    return gzip.decompress(response.body).decode()


@pytest.fixture
def ada(site: SiteFixture) -> Visitor:
    visitor = site.registered_user("ada")
    for number in range(10):
        make.post(site.cursor, site.viewer("ada"), f"Post number {number}")
    return visitor


@pytest.mark.parametrize("path", ["/", "/local", "/@ada", "/about", "/login", "/@ada/feed.atom", "/api/v1/timelines/public?local=true"])
def test_public_responses_are_compressed_for_clients_that_accept_it(site: SiteFixture, ada: Visitor, path: str) -> None:
    del ada
    plain = response = request(site.server, "GET", path)
    assert plain.header("Content-Encoding") is None
    for _ in range(3):  # built, cached, and cached with its compressed pieces
        response = request(site.server, "GET", path, GZIP)
        assert len(response.body) < len(plain.body) / 2
        assert len(unpacked(response)) == len(plain.text)
        assert request(site.server, "GET", path).header("Content-Encoding") is None
    for one in (plain, response):
        assert "Accept-Encoding" in ",".join(one.all("Vary"))


@pytest.mark.parametrize("path", ["/home", "/@ada", "/settings", "/compose"])
def test_a_logged_in_users_page_is_compressed_with_a_new_csrf_token_each_time(ada: Visitor, path: str) -> None:
    plain, tokens = ada.get(path), set()
    secret = ada.cookies["session"] if "session" in ada.cookies else next(iter(ada.cookies.values()))
    for _ in range(4):
        text = unpacked(ada.get(path, **GZIP))
        assert len(text) == len(plain.text)
        [token] = set(TOKEN.findall(text))
        assert is_token_of(secret, token)
        tokens.add(token)
    assert len(tokens) == 4
    assert ada.post("/settings/theme", {"csrf": tokens.pop(), "theme": "dark"}).status == 303


def test_a_logged_in_users_page_opened_by_another_site_is_not_compressed(site: SiteFixture, ada: Visitor) -> None:
    """Otherwise another site could choose a part of the page (`/search?q=...`) and learn from its length what the rest contains."""
    for _ in range(2):
        for site_of in ("cross-site", "same-site"):
            assert ada.get("/search?q=Post", **{**GZIP, "Sec-Fetch-Site": site_of}).header("Content-Encoding") is None
        for site_of in ("same-origin", "none"):
            assert "Post number" in unpacked(ada.get("/search?q=Post", **{**GZIP, "Sec-Fetch-Site": site_of}))
    assert unpacked(request(site.server, "GET", "/search?q=Post", {**GZIP, "Sec-Fetch-Site": "cross-site"}))


def test_compressed_api_responses_keep_their_etag(site: SiteFixture, ada: Visitor) -> None:
    del ada
    api_client = client(site, "bob")
    listed = "/api/v1/timelines/public?local=true"
    headers = {**GZIP, "Authorization": f"Bearer {api_client.token}"}
    assert '"content"' in unpacked(request(site.server, "GET", listed, headers))
    plain, packed = request(site.server, "GET", listed), request(site.server, "GET", listed, GZIP)
    assert plain.header("ETag") == packed.header("ETag")
    for one in ({}, GZIP):
        response = request(site.server, "GET", listed, {**one, "If-None-Match": str(plain.header("ETag"))})
        assert (response.status, response.body, response.header("Content-Encoding")) == (304, b"", None)


@pytest.mark.parametrize(("method", "path"), [("GET", "/health"), ("GET", "/nowhere.png"), ("GET", "/static/favicon.png")])
def test_small_and_already_compressed_responses_are_not_compressed(site: SiteFixture, method: str, path: str) -> None:
    response = request(site.server, method, path, GZIP)
    assert response.header("Content-Encoding") is None or len(gzip.decompress(response.body)) >= SMALLEST


def test_head_announces_compression(site: SiteFixture, ada: Visitor) -> None:
    del ada
    head = request(site.server, "HEAD", "/local", GZIP)
    assert (head.body, head.header("Content-Encoding")) == (b"", "gzip")


@given(st.lists(st.binary(max_size=2_000), min_size=1), st.data())
def test_separately_compressed_pieces_join_to_one_body(pieces: list[bytes], data: st.DataObject) -> None:
    compressed = [(piece, compressed_piece(piece) if data.draw(st.booleans()) else stored_piece(piece)) for piece in pieces]
    assert gzip.decompress(joined(compressed)) == b"".join(pieces)
