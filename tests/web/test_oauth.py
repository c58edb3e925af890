"""OAuth 2 from end to end: consent page, code, token, and attacks."""

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
from tests.fakes import result_of
from tests.web.api.client import Client, anonymous_client, check_against_documentation, new_client_for
from tests.web.http_client import FORM, HttpResponse, request
from tests.web.oauth import CALLBACK, CHALLENGE, VERIFIER, TestApp, redirect_params
from tests.web.visitor import PASSWORD, SiteFixture, Visitor, document, links, main_text


@pytest.fixture
def app(site: SiteFixture) -> TestApp:
    return TestApp.register(site)


@pytest.fixture
def ada(site: SiteFixture) -> Visitor:
    return site.registered_user("ada")


def error(response: HttpResponse) -> tuple[int, str]:
    data = response.json
    assert set(data) == {"error", "error_description"}
    assert response.header("Cache-Control") == "private, no-store"
    return response.status, data["error"]


def next_of(page: HttpResponse) -> str:
    """Return the redirect target in a page's form."""
    [target] = document(page).xpath("//main//form/input[@name='next']/@value")
    return str(target)


def token_status(site: SiteFixture, token: str) -> int:
    return Client(site, token).get("/v1/apps/verify_credentials").status


# --- authorization code flow


def test_a_user_authorizes_an_app_which_then_acts_for_them(site: SiteFixture, app: TestApp, ada: Visitor) -> None:
    page = ada.get(app.authorize_url(state="x y&z"))
    assert page.status == 200
    assert "Tapper" in main_text(page)
    assert "You will be redirected to client.example." in main_text(page)
    assert "Anyone can register an app under any name." in main_text(page)
    assert "Its access lasts until you revoke it" in main_text(page)
    assert "Change all of your account's data" in main_text(page)
    assert "@ada" in main_text(page)
    back = app.decide(ada, state="x y&z")
    assert back.status == 302
    assert (back.header("Location") or "").startswith(f"{CALLBACK}?code=")
    assert redirect_params(back)["state"] == "x y&z"
    response = app.exchange(redirect_params(back)["code"])
    check_against_documentation(site, "POST", "/oauth/token", response)
    assert response.status == 200
    assert set(response.json) == {"access_token", "token_type", "scope", "created_at"}
    assert (response.json["token_type"], response.json["scope"], type(response.json["created_at"])) == ("Bearer", "read write", int)
    assert response.header("Cache-Control") == "private, no-store"
    assert response.header("Access-Control-Allow-Origin") == "*"
    assert Client(site, response.json["access_token"]).get("/v1/accounts/verify_credentials").json["acct"] == "ada"


def test_a_logged_out_user_logs_in_and_returns_to_the_authorization(site: SiteFixture, app: TestApp, ada: Visitor) -> None:
    asking, stranger = app.authorize_url(state="s" * 2_000), site.visitor()
    sent = stranger.get(asking)
    assert (sent.status, sent.header("Location")) == (302, "/auth/sign_in")
    page = stranger.get("/auth/sign_in")
    assert page.header("Content-Security-Policy") == CONSENT_POLICY.decode()
    entered = stranger.submit("/login", page="/auth/sign_in", name="ada", password=PASSWORD, next=next_of(page))
    assert entered.header("Location") == asking
    assert "return" not in stranger.cookies
    assert "Tapper" in main_text(stranger.get(asking))


def test_an_authorization_url_too_long_for_a_cookie_is_not_lost(site: SiteFixture, app: TestApp) -> None:
    asking, stranger = app.authorize_url(state="s" * 4_000), site.visitor()
    sent = stranger.get(asking)
    assert (sent.status, (sent.header("Location") or "").split("?")[0]) == (302, "/auth/sign_in")
    assert next_of(stranger.get(sent.header("Location") or "")) == asking


def test_a_new_user_returns_to_the_authorization_after_signing_up(site: SiteFixture, app: TestApp) -> None:
    stranger = site.visitor()
    stranger.get(app.authorize_url())
    [signup] = (link for link in links(stranger.get("/auth/sign_in")) if link.startswith("/signup?next="))
    page = stranger.get(signup)
    assert (page.status, next_of(page)) == (200, app.authorize_url())
    assert page.header("Content-Security-Policy") == CONSENT_POLICY.decode()
    form = {"username": "new", "email": "new@example.org", "next": next_of(page)}
    again = stranger.submit("/signup", page=signup, password="short", **form)
    assert (again.status, next_of(again)) == (422, app.authorize_url())
    assert stranger.submit("/signup", page=signup, password=PASSWORD, **form).header("Location") == app.authorize_url()
    assert "Tapper" in main_text(stranger.get(app.authorize_url()))


