"""Relationships in the API."""

from __future__ import annotations

import pytest

from tests import make
from tests.web.api.client import Client, client, ids, links
from tests.web.visitor import SiteFixture


@pytest.fixture
def ada(site: SiteFixture) -> Client:
    """An account."""
    return client(site, "ada")


@pytest.fixture
def bob(site: SiteFixture) -> Client:
    """Another account."""
    return client(site, "bob")


@pytest.mark.parametrize(
    ("do", "undo", "flag"),
    [("follow", "unfollow", "following"), ("block", "unblock", "blocking"), ("mute", "unmute", "muting")],
)
def test_each_action_returns_the_new_relationship(ada: Client, bob: Client, do: str, undo: str, flag: str) -> None:
    for action, expected in ((do, True), (do, True), (undo, False), (undo, False)):
        response = ada.post(f"/v1/accounts/{bob.id}/{action}")
        assert (response.status, response.json["id"], response.json[flag]) == (200, bob.id, expected)
        assert ada.get("/v1/accounts/relationships", id=[bob.id]).json == [response.json]


def test_following_again_changes_the_options(ada: Client, bob: Client) -> None:
    first = ada.post(f"/v1/accounts/{bob.id}/follow", reblogs=False, notify=True, languages=["de", "en"]).json
    assert (first["showing_reblogs"], first["notifying"], first["languages"]) == (False, True, ["de", "en"])
    second = ada.request("POST", f"/v1/accounts/{bob.id}/follow", json={"reblogs": True}).json
    assert (second["showing_reblogs"], second["notifying"]) == (True, True)
    assert bob.get("/v1/accounts/relationships", id=[ada.id]).json[0]["followed_by"] is True


def test_following_oneself_is_403(ada: Client) -> None:
    response = ada.post(f"/v1/accounts/{ada.id}/follow")
    assert (response.status, response.json["error"]) == (403, "Following your own account is not allowed")


def test_a_locked_account_gets_follow_requests(site: SiteFixture, ada: Client) -> None:
    cat = client(site, "cat", locked=True)
    requested = ada.post(f"/v1/accounts/{cat.id}/follow").json
    assert (requested["requested"], requested["following"]) == (True, False)
    assert ids(cat.get("/v1/follow_requests")) == [ada.id]
    assert cat.get("/v1/accounts/relationships", id=[ada.id]).json[0]["requested_by"] is True
    accepted = cat.post(f"/v1/follow_requests/{ada.id}/authorize").json
    assert (accepted["followed_by"], cat.get("/v1/follow_requests").json) == (True, [])
    assert ada.get("/v1/accounts/relationships", id=[cat.id]).json[0]["following"] is True
    assert cat.post(f"/v1/accounts/{ada.id}/remove_from_followers").json["followed_by"] is False
    ada.post(f"/v1/accounts/{cat.id}/follow")
    assert cat.post(f"/v1/follow_requests/{ada.id}/reject").json["requested_by"] is False
    assert [one["type"] for one in cat.get("/v1/notifications").json] == []


def test_an_accepted_follow_request_creates_a_follow_notification(site: SiteFixture, ada: Client, bob: Client) -> None:
    cat = client(site, "cat", locked=True)
    ada.post(f"/v1/accounts/{cat.id}/follow")
    cat.post(f"/v1/follow_requests/{ada.id}/authorize")
    bob.post(f"/v1/accounts/{cat.id}/follow")
    cat.patch("/v1/accounts/update_credentials", locked=False)
    assert [(one["type"], one["account"]["id"]) for one in cat.get("/v1/notifications").json] == [("follow", bob.id), ("follow", ada.id)]


def test_a_missing_follow_request_is_404(ada: Client, bob: Client) -> None:
    for action in ("authorize", "reject"):
        response = ada.post(f"/v1/follow_requests/{bob.id}/{action}")
        assert (response.status, response.json) == (404, {"error": "Record not found"})


def test_relationships_are_returned_for_one_or_many_ids(ada: Client, bob: Client) -> None:
    assert ids(ada.get(f"/v1/accounts/relationships?id={bob.id}")) == [bob.id]
    assert ids(ada.get(f"/v1/accounts/relationships?id[]={bob.id}&id[]=5&id[]={ada.id}")) == [bob.id, ada.id]
    assert ids(ada.get(f"/v1/accounts/relationships?id[0]={bob.id}&with_suspended=true")) == [bob.id]
    assert ada.get("/v1/accounts/relationships").json == []


def test_a_mute_may_expire_and_keep_notifications(ada: Client, bob: Client) -> None:
    muted = ada.post(f"/v1/accounts/{bob.id}/mute", notifications=False, duration=60).json
    assert (muted["muting"], muted["muting_notifications"]) == (True, False)
    assert ada.get("/v1/mutes").json[0]["mute_expires_at"] is not None
    ada.post(f"/v1/accounts/{bob.id}/mute")
    assert ada.get("/v1/mutes").json[0]["mute_expires_at"] is None
    assert ada.post(f"/v1/accounts/{bob.id}/mute", duration="-5").status == 422


def test_a_block_ends_follows_in_both_directions(ada: Client, bob: Client) -> None:
    ada.post(f"/v1/accounts/{bob.id}/follow")
    bob.post(f"/v1/accounts/{ada.id}/follow")
    blocked = ada.post(f"/v1/accounts/{bob.id}/block").json
    assert (blocked["blocking"], blocked["following"], blocked["followed_by"]) == (True, False, False)
    assert bob.get("/v1/accounts/relationships", id=[ada.id]).json[0]["blocked_by"] is True
    assert bob.post(f"/v1/accounts/{ada.id}/follow").status == 403


def test_a_private_note_can_be_set_and_cleared(ada: Client, bob: Client) -> None:
    assert ada.post(f"/v1/accounts/{bob.id}/note", comment="met at tea").json["note"] == "met at tea"
    assert ada.post(f"/v1/accounts/{bob.id}/note", comment="").json["note"] == ""


@pytest.mark.parametrize(("action", "path"), [("block", "/v1/blocks"), ("mute", "/v1/mutes")])
def test_blocks_and_mutes_are_paged(site: SiteFixture, ada: Client, action: str, path: str) -> None:
    others = [client(site, f"other{number}") for number in range(3)]
    for other in others:
        ada.post(f"/v1/accounts/{other.id}/{action}")
    first = ada.get(path, limit=2)
    assert ids(first) == [others[2].id, others[1].id]
    second = ada.follow(links(first)["next"])
    assert (ids(second), set(links(second))) == ([others[0].id], {"prev"})


def test_actions_on_an_unknown_account_are_404(ada: Client) -> None:
    for action in ("follow", "unfollow", "block", "unblock", "mute", "unmute", "note", "remove_from_followers"):
        assert ada.post(f"/v1/accounts/5/{action}").status == 404
    for action in ("authorize", "reject"):
        assert ada.post(f"/v1/follow_requests/5/{action}").status == 404


def test_relationships_with_suspended_accounts_are_returned_only_on_request(site: SiteFixture, ada: Client, bob: Client) -> None:
    make.suspend(site.cursor, bob.owner)
    assert ada.get("/v1/accounts/relationships", id=[bob.id]).json == []
    assert ids(ada.get("/v1/accounts/relationships", id=[bob.id], with_suspended=True)) == [bob.id]
