"""Every documented parameter of a command is stored and read back, or rejected; none is accepted and ignored."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from microblog.model.accounts import Role
from microblog.model.canonical_email_blocks import canonical_email_hash
from microblog.storage.database import Cursor
from tests import files, make
from tests.fakes import result_of
from tests.mailbox import email_worker
from tests.web.api.client import Client, anonymous_client, app_client, client, ids, new_client_for
from tests.web.api.test_push_subscription import ENDPOINT, KEYS
from tests.web.visitor import PASSWORD, SiteFixture, build_site

ParameterCheck: TypeAlias = Callable[[SiteFixture, str], None]
"""Sends parameters with a method, and fails unless each is read back."""

CHECKS: dict[str, tuple[set[str], ParameterCheck]] = {}
WRITING = {"POST", "PUT", "PATCH", "DELETE"}
VARIABLE = re.compile(r"<(?:\w+:)?\w+>")
DOCS = Path(__file__).parents[3] / "docs" / "api.md"
LATER = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=0)


def reads_back(methods: str, path: str, params: str) -> Callable[[ParameterCheck], ParameterCheck]:
    """Record that the test reads back these parameters."""

    def note(check: ParameterCheck) -> ParameterCheck:
        for method in methods.split():
            CHECKS[f"{method} {path}"] = (set(params.split()), check)
        return check

    return note


def uri(size: tuple[int, int]) -> str:
    return "data:image/png;base64," + b64encode(files.image("PNG", size).getvalue()).decode()


def upload(api_client: Client) -> str:
    id: str = api_client.upload("POST", "/v2/media", {"file": files.image()}).json["id"]
    return id


def friends(site: SiteFixture) -> tuple[Client, Client]:
    ada, bob = client(site, "ada"), client(site, "bob")
    make.follow(site.cursor, ada.owner, bob.owner)
    return ada, bob


@reads_back("POST", "/api/v1/accounts", "username email password agreement locale reason time_zone invite_code")
def sign_up(site: SiteFixture, method: str) -> None:
    app = app_client(site, "read write")
    sent = {"username": "eve", "email": "eve@example.org", "password": "correct horse battery", "locale": "de", "reason": "For moss"}
    code = result_of(site.domain.moderation.invite(make.viewer(site.cursor, role=Role.MODERATOR), max_uses=1, lasts=None)).code
    sent |= {"time_zone": "Europe/Vienna", "invite_code": code}
    assert app.post("/v1/accounts", **sent).status == 422, "without agreement"
    assert app.post("/v1/accounts", **sent, agreement=True).status == 200
    member = result_of(site.domain.moderation.account_admin.by_name("eve"))
    preferences = member.login.preferences
    assert (member.login.email, member.login.reason) == ("eve@example.org", "For moss")
    assert (preferences.locale, preferences.time_zone) == ("de", "Europe/Vienna")
    assert [invite.uses for invite in result_of(site.domain.registrations.invites())] == [1]
    assert site.visitor().submit("/login", name="eve", password=sent["password"]).status == 303


@reads_back("POST", "/api/v1/accounts/<>/follow", "reblogs notify languages")
def follow(site: SiteFixture, method: str) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    ada.post(f"/v1/accounts/{bob.id}/follow", reblogs=False, notify=True, languages=["de", "en"])
    [result] = ada.get("/v1/accounts/relationships", id=[bob.id]).json
    assert (result["showing_reblogs"], result["notifying"], result["languages"]) == (False, True, ["de", "en"])


@reads_back("POST", "/api/v1/accounts/<>/mute", "notifications duration")
def mute(site: SiteFixture, method: str) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    assert ada.post(f"/v1/accounts/{bob.id}/mute", notifications=False, duration=600).json["muting_notifications"] is False
    assert ada.get("/v1/mutes").json[0]["mute_expires_at"] is not None


@reads_back("POST", "/api/v1/accounts/<>/note", "comment")
def note(site: SiteFixture, method: str) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    ada.post(f"/v1/accounts/{bob.id}/note", comment="Moss")
    assert ada.get("/v1/accounts/relationships", id=[bob.id]).json[0]["note"] == "Moss"


@reads_back(
    "PATCH",
    "/api/v1/accounts/update_credentials",
    "display_name note avatar header locked bot discoverable hide_collections indexable attribution_domains fields_attributes"
    " source[privacy] source[sensitive] source[language]",
)
def profile(site: SiteFixture, method: str) -> None:
    ada, flags = client(site, "ada"), {"locked": True, "bot": True, "discoverable": False, "hide_collections": True, "indexable": False}
    source = {"privacy": "private", "sensitive": True, "language": "de"}
    more = {"attribution_domains": ["example.com"], "fields_attributes": [{"name": "a", "value": "b"}], "source": source}
    pictures = {"avatar": uri((9, 9)), "header": uri((9, 9))}
    body = {"display_name": "Ada", "note": "Moss", **flags, **more, **pictures}
    assert ada.request(method, "/v1/accounts/update_credentials", json=body).status == 200
    result = ada.get("/v1/accounts/verify_credentials").json
    assert {name: result[name] for name in flags} == flags
    assert (result["display_name"], result["source"]["note"]) == ("Ada", "Moss")
    assert all("/media/" in result[name] for name in pictures)
    assert {name: result["source"][name] for name in source} == source
    assert result["source"]["attribution_domains"] == ["example.com"]
    assert [(one["name"], one["value"]) for one in result["source"]["fields"]] == [("a", "b")]


@reads_back("POST", "/api/v1/admin/accounts/<>/action", "type report_id text send_email_notification warning_preset_id")
def action(site: SiteFixture, method: str) -> None:
    maud, ada, eve = client(site, "maud", "admin:read admin:write", role=Role.MODERATOR), client(site, "ada"), client(site, "eve")
    first, second = (ada.post("/v1/reports", account_id=eve.id).json["id"] for _ in range(2))
    path = f"/v1/admin/accounts/{eve.id}/action"
    assert maud.post(path, type="silence", warning_preset_id="1").status == 404, "there are no presets"
    maud.post(path, type="silence", report_id=first, text="Moss", send_email_notification=True)
    assert ids(maud.get("/v1/admin/reports")) == [second]
    assert maud.get(f"/v1/admin/accounts/{eve.id}").json["silenced"] is True
    [result] = eve.get("/v1/notifications").json
    assert (result["moderation_warning"]["text"], result["moderation_warning"]["action"]) == ("Moss", "silence")
    recipients = [mail["To"] for mail in email_worker(site.cursor).deliver()]
    assert (recipients.count("eve@example.org"), recipients.count("maud@example.org")) == (1, 1), "the warning, and the first report"
    maud.post(path, type="none", send_email_notification=False)
    assert (len(eve.get("/v1/notifications").json), email_worker(site.cursor).deliver()) == (1, [])


@reads_back("PUT PATCH", "/api/v1/admin/reports/<>", "category rule_ids")
def sort(site: SiteFixture, method: str) -> None:
    maud, ada, eve = client(site, "maud", "admin:read admin:write", role=Role.MODERATOR), client(site, "ada"), client(site, "eve")
    path = f"/v1/admin/reports/{ada.post('/v1/reports', account_id=eve.id).json['id']}"
    maud.request(method, path, form={"category": "spam", "rule_ids": ["2"]})
    result = maud.get(path).json
    assert (result["category"], [rule["id"] for rule in result["rules"]]) == ("spam", ["2"])


@reads_back("POST", "/api/v1/apps", "client_name redirect_uris scopes website")
def app(site: SiteFixture, method: str) -> None:
    sent = {"client_name": "Tusky", "redirect_uris": "tusky://here", "scopes": "read write:media", "website": "https://tusky.app"}
    result = anonymous_client(site).post("/v1/apps", **sent).json
    assert (result["name"], result["redirect_uri"], result["scopes"], result["website"]) == (
        "Tusky",
        "tusky://here",
        ["read", "write:media"],
        "https://tusky.app",
    )


@reads_back("POST", "/api/v1/admin/email_domain_blocks", "domain allow_with_approval")
def email_domain(site: SiteFixture, method: str) -> None:
    boss = client(site, "boss", "admin:read admin:write", role=Role.ADMIN)
    added = boss.request(method, "/v1/admin/email_domain_blocks", form={"domain": "Spam.example", "allow_with_approval": "true"}).json
    assert (added["domain"], added["allow_with_approval"]) == ("spam.example", True)
    assert boss.get(f"/v1/admin/email_domain_blocks/{added['id']}").json == added
    assert boss.get("/v1/admin/email_domain_blocks").json == [added]


@reads_back("POST", "/api/v1/admin/canonical_email_blocks", "email canonical_email_hash")
@reads_back("POST", "/api/v1/admin/canonical_email_blocks/test", "email")
def canonical_email(site: SiteFixture, method: str) -> None:
    boss = client(site, "boss", "admin:read admin:write", role=Role.ADMIN)
    path = "/v1/admin/canonical_email_blocks"
    by_address = boss.request(method, path, form={"email": "Eve.L+x@Example.org"}).json
    by_hash = boss.request(method, path, form={"canonical_email_hash": canonical_email_hash("bob@example.org").upper()}).json
    assert boss.request(method, f"{path}/test", form={"email": "evel@example.org"}).json == [by_address]
    assert boss.request(method, f"{path}/test", form={"email": "b.o.b@example.org"}).json == [by_hash]


@reads_back("POST", "/api/v1/admin/ip_blocks", "ip severity comment expires_in")
@reads_back("PUT PATCH", "/api/v1/admin/ip_blocks/<>", "ip severity comment expires_in")
def ip_block(site: SiteFixture, method: str) -> None:
    boss = client(site, "boss", "admin:read admin:write", role=Role.ADMIN)
    path, sent = "/v1/admin/ip_blocks", {"ip": "192.0.2.7/24", "severity": "no_access", "comment": "Spam", "expires_in": "600"}
    if method != "POST":
        path = f"{path}/{boss.post(path, ip='198.51.100.0/24', severity='sign_up_block').json['id']}"
    saved = boss.request(method, path, form=sent).json
    assert (saved["ip"], saved["severity"], saved["comment"]) == ("192.0.2.0/24", "no_access", "Spam")
    assert saved["expires_at"] is not None
    assert boss.get("/v1/admin/ip_blocks").json == [saved]


@reads_back("POST", "/api/v1/admin/custom_emojis", "shortcode image category visible_in_picker")
def new_emoji(site: SiteFixture, method: str) -> None:
    boss = client(site, "boss", "admin:read admin:write", role=Role.ADMIN)
    sent = {"shortcode": "cat", "image": uri((9, 9)), "category": "Animals", "visible_in_picker": False}
    saved = boss.get(f"/v1/admin/custom_emojis/{boss.post('/v1/admin/custom_emojis', **sent).json['id']}").json
    assert (saved["shortcode"], saved["category"], saved["visible_in_picker"]) == ("cat", "Animals", False)
    assert saved["total_file_size"] > 0


@reads_back("PATCH", "/api/v1/admin/custom_emojis/<>", "type shortcode image category visible_in_picker")
def changed_emoji(site: SiteFixture, method: str) -> None:
    boss = client(site, "boss", "admin:read admin:write", role=Role.ADMIN)
    path = f"/v1/admin/custom_emojis/{make.emoji(site.cursor, 'dog').emoji.id}"
    before = boss.get(path).json
    sent = {"shortcode": "cat", "image": uri((9, 9)), "category": "Animals", "visible_in_picker": False}
    assert boss.request(method, path, json={"type": "modify", **sent}).status == 200
    saved = boss.get(path).json
    assert (saved["shortcode"], saved["category"], saved["visible_in_picker"]) == ("cat", "Animals", False)
    assert saved["url"] != before["url"]


TAG_MEASURES = "tag_accounts tag_uses tag_servers"
HOST_MEASURES = "instance_accounts instance_media_attachments instance_reports instance_statuses instance_follows instance_followers"


def moderator_and_tag(site: SiteFixture) -> tuple[Client, str]:
    """A moderator, and the id of a hashtag that was used today."""
    maud = client(site, "maud", "admin:read admin:write write read", role=Role.MODERATOR)
    tag = maud.post("/v1/statuses", status="#moss").json["tags"][0]["name"]
    return maud, maud.get(f"/v1/tags/{tag}").json["id"]


@reads_back("POST", "/api/v1/admin/measures", f"keys start_at end_at {TAG_MEASURES} {HOST_MEASURES}")
def measures(site: SiteFixture, method: str) -> None:
    maud, tag = moderator_and_tag(site)
    today = str(datetime.now(UTC).date())
    keys = ["tag_uses", *TAG_MEASURES.split(), *HOST_MEASURES.split()]
    subjects = {key: {"id": tag} if key.startswith("tag_") else {"domain": "far.example"} for key in keys}
    make.remote_account(site.cursor, host="far.example", now=datetime.now(UTC))
    found = maud.post("/v1/admin/measures", keys=keys, start_at=today, end_at=today, **subjects).json
    assert [(one["key"], len(one["data"])) for one in found] == [(key, 1) for key in dict.fromkeys(keys)]
    assert {one["key"]: one["total"] for one in found if one["total"] != "0"} == {
        "tag_uses": "1",
        "tag_accounts": "1",
        "instance_accounts": "1",
    }
    for key in subjects:
        assert maud.post("/v1/admin/measures", keys=[key], start_at=today, end_at=today).status == 400


@reads_back(
    "POST",
    "/api/v1/admin/dimensions",
    "keys start_at end_at limit tag_servers tag_languages instance_accounts instance_languages",
)
def dimensions(site: SiteFixture, method: str) -> None:
    maud, tag = moderator_and_tag(site)
    client(site, "ada").post("/v1/statuses", status="#moss", language="de")
    path, subjects = "/v1/admin/dimensions", {"tag_servers": {"id": tag}, "tag_languages": {"id": tag}}
    domain = {key: {"domain": "far.example"} for key in ("instance_accounts", "instance_languages")}
    assert [one["data"] for one in maud.post(path, keys=list(domain), **domain).json] == [[], []]
    [servers, languages] = maud.post(path, keys=list(subjects), **subjects).json
    assert (servers["data"][0]["value"], len(languages["data"])) == ("2", 2)
    [languages] = maud.post(path, keys=["tag_languages"], limit=1, **subjects).json
    assert len(languages["data"]) == 1
    [languages] = maud.post(path, keys=["tag_languages"], start_at="2026-01-01", end_at="2026-01-02", **subjects).json
    assert languages["data"] == []


@reads_back("PUT", "/api/v1/admin/tags/<>", "display_name trendable usable listable")
def tag_settings(site: SiteFixture, method: str) -> None:
    maud, tag = moderator_and_tag(site)
    sent = {"display_name": "Moss", "trendable": False, "usable": False, "listable": False}
    maud.request(method, f"/v1/admin/tags/{tag}", json=sent)
    found = maud.get(f"/v1/admin/tags/{tag}").json
    assert {name: found["name" if name == "display_name" else name] for name in sent} == sent


@reads_back("POST", "/api/v1/admin/retention", "start_at end_at frequency")
def retention(site: SiteFixture, method: str) -> None:
    maud, _ = moderator_and_tag(site)
    for frequency, count in (("day", 3), ("month", 1)):
        found = maud.post("/v1/admin/retention", start_at="2026-01-01", end_at="2026-01-03", frequency=frequency).json
        assert [one["frequency"] for one in found] == [frequency] * count


@reads_back("POST DELETE", "/api/v1/domain_blocks", "domain")
def domain(site: SiteFixture, method: str) -> None:
    ada = client(site, "ada")
    ada.post("/v1/domain_blocks", domain="example.com")
    assert ada.get("/v1/domain_blocks").json == ["example.com"]
    ada.delete("/v1/domain_blocks", domain="example.com")
    assert ada.get("/v1/domain_blocks").json == []


@reads_back("POST", "/api/v1/emails/confirmations", "email")
def confirmation(site: SiteFixture, method: str) -> None:
    app = app_client(site, "read write")
    sent = {"username": "eve", "email": "wrong@example.org", "password": "correct horse battery", "agreement": True}
    token = app.post("/v1/accounts", **sent).json["access_token"]
    site.cursor.execute("update users set confirmed_at = null where email = 'wrong@example.org'")
    assert Client(site, token).post("/v1/emails/confirmations", email="right@example.org").status == 200
    assert result_of(site.domain.moderation.account_admin.by_name("eve")).login.email == "right@example.org"


@reads_back("POST", "/api/v1/featured_tags", "name")
def featured(site: SiteFixture, method: str) -> None:
    ada = client(site, "ada")
    ada.post("/v1/featured_tags", name="moss")
    assert [tag["name"] for tag in ada.get("/v1/featured_tags").json] == ["moss"]


@reads_back("POST PUT PATCH", "/api/v1/filters", "phrase context irreversible whole_word expires_in")
@reads_back("PUT PATCH", "/api/v1/filters/<>", "phrase context irreversible whole_word expires_in")
def old_filter(site: SiteFixture, method: str) -> None:
    ada, path = client(site, "ada"), "/v1/filters"
    if method != "POST":
        path += "/" + ada.post(path, phrase="x", context=["home"]).json["id"]
    sent = {"phrase": "moss", "context": ["public", "thread"], "irreversible": True, "whole_word": False, "expires_in": 600}
    ada.request(method, path, form=sent)
    [result] = ada.get("/v1/filters").json
    assert (result["phrase"], result["context"], result["whole_word"]) == ("moss", ["public", "thread"], False)
    assert (result["irreversible"], result["expires_at"] is None) == (True, False)


@reads_back("POST", "/api/v2/filters", "title context filter_action expires_in keywords_attributes")
@reads_back("PUT PATCH", "/api/v2/filters/<>", "title context filter_action expires_in keywords_attributes")
def new_filter(site: SiteFixture, method: str) -> None:
    ada, path, words = client(site, "ada"), "/v2/filters", [{"keyword": "moss", "whole_word": False}]
    if method != "POST":
        created = ada.request("POST", path, json={"title": "x", "context": ["home"], "keywords_attributes": [{"keyword": "gone"}]}).json
        path += "/" + created["id"]
        words.append({"id": created["keywords"][0]["id"], "_destroy": True})
    sent = {"title": "Moss", "context": ["public"], "filter_action": "hide", "expires_in": 600, "keywords_attributes": words}
    ada.request(method, path, json=sent)
    [result] = ada.get("/v2/filters").json
    assert (result["title"], result["context"], result["filter_action"]) == ("Moss", ["public"], "hide")
    assert [(word["keyword"], word["whole_word"]) for word in result["keywords"]] == [("moss", False)]
    assert result["expires_at"] is not None


@reads_back("POST", "/api/v2/filters/<>/keywords", "keyword whole_word")
@reads_back("PUT PATCH", "/api/v2/filters/keywords/<>", "keyword whole_word")
def keyword(site: SiteFixture, method: str) -> None:
    ada = client(site, "ada")
    path = above = f"/v2/filters/{ada.post('/v2/filters', title='x', context=['home']).json['id']}/keywords"
    if method != "POST":
        path = f"/v2/filters/keywords/{ada.post(above, keyword='x').json['id']}"
    ada.request(method, path, form={"keyword": "moss", "whole_word": False})
    assert [(word["keyword"], word["whole_word"]) for word in ada.get(above).json] == [("moss", False)]


@reads_back("POST", "/api/v2/filters/<>/statuses", "status_id")
def filtered_post(site: SiteFixture, method: str) -> None:
    ada = client(site, "ada")
    path = f"/v2/filters/{ada.post('/v2/filters', title='x', context=['home']).json['id']}/statuses"
    status = ada.post("/v1/statuses", status="Moss").json["id"]
    ada.post(path, status_id=status)
    assert [one["status_id"] for one in ada.get(path).json] == [status]


@reads_back("POST", "/api/v1/lists", "title replies_policy exclusive")
@reads_back("PUT PATCH", "/api/v1/lists/<>", "title replies_policy exclusive")
def list_(site: SiteFixture, method: str) -> None:
    ada, path = client(site, "ada"), "/v1/lists"
    if method != "POST":
        path += "/" + ada.post(path, title="x").json["id"]
    ada.request(method, path, form={"title": "Moss", "replies_policy": "none", "exclusive": True})
    [result] = ada.get("/v1/lists").json
    assert (result["title"], result["replies_policy"], result["exclusive"]) == ("Moss", "none", True)


@reads_back("POST DELETE", "/api/v1/lists/<>/accounts", "account_ids")
def members(site: SiteFixture, method: str) -> None:
    ada, bob = friends(site)
    path = f"/v1/lists/{ada.post('/v1/lists', title='x').json['id']}/accounts"
    ada.post(path, account_ids=[bob.id])
    assert ids(ada.get(path)) == [bob.id]
    ada.delete(path, account_ids=[bob.id])
    assert ids(ada.get(path)) == []


@reads_back("POST", "/api/v1/markers", "home[last_read_id] notifications[last_read_id]")
def markers(site: SiteFixture, method: str) -> None:
    ada = client(site, "ada")
    ada.post("/v1/markers", home={"last_read_id": "7"}, notifications={"last_read_id": "9"})
    result = ada.get("/v1/markers", timeline=["home", "notifications"]).json
    assert (result["home"]["last_read_id"], result["notifications"]["last_read_id"]) == ("7", "9")


@reads_back("POST", "/api/v1/media", "file thumbnail description focus")
@reads_back("POST", "/api/v2/media", "file thumbnail description focus")
@reads_back("PUT PATCH", "/api/v1/media/<>", "thumbnail description focus")
def media(site: SiteFixture, method: str) -> None:
    ada, about = client(site, "ada"), {"description": "Moss", "focus": "0.5,0.25"}
    path = f"/v1/media/{upload(ada)}"
    pieces = {"thumbnail": files.image("PNG", (10, 20))}
    if method == "POST":
        path = f"/v1/media/{ada.upload('POST', '/v2/media', {'file': files.image(), **pieces}, **about).json['id']}"
        old = ada.upload("POST", "/v1/media", {"file": files.image(), "thumbnail": files.image("PNG", (10, 20))}, **about).json
        assert (old["description"], old["meta"]["small"]["size"], old["meta"]["focus"]) == ("Moss", "10x20", {"x": 0.5, "y": 0.25})
    else:
        ada.upload(method, path, pieces, **about)
    result = ada.get(path).json
    assert (result["description"], result["meta"]["small"]["size"], result["meta"]["focus"]) == ("Moss", "10x20", {"x": 0.5, "y": 0.25})


POLICY = "filter_not_following filter_not_followers filter_new_accounts filter_private_mentions"
NEW_POLICY = "for_not_following for_not_followers for_new_accounts for_private_mentions for_limited_accounts"


@reads_back("PUT PATCH", "/api/v1/notifications/policy", POLICY)
def old_policy(site: SiteFixture, method: str) -> None:
    ada, sent = client(site, "ada"), dict.fromkeys(POLICY.split(), True) | {"filter_private_mentions": False}
    ada.request(method, "/v1/notifications/policy", form=sent)
    assert ada.get("/v1/notifications/policy").json.items() >= sent.items()


@reads_back("PUT PATCH", "/api/v2/notifications/policy", NEW_POLICY)
def new_policy(site: SiteFixture, method: str) -> None:
    ada, sent = client(site, "ada"), dict.fromkeys(NEW_POLICY.split(), "drop")
    ada.request(method, "/v2/notifications/policy", form=sent)
    assert ada.get("/v2/notifications/policy").json.items() >= sent.items()


@reads_back("POST", "/api/v1/notifications/requests/accept", "id")
@reads_back("POST", "/api/v1/notifications/requests/dismiss", "id")
def requests(site: SiteFixture, method: str) -> None:
    ada, strangers = client(site, "ada"), [client(site, name) for name in ("bob", "cat", "dan")]
    ada.patch("/v2/notifications/policy", for_not_following="filter")
    for stranger in strangers:
        stranger.post("/v1/statuses", status="@ada hello")
    dan, cat, bob = ids(ada.get("/v1/notifications/requests"))
    ada.post("/v1/notifications/requests/accept", id=[bob])
    ada.post("/v1/notifications/requests/dismiss", id=[cat])
    assert ids(ada.get("/v1/notifications/requests")) == [dan]
    assert [one["account"]["id"] for one in ada.get("/v1/notifications").json] == [strangers[0].id]


@reads_back("POST", "/api/v1/polls/<>/votes", "choices")
def votes(site: SiteFixture, method: str) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    id = ada.post("/v1/statuses", status="?", poll={"options": ["a", "b", "c"], "expires_in": 600, "multiple": True}).json["poll"]["id"]
    bob.post(f"/v1/polls/{id}/votes", choices=[0, 2])
    assert bob.get(f"/v1/polls/{id}").json["own_votes"] == [0, 2]


ALERTS = (
    *("mention", "status", "reblog", "follow", "follow_request", "favourite", "poll", "update"),
    *("admin.sign_up", "admin.report", "moderation_warning"),
)
KEYED = "subscription[endpoint] subscription[keys][p256dh] subscription[keys][auth] subscription[standard]"
DATA = " ".join(f"data[alerts][{kind}]" for kind in ALERTS) + " data[policy]"


@reads_back("PUT", "/api/v1/push/subscription", DATA)
@reads_back("POST", "/api/v1/push/subscription", f"{KEYED} {DATA}")
def push(site: SiteFixture, method: str) -> None:
    ada, path, wanted = client(site, "ada"), "/v1/push/subscription", {"endpoint": ENDPOINT, "keys": KEYS, "standard": True}
    for chosen in ALERTS:
        data = {"alerts": {kind: kind == chosen for kind in ALERTS}, "policy": "follower"}
        if method == "PUT":
            ada.request("POST", path, json={"subscription": wanted})
        ada.request(method, path, json={"data": data} | ({"subscription": wanted} if method == "POST" else {}))
        result = ada.get(path).json
        assert (result["alerts"], result["policy"], result["endpoint"], result["standard"]) == (data["alerts"], "follower", ENDPOINT, True)
    assert ada.request("POST", path, json={"subscription": wanted | {"keys": KEYS | {"auth": "x"}}}).status == 422
    assert ada.request("POST", path, json={"subscription": wanted | {"keys": KEYS | {"p256dh": "x"}}}).status == 422


@reads_back("POST", "/api/v1/reports", "account_id status_ids comment category forward rule_ids")
def report(site: SiteFixture, method: str) -> None:
    maud, ada, eve = client(site, "maud", "admin:read", role=Role.MODERATOR), client(site, "ada"), client(site, "eve")
    post = str(make.post(site.cursor, eve.owner, "Buy").id)
    sent = {"account_id": eve.id, "status_ids": [post], "comment": "Moss", "category": "violation", "rule_ids": ["2"], "forward": True}
    assert ada.post("/v1/reports", **sent).json["forwarded"] is False, "there is no other site"
    [result] = maud.get("/v1/admin/reports").json
    assert (result["target_account"]["id"], ids_of(result["statuses"]), result["comment"]) == (eve.id, [post], "Moss")
    assert (result["category"], ids_of(result["rules"])) == ("violation", ["2"])


def ids_of(entities: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in entities]


@reads_back("POST", "/api/v1/accounts/alias", "also_known_as_uris")
def name_aliases(site: SiteFixture, method: str) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    assert ada.post("/v1/accounts/alias", **{"also_known_as_uris[]": "@bob"}).status == 200
    aliases = result_of(site.domain.moves.state(site.viewer("ada"))).aliases
    assert [alias.id for alias in aliases] == [bob.owner.id]


@reads_back("POST", "/api/v1/accounts/move", "moved_to_uri password")
def move_to_another_account(site: SiteFixture, method: str) -> None:
    site.registered_user("ada")
    ada, bob = new_client_for(site, site.viewer("ada")), client(site, "bob")
    bob.post("/v1/accounts/alias", **{"also_known_as_uris[]": "@ada"})
    assert ada.post("/v1/accounts/move", moved_to_uri="@bob", password="wrong").status == 422
    assert ada.post("/v1/accounts/move", moved_to_uri="@bob", password=PASSWORD).status == 202
    assert ada.get("/v1/accounts/lookup", acct="ada").json["moved"]["username"] == "bob"


@reads_back("PUT PATCH", "/api/v1/scheduled_statuses/<>", "scheduled_at")
def reschedule(site: SiteFixture, method: str) -> None:
    ada = client(site, "ada")
    id = ada.post("/v1/statuses", status="Moss", scheduled_at=(LATER + timedelta(days=1)).isoformat()).json["id"]
    ada.request(method, f"/v1/scheduled_statuses/{id}", form={"scheduled_at": LATER.isoformat()})
    assert datetime.fromisoformat(ada.get(f"/v1/scheduled_statuses/{id}").json["scheduled_at"]) == LATER


POST = "status spoiler_text sensitive language media_ids poll[options] poll[expires_in] poll[multiple] poll[hide_totals]"


def text_fields(api_client: Client, id: str) -> tuple[object, ...]:
    result = api_client.get(f"/v1/statuses/{id}").json
    return (api_client.get(f"/v1/statuses/{id}/source").json["text"], result["spoiler_text"], result["sensitive"], result["language"])


@reads_back("POST", "/api/v1/statuses", f"{POST} visibility in_reply_to_id allowed_mentions scheduled_at")
def publish(site: SiteFixture, method: str) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    above = bob.post("/v1/statuses", status="Above").json["id"]
    words = {"status": "@bob moss", "spoiler_text": "plants", "sensitive": True, "language": "de"}
    more = {"visibility": "unlisted", "in_reply_to_id": above, "media_ids": [upload(ada)]}
    created = ada.post("/v1/statuses", **words, **more, allowed_mentions=[bob.id]).json
    assert text_fields(ada, created["id"]) == ("@bob moss", "plants", True, "de")
    assert (created["visibility"], created["in_reply_to_id"], ids_of(created["media_attachments"])) == (
        "unlisted",
        above,
        more["media_ids"],
    )
    assert ada.post("/v1/statuses", **words, allowed_mentions=[ada.id]).json["unexpected_accounts"][0]["id"] == bob.id
    poll_post = post_poll(ada, method, "/v1/statuses")
    assert ada.get(f"/v1/statuses/{poll_post}").json["sensitive"] is False
    scheduled = ada.post("/v1/statuses", status="Later", scheduled_at=LATER.isoformat()).json
    assert datetime.fromisoformat(ada.get(f"/v1/scheduled_statuses/{scheduled['id']}").json["scheduled_at"]) == LATER


def post_poll(api_client: Client, method: str, path: str) -> str:
    poll = {"options": ["a", "b"], "expires_in": 600, "multiple": True, "hide_totals": True}
    id: str = api_client.request(method, path, form={"status": "?", "poll": poll}).json["id"]
    result = api_client.get(f"/v1/statuses/{id}").json["poll"]
    assert [(one["title"], one["votes_count"]) for one in result["options"]] == [("a", None), ("b", None)]
    assert result["multiple"] is True
    assert timedelta() < datetime.fromisoformat(result["expires_at"]) - datetime.now(UTC) <= timedelta(seconds=600)
    return id


@reads_back("PUT PATCH", "/api/v1/statuses/<>", f"{POST} media_attributes")
def edit(site: SiteFixture, method: str) -> None:
    ada = client(site, "ada")
    id, piece = ada.post("/v1/statuses", status="Before").json["id"], upload(ada)
    about = {"id": piece, "description": "Moss", "focus": "0.5,0.25", "thumbnail": uri((10, 20))}
    words = {"status": "moss", "spoiler_text": "plants", "sensitive": True, "language": "de"}
    ada.request(method, f"/v1/statuses/{id}", json=words | {"media_ids": [piece], "media_attributes": [about]})
    assert text_fields(ada, id) == ("moss", "plants", True, "de")
    [shown] = ada.get(f"/v1/statuses/{id}").json["media_attachments"]
    assert (shown["id"], shown["description"], shown["meta"]["focus"]) == (piece, "Moss", {"x": 0.5, "y": 0.25})
    assert shown["meta"]["small"]["size"] == "10x20"
    post_poll(ada, method, f"/v1/statuses/{ada.post('/v1/statuses', status='Before').json['id']}")


@reads_back("DELETE", "/api/v1/statuses/<>", "delete_media")
def delete(site: SiteFixture, method: str) -> None:
    ada = client(site, "ada")
    for at_once, status in ((False, 200), (True, 404)):
        piece = upload(ada)
        ada.delete(f"/v1/statuses/{ada.post('/v1/statuses', status='x', media_ids=[piece]).json['id']}", delete_media=at_once)
        assert ada.get(f"/v1/media/{piece}").status == status


@reads_back("POST", "/api/v1/statuses/<>/reblog", "visibility")
def reblog(site: SiteFixture, method: str) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    created = ada.post(f"/v1/statuses/{bob.post('/v1/statuses', status='x').json['id']}/reblog", visibility="unlisted").json
    assert ada.get(f"/v1/statuses/{created['id']}").json["visibility"] == "unlisted"


def documented_commands(site: SiteFixture) -> Iterator[tuple[str, set[str]]]:
    """The commands of the API with their documented parameters."""
    for route in site.routes:
        if route.options.api and route.doc and route.method in WRITING and route.path.startswith("/api/"):
            names = {param.name for param in (*route.doc.query, *route.doc.body)}
            yield f"{route.method} {VARIABLE.sub('<>', route.path)}", names


@pytest.fixture
def site_with_rules(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site with two rules."""
    (tmp_path / "rules.txt").write_text("Be kind.\nNo spam.\n")
    return build_site(cursor, tmp_path, texts_dir=str(tmp_path), registration="open")