@pytest.mark.parametrize("target", ["//evil.test", "/\\evil.test", "/%2f%2fevil.test", "https://evil.test"])
def test_log_in_and_sign_up_redirect_only_to_this_site(site: SiteFixture, target: str) -> None:
    stranger = site.visitor()
    stranger.cookies["return"] = quote(target, safe="")
    assert next_of(stranger.get("/auth/sign_in")) == "/home"
    form = {"username": "new", "email": "new@example.org", "password": PASSWORD, "next": target}
    assert stranger.submit("/signup", **form).header("Location") == "/home"


def test_other_login_pages_submit_only_to_this_site(site: SiteFixture) -> None:
    for path in ("/login?next=/local", "/auth/sign_in?next=/local", "/signup?next=/local"):
        assert site.visitor().get(path).header("Content-Security-Policy") == PAGE_POLICY.decode()


def test_no_page_of_a_sign_in_is_cut_off_from_its_opener_window(site: SiteFixture, app: TestApp, ada: Visitor) -> None:
    stranger, long = site.visitor(), app.authorize_url(state="s" * 4_000)
    pages = ("/auth/sign_in", "/login", "/signup", "/password/forgot", "/password/reset/none", "/confirm/none", long, app.authorize_url())
    responses = [
        stranger.get(page) for page in (*pages, "/oauth/authorize", app.authorize_url(client_id="none"), "/oauth/authorize/native")
    ]
    responses.append(stranger.submit("/login", name="ada", password="not the password"))
    responses.append(stranger.post("/login", {"name": "ada", "password": PASSWORD}))
    responses.append(stranger.submit("/signup", username="no name"))
    responses.append(stranger.submit("/password/forgot", name="ada"))
    responses.append(stranger.submit("/login", name="ada", password=PASSWORD, next=app.authorize_url()))
    responses += [
        stranger.get(app.authorize_url(**more)) for more in ({}, {"response_type": "none"}, {"client_id": "none"}, {"scope": "none"})
    ]
    responses += [app.decide(ada, decision) for decision in ("nonsense", "deny", "allow")]
    responses.append(app.decide(ada, response_mode="form_post", force_login="true"))
    shown = app.decide(ada, redirect_uri=OUT_OF_BAND)
    responses += [shown, ada.get(shown.header("Location") or ""), ada.get("/oauth/authorize/native?code=none")]
    responses.append(app.decide(ada, "switch", force_login="true"))
    site.cursor.execute("update users set approved_at = null")
    responses += [stranger.get(app.authorize_url()), stranger.get("/pending"), stranger.submit("/confirm/resend", page="/pending")]
    assert len([response for response in responses if (response.header("Content-Type") or "").startswith("text/html")]) > 15
    assert {response.header("Cross-Origin-Opener-Policy") for response in responses} == {None}


def test_other_pages_have_a_same_origin_opener_policy(site: SiteFixture, ada: Visitor) -> None:
    for page in ("/home", "/local", "/settings", "/conversations", "/nothing"):
        assert ada.get(page).header("Cross-Origin-Opener-Policy") == "same-origin", page


def test_the_pages_have_the_elements_that_client_test_suites_look_for(app: TestApp, ada: Visitor, site: SiteFixture) -> None:
    page = document(ada.get(app.authorize_url()))
    assert page.xpath("//button[@type='submit'][not(contains(@class, 'negative'))]/@value") == ["allow"]
    assert page.xpath("//button[@type='submit'][contains(@class, 'negative')]/@value") == ["deny", "switch"]
    login = document(site.visitor().get("/login"))
    assert login.xpath("//input[@id='user_email']/@name") == ["name"]
    assert login.xpath("//input[@id='user_password']/@name") == ["password"]
    assert len(login.xpath("//button[@type='submit']")) == 1


def test_denying_redirects_with_access_denied(app: TestApp, ada: Visitor) -> None:
    back = redirect_params(app.decide(ada, "deny", state="42"))
    assert back == {
        "error": "access_denied",
        "error_description": "The resource owner or authorization server denied the request.",
        "state": "42",
    }
    assert "code" not in redirect_params(app.decide(ada, "nonsense"))


