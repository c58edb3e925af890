"""Profiles, their buttons, and lists of accounts."""

from __future__ import annotations

import pytest
from lxml import etree

from microblog.model.posts import Visibility
from microblog.storage import profile_links
from tests import files, make
from tests.web.visitor import SiteFixture, document, links, main_text


def test_following_shows_posts_at_home_until_unfollowing(site: SiteFixture) -> None:
    site.registered_user("ada")
    make.post(site.cursor, site.viewer("ada"), "Good morning")
    bob = site.registered_user("bob")
    bob.submit("/@ada/follow", page="/@ada", next="/home")
    assert "Good morning" in main_text(bob.get("/home"))
    assert "/@bob" in links(bob.get("/@ada/followers"))
    assert "/@ada" in links(bob.get("/@bob/following"))
    bob.submit("/@ada/unfollow", page="/@ada")
    assert "/@bob" not in list(links(site.visitor().get("/@ada/followers")))


def test_a_locked_profile_accepts_or_rejects_follow_requests(site: SiteFixture) -> None:
    ada, bob = site.registered_user("ada"), site.registered_user("bob")
    ada.submit("/settings", display_name="Ada", locked="1")
    make.post(site.cursor, site.viewer("ada"), "For friends", visibility=Visibility.PRIVATE)
    bob.submit("/@ada/follow", page="/@ada")
    assert "For friends" not in main_text(bob.get("/@ada"))
    assert "/@bob" in links(ada.get("/settings/requests"))
    assert ada.submit("/@bob/accept", page="/settings/requests").header("Location") == "/@bob"
    assert "For friends" in main_text(bob.get("/@ada"))
    for again in ("accept", "reject"):  # from a window that was open before
        assert ada.submit(f"/@bob/{again}", page="/settings").header("Location") == "/@bob"
    assert "For friends" in main_text(bob.get("/@ada"))


def test_a_block_hides_each_from_the_other(site: SiteFixture) -> None:
    ada, bob = site.registered_user("ada"), site.registered_user("bob")
    post = make.post(site.cursor, site.viewer("ada"), "Hello there")
    bob.submit("/@ada/follow", page="/@ada")
    assert "Block" in main_text(ada.get("/@bob/block"))
    ada.submit("/@bob/block", next="/@bob")
    assert bob.get(f"/@ada/{post.id}").status == 404
    assert "Hello there" not in main_text(bob.get("/@ada"))
    assert "Hello there" not in main_text(bob.get("/local"))
    assert bob.submit("/@ada/follow", page="/home").status == 403
    assert "/@bob" in links(ada.get("/settings/blocks"))
    ada.submit("/@bob/unblock", page="/settings/blocks")
    assert bob.get(f"/@ada/{post.id}").status == 200


def test_a_mute_hides_posts_from_timelines_but_not_from_the_profile(site: SiteFixture) -> None:
    site.registered_user("ada")
    make.post(site.cursor, site.viewer("ada"), "Hello there")
    bob = site.registered_user("bob")
    bob.submit("/@ada/mute", page="/@ada")
    assert "Hello there" not in main_text(bob.get("/local"))
    assert "Hello there" in main_text(bob.get("/@ada"))
    bob.submit("/@ada/unmute", page="/settings/mutes")
    assert "Hello there" in main_text(bob.get("/local"))


def test_an_accounts_boosts_can_be_hidden_from_home(site: SiteFixture) -> None:
    for name in ("ada", "cleo"):
        site.registered_user(name)
    bob = site.registered_user("bob")
    make.boost(site.cursor, site.viewer("ada"), make.post(site.cursor, site.viewer("cleo"), "Boosted"))
    bob.submit("/@ada/follow", page="/@ada")
    assert "Boosted" in main_text(bob.get("/home"))
    bob.submit("/@ada/hide-boosts", page="/@ada")
    assert "Boosted" not in document(bob.get("/home")).xpath("string(//*[@data-live])")
    bob.submit("/@ada/show-boosts", page="/@ada")
    assert "Boosted" in main_text(bob.get("/home"))


def test_a_script_gets_the_new_relationship_as_json(site: SiteFixture) -> None:
    site.registered_user("ada")
    bob = site.registered_user("bob")
    response = bob.post("/@ada/follow", {}, Accept="application/json", X_CSRF_Token=bob.token("/@ada"))
    assert response.json["following"] is True


def test_the_atom_feed_is_valid_with_any_text(site: SiteFixture) -> None:
    site.registered_user("ada")
    make.post(site.cursor, site.viewer("ada"), "<b>&amp; ]]> \U0001f600 #tag")
    make.post(site.cursor, site.viewer("ada"), "unseen", visibility=Visibility.PRIVATE)
    response = site.visitor().get("/@ada/feed.atom")
    assert response.header("Content-Type") == "application/atom+xml; charset=utf-8"
    feed = etree.fromstring(response.body)
    [entry] = feed.findall("{http://www.w3.org/2005/Atom}entry")
    assert "&lt;b&gt;" in entry.findtext("{http://www.w3.org/2005/Atom}content", "")


def test_pinned_posts_are_shown_first(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    post = make.post(site.cursor, site.viewer("ada"), "Read this first")
    ada.submit(f"/posts/{post.id}/pin", page="/@ada", next="/@ada")
    assert "Pinned" in main_text(site.visitor().get("/@ada"))


@pytest.mark.parametrize("query", ["ada", "@ada", "ADA", "Lovelace"])
def test_accounts_are_found_by_username_and_display_name(site: SiteFixture, query: str) -> None:
    ada = site.registered_user("ada")
    ada.submit("/settings", display_name="Ada Lovelace")
    assert "/@ada" in links(site.visitor().get(f"/search?q={query}"))


def test_hashtags_are_found_by_prefix(site: SiteFixture) -> None:
    site.registered_user("ada")
    make.post(site.cursor, site.viewer("ada"), "#Gardening")
    assert "/tags/Gardening" in links(site.visitor().get("/search?q=%23gard"))


@pytest.mark.parametrize("query", ["%25", "_", "%00", "%F0%9F%98%80", "x" * 300])
def test_odd_queries_are_never_an_internal_error(site: SiteFixture, query: str) -> None:
    site.registered_user("ada")
    assert site.visitor().get(f"/search?q={query}").status in (200, 422)


def test_the_about_page_is_served(site: SiteFixture) -> None:
    site.registered_user("ada")
    make.post(site.cursor, site.viewer("ada"))
    assert site.visitor().get("/about").status == 200


def test_the_media_tab_shows_posts_with_images(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    assert "No media yet" in main_text(ada.get("/@ada/media"))
    ada.upload("/posts", "/home", {"file_0": files.image()}, text="With a flag")
    ada.submit("/posts", page="/home", text="Without")
    shown = main_text(site.visitor().get("/@ada/media"))
    assert "With a flag" in shown
    assert "Without" not in shown


def test_a_verified_link_has_a_tick_and_its_time_in_the_api(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    ada.submit("/settings", field_name_0="Web", field_value_0="https://example.org/")
    assert not document(site.visitor().get("/@ada")).xpath("//*[@class='tick']")
    profile_links.store(site.cursor, account=site.viewer("ada").id, links={"https://example.org/": make.NOW})
    [tick] = document(site.visitor().get("/@ada")).xpath("//*[@class='tick']")
    assert tick.get("title") == "This page links back to this profile (checked on 04 March 2026)"
    [line] = site.visitor().get(f"/api/v1/accounts/{site.viewer('ada').id}").json["fields"]
    assert line["verified_at"] == "2026-03-04T05:06:07.000Z"
