"""A started site, and people with Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import define, field
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.acceptance.site import Site, site

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",  # as root, as in most containers, there is none
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery"
WAIT_MS = 30_000.0


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser. Missing, it is a failure where the checks require it, and otherwise a skip that says what to install.

    It ends with each file: Playwright's synchronous interface keeps an event loop running in this thread for as long as it is open,
    and tests that come after in the same process may need one of their own.
    """
    if CHROMIUM is None:
        message = "Browser tests need Chromium: apt-get install -y chromium"
        pytest.fail(message) if os.environ.get("MICROBLOG_REQUIRE_BROWSER") else pytest.skip(message)
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that all browser tests share; each brings its own people."""
    with site(tmp_path_factory.mktemp("served"), rate_limits="off") as made:
        made.start()
        yield made


@define(eq=False)
class Person:
    """Somebody at a window. Whatever their browser complains about (a blocked script, an error) is collected in `complaints`."""

    site: Site
    context: BrowserContext
    page: Page
    complaints: list[str] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.page.on("console", lambda message: self._heard(message))  # noqa: PLW0108 - Playwright writes attributes on bound methods
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text and "ERR_" not in message.text:
            self.complaints.append(message.text)

    def go(self, path: str) -> None:
        """Open an address of the site."""
        self.page.goto(self.site.url + path)

    def sign_up(self, username: str) -> None:
        """Create an account by the form, and be at home."""
        self.go("/")
        self.page.get_by_role("link", name="Create account").first.click()
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("E-mail").first.fill(f"{username}@example.org")
        self.page.locator("input[name=password]").fill(PASSWORD)
        self.page.locator("main form button.primary").click()
        self.page.wait_for_url("**/home")

    def write(self, text: str) -> None:
        """Publish by the composer of the page that is open."""
        composer = self.page.locator("main form[data-composer]").first
        composer.locator("textarea[name=text]").fill(text)
        composer.locator("button.primary").click()

    def picture(self, name: str) -> None:
        """Keep what the window shows, where somebody wants to look at it (MICROBLOG_PICTURES names a directory)."""
        if directory := os.environ.get("MICROBLOG_PICTURES"):
            self.page.screenshot(path=Path(directory) / f"{name}.png")


@pytest.fixture
def person(chromium: Browser, served: Site) -> Iterator[Callable[..., Person]]:
    """Makes people, each with a browser of their own. In the end nobody's browser may have complained."""
    made: list[Person] = []

    def make(*, javascript: bool = True, width: int = 1280, height: int = 900, dark: bool = False) -> Person:
        context = chromium.new_context(
            java_script_enabled=javascript,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        context.set_default_timeout(WAIT_MS)
        made.append(Person(served, context, context.new_page()))
        return made[-1]

    yield make
    for each in made:
        each.context.close()
    assert [each.complaints for each in made if each.complaints] == []
