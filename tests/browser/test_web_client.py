"""Tests with a web client of another origin in Chromium: CORS, OAuth, paging, uploads and streaming.

No common web client is published as a package, so tests/browser/client has a small one, built on masto.js like many of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests import files
from tests.acceptance.site_client import PASSWORD, SiteClient
from tests.browser.conftest import BrowserUser

pytestmark = [pytest.mark.browser, pytest.mark.acceptance]

ROOT = Path(__file__).parents[2]


class ClientFiles(SimpleHTTPRequestHandler):
    """A web server for the files of the client and its libraries."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript", ".js": "text/javascript"}  # noqa: RUF012 - the base class has it so

    def translate_path(self, path: str) -> str:
        """Map /node_modules/ to the directory of npm."""
        if path.startswith("/node_modules/"):
            return str(ROOT / path.partition("?")[0].removeprefix("/"))
        return super().translate_path(path)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def client_url() -> Iterator[str]:
    """The URL of the client, on another origin than the site."""
    if not (ROOT / "node_modules" / "masto").exists():
        pytest.skip("The client needs masto.js: npm ci")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(ClientFiles, directory=str(Path(__file__).with_name("client"))))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_web_client_logs_in_reads_publishes_and_streams(new_user: Callable[..., BrowserUser], client_url: str) -> None:
    wren = new_user()
    wren.sign_up("wren")
    for number in range(5):
        wren.client.publish(f"number {number}", key=f"wren {number}")
    page = wren.page
    page.goto(client_url)
    page.get_by_label("Server").fill(wren.site.url)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Test client").first).to_be_visible()
    page.locator("button[type=submit]:not(.negative)").last.click()
    me, posts = page.locator("#me"), page.locator("#posts li")
    expect(me).to_have_text(f"wren at 127.0.0.1:{wren.site.port}, 500")
    # Paging by the Link header, which CORS exposes.
    expect(posts).to_have_text(["number 4", "number 3", "number 2"])
    page.get_by_role("button", name="Older").click()
    expect(posts).to_have_text([f"number {number}" for number in (4, 3, 2, 1, 0)])
    # Publishing, with a header that needs a preflight; the post arrives over the WebSocket.
    page.get_by_label("Image").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": files.image().getvalue()})
    page.get_by_label("Post").fill("from the test client")
    page.get_by_role("button", name="Publish").click()
    expect(posts.first).to_contain_text("from the test client")
    expect(posts.first.get_by_alt_text("sent from the test client")).to_be_visible()
    wren.screenshot("web_client")
    page.get_by_role("button", name="Sign out").click()
    expect(me).to_have_text("signed out: 401")
    expect(page.locator("#error")).to_be_empty()


@pytest.mark.parametrize("path", ["login", "sign-up"])
def test_a_login_popup_keeps_its_opener(new_user: Callable[..., BrowserUser], client_url: str, path: str) -> None:
    robin = new_user()
    SiteClient(robin.site).sign_up(f"robin{path[:3]}")
    page = robin.page
    page.goto(client_url)
    app = {"client_name": "Popup", "redirect_uris": f"{client_url}/", "scopes": "read"}
    app_entity = page.evaluate(
        "async ([url, app]) => (await fetch(url + '/api/v1/apps?' + new URLSearchParams(app), {method: 'POST'})).json()",
        [robin.site.url, app],
    )
    parameters = {"response_type": "code", "client_id": app_entity["client_id"], "redirect_uri": f"{client_url}/", "scope": "read"}
    with page.expect_popup() as popup_info:
        page.evaluate("url => void window.open(url, '', 'popup')", f"{robin.site.url}/oauth/authorize?{urlencode(parameters)}")
    popup = popup_info.value
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
    popup.wait_for_url(f"{client_url}/?code=*")
    assert popup.evaluate("window.opener !== null")
    popup.evaluate("window.opener.postMessage('back', '*')")


def test_a_user_logs_in_during_authorization(new_user: Callable[..., BrowserUser], client_url: str) -> None:
    finch = new_user()
    SiteClient(finch.site).sign_up("wanda")
    page = finch.page
    page.goto(client_url)
    page.get_by_label("Server").fill(finch.site.url)
    page.get_by_role("button", name="Sign in").click()
    page.locator("input#user_email").fill("wanda")
    page.locator("input#user_password").fill(PASSWORD)
    page.locator("main form button.primary").first.click()
    page.get_by_role("button", name="Deny", exact=True).click()
    expect(page.locator("#error")).to_contain_text("access_denied")
    page.goto(client_url)
    page.get_by_label("Server").fill(finch.site.url)
    page.get_by_role("button", name="Sign in").click()
    page.locator("button[type=submit]:not(.negative)").last.click()
    expect(page.locator("#me")).to_contain_text("wanda at ")
