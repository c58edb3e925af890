"""Lists in the API."""

from __future__ import annotations

from tests import make
from tests.web.api.client import client, ids, links
from tests.web.visitor import SiteFixture


def test_a_list_is_created_read_changed_and_deleted(site: SiteFixture) -> None:
    ada = client(site, "ada")
    created = ada.post("/v1/lists", title="Friends", replies_policy="followed").json
    assert created == {"id": created["id"], "title": "Friends", "replies_policy": "followed", "exclusive": False}
    changed = ada.put(f"/v1/lists/{created['id']}", title="Family", exclusive=True).json
    assert changed == {**created, "title": "Family", "exclusive": True}
    assert ada.get("/v1/lists").json == [changed]
    assert ada.get(f"/v1/lists/{created['id']}").json == changed
    assert client(site, "bob").get(f"/v1/lists/{created['id']}").status == 404
    assert (ada.delete(f"/v1/lists/{created['id']}").json, ada.get("/v1/lists").json) == ({}, [])
    refused = ada.post("/v1/lists", title="")
    assert (refused.status, refused.json["error"]) == (422, "Validation failed: Title can't be blank")


def test_members_are_added_paged_and_removed(site: SiteFixture) -> None:
    ada, bob, eve, cyd = (client(site, name) for name in ("ada", "bob", "eve", "cyd"))
    assert ada.viewer
    for friend in (bob, eve):
        assert friend.viewer
        make.follow(site.cursor, ada.viewer, friend.viewer)
    created = ada.post("/v1/lists", title="Friends").json
    members = f"/v1/lists/{created['id']}/accounts"
    assert ada.post(members, account_ids=[bob.id, eve.id]).json == {}
    again = ada.post(members, account_ids=[bob.id])
    assert (again.status, again.json["error"]) == (422, "Validation failed: Account has already been taken")
    stranger = ada.post(members, account_ids=[cyd.id])
    assert (stranger.status, stranger.json["error"]) == (422, "Validation failed: Account must be a followed account")
    assert ada.post(members, account_ids=["1"]).status == 404
    first = ada.get(members, limit=1)
    assert "since_id" in links(first)["prev"]
    assert {*ids(first), *ids(ada.follow(links(first)["next"]))} == {bob.id, eve.id}
    assert len(ids(ada.get(members, limit=0))) == 2
    assert ada.get(f"/v1/accounts/{bob.id}/lists").json == [created]
    assert ada.delete(members, account_ids=[bob.id]).json == {}
    assert ids(ada.get(members)) == [eve.id]


def test_a_list_timeline_has_its_members_posts(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    assert ada.viewer
    assert bob.viewer
    make.follow(site.cursor, ada.viewer, bob.viewer)
    posts = [make.post(site.cursor, bob.viewer, text) for text in ("one", "two")]
    make.post(site.cursor, ada.viewer, "mine")
    created = ada.post("/v1/lists", title="Friends").json
    ada.post(f"/v1/lists/{created['id']}/accounts", account_ids=[bob.id])
    page = ada.get(f"/v1/timelines/list/{created['id']}", limit=1)
    assert ids(page) == [str(posts[1].id)]
    assert ids(ada.follow(links(page)["next"])) == [str(posts[0].id)]
    assert bob.get(f"/v1/timelines/list/{created['id']}").status == 404
