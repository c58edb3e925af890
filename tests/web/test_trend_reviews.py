"""The page where moderators review trends, in batches."""

from __future__ import annotations

from pathlib import Path

import pytest

from microblog.application.services import now
from microblog.model.accounts import Role, Viewer
from microblog.model.cards import Card, CardId
from microblog.model.ids import PostId, TagId
from microblog.model.posts import PostDraft
from microblog.model.trends import TagChanges
from microblog.storage import cards
from microblog.storage.database import Cursor, fetch_value
from tests import make
from tests.fakes import result_of
from tests.web.api.test_trend_reviews import URL, public, trending
from tests.web.processes import Process, two_processes
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


def trending_on(process: Process) -> tuple[Viewer, TagId, PostId, CardId]:
    """Return a moderator, and a hashtag, a post and a link that trend."""
    with process.database.connection.cursor() as cursor:
        maud, ada, bob = (
            make.viewer(cursor, name, role=role) for name, role in (("maud", Role.MODERATOR), ("ada", Role.USER), ("bob", Role.USER))
        )
        link = cards.get_or_create(cursor, url=URL, now=now())
        cards.store_fetched(cursor, id=link.id, card=Card(URL, "All about moss"), now=now())
        posts = [result_of(process.domain.posts.publish(author, PostDraft("Look #moss"))).id for author in (ada, bob)]
        for post in posts:
            cards.attach(cursor, post=post, card=link.id)
        result_of(process.domain.interactions.favourite(bob, posts[0]))
        return maud, TagId(fetch_value(cursor, "select id from tags where key = 'moss'")), posts[0], link.id


def test_a_decision_is_seen_in_what_other_processes_have_cached(database_url: str, tmp_path: Path) -> None:
    with two_processes(database_url, tmp_path) as processes:
        maud, tag, post, link = trending_on(processes[0])
        paths = {
            "/local": "#moss</a></li>",
            "/api/v1/trends/tags": "moss",
            "/api/v1/trends/statuses": str(post),
            "/api/v1/trends/links": URL,
        }

        def seen(process: Process) -> list[bool]:
            return [text in process.request("GET", path, {}).text for path, text in paths.items()]

        def decide(on: Process, *, approved: bool) -> None:
            reviews = on.domain.trend_reviews
            result_of(reviews.review_tags(maud, [tag], TagChanges(approved=approved)))
            result_of(reviews.review_posts(maud, [post], approved=approved))
            result_of(reviews.review_links(maud, [link], approved=approved))

        first, second = processes
        second.wake()
        for process in processes:
            assert [seen(process), seen(process)] == [[True] * 4] * 2
        decide(first, approved=False)
        second.wake()
        assert [seen(first), seen(second)] == [[False] * 4] * 2
        decide(second, approved=True)
        first.wake()
        assert [seen(first), seen(second)] == [[True] * 4] * 2


def test_the_page_is_for_moderators(site: SiteFixture) -> None:
    assert site.registered_user("ada").get(PATH).status == 403
