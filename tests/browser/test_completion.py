"""The list that opens under `@ad` and `#dem`: by keys, mouse and touch, with input methods, and as screen readers are told of it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import BrowserUser
from tests.browser.test_accessibility import AXE, RULES
from tests.browser.test_stories import follow


def field(page: Page) -> Locator:
    return page.locator("form[data-composer]:visible textarea[name=text]").last


def options(page: Page) -> Locator:
    return page.locator("[role=listbox]:popover-open [role=option]")


def type_in(page: Page, text: str) -> None:
    """Type at the end, key by key, and wait for what is offered."""
    field(page).focus()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)


def test_a_name_is_completed_by_the_keyboard_alone(new_user: Callable[..., BrowserUser]) -> None:
    ada, bob, cy = new_user(), new_user(), new_user()
    ada.sign_up("kk_ada")
    bob.sign_up("kk_bob")
    cy.sign_up("kk_cy")
    ada.open("/@kk_cy")
    follow(ada)
    ada.open("/home")
    page = ada.page
    type_in(page, "Tea ❤️@kk")
    expect(options(page)).to_have_count(2)
    expect(options(page).first).to_contain_text("@kk_cy")  # who is followed comes first
    text = field(page)
    expect(text).to_have_role("combobox")
    expect(text).to_have_attribute("aria-expanded", "true")
    listed = page.locator(f"#{text.get_attribute('aria-controls')}")
    expect(listed).to_have_role("listbox")
    expect(page.locator("form[data-composer] [role=status]")).to_contain_text("2 suggestions")
    for key, name in (("ArrowDown", "kk_bob"), ("ArrowDown", "kk_cy"), ("ArrowUp", "kk_bob")):
        page.keyboard.press(key)
        active = page.locator(f"#{text.get_attribute('aria-activedescendant')}")
        expect(active).to_have_attribute("aria-selected", "true")
        expect(active).to_contain_text(f"@{name}")
    ada.screenshot("completion")
    page.keyboard.press("Enter")
    expect(text).to_have_value("Tea ❤️@kk_bob ")
    expect(options(page)).to_have_count(0)
    assert text.get_attribute("role") is None
    page.keyboard.press("Control+z")
    expect(text).to_have_value("Tea ❤️@kk")
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("Control+Enter")
    expect(bob.page.locator("[data-count=notifications]").first).to_contain_text("1")  # a heart is no part of a word


def test_escape_closes_the_list_until_something_else_is_begun(new_user: Callable[..., BrowserUser]) -> None:
    ada, bob = new_user(), new_user()
    ada.sign_up("esc_ada")
    bob.sign_up("esc_bob")
    page = ada.page
    page.keyboard.press("n")
    ada.open("/local")
    page.keyboard.press("n")
    expect(page.locator("dialog[open]")).to_be_visible()
    type_in(page, "@esc")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("Escape")
    expect(options(page)).to_have_count(0)
    expect(page.locator("dialog[open]")).to_be_visible()  # only the list
    page.keyboard.type("_")
    page.wait_for_timeout(300)
    expect(options(page)).to_have_count(0)
    page.keyboard.type(" @esc")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("Tab")
    expect(field(page)).to_have_value("@esc_ @esc_bob ")
    expect(field(page)).to_be_focused()


def test_a_tag_is_completed_by_mouse_and_by_touch(new_user: Callable[..., BrowserUser]) -> None:
    ada, phone = new_user(), new_user(width=390, height=700)
    ada.sign_up("tag_ada")
    phone.sign_up("tag_phone")
    ada.publish("#Zebrafinch and #zebra")
    expect(ada.page.get_by_text("and #zebra")).to_be_visible()
    type_in(ada.page, "צִפּוֹר #zeb")
    expect(options(ada.page).first).to_contain_text("1 post")
    options(ada.page).get_by_text("#Zebrafinch").click()
    expect(field(ada.page)).to_have_value("צִפּוֹר #Zebrafinch ")
    expect(field(ada.page)).to_be_focused()
    type_in(phone.page, "#ZEBRAF")
    expect(options(phone.page)).to_have_count(1)
    phone.screenshot("completion-phone")
    options(phone.page).first.dispatch_event("click")
    expect(field(phone.page)).to_have_value("#Zebrafinch ")


def test_a_word_that_stands_there_already_is_left_by_enter(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("line_ada")
    ada.publish("#lineonly")
    expect(ada.page.get_by_text("#lineonly")).to_be_visible()
    type_in(ada.page, "#lineonly")
    expect(options(ada.page)).to_have_count(1)
    ada.page.keyboard.press("Enter")
    expect(field(ada.page)).to_have_value("#lineonly\n")
    ada.page.keyboard.type("me@line a)#line x#line /@line")  # none of these is a mention or a tag
    ada.page.wait_for_timeout(400)
    expect(options(ada.page)).to_have_count(0)


def test_an_input_method_keeps_its_keys(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("ime_ada")
    ada.publish("#お茶の時間")
    expect(ada.page.get_by_text("#お茶の時間")).to_be_visible()
    type_in(ada.page, "#")
    method = ada.context.new_cdp_session(ada.page)
    method.send("Input.imeSetComposition", {"text": "お茶", "selectionStart": 2, "selectionEnd": 2})
    expect(options(ada.page)).to_have_count(1)  # offered while one composes: telephones compose everything
    method.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229})
    expect(field(ada.page)).to_have_value("#お茶")
    expect(options(ada.page)).to_have_count(1)
    method.send("Input.insertText", {"text": "お茶"})
    ada.page.keyboard.press("Enter")
    expect(field(ada.page)).to_have_value("#お茶の時間 ")


def test_replies_and_edits_complete_too(new_user: Callable[..., BrowserUser]) -> None:
    ada, bob = new_user(), new_user()
    ada.sign_up("re_ada")
    bob.sign_up("re_bob")
    ada.publish("Reply to this")
    post = ada.page.locator("article", has_text="Reply to this").first
    post.get_by_title("Reply").click()
    expect(ada.page.locator("dialog[open]")).to_be_visible()
    type_in(ada.page, "@re_b")
    expect(options(ada.page)).to_have_count(1)
    ada.screenshot("completion-dialog")
    ada.page.keyboard.press("Enter")
    expect(field(ada.page)).to_have_value("@re_bob ")
    ada.page.keyboard.press("Control+Enter")
    post.locator("summary[title=More]").click()
    post.get_by_role("link", name="Edit").click()
    text = ada.page.locator("form[data-composer-edit] textarea[name=text]")
    text.focus()
    ada.page.keyboard.press("Control+End")
    ada.page.keyboard.type(" @re_b")
    expect(options(ada.page)).to_have_count(1)
    ada.page.keyboard.press("Tab")
    expect(text).to_have_value("Reply to this @re_bob ")


def test_an_old_answer_never_replaces_a_newer_one(new_user: Callable[..., BrowserUser]) -> None:
    ada, bob = new_user(), new_user()
    ada.sign_up("old_ada")
    bob.sign_up("old_bob")
    bob.publish("#oldest #older")
    expect(bob.page.locator("article", has_text="#oldest #older")).to_be_visible()
    held = []
    ada.page.route(re.compile(r"complete\?q=%40old$"), lambda route: held.append(route))  # noqa: PLW0108 - Playwright counts its parameters
    type_in(ada.page, "@old")
    ada.page.wait_for_timeout(400)
    ada.page.keyboard.type(" #old")
    expect(options(ada.page)).to_have_count(2)
    for route in held:
        route.abort() if route.request.failure else route.continue_()
    expect(options(ada.page).first).to_contain_text("#old")
    assert len(held) == 1


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_open_list_can_be_used_by_everybody(new_user: Callable[..., BrowserUser], dark: bool) -> None:
    ada, bob = new_user(dark=dark), new_user()
    name = "axd" if dark else "axl"
    ada.sign_up(f"{name}_ada")
    bob.sign_up(f"{name}_bob")
    ada.open(f"/@{name}_bob")
    follow(ada)
    ada.open("/home")
    type_in(ada.page, f"@{name}")
    expect(options(ada.page)).to_have_count(1)
    ada.page.evaluate(AXE.read_text("utf-8"))
    # ARIA in HTML lists no role for a textarea; yet of all roles only a combobox may say that a list is open, and that screen readers know
    rules = {"aria-allowed-role": {"enabled": False}}
    found = ada.page.evaluate("([runOnly, rules]) => axe.run({runOnly, rules})", [RULES, rules])["violations"]
    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found] == []