def test_an_out_of_band_code_is_shown_for_copying(site: SiteFixture, app: TestApp, ada: Visitor) -> None:
    shown = app.decide(ada, redirect_uri=OUT_OF_BAND)
    location = shown.header("Location") or ""
    assert (shown.status, location.startswith("/oauth/authorize/native?code=")) == (302, True)
    [code] = document(ada.get(location)).xpath("//input[@id='code']/@value")
    assert app.exchange(str(code), redirect_uri=OUT_OF_BAND).status == 200
    assert ada.get(location).status == 404
    refusal = app.decide(ada, "deny", redirect_uri=OUT_OF_BAND)
    assert refusal.status == 403


def test_a_code_is_shown_only_to_its_owner(site: SiteFixture, app: TestApp, ada: Visitor) -> None:
    location = app.decide(ada, redirect_uri=OUT_OF_BAND).header("Location") or ""
    assert site.registered_user("eve").get(location).status == 404
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
def test_the_redirect_uri_is_used_verbatim(site: SiteFixture, ada: Visitor, address: str, begins: str) -> None:
    app = TestApp.register(site, address)
    assert (app.decide(ada).header("Location") or "").startswith(begins)


def test_response_modes_fragment_and_form_post_are_supported(app: TestApp, ada: Visitor) -> None:
    assert (app.decide(ada, response_mode="fragment").header("Location") or "").startswith(f"{CALLBACK}#code=")
    page = app.decide(ada, response_mode="form_post", state="7")
    [form] = document(page).xpath(f"//form[@action='{CALLBACK}']")
    assert {one.get("name") for one in form.xpath(".//input")} == {"code", "state"}
    assert page.header("Content-Security-Policy") == CONSENT_POLICY.decode()


def test_consent_is_asked_once_and_again_for_more_scopes(app: TestApp, ada: Visitor) -> None:
    app.exchange(app.code(ada, scope="read"))
    assert ada.get(app.authorize_url(scope="read")).status == 302
    assert ada.get(app.authorize_url(scope="read:statuses")).status == 302
    assert ada.get(app.authorize_url(scope="read write")).status == 200
    assert ada.get(app.authorize_url(scope="read", force_login="true")).status == 200
    assert ada.get(app.authorize_url(scope="read", prompt="consent")).status == 200
    assert ada.get(app.authorize_url(scope="read", force_login="false")).status == 302


def test_prompt_none_asks_nothing(site: SiteFixture, app: TestApp, ada: Visitor) -> None:
    assert redirect_params(ada.get(app.authorize_url(prompt="none")))["error"] == "consent_required"
    assert redirect_params(site.visitor().get(app.authorize_url(prompt="none")))["error"] == "login_required"
    app.exchange(app.code(ada))
    assert "code" in redirect_params(ada.get(app.authorize_url(prompt="none")))


def test_another_account_can_be_used_instead(site: SiteFixture, app: TestApp, ada: Visitor) -> None:
    away = app.decide(ada, "switch", state="7")
    assert (away.status, away.header("Location")) == (302, "/auth/sign_in")
    assert ada.get("/home").status == 303
    assert next_of(ada.get("/auth/sign_in")).startswith("/oauth/authorize?")


def test_a_pending_user_cannot_authorize_apps(site: SiteFixture, app: TestApp, ada: Visitor) -> None:
    site.cursor.execute("update users set approved_at = null")
    assert ada.get(app.authorize_url()).header("Location") == "/pending"
    assert app.decide(ada).header("Location") == "/pending"


# --- redirect URIs and invalid requests


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
def test_users_are_redirected_only_to_registered_uris(app: TestApp, ada: Visitor, address: str) -> None:
    for response in (
        ada.get(app.authorize_url(redirect_uri=address)),
        ada.submit("/oauth/authorize", page="/home", decision="allow", client_id=app.client_id, response_type="code", redirect_uri=address),
        ada.submit("/oauth/authorize", page="/home", decision="deny", client_id=app.client_id, response_type="code", redirect_uri=address),
    ):
        assert (response.status, response.header("Location")) == (400, None)


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
def test_a_loopback_redirect_uri_may_use_any_port(site: SiteFixture, ada: Visitor, registered: str, requested: str) -> None:
    app = TestApp.register(site, registered)
    app.redirect_uri = requested
    back = app.decide(ada)
    assert (back.header("Location") or "").startswith(requested + ("&" if "?" in requested else "?") + "code=")
    code = redirect_params(back)["code"]
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
def test_only_the_port_of_a_loopback_redirect_uri_may_differ(site: SiteFixture, ada: Visitor, registered: str, requested: str) -> None:
    response = ada.get(TestApp.register(site, registered).authorize_url(redirect_uri=requested))
    assert (response.status, response.header("Location")) == (400, None)


