"""Settings through plain forms."""

from __future__ import annotations

from tests import make
from tests.web.visitor import PASSWORD, SiteFixture, document, main_text


def test_a_profile_is_changed_and_shown(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    sent = ada.submit("/settings", display_name="Ada L.", bio="I #count", field_name_0="Web", field_value_0="https://example.org/", bot="1")
    assert sent.header("Location") == "/settings?notice=saved"
    assert "Changes saved." in ada.get("/settings?notice=saved").text
    profile = site.visitor().get("/@ada")
    assert "Ada L." in main_text(profile)
    assert "https://example.org/" in document(profile).xpath("//a[contains(@rel, 'me')]/@href")


def test_a_rejected_profile_keeps_what_was_typed(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    response = ada.submit("/settings", display_name="x" * 31, bio="kept")
    assert response.status == 422
    assert "too long" in main_text(response)
    assert "kept" in response.text


def test_preferences_are_remembered(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    ada.submit("/settings/preferences", theme="dark", visibility="unlisted", language="de", time_zone="Europe/Vienna")
    home = document(ada.get("/home"))
    assert home.xpath("/html/@data-theme") == ["dark"]
    assert home.xpath("//select[@name='visibility']/option[@selected]/@value") == ["unlisted"]
    assert ada.submit("/settings/preferences", theme="pink").status == 422


def test_the_theme_is_switched_without_an_account_and_without_scripts(site: SiteFixture) -> None:
    visitor = site.visitor()
    assert visitor.post("/settings/theme", {"theme": "dark", "next": "/local"}).header("Location") == "/local"
    assert document(visitor.get("/local")).xpath("/html/@data-theme") == ["dark"]
    assert visitor.post("/settings/theme", {"theme": "pink"}).status == 422


def test_a_new_password_ends_all_other_sessions(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    other_browser = site.visitor()
    other_browser.submit("/login", name="ada", password=PASSWORD)
    wrong = ada.submit("/settings/password", page="/settings/account", current="wrong wrong", password="another password")
    assert wrong.status == 422
    for guessable, sentence in (
        ("password1", "most common ones"),
        ("Ada-2026", "made of the username"),
        ("microblog!", "made of the username"),
    ):
        refused = ada.submit("/settings/password", page="/settings/account", current=PASSWORD, password=guessable)
        assert (refused.status, sentence in main_text(refused)) == (422, True)
    assert other_browser.get("/home").status == 200
    right = ada.submit("/settings/password", page="/settings/account", current=PASSWORD, password="another password")
    assert right.status == 303
    assert ada.get("/home").status == 200
    assert other_browser.get("/home").status == 303
    assert site.visitor().submit("/login", name="ada", password="another password").status == 303


def test_a_session_is_revoked_from_the_list(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    other_browser = site.visitor()
    other_browser.submit("/login", name="ada", password=PASSWORD)
    [revoke] = document(ada.get("/settings/sessions")).xpath("//button/@formaction")
    assert site.registered_user("bob").submit(revoke, page="/home").status == 404
    ada.submit(revoke, page="/settings/sessions")
    assert other_browser.get("/home").status == 303
    assert ada.get("/home").status == 200


def test_an_account_is_deleted_with_its_password(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    post = make.post(site.cursor, site.viewer("ada"))
    assert ada.submit("/settings/delete", password="not the password").status == 422
    assert ada.submit("/settings/delete", password=PASSWORD).header("Location") == "/?notice=gone"
    assert ada.get("/home").status == 303
    for path in ("/@ada", f"/@ada/{post.id}"):
        assert site.visitor().get(path).status == 404
    again = site.visitor().submit("/signup", username="ada", email="other@example.org", password=PASSWORD)
    assert again.status == 422


def test_notifications_are_unread_until_viewed(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    site.registered_user("bob")
    make.post(site.cursor, site.viewer("bob"), "Hi @ada")
    assert document(ada.get("/home")).xpath("/html/body/@data-unread") == ["1"]
    assert "Hi @ada" in main_text(ada.get("/notifications"))
    assert document(ada.get("/home")).xpath("/html/body/@data-unread") == ["0"]
