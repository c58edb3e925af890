"""Posts in the API: publishing, editing, deleting, reading."""

from __future__ import annotations

from datetime import timedelta

import pytest

from microblog.model.posts import Visibility
from tests import make
from tests.web.api.client import Client, anonymous, client, ids, links
from tests.web.oauth import TestApp
from tests.web.visitor import Town


def test_a_post_is_published_and_found(site: Town) -> None:
    ada = client(site, "ada")
    reply = ada.post("/v1/statuses", status="Hello *world* <b>\n\nsecond #Tea", visibility="unlisted", language="en")
    assert reply.status == 200
    post = reply.json
    assert post["content"].startswith("<p>Hello *world* &lt;b&gt;</p><p>second ")
    assert post["tags"] == [{"name": "tea", "url": "http://site.test/tags/tea"}]
    assert (post["visibility"], post["favourited"], post["account"]["acct"]) == ("unlisted", False, "ada")
    assert post["account"]["statuses_count"] == 1
    assert post["application"]["name"] == "Tapper"
    assert post["url"] == f"http://site.test/@ada/{post['id']}"
    assert post["uri"] == f"http://site.test/users/ada/statuses/{post['id']}"
    assert "pinned" in post
    assert ada.get(f"/v1/statuses/{post['id']}").json == post
    seen = anonymous(site).get(f"/v1/statuses/{post['id']}").json
    assert seen.keys() & {"favourited", "reblogged", "muted", "bookmarked", "pinned", "filtered"} == set()


@pytest.mark.parametrize("body", [{"status": "in JSON", "sensitive": True}, {"status": "in JSON", "sensitive": 1}])
def test_json_bodies_are_read(site: Town, body: dict[str, object]) -> None:
    post = client(site, "ada").ask("POST", "/v1/statuses", json=body).json
    assert (post["content"], post["sensitive"]) == ("<p>in JSON</p>", True)


def test_parameters_may_stand_in_the_query_of_a_post(site: Town) -> None:
    assert client(site, "ada").ask("POST", "/v1/statuses", {"status": "in the query"}).json["content"] == "<p>in the query</p>"


def test_a_warning_makes_a_post_sensitive(site: Town) -> None:
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
def test_what_is_wrong_with_a_post_is_422_with_the_words_that_clients_know(site: Town, fields: dict[str, str], sentence: str) -> None:
    reply = client(site, "ada").post("/v1/statuses", **fields)
    assert (reply.status, reply.json["error"]) == (422, sentence)


def test_a_reply_to_nothing_is_404(site: Town) -> None:
    bob = client(site, "bob")
    hidden = make.post(site.cursor, make.viewer(site.cursor, "eve"), visibility=Visibility.DIRECT)
    for target in (str(hidden.id), "1"):
        reply = bob.post("/v1/statuses", status="hm", in_reply_to_id=target)
        assert (reply.status, reply.json["error"]) == (404, "The post you are trying to reply to does not appear to exist.")


def test_a_reply_to_a_boost_answers_the_original(site: Town) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    post = ada.post("/v1/statuses", status="first").json
    boost = bob.post(f"/v1/statuses/{post['id']}/reblog").json
    reply = bob.post("/v1/statuses", status="@ada well", in_reply_to_id=boost["id"]).json
    assert (reply["in_reply_to_id"], reply["in_reply_to_account_id"]) == (post["id"], ada.id)
    assert [mention["acct"] for mention in reply["mentions"]] == ["ada"]
    assert ada.get(f"/v1/statuses/{post['id']}").json["replies_count"] == 1


def test_the_same_idempotency_key_gives_the_same_post(site: Town) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    first = ada.ask("POST", "/v1/statuses", form={"status": "once"}, headers={"Idempotency-Key": "k"}).json
    second = ada.ask("POST", "/v1/statuses", form={"status": "other words"}, headers={"Idempotency-Key": "k"}).json
    assert (second["id"], second["content"]) == (first["id"], "<p>once</p>")
    assert bob.ask("POST", "/v1/statuses", form={"status": "mine"}, headers={"Idempotency-Key": "k"}).json["id"] != first["id"]
    assert ada.get(f"/v1/accounts/{ada.id}").json["statuses_count"] == 1


def test_the_key_of_a_deleted_post_makes_a_new_post(site: Town) -> None:
    ada = client(site, "ada")
    first = ada.ask("POST", "/v1/statuses", form={"status": "redraft me"}, headers={"Idempotency-Key": "k"}).json
    ada.delete(f"/v1/statuses/{first['id']}")
    second = ada.ask("POST", "/v1/statuses", form={"status": "redraft me"}, headers={"Idempotency-Key": "k"})
    assert (second.status, second.json["id"] != first["id"]) == (200, True)


def test_people_who_were_not_meant_are_told_instead_of_reached(site: Town) -> None:
    ada, bob, eve = client(site, "ada"), client(site, "bob"), client(site, "eve")
    reply = ada.post("/v1/statuses", status="@bob @eve psst", visibility="direct", allowed_mentions=[bob.id])
    assert reply.status == 422
    assert [account["id"] for account in reply.json["unexpected_accounts"]] == [eve.id]
    assert ada.post("/v1/statuses", status="@bob psst", visibility="direct", allowed_mentions=[bob.id]).status == 200
    assert eve.get("/v1/notifications").json == []