def test_a_repeated_client_id_or_redirect_uri_is_rejected_without_a_redirect(site: SiteFixture, app: TestApp, ada: Visitor) -> None:
    for more in (
        f"redirect_uri={quote(OUT_OF_BAND)}",
        f"redirect_uri={quote(CALLBACK)}",
        "client_id=x",
        "redirect_uri[]=x",
        "client_id[a]=x",
    ):
        for target in (f"{app.authorize_url()}&{more}", f"/oauth/authorize?{more}&{app.authorize_url().partition('?')[2]}"):
            for visitor in (ada, site.visitor()):
                response = visitor.get(target)
                assert (response.status, response.header("Location")) == (400, None), target
    form = {
        "csrf": ada.token("/home"),
        "decision": "allow",
        "client_id": app.client_id,
        "response_type": "code",
        "redirect_uri": OUT_OF_BAND,
    }
    assert ada.post(app.authorize_url(), form).status == 400


@pytest.mark.parametrize("name", ["response_type", "scope", "state", "code_challenge", "code_challenge_method", "response_mode", "prompt"])
def test_other_repeated_parameters_are_reported_to_the_app(app: TestApp, ada: Visitor, name: str) -> None:
    response = ada.get(f"{app.authorize_url()}&{name}=code&{name}=7")
    assert (response.status, (response.header("Location") or "").partition("?")[0]) == (302, CALLBACK)
    assert redirect_params(response) == {"error": "invalid_request", "error_description": f"The parameter {name} was sent more than once."}
    form = {"csrf": ada.token("/home"), "decision": "allow"}
    assert "code" not in redirect_params(ada.post(f"{app.authorize_url()}&{name}=code&{name}=7", form))


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
@pytest.mark.parametrize("name", ["grant_type", "code", "redirect_uri", "client_id", "client_secret", "scope", "token", "code_verifier"])
def test_repeated_parameters_of_token_requests_are_rejected(site: SiteFixture, app: TestApp, ada: Visitor, path: str, name: str) -> None:
    code = app.code(ada)
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "client_id": app.client_id,
        "client_secret": app.client_secret,
    }
    twice = urlencode([*fields.items(), (name, "x"), *([] if name in fields else [(name, "y")])]).encode()
    assert error(request(site.server, "POST", path, {"Content-Type": FORM}, twice)) == (400, "invalid_request")
    apart = urlencode(fields | {name: "y"}).encode()
    assert error(request(site.server, "POST", f"{path}?{name}=x", {"Content-Type": FORM}, apart)) == (400, "invalid_request")
    assert app.exchange(code).status == 200


def test_the_same_value_in_query_and_body_is_not_a_repetition(site: SiteFixture, app: TestApp, ada: Visitor) -> None:
    sent = {"grant_type": "authorization_code", "code": app.code(ada), "redirect_uri": CALLBACK}
    secrets = {"client_id": app.client_id, "client_secret": app.client_secret}
    body = urlencode(sent | secrets).encode()
    response = request(
        site.server, "POST", f"/oauth/token?grant_type=authorization_code&client_id={app.client_id}", {"Content-Type": FORM}, body
    )
    assert response.status == 200


def test_an_unknown_app_is_an_error_page_and_no_redirect(site: SiteFixture, app: TestApp, ada: Visitor) -> None:
    for client in ("", "unknown", "x" * 500, "\u0663"):
        for visitor in (ada, site.visitor()):
            response = visitor.get(app.authorize_url(client_id=client))
            assert (response.status, response.header("Location")) == (400, None)
            assert "does not know the app" in main_text(response)


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
def test_other_errors_are_reported_to_the_app_after_login(
    site: SiteFixture, app: TestApp, ada: Visitor, wrong: dict[str, str], code: str
) -> None:
    response = ada.get(app.authorize_url(state="7", **wrong))
    assert response.status == 302
    result = redirect_params(response)
    assert (result["error"], result["state"]) == (code, "7")
    assert result["error_description"]
    assert site.visitor().get(app.authorize_url(**wrong)).header("Location") == "/auth/sign_in"
    assert "code" not in redirect_params(app.decide(ada, "allow", **wrong))


