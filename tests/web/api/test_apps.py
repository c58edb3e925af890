"""Registration of apps, in every variant that apps use."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from microblog.model.oauth import OUT_OF_BAND
from tests.web.api.client import anonymous, application, client
from tests.web.visitor import Town

GOOD = {"client_name": "Tusky", "redirect_uris": "tusky://example.org", "scopes": "read write follow push", "website": "https://tusky.app"}


def test_an_app_is_told_all_that_clients_want_to_know(site: Town) -> None:
    reply = anonymous(site).post("/v1/apps", **GOOD)
    told = reply.json
    assert reply.status == 200
    assert (told["name"], told["website"], told["redirect_uri"]) == ("Tusky", "https://tusky.app", "tusky://example.org")
    assert told["redirect_uris"] == ["tusky://example.org"]
    assert told["scopes"] == ["read", "write", "follow", "push"]
    assert told["client_secret_expires_at"] == 0
    assert len(told["client_id"]) == len(told["client_secret"]) == 43
    assert len(told["vapid_key"]) == 88
    assert reply.header("Access-Control-Allow-Origin") == "*"


@pytest.mark.parametrize(
    "ask",
    [
        lambda app: app.ask("POST", "/v1/apps", GOOD),
        lambda app: app.ask("POST", f"/v1/apps?{urlencode(GOOD)}", headers={"Content-Length": "0"}),
        lambda app: app.ask("POST", "/v1/apps", json=GOOD),
        lambda app: app.ask("POST", "/v1/apps", json={**GOOD, "redirect_uris": ["tusky://example.org"]}),
        lambda app: app.ask("POST", "/v1/apps/", form={**GOOD, "redirect_uris": ["tusky://example.org"]}),
        lambda app: app.ask("POST", "/v1/apps", {"client_name": "Tusky"}, form={**GOOD, "client_name": "Tusky"}),
    ],
)
def test_the_parameters_come_by_query_form_or_json_and_addresses_as_text_or_list(site: Town, ask: Callable[..., object]) -> None:
    reply = ask(anonymous(site))
    assert reply.status == 200  # type: ignore[attr-defined]  # a lambda has no annotations
    assert reply.json["redirect_uris"] == ["tusky://example.org"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "address",
    [
        "icecubesapp://",
        "com.tapbots.Ivory.10217:/request_token",
        "tusky://example.org",
        OUT_OF_BAND,
        "http://localhost:8080/callback?x=1",
        "http://[::1]:9000/",
        "https://elk.zone/api/example.org/oauth/https%3A%2F%2Felk.zone",
        "mastodon-android-auth://callback",
    ],
)
def test_every_address_that_apps_have_is_kept_letter_by_letter(site: Town, address: str) -> None:
    assert anonymous(site).post("/v1/apps", **GOOD | {"redirect_uris": address}).json["redirect_uri"] == address


def test_several_addresses_come_one_a_line(site: Town) -> None:
    told = anonymous(site).post("/v1/apps", **GOOD | {"redirect_uris": f"https://a.example/\n{OUT_OF_BAND}\r\nb://"}).json
    assert told["redirect_uris"] == ["https://a.example/", OUT_OF_BAND, "b://"]
    assert told["redirect_uri"] == f"https://a.example/\n{OUT_OF_BAND}\nb://"


def test_what_is_left_out_has_its_usual_value(site: Town) -> None:
    told = anonymous(site).post("/v1/apps", client_name="X", redirect_uris="x://", website="").json
    assert (told["scopes"], told["website"]) == (["read"], None)
    assert anonymous(site).ask("POST", "/v1/apps", json={**GOOD, "scopes": ["write"]}).json["scopes"] == ["read"]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"client_name": ""}, "Application name can't be blank"),
        ({"client_name": " \t"}, "Application name can't be blank"),
        ({"client_name": "x" * 61}, "Application name is too long (maximum is 60 characters)"),
        ({"client_name": "a\u202eb"}, "Application name is invalid"),
        ({"redirect_uris": ""}, "Redirect URI can't be blank"),
        ({"redirect_uris": "/relative"}, "Redirect URI must be an absolute URI."),
        ({"redirect_uris": "example.org/x"}, "Redirect URI must be an absolute URI."),
        ({"redirect_uris": "https://exämple.org/"}, "Redirect URI must be an absolute URI."),
        ({"redirect_uris": "https:///x"}, "Redirect URI must be a valid URI."),
        ({"redirect_uris": "https://h:99999/"}, "Redirect URI must be a valid URI."),
        ({"redirect_uris": "https://[x/"}, "Redirect URI must be a valid URI."),
        ({"redirect_uris": "javascript:alert(1)"}, "Redirect URI is forbidden by the server."),
        ({"redirect_uris": "JavaScript:alert(1)"}, "Redirect URI is forbidden by the server."),
        ({"redirect_uris": "data:text/html,x"}, "Redirect URI is forbidden by the server."),
        ({"redirect_uris": "vbscript:x"}, "Redirect URI is forbidden by the server."),
        ({"redirect_uris": "x:// data:text/html,x"}, "Redirect URI is forbidden by the server."),
        ({"redirect_uris": "https://a.example/#here"}, "Redirect URI cannot contain a fragment."),
        ({"redirect_uris": "x://" + "y" * 2_000}, "Redirect URI is too long (maximum is 2000 characters)"),
        ({"scopes": "read everything"}, "Scopes doesn't match configured on the server."),
        ({"website": "javascript:alert(1)"}, "Application website is not a valid URL"),
        ({"website": "example.org"}, "Application website is not a valid URL"),
        ({"website": "https://e.org/" + "x" * 2_000}, "Application website is too long (maximum is 2000 characters)"),
    ],
)
def test_nonsense_is_422_and_no_app(site: Town, wrong: dict[str, str], sentence: str) -> None:
    reply = anonymous(site).post("/v1/apps", **GOOD | wrong)
    assert (reply.status, reply.json["error"]) == (422, f"Validation failed: {sentence}")
    site.cursor.execute("select count(*) from apps")
    assert site.cursor.fetchone() == (0,)


def test_a_client_with_a_dead_token_can_still_register(site: Town) -> None:
    assert anonymous(site).ask("POST", "/v1/apps", form=GOOD, headers={"Authorization": "Bearer dead"}).status == 200


def test_any_token_may_ask_which_app_it_belongs_to(site: Town) -> None:
    for someone in (client(site, "ada", "push"), application(site, "read")):
        reply = someone.get("/v1/apps/verify_credentials")
        assert (reply.status, reply.json["name"]) == (200, "Tapper")
        assert "client_secret" not in reply.json
    assert anonymous(site).get("/v1/apps/verify_credentials").status == 401
