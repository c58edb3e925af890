"""Search in the API."""

from __future__ import annotations

import pytest

from tests.web.api.client import Client, anonymous, client
from tests.web.visitor import Town


@pytest.fixture
def ada(site: Town) -> Client:
    """An account with posts."""
    ada = client(site, "ada")
    ada.post("/v1/statuses", status="#Tea and #teapots, @ada #Other")
    return ada


def found(who: Client, **params: object) -> tuple[list[str], list[str], int]:
    """Return (usernames, hashtags, number of posts)."""
    told = who.get("/v2/search", **params).json
    return [one["acct"] for one in told["accounts"]], [tag["name"] for tag in told["hashtags"]], len(told["statuses"])


def test_people_and_tags_are_found(site: Town, ada: Client) -> None:
    client(site, "tea")
    assert found(ada, q="tea") == (["tea"], ["Tea", "teapots"], 1)
    assert found(anonymous(site), q="tea") == (["tea"], ["Tea", "teapots"], 1)
    assert found(ada, q="#tea") == ([], ["Tea", "teapots"], 1)
    assert found(ada, q="@tea@site.test") == (["tea"], [], 0)
    assert found(ada, q="tea", type="accounts") == (["tea"], [], 0)
    assert found(ada, q="tea", type="hashtags", limit=1, offset=1) == ([], ["teapots"], 0)
    assert found(ada, q="tea", type="nonsense") == ([], [], 0)
    assert found(ada, q="") == ([], [], 0)


def test_a_tag_tells_how_it_was_used_this_week(site: Town, ada: Client) -> None:
    [tag] = ada.get("/v2/search", q="#other").json["hashtags"]
    assert tag["url"] == "http://site.test/tags/other"
    assert (tag["history"][0]["uses"], tag["history"][0]["accounts"], tag["history"][6]["uses"]) == ("1", "1", "0")


def test_addresses_of_this_site_are_resolved(site: Town, ada: Client) -> None:
    post = ada.get(f"/v1/accounts/{ada.id}/statuses").json[0]
    for url in (post["url"], post["uri"], post["url"].replace("http:", "https:")):
        assert found(ada, q=url, resolve=True) == ([], [], 1)
    assert found(ada, q=ada.get(f"/v1/accounts/{ada.id}").json["url"], resolve=True) == (["ada"], [], 0)
    assert found(ada, q=post["url"], type="accounts", resolve=True) == ([], [], 0)
    for url in (
        "http://site.test/@nobody",
        "http://site.test/about",
        "https://elsewhere.example/@ada",
        "http://[",
        "http://site.test/@ada/7",
    ):
        assert found(ada, q=url, resolve=True) == ([], [], 0)


def test_an_address_shows_nobody_a_hidden_post(site: Town, ada: Client) -> None:
    post = ada.post("/v1/statuses", status="mine", visibility="private").json
    assert found(client(site, "bob"), q=post["url"], resolve=True) == ([], [], 0)


def test_what_may_not_be_asked_is_refused_in_known_words(site: Town, ada: Client) -> None:
    reply = ada.get("/v2/search")
    assert (reply.status, reply.json["error"]) == (400, "param is missing or the value is empty: q")
    for bound in ({"limit": "-1"}, {"offset": "-1"}):
        reply = ada.get("/v2/search", q="x", **bound)
        assert (reply.status, reply.json["error"]) == (400, "Pagination values for `offset` and `limit` must be positive")
    reply = anonymous(site).get("/v2/search", q="x", type="accounts", offset=1)
    assert (reply.status, reply.json["error"]) == (401, "Search queries pagination is not supported without authentication")
    reply = anonymous(site).get("/v2/search", q="x", resolve=True)
    assert reply.status == 401
    assert ada.get("/v1/accounts/search").status == 400


def test_tags_that_are_found_tell_whether_one_follows_them(site: Town, ada: Client) -> None:
    ada.post("/v1/tags/tea/follow")
    ada.post("/v1/tags/teapots/feature")
    told = ada.get("/v2/search", q="#tea").json["hashtags"]
    assert [(tag["name"], tag["following"], tag["featuring"]) for tag in told] == [("Tea", True, False), ("teapots", False, True)]
    assert [tag["following"] for tag in ada.get("/v1/featured_tags/suggestions").json if tag["name"] == "Tea"] == [True]
    assert "following" not in anonymous(site).get("/v2/search", q="#tea").json["hashtags"][0]