def test_parts_of_a_registered_scope_may_be_requested(site: SiteFixture, ada: Visitor) -> None:
    app = TestApp.register(site, scopes="read:statuses follow")
    assert app.exchange(app.code(ada, scope="read:statuses write:mutes")).json["scope"] == "read:statuses write:mutes"
    assert redirect_params(ada.get(app.authorize_url(scope="read")))["error"] == "invalid_scope"


# --- the code


def test_a_code_works_once_and_its_reuse_revokes_the_token(site: SiteFixture, app: TestApp, ada: Visitor) -> None:
    code = app.code(ada)
    token = app.exchange(code).json["access_token"]
    assert token_status(site, token) == 200
    assert error(app.exchange(code)) == (400, "invalid_grant")
    response = Client(site, token).get("/v1/accounts/verify_credentials")
    assert (response.status, response.json) == (401, {"error": "The access token was revoked"})
    assert "was revoked" in (response.header("WWW-Authenticate") or "")
    assert fetch_value(site.cursor, "select count(*) from events where kind = 'token.revoked'") == 1


def test_another_app_can_neither_use_nor_invalidate_a_code(site: SiteFixture, app: TestApp, ada: Visitor) -> None:
    code, thief = app.code(ada), TestApp.register(site)
    assert error(thief.exchange(code)) == (400, "invalid_grant")
    assert app.exchange(code).status == 200


def test_a_code_lasts_ten_minutes(site: SiteFixture, app: TestApp, ada: Visitor) -> None:
    code = app.code(ada)
    later = evolve(site.domain.oauth, now=lambda: now() + timedelta(minutes=10))
    sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    with pytest.raises(Exception, match="authorization grant is invalid"):
        result_of(later.token({**sent, "client_id": app.client_id, "client_secret": app.client_secret}))


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
def test_an_incorrect_exchange_gives_no_token(
    site: SiteFixture, app: TestApp, ada: Visitor, wrong: dict[str, str | None], outcome: tuple[int, str]
) -> None:
    assert error(app.exchange(app.code(ada), **wrong)) == outcome
    assert fetch_value(site.cursor, "select count(*) from tokens") == 0


def test_error_descriptions_are_those_of_doorkeeper(app: TestApp, ada: Visitor) -> None:
    assert app.exchange("x" * 43).json["error_description"].startswith("The provided authorization grant is invalid, expired, revoked,")
    assert app.exchange(None).json["error_description"] == "Missing required parameter: code."
    refused = app.exchange("x" * 43, client_secret="wrong")
    assert refused.json["error_description"].startswith("Client authentication failed due to unknown client,")
    assert (refused.header("WWW-Authenticate") or "").startswith('Bearer realm="Doorkeeper", error="invalid_client"')


# --- PKCE


def test_the_pkce_verifier_must_match_the_challenge(app: TestApp, ada: Visitor) -> None:
    code = app.code(ada, code_challenge=CHALLENGE, code_challenge_method="S256")
    assert error(app.exchange(code)) == (400, "invalid_request")
    assert app.exchange(code).json["error_description"] == "Missing required parameter: code_verifier."
    assert error(app.exchange(code, code_verifier="w" * 43)) == (400, "invalid_grant")
    assert error(app.exchange(code, code_verifier=CHALLENGE)) == (400, "invalid_grant")
    assert app.exchange(code, code_verifier=VERIFIER).status == 200


# --- other encodings


def test_apps_may_send_their_secret_by_http_basic(app: TestApp, ada: Visitor) -> None:
    assert app.exchange(app.code(ada), authorization=app.basic_authorization, client_id=None, client_secret=None).status == 200
    wrong = "Basic " + b64encode(f"{app.client_id}:wrong".encode()).decode()
    refused = app.exchange(app.code(ada), authorization=wrong, client_id=None, client_secret=None)
    assert error(refused) == (401, "invalid_client")
    assert (refused.header("WWW-Authenticate") or "").startswith("Basic ")


