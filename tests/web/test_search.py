"""The search page, and the search of programs."""

from __future__ import annotations

from tests import make
from tests.web.api.client import anonymous, client, ids
from tests.web.visitor import Town, links, words


def test_the_page_shows_people_tags_and_posts(site: Town) -> None:
    bob = site.resident("teabob")
    for number in range(25):
        make.post(site.cursor, site.viewer("teabob"), f"tea number{number} #teatime")
    page = bob.get("/search?q=tea")
    assert "/@teabob" in links(page)
    assert "/tags/teatime" in links(page)
    assert "number24" in words(page)
    [older] = [link for link in links(page) if "max_id" in link]
    assert "number0" in words(bob.get(older))
    assert "number24" not in words(bob.get(older))
    assert "No results" in words(site.visitor().get("/search?q=coffee"))


def test_programs_find_posts(site: Town) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    assert ada.viewer
    assert bob.viewer
    hers, his = make.post(site.cursor, ada.viewer, "green tea"), make.post(site.cursor, bob.viewer, "black tea")
    reply = ada.get("/v2/search", q="tea", type="statuses")
    assert [status["id"] for status in reply.json["statuses"]] == [str(his.id), str(hers.id)]
    assert (reply.json["accounts"], reply.json["hashtags"]) == ([], [])
    assert [status["id"] for status in ada.get("/v2/search", q="tea", account_id=ada.id).json["statuses"]] == [str(hers.id)]
    assert [status["id"] for status in ada.get("/v2/search", q="tea", type="statuses", offset=1).json["statuses"]] == [str(hers.id)]
    assert [status["id"] for status in anonymous(site).get("/v2/search", q="from:bob").json["statuses"]] == [str(his.id)]
    assert ada.get("/v2/search", q="tea", type="accounts").json["statuses"] == []
    assert ids(ada.get("/v1/accounts/search", q="ada")) == [ada.id]
