"""Tests of the main user journeys in Chromium, with and without scripts."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.acceptance.site_client import PASSWORD
from tests.acceptance.site_process import wait_until
from tests.browser.conftest import BrowserUser

TEXTS = ("Good morning from the train", "صباح الخير من القطار", "電車からおはようございます", "Morning! 👩‍👩‍👧 🚆")


def follow(user: BrowserUser) -> None:
    """Follow the account of the open profile, and wait for the response."""
    with user.page.expect_response(re.compile("/follow$")):
        user.page.locator(".profile-do").get_by_role("button", name=re.compile("^Follow")).click()
    expect(user.page.locator(".profile-do").get_by_role("button", name=re.compile("^Unfollow"))).to_be_visible()


def test_a_post_reaches_an_open_timeline_and_its_reply_comes_back(new_user: Callable[..., BrowserUser]) -> None:
    ada, bob = new_user(), new_user(width=390, height=844)
    ada.sign_up("ada_live")
    bob.sign_up("bob_live", then="/@ada_live")
    follow(bob)
    bob.open("/home")
    for text in TEXTS:
        ada.publish(text)
        expect(bob.page.get_by_text(text)).to_be_visible()
    ada.screenshot("home-desktop")
    bob.screenshot("home-phone")
    bob.page.locator("article", has_text=TEXTS[0]).get_by_title("Reply").click()
    reply = bob.page.locator("dialog[open] form[data-composer]")
    reply.locator("textarea").fill("@ada_live And to you!")
    reply.locator("button.primary").click()
    expect(ada.page.locator("[data-count=notifications]").first).to_contain_text("2")  # the follow and the reply
    expect(ada.page).to_have_title(re.compile(r"^\(2\)"))
    ada.open("/notifications")
    expect(ada.page.get_by_text("And to you!")).to_be_visible()
    ada.screenshot("notifications")


def test_a_notification_in_the_open_list_is_marked_as_read(new_user: Callable[..., BrowserUser]) -> None:
    ada, bob = new_user(), new_user()
    ada.sign_up("ada_reads")
    bob.sign_up("bob_writes")
    bob.publish("Knock knock @ada_reads")
    expect(ada.page.locator("[data-count=notifications]").first).to_contain_text("1")
    ada.open("/notifications")
    expect(ada.page.get_by_text("Knock knock")).to_be_visible()
    with ada.page.expect_response(re.compile("/notifications/read$")) as response_info:
        bob.publish("Who is there? @ada_reads")
    assert response_info.value.status == 204
    expect(ada.page.get_by_text("Who is there?")).to_be_visible()
    expect(ada.page.locator("[data-count=notifications]")).to_have_count(0)
    expect(ada.page).to_have_title(re.compile("^Notifications"))


def test_posts_missed_while_offline_appear_once(new_user: Callable[..., BrowserUser]) -> None:
    ada, bob = new_user(), new_user()
    ada.sign_up("ada_offline")
    bob.sign_up("bob_offline", then="/@ada_offline")
    follow(bob)
    bob.open("/home")
    ada.publish("Before the tunnel")
    expect(bob.page.get_by_text("Before the tunnel")).to_be_visible()
    bob.context.set_offline(True)
    expect(bob.page.locator("[data-live-state]").first).to_contain_text(re.compile("offline|reconnect", re.IGNORECASE))
    for number in range(3):
        ada.publish(f"In the tunnel {number}")
        expect(ada.page.get_by_text(f"In the tunnel {number}")).to_be_visible()
    bob.context.set_offline(False)
    for number in range(3):
        expect(bob.page.get_by_text(f"In the tunnel {number}")).to_have_count(1, timeout=30_000)


def test_new_posts_wait_behind_a_button_while_the_page_is_scrolled(new_user: Callable[..., BrowserUser]) -> None:
    ada, bob = new_user(), new_user(height=500)
    ada.sign_up("ada_pill")
    for number in range(12):
        ada.client.publish(f"Old post {number}", key=f"pill {number}")
    bob.open("/@ada_pill")
    bob.page.get_by_text("Old post 2", exact=True).scroll_into_view_if_needed()
    position = bob.page.get_by_text("Old post 2", exact=True).bounding_box()
    ada.publish("The newest of all")
    pill = bob.page.get_by_role("button", name=re.compile("1 new post"))
    expect(pill).to_be_visible()
    assert bob.page.get_by_text("Old post 2", exact=True).bounding_box() == position
    bob.screenshot("pill")
    pill.click()
    expect(bob.page.get_by_text("The newest of all")).to_be_in_viewport()


def test_a_draft_survives_a_crash(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("ada_draft")
    ada.page.locator("main form[data-composer] textarea").fill("Half a thought")
    ada.page.wait_for_timeout(1_500)
    new_page = ada.context.new_page()
    new_page.goto(ada.site.url + "/home")
    expect(new_page.locator("main form[data-composer] textarea")).to_have_value("Half a thought")


def test_the_counter_counts_graphemes_and_shortened_links(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("ada_counts")
    composer = ada.page.locator("main form[data-composer]")
    composer.locator("textarea").fill("👩‍👩‍👧 https://example.org/a/very/long/address/that/counts/for/twenty-three")
    expect(composer).to_contain_text(str(500 - 2 - 23))


def unread_badge(user: BrowserUser) -> str:
    """Reload the home page and return the text of the notification badge, such as "2 new"; empty without one."""
    user.open("/home")
    return "".join(user.page.locator("[data-count=notifications]").all_inner_texts()[:1])


def test_everything_works_without_scripts(new_user: Callable[..., BrowserUser]) -> None:
    ada, bob = new_user(javascript=False), new_user(javascript=False, width=390, height=844)
    ada.sign_up_by_form("ada_plain")
    bob.sign_up("bob_plain", then="/@ada_plain")
    bob.page.locator(".profile-do").get_by_role("button", name=re.compile("^Follow")).click()
    expect(bob.page.locator(".profile-do").locator("[data-follow=on]")).to_be_visible()
    for text in TEXTS:
        ada.publish(text)
        bob.open("/home")
        expect(bob.page.get_by_text(text)).to_be_visible()
    bob.screenshot("home-phone-plain")
    bob.page.locator("article", has_text=TEXTS[0]).get_by_title("Reply").click()
    bob.page.locator("textarea").fill("@ada_plain And to you!")
    bob.page.locator("form[data-composer] button.primary").click()
    assert wait_until(lambda: unread_badge(ada).startswith("2"))  # the follow and the reply; a job adds them, so poll
    ada.open("/notifications")
    expect(ada.page.get_by_text("And to you!")).to_be_visible()
    ada.open("/@bob_plain/with_replies")
    ada.page.locator("article", has_text="And to you!").first.get_by_title("Favourite").click()
    expect(ada.page.locator("article", has_text="And to you!").first.get_by_title("Favourite")).to_have_attribute("aria-pressed", "true")
    ada.open("/settings/preferences")
    ada.page.get_by_label("Dark").check()
    ada.page.get_by_role("button", name="Save preferences").click()
    expect(ada.page.locator("html")).to_have_attribute("data-theme", "dark")
    ada.open("/@ada_plain")
    ada.page.locator("article", has_text=TEXTS[0]).first.locator("summary").click()
    ada.page.locator("article", has_text=TEXTS[0]).first.get_by_role("link", name="Delete").click()
    ada.page.get_by_role("button", name="Delete", exact=True).click()
    expect(ada.page.get_by_text(TEXTS[0])).to_have_count(0)
    ada.open("/home")
    ada.page.locator("summary", has_text="More").first.click()
    ada.page.get_by_role("button", name="Log out").click()
    ada.open("/@ada_plain")
    expect(ada.page.get_by_text(TEXTS[1])).to_be_visible()
    ada.open("/login")
    ada.page.locator("input[name=name]").fill("ada_plain")
    ada.page.locator("input[name=password]").fill(PASSWORD)
    ada.page.locator("main form button.primary").click()
    ada.page.wait_for_url("**/home")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_favourites_and_boosts_show_at_once(new_user: Callable[..., BrowserUser], dark: bool) -> None:
    ada = new_user(dark=dark)
    name = f"ada_{'dark' if dark else 'light'}"
    ada.sign_up(name)
    text = f"Press all the buttons, {name}"  # the page also shows posts of other tests
    ada.publish(text)
    article = ada.page.locator("article", has_text=text).first
    for title in ("Favourite", "Boost", "Bookmark"):
        with ada.page.expect_response(re.compile(f"/{title.lower()}$")):
            article.get_by_title(title).click()
        expect(article.get_by_title(title)).to_have_attribute("aria-pressed", "true")
    ada.screenshot(f"pressed-{name}")
    ada.page.reload()
    expect(ada.page.locator("article", has_text=text).first.get_by_title("Favourite")).to_have_attribute("aria-pressed", "true")


def test_an_opened_reply_is_focused_below_its_ancestors(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user(height=500)
    ada.sign_up("ada_opens")
    ada.publish("The first of many\n\n" + "and long\n" * 12)
    ada.page.locator("article", has_text="The first of many").locator("a.at").click()
    ada.page.wait_for_url("**/@ada_opens/*")  # otherwise the composer of the old page would be filled
    ada.publish("The answer to it")
    reply = ada.page.locator("article", has_text="The answer to it")
    reply.locator("a.at").click()
    expect(ada.page.locator(".ancestors")).to_contain_text("The first of many")
    expect(reply).to_be_focused()
    expect(reply).to_be_in_viewport()


def test_the_link_of_a_post_is_copied_from_its_menu(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ada.sign_up("copy_ada")
    ada.publish("Pass it on")
    post = ada.page.locator("article", has_text="Pass it on")
    post.locator("summary[title=More]").click()
    post.get_by_role("button", name="Copy link").click()
    expect(ada.page.locator(".toast")).to_contain_text("copied")
    expect(post.get_by_role("button", name="Copy link")).to_be_hidden()
    assert ada.page.evaluate("navigator.clipboard.readText()") == post.locator(".at").evaluate("link => link.href")


def test_typing_a_password_is_not_interrupted_by_loading_scripts(new_user: Callable[..., BrowserUser]) -> None:
    ada, held_routes = new_user(), list[Route]()
    page = ada.page

    def hold(route: Route) -> None:
        held_routes.append(route)

    page.route("**/menus.js", hold)
    page.goto(f"{ada.site.url}/login", wait_until="commit")  # before the scripts are loaded
    field = page.locator("#user_password")
    field.press_sequentially("open")
    assert wait_until(lambda: page.title() and held_routes)  # evaluating processes pending browser events
    held_routes[0].continue_()
    expect(page.get_by_role("button", name="Show password")).to_be_visible()
    page.keyboard.type("-sesame")
    expect(field).to_have_value("open-sesame")