@pytest.mark.parametrize(
    "header", ["Basic !!!", "Basic", "Basic " + b64encode(b"\xff\x00:x").decode(), "Basic " + b64encode(b"a\x00:x").decode()]
)
def test_a_broken_authorization_header_is_an_invalid_client(app: TestApp, header: str) -> None:
    assert error(app.exchange("x" * 43, authorization=header)) == (401, "invalid_client")


def test_token_requests_may_use_json_or_the_query(site: SiteFixture, app: TestApp) -> None:
    sent = {"grant_type": "client_credentials", "client_id": app.client_id, "client_secret": app.client_secret}
    assert anonymous_client(site).request("POST", "/oauth/token", json=sent).status == 200
    assert anonymous_client(site).request("POST", "/oauth/token", sent).status == 200


# --- the app's own token


def test_an_app_gets_its_own_token(site: SiteFixture, app: TestApp) -> None:
    response = app.exchange(None, grant_type="client_credentials", redirect_uri=None)
    assert (response.status, response.json["scope"]) == (200, "read")
    token = response.json["access_token"]
    assert token_status(site, token) == 200
    assert Client(site, token).get("/v1/accounts/verify_credentials").status == 422
    wide = app.exchange(None, grant_type="client_credentials", redirect_uri=None, scope="read write")
    assert wide.json["scope"] == "read write"
    wrong = app.exchange(None, grant_type="client_credentials", scope="admin:read")
    assert error(wrong) == (400, "invalid_scope")
    assert error(app.exchange(None, grant_type="client_credentials", client_secret="x")) == (401, "invalid_client")


# --- revocation


def test_an_app_can_revoke_only_its_own_tokens(site: SiteFixture, app: TestApp, ada: Visitor) -> None:
    token, other = app.exchange(app.code(ada)).json["access_token"], TestApp.register(site)
    own = {"client_id": app.client_id, "client_secret": app.client_secret}
    foreign = other.post("/oauth/revoke", token=token, client_id=other.client_id, client_secret=other.client_secret)
    assert error(foreign) == (403, "unauthorized_client")
    assert foreign.json["error_description"] == "You are not authorized to revoke this token"
    assert error(app.post("/oauth/revoke", token=token, client_id=app.client_id, client_secret="x")) == (403, "unauthorized_client")
    assert error(app.post("/oauth/revoke", token=token)) == (403, "unauthorized_client")
    assert token_status(site, token) == 200
    ended = app.post("/oauth/revoke", token=token, **own)
    assert (ended.status, ended.json) == (200, {})
    assert token_status(site, token) == 401
    assert app.post("/oauth/revoke", token=token, **own).status == 200
    assert app.post("/oauth/revoke", token="nonsense", **own).status == 200
    assert fetch_value(site.cursor, "select count(*) from events where kind = 'token.revoked'") == 1


def test_revocation_ignores_an_invalid_bearer_token(site: SiteFixture, app: TestApp) -> None:
    assert app.post("/oauth/revoke", authorization="Bearer dead", token="dead", client_id="x", client_secret="x").status == 200


@pytest.mark.parametrize(
    "end",
    [
        lambda ada: ada.submit("/settings/password", page="/settings/account", current=PASSWORD, password="another password"),
        lambda ada: ada.submit("/settings/delete", password=PASSWORD),
    ],
)
def test_a_new_password_and_account_deletion_revoke_tokens_and_codes(
    site: SiteFixture, app: TestApp, ada: Visitor, end: Callable[[Visitor], HttpResponse]
) -> None:
    token, code = app.exchange(app.code(ada)).json["access_token"], app.code(ada)
    assert end(ada).status == 303
    assert token_status(site, token) == 401
    assert error(app.exchange(code)) == (400, "invalid_grant")


def test_tokens_and_codes_of_a_suspended_user_are_rejected(site: SiteFixture, app: TestApp, ada: Visitor) -> None:
    token, code = app.exchange(app.code(ada)).json["access_token"], app.code(ada)
    make.suspend(site.cursor, make.account_named(site.cursor, "ada"))
    response = Client(site, token).get("/v1/accounts/verify_credentials")
    assert (response.status, response.json) == (403, {"error": "Your login is currently disabled"})
    assert error(app.exchange(code)) == (400, "invalid_grant")


