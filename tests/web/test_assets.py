"""Static files: cached for ever under their hash, today's version under any other name, packed where that helps."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from microblog.application.server import STATIC
from microblog.domain.rate_limits import MemoryCounter, RateLimiter
from microblog.web.http.authorization import Authorizer
from microblog.web.http.compression import accepts_gzip
from microblog.web.http.dispatcher import Dispatcher
from microblog.web.http.errors import Errors
from microblog.web.http.request import SiteOrigin
from microblog.web.http.server import HttpServer
from microblog.web.pages.assets import Assets, load
from tests.web.fake_site import NOW, KnownPeople
from tests.web.memory import Reply, ask

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


def get(assets: Assets, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> Reply:
    clock = Clock()
    gate = Authorizer(KnownPeople(), RateLimiter(MemoryCounter(clock.seconds), lambda: NOW))
    return ask(
        HttpServer(Dispatcher([assets], origin=SiteOrigin.parse("https://site.test"), authorizer=gate, errors=Errors()), clock),
        method,
        path,
        headers,
    )


def test_a_file_under_its_hash_is_cached_for_ever(assets: Assets) -> None:
    reply = get(assets, assets.url("style.css"))
    assert (reply.status, reply.body) == (200, STYLE)
    assert reply.header("Content-Type") == "text/css; charset=utf-8"
    assert reply.header("Cache-Control") == "public, max-age=31536000, immutable"
    assert reply.all("Vary") == ["Accept-Encoding"]


def test_a_module_finds_its_neighbour_in_the_same_release(assets: Assets) -> None:
    directory = assets.url("feed.js").rpartition("/")[0]
    assert directory == assets.url("style.css").rpartition("/")[0]
    assert get(assets, f"{directory}/icons/star.svg").header("Content-Type") == "image/svg+xml; charset=utf-8"


@pytest.mark.parametrize("path", ["/static/style.css", "/static/0123456789ab/style.css"])
def test_any_other_name_gives_todays_file_for_a_short_while(assets: Assets, path: str) -> None:
    reply = get(assets, path)
    assert (reply.status, reply.body) == (200, STYLE)
    assert "immutable" not in str(reply.header("Cache-Control"))


def test_a_file_that_the_client_has_is_not_sent_again(assets: Assets) -> None:
    etag = str(get(assets, "/static/style.css").header("ETag"))
    reply = get(assets, "/static/style.css", {"If-None-Match": etag})
    assert (reply.status, reply.body) == (304, b"")


def test_texts_are_packed_for_who_can_unpack_them(assets: Assets) -> None:
    packed = get(assets, "/static/style.css", {"Accept-Encoding": "br, gzip"})
    assert packed.header("Content-Encoding") == "gzip"
    assert gzip.decompress(packed.body) == STYLE
    assert get(assets, "/static/favicon.ico", {"Accept-Encoding": "gzip"}).header("Content-Encoding") is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [("gzip", True), ("GZIP;q=0.5", True), ("*", True), ("gzip;q=0", False), ("gzip; q=0.0", False), ("br", False), ("", False)],
)
def test_who_can_unpack_says_so(header: str, expected: bool) -> None:
    assert accepts_gzip(header) is expected
    assert not accepts_gzip(None)


NOT_THERE = ["/static/", "/static/none.js", "/static/.hidden", "/static/../style.css", "/static/%2e%2e/style.css", "/static/icons"]


@pytest.mark.parametrize("path", NOT_THERE)
def test_what_is_not_there_is_not_found(assets: Assets, path: str) -> None:
    assert get(assets, path).status == 404


def test_files_run_no_scripts_of_their_own(assets: Assets) -> None:
    reply = get(assets, "/static/icons/star.svg")
    assert "default-src 'none'" in str(reply.header("Content-Security-Policy"))
    assert reply.header("X-Content-Type-Options") == "nosniff"


def test_a_change_changes_the_address(assets: Assets, tmp_path: Path) -> None:
    (tmp_path / "style.css").write_text("body {}")
    assert Assets(load(tmp_path)).hash != assets.hash


def test_a_misspelt_name_is_noticed_at_once(assets: Assets) -> None:
    with pytest.raises(KeyError, match=r"stlye\.css"):
        assets.url("stlye.css")


def test_the_icon_is_where_browsers_look_for_it(assets: Assets) -> None:
    assert get(assets, "/favicon.ico", method="HEAD").header("Content-Type") == "image/x-icon"


def test_the_site_has_an_icon_there() -> None:
    assert get(Assets(load(STATIC)), "/favicon.ico").body.startswith(b"\0\0\1\0")
