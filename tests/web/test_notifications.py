"""What one was told, on the site: in groups, and what was kept back."""

from __future__ import annotations

from tests import make
from tests.web.visitor import Town, document, words


def test_several_likes_of_a_post_are_one_item(site: Town) -> None:
    ada = site.resident("ada")
    post = make.post(site.cursor, site.viewer("ada"), "Tea?")
    for name in ("bob", "cat", "dan"):
        site.resident(name).submit(f"/posts/{post.id}/favourite", f"/@ada/{post.id}")
        shown = words(ada.get("/notifications"))
        told = {"bob": "bob favourited", "cat": "cat and bob favourited", "dan": "dan and 2 others favourited"}[name]
        assert f"{told} your post" in shown
    page = document(ada.get("/notifications"))
    [item] = page.xpath("//li[@data-group]")
    alone = f"/notifications/groups/{item.get('data-group')}"
    [again] = document(ada.get(alone)).xpath("//li")
    assert " ".join("".join(again.itertext()).split()).endswith("Tea?")
    assert site.resident("eve").get(alone).status == 404


def test_what_is_kept_back_waits_until_it_is_accepted_or_dismissed(site: Town) -> None:
    ada = site.resident("ada")
    saved = ada.submit("/settings/notifications", not_following="filter")
    assert saved.header("Location") == "/settings/notifications?notice=saved"
    for name in ("bob", "cat"):
        site.resident(name).submit("/posts", "/home", text=f"@ada it is {name}")
    assert "Filtered notifications from 2 people" in words(ada.get("/notifications"))
    assert "it is bob" not in words(ada.get("/notifications"))
    waiting = words(ada.get("/notifications/requests"))
    assert "it is bob" in waiting
    assert "it is cat" in waiting
    cat, bob = document(ada.get("/notifications/requests")).xpath("//button[contains(@formaction, '/accept')]/@formaction")
    ada.post(bob, {"csrf": ada.token("/notifications/requests")})
    assert "it is bob" in words(ada.get("/notifications"))
    ada.post(cat.replace("accept", "dismiss"), {"csrf": ada.token("/notifications/requests")})
    assert "No filtered notifications" in words(ada.get("/notifications/requests"))
    assert "Filtered notifications" not in words(ada.get("/notifications"))


def test_who_was_let_through_can_be_kept_back_again(site: Town) -> None:
    ada, bob = site.resident("ada"), site.resident("bob")
    ada.submit("/settings/notifications", not_following="filter")
    assert "No accepted people" in words(ada.get("/settings/notifications/people"))
    bob.submit("/posts", "/home", text="@ada one")
    [accept] = document(ada.get("/notifications/requests")).xpath("//button[contains(@formaction, '/accept')]/@formaction")
    ada.submit(accept, "/home")
    bob.submit("/posts", "/home", text="@ada two")
    assert "two" in words(ada.get("/notifications"))
    page = ada.get("/settings/notifications/people")
    assert "@bob" in words(page)
    [remove] = document(page).xpath("//button[contains(@formaction, '/remove')]/@formaction")
    assert bob.submit(remove, "/home").status == 404
    assert ada.submit(remove, "/home").header("Location") == "/settings/notifications/people?notice=saved"
    bob.submit("/posts", "/home", text="@ada three")
    shown = words(ada.get("/notifications"))
    assert "two" in shown, "what was told stays"
    assert "three" not in shown
    assert "three" in words(ada.get("/notifications/requests"))


def test_a_choice_that_there_is_not_is_refused(site: Town) -> None:
    ada = site.resident("ada")
    reply = ada.post("/settings/notifications", {"csrf": ada.token("/settings/notifications"), "new_accounts": "burn"})
    assert reply.status == 422
    assert "Please correct the fields marked below" in words(reply)


def test_mentions_are_listed_alone_and_the_rest_stays_unread(site: Town) -> None:
    ada, bob = site.resident("ada"), site.resident("bob")
    bob.submit("/posts", "/home", text="@ada good morning")
    bob.submit("/@ada/follow", "/@ada")
    mentions = words(ada.get("/notifications?type=mention"))
    assert ("good morning" in mentions, "followed you" in mentions) == (True, False)
    assert "(2)" in ada.get("/home").text
    assert "followed you" in words(ada.get("/notifications"))
    assert "(2)" not in ada.get("/home").text


def test_who_has_no_mentions_is_told_what_comes_there(site: Town) -> None:
    ada, bob = site.resident("ada"), site.resident("bob")
    bob.submit("/@ada/follow", "/@ada")
    assert "No mentions yet" in words(ada.get("/notifications?type=mention"))
