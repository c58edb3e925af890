"""Search on the site and in the API."""

from __future__ import annotations

from tests import make
from tests.web.api.client import anonymous_client, client, ids
from tests.web.visitor import SiteFixture, links, main_text


def test_the_page_shows_accounts_hashtags_and_posts(site: SiteFixture) -> None:
    bob = site.registered_user("teabob")
    for number in range(25):
        make.post(site.cursor, site.viewer("teabob"), f"tea number{number} #teatime")
    page = bob.get("/search?q=tea")
    assert "/@teabob" in links(page)
    assert "/tags/teatime" in links(page)
    assert "number24" in main_text(page)
    [older] = [link for link in links(page) if "max_id" in link]
    assert "number0" in main_text(bob.get(older))
    assert "number24" not in main_text(bob.get(older))
    assert "No results" in main_text(site.visitor().get("/search?q=coffee"))


def test_the_api_finds_posts(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    assert ada.viewer
    assert bob.viewer
    hers, his = make.post(site.cursor, ada.viewer, "green tea"), make.post(site.cursor, bob.viewer, "black tea")
    response = ada.get("/v2/search", q="tea", type="statuses")
    assert [status["id"] for status in response.json["statuses"]] == [str(his.id), str(hers.id)]
    assert (response.json["accounts"], response.json["hashtags"]) == ([], [])
    assert [status["id"] for status in ada.get("/v2/search", q="tea", account_id=ada.id).json["statuses"]] == [str(hers.id)]
    assert [status["id"] for status in ada.get("/v2/search", q="tea", type="statuses", offset=1).json["statuses"]] == [str(hers.id)]
    assert [status["id"] for status in anonymous_client(site).get("/v2/search", q="from:bob").json["statuses"]] == [str(his.id)]
    assert ada.get("/v2/search", q="tea", type="accounts").json["statuses"] == []
    assert ids(ada.get("/v1/accounts/search", q="ada")) == [ada.id]
