"""Registration of apps, in every variant that apps use."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from microblog.model.oauth import OUT_OF_BAND
from tests.web.api.client import anonymous_client, app_client, client
from tests.web.visitor import SiteFixture

GOOD = {"client_name": "Tusky", "redirect_uris": "tusky://example.org", "scopes": "read write follow push", "website": "https://tusky.app"}


def test_a_registration_has_all_fields_that_clients_need(site: SiteFixture) -> None:
    response = anonymous_client(site).post("/v1/apps", **GOOD)
    app = response.json
    assert response.status == 200
    assert (app["name"], app["website"], app["redirect_uri"]) == ("Tusky", "https://tusky.app", "tusky://example.org")
    assert app["redirect_uris"] == ["tusky://example.org"]
    assert app["scopes"] == ["read", "write", "follow", "push"]
    assert app["client_secret_expires_at"] == 0
    assert len(app["client_id"]) == len(app["client_secret"]) == 43
    assert len(app["vapid_key"]) == 88
    assert response.header("Access-Control-Allow-Origin") == "*"


@pytest.mark.parametrize(
    "send",
    [
        lambda app: app.request("POST", "/v1/apps", GOOD),
        lambda app: app.request("POST", f"/v1/apps?{urlencode(GOOD)}", headers={"Content-Length": "0"}),
        lambda app: app.request("POST", "/v1/apps", json=GOOD),
        lambda app: app.request("POST", "/v1/apps", json={**GOOD, "redirect_uris": ["tusky://example.org"]}),
        lambda app: app.request("POST", "/v1/apps/", form={**GOOD, "redirect_uris": ["tusky://example.org"]}),
        lambda app: app.request("POST", "/v1/apps", {"client_name": "Tusky"}, form={**GOOD, "client_name": "Tusky"}),
    ],
)
def test_parameters_may_be_in_query_form_or_json_and_redirect_uris_a_string_or_list(site: SiteFixture, send: Callable[..., object]) -> None:
    response = send(anonymous_client(site))
    assert response.status == 200  # type: ignore[attr-defined]  # a lambda has no annotations
    assert response.json["redirect_uris"] == ["tusky://example.org"]  # type: ignore[attr-defined]


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
def test_redirect_uris_of_real_apps_are_stored_verbatim(site: SiteFixture, address: str) -> None:
    assert anonymous_client(site).post("/v1/apps", **GOOD | {"redirect_uris": address}).json["redirect_uri"] == address


def test_several_redirect_uris_are_separated_by_lines(site: SiteFixture) -> None:
    app = anonymous_client(site).post("/v1/apps", **GOOD | {"redirect_uris": f"https://a.example/\n{OUT_OF_BAND}\r\nb://"}).json
    assert app["redirect_uris"] == ["https://a.example/", OUT_OF_BAND, "b://"]
    assert app["redirect_uri"] == f"https://a.example/\n{OUT_OF_BAND}\nb://"


def test_omitted_parameters_have_their_defaults(site: SiteFixture) -> None:
    app = anonymous_client(site).post("/v1/apps", client_name="X", redirect_uris="x://", website="").json
    assert (app["scopes"], app["website"]) == (["read"], None)
    assert anonymous_client(site).request("POST", "/v1/apps", json={**GOOD, "scopes": ["write"]}).json["scopes"] == ["read"]


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
def test_an_invalid_registration_is_422_and_creates_no_app(site: SiteFixture, wrong: dict[str, str], sentence: str) -> None:
    response = anonymous_client(site).post("/v1/apps", **GOOD | wrong)
    assert (response.status, response.json["error"]) == (422, f"Validation failed: {sentence}")
    site.cursor.execute("select count(*) from apps")
    assert site.cursor.fetchone() == (0,)


def test_a_client_with_an_invalid_token_can_still_register(site: SiteFixture) -> None:
    assert anonymous_client(site).request("POST", "/v1/apps", form=GOOD, headers={"Authorization": "Bearer dead"}).status == 200


def test_any_token_can_read_its_app(site: SiteFixture) -> None:
    for someone in (client(site, "ada", "push"), app_client(site, "read")):
        response = someone.get("/v1/apps/verify_credentials")
        assert (response.status, response.json["name"]) == (200, "Tapper")
        assert "client_secret" not in response.json
    assert anonymous_client(site).get("/v1/apps/verify_credentials").status == 401
