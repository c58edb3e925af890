"""Signing up, logging in, logging out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from microblog.storage.database import Cursor
from tests import make
from tests.web.api.client import EVERYTHING, Client, token_for
from tests.web.memory import Line, ask, replies
from tests.web.visitor import PASSWORD, Town, document, links, town, words


def test_whoever_signs_up_is_at_home(site: Town) -> None:
    ada = site.resident("ada")
    home = ada.get("/home")
    assert home.status == 200
    assert "/@ada" in links(home)


def test_everything_that_is_wrong_with_a_form_is_said_at_once_and_nothing_typed_is_lost(site: Town) -> None:
    reply = site.visitor().submit("/signup", username="no spaces", email="nowhere", password="short")
    assert reply.status == 422
    said = words(reply)
    for problem in ("letters, numbers and underscores", "minimum is 8 characters"):
        assert problem in said
    assert 'value="no spaces"' in reply.text
    assert 'value="nowhere"' in reply.text
    assert 'value="short"' not in reply.text


def test_a_taken_name_and_an_address_in_use_are_told(site: Town) -> None:
    site.resident("ada")
    reply = site.visitor().submit("/signup", username="ADA", email="ada@example.org", password=PASSWORD)
    assert reply.status == 422
    assert "taken" in words(reply)
    assert "already in use" in words(reply)


@pytest.mark.parametrize(("accepted", "language"), [("de-AT, en;q=0.8", "de"), ("en;q=0.5, pt-BR", "pt"), ("*", None), ("", None)])
def test_a_new_account_writes_in_the_language_that_its_browser_likes_best(site: Town, accepted: str, language: str | None) -> None:
    ada = site.visitor()
    form = {"csrf": ada.token("/signup"), "username": "ada", "email": "ada@example.org", "password": PASSWORD}
    assert ada.post("/signup", form, **{"Accept-Language": accepted}).status == 303
    assert document(ada.get("/compose")).xpath("//main//select[@name='language']/option[@selected]/@value") == (
        [language] if language else []
    )
    program = Client(site, token_for(site, site.viewer("ada").id, EVERYTHING))
    assert program.post("/v1/statuses", status="Hello").json["language"] == language


@pytest.mark.parametrize("locale", ["fr-CA", None])
def test_an_account_that_a_program_makes_writes_in_the_language_of_its_locale(site: Town, locale: str | None) -> None:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token_for(site, None, 'write')}", "Accept-Language": "fr"}
    form = {"username": "ada", "email": "ada@example.org", "password": PASSWORD, "agreement": True, "locale": locale}
    made = ask(site.server, "POST", "/api/v1/accounts", headers, json.dumps(form).encode())
    assert Client(site, made.json["access_token"]).post("/v1/statuses", status="Bonjour").json["language"] == "fr"


@pytest.mark.parametrize("name", ["@ada", "ada@site.test", "@ADA@SITE.test"])
def test_people_log_in_by_every_form_of_their_own_name(site: Town, name: str) -> None:
    site.resident("ada")
    assert site.visitor().submit("/login", name=name, password=PASSWORD).header("Location") == "/home"
    assert site.visitor().submit("/login", name=name.replace("ada", "bob").replace("ADA", "bob"), password=PASSWORD).status == 401


def test_a_session_gets_a_new_id_at_login_and_ends_at_logout(site: Town) -> None:
    ada = site.resident("ada")
    first = ada.cookies["session"]
    ada.submit("/logout", page="/home")
    assert "session" not in ada.cookies
    assert ada.get("/home").header("Location") == "/login?next=/home"
    back = ada.submit("/login", name="ADA@example.org", password=PASSWORD, next="/notifications")
    assert back.header("Location") == "/notifications"
    assert ada.cookies["session"] != first
    thief = site.visitor()
    thief.cookies["session"] = first
    assert thief.get("/home").status == 303


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(site: Town) -> None:
    site.resident("ada")
    wrong = site.visitor().submit("/login", name="ada", password="not the password")
    unknown = site.visitor().submit("/login", name="bob", password="not the password")
    assert wrong.status == unknown.status == 401
    assert words(wrong) == words(unknown)


@pytest.mark.parametrize("target", ["//evil.test", "/\\evil.test", "/%2f%2fevil.test", "https://evil.test", "/\tx", ""])
def test_login_leads_nowhere_else(site: Town, target: str) -> None:
    site.resident("ada")
    reply = site.visitor().submit("/login", name="ada", password=PASSWORD, next=target)
    assert reply.header("Location") == "/home"


def test_guessing_is_stopped_after_a_while(site: Town) -> None:
    site.resident("ada")
    for _ in range(25):
        assert site.visitor().submit("/login", name="ada", password="not the password").status == 401
    refused = site.visitor().submit("/login", name="ada", password=PASSWORD)
    assert refused.status == 429
    assert int(refused.header("Retry-After") or 0) > 0
    assert re.search(r"try again in \d+ (second|minute)", words(refused))


@pytest.mark.parametrize("path", ["/signup", "/login", "/logout", "/posts", "/@ada/follow", "/settings", "/settings/delete"])
def test_a_form_without_its_token_does_nothing(site: Town, path: str) -> None:
    ada = site.resident("ada")
    reply = ada.post(path, {"text": "Hello", "username": "eve", "csrf": "foreign"})
    assert reply.status == 403
    assert site.domain.posts is not None
    assert "Hello" not in words(ada.get("/local"))


def test_a_token_from_another_browser_is_worth_nothing(site: Town) -> None:
    ada, bob = site.resident("ada"), site.resident("bob")
    assert ada.post("/posts", {"csrf": bob.token("/home"), "text": "Hello"}).status == 403


def test_a_form_from_another_site_is_refused(site: Town) -> None:
    ada = site.resident("ada")
    fields = {"csrf": ada.token("/home"), "text": "Hello"}
    assert ada.post("/posts", fields, Origin="https://evil.test").status == 403
    assert ada.post("/posts", fields, Sec_Fetch_Site="cross-site").status == 403


def test_where_applications_are_looked_at_nobody_acts_before(cursor: Cursor, tmp_path: Path) -> None:
    site = town(cursor, tmp_path, registration="approval")
    assert "A moderator reviews every application" in words(site.visitor().get("/"))
    ada = site.visitor()
    assert ada.submit("/signup", username="ada", email="a@example.org", password=PASSWORD).status == 422
    assert ada.submit("/signup", username="ada", email="a@example.org", password=PASSWORD, reason="I like it").status == 303
    assert ada.get("/home").header("Location") == "/pending"
    assert ada.get("/pending").status == 200
    assert ada.post("/posts", {"csrf": ada.token("/pending"), "text": "Hello"}).header("Location") == "/pending"


def test_where_registration_is_closed_the_page_says_so(cursor: Cursor, tmp_path: Path) -> None:
    site = town(cursor, tmp_path, registration="closed")
    assert "closed" in words(site.visitor().get("/signup"))
    assert "/signup" not in links(site.visitor().get("/"))
    visitor = site.visitor()
    token = visitor.token("/login")
    assert visitor.post("/signup", {"csrf": token, "username": "ada", "email": "a@b.example", "password": PASSWORD}).status == 403


def test_a_suspended_member_is_out_at_once(site: Town, cursor: Cursor) -> None:
    ada = site.resident("ada")
    make.suspend(cursor, site.viewer("ada"))
    assert ada.get("/home").status == 303


def test_a_form_that_is_refused_before_it_has_come_is_told_what_to_do(site: Town) -> None:
    line = Line(site.server)
    (reply,) = replies(line.send(b"POST /posts HTTP/1.1\r\nHost: site.test\r\nContent-Length: 300000000\r\n\r\n"))
    assert reply.status == 413
    assert "larger than the limit" in words(reply)
    assert "Go back" in words(reply)
    assert "/static/" in reply.text


def test_who_may_not_see_a_page_is_told_so_and_nothing_of_forms(site: Town) -> None:
    refused = site.resident("ada").get("/admin/outbox")
    assert refused.status == 403
    assert "You are not allowed to do this." in words(refused)
    assert "form" not in words(refused)
