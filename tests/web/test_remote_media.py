"""Media of other servers on pages, in the API and through the proxy; and what other servers get of ours."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from PIL import Image

from microblog.federation.documents.vocabulary import ACCEPT
from microblog.model.remote_requests import RemoteResponse
from microblog.storage.database import Cursor
from tests import files, make
from tests.fakes import result_of
from tests.federation.documents import PUBLIC
from tests.federation.internet import Internet, redirect
from tests.federation.remote_server import URL, RemoteUser
from tests.web.api.client import Client, new_client_for
from tests.web.http_client import HttpResponse, request
from tests.web.visitor import SiteFixture, Visitor, build_site, document

PICTURE, FILM = "https://cdn.b.example/cat.png", "https://b.example/film"
PNG = files.image("PNG", size=(800, 600)).getvalue()
OPEN, PRIVATE = "public, max-age=86400, s-maxage=3600", "private, max-age=300"


@pytest.fixture
def internet() -> Internet:
    return Internet({PICTURE: PNG, FILM: files.video().getvalue()})


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path, internet: Internet) -> SiteFixture:
    return build_site(cursor, tmp_path, internet, public_url=URL, federation="on", rate_limits="off")


@pytest.fixture
def browser(site: SiteFixture) -> Visitor:
    return site.registered_user("ada")


@pytest.fixture
def ada(site: SiteFixture, browser: Visitor) -> Client:
    return new_client_for(site, site.viewer("ada"))


@pytest.fixture
def bo(site: SiteFixture, internet: Internet, ada: Client) -> RemoteUser:
    user = RemoteUser(site, internet)
    assert site.federation is not None
    result_of(site.federation.resolution.actors.fetch(user.id))
    account = result_of(site.federation.resolution.actors.known(user.id))
    assert account is not None
    make.follow(site.cursor, site.viewer("ada"), account)
    return user


def publish(bo: RemoteUser, number: int = 1, to: tuple[str, ...] = (PUBLIC,), **changes: Any) -> None:
    picture = {"type": "Document", "mediaType": "image/png", "url": PICTURE, "name": 'A "cat"', "width": 800, "height": 600}
    film = {"type": "Document", "mediaType": "video/mp4", "url": FILM}
    note = {"id": f"{bo.id}/{number}", "type": "Note", "content": "<p>Look</p>", "attributedTo": bo.id, "attachment": [picture, film]}
    bo.do("Create", {**note, "to": list(to), "published": bo.now.isoformat(), **changes})


def newest(ada: Client) -> Any:
    return next(post for post in ada.get("/v1/timelines/home").json if post["account"]["username"] == "bo")


def get(site: SiteFixture, url: str, **headers: str) -> HttpResponse:
    return request(site.server, "GET", url.removeprefix(URL), headers)


def test_the_api_has_our_addresses_and_the_original_ones(ada: Client, bo: RemoteUser) -> None:
    publish(bo)
    picture, film = newest(ada)["media_attachments"]
    base = f"{URL}/media_proxy/{picture['id']}"
    assert {key: picture[key] for key in ("type", "url", "preview_url", "remote_url", "preview_remote_url", "description")} == {
        "type": "image", "url": f"{base}/original", "preview_url": f"{base}/small", "remote_url": PICTURE, "preview_remote_url": None,
        "description": 'A "cat"',
    }  # fmt: skip
    assert picture["meta"]["original"] == {"width": 800, "height": 600, "size": "800x600", "aspect": 800 / 600}
    assert picture["meta"]["small"]["width"] < 800
    assert (film["type"], film["preview_url"], film["remote_url"]) == ("video", None, FILM)


def test_pages_show_them_without_a_word_to_the_other_server(browser: Visitor, bo: RemoteUser, internet: Internet) -> None:
    publish(bo)
    before = len(internet.requests)
    page = document(browser.get("/home"))
    addresses = [value for name in ("src", "poster", "srcset", "data") for value in page.xpath(f"//*/@{name}")]
    assert [address for address in addresses if not address.startswith("/")] == []
    assert any(address.startswith("/media_proxy/") for address in addresses)
    assert page.xpath("//figure//img/@alt") == ['A "cat"']
    assert "img-src 'self'" in str(browser.get("/home").header("Content-Security-Policy"))
    assert len(internet.requests) == before


def test_the_proxy_serves_pictures_and_ranges_of_films(site: SiteFixture, ada: Client, bo: RemoteUser, internet: Internet) -> None:
    publish(bo)
    picture, film = newest(ada)["media_attachments"]
    whole = get(site, picture["url"])
    assert (whole.status, whole.header("Content-Type"), whole.header("Cache-Control")) == (200, "image/png", OPEN)
    assert (whole.header("X-Content-Type-Options"), "sandbox" in str(whole.header("Content-Security-Policy"))) == ("nosniff", True)
    assert Image.open(BytesIO(whole.body)).size == (800, 600)
    assert get(site, picture["url"], **{"If-None-Match": str(whole.header("ETag"))}).status == 304
    assert Image.open(BytesIO(get(site, picture["preview_url"]).body)).width == picture["meta"]["small"]["width"]
    part = get(site, film["url"], Range="bytes=4-7")
    assert (part.status, part.header("Content-Type"), part.body) == (206, "video/mp4", b"ftyp")
    assert [url for url in internet.asked if url in (PICTURE, FILM)] == [PICTURE, FILM]


@pytest.mark.parametrize(
    "path", ["x/original", "1/original", "1/whole", "1-/original", "-/small", "9" * 30 + "/small", "%00/small", "%D9%A1/small"]
)
def test_unknown_addresses_are_not_found(site: SiteFixture, ada: Client, bo: RemoteUser, path: str) -> None:
    publish(bo)
    assert get(site, f"/media_proxy/{path}").status == 404


def test_a_missing_file_is_not_found_and_a_failing_server_is_named_temporary(
    site: SiteFixture, ada: Client, bo: RemoteUser, internet: Internet
) -> None:
    publish(bo)
    picture, film = newest(ada)["media_attachments"]
    del internet.documents[PICTURE]
    internet.documents[FILM] = RemoteResponse(502, {}, b"")
    assert get(site, picture["url"]).status == 404
    failed = get(site, film["url"])
    assert failed.status == 503
    assert int(str(failed.header("Retry-After"))) > 0


def test_media_of_private_posts_need_the_whole_address(site: SiteFixture, ada: Client, bo: RemoteUser) -> None:
    me = f"{URL}/users/ada"
    publish(bo, to=(me,), tag=[{"type": "Mention", "href": me}])
    picture, _ = newest_direct(ada)["media_attachments"]
    shown = get(site, picture["url"])
    assert (shown.status, shown.header("Cache-Control")) == (200, PRIVATE)
    assert get(site, f"/media_proxy/{picture['id']}/original").status == 404


def newest_direct(ada: Client) -> Any:
    return ada.get("/v1/conversations").json[0]["last_status"]


def test_what_cannot_be_shown_is_a_link(browser: Visitor, ada: Client, bo: RemoteUser) -> None:
    paper = {"type": "Document", "mediaType": "application/pdf", "url": "https://b.example/a.pdf", "name": "Rules"}
    publish(bo, attachment=[paper])
    [media] = newest(ada)["media_attachments"]
    assert (media["type"], media["remote_url"]) == ("unknown", "https://b.example/a.pdf")
    [link] = document(browser.get("/home")).xpath("//a[@class='media-elsewhere']")
    assert (link.get("href"), link.get("rel")) == ("https://b.example/a.pdf", "nofollow noopener")


def test_media_of_other_servers_are_on_media_timelines(ada: Client, bo: RemoteUser) -> None:
    publish(bo)
    publish(bo, 2, attachment=[])
    assert len(ada.get("/v1/timelines/public", only_media=True).json) == 1
    assert len(ada.get("/v1/timelines/public").json) == 2


# --- Ours


def upload(ada: Client, file: BytesIO | None = None) -> Any:
    return ada.upload("POST", "/v2/media", {"file": file or files.image()}).json


def test_other_servers_get_the_media_of_followers_only_posts(site: SiteFixture, ada: Client) -> None:
    piece = upload(ada)
    assert ada.post("/v1/statuses", status="Look", media_ids=[piece["id"]], visibility="private").status == 200
    fetched = get(site, piece["url"], **{"User-Agent": "Mastodon/4.5"})
    assert (fetched.status, fetched.header("Content-Type")) == (200, "image/jpeg")


@pytest.mark.parametrize("accept", [ACCEPT, "application/activity+json", "application/ld+json"])
def test_our_uploads_are_never_activities(site: SiteFixture, ada: Client, bo: RemoteUser, accept: str) -> None:
    forged = orjson.dumps({"@context": "https://www.w3.org/ns/activitystreams", "type": "Person", "id": f"{URL}/media/x"})
    comment = files.image("PNG", pnginfo=None).getvalue() + forged
    piece = upload(ada, BytesIO(comment))
    ada.post("/v1/statuses", status="Look", media_ids=[piece["id"]])
    for url in (piece["url"], piece["preview_url"]):
        served = get(site, url, Accept=accept)
        assert served.header("Content-Type") == "image/png"
        assert forged not in served.body
    assert ada.upload("POST", "/v2/media", {"file": BytesIO(forged)}).status == 422
    publish(bo)
    picture, _ = newest(ada)["media_attachments"]
    assert get(site, picture["url"], Accept=accept).header("Content-Type") == "image/png"


def test_without_federation_there_is_no_proxy(cursor: Cursor, tmp_path: Path) -> None:
    visitor = Visitor(build_site(cursor, tmp_path).server)
    assert visitor.get("/media_proxy/1/original").status == 404


# --- What a hostile server can try with the files that the proxy fetches

HOSTILE = "https://cdn.b.example/hostile.png"
SCRIPT = b"<script>alert(1)</script>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><rect/></svg>'


def attached(ada: Client, bo: RemoteUser, *urls: str) -> list[Any]:
    """Receive a post with these files; return them as the API has them."""
    publish(bo, attachment=[{"type": "Document", "mediaType": "image/png", "url": url} for url in urls])
    return list(newest(ada)["media_attachments"])


@pytest.mark.parametrize("content", [SCRIPT, SVG, b"\xef\xbb\xbf" + SVG, b"<!DOCTYPE html>" + PNG, b"%PDF-1.7", b""])
@pytest.mark.parametrize("claimed", ["image/png", "text/html", "image/svg+xml"])
def test_what_a_browser_could_run_is_never_served(
    site: SiteFixture, ada: Client, bo: RemoteUser, internet: Internet, content: bytes, claimed: str
) -> None:
    internet.documents[HOSTILE] = RemoteResponse(200, {"content-type": claimed}, content)
    [media] = attached(ada, bo, HOSTILE)
    for address in (media["url"], media["preview_url"]):
        assert get(site, address).status == 404
    assert HOSTILE in internet.asked


def test_what_hides_behind_a_picture_is_not_in_the_copy(site: SiteFixture, ada: Client, bo: RemoteUser, internet: Internet) -> None:
    internet.documents[HOSTILE] = PNG + SCRIPT
    [media] = attached(ada, bo, HOSTILE)
    response = get(site, media["url"])
    assert (response.status, response.header("Content-Type")) == (200, "image/png")
    assert SCRIPT not in response.body


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://localhost/x",
        f"{URL}/media/x.png",
        "file:///etc/passwd",
    ],
)
def test_a_redirect_leads_nowhere_within(site: SiteFixture, ada: Client, bo: RemoteUser, internet: Internet, target: str) -> None:
    internet.documents |= {target: PNG, HOSTILE: redirect(target)}
    [media] = attached(ada, bo, HOSTILE)
    assert get(site, media["url"]).status == 404
    assert (HOSTILE in internet.asked, target in internet.asked) == (True, False)


def test_one_file_is_never_served_for_another(site: SiteFixture, ada: Client, bo: RemoteUser, internet: Internet) -> None:
    """Neither for the same path of another host, nor by the tag of another file."""
    urls, other = ["https://cdn.b.example/same.png", "https://evil.example/same.png"], files.image("PNG", size=(7, 5)).getvalue()
    internet.documents |= {urls[0]: PNG, urls[1]: other}
    pair = attached(ada, bo, *urls)
    shown = [get(site, media["url"]) for media in pair]
    assert [Image.open(BytesIO(each.body)).size for each in shown] == [(800, 600), (7, 5)]
    assert get(site, pair[1]["url"], **{"If-None-Match": str(shown[0].header("ETag"))}).status == 200
    internet.documents[urls[0]] = other
    assert get(site, pair[0]["url"]).body == shown[0].body


@pytest.mark.parametrize(
    "range",
    ["bytes=0-1,2-3", "bytes=99999999999999-", "bytes=-0", "bytes=5-2", f"bytes={'9' * 5000}-", f"bytes={'0-0,' * 900}0-0", "lines=1-2"],
)
def test_a_range_that_is_none_gets_the_whole_file(site: SiteFixture, ada: Client, bo: RemoteUser, range: str) -> None:
    [film] = attached(ada, bo, FILM)
    whole, response = get(site, film["url"]), get(site, film["url"], Range=range)
    assert (response.status, response.body) == (200, whole.body)