def test_an_edit_is_shown_and_remembered(site: Town) -> None:
    ada = client(site, "ada")
    post = ada.post("/v1/statuses", status="frist").json
    assert [edition["content"] for edition in ada.get(f"/v1/statuses/{post['id']}/history").json] == ["<p>frist</p>"]
    edited = ada.put(f"/v1/statuses/{post['id']}", status="first", spoiler_text="careful").json
    assert (edited["content"], edited["spoiler_text"]) == ("<p>first</p>", "careful")
    assert edited["edited_at"] is not None
    assert [edition["content"] for edition in ada.get(f"/v1/statuses/{post['id']}/history").json] == ["<p>frist</p>", "<p>first</p>"]
    assert ada.get(f"/v1/statuses/{post['id']}/source").json == {"id": post["id"], "text": "first", "spoiler_text": "careful"}
    assert ada.put(f"/v1/statuses/{post['id']}", status="first", spoiler_text="careful").json["edited_at"] == edited["edited_at"]


def test_only_its_author_edits_or_deletes_a_post(site: Town) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    post = ada.post("/v1/statuses", status="mine").json
    assert bob.put(f"/v1/statuses/{post['id']}", status="ours").status == 404
    assert bob.delete(f"/v1/statuses/{post['id']}").status == 404


def test_a_deleted_post_comes_back_as_plain_text_for_writing_it_anew(site: Town) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    post = ada.post("/v1/statuses", status="one & two").json
    bob.post(f"/v1/statuses/{post['id']}/reblog")
    gone = ada.delete(f"/v1/statuses/{post['id']}")
    assert (gone.status, gone.json["text"]) == (200, "one & two")
    assert "content" not in gone.json
    assert ada.get(f"/v1/statuses/{post['id']}").status == 404
    assert ada.get(f"/v1/accounts/{ada.id}").json["statuses_count"] == 0
    assert bob.get(f"/v1/accounts/{bob.id}/statuses").json == []


def test_a_conversation_is_told_around_a_post(site: Town) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    top = ada.post("/v1/statuses", status="top").json
    middle = bob.post("/v1/statuses", status="@ada middle", in_reply_to_id=top["id"]).json
    low = ada.post("/v1/statuses", status="@bob low", in_reply_to_id=middle["id"]).json
    context = bob.get(f"/v1/statuses/{middle['id']}/context").json
    assert [post["id"] for post in context["ancestors"]] == [top["id"]]
    assert [post["id"] for post in context["descendants"]] == [low["id"]]
    assert context["ancestors"][0]["favourited"] is False


def test_several_posts_are_given_in_the_asked_order_without_those_one_may_not_see(site: Town) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    one, two = (ada.post("/v1/statuses", status=text).json["id"] for text in ("one", "two"))
    secret = ada.post("/v1/statuses", status="for me", visibility="direct").json["id"]
    assert ids(bob.get("/v1/statuses", id=[two, secret, "7", one])) == [two, one]
    assert ids(ada.get("/v1/statuses", id=[secret])) == [secret]
    assert ids(anonymous(site).get(f"/v1/statuses?id={one}")) == [one]


def test_who_likes_and_who_boosts_is_paged_by_the_likes_themselves(site: Town) -> None:
    ada = client(site, "ada")
    post = ada.post("/v1/statuses", status="popular").json["id"]
    fans = [client(site, f"fan{number}") for number in range(5)]
    for fan in fans:
        fan.post(f"/v1/statuses/{post}/favourite")
        fan.post(f"/v1/statuses/{post}/reblog")
    for path in (f"/v1/statuses/{post}/favourited_by", f"/v1/statuses/{post}/reblogged_by"):
        first = anonymous(site).get(path, limit=2)
        assert ids(first) == [fans[4].id, fans[3].id]
        second = anonymous(site).follow(links(first)["next"])
        assert ids(second) == [fans[2].id, fans[1].id]
        assert "since_id=" in links(second)["prev"]
        last = anonymous(site).follow(links(second)["next"])
        assert (ids(last), set(links(last))) == ([fans[0].id], {"prev"})
        assert ids(anonymous(site).follow(links(second)["prev"])) == [fans[4].id, fans[3].id]


def test_a_boost_for_followers_alone_is_not_told_to_others(site: Town) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    post = ada.post("/v1/statuses", status="x").json["id"]
    assert bob.post(f"/v1/statuses/{post}/reblog", visibility="private").json["visibility"] == "private"
    assert ada.get(f"/v1/statuses/{post}/reblogged_by").json == []


def test_ids_that_are_none_are_404(site: Town) -> None:
    ada = client(site, "ada")
    for path in ("/v1/statuses/abc", "/v1/statuses/1/context", "/v1/statuses/99999999999999999999", "/v1/statuses/1/history"):
        reply = ada.get(path)
        assert (reply.status, set(reply.json)) == (404, {"error"})


def test_times_have_three_digits_and_z(site: Town) -> None:
    ada = client(site, "ada")
    post = make.post(site.cursor, ada.person, now=make.NOW + timedelta(microseconds=123))
    assert ada.get(f"/v1/statuses/{post.id}").json["created_at"] == "2026-03-04T05:06:07.891Z"


def test_a_post_says_which_program_it_came_from_and_where_people_read_about_that(site: Town) -> None:
    app = TestApp.register(site, website="https://tapper.example")
    token = app.exchange(app.code(site.resident("ada"))).json["access_token"]
    who = Client(site, token)
    post = who.post("/v1/statuses", status="x").json
    assert post["application"] == {"name": "Tapper", "website": "https://tapper.example"}
    assert anonymous(site).get(f"/v1/statuses/{post['id']}").json["application"] == post["application"]
    assert client(site, "bob").post("/v1/statuses", status="y").json["application"] == {"name": "Tapper", "website": None}
