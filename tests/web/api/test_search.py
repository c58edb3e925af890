"""Search in the API."""

from __future__ import annotations

import pytest

from tests.web.api.client import Client, anonymous_client, client
from tests.web.visitor import SiteFixture


@pytest.fixture
def ada(site: SiteFixture) -> Client:
    """An account with posts."""
    ada = client(site, "ada")
    ada.post("/v1/statuses", status="#Tea and #teapots, @ada #Other")
    return ada


def found(who: Client, **params: object) -> tuple[list[str], list[str], int]:
    """Return (usernames, hashtags, number of posts)."""
    results = who.get("/v2/search", **params).json
    return [one["acct"] for one in results["accounts"]], [tag["name"] for tag in results["hashtags"]], len(results["statuses"])


def test_accounts_and_hashtags_are_found(site: SiteFixture, ada: Client) -> None:
    client(site, "tea")
    assert found(ada, q="tea") == (["tea"], ["Tea", "teapots"], 1)
    assert found(anonymous_client(site), q="tea") == (["tea"], ["Tea", "teapots"], 1)
    assert found(ada, q="#tea") == ([], ["Tea", "teapots"], 1)
    assert found(ada, q="@tea@site.test") == (["tea"], [], 0)
    assert found(ada, q="tea", type="accounts") == (["tea"], [], 0)
    assert found(ada, q="tea", type="hashtags", limit=1, offset=1) == ([], ["teapots"], 0)
    assert found(ada, q="tea", type="nonsense") == ([], [], 0)
    assert found(ada, q="") == ([], [], 0)


def test_a_hashtag_has_its_history_of_the_week(site: SiteFixture, ada: Client) -> None:
    [tag] = ada.get("/v2/search", q="#other").json["hashtags"]
    assert tag["url"] == "http://site.test/tags/other"
    assert (tag["history"][0]["uses"], tag["history"][0]["accounts"], tag["history"][6]["uses"]) == ("1", "1", "0")


def test_urls_of_this_site_are_resolved(site: SiteFixture, ada: Client) -> None:
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


def test_the_url_of_a_hidden_post_is_not_resolved(site: SiteFixture, ada: Client) -> None:
    post = ada.post("/v1/statuses", status="mine", visibility="private").json
    assert found(client(site, "bob"), q=post["url"], resolve=True) == ([], [], 0)


def test_invalid_searches_get_the_errors_of_mastodon(site: SiteFixture, ada: Client) -> None:
    response = ada.get("/v2/search")
    assert (response.status, response.json["error"]) == (400, "param is missing or the value is empty: q")
    for bound in ({"limit": "-1"}, {"offset": "-1"}):
        response = ada.get("/v2/search", q="x", **bound)
        assert (response.status, response.json["error"]) == (400, "Pagination values for `offset` and `limit` must be positive")
    response = anonymous_client(site).get("/v2/search", q="x", type="accounts", offset=1)
    assert (response.status, response.json["error"]) == (401, "Search queries pagination is not supported without authentication")
    response = anonymous_client(site).get("/v2/search", q="x", resolve=True)
    assert response.status == 401
    assert ada.get("/v1/accounts/search").status == 400


def test_found_hashtags_show_whether_they_are_followed(site: SiteFixture, ada: Client) -> None:
    ada.post("/v1/tags/tea/follow")
    ada.post("/v1/tags/teapots/feature")
    results = ada.get("/v2/search", q="#tea").json["hashtags"]
    assert [(tag["name"], tag["following"], tag["featuring"]) for tag in results] == [("Tea", True, False), ("teapots", False, True)]
    assert [tag["following"] for tag in ada.get("/v1/featured_tags/suggestions").json if tag["name"] == "Tea"] == [True]
    assert "following" not in anonymous_client(site).get("/v2/search", q="#tea").json["hashtags"][0]
