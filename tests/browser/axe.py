"""Accessibility violations that axe-core finds on pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.browser.conftest import BrowserUser
from tests.browser.page_lists import status_of

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Only violations leave the page: what axe tells about everything else is megabytes.
RUN = """options => axe.run(options).then(({violations}) =>
    violations.map(({id, help, nodes}) => `${id} (${help}) ${JSON.stringify(nodes.slice(0, 3).map((node) => node.target))}`))"""


def violations_of(user: BrowserUser, paths: tuple[str, ...]) -> list[str]:
    """Open pages and return the violations that axe finds in the light and the dark theme."""
    assert AXE.exists(), "axe-core is missing: npm ci"
    user.page.add_init_script(path=AXE)  # compiled once, not for each page
    found = []
    for path in paths:
        assert user.open(path) == status_of(path), path
        found += violations_here(user, path)
    return found


def violations_here(user: BrowserUser, name: str) -> list[str]:
    """Return the violations that axe finds on the open page, in the light and the dark theme."""
    found = violations_in_one_theme(user, {"runOnly": RULES})
    user.page.emulate_media(color_scheme="dark")
    # A theme changes nothing but colours, some of which fade.
    user.page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished)).then(() => null)")
    found += violations_in_one_theme(user, {"runOnly": ["color-contrast"]})
    user.page.emulate_media(color_scheme="light")
    return [f"{name}: {one}" for one in found]


def violations_in_one_theme(user: BrowserUser, options: Mapping[str, object]) -> list[str]:
    """Return the violations that axe finds on the open page with these options."""
    if not user.page.evaluate("'axe' in window"):
        assert AXE.exists(), "axe-core is missing: npm ci"
        user.page.evaluate(AXE.read_text("utf-8"))
    found: list[str] = user.page.evaluate(RUN, options)
    return found