def test_apps_are_revoked_in_the_settings(site: SiteFixture, app: TestApp, ada: Visitor) -> None:
    assert "No apps" in main_text(ada.get("/settings/apps"))
    token = app.exchange(app.code(ada)).json["access_token"]
    page = ada.get("/settings/apps")
    assert "Tapper" in main_text(page)
    [revoke] = document(page).xpath("//button[contains(@formaction, '/settings/apps/')]/@formaction")
    assert site.registered_user("eve").submit(str(revoke), page="/settings").status == 404
    assert token_status(site, token) == 200
    assert ada.submit(str(revoke), page="/settings/apps").header("Location") == "/settings/apps?notice=revoked"
    assert token_status(site, token) == 401


# --- security and metadata


def test_another_site_cannot_submit_the_consent_form(site: SiteFixture, app: TestApp, ada: Visitor) -> None:
    form = {"decision": "allow", "client_id": app.client_id, "response_type": "code", "redirect_uri": CALLBACK}
    assert ada.post("/oauth/authorize", form).status == 403
    assert ada.post("/oauth/authorize", form | {"csrf": site.registered_user("eve").token("/home")}).status == 403
    token = ada.token("/home")
    assert ada.post("/oauth/authorize", form | {"csrf": token}, Sec_Fetch_Site="cross-site").status == 403
    assert fetch_value(site.cursor, "select count(*) from oauth_codes") == 0


def test_the_consent_page_cannot_be_framed(app: TestApp, ada: Visitor) -> None:
    response = ada.get(app.authorize_url())
    policy = response.header("Content-Security-Policy") or ""
    assert "frame-ancestors 'none'" in policy
    assert "form-action" not in policy  # browsers apply it to redirects too, and apps have their own schemes
    assert response.header("X-Frame-Options") == "DENY"
    assert response.header("Cache-Control") == "private, no-store"
    assert response.header("Referrer-Policy") == "same-origin"


def test_an_apps_name_and_website_are_never_markup(site: SiteFixture, ada: Visitor) -> None:
    result = (
        anonymous_client(site).post("/v1/apps", client_name="<b>x</b>\"'", redirect_uris="x://", website="https://e.org/\"onload='x").json
    )
    page = ada.get(TestApp(site, result["client_id"], result["client_secret"], "x://").authorize_url(scope="read"))
    assert "<b>x</b>" not in page.text
    assert document(page).xpath("//main//*[@onload]") == []
    assert "You will be redirected to the app." in main_text(page)


def test_userinfo_requires_only_the_profile_scope(site: SiteFixture) -> None:
    ada = make.viewer(site.cursor, "ada")
    for method in ("GET", "POST"):
        result = new_client_for(site, ada, "profile").request(method, "/oauth/userinfo")
        assert result.status == 200
        assert result.json["sub"] == "http://site.test/users/ada"
        assert (result.json["iss"], result.json["preferred_username"]) == ("http://site.test/", "ada")
        assert new_client_for(site, ada, "read write").request(method, "/oauth/userinfo").status == 403


def test_the_authorization_server_metadata_is_served(site: SiteFixture) -> None:
    response = anonymous_client(site).get("/.well-known/oauth-authorization-server")
    result = response.json
    assert result["issuer"] == "http://site.test/"
    assert result["scopes_supported"] == list(ALL)
    assert result["grant_types_supported"] == ["authorization_code", "client_credentials"]
    assert result["code_challenge_methods_supported"] == ["S256"]
    for name in ("authorization", "token", "revocation", "userinfo", "app_registration"):
        path = result[f"{name}_endpoint"].removeprefix("http://site.test")
        assert any(route.path == path for route in site.routes)
    assert response.header("Access-Control-Allow-Origin") == "*"


def test_token_endpoints_allow_cross_origin_requests(site: SiteFixture) -> None:
    headers = {"Origin": "https://client.test", "Access-Control-Request-Headers": "authorization"}
    for path in ("/oauth/token", "/oauth/revoke", "/oauth/userinfo", "/api/v1/apps", "/.well-known/oauth-authorization-server"):
        response = request(site.server, "OPTIONS", path, headers)
        assert (response.status, response.header("Access-Control-Allow-Origin")) == (200, "*"), path
    assert request(site.server, "OPTIONS", "/oauth/authorize", headers).header("Access-Control-Allow-Origin") is None
