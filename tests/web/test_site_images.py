"""Logo, icon and thumbnail of the site: uploaded in the site settings, shown on pages and in the API, and removed."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from microblog.domain.media_verification import MediaVerification, VerifiedFiles
from microblog.model.audit import AuditAction, AuditQuery
from microblog.model.events import Event, EventKind, Position
from microblog.model.media import Dimensions
from microblog.model.paging import Page
from microblog.model.site_images import ICON_SIZES, ImageFile, SiteImage, SiteImageKind
from microblog.storage import audit, media, site_images
from microblog.storage.database import Cursor
from tests import files, make
from tests.fakes import result_of
from tests.web.api.client import anonymous_client
from tests.web.http_client import HttpResponse
from tests.web.test_moderation import with_role
from tests.web.test_site_settings import PAGE, form
from tests.web.visitor import SiteFixture, Visitor, build_site, document, main_text


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    return build_site(cursor, tmp_path, rate_limits="off")


@pytest.fixture
def boss(site: SiteFixture) -> Visitor:
    return with_role(site, "boss", "admin")


def upload(boss: Visitor, sent: dict[str, BytesIO], **fields: str) -> HttpResponse:
    """Send the form with these files, and fields in place of its own."""
    values = form(boss) | fields
    del values["csrf"]
    return boss.upload(PAGE, PAGE, sent, **values)


def attributes(page: HttpResponse, path: str) -> list[str]:
    return [str(value) for value in document(page).xpath(path)]


def test_the_logo_is_in_the_header_beside_or_instead_of_the_name(site: SiteFixture, boss: Visitor) -> None:
    visitor = site.visitor()
    assert upload(boss, {"logo": files.image("PNG", size=(400, 100))}, name="Kommata").status == 303
    page = visitor.get("/about")
    [path] = attributes(page, "//a[@class='brand']/img/@src")
    assert attributes(page, "//a[@class='brand']/img/@alt") == [""]
    assert attributes(page, "//a[@class='brand']//text()") == ["Kommata"]
    served = visitor.get(path)
    assert (served.status, served.header("Content-Type")) == (200, "image/png")
    assert upload(boss, {}, name_beside_logo="").status == 303
    page = visitor.get("/about")
    assert attributes(page, "//a[@class='brand']/img/@alt") == ["Kommata"]
    assert attributes(page, "//a[@class='brand']//text()") == []
    assert upload(boss, {}, drop_logo="1").status == 303
    assert attributes(visitor.get("/about"), "//a[@class='brand']//text()") == ["Kommata"]
    assert visitor.get(path).status == 404


def test_the_icon_is_that_of_tabs_apps_and_the_api(site: SiteFixture, boss: Visitor) -> None:
    visitor = site.visitor()
    assert anonymous_client(site).get("/v2/instance").json["icon"][0]["size"] == "180x180"
    assert upload(boss, {"icon": files.image("JPEG", size=(700, 600))}).status == 303
    page = visitor.get("/about")
    links = [*attributes(page, "//link[@rel='icon']/@href"), *attributes(page, "//link[@rel='apple-touch-icon']/@href")]
    assert (len(links), {visitor.get(path).header("Content-Type") for path in links}) == (3, {"image/png"})
    assert attributes(page, "//link[@rel='icon']/@sizes") == ["32x32", "192x192"]
    icons = anonymous_client(site).get("/v2/instance").json["icon"]
    assert [icon["size"] for icon in icons] == [f"{size}x{size}" for size in reversed(ICON_SIZES)]
    assert all(icon["src"].startswith("http://site.test/media/") for icon in icons)
    assert {"192x192", "512x512"} <= {icon["sizes"] for icon in visitor.get("/manifest.json").json["icons"]}
    favicon = visitor.get("/favicon.ico")
    assert (favicon.status, visitor.get(str(favicon.header("Location"))).status) == (302, 200)


def test_the_thumbnail_is_in_link_previews_and_in_the_api(site: SiteFixture, boss: Visitor) -> None:
    visitor, api = site.visitor(), anonymous_client(site)
    before = api.get("/v2/instance").json["thumbnail"]
    assert (before["url"], before["blurhash"]) == (before["versions"]["@2x"], None)
    make.post(site.cursor, make.viewer(site.cursor, "ada"))
    assert upload(boss, {"thumbnail": files.image("JPEG", size=(900, 900))}).status == 303
    page = visitor.get("/about")
    [address] = attributes(page, "//meta[@property='og:image']/@content")
    assert attributes(page, "//meta[@property='og:image:width']/@content") == ["1200"]
    assert attributes(page, "//meta[@name='twitter:card']/@content") == ["summary_large_image"]
    thumbnail = api.get("/v2/instance").json["thumbnail"]
    assert thumbnail["url"] == thumbnail["versions"]["@1x"] == api.get("/v1/instance").json["thumbnail"] == address
    assert thumbnail["versions"]["@2x"] != address
    assert len(thumbnail["blurhash"]) > 6


@pytest.mark.parametrize(
    ("kind", "file", "sentence"),
    [
        ("logo", BytesIO(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "Logo must be a PNG, JPEG, WebP, GIF or AVIF file. Please choose"),
        ("icon", BytesIO(files.image("PNG").getvalue()[:60]), "Icon"),
        ("thumbnail", BytesIO(files.image("PNG").getvalue() + bytes(8 * 1024 * 1024)), "Thumbnail must be at most 8 MB"),
    ],
)
def test_a_wrong_file_is_refused_and_the_rest_stays_in_the_form(
    site: SiteFixture, boss: Visitor, kind: str, file: BytesIO, sentence: str
) -> None:
    response = upload(boss, {kind: file}, description="Typed.")
    assert (response.status, attributes(response, f"//input[@name='{kind}']/@aria-invalid")) == (422, ["true"])
    assert sentence in main_text(response)
    assert "Typed." in response.text
    assert site_images.stored(site.cursor) == {}


def test_a_picture_that_shall_be_removed_stays_marked_when_something_else_is_wrong(site: SiteFixture, boss: Visitor) -> None:
    for kind in ("logo", "thumbnail"):
        upload(boss, {kind: files.image("PNG", size=(40, 21))})
    response = upload(boss, {}, drop_logo="1", name=" ")
    assert response.status == 422
    assert attributes(response, "//input[@checked and starts-with(@name, 'drop_')]/@name") == ["drop_logo"]
    assert set(site_images.stored(site.cursor)) == {SiteImageKind.LOGO, SiteImageKind.THUMBNAIL}


def test_changes_are_in_the_audit_log_and_old_files_are_deleted(site: SiteFixture, boss: Visitor) -> None:
    upload(boss, {"logo": files.image("PNG", size=(40, 10))})
    [first] = site_images.stored(site.cursor)[SiteImageKind.LOGO].files
    upload(boss, {"logo": files.image("PNG", size=(50, 10))})
    [second] = site_images.stored(site.cursor)[SiteImageKind.LOGO].files
    upload(boss, {}, drop_logo="1")
    records = audit.search(site.cursor, page=Page(), query=AuditQuery(action=AuditAction.SITE_UPDATE))
    assert [record.entry.facts for record in reversed(records)] == [
        {"logo": {"before": None, "after": first.name}},
        {"logo": {"before": first.name, "after": second.name}},
        {"logo": {"before": second.name, "after": None}},
    ]
    result_of(site.domain.attachments.delete_unused([first.name, second.name]))
    assert result_of(site.domain.attachments.media_store.files.size([first.name, second.name])) == 0


def test_media_commands_know_the_files(site: SiteFixture, boss: Visitor) -> None:
    upload(boss, {"thumbnail": files.image("JPEG", size=(60, 60))})
    names = [file.name for file in site_images.stored(site.cursor)[SiteImageKind.THUMBNAIL].files]
    assert media.unused_files(site.cursor, names=[*names, "other.png"]) == ["other.png"]
    store = site.domain.attachments.media_store.files
    verification = MediaVerification(site.domain.attachments.database, store)
    assert result_of(verification.run()) == VerifiedFiles(2, ())
    result_of(store.delete(names[:1]))
    assert result_of(verification.run()) == VerifiedFiles(2, (names[0],))


def test_a_change_of_another_process_is_shown(site: SiteFixture) -> None:
    visitor = site.visitor()
    image = SiteImage((ImageFile("ab" * 16 + ".png", Dimensions(40, 10)),))
    assert visitor.get(image.files[0].path).status == 404
    site_images.insert(site.cursor, kind=SiteImageKind.LOGO, image=image, now=make.NOW)
    site.domain.site_settings.happened(Event(Position("", 0, 0), EventKind.SITE_SETTINGS_CHANGED, None, None, None, {}, make.NOW))
    assert image.files[0].path in visitor.get("/about").text
