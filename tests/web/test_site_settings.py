"""Settings of the site that administrators change on a page: shown everywhere at once, unless the environment sets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from microblog.model.audit import AuditAction, AuditQuery
from microblog.model.events import Event, EventKind, Position
from microblog.model.paging import Page
from microblog.storage import audit, site_settings
from microblog.storage.database import Cursor, fetch_all
from tests import make
from tests.fakes import result_of
from tests.web.api.client import anonymous_client
from tests.web.api.test_trend_reviews import public, trending
from tests.web.test_moderation import with_role
from tests.web.visitor import PASSWORD, SiteFixture, Visitor, build_site, document, main_text

PAGE = "/admin/site"


@pytest.fixture
def free_site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site whose environment sets nothing that is on the page."""
    return build_site(cursor, tmp_path, registration="")


@pytest.fixture
def boss(free_site: SiteFixture) -> Visitor:
    return with_role(free_site, "boss", "admin")


def form(boss: Visitor) -> dict[str, str]:
    """Return the values of the page's form."""
    page = document(boss.get(PAGE))
    fields = page.xpath("//form[@action='/admin/site']//input[not(@type='radio' or @type='checkbox' or @type='file')]")
    values = {str(field.get("name")): str(field.get("value")) for field in fields}
    values |= {str(area.get("name")): str(area.text or "").strip() for area in page.xpath("//form[@action='/admin/site']//textarea")}
    chosen = page.xpath("//form[@action='/admin/site']//input[@checked]")
    return values | {str(field.get("name")): str(field.get("value")) for field in chosen}


def change(boss: Visitor, **fields: str) -> None:
    """Change these fields of the form and leave the others as they are."""
    response = boss.post(PAGE, form(boss) | fields)
    assert (response.status, response.header("Location")) == (303, f"{PAGE}?notice=saved"), main_text(response)


def test_name_and_descriptions_are_on_pages_in_the_api_and_in_nodeinfo_at_once(free_site: SiteFixture, boss: Visitor) -> None:
    visitor = free_site.visitor()
    make.post(free_site.cursor, make.viewer(free_site.cursor, "ada"))
    paths = ("/", "/local", "/about", "/@ada", "/login")
    assert all("Kommata" not in visitor.get(path).text for path in paths for _ in range(2))  # the second response is a cached one
    change(boss, name="Kommata", description="A place to write.", about="Since 2020.\n\nSee https://example.org", contact="post@site.test")
    assert [path for path in (*paths, "/nowhere") if "Kommata" not in visitor.get(path).text] == []
    assert 'property="og:site_name" content="Kommata"' in visitor.get("/").text
    api = anonymous_client(free_site)
    assert (api.get("/v2/instance").json["title"], api.get("/v1/instance").json["title"]) == ("Kommata", "Kommata")
    assert api.get("/v2/instance").json["description"] == api.get("/v1/instance").json["short_description"] == "A place to write."
    assert api.get("/v2/instance").json["contact"]["email"] == "post@site.test"
    extended = api.get("/v1/instance/extended_description").json
    assert extended["content"].startswith("<p>Since 2020.</p><p>See <a href=")
    assert extended["updated_at"]
    assert extended["content"] in visitor.get("/about").text
    assert api.get("/nodeinfo/2.0").json["metadata"] == {"nodeName": "Kommata", "nodeDescription": "A place to write."}
    assert visitor.get("/manifest.json").json["name"] == "Kommata"
    assert api.get("/openapi.json").json["info"]["title"] == "The API of Kommata"


def test_the_page_shows_what_is_in_force(boss: Visitor) -> None:
    assert form(boss)["name"] == "microblog"
    change(boss, name="Kommata", closed_message="Until May.", reason_required="")
    values = form(boss)
    assert (values["name"], values["closed_message"], values.get("reason_required")) == ("Kommata", "Until May.", None)


def test_sign_ups_follow_the_page(free_site: SiteFixture, boss: Visitor) -> None:
    visitor, api = free_site.visitor(), anonymous_client(free_site)
    fields = {"username": "ann", "email": "ann@example.org", "password": PASSWORD}
    change(boss, registration="closed", closed_message="Not until May: https://example.org")
    assert main_text(visitor.get("/signup")).startswith("Create account Not until May")
    token = visitor.token("/login")
    refused = visitor.post("/signup", {"csrf": token, **fields})
    assert (refused.status, "Not until May" in refused.text) == (403, True)
    registrations = api.get("/v2/instance").json["registrations"]
    assert (registrations["enabled"], registrations["url"]) == (False, None)
    assert registrations["message"].startswith("<p>Not until May: <a href=")
    change(boss, registration="approval", reason_required="")
    registrations = api.get("/v2/instance").json["registrations"]
    assert [registrations[name] for name in ("enabled", "approval_required", "reason_required", "message")] == [True, True, False, None]
    assert visitor.submit("/signup", **fields).status == 303
    change(boss, registration="approval", reason_required="1")
    assert api.get("/v2/instance").json["registrations"]["reason_required"] is True
    refused = free_site.visitor().submit("/signup", username="eve", email="eve@example.org", password=PASSWORD)
    assert (refused.status, "Reason can" in refused.text) == (422, True)
    change(boss, registration="open")
    assert free_site.visitor().submit("/signup", username="eve", email="eve@example.org", password=PASSWORD).status == 303