@pytest.mark.parametrize(("command", "check"), [(command, check) for command, (_, check) in CHECKS.items()], ids=CHECKS)
def test_documented_parameters_of_a_command_are_read_back(site_with_rules: SiteFixture, command: str, check: ParameterCheck) -> None:
    check(site_with_rules, command.partition(" ")[0])


def test_every_parameter_of_every_command_has_a_test(site: SiteFixture) -> None:
    missing = {command: names - CHECKS.get(command, (set(), None))[0] for command, names in documented_commands(site)}
    assert {command: names for command, names in missing.items() if names} == {}


PAGE = "max_id since_id min_id limit"
MASTODON = {
    "GET v1/accounts": "id",
    "GET v1/accounts/lookup": "acct",
    "GET v1/accounts/search": "q limit offset resolve following",
    "GET v1/accounts/relationships": "id with_suspended",
    "GET v1/accounts/familiar_followers": "id",
    "GET v1/accounts/<>/statuses": f"{PAGE} only_media exclude_replies exclude_reblogs pinned tagged",
    "GET v1/accounts/<>/followers": "max_id since_id limit",
    "GET v1/accounts/<>/following": "max_id since_id limit",
    "POST v1/accounts": "username email password agreement locale reason time_zone date_of_birth",
    "PATCH v1/accounts/update_credentials": "display_name note avatar header locked bot discoverable hide_collections indexable"
    " attribution_domains fields_attributes source[privacy] source[sensitive] source[language]",
    "POST v1/accounts/<>/follow": "reblogs notify languages",
    "POST v1/accounts/<>/mute": "notifications duration",
    "POST v1/accounts/<>/note": "comment",
    "GET v1/admin/accounts": f"{PAGE} local remote active pending disabled silenced suspended"
    " username display_name email ip staff by_domain",
    "GET v2/admin/accounts": f"{PAGE} origin status permissions role_ids invited_by username display_name by_domain email ip",
    "POST v1/admin/accounts/<>/action": "type report_id warning_preset_id text send_email_notification",
    "GET v1/admin/canonical_email_blocks": PAGE,
    "POST v1/admin/canonical_email_blocks": "email canonical_email_hash",
    "POST v1/admin/canonical_email_blocks/test": "email",
    "GET v1/admin/email_domain_blocks": PAGE,
    "POST v1/admin/email_domain_blocks": "domain allow_with_approval",
    "GET v1/admin/ip_blocks": PAGE,
    "POST v1/admin/ip_blocks": "ip severity comment expires_in",
    "PUT v1/admin/ip_blocks/<>": "ip severity comment expires_in",
    "PUT v1/admin/tags/<>": "display_name trendable usable listable",
    "POST v1/admin/measures": f"keys start_at end_at {TAG_MEASURES} {HOST_MEASURES}",
    "POST v1/admin/dimensions": "keys start_at end_at limit tag_servers tag_languages instance_accounts instance_languages",
    "POST v1/admin/retention": "start_at end_at frequency",
    "GET v1/admin/reports": f"{PAGE} resolved account_id target_account_id",
    "PUT v1/admin/reports/<>": "category rule_ids",
    "POST v1/apps": "client_name redirect_uris scopes website",
    "GET v1/bookmarks": PAGE,
    "GET v1/conversations": PAGE,
    "GET v1/directory": "offset limit order local",
    "POST v1/domain_blocks": "domain",
    "POST v1/emails/confirmations": "email",
    "GET v1/favourites": PAGE,
    "POST v1/featured_tags": "name",
    "POST v1/filters": "phrase context irreversible whole_word expires_in",
    "POST v2/filters": "title context filter_action expires_in keywords_attributes",
    "PUT v2/filters/<>": "title context filter_action expires_in keywords_attributes",
    "POST v2/filters/<>/keywords": "keyword whole_word",
    "POST v2/filters/<>/statuses": "status_id",
    "GET v1/followed_tags": PAGE,
    "POST v1/lists": "title replies_policy exclusive",
    "GET v1/lists/<>/accounts": "max_id since_id limit",
    "POST v1/lists/<>/accounts": "account_ids",
    "GET v1/markers": "timeline",
    "POST v1/markers": "home[last_read_id] notifications[last_read_id]",
    "POST v2/media": "file thumbnail description focus",
    "PUT v1/media/<>": "thumbnail description focus",
    "GET v1/mutes": "max_id since_id limit",
    "GET v1/notifications": f"{PAGE} types exclude_types account_id include_filtered",
    "GET v1/notifications/unread_count": "limit types exclude_types account_id",
    "GET v2/notifications": f"{PAGE} types exclude_types account_id expand_accounts grouped_types include_filtered",
    "GET v2/notifications/unread_count": "limit types exclude_types account_id grouped_types",
    "PATCH v2/notifications/policy": NEW_POLICY,
    "GET v1/notifications/requests": PAGE,
    "POST v1/notifications/requests/accept": "id",
    "POST v1/polls/<>/votes": "choices",
    "POST v1/push/subscription": f"{KEYED} {DATA}",
    "PUT v1/push/subscription": DATA,
    "POST v1/reports": "account_id status_ids comment forward forward_to_domains category rule_ids",
    "PUT v1/scheduled_statuses/<>": "scheduled_at",
    "GET v2/search": "q type resolve following account_id exclude_unreviewed min_id max_id limit offset",
    "POST v1/statuses": f"{POST} visibility in_reply_to_id allowed_mentions scheduled_at",
    "PUT v1/statuses/<>": f"{POST} media_attributes",
    "DELETE v1/statuses/<>": "delete_media",
    "POST v1/statuses/<>/reblog": "visibility",
    "GET v1/statuses/<>/favourited_by": "max_id since_id limit",
    "GET v1/suggestions": "limit",
    "GET v2/suggestions": "limit offset",
    "GET v1/timelines/home": PAGE,
    "GET v1/timelines/list/<>": PAGE,
    "GET v1/timelines/public": f"{PAGE} local remote only_media",
    "GET v1/timelines/tag/<>": f"{PAGE} any all none local remote only_media",
    "GET v1/trends/tags": "limit offset",
    "GET v1/trends/statuses": "limit offset",
    "GET v1/trends/links": "limit offset",
}
"""The parameters that Mastodon 4.4 documents, for the routes that are served here."""

NOT_SERVED = {"date_of_birth", "forward_to_domains"}


@pytest.mark.parametrize("request_line", MASTODON)
def test_parameters_of_mastodon_are_documented_or_listed_as_unsupported(site: SiteFixture, request_line: str) -> None:
    method, path = request_line.split()
    [route] = [one for one in site.routes if one.method == method and VARIABLE.sub("<>", one.path) == f"/api/{path}"]
    assert route.doc is not None
    ours = {param.name for param in (*route.doc.query, *route.doc.body)}
    assert set(MASTODON[request_line].split()) - ours - NOT_SERVED == set()


def test_unsupported_parameters_are_named_in_the_documentation() -> None:
    result = DOCS.read_text("utf-8")
    assert {name for name in NOT_SERVED if f"`{name}`" not in result} == set()
