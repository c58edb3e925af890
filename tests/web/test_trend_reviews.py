"""The page where moderators review trends, in batches."""

from __future__ import annotations

from pathlib import Path

import pytest

from microblog.storage.database import Cursor, fetch_value
from tests.web.api.test_trend_reviews import public, trending
from tests.web.test_moderation import with_role
from tests.web.visitor import SiteFixture, Visitor, build_site, document, main_text

PATH = "/admin/trends"


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    return build_site(cursor, tmp_path, rate_limits="off")


def badges(visitor: Visitor, query: str) -> list[str]:
    """Return the badges of the entries of a list."""
    return [str(text) for text in document(visitor.get(PATH + query)).xpath("//main//li//span[@class='badge']/text()")]


@pytest.mark.parametrize("kind", ["tags", "posts", "links"])
def test_several_entries_are_rejected_and_approved_together(site: SiteFixture, kind: str) -> None:
    trends, maud = trending(site), with_role(site, "maud", "moderator")
    place = ("tags", "posts", "links").index(kind)
    assert badges(maud, f"?of={kind}") == ["Not reviewed"]
    assert maud.submit(f"{PATH}/{kind}", f"{PATH}?of={kind}", ids=trends[place], act="reject").status == 303
    assert badges(maud, f"?of={kind}") == ["Rejected"]
    assert public(site)[place] == []
    assert maud.submit(f"{PATH}/{kind}", f"{PATH}?of={kind}", ids=trends[place], act="approve").status == 303
    assert badges(maud, f"?of={kind}") == ["Approved"]
    assert public(site)[place] != []


@pytest.mark.parametrize(("act", "badge"), [("disallow", "Not allowed in posts"), ("unlist", "Hidden from search")])
def test_any_hashtag_is_found_and_changed(site: SiteFixture, act: str, badge: str) -> None:
    trends, maud = trending(site), with_role(site, "maud", "moderator")
    maud.submit(f"{PATH}/tags", PATH, ids=trends[0], act=act, next=f"{PATH}?q=moss")
    for query in ("?q=Moss", "?q=%23moss"):
        assert badge in badges(maud, query)
    assert "No such hashtag" in main_text(maud.get(f"{PATH}?q=mass"))
    opposite = {"disallow": "allow", "unlist": "list"}[act]
    maud.submit(f"{PATH}/tags", PATH, ids=trends[0], act=opposite)
    assert badge not in badges(maud, "?q=moss")


@pytest.mark.parametrize("fields", [{"act": "approve"}, {"ids": "1"}, {"ids": "1", "act": "moss"}])
def test_a_form_without_entry_or_act_is_refused_with_a_sentence(site: SiteFixture, fields: dict[str, str]) -> None:
    trending(site)
    maud = with_role(site, "maud", "moderator")
    for kind in ("tags", "posts", "links"):
        response = maud.submit(f"{PATH}/{kind}", PATH, **fields)
        assert response.status == 422
        assert "Choose" in main_text(response)


def test_a_batch_with_an_unknown_entry_changes_nothing(site: SiteFixture) -> None:
    trends, maud = trending(site), with_role(site, "maud", "moderator")
    token = maud.token(PATH)
    body = {"csrf": token, "act": "reject", "ids[0]": trends[0], "ids[1]": "1"}
    assert maud.post(f"{PATH}/tags", body).status == 404
    assert fetch_value(site.cursor, "select count(*) from audit_log where starts_with(action, 'tag')") == 0
    assert public(site)[0] == ["moss"]


def test_a_rejected_hashtag_leaves_the_pages_of_visitors_and_members_at_once(site: SiteFixture) -> None:
    trends, maud = trending(site), with_role(site, "maud", "moderator")
    visitor, eve = site.visitor(), site.registered_user("eve")
    chip = 'href="/tags/moss">#moss</a></li>'
    for browser in (visitor, eve):
        assert chip in browser.get("/local").text
    maud.submit(f"{PATH}/tags", PATH, ids=trends[0], act="reject")
    for browser in (visitor, eve):
        assert chip not in browser.get("/local").text


def test_the_page_is_for_moderators(site: SiteFixture) -> None:
    assert site.registered_user("ada").get(PATH).status == 403
