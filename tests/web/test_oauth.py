"""OAuth 2 from end to end: the page that asks, the code, the token, and everything that must not work."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote, urlencode

import pytest
from attrs import evolve

from microblog.application.services import now
from microblog.domain.scopes import ALL
from microblog.model.oauth import OUT_OF_BAND
from microblog.storage.database import fetch_value
from microblog.web.http.headers import CONSENT_POLICY, PAGE_POLICY
from tests import make
from tests.fakes import done
from tests.web.api.client import Client, anonymous, another, hold_to_its_promise
from tests.web.memory import FORM, Reply, ask
from tests.web.oauth import CALLBACK, CHALLENGE, VERIFIER, TestApp, returned
from tests.web.visitor import PASSWORD, Town, Visitor, document, links, words


@pytest.fixture
def app(site: Town) -> TestApp:
    return TestApp.register(site)


@pytest.fixture
def ada(site: Town) -> Visitor:
    return site.resident("ada")


def error(reply: Reply) -> tuple[int, str]:
    hold = reply.json
    assert set(hold) == {"error", "error_description"}
    assert reply.header("Cache-Control") == "private, no-store"
    return reply.status, hold["error"]


def next_of(page: Reply) -> str:
    """Where the form on a page leads to."""
    [target] = document(page).xpath("//main//form/input[@name='next']/@value")
    return str(target)


def works(site: Town, token: str) -> int:
    return Client(site, token).get("/v1/apps/verify_credentials").status


# --- the usual way


def test_somebody_lets_an_app_in_and_it_acts_for_them(site: Town, app: TestApp, ada: Visitor) -> None:
    page = ada.get(app.asking(state="x y&z"))
    assert page.status == 200
    assert "Tapper" in words(page)
    assert "You will be redirected to client.example." in words(page)
    assert "Change all of your account's data" in words(page)
    assert "@ada" in words(page)
    back = app.decide(ada, state="x y&z")
    assert back.status == 302
    assert (back.header("Location") or "").startswith(f"{CALLBACK}?code=")
    assert returned(back)["state"] == "x y&z"
    reply = app.exchange(returned(back)["code"])
    hold_to_its_promise(site, "POST", "/oauth/token", reply)
    assert reply.status == 200
    assert set(reply.json) == {"access_token", "token_type", "scope", "created_at"}
    assert (reply.json["token_type"], reply.json["scope"], type(reply.json["created_at"])) == ("Bearer", "read write", int)
    assert reply.header("Cache-Control") == "private, no-store"
    assert reply.header("Access-Control-Allow-Origin") == "*"
    assert Client(site, reply.json["access_token"]).get("/v1/accounts/verify_credentials").json["acct"] == "ada"


def test_whoever_is_not_logged_in_logs_in_first_and_comes_back(site: Town, app: TestApp, ada: Visitor) -> None:
    asking, stranger = app.asking(state="s" * 2_000), site.visitor()
    sent = stranger.get(asking)
    assert (sent.status, sent.header("Location")) == (302, "/auth/sign_in")
    page = stranger.get("/auth/sign_in")
    assert page.header("Content-Security-Policy") == CONSENT_POLICY.decode()
    entered = stranger.submit("/login", page="/auth/sign_in", name="ada", password=PASSWORD, next=next_of(page))
    assert entered.header("Location") == asking
    assert "return" not in stranger.cookies
    assert "Tapper" in words(stranger.get(asking))


def test_an_address_that_is_too_long_for_a_cookie_is_not_lost(site: Town, app: TestApp) -> None:
    asking, stranger = app.asking(state="s" * 4_000), site.visitor()
    sent = stranger.get(asking)
    assert (sent.status, (sent.header("Location") or "").split("?")[0]) == (302, "/auth/sign_in")
    assert next_of(stranger.get(sent.header("Location") or "")) == asking


def test_whoever_signs_up_on_the_way_comes_back_too(site: Town, app: TestApp) -> None:
    stranger = site.visitor()
    stranger.get(app.asking())
    [signup] = (link for link in links(stranger.get("/auth/sign_in")) if link.startswith("/signup?next="))
    page = stranger.get(signup)
    assert (page.status, next_of(page)) == (200, app.asking())
    assert page.header("Content-Security-Policy") == CONSENT_POLICY.decode()
    form = {"username": "new", "email": "new@example.org", "next": next_of(page)}
    again = stranger.submit("/signup", page=signup, password="short", **form)
    assert (again.status, next_of(again)) == (422, app.asking())
    assert stranger.submit("/signup", page=signup, password=PASSWORD, **form).header("Location") == app.asking()
    assert "Tapper" in words(stranger.get(app.asking()))


@pytest.mark.parametrize("target", ["//evil.test", "/\\evil.test", "/%2f%2fevil.test", "https://evil.test"])
def test_neither_form_leads_to_another_site(site: Town, target: str) -> None:
    stranger = site.visitor()
    stranger.cookies["return"] = quote(target, safe="")
    assert next_of(stranger.get("/auth/sign_in")) == "/home"
    form = {"username": "new", "email": "new@example.org", "password": PASSWORD, "next": target}
    assert stranger.submit("/signup", **form).header("Location") == "/home"


def test_other_login_pages_keep_their_forms_at_home(site: Town) -> None:
    for path in ("/login?next=/local", "/auth/sign_in?next=/local", "/signup?next=/local"):
        assert site.visitor().get(path).header("Content-Security-Policy") == PAGE_POLICY.decode()


def test_no_page_on_the_way_of_a_sign_in_parts_from_the_window_that_opened_it(site: Town, app: TestApp, ada: Visitor) -> None:
    stranger, long = site.visitor(), app.asking(state="s" * 4_000)
    pages = ("/auth/sign_in", "/login", "/signup", "/password/forgot", "/password/reset/none", "/confirm/none", long, app.asking())
    replies = [stranger.get(page) for page in (*pages, "/oauth/authorize", app.asking(client_id="none"), "/oauth/authorize/native")]
    replies.append(stranger.submit("/login", name="ada", password="not the password"))
    replies.append(stranger.post("/login", {"name": "ada", "password": PASSWORD}))
    replies.append(stranger.submit("/signup", username="no name"))
    replies.append(stranger.submit("/password/forgot", name="ada"))
    replies.append(stranger.submit("/login", name="ada", password=PASSWORD, next=app.asking()))
    replies += [stranger.get(app.asking(**more)) for more in ({}, {"response_type": "none"}, {"client_id": "none"}, {"scope": "none"})]
    replies += [app.decide(ada, decision) for decision in ("nonsense", "deny", "allow")]
    replies.append(app.decide(ada, response_mode="form_post", force_login="true"))
    shown = app.decide(ada, redirect_uri=OUT_OF_BAND)
    replies += [shown, ada.get(shown.header("Location") or ""), ada.get("/oauth/authorize/native?code=none")]
    replies.append(app.decide(ada, "switch", force_login="true"))
    site.cursor.execute("update users set approved_at = null")
    replies += [stranger.get(app.asking()), stranger.get("/pending"), stranger.submit("/confirm/resend", page="/pending")]
    assert len([reply for reply in replies if (reply.header("Content-Type") or "").startswith("text/html")]) > 15
    assert {reply.header("Cross-Origin-Opener-Policy") for reply in replies} == {None}


def test_pages_that_no_sign_in_needs_part_from_it(site: Town, ada: Visitor) -> None:
    for page in ("/home", "/local", "/settings", "/conversations", "/nothing"):
        assert ada.get(page).header("Cross-Origin-Opener-Policy") == "same-origin", page


def test_the_page_has_the_buttons_that_scripts_look_for(app: TestApp, ada: Visitor, site: Town) -> None:
    page = document(ada.get(app.asking()))
    assert page.xpath("//button[@type='submit'][not(contains(@class, 'negative'))]/@value") == ["allow"]
    assert page.xpath("//button[@type='submit'][contains(@class, 'negative')]/@value") == ["deny", "switch"]
    login = document(site.visitor().get("/login"))
    assert login.xpath("//input[@id='user_email']/@name") == ["name"]
    assert login.xpath("//input[@id='user_password']/@name") == ["password"]
    assert len(login.xpath("//button[@type='submit']")) == 1


def test_who_says_no_is_sent_back_with_that(app: TestApp, ada: Visitor) -> None:
    back = returned(app.decide(ada, "deny", state="42"))
    assert back == {
        "error": "access_denied",
        "error_description": "The resource owner or authorization server denied the request.",
        "state": "42",
    }
    assert "code" not in returned(app.decide(ada, "nonsense"))


def test_an_app_without_an_address_gets_its_code_typed_in(site: Town, app: TestApp, ada: Visitor) -> None:
    shown = app.decide(ada, redirect_uri=OUT_OF_BAND)
    location = shown.header("Location") or ""
    assert (shown.status, location.startswith("/oauth/authorize/native?code=")) == (302, True)
    [code] = document(ada.get(location)).xpath("//input[@id='code']/@value")
    assert app.exchange(str(code), redirect_uri=OUT_OF_BAND).status == 200
    assert ada.get(location).status == 404
    refusal = app.decide(ada, "deny", redirect_uri=OUT_OF_BAND)
    assert refusal.status == 403


def test_a_code_is_shown_to_nobody_but_its_owner(site: Town, app: TestApp, ada: Visitor) -> None:
    location = app.decide(ada, redirect_uri=OUT_OF_BAND).header("Location") or ""
    assert site.resident("eve").get(location).status == 404
    assert ada.get("/oauth/authorize/native?code=" + "x" * 43).status == 404
    assert ada.get("/oauth/authorize/native").status == 404


@pytest.mark.parametrize(
    ("address", "begins"),
    [
        ("icecubesapp://", "icecubesapp://?code="),
        ("com.tapbots.Ivory.10217:/request_token", "com.tapbots.Ivory.10217:/request_token?code="),
        ("https://client.example/cb?a=1", "https://client.example/cb?a=1&code="),
        ("https://client.example/cb?", "https://client.example/cb?code="),
    ],
)
def test_the_address_of_the_app_is_kept_letter_by_letter(site: Town, ada: Visitor, address: str, begins: str) -> None:
    app = TestApp.register(site, address)
    assert (app.decide(ada).header("Location") or "").startswith(begins)


def test_the_answer_comes_as_fragment_or_form_if_that_is_asked_for(app: TestApp, ada: Visitor) -> None:
    assert (app.decide(ada, response_mode="fragment").header("Location") or "").startswith(f"{CALLBACK}#code=")
    page = app.decide(ada, response_mode="form_post", state="7")
    [form] = document(page).xpath(f"//form[@action='{CALLBACK}']")
    assert {one.get("name") for one in form.xpath(".//input")} == {"code", "state"}
    assert page.header("Content-Security-Policy") == CONSENT_POLICY.decode()


def test_consent_is_asked_once_for_the_same_and_again_for_more(app: TestApp, ada: Visitor) -> None:
    app.exchange(app.code(ada, scope="read"))
    assert ada.get(app.asking(scope="read")).status == 302
    assert ada.get(app.asking(scope="read:statuses")).status == 302
    assert ada.get(app.asking(scope="read write")).status == 200
    assert ada.get(app.asking(scope="read", force_login="true")).status == 200
    assert ada.get(app.asking(scope="read", prompt="consent")).status == 200
    assert ada.get(app.asking(scope="read", force_login="false")).status == 302


def test_an_app_may_ask_that_nobody_is_asked(site: Town, app: TestApp, ada: Visitor) -> None:
    assert returned(ada.get(app.asking(prompt="none")))["error"] == "consent_required"
    assert returned(site.visitor().get(app.asking(prompt="none")))["error"] == "login_required"
    app.exchange(app.code(ada))
    assert "code" in returned(ada.get(app.asking(prompt="none")))


def test_another_account_can_be_used_instead(site: Town, app: TestApp, ada: Visitor) -> None:
    away = app.decide(ada, "switch", state="7")
    assert (away.status, away.header("Location")) == (302, "/auth/sign_in")
    assert ada.get("/home").status == 303
    assert next_of(ada.get("/auth/sign_in")).startswith("/oauth/authorize?")


def test_who_waits_for_approval_lets_nobody_in(site: Town, app: TestApp, ada: Visitor) -> None:
    site.cursor.execute("update users set approved_at = null")
    assert ada.get(app.asking()).header("Location") == "/pending"
    assert app.decide(ada).header("Location") == "/pending"


# --- what an app may not


@pytest.mark.parametrize(
    "address",
    [
        "https://client.example/callback/",
        "https://client.example/callback?x=1",
        "https://client.example/CALLBACK",
        "https://client.example:443/callback",
        "https://client.example/callback#x",
        "https://client.example/callback/../evil",
        "https://client.example@evil.example/callback",
        "https://client.example.evil.example/callback",
        "https://evil.example/",
        "//evil.example/callback",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://client.example/callback\r\nSet-Cookie: a=b",
        "",
        "x" * 5_000,
    ],
)
def test_nobody_is_sent_anywhere_but_to_a_registered_address(app: TestApp, ada: Visitor, address: str) -> None:
    for reply in (
        ada.get(app.asking(redirect_uri=address)),
        ada.submit("/oauth/authorize", page="/home", decision="allow", client_id=app.client_id, response_type="code", redirect_uri=address),
        ada.submit("/oauth/authorize", page="/home", decision="deny", client_id=app.client_id, response_type="code", redirect_uri=address),
    ):
        assert (reply.status, reply.header("Location")) == (400, None)


@pytest.mark.parametrize(
    ("registered", "requested"),
    [
        ("http://127.0.0.1/cb", "http://127.0.0.1:5555/cb"),
        ("http://127.0.0.1:8080/cb", "http://127.0.0.1:61000/cb"),
        ("http://127.0.0.1:8080/cb", "http://127.0.0.1/cb"),
        ("http://[::1]:1/", "http://[::1]:65535/"),
        ("http://localhost", "http://localhost:5555"),
        ("http://localhost/cb?a=1", "http://localhost:5555/cb?a=1"),
    ],
)
def test_a_program_on_the_same_machine_listens_at_any_port(site: Town, ada: Visitor, registered: str, requested: str) -> None:
    app = TestApp.register(site, registered)
    app.redirect_uri = requested
    back = app.decide(ada)
    assert (back.header("Location") or "").startswith(requested + ("&" if "?" in requested else "?") + "code=")
    code = returned(back)["code"]
    assert error(app.exchange(code, redirect_uri=registered)) == (400, "invalid_grant")
    assert app.exchange(code).status == 200


@pytest.mark.parametrize(
    ("registered", "requested"),
    [
        ("http://127.0.0.1/cb", "http://127.0.0.1:5555/other"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:5555/cb?x=1"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:5555"),
        ("http://127.0.0.1/cb", "http://localhost:5555/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.2:5555/cb"),
        ("http://127.0.0.1/cb", "https://127.0.0.1:5555/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:0/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:65536/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:5555@evil.example/cb"),
        ("http://127.0.0.1/cb", "http://user@127.0.0.1:5555/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1.evil.example:5555/cb"),
        ("http://localhost/cb", "http://localhost.evil.example:5555/cb"),
        ("http://192.168.0.1/cb", "http://192.168.0.1:5555/cb"),
        ("https://client.example/cb", "https://client.example:5555/cb"),
    ],
)
def test_only_the_port_and_only_of_a_loopback_address_is_free(site: Town, ada: Visitor, registered: str, requested: str) -> None:
    reply = ada.get(TestApp.register(site, registered).asking(redirect_uri=requested))
    assert (reply.status, reply.header("Location")) == (400, None)


def test_an_app_or_an_address_that_is_named_twice_is_refused_without_a_redirect(site: Town, app: TestApp, ada: Visitor) -> None:
    for more in (
        f"redirect_uri={quote(OUT_OF_BAND)}",
        f"redirect_uri={quote(CALLBACK)}",
        "client_id=x",
        "redirect_uri[]=x",
        "client_id[a]=x",
    ):
        for target in (f"{app.asking()}&{more}", f"/oauth/authorize?{more}&{app.asking().partition('?')[2]}"):
            for visitor in (ada, site.visitor()):
                reply = visitor.get(target)
                assert (reply.status, reply.header("Location")) == (400, None), target
    form = {
        "csrf": ada.token("/home"),
        "decision": "allow",
        "client_id": app.client_id,
        "response_type": "code",
        "redirect_uri": OUT_OF_BAND,
    }
    assert ada.post(app.asking(), form).status == 400


@pytest.mark.parametrize("name", ["response_type", "scope", "state", "code_challenge", "code_challenge_method", "response_mode", "prompt"])
def test_whatever_else_an_app_says_twice_is_told_to_it(app: TestApp, ada: Visitor, name: str) -> None:
    reply = ada.get(f"{app.asking()}&{name}=code&{name}=7")
    assert (reply.status, (reply.header("Location") or "").partition("?")[0]) == (302, CALLBACK)
    assert returned(reply) == {"error": "invalid_request", "error_description": f"The parameter {name} was sent more than once."}
    form = {"csrf": ada.token("/home"), "decision": "allow"}
    assert "code" not in returned(ada.post(f"{app.asking()}&{name}=code&{name}=7", form))


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
@pytest.mark.parametrize("name", ["grant_type", "code", "redirect_uri", "client_id", "client_secret", "scope", "token", "code_verifier"])
def test_what_is_sent_twice_for_a_token_is_refused(site: Town, app: TestApp, ada: Visitor, path: str, name: str) -> None:
    code = app.code(ada)
    usual = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "client_id": app.client_id,
        "client_secret": app.client_secret,
    }
    twice = urlencode([*usual.items(), (name, "x"), *([] if name in usual else [(name, "y")])]).encode()
    assert error(ask(site.server, "POST", path, {"Content-Type": FORM}, twice)) == (400, "invalid_request")
    apart = urlencode(usual | {name: "y"}).encode()
    assert error(ask(site.server, "POST", f"{path}?{name}=x", {"Content-Type": FORM}, apart)) == (400, "invalid_request")
    assert app.exchange(code).status == 200


def test_the_same_in_query_and_body_is_not_twice(site: Town, app: TestApp, ada: Visitor) -> None:
    sent = {"grant_type": "authorization_code", "code": app.code(ada), "redirect_uri": CALLBACK}
    secrets = {"client_id": app.client_id, "client_secret": app.client_secret}
    body = urlencode(sent | secrets).encode()
    reply = ask(site.server, "POST", f"/oauth/token?grant_type=authorization_code&client_id={app.client_id}", {"Content-Type": FORM}, body)
    assert reply.status == 200


def test_an_unknown_app_is_an_error_page_and_no_redirect(site: Town, app: TestApp, ada: Visitor) -> None:
    for client in ("", "unknown", "x" * 500, "\u0663"):
        for visitor in (ada, site.visitor()):
            reply = visitor.get(app.asking(client_id=client))
            assert (reply.status, reply.header("Location")) == (400, None)
            assert "does not know the app" in words(reply)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": "none"}, "unsupported_response_type"),
        ({"response_type": ""}, "invalid_request"),
        ({"scope": "read nonsense"}, "invalid_scope"),
        ({"scope": "admin:read"}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge": CHALLENGE, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": CHALLENGE}, "invalid_request"),
        ({"code_challenge": CHALLENGE, "code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": "short", "code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge_method": "S256"}, "invalid_request"),
        ({"response_mode": "web_message"}, "invalid_request"),
    ],
)
def test_what_is_wrong_with_the_rest_is_told_to_the_app_once_somebody_is_logged_in(
    site: Town, app: TestApp, ada: Visitor, wrong: dict[str, str], code: str
) -> None:
    reply = ada.get(app.asking(state="7", **wrong))
    assert reply.status == 302
    told = returned(reply)
    assert (told["error"], told["state"]) == (code, "7")
    assert told["error_description"]
    assert site.visitor().get(app.asking(**wrong)).header("Location") == "/auth/sign_in"
    assert "code" not in returned(app.decide(ada, "allow", **wrong))


def test_parts_of_a_registered_scope_may_be_asked_for(site: Town, ada: Visitor) -> None:
    app = TestApp.register(site, scopes="read:statuses follow")
    assert app.exchange(app.code(ada, scope="read:statuses write:mutes")).json["scope"] == "read:statuses write:mutes"
    assert returned(ada.get(app.asking(scope="read")))["error"] == "invalid_scope"


# --- the code


def test_a_code_works_once_and_its_reuse_ends_the_token(site: Town, app: TestApp, ada: Visitor) -> None:
    code = app.code(ada)
    token = app.exchange(code).json["access_token"]
    assert works(site, token) == 200
    assert error(app.exchange(code)) == (400, "invalid_grant")
    reply = Client(site, token).get("/v1/accounts/verify_credentials")
    assert (reply.status, reply.json) == (401, {"error": "The access token was revoked"})
    assert "was revoked" in (reply.header("WWW-Authenticate") or "")
    assert fetch_value(site.cursor, "select count(*) from events where kind = 'token.revoked'") == 1


def test_a_code_is_worth_nothing_to_another_app_and_that_does_not_spend_it(site: Town, app: TestApp, ada: Visitor) -> None:
    code, thief = app.code(ada), TestApp.register(site)
    assert error(thief.exchange(code)) == (400, "invalid_grant")
    assert app.exchange(code).status == 200


def test_a_code_lasts_ten_minutes(site: Town, app: TestApp, ada: Visitor) -> None:
    code = app.code(ada)
    later = evolve(site.domain.oauth, now=lambda: now() + timedelta(minutes=10))
    sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    with pytest.raises(Exception, match="authorization grant is invalid"):
        done(later.token({**sent, "client_id": app.client_id, "client_secret": app.client_secret}))


@pytest.mark.parametrize(
    ("wrong", "outcome"),
    [
        ({"code": "x" * 43}, (400, "invalid_grant")),
        ({"code": "ü"}, (400, "invalid_grant")),
        ({"code": None}, (400, "invalid_request")),
        ({"redirect_uri": OUT_OF_BAND}, (400, "invalid_grant")),
        ({"redirect_uri": CALLBACK + "/"}, (400, "invalid_grant")),
        ({"redirect_uri": None}, (400, "invalid_request")),
        ({"client_secret": "wrong"}, (401, "invalid_client")),
        ({"client_secret": None}, (401, "invalid_client")),
        ({"client_id": "unknown"}, (401, "invalid_client")),
        ({"client_id": None}, (401, "invalid_client")),
        ({"client_id": "ü\u202e"}, (401, "invalid_client")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
        ({"grant_type": "refresh_token"}, (400, "unsupported_grant_type")),
        ({"grant_type": "openid"}, (400, "unsupported_grant_type")),
        ({"grant_type": None}, (400, "invalid_request")),
        ({"code_verifier": VERIFIER}, (400, "invalid_grant")),
    ],
)
def test_nothing_but_the_right_exchange_gives_a_token(
    site: Town, app: TestApp, ada: Visitor, wrong: dict[str, str | None], outcome: tuple[int, str]
) -> None:
    assert error(app.exchange(app.code(ada), **wrong)) == outcome
    assert fetch_value(site.cursor, "select count(*) from tokens") == 0


def test_the_words_of_errors_are_those_that_clients_know(app: TestApp, ada: Visitor) -> None:
    assert app.exchange("x" * 43).json["error_description"].startswith("The provided authorization grant is invalid, expired, revoked,")
    assert app.exchange(None).json["error_description"] == "Missing required parameter: code."
    refused = app.exchange("x" * 43, client_secret="wrong")
    assert refused.json["error_description"].startswith("Client authentication failed due to unknown client,")
    assert (refused.header("WWW-Authenticate") or "").startswith('Bearer realm="Doorkeeper", error="invalid_client"')


# --- PKCE


def test_the_verifier_has_to_fit_the_challenge(app: TestApp, ada: Visitor) -> None:
    code = app.code(ada, code_challenge=CHALLENGE, code_challenge_method="S256")
    assert error(app.exchange(code)) == (400, "invalid_request")
    assert app.exchange(code).json["error_description"] == "Missing required parameter: code_verifier."
    assert error(app.exchange(code, code_verifier="w" * 43)) == (400, "invalid_grant")
    assert error(app.exchange(code, code_verifier=CHALLENGE)) == (400, "invalid_grant")
    assert app.exchange(code, code_verifier=VERIFIER).status == 200


# --- other ways to send the same


def test_apps_may_send_their_secret_by_http_basic(app: TestApp, ada: Visitor) -> None:
    assert app.exchange(app.code(ada), authorization=app.basic, client_id=None, client_secret=None).status == 200
    wrong = "Basic " + b64encode(f"{app.client_id}:wrong".encode()).decode()
    refused = app.exchange(app.code(ada), authorization=wrong, client_id=None, client_secret=None)
    assert error(refused) == (401, "invalid_client")
    assert (refused.header("WWW-Authenticate") or "").startswith("Basic ")


@pytest.mark.parametrize(
    "header", ["Basic !!!", "Basic", "Basic " + b64encode(b"\xff\x00:x").decode(), "Basic " + b64encode(b"a\x00:x").decode()]
)
def test_a_broken_header_is_a_wrong_secret(app: TestApp, header: str) -> None:
    assert error(app.exchange("x" * 43, authorization=header)) == (401, "invalid_client")


def test_json_and_query_do_as_well_as_forms(site: Town, app: TestApp) -> None:
    sent = {"grant_type": "client_credentials", "client_id": app.client_id, "client_secret": app.client_secret}
    assert anonymous(site).ask("POST", "/oauth/token", json=sent).status == 200
    assert anonymous(site).ask("POST", "/oauth/token", sent).status == 200


# --- the app's own token


def test_an_app_gets_a_token_of_its_own(site: Town, app: TestApp) -> None:
    reply = app.exchange(None, grant_type="client_credentials", redirect_uri=None)
    assert (reply.status, reply.json["scope"]) == (200, "read")
    token = reply.json["access_token"]
    assert works(site, token) == 200
    assert Client(site, token).get("/v1/accounts/verify_credentials").status == 422
    wide = app.exchange(None, grant_type="client_credentials", redirect_uri=None, scope="read write")
    assert wide.json["scope"] == "read write"
    wrong = app.exchange(None, grant_type="client_credentials", scope="admin:read")
    assert error(wrong) == (400, "invalid_scope")
    assert error(app.exchange(None, grant_type="client_credentials", client_secret="x")) == (401, "invalid_client")


# --- the end of a token


def test_an_app_ends_its_token_and_no_others(site: Town, app: TestApp, ada: Visitor) -> None:
    token, other = app.exchange(app.code(ada)).json["access_token"], TestApp.register(site)
    own = {"client_id": app.client_id, "client_secret": app.client_secret}
    foreign = other.post("/oauth/revoke", token=token, client_id=other.client_id, client_secret=other.client_secret)
    assert error(foreign) == (403, "unauthorized_client")
    assert foreign.json["error_description"] == "You are not authorized to revoke this token"
    assert error(app.post("/oauth/revoke", token=token, client_id=app.client_id, client_secret="x")) == (403, "unauthorized_client")
    assert error(app.post("/oauth/revoke", token=token)) == (403, "unauthorized_client")
    assert works(site, token) == 200
    ended = app.post("/oauth/revoke", token=token, **own)
    assert (ended.status, ended.json) == (200, {})
    assert works(site, token) == 401
    assert app.post("/oauth/revoke", token=token, **own).status == 200
    assert app.post("/oauth/revoke", token="nonsense", **own).status == 200
    assert fetch_value(site.cursor, "select count(*) from events where kind = 'token.revoked'") == 1


def test_a_client_that_sends_its_dead_token_along_is_still_answered(site: Town, app: TestApp) -> None:
    assert app.post("/oauth/revoke", authorization="Bearer dead", token="dead", client_id="x", client_secret="x").status == 200


@pytest.mark.parametrize(
    "end",
    [
        lambda ada: ada.submit("/settings/password", page="/settings/account", current=PASSWORD, password="another password"),
        lambda ada: ada.submit("/settings/delete", password=PASSWORD),
    ],
)
def test_a_new_password_and_the_end_of_the_account_end_tokens_and_codes(
    site: Town, app: TestApp, ada: Visitor, end: Callable[[Visitor], Reply]
) -> None:
    token, code = app.exchange(app.code(ada)).json["access_token"], app.code(ada)
    assert end(ada).status == 303
    assert works(site, token) == 401
    assert error(app.exchange(code)) == (400, "invalid_grant")


def test_the_suspended_are_told_so_and_their_codes_give_nothing(site: Town, app: TestApp, ada: Visitor) -> None:
    token, code = app.exchange(app.code(ada)).json["access_token"], app.code(ada)
    make.suspend(site.cursor, make.named(site.cursor, "ada"))
    reply = Client(site, token).get("/v1/accounts/verify_credentials")
    assert (reply.status, reply.json) == (403, {"error": "Your login is currently disabled"})
    assert error(app.exchange(code)) == (400, "invalid_grant")


def test_apps_are_signed_out_in_the_settings(site: Town, app: TestApp, ada: Visitor) -> None:
    assert "No apps" in words(ada.get("/settings/apps"))
    token = app.exchange(app.code(ada)).json["access_token"]
    page = ada.get("/settings/apps")
    assert "Tapper" in words(page)
    [revoke] = document(page).xpath("//button[contains(@formaction, '/settings/apps/')]/@formaction")
    assert site.resident("eve").submit(str(revoke), page="/settings").status == 404
    assert works(site, token) == 200
    assert ada.submit(str(revoke), page="/settings/apps").header("Location") == "/settings/apps?notice=revoked"
    assert works(site, token) == 401


# --- other promises


def test_a_page_of_another_site_cannot_press_the_button(site: Town, app: TestApp, ada: Visitor) -> None:
    form = {"decision": "allow", "client_id": app.client_id, "response_type": "code", "redirect_uri": CALLBACK}
    assert ada.post("/oauth/authorize", form).status == 403
    assert ada.post("/oauth/authorize", form | {"csrf": site.resident("eve").token("/home")}).status == 403
    token = ada.token("/home")
    assert ada.post("/oauth/authorize", form | {"csrf": token}, Sec_Fetch_Site="cross-site").status == 403
    assert fetch_value(site.cursor, "select count(*) from oauth_codes") == 0


def test_no_other_page_frames_the_question(app: TestApp, ada: Visitor) -> None:
    reply = ada.get(app.asking())
    policy = reply.header("Content-Security-Policy") or ""
    assert "frame-ancestors 'none'" in policy
    assert "form-action" not in policy  # browsers ask it of redirects too, and apps have schemes of their own
    assert reply.header("X-Frame-Options") == "DENY"
    assert reply.header("Cache-Control") == "private, no-store"
    assert reply.header("Referrer-Policy") == "same-origin"


def test_what_an_app_calls_itself_is_never_markup(site: Town, ada: Visitor) -> None:
    told = anonymous(site).post("/v1/apps", client_name="<b>x</b>\"'", redirect_uris="x://", website="https://e.org/\"onload='x").json
    page = ada.get(TestApp(site, told["client_id"], told["client_secret"], "x://").asking(scope="read"))
    assert "<b>x</b>" not in page.text
    assert document(page).xpath("//main//*[@onload]") == []
    assert "You will be redirected to the app." in words(page)


def test_user_info_tells_who_somebody_is_with_the_scope_profile_alone(site: Town) -> None:
    ada = make.viewer(site.cursor, "ada")
    for method in ("GET", "POST"):
        told = another(site, ada, "profile").ask(method, "/oauth/userinfo")
        assert told.status == 200
        assert told.json["sub"] == "http://site.test/users/ada"
        assert (told.json["iss"], told.json["preferred_username"]) == ("http://site.test/", "ada")
        assert another(site, ada, "read write").ask(method, "/oauth/userinfo").status == 403


def test_the_site_says_how_apps_sign_people_in(site: Town) -> None:
    reply = anonymous(site).get("/.well-known/oauth-authorization-server")
    told = reply.json
    assert told["issuer"] == "http://site.test/"
    assert told["scopes_supported"] == list(ALL)
    assert told["grant_types_supported"] == ["authorization_code", "client_credentials"]
    assert told["code_challenge_methods_supported"] == ["S256"]
    for name in ("authorization", "token", "revocation", "userinfo", "app_registration"):
        path = told[f"{name}_endpoint"].removeprefix("http://site.test")
        assert any(route.path == path for route in site.routes)
    assert reply.header("Access-Control-Allow-Origin") == "*"


def test_scripts_of_other_sites_may_ask_for_tokens(site: Town) -> None:
    wish = {"Origin": "https://client.test", "Access-Control-Request-Headers": "authorization"}
    for path in ("/oauth/token", "/oauth/revoke", "/oauth/userinfo", "/api/v1/apps", "/.well-known/oauth-authorization-server"):
        reply = ask(site.server, "OPTIONS", path, wish)
        assert (reply.status, reply.header("Access-Control-Allow-Origin")) == (200, "*"), path
    assert ask(site.server, "OPTIONS", "/oauth/authorize", wish).header("Access-Control-Allow-Origin") is None
