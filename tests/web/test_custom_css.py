"""Custom CSS in the site settings: a file of its own on all pages but those where it is undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from microblog.domain.site_settings import CurrentSiteSettings
from microblog.model.events import Event, EventKind, Position
from microblog.storage import site_settings
from microblog.storage.database import Cursor
from tests import make
from tests.web.test_moderation import with_role
from tests.web.test_site_settings import PAGE, change, form
from tests.web.visitor import SiteFixture, Visitor, build_site, document, main_text

LINK = "//link[starts-with(@href, '/site/custom/')]/@href"


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    return build_site(cursor, tmp_path)


@pytest.fixture
def boss(site: SiteFixture) -> Visitor:
    return with_role(site, "boss", "admin")


def test_it_is_a_style_sheet_of_its_own_after_that_of_all_sites(site: SiteFixture, boss: Visitor) -> None:
    visitor = site.visitor()
    assert (visitor.get("/site/custom/x.css").status, visitor.get("/custom.css").body) == (404, b"")
    assert document(visitor.get("/about")).xpath(LINK) == []
    change(boss, custom_css="/* Ours */ a{color:teal}", accent_light="#7a1f5c")
    sheets = [str(path) for path in document(visitor.get("/about")).xpath("//link[@rel='stylesheet']/@href")]
    assert [path.split("/")[1:3] for path in sheets[1:]] == [["site", sheets[1].split("/")[2]], ["site", "custom"]]
    sheet = visitor.get(sheets[-1])
    assert (sheet.text, sheet.header("Content-Type")) == ("a { color: teal; }\n", "text/css; charset=utf-8")
    assert "immutable" in str(sheet.header("Cache-Control"))
    assert "immutable" not in str(visitor.get("/site/custom/x.css").header("Cache-Control"))
    assert visitor.get("/custom.css").text == sheet.text
    assert "style-src 'self';" in str(visitor.get("/about").header("Content-Security-Policy"))
    change(boss, custom_css="")
    assert document(visitor.get("/about")).xpath(LINK) == []


def test_pages_where_it_is_undone_or_permission_is_given_do_not_have_it(site: SiteFixture, boss: Visitor) -> None:
    change(boss, custom_css="* { color: transparent }")
    visitor = site.visitor()
    for path in ("/", "/local", "/about", "/signup", "/nowhere"):
        assert len(document(visitor.get(path)).xpath(LINK)) == 1, path
    for path in ("/home", "/settings/account", "/notifications"):
        assert len(document(boss.get(path)).xpath(LINK)) == 1, path
    for path in ("/login", "/auth/sign_in", "/password/forgot", "/password/reset/x"):
        assert document(visitor.get(path)).xpath(LINK) == [], path
    for path in (PAGE, "/admin/people", "/admin/nowhere", "/oauth/authorize"):
        assert document(boss.get(path)).xpath(LINK) == [], path
    change(boss, custom_css="")


def test_refused_css_is_told_with_its_line_and_stays_in_the_form(site: SiteFixture, boss: Visitor) -> None:
    typed = "a { color: teal }\n\nb { position: fixed; background: url(x) }"
    response = boss.post(PAGE, form(boss) | {"custom_css": typed, "name": "Kommata"})
    assert response.status == 422
    assert "Line 3: position is not among the properties that can be set. Line 3: url() is not accepted in background." in main_text(
        response
    )
    [area] = document(response).xpath("//textarea[@name='custom_css']/text()")
    assert str(area).strip().replace("\r\n", "\n") == typed
    assert site_settings.stored(site.cursor) == {}


def test_too_much_css_is_refused(boss: Visitor) -> None:
    response = boss.post(PAGE, form(boss) | {"custom_css": "a { color: teal }\n" * 600})
    assert (response.status, "Custom CSS is too long (maximum is 10000 characters)" in main_text(response)) == (422, True)


def test_other_processes_hear_of_a_change_and_check_it_again(site: SiteFixture) -> None:
    current: CurrentSiteSettings = site.domain.site_settings
    typed = "a { color: teal } b { position: fixed }"  # as of a release that accepts more
    site_settings.store(site.cursor, name="custom_css", value=typed, now=make.NOW)
    current.happened(Event(Position("", 0, 0), EventKind.SITE_SETTINGS_CHANGED, None, None, None, {}, make.NOW))
    assert site.visitor().get("/custom.css").text == "a { color: teal; }\n"
