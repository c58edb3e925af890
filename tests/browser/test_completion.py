"""Tests of autocompletion of mentions and hashtags: keyboard, mouse, touch, input methods and ARIA."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.acceptance.site_client import SiteClient
from tests.browser.axe import RULES, violations_in_one_theme
from tests.browser.conftest import BrowserUser
from tests.browser.test_stories import follow


def text_field(page: Page) -> Locator:
    return page.locator("form[data-composer]:visible textarea[name=text]").last


def listed_options(page: Page) -> Locator:
    return page.locator("[role=listbox]:popover-open [role=option]")


def type_in(page: Page, text: str) -> None:
    """Type at the end of the composer, key by key."""
    text_field(page).focus()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)


def test_a_mention_is_completed_by_keyboard(new_user: Callable[..., BrowserUser]) -> None:
    ada, bob = new_user(), new_user()
    bob.sign_up("kk_bob")
    SiteClient(ada.site).sign_up("kk_cy")
    ada.sign_up("kk_ada", then="/@kk_cy")
    follow(ada)
    ada.open("/home")
    page = ada.page
    type_in(page, "Tea ❤️@kk")
    expect(listed_options(page)).to_have_count(2)
    expect(listed_options(page).first).to_contain_text("@kk_cy")  # followed accounts come first
    text = text_field(page)
    expect(text).to_have_role("combobox")
    expect(text).to_have_attribute("aria-expanded", "true")
    listbox = page.locator(f"#{text.get_attribute('aria-controls')}")
    expect(listbox).to_have_role("listbox")
    expect(page.locator("form[data-composer] [role=status]")).to_contain_text("2 suggestions")
    for key, name in (("ArrowDown", "kk_bob"), ("ArrowDown", "kk_cy"), ("ArrowUp", "kk_bob")):
        page.keyboard.press(key)
        active = page.locator(f"#{text.get_attribute('aria-activedescendant')}")
        expect(active).to_have_attribute("aria-selected", "true")
        expect(active).to_contain_text(f"@{name}")
    ada.screenshot("completion")
    page.keyboard.press("Enter")
    expect(text).to_have_value("Tea ❤️@kk_bob ")
    expect(listed_options(page)).to_have_count(0)
    assert text.get_attribute("role") is None
    page.keyboard.press("Control+z")
    expect(text).to_have_value("Tea ❤️@kk")
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("Control+Enter")
    expect(bob.page.locator("[data-count=notifications]").first).to_contain_text("1")  # an emoji is not part of a word


def test_escape_closes_the_list_until_the_next_word(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("esc_ada")
    SiteClient(ada.site).sign_up("esc_bob")
    page = ada.page
    page.keyboard.press("n")
    ada.open("/local")
    page.keyboard.press("n")
    expect(page.locator("dialog[open]")).to_be_visible()
    type_in(page, "@esc")
    expect(listed_options(page)).to_have_count(1)
    page.keyboard.press("Escape")
    expect(listed_options(page)).to_have_count(0)
    expect(page.locator("dialog[open]")).to_be_visible()  # only the list is closed
    page.keyboard.type("_")
    page.wait_for_timeout(300)
    expect(listed_options(page)).to_have_count(0)
    page.keyboard.type(" @esc")
    expect(listed_options(page)).to_have_count(1)
    page.keyboard.press("Tab")
    expect(text_field(page)).to_have_value("@esc_ @esc_bob ")
    expect(text_field(page)).to_be_focused()


def test_a_hashtag_is_completed_by_mouse_and_touch(new_user: Callable[..., BrowserUser]) -> None:
    ada, phone = new_user(), new_user(width=390, height=700)
    ada.sign_up("tag_ada")
    phone.sign_up("tag_phone")
    ada.publish("#Zebrafinch and #zebra")
    expect(ada.page.get_by_text("and #zebra")).to_be_visible()
    type_in(ada.page, "צִפּוֹר #zeb")
    expect(listed_options(ada.page).first).to_contain_text("1 post")
    listed_options(ada.page).get_by_text("#Zebrafinch").click()
    expect(text_field(ada.page)).to_have_value("צִפּוֹר #Zebrafinch ")
    expect(text_field(ada.page)).to_be_focused()
    type_in(phone.page, "#ZEBRAF")
    expect(listed_options(phone.page)).to_have_count(1)
    phone.screenshot("completion-phone")
    listed_options(phone.page).first.dispatch_event("click")
    expect(text_field(phone.page)).to_have_value("#Zebrafinch ")


def test_enter_after_a_complete_word_inserts_a_newline(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("line_ada")
    ada.client.publish("#lineonly", key="line_ada")  # in the page, it would ask for suggestions before there are any, and keep the answer
    expect(ada.page.get_by_text("#lineonly")).to_be_visible()
    type_in(ada.page, "#lineonly")
    expect(listed_options(ada.page)).to_have_count(1)
    ada.page.keyboard.press("Enter")
    expect(text_field(ada.page)).to_have_value("#lineonly\n")
    ada.page.keyboard.type("me@line a)#line x#line /@line")  # none of these is a mention or a hashtag
    ada.page.wait_for_timeout(400)
    expect(listed_options(ada.page)).to_have_count(0)


def test_an_input_method_keeps_its_keys(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("ime_ada")
    ada.client.publish("#お茶の時間", key="ime_ada")
    expect(ada.page.get_by_text("#お茶の時間")).to_be_visible()
    type_in(ada.page, "#")
    cdp_session = ada.context.new_cdp_session(ada.page)
    cdp_session.send("Input.imeSetComposition", {"text": "お茶", "selectionStart": 2, "selectionEnd": 2})
    expect(listed_options(ada.page)).to_have_count(1)  # suggestions also appear during composition, which mobile keyboards always use
    cdp_session.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229})
    expect(text_field(ada.page)).to_have_value("#お茶")
    expect(listed_options(ada.page)).to_have_count(1)
    cdp_session.send("Input.insertText", {"text": "お茶"})
    ada.page.keyboard.press("Enter")
    expect(text_field(ada.page)).to_have_value("#お茶の時間 ")


def test_autocompletion_works_in_replies_and_edits(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("re_ada")
    SiteClient(ada.site).sign_up("re_bob")
    ada.publish("Reply to this")
    post = ada.page.locator("article", has_text="Reply to this").first
    post.get_by_title("Reply").click()
    expect(ada.page.locator("dialog[open]")).to_be_visible()
    type_in(ada.page, "@re_b")
    expect(listed_options(ada.page)).to_have_count(1)
    ada.screenshot("completion-dialog")
    ada.page.keyboard.press("Enter")
    expect(text_field(ada.page)).to_have_value("@re_bob ")
    ada.page.keyboard.press("Control+Enter")
    post.locator("summary[title=More]").click()
    post.get_by_role("link", name="Edit").click()
    text = ada.page.locator("form[data-composer-edit] textarea[name=text]")
    text.focus()
    ada.page.keyboard.press("Control+End")
    ada.page.keyboard.type(" @re_b")
    expect(listed_options(ada.page)).to_have_count(1)
    ada.page.keyboard.press("Tab")
    expect(text).to_have_value("Reply to this @re_bob ")


def test_a_late_response_never_replaces_a_newer_one(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("old_ada")
    bob = SiteClient(ada.site)
    bob.sign_up("old_bob")
    bob.publish("#oldest #older", key="old_bob")
    held_routes = []
    ada.page.route(re.compile(r"complete\?q=%40old$"), lambda route: held_routes.append(route))  # noqa: PLW0108 - Playwright counts its parameters
    type_in(ada.page, "@old")
    ada.page.wait_for_timeout(400)
    ada.page.keyboard.type(" #old")
    expect(listed_options(ada.page)).to_have_count(2)
    for route in held_routes:
        route.abort() if route.request.failure else route.continue_()
    expect(listed_options(ada.page).first).to_contain_text("#old")
    assert len(held_routes) == 1


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_open_list_is_accessible(new_user: Callable[..., BrowserUser], dark: bool) -> None:
    ada = new_user(dark=dark)
    name = "axd" if dark else "axl"
    SiteClient(ada.site).sign_up(f"{name}_bob")
    ada.sign_up(f"{name}_ada", then=f"/@{name}_bob")
    follow(ada)
    ada.open("/home")
    type_in(ada.page, f"@{name}")
    expect(listed_options(ada.page)).to_have_count(1)
    # ARIA in HTML allows no role on a textarea, but only a combobox can announce an open list, and screen readers support it
    options = {"runOnly": RULES, "rules": {"aria-allowed-role": {"enabled": False}}}
    assert violations_in_one_theme(ada, options) == []
