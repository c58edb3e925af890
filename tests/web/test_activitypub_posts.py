"""Posts as other software sends them, from the inbox to what the API, the pages and the timelines of people here show."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from microblog.model.paging import Page
from microblog.storage.database import Cursor, fetch_all
from tests import make
from tests.fakes import result_of
from tests.federation.documents import PUBLIC
from tests.federation.internet import Internet
from tests.federation.remote_server import URL, RemoteUser, run_effects
from tests.federation.remote_side import known_actor
from tests.web.visitor import SiteFixture, build_site

ADA = f"{URL}/users/ada"
BO = "https://b.example/users/bo"
NOW = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
TAG = {"type": "Mention", "href": ADA, "name": "@ada@site.test"}

MASTODON = {
    "@context": ["https://www.w3.org/ns/activitystreams", {"ostatus": "http://ostatus.org#", "sensitive": "as:sensitive", "toot": "x"}],
    "id": f"{BO}/statuses/1/activity",
    "type": "Create",
    "actor": BO,
    "published": NOW,
    "to": [PUBLIC],
    "cc": [f"{BO}/followers", ADA],
    "object": {
        "id": f"{BO}/statuses/1",
        "type": "Note",
        "summary": None,
        "inReplyTo": None,
        "published": NOW,
        "url": "https://b.example/@bo/1",
        "attributedTo": BO,
        "to": [PUBLIC],
        "cc": [f"{BO}/followers", ADA],
        "sensitive": False,
        "atomUri": f"{BO}/statuses/1",
        "conversation": "tag:b.example,2026-11-29:objectId=1:objectType=Conversation",
        "content": '<p><span class="h-card" translate="no"><a href="https://site.test/@ada" class="u-url mention">@<span>ada</span></a>'
        '</span> hello <a href="https://b.example/tags/tea" class="mention hashtag" rel="tag">#<span>tea</span></a></p>',
        "contentMap": {"en": "<p>hello</p>"},
        "attachment": [],
        "tag": [TAG, {"type": "Hashtag", "href": "https://b.example/tags/tea", "name": "#tea"}],
        "replies": {"id": f"{BO}/statuses/1/replies", "type": "Collection", "first": {"type": "CollectionPage", "items": []}},
        "likes": {"id": f"{BO}/statuses/1/likes", "type": "Collection", "totalItems": 0},
        "interactionPolicy": {"canQuote": {"automaticApproval": [PUBLIC]}},
    },
}
GOTOSOCIAL = {
    "@context": ["https://gotosocial.org/ns", "https://www.w3.org/ns/activitystreams", {"sensitive": "as:sensitive"}],
    "id": f"{BO}/statuses/01H/activity#Create",
    "type": "Create",
    "actor": BO,
    "published": NOW,
    "to": PUBLIC,
    "cc": [f"{BO}/followers", ADA],
    "object": {
        "id": f"{BO}/statuses/01H",
        "type": "Note",
        "attributedTo": BO,
        "attachment": [],
        "content": '<p><span class="h-card"><a href="https://site.test/@ada" class="u-url mention" rel="nofollow noreferrer noopener" '
        'target="_blank">@<span>ada</span></a></span> hello <a href="https://b.example/tags/tea" class="mention hashtag">#tea</a></p>',
        "contentMap": {"en": "<p>hello</p>"},
        "interactionPolicy": {"canLike": {"automaticApproval": [PUBLIC], "manualApproval": []}},
        "published": NOW,
        "replies": {"first": {"id": f"{BO}/statuses/01H/replies?page=true", "type": "CollectionPage"}, "type": "Collection"},
        "sensitive": False,
        "summary": "",
        "tag": [TAG, {"href": "https://b.example/tags/tea", "name": "#tea", "type": "Hashtag"}],
        "to": PUBLIC,
        "cc": [f"{BO}/followers", ADA],
        "url": "https://b.example/@bo/statuses/01H",
    },
}
MISSKEY = {
    "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1", {"misskey": "https://misskey-hub.net/ns#"}],
    "id": "https://b.example/notes/a1/activity",
    "actor": BO,
    "type": "Create",
    "published": NOW,
    "object": {
        "id": "https://b.example/notes/a1",
        "type": "Note",
        "attributedTo": BO,
        "content": '<p><a href="https://site.test/@ada" class="u-url mention">@ada@site.test</a><span> hello </span>'
        '<a href="https://b.example/tags/tea" rel="tag">#tea</a></p>',
        "_misskey_content": "@ada@site.test hello #tea",
        "source": {"content": "@ada@site.test hello #tea", "mediaType": "text/x.misskeymarkdown"},
        "published": NOW,
        "to": ["https://www.w3.org/ns/activitystreams#Public"],
        "cc": [f"{BO}/followers", ADA],
        "inReplyTo": None,
        "attachment": [],
        "sensitive": False,
        "tag": [TAG, {"type": "Hashtag", "href": "https://b.example/tags/tea", "name": "#tea"}],
    },
    "to": [PUBLIC],
    "cc": [f"{BO}/followers", ADA],
}
FEDIFY = {
    "@context": [
        "https://www.w3.org/ns/activitystreams",
        "https://w3id.org/security/data-integrity/v1",
        {"toot": "http://joinmastodon.org/ns#"},
    ],
    "id": f"{BO}/posts/1#create",
    "type": "Create",
    "actor": BO,
    "to": "as:Public",
    "cc": [f"{BO}/followers", ADA],
    "object": {
        "id": f"{BO}/posts/1",
        "type": "Note",
        "attributedTo": BO,
        "to": "as:Public",
        "cc": [f"{BO}/followers", ADA],
        "content": '<p><a class="mention" href="https://site.test/@ada">@ada</a> hello #tea</p>',
        "tag": [TAG, {"type": "Hashtag", "href": "https://b.example/tags/tea", "name": "#tea"}],
        "published": NOW,
        "url": {"type": "Link", "href": "https://b.example/@bo/posts/1", "mediaType": "text/html"},
    },
    "proof": {"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "proofValue": "z5"},
}
SOFTWARE = {"Mastodon": MASTODON, "GoToSocial": GOTOSOCIAL, "Misskey": MISSKEY, "Fedify": FEDIFY}


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path, internet: Internet) -> SiteFixture:
    site = build_site(cursor, tmp_path, internet, public_url=URL, federation="on")
    site.registered_user("ada")
    return site


@pytest.fixture
def bo(site: SiteFixture, internet: Internet) -> RemoteUser:
    return RemoteUser(site, internet)


def deliver(site: SiteFixture, bo: RemoteUser, activity: dict[str, Any]) -> None:
    assert bo.deliver(activity) == 202
    run_effects(site)


def rows(site: SiteFixture, sql: str) -> list[tuple[Any, ...]]:
    return fetch_all(site.cursor, lambda *columns: columns, sql)


def note(number: int = 1, **changes: Any) -> dict[str, Any]:
    plain = {"id": f"{BO}/statuses/{number}", "type": "Note", "attributedTo": BO, "content": "<p>hi</p>", "published": NOW}
    return {**plain, "to": [PUBLIC], "cc": [f"{BO}/followers"], **changes}


def follow_bo(site: SiteFixture, bo: RemoteUser) -> None:
    bo.do("Follow", ADA)
    make.follow(site.cursor, site.viewer("ada"), known_actor(site.cursor))


def home(site: SiteFixture) -> list[str]:
    ada = site.viewer("ada")
    return [post.html for post in result_of(site.domain.timelines.home(ada, Page()))]


@pytest.mark.parametrize("software", SOFTWARE)
def test_a_post_of_other_software_is_shown_as_one_of_ours(site: SiteFixture, bo: RemoteUser, software: str) -> None:
    activity = SOFTWARE[software]
    deliver(site, bo, activity)
    [(kind, id)] = rows(site, "select kind, post_id from notifications")
    shown = site.visitor().get(f"/api/v1/statuses/{id}").json
    assert kind == "mention"
    assert shown["uri"] == activity["object"]["id"]  # type: ignore[index]
    assert shown["account"]["acct"] == "bo@b.example"
    assert (shown["visibility"], shown["spoiler_text"], shown["sensitive"]) == ("public", "", False)
    assert [mention["acct"] for mention in shown["mentions"]] == ["ada"]
    assert [tag["name"] for tag in shown["tags"]] == ["tea"]
    assert "hello" in shown["content"]
    assert shown["language"] == ("en" if software in ("Mastodon", "GoToSocial") else None)
    assert shown.get("application") is None


def test_nothing_is_stored_of_strangers_who_write_to_nobody_here(site: SiteFixture, bo: RemoteUser) -> None:
    for activity in (
        bo.activity("Create", note()),
        bo.activity("Announce", "https://c.example/1"),
        bo.activity("Like", "https://c.example/1"),
    ):
        assert bo.deliver(activity) == 202
    assert rows(site, "select from incoming_activities") == rows(site, "select from jobs where kind like 'federation%'") == []


def test_posts_of_followees_are_at_home_until_they_are_deleted(site: SiteFixture, bo: RemoteUser) -> None:
    follow_bo(site, bo)
    bo.do("Create", note())
    assert home(site) == ["<p>hi</p>"]
    bo.do("Update", note(content="<p>hello</p>", updated="2999-01-01T00:00:00Z"))
    assert home(site) == ["<p>hello</p>"]
    [(id,)] = rows(site, "select id from posts")
    assert [each["content"] for each in site.visitor().get(f"/api/v1/statuses/{id}/history").json] == ["<p>hi</p>", "<p>hello</p>"]
    assert site.visitor().get("/api/v1/timelines/public?local=true").json == []
    bo.do("Delete", {"id": f"{BO}/statuses/1", "type": "Tombstone"})
    assert home(site) == []
    assert site.visitor().get(f"/api/v1/statuses/{id}").status == 404


def test_a_direct_message_reaches_one_person(site: SiteFixture, bo: RemoteUser) -> None:
    site.registered_user("eve")
    follow_bo(site, bo)
    message = note(to=[ADA], cc=[], tag=[TAG])
    assert bo.deliver(bo.activity("Create", message), "/users/ada/inbox") == 202
    run_effects(site)
    [(id,)] = rows(site, "select id from posts")
    assert site.visitor().get(f"/api/v1/statuses/{id}").status == 404
    assert rows(site, "select a.username, c.unread from conversations c join accounts a on a.id = c.account_id") == [("ada", True)]


def test_a_deletion_by_an_unknown_actor_asks_nobody(site: SiteFixture, bo: RemoteUser, internet: Internet) -> None:
    assert bo.deliver(bo.activity("Delete", f"{BO}/statuses/1")) == 202
    assert internet.requests == []
    assert rows(site, "select from incoming_activities") == []


def test_a_suspended_account_cannot_publish_but_can_delete(site: SiteFixture, bo: RemoteUser) -> None:
    follow_bo(site, bo)
    bo.do("Create", note())
    make.suspend(site.cursor, known_actor(site.cursor))
    assert bo.deliver(bo.activity("Create", note(2))) == 403
    bo.do("Delete", f"{BO}/statuses/1")
    assert rows(site, "select from posts where deleted_at is null") == []


def test_parents_of_replies_are_fetched_by_a_job(site: SiteFixture, bo: RemoteUser, internet: Internet) -> None:
    follow_bo(site, bo)
    internet.documents[f"{BO}/statuses/2"] = note(2, content="<p>parent</p>")
    bo.do("Create", note(inReplyTo=f"{BO}/statuses/2"))
    [(payload,)] = rows(site, "select payload from jobs where kind = 'federation.parent'")
    assert site.federation is not None
    result_of(site.federation.effects.posts.fetch_parent(payload["uri"], payload["ancestors"], lambda cursor: None))
    assert sorted(home(site)) == ["<p>hi</p>", "<p>parent</p>"]
    [(id,)] = rows(site, f"select id from posts where uri = '{BO}/statuses/1'")
    assert [each["content"] for each in site.visitor().get(f"/api/v1/statuses/{id}/context").json["ancestors"]] == ["<p>parent</p>"]
