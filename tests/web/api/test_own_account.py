"""The token's own account in the API."""

from __future__ import annotations

from tests import make
from tests.web.api.client import anonymous_client, app_client, client, new_client_for
from tests.web.visitor import SiteFixture


def test_a_token_reads_its_own_account(site: SiteFixture) -> None:
    ada = client(site, "ada")
    response = ada.get("/v1/accounts/verify_credentials")
    assert (response.status, response.json["acct"], response.json["id"]) == (200, "ada", ada.id)
    assert response.json["created_at"] == "2026-03-04T00:00:00.000Z"
    assert response.json["source"]["privacy"] == "public"
    assert response.header("Cache-Control") == "private, no-store"


def test_an_own_account_has_its_number_of_follow_requests(site: SiteFixture) -> None:
    ada, bob = client(site, "ada", locked=True), client(site, "bob")

    site.cursor.execute(
        "insert into follow_requests (id, follower_id, followee_id, created_at) values (1, %s, %s, %s)",
        [bob.owner.id, ada.owner.id, make.NOW],
    )
    assert ada.get("/v1/accounts/verify_credentials").json["source"]["follow_requests_count"] == 1


def test_a_missing_token_is_401_with_www_authenticate(site: SiteFixture) -> None:
    response = anonymous_client(site).get("/v1/accounts/verify_credentials")
    assert (response.status, response.json) == (401, {"error": "The access token is invalid"})
    assert (response.header("WWW-Authenticate") or "").startswith('Bearer realm="Doorkeeper", error="invalid_token"')


def test_a_token_without_the_scope_is_403(site: SiteFixture) -> None:
    ada = client(site, "ada", "write")
    response = ada.get("/v1/accounts/verify_credentials")
    assert (response.status, response.json) == (403, {"error": "This action is outside the authorized scopes"})

    assert new_client_for(site, ada.owner, "profile").get("/v1/accounts/verify_credentials").status == 200
    assert new_client_for(site, ada.owner, "profile").get("/v1/preferences").status == 403


def test_an_app_token_is_422(site: SiteFixture) -> None:
    response = app_client(site).get("/v1/accounts/verify_credentials")
    assert (response.status, response.json) == (422, {"error": "This method requires an authenticated user"})


def test_preferences_are_served(site: SiteFixture) -> None:
    assert client(site, "ada").get("/v1/preferences").json["posting:default:visibility"] == "public"
