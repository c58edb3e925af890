"""axe-core finds nothing to complain about on any page, and nothing is wider than a phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import Person

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FOR_VISITORS = ("/", "/local", "/about", "/stats", "/login", "/signup", "/search", "/search?q=axe", "/nowhere")
FOR_MEMBERS = (
    "/home",
    "/notifications",
    "/notifications/requests",
    "/conversations",
    "/favourites",
    "/bookmarks",
    "/scheduled",
    "/compose",
    "/settings",
    "/settings/account",
    "/settings/preferences",
    "/settings/notifications",
    "/settings/sessions",
    "/settings/apps",
    "/settings/mail",
    "/settings/filters",
    "/lists",
    "/settings/blocks",
    "/settings/mutes",
    "/settings/requests",
    "/settings/delete",
)


def violations(person: Person, path: str) -> list[str]:
    """What axe finds on a page, each with where it is."""
    person.go(path)
    assert AXE.exists(), "axe-core is missing: npm ci"
    person.page.evaluate(AXE.read_text("utf-8"))
    found = person.page.evaluate("rules => axe.run({runOnly: rules})", RULES)["violations"]
    return [f"{path}: {one['id']} ({one['help']}) {[node['target'] for node in one['nodes']][:3]}" for one in found]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_can_be_used_by_everybody(person: Callable[..., Person], dark: bool) -> None:
    member, visitor = person(dark=dark), person(dark=dark, width=390, height=844)
    name = f"axe_{'dark' if dark else 'light'}"
    member.sign_up(name)
    member.write(f"Hello @{name} #axe https://example.org")
    member.page.get_by_text(f"Hello @{name}").first.wait_for()
    member.write(f"#oldest #older\n@{name} #oldest")  # links with no words around them
    member.page.get_by_text("#oldest").first.wait_for()
    member.go(f"/@{name}")
    post = member.page.locator("article .at").first.get_attribute("href")
    assert post
    id = post.rsplit("/", 1)[-1]
    own = (f"/@{name}", post, f"/posts/{id}/edit", f"/posts/{id}/delete", f"/posts/{id}/history", f"/compose?reply_to={id}")
    found = [problem for path in (*FOR_MEMBERS, *own) for problem in violations(member, path)]
    public = (f"/@{name}", post, "/tags/axe", f"/@{name}/followers", f"/@{name}/following", f"/@{name}/with_replies")
    found += [problem for path in (*FOR_VISITORS, *public) for problem in violations(visitor, path)]
    assert found == []


@pytest.mark.parametrize("width", [320, 390, 768])
def test_no_page_is_wider_than_the_window(person: Callable[..., Person], width: int) -> None:
    member = person(width=width, height=800)
    name = f"wide_{width}"
    member.sign_up(name)
    member.write("W" * 200 + " https://example.org/" + "x" * 200)
    member.page.get_by_text("WWWW").first.wait_for()
    for path in ("/", "/local", *FOR_MEMBERS, f"/@{name}"):
        member.go(path)
        wide = member.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} is {wide} px wider than {width}"