@pytest.mark.parametrize(("landing", "target"), [("local", "/local"), ("about", "/about")])
def test_visitors_see_first_what_administrators_chose(free_site: SiteFixture, boss: Visitor, landing: str, target: str) -> None:
    assert free_site.visitor().get("/").status == 200
    change(boss, landing=landing)
    response = free_site.visitor().get("/")
    assert (response.status, response.header("Location")) == (302, target)
    assert boss.get("/").header("Location") == "/home"


def test_trends_and_the_profile_directory_are_shown_as_administrators_chose(free_site: SiteFixture, boss: Visitor) -> None:
    api, visitor = anonymous_client(free_site), free_site.visitor()
    trending(free_site)
    for mode, shown in (("approved", 0), ("none", 0), ("all", 1)):
        change(boss, trends=mode)
        assert [len(found) for found in public(free_site)] == [shown] * 3, mode
        assert ("<h2>Trending</h2>" in visitor.get("/local").text) is bool(shown), mode
    assert api.get("/v1/directory").status == 200
    change(boss, profile_directory="")
    assert api.get("/v1/directory").status == 404


def test_all_errors_are_shown_and_what_was_typed_is_kept(free_site: SiteFixture, boss: Visitor) -> None:
    typed = {"name": " ", "description": "x" * 201, "contact": "nobody", "registration": "maybe", "landing": "moon", "about": "Kept."}
    response = boss.post(PAGE, form(boss) | typed)
    assert response.status == 422
    errors = [text for text in document(response).xpath("//p[@class='error']//text()") if str(text).strip()]
    assert errors == [
        "Name can't be blank",
        "Description is too long (maximum is 200 characters)",
        "E-mail address is invalid",
        "Registration is not included in the list",
        "Landing is not included in the list",
    ]
    assert all(text in response.text for text in ("Kept.", "x" * 201))
    assert site_settings.stored(free_site.cursor) == {}


def test_the_privacy_policy_is_on_the_about_page_and_in_the_api_at_once(free_site: SiteFixture, boss: Visitor) -> None:
    visitor, api = free_site.visitor(), anonymous_client(free_site)
    default = api.get("/v1/instance/privacy_policy").json
    assert default["content"] in visitor.get("/about").text
    change(boss, privacy="We keep nothing.")
    policy = api.get("/v1/instance/privacy_policy").json
    assert policy["content"] == "<p>We keep nothing.</p>"
    assert policy["updated_at"] > default["updated_at"]
    assert policy["content"] in visitor.get("/about").text
    change(boss, privacy="")
    assert api.get("/v1/instance/privacy_policy").json == default
    assert default["content"] in visitor.get("/about").text


def test_the_environment_wins_and_the_page_names_what_sets_a_value(cursor: Cursor, tmp_path: Path) -> None:
    (tmp_path / "about.txt").write_text("From the file.")
    (tmp_path / "privacy.txt").write_text("Privacy from a file.")
    site = build_site(
        cursor, tmp_path, site_name="Ours", contact_email="we@site.test", registration="closed", texts_dir=str(tmp_path), trends_review="on"
    )
    boss = with_role(site, "boss", "admin")
    page = main_text(boss.get(PAGE))
    for source in ("SITE_NAME", "CONTACT_EMAIL", "REGISTRATION", "TEXTS_DIR", "TRENDS_REVIEW"):
        assert f"MICROBLOG_{source}, which takes precedence" in page, source
    assert not {"name", "contact", "registration", "about", "privacy", "trends"} & set(form(boss))
    change(
        boss,
        name="Theirs",
        contact="they@site.test",
        registration="open",
        about="From the page.",
        privacy="Of the page.",
        description="Free.",
    )
    instance = anonymous_client(site).get("/v2/instance").json
    assert (instance["title"], instance["contact"]["email"], instance["registrations"]["enabled"]) == ("Ours", "we@site.test", False)
    assert instance["description"] == "Free."
    assert all(text in site.visitor().get("/about").text for text in ("From the file.", "Privacy from a file."))
    assert set(site_settings.stored(cursor)) == {"description"}


