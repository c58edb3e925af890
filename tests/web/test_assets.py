"""Static files: cached forever under their hash, the current version under any other hash, compressed where useful."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from microblog.domain.rate_limits import MemoryCounter, RateLimiter
from microblog.web.http.authorization import Authorizer
from microblog.web.http.compression import accepts_gzip
from microblog.web.http.dispatcher import Dispatcher
from microblog.web.http.errors import Errors
from microblog.web.http.request import SiteOrigin
from microblog.web.http.server import HttpServer
from microblog.web.pages.assets import Assets, load
from tests.web.fake_site import NOW, FakeAuthenticator
from tests.web.http_client import HttpResponse, request

STYLE = b"body { color: black }\n" * 100


@pytest.fixture
def assets(tmp_path: Path) -> Assets:
    (tmp_path / "icons").mkdir()
    (tmp_path / "style.css").write_bytes(STYLE)
    (tmp_path / "feed.js").write_text("import './time.js'")
    (tmp_path / "icons" / "star.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "favicon.ico").write_bytes(b"\0\0\1\0")
    (tmp_path / ".hidden").write_text("secret")
    return Assets(load(tmp_path))


def get(assets: Assets, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> HttpResponse:
    clock = Clock()
    gate = Authorizer(FakeAuthenticator(), RateLimiter(MemoryCounter(clock.seconds), lambda: NOW))
    return request(
        HttpServer(Dispatcher([assets], origin=SiteOrigin.parse("https://site.test"), authorizer=gate, errors=Errors()), clock),
        method,
        path,
        headers,
    )


def test_a_file_under_its_hash_is_cached_forever(assets: Assets) -> None:
    response = get(assets, assets.url("style.css"))
    assert (response.status, response.body) == (200, STYLE)
    assert response.header("Content-Type") == "text/css; charset=utf-8"
    assert response.header("Cache-Control") == "public, max-age=31536000, immutable"
    assert response.all("Vary") == ["Accept-Encoding"]


def test_relative_imports_stay_within_one_release(assets: Assets) -> None:
    directory = assets.url("feed.js").rpartition("/")[0]
    assert directory == assets.url("style.css").rpartition("/")[0]
    assert get(assets, f"{directory}/icons/star.svg").header("Content-Type") == "image/svg+xml; charset=utf-8"


@pytest.mark.parametrize("path", ["/static/style.css", "/static/0123456789ab/style.css"])
def test_any_other_hash_serves_the_current_file_for_a_short_time(assets: Assets, path: str) -> None:
    response = get(assets, path)
    assert (response.status, response.body) == (200, STYLE)
    assert "immutable" not in str(response.header("Cache-Control"))


def test_an_unchanged_file_is_304(assets: Assets) -> None:
    etag = str(get(assets, "/static/style.css").header("ETag"))
    response = get(assets, "/static/style.css", {"If-None-Match": etag})
    assert (response.status, response.body) == (304, b"")


def test_text_files_are_compressed_for_clients_that_accept_it(assets: Assets) -> None:
    packed = get(assets, "/static/style.css", {"Accept-Encoding": "br, gzip"})
    assert packed.header("Content-Encoding") == "gzip"
    assert gzip.decompress(packed.body) == STYLE
    assert get(assets, "/static/favicon.ico", {"Accept-Encoding": "gzip"}).header("Content-Encoding") is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [("gzip", True), ("GZIP;q=0.5", True), ("*", True), ("gzip;q=0", False), ("gzip; q=0.0", False), ("br", False), ("", False)],
)
def test_accept_encoding_is_parsed(header: str, expected: bool) -> None:
    assert accepts_gzip(header) is expected
    assert not accepts_gzip(None)


MISSING = ["/static/", "/static/none.js", "/static/.hidden", "/static/../style.css", "/static/%2e%2e/style.css", "/static/icons"]


@pytest.mark.parametrize("path", MISSING)
def test_missing_and_hidden_files_are_404(assets: Assets, path: str) -> None:
    assert get(assets, path).status == 404


def test_static_files_cannot_run_scripts(assets: Assets) -> None:
    response = get(assets, "/static/icons/star.svg")
    assert "default-src 'none'" in str(response.header("Content-Security-Policy"))
    assert response.header("X-Content-Type-Options") == "nosniff"


def test_a_changed_file_changes_the_hash(assets: Assets, tmp_path: Path) -> None:
    (tmp_path / "style.css").write_text("body {}")
    assert Assets(load(tmp_path)).hash != assets.hash


def test_an_unknown_asset_name_is_an_error(assets: Assets) -> None:
    with pytest.raises(KeyError, match=r"stlye\.css"):
        assets.url("stlye.css")
