"""Review of trends by the admin API: shapes as in Mastodon's documentation, and what people see after a decision."""

from __future__ import annotations

from pathlib import Path

import pytest

from microblog.application.services import now
from microblog.model.accounts import Role
from microblog.model.cards import Card
from microblog.model.ids import PostId
from microblog.storage import cards
from microblog.storage.database import Cursor, fetch_value
from tests.web.api.client import Client, anonymous_client, client, new_client_for
from tests.web.visitor import SiteFixture, build_site

SCOPES = "admin:read admin:write read write"
URL = "https://news.example/moss"


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    return build_site(cursor, tmp_path, rate_limits="off")


def maud(site: SiteFixture) -> Client:
    return client(site, "maud", SCOPES, role=Role.MODERATOR)


def trending(site: SiteFixture) -> tuple[str, str, str]:
    """Return the ids of a hashtag, a post and a link that trend."""
    authors = [client(site, name) for name in ("ada", "bob")]
    posts = [author.post("/v1/statuses", status="Look #moss").json["id"] for author in authors]
    authors[1].post(f"/v1/statuses/{posts[0]}/favourite")
    source = cards.get_or_create(site.cursor, url=URL, now=now())
    cards.store_fetched(site.cursor, id=source.id, card=Card(URL, "All about moss"), now=now())
    for post in posts:
        cards.attach(site.cursor, post=PostId(int(post)), card=source.id)
    return str(fetch_value(site.cursor, "select id from tags where key = 'moss'")), posts[0], str(source.id)


def public(site: SiteFixture) -> list[list[str]]:
    """Return what everybody sees of trends: names of hashtags, ids of posts, and links."""
    api_client = anonymous_client(site)
    tags, statuses, links = (api_client.get(f"/v1/trends/{kind}").json for kind in ("tags", "statuses", "links"))
    return [[tag["name"] for tag in tags], [status["id"] for status in statuses], [link["url"] for link in links]]


def decide(api_client: Client, trends: tuple[str, str, str], act: str) -> None:
    for kind, id in zip(("tags", "statuses", "links"), trends, strict=True):
        assert api_client.post(f"/v1/admin/trends/{kind}/{id}/{act}").status == 200


def test_trends_are_shown_until_a_moderator_rejects_them(site: SiteFixture) -> None:
    trends = trending(site)
    assert public(site) == [["moss"], [trends[1]], [URL]]
    api_client = maud(site)
    decide(api_client, trends, "reject")
    assert public(site) == [[], [], []]
    decide(api_client, trends, "approve")
    assert public(site) == [["moss"], [trends[1]], [URL]]


def test_with_the_setting_trends_are_shown_after_they_were_approved(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path, rate_limits="off", trends_review="on")
    trends = trending(site)
    assert public(site) == [[], [], []]
    decide(maud(site), trends, "approve")
    assert public(site) == [["moss"], [trends[1]], [URL]]


def test_moderators_see_trends_with_what_was_decided(site: SiteFixture) -> None:
    trends, api_client = trending(site), maud(site)

    def seen() -> list[tuple[str, bool]]:
        found = [api_client.get(f"/v1/admin/trends/{kind}").json for kind in ("tags", "statuses", "links")]
        return [(one["id"], one["requires_review"]) for [one] in found]

    assert seen() == [(id, True) for id in trends]
    decide(api_client, trends, "reject")
    assert seen() == [(id, False) for id in trends]
    [tag] = api_client.get("/v1/admin/trends/tags").json
    assert (tag["trendable"], tag["usable"], tag["listable"], len(tag["history"])) == (False, True, True, 7)
    [link] = api_client.get("/v1/admin/trends/links").json
    assert (link["title"], link["history"][0]["accounts"], link["history"][0]["uses"]) == ("All about moss", "2", "2")


def test_decisions_are_in_the_audit_log_once(site: SiteFixture) -> None:
    trends, api_client = trending(site), maud(site)
    for _ in range(2):
        decide(api_client, trends, "reject")
    decide(api_client, trends, "approve")
    sql = "select string_agg(action, ' ' order by id) from audit_log where action <> 'token.create'"
    rejected, approved = (f"tag.{act} trending_post.{act} trending_link.{act}" for act in ("reject", "approve"))
    assert fetch_value(site.cursor, sql) == f"{rejected} {approved}"