def test_a_change_is_in_the_audit_log_with_the_values_before_and_after(free_site: SiteFixture, boss: Visitor) -> None:
    change(boss, name="Kommata", landing="about")
    change(boss)  # changes nothing
    [record] = audit.search(free_site.cursor, page=Page(), query=AuditQuery(action=AuditAction.SITE_UPDATE))
    assert record.actor == "boss"
    assert record.entry.facts == {"name": {"before": "microblog", "after": "Kommata"}, "landing": {"before": "front", "after": "about"}}
    page = main_text(boss.get("/admin/log"))
    assert "Changed the site settings" in page


def test_every_process_hears_of_a_change_by_an_event(free_site: SiteFixture, boss: Visitor) -> None:
    change(boss, name="Kommata")
    assert fetch_all(free_site.cursor, str, "select kind from events where kind like 'site%'") == [EventKind.SITE_SETTINGS_CHANGED]
    site_settings.store(free_site.cursor, name="name", value="Semikolon", now=make.NOW)  # as another process would
    assert "Semikolon" not in free_site.visitor().get("/").text
    free_site.domain.site_settings.happened(Event(Position("", 0, 0), EventKind.SITE_SETTINGS_CHANGED, None, None, None, {}, make.NOW))
    assert "Semikolon" in free_site.visitor().get("/").text


def test_values_of_a_newer_release_are_ignored(free_site: SiteFixture) -> None:
    for name, value in (("landing", "moon"), ("moons", True), ("name", "Kommata")):
        site_settings.store(free_site.cursor, name=name, value=value, now=make.NOW)
    result_of(free_site.domain.site_settings.read())
    assert free_site.visitor().get("/").status == 200
    assert "Kommata" in free_site.visitor().get("/").text


def test_only_administrators_may_see_and_change_the_settings(free_site: SiteFixture, boss: Visitor) -> None:
    typed = form(boss)
    for visitor in (with_role(free_site, "maud", "moderator"), with_role(free_site, "ann", "user")):
        assert visitor.get(PAGE).status == 403
        assert visitor.post(PAGE, typed | {"csrf": visitor.token("/settings/account"), "name": "Mine"}).status == 403
        assert 'href="/admin/site"' not in visitor.get("/admin/people").text
    assert 'href="/admin/site"' in boss.get("/admin/people").text
    assert site_settings.stored(free_site.cursor) == {}


def test_accents_are_in_a_style_sheet_of_their_own_that_is_cached_for_ever(free_site: SiteFixture, boss: Visitor) -> None:
    visitor = free_site.visitor()
    assert (visitor.get("/site/x.css").status, "/site/" in visitor.get("/about").text) == (404, False)
    change(boss, accent_light="#7A1F5C", accent_dark="#f0a8d8")
    [path] = document(visitor.get("/about")).xpath("//link[starts-with(@href, '/site/')]/@href")
    sheet = visitor.get(path)
    assert (sheet.header("Content-Type"), "immutable" in str(sheet.header("Cache-Control"))) == ("text/css; charset=utf-8", True)
    assert "--accent: light-dark(#7a1f5c, #f0a8d8);" in sheet.text
    assert "--on-accent: light-dark(#ffffff, #000000);" in sheet.text
    assert "style-src 'self'" in str(visitor.get("/about").header("Content-Security-Policy"))
    change(boss, accent_light="#1f3d7a", accent_dark="")
    [other] = document(visitor.get("/about")).xpath("//link[starts-with(@href, '/site/')]/@href")
    assert (other != path, "immutable" in str(visitor.get(path).header("Cache-Control"))) == (True, False)
    assert "light-dark(#1f3d7a, #7fd4bf)" in visitor.get(path).text  # an old page gets the present colours
    change(boss, accent_light="")
    assert visitor.get(other).status == 404


@pytest.mark.parametrize(
    ("name", "typed", "error"),
    [
        ("accent_light", "red", "This is not a colour such as #14655a"),
        ("accent_light", "#f0a8d8", "Choose a darker one"),
        ("accent_dark", "#14655a", "Choose a lighter one"),
        ("accent_dark", "#fff;} body{display:none}", "This is not a colour such as #14655a"),
    ],
)
def test_a_colour_in_which_texts_could_not_be_read_is_refused(boss: Visitor, name: str, typed: str, error: str) -> None:
    response = boss.post(PAGE, form(boss) | {name: typed})
    assert (response.status, error in main_text(response)) == (422, True)
    assert document(response).xpath(f"//input[@name='{name}']/@value") == [typed]
