"""Lists on the site, with forms alone."""

from __future__ import annotations

from tests import make
from tests.web.http_client import HttpResponse
from tests.web.visitor import SiteFixture, Visitor, links, main_text


def create_list(visitor: Visitor, **fields: str) -> str:
    """Create a list and return its path."""
    response = visitor.submit("/lists", **fields)
    assert response.status == 303, main_text(response)
    return (response.header("Location") or "").removesuffix("/edit")


def rejection_text(response: HttpResponse) -> str:
    """Return the page's text after a rejected form."""
    assert response.status == 422
    return main_text(response)


def test_a_list_is_created_filled_read_and_deleted(site: SiteFixture) -> None:
    site.registered_user("ada")
    bob = site.registered_user("bob")
    make.follow(site.cursor, site.viewer("bob"), site.viewer("ada"))
    make.post(site.cursor, site.viewer("ada"), "Good morning")
    path = create_list(bob, title="Friends")
    bob.submit(f"{path}/members", page=f"{path}/edit", username="@Ada")
    assert "/@ada" in links(bob.get(f"{path}/edit"))
    assert "Good morning" in main_text(bob.get(path))
    assert path in links(bob.get("/lists"))
    bob.submit(f"{path}/members/{site.viewer('ada').id}/remove", page=f"{path}/edit")
    assert "Good morning" not in main_text(bob.get(path))
    bob.submit(f"{path}/delete")
    assert bob.get(path).status == 404


def test_posts_of_an_exclusive_list_are_not_on_home(site: SiteFixture) -> None:
    site.registered_user("ada")
    bob = site.registered_user("bob")
    make.follow(site.cursor, site.viewer("bob"), site.viewer("ada"))
    make.post(site.cursor, site.viewer("ada"), "Good morning")
    path = create_list(bob, title="Friends")
    bob.submit("/@ada/lists", **{"lists[]": path.removeprefix("/lists/")})
    assert "Good morning" in main_text(bob.get("/home"))
    bob.submit(f"{path}/edit", title="Others", replies_policy="none", exclusive="1")
    assert "Good morning" not in main_text(bob.get("/home"))
    assert "Others" in main_text(bob.get("/lists"))
    bob.submit("/@ada/lists")
    assert "Good morning" in main_text(bob.get("/home"))


def test_an_invalid_list_form_shows_the_error(site: SiteFixture) -> None:
    site.registered_user("ada")
    bob = site.registered_user("bob")
    assert "can't be blank" in rejection_text(bob.submit("/lists", title=" "))
    path = create_list(bob, title="Friends")
    assert "only add people you follow" in rejection_text(bob.submit(f"{path}/members", page=f"{path}/edit", username="ada"))
    assert "No user has this name" in rejection_text(bob.submit(f"{path}/members", page=f"{path}/edit", username="nobody"))
    assert "can't be blank" in rejection_text(bob.submit(f"{path}/edit", title=""))


def test_other_users_lists_are_404(site: SiteFixture) -> None:
    path = create_list(site.registered_user("bob"), title="Friends")
    eve = site.registered_user("eve")
    assert [eve.get(f"{path}{end}").status for end in ("", "/edit", "/delete")] == [404, 404, 404]
    assert eve.submit(f"{path}/delete", page="/home").status == 404
