"""Lists on the site, with forms alone."""

from __future__ import annotations

from tests import make
from tests.web.memory import Reply
from tests.web.visitor import Town, Visitor, links, words


def made(visitor: Visitor, **fields: str) -> str:
    """The path of a new list."""
    reply = visitor.submit("/lists", **fields)
    assert reply.status == 303, words(reply)
    return (reply.header("Location") or "").removesuffix("/edit")


def refused(reply: Reply) -> str:
    """What the page says about a form that was not taken."""
    assert reply.status == 422
    return words(reply)


def test_a_list_is_made_filled_read_and_deleted(site: Town) -> None:
    site.resident("ada")
    bob = site.resident("bob")
    make.follow(site.cursor, site.viewer("bob"), site.viewer("ada"))
    make.post(site.cursor, site.viewer("ada"), "Good morning")
    path = made(bob, title="Friends")
    bob.submit(f"{path}/members", page=f"{path}/edit", username="@Ada")
    assert "/@ada" in links(bob.get(f"{path}/edit"))
    assert "Good morning" in words(bob.get(path))
    assert path in links(bob.get("/lists"))
    bob.submit(f"{path}/members/{site.viewer('ada').id}/remove", page=f"{path}/edit")
    assert "Good morning" not in words(bob.get(path))
    bob.submit(f"{path}/delete")
    assert bob.get(path).status == 404


def test_an_exclusive_list_keeps_home_clear(site: Town) -> None:
    site.resident("ada")
    bob = site.resident("bob")
    make.follow(site.cursor, site.viewer("bob"), site.viewer("ada"))
    make.post(site.cursor, site.viewer("ada"), "Good morning")
    path = made(bob, title="Friends")
    bob.submit("/@ada/lists", **{"lists[]": path.removeprefix("/lists/")})
    assert "Good morning" in words(bob.get("/home"))
    bob.submit(f"{path}/edit", title="Others", replies_policy="none", exclusive="1")
    assert "Good morning" not in words(bob.get("/home"))
    assert "Others" in words(bob.get("/lists"))
    bob.submit("/@ada/lists")
    assert "Good morning" in words(bob.get("/home"))


def test_what_is_wrong_with_a_list_is_said_beside_the_field(site: Town) -> None:
    site.resident("ada")
    bob = site.resident("bob")
    assert "can't be blank" in refused(bob.submit("/lists", title=" "))
    path = made(bob, title="Friends")
    assert "only add people you follow" in refused(bob.submit(f"{path}/members", page=f"{path}/edit", username="ada"))
    assert "No user has this name" in refused(bob.submit(f"{path}/members", page=f"{path}/edit", username="nobody"))
    assert "can't be blank" in refused(bob.submit(f"{path}/edit", title=""))


def test_nobody_reads_the_lists_of_others(site: Town) -> None:
    path = made(site.resident("bob"), title="Friends")
    eve = site.resident("eve")
    assert [eve.get(f"{path}{end}").status for end in ("", "/edit", "/delete")] == [404, 404, 404]
    assert eve.submit(f"{path}/delete", page="/home").status == 404
