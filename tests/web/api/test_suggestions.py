"""Suggestions, the directory, endorsements, domain blocks and trends in the API."""

from __future__ import annotations

import pytest

from tests import make
from tests.web.api.client import Client, anonymous_client, client, ids, links
from tests.web.visitor import SiteFixture


def follow(site: SiteFixture, follower: Client, followee: Client) -> None:
    assert follower.viewer
    assert followee.viewer
    make.follow(site.cursor, follower.viewer, followee.viewer)


@pytest.mark.parametrize(("verb", "undo"), [("endorse", "unendorse"), ("pin", "unpin")])
def test_accounts_are_endorsed_on_a_profile(site: SiteFixture, verb: str, undo: str) -> None:
    ada, bob, eve = (client(site, name) for name in ("ada", "bob", "eve"))
    follow(site, ada, bob)
    refused = ada.post(f"/v1/accounts/{eve.id}/{verb}")
    assert (refused.status, refused.json["error"]) == (
        422,
        "Validation failed: You must be already following the person you want to endorse",
    )
    assert ada.post(f"/v1/accounts/{bob.id}/{verb}").json["endorsed"] is True
    assert ada.post(f"/v1/accounts/{bob.id}/{verb}").json["endorsed"] is True
    assert ids(ada.get("/v1/endorsements")) == ids(anonymous_client(site).get(f"/v1/accounts/{ada.id}/endorsements")) == [bob.id]
    assert ids(ada.get("/v1/endorsements", limit=0)) == [bob.id]
    assert ada.get("/v1/accounts/relationships", id=[bob.id]).json[0]["endorsed"] is True
    assert ada.post(f"/v1/accounts/{bob.id}/{undo}").json["endorsed"] is False
    ada.post(f"/v1/accounts/{bob.id}/{verb}")
    ada.post(f"/v1/accounts/{bob.id}/unfollow")
    assert ids(ada.get("/v1/endorsements")) == []
    assert ada.post(f"/v1/accounts/1/{verb}").status == 404


def test_familiar_followers_are_listed(site: SiteFixture) -> None:
    ada, bob, eve, cyd = (client(site, name) for name in ("ada", "bob", "eve", "cyd"))
    follow(site, ada, bob)
    follow(site, bob, eve)
    follow(site, cyd, eve)
    result = ada.get("/v1/accounts/familiar_followers", id=[eve.id, cyd.id]).json
    assert [(each["id"], [one["id"] for one in each["accounts"]]) for each in result] == [(eve.id, [bob.id]), (cyd.id, [])]


def test_the_directory_lists_discoverable_accounts(site: SiteFixture) -> None:
    ada, bob, eve = (client(site, name) for name in ("ada", "bob", "eve"))
    assert ada.viewer
    assert eve.viewer
    site.cursor.execute("update accounts set discoverable = false where id = %s", [eve.viewer.id])
    make.post(site.cursor, ada.viewer)
    assert ids(anonymous_client(site).get("/v1/directory")) == [ada.id, bob.id]
    assert ids(anonymous_client(site).get("/v1/directory", order="new")) == [bob.id, ada.id]
    assert ids(anonymous_client(site).get("/v1/directory", order="new", offset=1, limit=1)) == [ada.id]


def test_suggestions_can_be_dismissed(site: SiteFixture) -> None:
    ada, bob, eve = (client(site, name) for name in ("ada", "bob", "eve"))
    follow(site, eve, bob)
    assert [each["account"]["id"] for each in ada.get("/v2/suggestions").json] == [bob.id, eve.id]
    assert ada.delete(f"/v1/suggestions/{bob.id}").json == {}
    assert [each["account"]["id"] for each in ada.get("/v2/suggestions").json] == [eve.id]
    old = ada.get("/v1/suggestions")
    assert (ids(old), old.header("Deprecation") is not None) == ([eve.id], True)


def test_suggestions_are_paged(site: SiteFixture) -> None:
    ada, bob, eve = (client(site, name) for name in ("ada", "bob", "eve"))
    follow(site, eve, bob)
    assert [each["account"]["id"] for each in ada.get("/v2/suggestions", limit=1, offset=1).json] == [eve.id]
    assert ids(ada.get("/v1/suggestions", offset=1)) == [eve.id]
    assert ada.get("/v2/suggestions", offset=2).json == []
    assert ada.get("/v2/suggestions", offset=100_001).status == 422


def test_domain_blocks_are_stored(site: SiteFixture) -> None:
    ada = client(site, "ada")
    for domain in ("Example.com", "example.org", "example.com"):
        assert ada.post("/v1/domain_blocks", domain=domain).json == {}
    assert ada.get("/v1/domain_blocks").json == ["example.org", "example.com"]
    assert "since_id" in links(ada.get("/v1/domain_blocks"))["prev"]
    assert ada.delete("/v1/domain_blocks", domain="EXAMPLE.com").json == {}
    assert ada.get("/v1/domain_blocks").json == ["example.org"]
    assert [ada.post("/v1/domain_blocks", domain=domain).status for domain in ("", "a b", "x" * 300)] == [422, 422, 422]


def test_favourites_boosts_and_hashtags_become_trends(site: SiteFixture) -> None:
    ada, bob, eve = (client(site, name) for name in ("ada", "bob", "eve"))
    liked = ada.post("/v1/statuses", status="Good #tea").json["id"]
    other = bob.post("/v1/statuses", status="More #tea").json["id"]
    hidden = eve.post("/v1/statuses", status="#tea", visibility="unlisted").json["id"]
    for api_client in (ada, bob, eve):
        for id in (liked, hidden):
            api_client.post(f"/v1/statuses/{id}/favourite")
    ada.post(f"/v1/statuses/{other}/reblog")
    assert ids(anonymous_client(site).get("/v1/trends/statuses")) == [liked, other]
    first = anonymous_client(site).get("/v1/trends/statuses", limit=1)
    assert ids(first) == [liked]
    assert ids(anonymous_client(site).follow(links(first)["next"])) == [other]
    ada.post(f"/v1/accounts/{bob.id}/block")
    assert ids(bob.get("/v1/trends/statuses")) == [other]
    for path in ("/v1/trends/tags", "/v1/trends"):
        assert [tag["name"] for tag in ada.get(path).json] == ["tea"]
    assert ada.get("/v1/trends/links").json == []


def test_identity_proofs_are_empty_and_deprecated(site: SiteFixture) -> None:
    ada = client(site, "ada")
    response = ada.get(f"/v1/accounts/{ada.id}/identity_proofs")
    assert (response.status, response.json, response.header("Deprecation")) == (200, [], "@1648598400")
    assert ada.get("/v1/accounts/1/identity_proofs").status == 404


def test_an_invalid_offset_is_ignored(site: SiteFixture) -> None:
    ada = client(site, "ada")
    for path in ("/v1/directory?offset=x", "/v1/directory?offset=-1", "/v1/accounts/search?q=ada&offset=x"):
        assert ids(ada.get(path)) == [ada.id]
    assert ada.get("/v1/directory", offset=10**12).status == 422
    assert ada.get("/v1/trends/tags", offset="x").status == 200
