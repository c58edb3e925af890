"""Signing up, logging in, logging out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from microblog.storage.database import Cursor
from tests import make
from tests.web.api.client import ALL_SCOPES, Client, token_for
from tests.web.http_client import MemoryConnection, parse_responses, request
from tests.web.visitor import PASSWORD, SiteFixture, build_site, document, links, main_text


def test_a_new_user_is_logged_in(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    home = ada.get("/home")
    assert home.status == 200
    assert "/@ada" in links(home)


def test_a_rejected_sign_up_lists_all_errors_and_keeps_what_was_typed(site: SiteFixture) -> None:
    response = site.visitor().submit("/signup", username="no spaces", email="nowhere", password="short")
    assert response.status == 422
    text = main_text(response)
    for problem in ("letters, numbers and underscores", "minimum is 8 characters"):
        assert problem in text
    assert 'value="no spaces"' in response.text
    assert 'value="nowhere"' in response.text
    assert 'value="short"' not in response.text


def test_the_browser_keeps_a_session_in_use_as_long_as_the_server_does(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path, session_max_days="200")
    site.registered_user("ada")
    response = site.visitor().submit("/login", name="ada", password=PASSWORD)
    [cookie] = [cookie for cookie in response.all("Set-Cookie") if cookie.startswith("session=") and "Max-Age=0" not in cookie]
    assert f"Max-Age={200 * 24 * 3600}" in cookie


@pytest.mark.parametrize(
    ("password", "sentence"),
    [("password", "most common ones"), ("ada12345", "made of the username"), ("microblog", "made of the username")],
)
def test_a_guessable_password_is_rejected_at_sign_up(site: SiteFixture, password: str, sentence: str) -> None:
    response = site.visitor().submit("/signup", username="ada", email="ada@example.org", password=password)
    assert (response.status, sentence in main_text(response)) == (422, True)
    assert site.registered_user("ada").get("/home").status == 200, "username and address are still free"


def test_a_taken_username_and_email_are_rejected(site: SiteFixture) -> None:
    site.registered_user("ada")
    response = site.visitor().submit("/signup", username="ADA", email="ada@example.org", password=PASSWORD)
    assert response.status == 422
    assert "taken" in main_text(response)
    assert "already in use" in main_text(response)


@pytest.mark.parametrize(("accepted", "language"), [("de-AT, en;q=0.8", "de"), ("en;q=0.5, pt-BR", "pt"), ("*", None), ("", None)])
def test_a_new_accounts_default_language_is_the_browsers_preferred_one(site: SiteFixture, accepted: str, language: str | None) -> None:
    ada = site.visitor()
    form = {"csrf": ada.token("/signup"), "username": "ada", "email": "ada@example.org", "password": PASSWORD}
    assert ada.post("/signup", form, **{"Accept-Language": accepted}).status == 303
    assert document(ada.get("/compose")).xpath("//main//select[@name='language']/option[@selected]/@value") == (
        [language] if language else []
    )
    api_client = Client(site, token_for(site, site.viewer("ada").id, ALL_SCOPES))
    assert api_client.post("/v1/statuses", status="Hello").json["language"] == language


@pytest.mark.parametrize("locale", ["fr-CA", None])
def test_the_default_language_of_an_account_created_by_an_app_is_its_locale(site: SiteFixture, locale: str | None) -> None:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token_for(site, None, 'write')}", "Accept-Language": "fr"}
    form = {"username": "ada", "email": "ada@example.org", "password": PASSWORD, "agreement": True, "locale": locale}
    created = request(site.server, "POST", "/api/v1/accounts", headers, json.dumps(form).encode())
    assert Client(site, created.json["access_token"]).post("/v1/statuses", status="Bonjour").json["language"] == "fr"


@pytest.mark.parametrize("name", ["@ada", "ada@site.test", "@ADA@SITE.test"])
def test_users_can_log_in_with_every_form_of_their_handle(site: SiteFixture, name: str) -> None:
    site.registered_user("ada")
    assert site.visitor().submit("/login", name=name, password=PASSWORD).header("Location") == "/home"
    assert site.visitor().submit("/login", name=name.replace("ada", "bob").replace("ADA", "bob"), password=PASSWORD).status == 401


def test_a_session_gets_a_new_id_at_login_and_ends_at_logout(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    first = ada.cookies["session"]
    left = ada.submit("/logout", page="/home")
    assert "session" not in ada.cookies
    assert left.header("Clear-Site-Data") == '"cache", "storage"'  # pages, drafts and positions must not stay for the next person
    assert ada.get("/home").header("Location") == "/login?next=/home"
    response = ada.submit("/login", name="ADA@example.org", password=PASSWORD, next="/notifications")
    assert response.header("Location") == "/notifications"
    assert ada.cookies["session"] != first
    thief = site.visitor()
    thief.cookies["session"] = first
    assert thief.get("/home").status == 303


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(site: SiteFixture) -> None:
    site.registered_user("ada")
    wrong = site.visitor().submit("/login", name="ada", password="not the password")
    unknown = site.visitor().submit("/login", name="bob", password="not the password")
    assert wrong.status == unknown.status == 401
    assert main_text(wrong) == main_text(unknown)


@pytest.mark.parametrize("target", ["//evil.test", "/\\evil.test", "/%2f%2fevil.test", "https://evil.test", "/\tx", ""])
def test_login_redirects_only_to_this_site(site: SiteFixture, target: str) -> None:
    site.registered_user("ada")
    response = site.visitor().submit("/login", name="ada", password=PASSWORD, next=target)
    assert response.header("Location") == "/home"


def test_password_guessing_is_rate_limited(site: SiteFixture) -> None:
    site.registered_user("ada")
    for _ in range(25):
        assert site.visitor().submit("/login", name="ada", password="not the password").status == 401
    refused = site.visitor().submit("/login", name="ada", password=PASSWORD)
    assert refused.status == 429
    assert int(refused.header("Retry-After") or 0) > 0
    assert re.search(r"try again in \d+ (second|minute)", main_text(refused))


@pytest.mark.parametrize("path", ["/signup", "/login", "/logout", "/posts", "/@ada/follow", "/settings", "/settings/delete"])
def test_a_form_without_a_csrf_token_does_nothing(site: SiteFixture, path: str) -> None:
    ada = site.registered_user("ada")
    response = ada.post(path, {"text": "Hello", "username": "eve", "csrf": "foreign"})
    assert response.status == 403
    assert site.domain.posts is not None
    assert "Hello" not in main_text(ada.get("/local"))


def test_a_csrf_token_of_another_browser_is_rejected(site: SiteFixture) -> None:
    ada, bob = site.registered_user("ada"), site.registered_user("bob")
    assert ada.post("/posts", {"csrf": bob.token("/home"), "text": "Hello"}).status == 403


def test_a_form_from_another_site_is_rejected(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    fields = {"csrf": ada.token("/home"), "text": "Hello"}
    assert ada.post("/posts", fields, Origin="https://evil.test").status == 403
    assert ada.post("/posts", fields, Sec_Fetch_Site="cross-site").status == 403


def test_an_applicant_can_do_nothing_before_approval(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path, registration="approval")
    assert "A moderator reviews every application" in main_text(site.visitor().get("/"))
    ada = site.visitor()
    assert ada.submit("/signup", username="ada", email="a@example.org", password=PASSWORD).status == 422
    assert ada.submit("/signup", username="ada", email="a@example.org", password=PASSWORD, reason="I like it").status == 303
    assert ada.get("/home").header("Location") == "/pending"
    assert ada.get("/pending").status == 200
    assert ada.post("/posts", {"csrf": ada.token("/pending"), "text": "Hello"}).header("Location") == "/pending"


def test_the_sign_up_page_says_that_registration_is_closed(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path, registration="closed")
    assert "closed" in main_text(site.visitor().get("/signup"))
    assert "/signup" not in links(site.visitor().get("/"))
    visitor = site.visitor()
    token = visitor.token("/login")
    assert visitor.post("/signup", {"csrf": token, "username": "ada", "email": "a@b.example", "password": PASSWORD}).status == 403


def test_a_suspended_user_is_logged_out_at_once(site: SiteFixture, cursor: Cursor) -> None:
    ada = site.registered_user("ada")
    make.suspend(cursor, site.viewer("ada"))
    assert ada.get("/home").status == 303


def test_a_form_that_is_rejected_by_its_length_gets_an_explanation(site: SiteFixture) -> None:
    connection = MemoryConnection(site.server)
    (response,) = parse_responses(connection.send(b"POST /posts HTTP/1.1\r\nHost: site.test\r\nContent-Length: 300000000\r\n\r\n"))
    assert response.status == 413
    assert "larger than the limit" in main_text(response)
    assert "Go back" in main_text(response)
    assert "/static/" in response.text


def test_a_forbidden_page_says_so_without_mentioning_forms(site: SiteFixture) -> None:
    refused = site.registered_user("ada").get("/admin/outbox")
    assert refused.status == 403
    assert "You are not allowed to do this." in main_text(refused)
    assert "form" not in main_text(refused)
