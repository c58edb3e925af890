"""Hashtags in the API."""

from __future__ import annotations

from tests import make
from tests.web.api.client import anonymous_client, client, links
from tests.web.visitor import SiteFixture


def test_a_hashtag_is_read_followed_and_featured(site: SiteFixture) -> None:
    ada = client(site, "ada")
    hashtag = ada.get("/v1/tags/Tea").json
    assert (hashtag["name"], hashtag["following"], hashtag["featuring"], len(hashtag["history"])) == ("Tea", False, False, 7)
    assert "following" not in anonymous_client(site).get("/v1/tags/tea").json
    assert ada.post("/v1/tags/tea/follow").json["following"] is True
    assert ada.post("/v1/tags/tea/feature").json["featuring"] is True
    assert ada.post("/v1/tags/coffee/follow").json["following"] is True
    first = ada.get("/v1/followed_tags", limit=1)
    assert [tag["name"] for tag in first.json] == ["coffee"]
    assert [tag["name"] for tag in ada.follow(links(first)["next"]).json] == ["tea"]
    assert ada.post("/v1/tags/tea/unfollow").json["following"] is False
    assert ada.post("/v1/tags/tea/unfeature").json["featuring"] is False
    assert ada.get("/v1/tags/two%20words").status == 404


def test_featured_hashtags_of_a_profile(site: SiteFixture) -> None:
    ada = client(site, "ada")
    assert ada.viewer
    make.post(site.cursor, ada.viewer, "#tea")
    assert [tag["name"] for tag in ada.get("/v1/featured_tags/suggestions").json] == ["tea"]
    created = ada.post("/v1/featured_tags", name="Tea").json
    assert (created["statuses_count"], created["url"]) == ("1", "http://site.test/@ada/tagged/tea")
    assert ada.get("/v1/featured_tags").json == [created]
    assert anonymous_client(site).get(f"/v1/accounts/{ada.id}/featured_tags").json == [created]
    assert ada.delete(f"/v1/featured_tags/{created['id']}").json == {}
    assert ada.delete(f"/v1/featured_tags/{created['id']}").status == 404


def test_a_leading_hash_sign_is_removed(site: SiteFixture) -> None:
    ada = client(site, "ada")
    assert ada.post("/v1/featured_tags", name="#Ünlü").json["name"] == "Ünlü"
    assert ada.post("/v1/tags/%23Kaffee/follow").json["name"] == "Kaffee"


def test_an_invalid_hashtag_cannot_be_featured(site: SiteFixture) -> None:
    refused = client(site, "ada").post("/v1/featured_tags", name="two words")
    assert (refused.status, refused.json["details"]["name"][0]["error"]) == (422, "ERR_INVALID")
