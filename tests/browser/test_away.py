"""The server is away for a while, and the page that one reads stays."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import BrowserUser


def _away(user: BrowserUser) -> None:
    """Nobody answers any more; the network itself is there."""
    user.page.route("**/*", lambda route: route.abort("connectionrefused"))


def _back(user: BrowserUser) -> None:
    user.page.unroute("**/*")


def test_a_post_that_was_not_sent_stays_and_is_sent_once_by_retry(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("away_writer")
    ada.open("/home")  # with all its scripts
    _away(ada)
    ada.publish("Written on a train")
    failed = ada.page.locator(".pending.failed", has_text="Written on a train")
    expect(failed.get_by_text("ould not reach the server")).to_be_visible()
    ada.screenshot("not-sent")
    _back(ada)
    failed.get_by_role("button", name="Retry").click()
    post = ada.page.locator("article", has_text="Written on a train")
    expect(post).to_have_count(1)
    expect(failed).to_have_count(0)
    ada.page.reload()
    expect(post).to_have_count(1)
    expect(ada.page.locator("main form[data-composer] textarea[name=text]")).to_have_value("")


def test_buttons_stay_as_they_were_and_say_so(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("away_reader")
    ada.publish("Something to like")
    like = ada.page.locator("article", has_text="Something to like").locator(".act.favourite")
    expect(like).to_be_visible()
    ada.open("/home")  # with all its scripts
    _away(ada)
    like.click()
    expect(ada.page.locator(".toast")).to_contain_text("ould not reach the server")
    expect(like).to_have_attribute("aria-pressed", "false")
    ada.page.locator("article .act.reply").first.click()
    expect(ada.page.locator(".toast")).to_contain_text("Please try again")
    assert ada.page.url.endswith("/home")
    _back(ada)
    with ada.page.expect_response("**/favourite"):
        like.click()
    expect(like).to_have_attribute("aria-pressed", "true")
    ada.page.reload()
    expect(like).to_have_attribute("aria-pressed", "true")
