"""Profiles, the buttons on them, and lists of people."""

from __future__ import annotations

import pytest
from lxml import etree

from microblog.model.posts import Visibility
from tests import files, make
from tests.web.visitor import Town, document, links, words


def test_a_follow_shows_their_posts_at_home_and_can_be_ended(site: Town) -> None:
    site.resident("ada")
    make.post(site.cursor, site.viewer("ada"), "Good morning")
    bob = site.resident("bob")
    bob.submit("/@ada/follow", page="/@ada", next="/home")
    assert "Good morning" in words(bob.get("/home"))
    assert "/@bob" in links(bob.get("/@ada/followers"))
    assert "/@ada" in links(bob.get("/@bob/following"))
    bob.submit("/@ada/unfollow", page="/@ada")
    assert "/@bob" not in list(links(site.visitor().get("/@ada/followers")))


def test_a_locked_profile_is_asked_and_answers(site: Town) -> None:
    ada, bob = site.resident("ada"), site.resident("bob")
    ada.submit("/settings", display_name="Ada", locked="1")
    make.post(site.cursor, site.viewer("ada"), "For friends", visibility=Visibility.PRIVATE)
    bob.submit("/@ada/follow", page="/@ada")
    assert "For friends" not in words(bob.get("/@ada"))
    assert "/@bob" in links(ada.get("/settings/requests"))
    assert ada.submit("/@bob/accept", page="/settings/requests").header("Location") == "/@bob"
    assert "For friends" in words(bob.get("/@ada"))
    for again in ("accept", "reject"):  # from a window that was open before
        assert ada.submit(f"/@bob/{again}", page="/settings").header("Location") == "/@bob"
    assert "For friends" in words(bob.get("/@ada"))


def test_a_block_hides_each_from_the_other(site: Town) -> None:
    ada, bob = site.resident("ada"), site.resident("bob")
    post = make.post(site.cursor, site.viewer("ada"), "Hello there")
    bob.submit("/@ada/follow", page="/@ada")
    assert "Block" in words(ada.get("/@bob/block"))
    ada.submit("/@bob/block", next="/@bob")
    assert bob.get(f"/@ada/{post.id}").status == 404
    assert "Hello there" not in words(bob.get("/@ada"))
    assert "Hello there" not in words(bob.get("/local"))
    assert bob.submit("/@ada/follow", page="/home").status == 403
    assert "/@bob" in links(ada.get("/settings/blocks"))
    ada.submit("/@bob/unblock", page="/settings/blocks")
    assert bob.get(f"/@ada/{post.id}").status == 200


def test_a_mute_hides_them_from_lists_but_not_from_their_page(site: Town) -> None:
    site.resident("ada")
    make.post(site.cursor, site.viewer("ada"), "Hello there")
    bob = site.resident("bob")
    bob.submit("/@ada/mute", page="/@ada")
    assert "Hello there" not in words(bob.get("/local"))
    assert "Hello there" in words(bob.get("/@ada"))
    bob.submit("/@ada/unmute", page="/settings/mutes")
    assert "Hello there" in words(bob.get("/local"))


def test_boosts_of_somebody_can_be_hidden_from_home(site: Town) -> None:
    for name in ("ada", "cleo"):
        site.resident(name)
    bob = site.resident("bob")
    make.boost(site.cursor, site.viewer("ada"), make.post(site.cursor, site.viewer("cleo"), "Boosted"))
    bob.submit("/@ada/follow", page="/@ada")
    assert "Boosted" in words(bob.get("/home"))
    bob.submit("/@ada/hide-boosts", page="/@ada")
    assert "Boosted" not in document(bob.get("/home")).xpath("string(//*[@data-live])")
    bob.submit("/@ada/show-boosts", page="/@ada")
    assert "Boosted" in words(bob.get("/home"))


def test_a_script_is_told_the_new_relationship(site: Town) -> None:
    site.resident("ada")
    bob = site.resident("bob")
    reply = bob.post("/@ada/follow", {}, Accept="application/json", X_CSRF_Token=bob.token("/@ada"))
    assert reply.json["following"] is True


def test_the_feed_is_atom_whatever_the_texts_hold(site: Town) -> None:
    site.resident("ada")
    make.post(site.cursor, site.viewer("ada"), "<b>&amp; ]]> \U0001f600 #tag")
    make.post(site.cursor, site.viewer("ada"), "unseen", visibility=Visibility.PRIVATE)
    reply = site.visitor().get("/@ada/feed.atom")
    assert reply.header("Content-Type") == "application/atom+xml; charset=utf-8"
    feed = etree.fromstring(reply.body)
    [entry] = feed.findall("{http://www.w3.org/2005/Atom}entry")
    assert "&lt;b&gt;" in entry.findtext("{http://www.w3.org/2005/Atom}content", "")


def test_pinned_posts_stand_on_top(site: Town) -> None:
    ada = site.resident("ada")
    post = make.post(site.cursor, site.viewer("ada"), "Read this first")
    ada.submit(f"/posts/{post.id}/pin", page="/@ada", next="/@ada")
    assert "Pinned" in words(site.visitor().get("/@ada"))


@pytest.mark.parametrize("query", ["ada", "@ada", "ADA", "Lovelace"])
def test_people_are_found_by_either_name(site: Town, query: str) -> None:
    ada = site.resident("ada")
    ada.submit("/settings", display_name="Ada Lovelace")
    assert "/@ada" in links(site.visitor().get(f"/search?q={query}"))


def test_tags_are_found_by_how_they_begin(site: Town) -> None:
    site.resident("ada")
    make.post(site.cursor, site.viewer("ada"), "#Gardening")
    assert "/tags/Gardening" in links(site.visitor().get("/search?q=%23gard"))


@pytest.mark.parametrize("query", ["%25", "_", "%00", "%F0%9F%98%80", "x" * 300])
def test_odd_queries_find_nothing_and_break_nothing(site: Town, query: str) -> None:
    site.resident("ada")
    assert site.visitor().get(f"/search?q={query}").status in (200, 422)


def test_the_page_about_the_site_counts(site: Town) -> None:
    site.resident("ada")
    make.post(site.cursor, site.viewer("ada"))
    assert site.visitor().get("/about").status == 200


def test_the_media_of_a_profile_are_its_posts_with_pictures(site: Town) -> None:
    ada = site.resident("ada")
    assert "No media yet" in words(ada.get("/@ada/media"))
    ada.upload("/posts", "/home", {"file_0": files.picture()}, text="With a flag")
    ada.submit("/posts", page="/home", text="Without")
    shown = words(site.visitor().get("/@ada/media"))
    assert "With a flag" in shown
    assert "Without" not in shown
