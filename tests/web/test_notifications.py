"""Notifications on the site: groups, filtered notifications and the mentions tab."""

from __future__ import annotations

from tests import make
from tests.web.visitor import SiteFixture, document, main_text


def test_several_favourites_of_a_post_are_one_item(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    post = make.post(site.cursor, site.viewer("ada"), "Tea?")
    for name in ("bob", "cat", "dan"):
        site.registered_user(name).submit(f"/posts/{post.id}/favourite", f"/@ada/{post.id}")
        shown = main_text(ada.get("/notifications"))
        names = {"bob": "bob favourited", "cat": "cat and bob favourited", "dan": "dan and 2 others favourited"}[name]
        assert f"{names} your post" in shown
    page = document(ada.get("/notifications"))
    [item] = page.xpath("//li[@data-group]")
    alone = f"/notifications/groups/{item.get('data-group')}"
    [again] = document(ada.get(alone)).xpath("//li")
    assert " ".join("".join(again.itertext()).split()).endswith("Tea?")
    assert site.registered_user("eve").get(alone).status == 404


def test_filtered_notifications_wait_until_accepted_or_dismissed(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    saved = ada.submit("/settings/notifications", not_following="filter")
    assert saved.header("Location") == "/settings/notifications?notice=saved"
    for name in ("bob", "cat"):
        site.registered_user(name).submit("/posts", "/home", text=f"@ada it is {name}")
    assert "Filtered notifications from 2 people" in main_text(ada.get("/notifications"))
    assert "it is bob" not in main_text(ada.get("/notifications"))
    waiting = main_text(ada.get("/notifications/requests"))
    assert "it is bob" in waiting
    assert "it is cat" in waiting
    cat, bob = document(ada.get("/notifications/requests")).xpath("//button[contains(@formaction, '/accept')]/@formaction")
    ada.post(bob, {"csrf": ada.token("/notifications/requests")})
    assert "it is bob" in main_text(ada.get("/notifications"))
    ada.post(cat.replace("accept", "dismiss"), {"csrf": ada.token("/notifications/requests")})
    assert "No filtered notifications" in main_text(ada.get("/notifications/requests"))
    assert "Filtered notifications" not in main_text(ada.get("/notifications"))


def test_an_accepted_sender_can_be_filtered_again(site: SiteFixture) -> None:
    ada, bob = site.registered_user("ada"), site.registered_user("bob")
    ada.submit("/settings/notifications", not_following="filter")
    assert "No accepted people" in main_text(ada.get("/settings/notifications/people"))
    bob.submit("/posts", "/home", text="@ada one")
    [accept] = document(ada.get("/notifications/requests")).xpath("//button[contains(@formaction, '/accept')]/@formaction")
    ada.submit(accept, "/home")
    bob.submit("/posts", "/home", text="@ada two")
    assert "two" in main_text(ada.get("/notifications"))
    page = ada.get("/settings/notifications/people")
    assert "@bob" in main_text(page)
    [remove] = document(page).xpath("//button[contains(@formaction, '/remove')]/@formaction")
    assert bob.submit(remove, "/home").status == 404
    assert ada.submit(remove, "/home").header("Location") == "/settings/notifications/people?notice=saved"
    bob.submit("/posts", "/home", text="@ada three")
    shown = main_text(ada.get("/notifications"))
    assert "two" in shown, "earlier notifications stay"
    assert "three" not in shown
    assert "three" in main_text(ada.get("/notifications/requests"))


def test_an_unknown_policy_value_is_rejected(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    response = ada.post("/settings/notifications", {"csrf": ada.token("/settings/notifications"), "new_accounts": "burn"})
    assert response.status == 422
    assert "Please correct the fields marked below" in main_text(response)


def test_the_mentions_tab_leaves_other_notifications_unread(site: SiteFixture) -> None:
    ada, bob = site.registered_user("ada"), site.registered_user("bob")
    bob.submit("/posts", "/home", text="@ada good morning")
    bob.submit("/@ada/follow", "/@ada")
    mentions = main_text(ada.get("/notifications?type=mention"))
    assert ("good morning" in mentions, "followed you" in mentions) == (True, False)
    assert "(2)" in ada.get("/home").text
    assert "followed you" in main_text(ada.get("/notifications"))
    assert "(2)" not in ada.get("/home").text


def test_the_empty_mentions_tab_has_an_explanation(site: SiteFixture) -> None:
    ada, bob = site.registered_user("ada"), site.registered_user("bob")
    bob.submit("/@ada/follow", "/@ada")
    assert "No mentions yet" in main_text(ada.get("/notifications?type=mention"))
