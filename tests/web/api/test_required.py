"""Fields that typed clients require: they show no page with an object that lacks one.

From the source of the clients; each name is a field that must be present and not null.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests import files
from tests.web.api.client import Client, anonymous_client, client
from tests.web.oauth import TestApp
from tests.web.visitor import SiteFixture

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ACCOUNT = {
    "Tusky": "id username acct created_at note url avatar header",
    "mastodon-android": "id username acct url display_name note avatar header created_at",
    "mastodon-ios": "id username acct url display_name note avatar header locked emojis created_at "
    "followers_count following_count statuses_count",
    "IceCubes": "id username acct avatar header note created_at fields locked emojis bot",
    "Toot!": "header header_static created_at",
    "Phanpy": "id url acct avatar avatar_static",
    "Pinafore": "id acct display_name emojis avatar avatar_static",
    "Elk": "avatar header roles",
}
STATUS = {
    "Tusky": "id account content created_at emojis reblogs_count favourites_count replies_count sensitive spoiler_text visibility "
    "media_attachments mentions",
    "mastodon-android": "id uri created_at account visibility spoiler_text media_attachments mentions tags emojis",
    "mastodon-ios": "id uri created_at account mentions tags emojis reblogs_count favourites_count",
    "IceCubes": "id content account created_at media_attachments mentions replies_count reblogs_count favourites_count emojis "
    "visibility spoiler_text sensitive tags",
    "toot": "created_at account url",
    "Phanpy": "account content created_at media_attachments emojis mentions visibility",
    "Pinafore": "id account content spoiler_text media_attachments tags mentions emojis",
}
RELATIONSHIP = (
    "id following showing_reblogs notifying followed_by blocking blocked_by muting muting_notifications requested requested_by "
    "domain_blocking endorsed note"
)
OTHERS = {
    "source": "sensitive note fields privacy",
    "poll": "id expired multiple votes_count options own_votes emojis",
    "attachment": "id type url preview_url",
    "mention": "id url acct username",
    "notification": "id type created_at account group_key",
    "marker": "last_read_id version updated_at",
    "list": "id title replies_policy exclusive",
    "filter": "id title context filter_action keywords statuses",
    "tag": "id name url following history",
    "featured_tag": "id name url statuses_count",
    "token": "access_token token_type scope created_at",
    "app": "id name redirect_uri redirect_uris client_id client_secret vapid_key",
    "instance": "domain title version source_url description usage thumbnail languages configuration registrations contact rules "
    "api_versions icon",
    "old_instance": "uri title short_description description email version urls stats thumbnail languages registrations "
    "approval_required invites_enabled configuration rules",
    "context": "ancestors descendants",
    "preferences": "posting:default:visibility posting:default:sensitive reading:expand:media reading:expand:spoilers",
}


@pytest.fixture
def ada(site: SiteFixture) -> Client:
    return client(site, "ada")


@pytest.fixture
def entities(site: SiteFixture, ada: Client) -> Mapping[str, Any]:
    """One entity of each kind, with default values only."""
    bob = client(site, "bob")
    media = ada.upload("POST", "/v2/media", {"file": files.image()}).json
    status = ada.post("/v1/statuses", status="@bob #tea", media_ids=[media["id"]]).json
    poll_post = bob.post("/v1/statuses", status="@ada", poll={"options": ["a", "b"], "expires_in": 600}).json
    ada.post("/v1/tags/tea/feature")
    app = anonymous_client(site).post("/v1/apps", client_name="App", redirect_uris="app://").json
    post = ada.get(f"/v1/statuses/{status['id']}").json
    return {
        "account": anonymous_client(site).get(f"/v1/accounts/{bob.id}").json,
        "source": ada.get("/v1/accounts/verify_credentials").json["source"],
        "status": post,
        "boost": bob.post(f"/v1/statuses/{post['id']}/reblog").json,
        "poll": ada.get(f"/v1/polls/{poll_post['poll']['id']}").json,
        "attachment": post["media_attachments"][0],
        "mention": post["mentions"][0],
        "notification": ada.get("/v1/notifications").json[0],
        "marker": ada.post("/v1/markers", home={"last_read_id": post["id"]}).json["home"],
        "list": ada.post("/v1/lists", title="l").json,
        "filter": ada.post("/v2/filters", title="f", context=["home"]).json,
        "tag": ada.get("/v1/tags/tea").json,
        "featured_tag": ada.get("/v1/featured_tags").json[0],
        "app": app,
        "instance": anonymous_client(site).get("/v2/instance").json,
        "old_instance": anonymous_client(site).get("/v1/instance").json,
        "context": ada.get(f"/v1/statuses/{post['id']}/context").json,
        "preferences": ada.get("/v1/preferences").json,
        "relationship": ada.get("/v1/accounts/relationships", id=[bob.id]).json[0],
    }


def missing_fields(entity: Mapping[str, Any], fields: str) -> list[str]:
    return [name for name in fields.split() if entity.get(name) is None]


@pytest.mark.parametrize("kind", ["account", "status", "boost"])
def test_accounts_and_posts_have_the_fields_that_clients_require(entities: Mapping[str, Any], kind: str) -> None:
    required = ACCOUNT if kind == "account" else STATUS
    assert {
        name: missing_fields(entities[kind], fields) for name, fields in required.items() if missing_fields(entities[kind], fields)
    } == {}
    if kind != "account":
        assert {
            name: missing_fields(entities[kind]["account"], fields)
            for name, fields in ACCOUNT.items()
            if missing_fields(entities[kind]["account"], fields)
        } == {}


def test_other_entities_have_the_fields_that_clients_require(site: SiteFixture, entities: Mapping[str, Any]) -> None:
    app = TestApp.register(site)
    token = app.exchange(app.code(site.registered_user("cyd"))).json
    found = {**entities, "token": token}
    assert {name: missing_fields(found[name], fields) for name, fields in OTHERS.items() if missing_fields(found[name], fields)} == {}
    assert missing_fields(entities["relationship"], RELATIONSHIP) == []
    assert set(entities["relationship"]) == {*RELATIONSHIP.split(), "languages"}
    assert set(entities["poll"]["options"][0]) == {"title", "votes_count"}


def values(entities: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Return all nested values, each with its last key."""
    if isinstance(entities, Mapping):
        for name, value in entities.items():
            yield name, value
            yield from values(value, name)
    elif isinstance(entities, list):
        for value in entities:
            yield path, value
            yield from values(value, path)