def test_a_hashtag_that_is_not_usable_is_refused_in_new_posts_and_edits(site: SiteFixture) -> None:
    tag, post, _ = trending(site)
    api_client = maud(site)
    assert api_client.put(f"/v1/admin/tags/{tag}", usable=False).json["usable"] is False
    ada = new_client_for(site, site.viewer("ada"))
    for response in (
        ada.post("/v1/statuses", status="More #Moss"),
        ada.put(f"/v1/statuses/{ada.post('/v1/statuses', status='More').json['id']}", status="#moss"),
        ada.post("/v1/statuses", status="#moss", scheduled_at="2099-01-01T00:00:00Z"),
    ):
        assert response.status == 422
        assert response.json["error"] == "Validation failed: Text contained a disallowed hashtag: moss"
    assert ada.get(f"/v1/statuses/{post}").status == 200
    assert public(site)[0] == []
    api_client.put(f"/v1/admin/tags/{tag}", usable=True)
    assert ada.post("/v1/statuses", status="More #Moss").status == 200


def test_an_old_post_with_such_a_hashtag_can_be_edited_while_it_keeps_it(site: SiteFixture) -> None:
    tag, post, _ = trending(site)
    maud(site).put(f"/v1/admin/tags/{tag}", usable=False)
    ada = new_client_for(site, site.viewer("ada"))
    assert ada.put(f"/v1/statuses/{post}", status="Look again #moss").status == 200


@pytest.mark.parametrize("change", [{"listable": False}, {"usable": False}])
def test_a_hashtag_that_is_not_listable_or_usable_is_not_found(site: SiteFixture, change: dict[str, bool]) -> None:
    tag, _, _ = trending(site)
    ada = new_client_for(site, site.viewer("ada"))
    search = "/v2/search"
    assert [one["name"] for one in ada.get(search, q="mos", type="hashtags").json["hashtags"]] == ["moss"]
    maud(site).put(f"/v1/admin/tags/{tag}", **change)
    assert ada.get(search, q="mos", type="hashtags").json["hashtags"] == []


def test_a_change_of_a_hashtag_keeps_what_is_not_sent(site: SiteFixture) -> None:
    tag, _, _ = trending(site)
    api_client = maud(site)
    changed = api_client.put(f"/v1/admin/tags/{tag}", listable=False, trendable=False, display_name="Moss").json
    assert (changed["name"], changed["listable"], changed["trendable"], changed["usable"]) == ("Moss", False, False, True)
    again = api_client.put(f"/v1/admin/tags/{tag}", usable=False).json
    assert (again["name"], again["listable"], again["trendable"], again["usable"]) == ("Moss", False, False, False)
    assert api_client.get(f"/v1/admin/tags/{tag}").json == again


def test_a_hashtag_cannot_become_another_one(site: SiteFixture) -> None:
    tag, _, _ = trending(site)
    response = maud(site).put(f"/v1/admin/tags/{tag}", display_name="mass")
    assert (response.status, response.json["error"]) == (422, "Validation failed: Display name does not match the previous name")


def test_all_hashtags_are_listed_in_pages(site: SiteFixture) -> None:
    ada, api_client = client(site, "ada"), maud(site)
    ada.post("/v1/statuses", status="#one #two #three")
    first = api_client.get("/v1/admin/tags", limit=2)
    rest = api_client.get("/v1/admin/tags", limit=2, max_id=first.json[-1]["id"])
    assert {tag["name"] for tag in [*first.json, *rest.json]} == {"one", "two", "three"}


@pytest.mark.parametrize("path", ["trends/tags/1/approve", "trends/statuses/1/reject", "trends/links/1/approve"])
def test_a_decision_about_nothing_is_404(site: SiteFixture, path: str) -> None:
    assert maud(site).post(f"/v1/admin/{path}").status == 404


def test_a_post_that_not_everybody_sees_cannot_be_reviewed(site: SiteFixture) -> None:
    api_client = maud(site)
    post = api_client.post("/v1/statuses", status="Moss", visibility="private").json["id"]
    assert api_client.post(f"/v1/admin/trends/statuses/{post}/approve").status == 404
