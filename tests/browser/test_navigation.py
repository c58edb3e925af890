"""Tests of keyboard focus and navigation."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import BrowserUser

FOCUS_CENTRE = "() => { const box = document.activeElement.getBoundingClientRect(); return Math.round((box.top + box.bottom) / 2); }"


def _tab_through_sidebar(user: BrowserUser) -> list[int]:
    """Press Tab from the logo to the account menu; return the vertical position of each focused element."""
    user.page.locator(".brand").focus()
    found = []
    for _ in range(20):
        found.append(user.page.evaluate(FOCUS_CENTRE))
        if user.page.evaluate("document.activeElement.matches('.me summary')"):
            return found
        user.page.keyboard.press("Tab")
    raise AssertionError("the Tab key does not reach the account menu")


def test_the_tab_order_of_the_sidebar_is_top_to_bottom(new_user: Callable[..., BrowserUser]) -> None:
    ann = new_user(height=900)
    ann.sign_up("tabs")
    positions = _tab_through_sidebar(ann)
    assert len(positions) == 12
    assert positions == sorted(positions)
    ann.page.keyboard.press("Tab")
    assert ann.page.evaluate("document.activeElement.closest('main') !== null"), "the content follows, as it does on the screen"


def test_a_phone_shows_the_compose_button_on_every_page(new_user: Callable[..., BrowserUser]) -> None:
    ann = new_user(width=390, height=600)
    ann.sign_up("thumb")
    for number in range(8):
        ann.client.publish(f"Post {number}", key=f"thumb {number}")
    ann.open("/@thumb")
    thread = ann.page.locator("article .at").first.get_attribute("href")
    assert thread
    for path in ("/home", "/local", thread, "/@thumb", "/notifications", "/search"):
        ann.open(path)
        ann.page.evaluate("scrollTo(0, document.body.scrollHeight)")
        expect(ann.page.locator(".write")).to_be_in_viewport()
    ann.page.locator(".write").click()
    expect(ann.page.locator("form[data-composer] textarea[name=text]").last).to_be_focused()


def test_a_slash_focuses_the_search_field(new_user: Callable[..., BrowserUser]) -> None:
    ann = new_user()
    ann.sign_up("slash")
    ann.publish("Nobody likes this")
    ann.page.locator("article", has_text="Nobody likes this").first.focus()
    ann.page.keyboard.type("/f", delay=1)  # f alone would favourite the post
    ann.page.wait_for_url("**/search")
    expect(ann.page.locator("#q")).to_be_focused()
    ann.page.keyboard.type("bfl?")
    expect(ann.page.locator("#q")).to_have_value(re.compile(r"^f?bfl\?$"))  # the next page may already have taken the first f
    ann.open("/home")
    expect(ann.page.locator("article .favourite").first).to_have_attribute("aria-pressed", "false")
    ann.open("/search?q=likes")
    expect(ann.page.locator("#q")).not_to_be_focused()


def test_no_label_of_a_composer_overlaps_its_field(new_user: Callable[..., BrowserUser]) -> None:
    ann = new_user()
    ann.sign_up("labels", then="/compose")
    for width in (320, 390, 1280):
        ann.page.set_viewport_size({"width": width, "height": 900})
        ann.page.evaluate("document.querySelectorAll('main details').forEach((each) => { each.open = true; })")
        label, field = (ann.page.locator(f"main .later > {name}").bounding_box() for name in ("label", "input"))
        assert label
        assert field
        assert label["y"] + label["height"] <= field["y"], width
