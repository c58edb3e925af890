"""Autocomplete suggestions of the post form."""

from __future__ import annotations

from microblog.domain.rate_limits import AUTOCOMPLETE
from tests import make
from tests.web.visitor import SiteFixture


def test_suggestions_are_html_with_a_count(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    make.account(site.cursor, "adam", display_name="<b>Adam</b>")
    make.post(site.cursor, site.viewer("ada"), "#Demo")
    people, tags = ada.get("/compose/complete?q=@ad").json, ada.get("/compose/complete?q=%23dem").json
    assert (people["count"], tags["count"]) == (1, 1)
    assert 'data-value="@adam"' in people["html"]
    assert "&lt;b&gt;Adam" in people["html"]
    assert 'data-value="#Demo"' in tags["html"]
    assert "1 post<" in tags["html"]


def test_text_without_a_prefix_has_no_suggestions(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    for query in ("", "?q=", "?q=ada", "?q=@", "?q=%23"):
        assert ada.get(f"/compose/complete{query}").json["count"] == 0
    assert ada.get("/compose/complete?q=@" + "a" * 200, Accept="application/json").status == 422


def test_custom_emoji_are_suggested_by_part_of_their_codes(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    for name in ("blob_cat", "Cat", "cattle", "dog"):
        make.emoji(site.cursor, name)
    result = ada.get("/compose/complete?q=:cat").json
    assert result["count"] == 3
    assert [part.partition('"')[0] for part in result["html"].split('data-value="')[1:]] == [":Cat:", ":cattle:", ":blob_cat:"]
    assert ada.get("/compose/complete?q=:elk").json["count"] == ada.get("/compose/complete?q=:").json["count"] == 0


def test_suggestions_require_a_login_and_are_rate_limited(site: SiteFixture) -> None:
    assert site.visitor().get("/compose/complete?q=@ad", Accept="application/json").status == 401
    ada = site.registered_user("ada")
    statuses = {ada.get("/compose/complete?q=@ad").status for _ in range(AUTOCOMPLETE.limit)}
    assert statuses == {200}
    refused = ada.get("/compose/complete?q=@ad", Accept="application/json")
    assert (refused.status, bool(refused.header("Retry-After"))) == (429, True)
