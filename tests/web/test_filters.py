"""Filters on the site: forms, and their effect on pages."""

from __future__ import annotations

from tests import make
from tests.web.visitor import SiteFixture, Visitor, document, links, main_text

EVERYWHERE = "home,notifications,public,thread,account"


def create_filter(visitor: Visitor, action: str = "warn", **fields: str) -> None:
    """Create a filter with one keyword for all contexts."""
    contexts = {f"contexts[{place}]": context for place, context in enumerate(EVERYWHERE.split(","))}
    form = {"keywords": "football", "action": action, "whole_word": "1", "term": "", **contexts, **fields}
    response = visitor.submit("/settings/filters", **form)
    assert response.status == 303, main_text(response)


def filter_warnings(visitor: Visitor, path: str) -> list[str]:
    """Return the texts of the filter warnings on a page."""
    return ["".join(found.itertext()) for found in document(visitor.get(path)).xpath("//details[contains(@class, 'folded')]/summary")]


def author_and_follower(site: SiteFixture) -> tuple[Visitor, Visitor]:
    """Sign up two users, of whom the second follows the first."""
    ada, bob = site.registered_user("ada"), site.registered_user("bob")
    make.follow(site.cursor, site.viewer("bob"), site.viewer("ada"))
    return ada, bob


def test_a_filter_folds_posts_behind_a_warning(site: SiteFixture) -> None:
    ada, bob = author_and_follower(site)
    post = make.post(site.cursor, site.viewer("ada"), "Football tonight")
    create_filter(bob, title="No sports")
    for path in ("/home", "/local", "/@ada"):
        assert filter_warnings(bob, path) == ["Filtered: No sports"], path
        assert "Football tonight" in main_text(bob.get(path))
        assert filter_warnings(ada, path) == []
    assert filter_warnings(bob, f"/@ada/{post.id}") == []
    make.post(site.cursor, site.viewer("ada"), "More football", reply_to=post)
    assert filter_warnings(bob, f"/@ada/{post.id}") == ["Filtered: No sports"]


def test_a_filter_hides_posts(site: SiteFixture) -> None:
    _, bob = author_and_follower(site)
    post = make.post(site.cursor, site.viewer("ada"), "Football tonight")
    make.post(site.cursor, site.viewer("ada"), "football @bob", reply_to=post)
    make.post(site.cursor, site.viewer("bob"), "My football")
    create_filter(bob, "hide")
    for path in ("/home", "/local", "/@ada", "/notifications"):
        assert "ootball" not in main_text(bob.get(path)).replace("My football", ""), path
    assert "My football" in main_text(bob.get("/home"))
    assert filter_warnings(bob, f"/@ada/{post.id}") == ["Filtered: football"]


def test_notifications_do_not_show_filtered_text(site: SiteFixture) -> None:
    _, bob = author_and_follower(site)
    make.post(site.cursor, site.viewer("ada"), "football @bob")
    create_filter(bob, title="No sports")
    assert "Filtered: No sports" in main_text(bob.get("/notifications"))
    assert "football" not in main_text(bob.get("/notifications"))


def test_a_filter_is_changed_and_deleted(site: SiteFixture) -> None:
    _, bob = author_and_follower(site)
    create_filter(bob, title="No sports", term="3600")
    [path] = [link for link in links(bob.get("/settings/filters")) if link.startswith("/settings/filters/")]
    assert "expires" in main_text(bob.get("/settings/filters"))
    bob.submit(path, keywords="football\ntennis\n", title="", action="hide", term="keep", **{"contexts[0]": "home"})
    page = document(bob.get(path))
    assert [area.text.strip().split("\n") for area in page.xpath("//textarea[@name='keywords']")] == [["football", "tennis"]]
    assert page.xpath("//input[@name='title']/@value") == ["football"]
    bob.submit(path, keywords="tennis", title="T", action="warn", term="", **{"contexts[0]": "home"})
    assert [area.text.strip() for area in document(bob.get(path)).xpath("//textarea[@name='keywords']")] == ["tennis"]
    bob.submit(f"{path}/delete", page=path)
    assert "No filters yet" in main_text(bob.get("/settings/filters"))


def test_an_invalid_filter_form_shows_the_error(site: SiteFixture) -> None:
    _, bob = author_and_follower(site)
    response = bob.submit("/settings/filters", keywords="football", action="warn")
    assert (response.status, "Choose at least one context" in main_text(response), "football" in main_text(response)) == (422, True, True)
