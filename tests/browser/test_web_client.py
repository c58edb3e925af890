"""A web client of another origin, in Chromium: everything that a browser asks of a server whose scripts are not its own.

No web client of the field is published as a package, so this one is small and our own, on the library that they are built on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests import files
from tests.browser.conftest import PASSWORD, BrowserUser

pytestmark = [pytest.mark.browser, pytest.mark.acceptance]

ROOT = Path(__file__).parents[2]


class Files(SimpleHTTPRequestHandler):
    """The client's files and the library's, as any web server gives them."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript", ".js": "text/javascript"}  # noqa: RUF012 - the base class has it so

    def translate_path(self, path: str) -> str:
        """The library is where npm puts it."""
        if path.startswith("/node_modules/"):
            return str(ROOT / path.partition("?")[0].removeprefix("/"))
        return super().translate_path(path)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """Where the client is served: another host than the site's, as the browser sees it."""
    if not (ROOT / "node_modules" / "masto").exists():
        lacks = "The client needs masto.js: npm ci"
        pytest.fail(lacks) if os.environ.get("MICROBLOG_REQUIRE_BROWSER") else pytest.skip(lacks)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(Path(__file__).with_name("client"))))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_web_client_elsewhere_signs_in_reads_writes_and_hears(new_user: Callable[..., BrowserUser], elsewhere: str) -> None:
    wren = new_user()
    wren.sign_up("wren")
    for number in range(5):
        wren.publish(f"number {number}")
        expect(wren.page.locator("article").filter(has_text=f"number {number}")).to_be_visible()
    page = wren.page
    page.goto(elsewhere)
    page.get_by_label("Server").fill(wren.site.url)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Elsewhere").first).to_be_visible()
    page.locator("button[type=submit]:not(.negative)").last.click()
    me, posts = page.locator("#me"), page.locator("#posts li")
    expect(me).to_have_text(f"wren at 127.0.0.1:{wren.site.port}, 500")
    # Pages: by the Link header, which its script may read.
    expect(posts).to_have_text(["number 4", "number 3", "number 2"])
    page.get_by_role("button", name="Older").click()
    expect(posts).to_have_text([f"number {number}" for number in (4, 3, 2, 1, 0)])
    # Writing, with a header that needs a preflight; the news comes back over the socket.
    page.get_by_label("Picture").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": files.picture().getvalue()})
    page.get_by_label("Post").fill("from elsewhere")
    page.get_by_role("button", name="Publish").click()
    expect(posts.first).to_contain_text("from elsewhere")
    expect(posts.first.get_by_alt_text("sent from elsewhere")).to_be_visible()
    wren.screenshot("web_client")
    page.get_by_role("button", name="Sign out").click()
    expect(me).to_have_text("signed out: 401")
    expect(page.locator("#trouble")).to_be_empty()


@pytest.mark.parametrize("path", ["login", "sign-up"])
def test_a_popup_of_a_web_client_keeps_its_opener_through_the_whole_sign_in(
    new_user: Callable[..., BrowserUser], elsewhere: str, path: str
) -> None:
    there, robin = new_user(), new_user()
    there.sign_up(f"robin{path[:3]}")
    page = robin.page
    page.goto(elsewhere)
    app = {"client_name": "Popup", "redirect_uris": f"{elsewhere}/", "scopes": "read"}
    made = page.evaluate(
        "async ([url, app]) => (await fetch(url + '/api/v1/apps?' + new URLSearchParams(app), {method: 'POST'})).json()",
        [robin.site.url, app],
    )
    asked = {"response_type": "code", "client_id": made["client_id"], "redirect_uri": f"{elsewhere}/", "scope": "read"}
    with page.expect_popup() as opened:
        page.evaluate("url => void window.open(url, '', 'popup')", f"{robin.site.url}/oauth/authorize?{urlencode(asked)}")
    popup = opened.value
    if path == "login":
        popup.locator("input#user_email").fill(f"robin{path[:3]}")
        popup.locator("input#user_password").fill(PASSWORD)
    else:
        popup.locator("main").get_by_role("link", name="Create account").click()
        popup.get_by_label("Username").fill("redstart")
        popup.get_by_label("E-mail").first.fill("redstart@example.org")
        popup.locator("input[name=password]").fill(PASSWORD)
    popup.locator("main form button.primary").first.click()
    popup.locator("button[type=submit]:not(.negative)").last.click()
    popup.wait_for_url(f"{elsewhere}/?code=*")
    assert popup.evaluate("window.opener !== null")
    popup.evaluate("window.opener.postMessage('back', '*')")


def test_a_web_client_is_let_in_by_somebody_who_logs_in_on_the_way(new_user: Callable[..., BrowserUser], elsewhere: str) -> None:
    there = new_user()
    there.sign_up("wanda")
    finch = new_user()
    page = finch.page
    page.goto(elsewhere)
    page.get_by_label("Server").fill(finch.site.url)
    page.get_by_role("button", name="Sign in").click()
    page.locator("input#user_email").fill("wanda")
    page.locator("input#user_password").fill(PASSWORD)
    page.locator("main form button.primary").first.click()
    page.get_by_role("button", name="Deny", exact=True).click()
    expect(page.locator("#trouble")).to_contain_text("access_denied")
    page.goto(elsewhere)
    page.get_by_label("Server").fill(finch.site.url)
    page.get_by_role("button", name="Sign in").click()
    page.locator("button[type=submit]:not(.negative)").last.click()
    expect(page.locator("#me")).to_contain_text("wanda at ")
