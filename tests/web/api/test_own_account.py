"""The token's own account in the API."""

from __future__ import annotations

from tests import make
from tests.web.api.client import anonymous, another, application, client
from tests.web.visitor import Town


def test_a_token_tells_whose_it_is(site: Town) -> None:
    ada = client(site, "ada")
    reply = ada.get("/v1/accounts/verify_credentials")
    assert (reply.status, reply.json["acct"], reply.json["id"]) == (200, "ada", ada.id)
    assert reply.json["created_at"] == "2026-03-04T00:00:00.000Z"
    assert reply.json["source"]["privacy"] == "public"
    assert reply.header("Cache-Control") == "private, no-store"


def test_follow_requests_are_counted_for_oneself(site: Town) -> None:
    ada, bob = client(site, "ada", locked=True), client(site, "bob")

    site.cursor.execute(
        "insert into follow_requests (id, follower_id, followee_id, created_at) values (1, %s, %s, %s)",
        [bob.person.id, ada.person.id, make.NOW],
    )
    assert ada.get("/v1/accounts/verify_credentials").json["source"]["follow_requests_count"] == 1


def test_no_token_is_401_and_says_so(site: Town) -> None:
    reply = anonymous(site).get("/v1/accounts/verify_credentials")
    assert (reply.status, reply.json) == (401, {"error": "The access token is invalid"})
    assert (reply.header("WWW-Authenticate") or "").startswith('Bearer realm="Doorkeeper", error="invalid_token"')


def test_a_token_without_the_scope_is_403(site: Town) -> None:
    ada = client(site, "ada", "write")
    reply = ada.get("/v1/accounts/verify_credentials")
    assert (reply.status, reply.json) == (403, {"error": "This action is outside the authorized scopes"})

    assert another(site, ada.person, "profile").get("/v1/accounts/verify_credentials").status == 200
    assert another(site, ada.person, "profile").get("/v1/preferences").status == 403


def test_an_application_without_a_person_is_422(site: Town) -> None:
    reply = application(site).get("/v1/accounts/verify_credentials")
    assert (reply.status, reply.json) == (422, {"error": "This method requires an authenticated user"})


def test_preferences_are_told(site: Town) -> None:
    assert client(site, "ada").get("/v1/preferences").json["posting:default:visibility"] == "public"
