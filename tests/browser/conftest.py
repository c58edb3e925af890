"""Fixtures: a started site, and users with Chromium."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import define, field
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, expect, sync_playwright

from tests.acceptance.site_client import PASSWORD, SiteClient
from tests.acceptance.site_process import SiteProcess, site_process

CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",  # as root, as in most containers, there is none
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 30_000.0


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Chromium.

    It is closed after each module, because Playwright's synchronous API keeps an event loop running in this thread,
    and later tests in the same process may need a loop of their own.
    """
    if CHROMIUM is None:
        pytest.skip("Browser tests need Chromium: apt-get install -y chromium-headless-shell")
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def browser_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    """A started site shared by all browser tests; each test signs up its own users."""
    with site_process(tmp_path_factory.mktemp("site"), rate_limits="off") as site:
        site.start()
        yield site


@define(eq=False)
class BrowserUser:
    """A user with a browser window.

    `client` is the same user without the window, for what is not to be seen there. `console_errors` collects what the browser
    reports (blocked scripts, uncaught errors).
    """

    site: SiteProcess
    context: BrowserContext
    page: Page
    client: SiteClient = field(init=False)
    console_errors: list[str] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.client = SiteClient(self.site)
        self.page.on("console", lambda message: self._record_error(message))  # noqa: PLW0108 - Playwright writes attributes on bound methods
        self.page.on("pageerror", lambda error: self.console_errors.append(str(error)))

    def _record_error(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text and "ERR_" not in message.text:
            self.console_errors.append(message.text)

    def open(self, path: str) -> int:
        """Open a page of the site, and return the status of the response."""
        response = self.page.goto(self.site.url + path)
        assert response is not None
        return response.status

    def sign_up_by_form(self, username: str) -> None:
        """Sign up by the form, and wait for the home page."""
        self.open("/")
        self.page.get_by_role("link", name="Create account").first.click()
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("E-mail").first.fill(f"{username}@example.org")
        self.page.locator("input[name=password]").fill(PASSWORD)
        self.page.locator("main form button.primary").click()
        self.page.wait_for_url("**/home")

    def sign_up(self, username: str, *, then: str = "/home") -> None:
        """Sign up without the browser, take over the session, and open a page."""
        self.client.sign_up(username)
        self._take_session(then)

    def log_in(self, username: str, *, then: str = "/home") -> None:
        """Log in without the browser, take over the session, and open a page."""
        form = {"csrf": self.client.fetch_csrf_token("/login"), "name": username, "password": PASSWORD}
        status, _, body = self.client.request("POST", "/login", form)
        assert status == 303, body
        self._take_session(then)

    def _take_session(self, path: str) -> None:
        self.context.add_cookies([{"name": name, "value": value, "url": self.site.url} for name, value in self.client.cookies.items()])
        assert self.open(path) == 200, path

    def publish(self, text: str) -> None:
        """Publish a post with the composer of the open page, and wait for the server's response: the page shows the text before."""
        with self.page.expect_response(re.compile(r"/posts$")):
            self.submit_post(text)

    def submit_post(self, text: str) -> None:
        """Submit a post with the composer of the open page, whether or not the server gets it."""
        composer = self.page.locator("main form[data-composer]").first
        composer.locator("textarea[name=text]").fill(text)
        composer.locator("button.primary").click()

    def close(self) -> None:
        """Close the window, from an empty page: Chromium may never close one that is about to show another (Playwright issue 42366)."""
        for page in self.context.pages:
            try:
                page.goto("about:blank")
            except Error:  # a script of the page opened another page at the same time
                page.goto("about:blank")
        self.context.close()

    def screenshot(self, name: str) -> None:
        """Save a screenshot if MICROBLOG_SCREENSHOTS names a directory."""
        if directory := os.environ.get("MICROBLOG_SCREENSHOTS"):
            self.page.screenshot(path=Path(directory) / f"{name}.png")


@pytest.fixture
def new_user(chromium: Browser, browser_site: SiteProcess) -> Iterator[Callable[..., BrowserUser]]:
    """A factory of users, each with a browser context of their own. At the end, no browser may have reported an error."""
    users: list[BrowserUser] = []

    def make(*, javascript: bool = True, width: int = 1280, height: int = 900, dark: bool = False) -> BrowserUser:
        context = chromium.new_context(
            java_script_enabled=javascript,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            locale="en-US",
        )
        context.set_default_timeout(WAIT_MS)
        users.append(BrowserUser(browser_site, context, context.new_page()))
        return users[-1]

    yield make
    for user in users:
        user.close()
    assert [user.console_errors for user in users if user.console_errors] == []
