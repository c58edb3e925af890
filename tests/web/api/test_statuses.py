"""Posts in the API: publishing, editing, deleting, reading."""

from __future__ import annotations

from datetime import timedelta

import pytest

from microblog.model.posts import Visibility
from tests import make
from tests.web.api.client import Client, anonymous_client, client, ids, links
from tests.web.oauth import TestApp
from tests.web.visitor import SiteFixture


def test_a_post_is_published_and_found(site: SiteFixture) -> None:
    ada = client(site, "ada")
    response = ada.post("/v1/statuses", status="Hello *world* <b>\n\nsecond #Tea", visibility="unlisted", language="en")
    assert response.status == 200
    post = response.json
    assert post["content"].startswith("<p>Hello *world* &lt;b&gt;</p><p>second ")
    assert post["tags"] == [{"name": "tea", "url": "http://site.test/tags/tea"}]
    assert (post["visibility"], post["favourited"], post["account"]["acct"]) == ("unlisted", False, "ada")
    assert post["account"]["statuses_count"] == 1
    assert post["application"]["name"] == "Tapper"
    assert post["url"] == f"http://site.test/@ada/{post['id']}"
    assert post["uri"] == f"http://site.test/users/ada/statuses/{post['id']}"
    assert "pinned" in post
    assert ada.get(f"/v1/statuses/{post['id']}").json == post
    seen = anonymous_client(site).get(f"/v1/statuses/{post['id']}").json
    assert seen.keys() & {"favourited", "reblogged", "muted", "bookmarked", "pinned", "filtered"} == set()


@pytest.mark.parametrize("body", [{"status": "in JSON", "sensitive": True}, {"status": "in JSON", "sensitive": 1}])
def test_json_bodies_are_read(site: SiteFixture, body: dict[str, object]) -> None:
    post = client(site, "ada").request("POST", "/v1/statuses", json=body).json
    assert (post["content"], post["sensitive"]) == ("<p>in JSON</p>", True)


def test_parameters_of_a_post_request_may_be_in_the_query(site: SiteFixture) -> None:
    assert client(site, "ada").request("POST", "/v1/statuses", {"status": "in the query"}).json["content"] == "<p>in the query</p>"


def test_a_content_warning_makes_a_post_sensitive(site: SiteFixture) -> None:
    post = client(site, "ada").post("/v1/statuses", status="boo", spoiler_text="<i>ghosts</i>").json
    assert (post["sensitive"], post["spoiler_text"]) == (True, "<i>ghosts</i>")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "Validation failed: Text can't be blank"),
        ({"status": "  \n"}, "Validation failed: Text can't be blank"),
        ({"status": "x" * 501}, "Validation failed: Text character limit of 500 exceeded"),
        ({"status": "x", "visibility": "secret"}, "Validation failed: Visibility is not included in the list"),
    ],
)
def test_an_invalid_post_is_422_with_the_error_of_mastodon(site: SiteFixture, fields: dict[str, str], sentence: str) -> None:
    response = client(site, "ada").post("/v1/statuses", **fields)
    assert (response.status, response.json["error"]) == (422, sentence)


def test_a_reply_to_a_hidden_or_missing_post_is_404(site: SiteFixture) -> None:
    bob = client(site, "bob")
    hidden = make.post(site.cursor, make.viewer(site.cursor, "eve"), visibility=Visibility.DIRECT)
    for target in (str(hidden.id), "1"):
        response = bob.post("/v1/statuses", status="hm", in_reply_to_id=target)
        assert (response.status, response.json["error"]) == (404, "The post you are trying to reply to does not appear to exist.")


