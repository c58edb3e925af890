"""Tests of an open page while the server is unreachable."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import BrowserUser


def _disconnect(user: BrowserUser) -> None:
    """Refuse all requests; the browser itself stays online."""
    user.page.route("**/*", lambda route: route.abort("connectionrefused"))


def _reconnect(user: BrowserUser) -> None:
    """Let requests pass again."""
    user.page.unroute("**/*")


def test_an_unsent_post_stays_and_retry_sends_it_once(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("away_writer")
    _disconnect(ada)
    ada.submit_post("Written on a train")
    failed = ada.page.locator(".pending.failed", has_text="Written on a train")
    expect(failed.get_by_text("ould not reach the server")).to_be_visible()
    ada.screenshot("not-sent")
    _reconnect(ada)
    failed.get_by_role("button", name="Retry").click()
    post = ada.page.locator("article", has_text="Written on a train")
    expect(post).to_have_count(1)
    expect(failed).to_have_count(0)
    ada.page.reload()
    expect(post).to_have_count(1)
    expect(ada.page.locator("main form[data-composer] textarea[name=text]")).to_have_value("")


def test_a_failed_button_returns_to_its_state_with_a_message(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("away_reader")
    ada.publish("Something to like")
    favourite = ada.page.locator("article", has_text="Something to like").locator(".act.favourite")
    expect(favourite).to_be_visible()
    ada.open("/home")  # loads all scripts
    _disconnect(ada)
    favourite.click()
    expect(ada.page.locator(".toast")).to_contain_text("ould not reach the server")
    expect(favourite).to_have_attribute("aria-pressed", "false")
    ada.page.locator("article .act.reply").first.click()
    expect(ada.page.locator(".toast")).to_contain_text("Please try again")
    assert ada.page.url.endswith("/home")
    _reconnect(ada)
    with ada.page.expect_response("**/favourite"):
        favourite.click()
    expect(favourite).to_have_attribute("aria-pressed", "true")
    ada.page.reload()
    expect(favourite).to_have_attribute("aria-pressed", "true")
