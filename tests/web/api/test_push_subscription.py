"""The push subscription of a token."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from microblog.domain.account_admin import AccountAdmin
from microblog.domain.push.notifications import MAX_SUBSCRIPTIONS
from microblog.domain.push.vapid import point
from microblog.model.push import ALERTS
from microblog.storage.database import fetch_value
from tests import make
from tests.fakes import quick_passwords, result_of
from tests.web.api.client import Client, app_client, client, new_client_for
from tests.web.http_client import HttpResponse
from tests.web.visitor import SiteFixture

PATH = "/v1/push/subscription"
ENDPOINT = "https://push.example.net/send/abc"
POINT, SECRET = point(ec.derive_private_key(7, ec.SECP256R1())), bytes(range(16))
KEYS = {"p256dh": urlsafe_b64encode(POINT).decode().rstrip("="), "auth": urlsafe_b64encode(SECRET).decode().rstrip("=")}


def subscribe(api_client: Client, endpoint: str = ENDPOINT, *, keys: dict[str, str] | None = None, **data: Any) -> HttpResponse:
    wanted = {"endpoint": endpoint, "keys": KEYS | (keys or {})}
    return api_client.request("POST", PATH, json={"subscription": wanted, "data": data})


def subscriptions(site: SiteFixture) -> int:
    return int(fetch_value(site.cursor, "select count(*) from push_subscriptions"))


def test_a_subscription_is_created_read_changed_and_deleted(site: SiteFixture) -> None:
    ada = client(site, "ada")
    assert (ada.get(PATH).status, ada.get(PATH).json) == (404, {"error": "Not Found"})
    assert ada.put(PATH, data={"policy": "all"}).status == 404
    created = subscribe(ada, alerts={"mention": True, "reblog": False, "admin.report": True, "quote": True}, policy="followed").json
    chosen = {str(kind): kind in ("mention", "admin.report") for kind in ALERTS}
    key = ada.get("/v2/instance").json["configuration"]["vapid"]["public_key"]
    assert created == {
        "id": created["id"],
        "endpoint": ENDPOINT,
        "standard": False,
        "alerts": chosen,
        "policy": "followed",
        "server_key": key,
    }
    assert 0 < created["id"] < 2**31
    assert ada.get(PATH).json == created
    changed = ada.put(PATH, **{"data[alerts][follow]": "1"}).json
    assert changed == {**created, "alerts": dict.fromkeys(chosen, False) | {"follow": True}, "policy": "all"}
    assert [ada.delete(PATH).json, ada.delete(PATH).json, ada.get(PATH).status] == [{}, {}, 404]


def test_a_form_creates_the_same_subscription_as_json(site: SiteFixture) -> None:
    ada = client(site, "ada")
    form = {
        "subscription[endpoint]": ENDPOINT,
        "subscription[keys][p256dh]": b64encode(POINT).decode(),
        "subscription[keys][auth]": b64encode(SECRET).decode(),
        "subscription[standard]": "true",
        "data[alerts][mention]": "1",
        "data[alerts][admin.sign_up]": "true",
        "data[policy]": "follower",
    }
    created = ada.post(PATH, **form).json
    assert (created["standard"], created["policy"]) == (True, "follower")
    assert {kind for kind, wanted in created["alerts"].items() if wanted} == {"mention", "admin.sign_up"}


def test_a_second_subscription_replaces_the_first(site: SiteFixture) -> None:
    ada = client(site, "ada")
    first = subscribe(ada, alerts={"mention": True}).json
    again = subscribe(ada, ENDPOINT + "2", alerts={"follow": True}).json
    assert (again["endpoint"], again["alerts"]["mention"], again["id"]) == (ENDPOINT + "2", False, first["id"])
    assert subscriptions(site) == 1


def test_each_token_has_its_own_subscription(site: SiteFixture) -> None:
    ada = client(site, "ada")
    second = new_client_for(site, ada.owner)
    subscribe(ada)
    assert second.get(PATH).status == 404
    subscribe(second, ENDPOINT + "2")
    assert [ada.get(PATH).json["endpoint"], second.get(PATH).json["endpoint"]] == [ENDPOINT, ENDPOINT + "2"]


def test_an_endpoint_has_one_subscription_per_account(site: SiteFixture) -> None:
    ada = client(site, "ada")
    second = new_client_for(site, ada.owner)
    subscribe(ada)
    subscribe(second)
    assert (ada.get(PATH).status, second.get(PATH).status, subscriptions(site)) == (404, 200, 1)


def test_the_oldest_subscriptions_over_the_limit_are_deleted(site: SiteFixture) -> None:
    ada = client(site, "ada")
    api_clients = [new_client_for(site, ada.owner) for _ in range(MAX_SUBSCRIPTIONS)]
    subscribe(ada)
    for number, api_client in enumerate(api_clients):
        subscribe(api_client, f"{ENDPOINT}{number}")
    assert (ada.get(PATH).status, api_clients[0].get(PATH).status, subscriptions(site)) == (404, 200, MAX_SUBSCRIPTIONS)
    assert subscribe(client(site, "bob")).status == 200


BAD_ENDPOINTS = [
    "",
    "push.example.net",
    "http://push.example.net/x",
    "ftp://push.example.net/x",
    "https://",
    "https:///x",
    "https://push.example.net:8443/x",
    "https://push.example.net:99999/x",
    "https://me:secret@push.example.net/x",
    "https://push.example.net/" + "x" * 2048,
    "https://push.example.net/a b",
    "https://push.example.net/\u202e",
    "https://[::1",
]


@pytest.mark.parametrize("endpoint", BAD_ENDPOINTS)
def test_an_endpoint_must_be_an_https_url(site: SiteFixture, endpoint: str) -> None:
    response = subscribe(client(site, "ada"), endpoint)
    assert response.status == 422
    assert "Endpoint" in response.json["error"]
    assert set(response.json["details"]) == {"endpoint"}
    assert subscriptions(site) == 0


BAD_KEYS = [
    {"p256dh": ""},
    {"p256dh": "AAAA"},
    {"p256dh": urlsafe_b64encode(b"\x04" + b"\1" * 64).decode()},
    {"p256dh": "!" + KEYS["p256dh"][1:]},
    {"p256dh": KEYS["p256dh"] + "é"},
    {"auth": ""},
    {"auth": KEYS["auth"][:-4]},
    {"auth": KEYS["auth"] + "AAAA"},
    {"auth": "\x7f"},
]


@pytest.mark.parametrize("keys", BAD_KEYS)
def test_invalid_keys_are_rejected(site: SiteFixture, keys: dict[str, str]) -> None:
    response = subscribe(client(site, "ada"), keys=keys)
    [name] = keys
    assert (response.status, set(response.json["details"])) == (422, {name})
    assert f"Key {name}" in response.json["error"]
    assert subscriptions(site) == 0


@pytest.mark.parametrize("sent", [{}, {"subscription": "x"}, {"subscription": []}, {"subscription": {"keys": "x"}}, {"subscription": None}])
def test_all_missing_parameters_are_reported_at_once(site: SiteFixture, sent: dict[str, object]) -> None:
    response = client(site, "ada").request("POST", PATH, json=sent)
    assert (response.status, set(response.json["details"])) == (422, {"endpoint", "p256dh", "auth"})
    assert response.json["error"] == "Validation failed: Endpoint can't be blank, Key p256dh can't be blank, Key auth can't be blank"


@pytest.mark.parametrize("policy", ["everybody", "ALL"])
def test_an_unknown_policy_is_rejected(site: SiteFixture, policy: str) -> None:
    ada = client(site, "ada")
    assert subscribe(ada, policy=policy).status == 422
    subscribe(ada)
    response = ada.put(PATH, data={"policy": policy})
    assert (response.status, set(response.json["details"])) == (422, {"policy"})


def test_push_requires_its_scope_and_a_user(site: SiteFixture) -> None:
    ada = client(site, "ada", "read write follow")
    assert [ada.get(PATH).status, subscribe(ada).status, ada.put(PATH).status, ada.delete(PATH).status] == [403] * 4
    assert subscribe(app_client(site, "push")).status == 422
    assert subscribe(new_client_for(site, ada.owner, "push")).status == 200


def test_a_subscription_ends_with_its_token(site: SiteFixture) -> None:
    ada = client(site, "ada")
    second = new_client_for(site, ada.owner)
    subscribe(ada)
    subscribe(second, ENDPOINT + "2")
    [mine] = [token for token, _ in result_of(site.domain.tokens.of(ada.owner.id)) if token.id == _token(site, ENDPOINT)]
    result_of(site.domain.tokens.revoke(ada.owner.id, mine.id))
    assert subscriptions(site) == 1
    result_of(site.domain.tokens.revoke_all(ada.owner.id))
    assert subscriptions(site) == 0


def _token(site: SiteFixture, endpoint: str) -> int:
    return int(fetch_value(site.cursor, "select token_id from push_subscriptions where endpoint = %(endpoint)s", {"endpoint": endpoint}))


@pytest.mark.parametrize(("ending", "left"), [("suspend", 2), ("disable", 2), ("delete", 1)])
def test_subscriptions_are_deleted_with_the_account_but_survive_a_suspension(site: SiteFixture, ending: str, left: int) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    subscribe(ada)
    subscribe(bob)
    members = AccountAdmin(site.domain.tokens.database, quick_passwords(), lambda: make.NOW)
    result_of(getattr(members, ending)(ada.owner.id))
    assert (subscriptions(site), bob.get(PATH).status) == (left, 200)