def test_a_reply_to_a_boost_is_a_reply_to_the_original(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    post = ada.post("/v1/statuses", status="first").json
    boost = bob.post(f"/v1/statuses/{post['id']}/reblog").json
    reply = bob.post("/v1/statuses", status="@ada well", in_reply_to_id=boost["id"]).json
    assert (reply["in_reply_to_id"], reply["in_reply_to_account_id"]) == (post["id"], ada.id)
    assert [mention["acct"] for mention in reply["mentions"]] == ["ada"]
    assert ada.get(f"/v1/statuses/{post['id']}").json["replies_count"] == 1


def test_the_same_idempotency_key_gives_the_same_post(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    first = ada.request("POST", "/v1/statuses", form={"status": "once"}, headers={"Idempotency-Key": "k"}).json
    second = ada.request("POST", "/v1/statuses", form={"status": "other words"}, headers={"Idempotency-Key": "k"}).json
    assert (second["id"], second["content"]) == (first["id"], "<p>once</p>")
    assert bob.request("POST", "/v1/statuses", form={"status": "mine"}, headers={"Idempotency-Key": "k"}).json["id"] != first["id"]
    assert ada.get(f"/v1/accounts/{ada.id}").json["statuses_count"] == 1


def test_the_idempotency_key_of_a_deleted_post_creates_a_new_post(site: SiteFixture) -> None:
    ada = client(site, "ada")
    first = ada.request("POST", "/v1/statuses", form={"status": "redraft me"}, headers={"Idempotency-Key": "k"}).json
    ada.delete(f"/v1/statuses/{first['id']}")
    second = ada.request("POST", "/v1/statuses", form={"status": "redraft me"}, headers={"Idempotency-Key": "k"})
    assert (second.status, second.json["id"] != first["id"]) == (200, True)


def test_mentions_that_are_not_allowed_are_reported_instead_of_sent(site: SiteFixture) -> None:
    ada, bob, eve = client(site, "ada"), client(site, "bob"), client(site, "eve")
    response = ada.post("/v1/statuses", status="@bob @eve psst", visibility="direct", allowed_mentions=[bob.id])
    assert response.status == 422
    assert [account["id"] for account in response.json["unexpected_accounts"]] == [eve.id]
    assert ada.post("/v1/statuses", status="@bob psst", visibility="direct", allowed_mentions=[bob.id]).status == 200
    assert eve.get("/v1/notifications").json == []


def test_an_edit_is_shown_and_kept_in_the_history(site: SiteFixture) -> None:
    ada = client(site, "ada")
    post = ada.post("/v1/statuses", status="frist").json
    assert [edition["content"] for edition in ada.get(f"/v1/statuses/{post['id']}/history").json] == ["<p>frist</p>"]
    edited = ada.put(f"/v1/statuses/{post['id']}", status="first", spoiler_text="careful").json
    assert (edited["content"], edited["spoiler_text"]) == ("<p>first</p>", "careful")
    assert edited["edited_at"] is not None
    assert [edition["content"] for edition in ada.get(f"/v1/statuses/{post['id']}/history").json] == ["<p>frist</p>", "<p>first</p>"]
    assert ada.get(f"/v1/statuses/{post['id']}/source").json == {"id": post["id"], "text": "first", "spoiler_text": "careful"}
    assert ada.put(f"/v1/statuses/{post['id']}", status="first", spoiler_text="careful").json["edited_at"] == edited["edited_at"]


def test_only_its_author_edits_or_deletes_a_post(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    post = ada.post("/v1/statuses", status="mine").json
    assert bob.put(f"/v1/statuses/{post['id']}", status="ours").status == 404
    assert bob.delete(f"/v1/statuses/{post['id']}").status == 404


def test_deleting_a_post_returns_its_text_for_a_redraft(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    post = ada.post("/v1/statuses", status="one & two").json
    bob.post(f"/v1/statuses/{post['id']}/reblog")
    gone = ada.delete(f"/v1/statuses/{post['id']}")
    assert (gone.status, gone.json["text"]) == (200, "one & two")
    assert "content" not in gone.json
    assert ada.get(f"/v1/statuses/{post['id']}").status == 404
    assert ada.get(f"/v1/accounts/{ada.id}").json["statuses_count"] == 0
    assert bob.get(f"/v1/accounts/{bob.id}/statuses").json == []


def test_the_context_of_a_post_has_ancestors_and_descendants(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    top = ada.post("/v1/statuses", status="top").json
    middle = bob.post("/v1/statuses", status="@ada middle", in_reply_to_id=top["id"]).json
    low = ada.post("/v1/statuses", status="@bob low", in_reply_to_id=middle["id"]).json
    context = bob.get(f"/v1/statuses/{middle['id']}/context").json
    assert [post["id"] for post in context["ancestors"]] == [top["id"]]
    assert [post["id"] for post in context["descendants"]] == [low["id"]]
    assert context["ancestors"][0]["favourited"] is False


def test_several_posts_are_returned_in_request_order_without_hidden_ones(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    one, two = (ada.post("/v1/statuses", status=text).json["id"] for text in ("one", "two"))
    secret = ada.post("/v1/statuses", status="for me", visibility="direct").json["id"]
    assert ids(bob.get("/v1/statuses", id=[two, secret, "7", one])) == [two, one]
    assert ids(ada.get("/v1/statuses", id=[secret])) == [secret]
    assert ids(anonymous_client(site).get(f"/v1/statuses?id={one}")) == [one]


def test_accounts_that_favourited_or_boosted_are_paged_by_the_action(site: SiteFixture) -> None:
    ada = client(site, "ada")
    post = ada.post("/v1/statuses", status="popular").json["id"]
    fans = [client(site, f"fan{number}") for number in range(5)]
    for fan in fans:
        fan.post(f"/v1/statuses/{post}/favourite")
        fan.post(f"/v1/statuses/{post}/reblog")
    for path in (f"/v1/statuses/{post}/favourited_by", f"/v1/statuses/{post}/reblogged_by"):
        first = anonymous_client(site).get(path, limit=2)
        assert ids(first) == [fans[4].id, fans[3].id]
        second = anonymous_client(site).follow(links(first)["next"])
        assert ids(second) == [fans[2].id, fans[1].id]
        assert "since_id=" in links(second)["prev"]
        last = anonymous_client(site).follow(links(second)["next"])
        assert (ids(last), set(links(last))) == ([fans[0].id], {"prev"})
        assert ids(anonymous_client(site).follow(links(second)["prev"])) == [fans[4].id, fans[3].id]


def test_a_followers_only_boost_is_not_listed_for_others(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    post = ada.post("/v1/statuses", status="x").json["id"]
    assert bob.post(f"/v1/statuses/{post}/reblog", visibility="private").json["visibility"] == "private"
    assert ada.get(f"/v1/statuses/{post}/reblogged_by").json == []


def test_invalid_and_unknown_ids_are_404(site: SiteFixture) -> None:
    ada = client(site, "ada")
    for path in ("/v1/statuses/abc", "/v1/statuses/1/context", "/v1/statuses/99999999999999999999", "/v1/statuses/1/history"):
        response = ada.get(path)
        assert (response.status, set(response.json)) == (404, {"error"})


def test_times_have_milliseconds_and_z(site: SiteFixture) -> None:
    ada = client(site, "ada")
    post = make.post(site.cursor, ada.owner, now=make.NOW + timedelta(microseconds=123))
    assert ada.get(f"/v1/statuses/{post.id}").json["created_at"] == "2026-03-04T05:06:07.891Z"


def test_a_post_names_its_app_and_the_apps_website(site: SiteFixture) -> None:
    app = TestApp.register(site, website="https://tapper.example")
    token = app.exchange(app.code(site.registered_user("ada"))).json["access_token"]
    who = Client(site, token)
    post = who.post("/v1/statuses", status="x").json
    assert post["application"] == {"name": "Tapper", "website": "https://tapper.example"}
    assert anonymous_client(site).get(f"/v1/statuses/{post['id']}").json["application"] == post["application"]
    assert client(site, "bob").post("/v1/statuses", status="y").json["application"] == {"name": "Tapper", "website": None}