def test_times_ids_and_urls_have_one_format_everywhere(entities: Mapping[str, Any]) -> None:
    for name, value in values(entities):
        if value is None:
            continue
        if name.endswith("_at") and name not in ("last_status_at", "client_secret_expires_at"):
            assert isinstance(value, str), name
            assert _TIME.fullmatch(value), (name, value)
        if name == "id" or name.endswith("_id"):
            assert isinstance(value, str), name
        if name in ("url", "avatar", "avatar_static", "header", "header_static", "preview_url", "thumbnail") and isinstance(value, str):
            assert value.startswith("http://site.test/"), (name, value)
        if name in ("display_name", "username", "acct", "spoiler_text"):
            assert isinstance(value, str), name


def test_the_limits_of_the_instance_are_integers(entities: Mapping[str, Any]) -> None:
    for kind in ("instance", "old_instance"):
        limits = entities[kind]["configuration"]
        for part in ("statuses", "polls", "media_attachments", "accounts"):
            plain = {name: value for name, value in limits[part].items() if name != "supported_mime_types"}
            assert {name for name, value in plain.items() if type(value) is not int} == set(), part


STARTUP_REQUESTS = {
    "Elk": "v2/instance v1/accounts/verify_credentials v1/custom_emojis v1/preferences v1/lists v1/notifications",
    "Phanpy": "/.well-known/oauth-authorization-server v1/accounts/verify_credentials v2/instance /.well-known/nodeinfo /nodeinfo/2.0 "
    "v1/preferences v1/timelines/home v2/filters v1/markers?timeline[]=notifications v1/lists v1/followed_tags v1/notifications "
    "v2/notifications/policy v1/announcements v1/follow_requests",
    "Pinafore": "v1/instance v1/accounts/verify_credentials v1/custom_emojis v1/timelines/home?limit=20 v1/notifications v1/lists "
    "v1/filters v1/follow_requests",
    "Ivory": "v1/timelines/home?limit=40 v1/accounts/ID v2/instance v1/preferences v1/timelines/home?min_id=1 v1/lists "
    "v1/accounts/ID/statuses v1/notifications?types[]=mention&types[]=reaction&types[]=poll",
    "mastodon-android": "v2/instance /.well-known/host-meta v1/accounts/verify_credentials v1/preferences v1/custom_emojis v2/filters "
    "v1/timelines/home v1/notifications v2/notifications v1/lists v1/markers v1/announcements",
    "Tusky": "v2/instance v1/accounts/verify_credentials v1/custom_emojis v2/filters v1/timelines/home v1/markers?timeline[]=home "
    "v1/notifications v1/announcements v1/lists",
    "toot": "v1/instance v1/accounts/verify_credentials v2/search?q=ada&type=accounts&resolve=true",
    "masto.js": "v1/instance v2/instance v1/apps/verify_credentials",
}


@pytest.mark.parametrize("name", STARTUP_REQUESTS)
def test_the_requests_that_clients_send_at_startup_succeed(ada: Client, name: str) -> None:
    paths = [path.replace("ID", ada.id) for path in STARTUP_REQUESTS[name].split()]
    statuses = {path: ada.get(path if path.startswith("/") else f"/{path}").status for path in paths}
    assert statuses == dict.fromkeys(paths, 200)
