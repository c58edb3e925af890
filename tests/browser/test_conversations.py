"""Tests of direct messages between two users, with and without scripts."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import BrowserUser
from tests.browser.test_stories import follow

BADGE = ".nav [data-count='messages']"
BELL = ".nav [data-count='notifications']"


def start_conversation(user: BrowserUser, username: str, text: str) -> None:
    """Send a direct message from the profile of a user."""
    user.open(f"/@{username}")
    user.page.locator(".profile-do summary").click()
    user.page.get_by_text(f"Message @{username}").click()
    composer = user.page.locator("dialog[open] [data-composer]")
    expect(composer.locator("[name=visibility]")).to_have_value("direct")
    composer.locator("textarea").press_sequentially(text)
    composer.locator("button.primary").click()
    user.page.get_by_role("link", name="View").wait_for()


def test_a_message_arrives_and_is_answered_live(new_user: Callable[..., BrowserUser]) -> None:
    ada, bob = new_user(), new_user(width=390, height=844)
    ada.sign_up("talk_ada")
    bob.sign_up("talk_bob", then="/@talk_ada")
    follow(bob)  # direct messages of strangers are filtered
    bob.open("/conversations")
    expect(bob.page.locator("[data-live-state]")).to_have_text("Live")
    start_conversation(ada, "talk_bob", "are you there?")
    entry = bob.page.locator(".conversation")
    expect(entry).to_contain_text("are you there?")
    expect(entry).to_contain_text("Unread")
    expect(bob.page.locator(BADGE)).to_have_text("1")
    bob.screenshot("messages")
    entry.get_by_role("link", name="talk_ada").click()
    expect(bob.page.locator("article")).to_contain_text("are you there?")
    expect(bob.page.locator(BADGE)).to_have_count(0)
    bob.publish("@talk_ada yes!")
    expect(bob.page.locator(".replies article")).to_contain_text("yes!")
    ada.open("/conversations")
    expect(ada.page.locator(".conversation.new")).to_contain_text("yes!")
    ada.page.locator(".conversation-link").click()
    ada.page.locator("main textarea").fill("@talk_bob good.")
    with bob.page.expect_response(re.compile("/seen$")) as response_info:
        ada.page.locator("main [data-composer] button.primary").click()
    assert response_info.value.json() == {"messages": 0}
    expect(bob.page.locator(".replies article", has_text="good.")).to_have_count(1)
    bob.page.locator(".nav a[href='/conversations']").click()
    expect(bob.page.locator(".conversation")).to_contain_text("good.")
    expect(bob.page.locator(".conversation.new")).to_have_count(0)


def test_reading_or_deleting_in_one_tab_updates_the_other(new_user: Callable[..., BrowserUser]) -> None:
    ada, bob = new_user(), new_user()
    ada.sign_up("tabs_ada")
    bob.sign_up("tabs_bob", then="/@tabs_ada")
    follow(bob)
    start_conversation(ada, "tabs_bob", "are you there?")
    start_conversation(ada, "tabs_bob", "still there?")
    bob.open("/conversations")
    expect(bob.page.locator(".conversation.new")).to_have_count(2)
    other = bob.page.context.new_page()
    other.goto(bob.page.url)
    for page in (bob.page, other):
        expect(page.locator("[data-live-state]")).to_have_text("Live")
        expect(page.locator(BADGE)).to_contain_text("2")
        expect(page.locator(BELL)).to_have_count(1)
    bob.page.locator(".conversation.new").first.get_by_role("link", name="tabs_ada").click()
    expect(other.locator(BADGE)).to_have_text("1")
    expect(other.locator(".conversation.new")).to_have_count(1)
    bob.page.locator(".nav a[href='/notifications']").click()
    expect(other.locator(BELL)).to_have_count(0)
    bob.open("/conversations")
    for remaining in (1, 0):
        bob.page.locator(".conversation").first.locator("summary").click()
        bob.page.locator(".conversation").first.locator("[formaction$='/remove']").click()
        expect(other.locator(".conversation")).to_have_count(remaining)
    expect(other.get_by_text("No messages yet")).to_be_visible()


def test_a_draft_of_a_direct_message_is_kept_apart_from_public_drafts(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("draft_ada")
    ada.publish("Everybody knows Bob")
    expect(ada.page.locator("article", has_text="Everybody knows Bob")).to_have_count(1)
    ada.page.locator("main textarea").fill("for everybody")
    ada.open("/compose?visibility=direct")
    expect(ada.page.locator("main textarea")).to_have_value("")
    expect(ada.page.locator("main [name=visibility]")).to_have_value("direct")
    ada.page.locator("main textarea").fill("for one alone")
    ada.page.once("dialog", lambda dialog: dialog.accept())
    ada.open("/home")
    expect(ada.page.locator("main textarea")).to_have_value("for everybody")
    expect(ada.page.locator("main [name=visibility]")).to_have_value("public")


def test_messages_work_without_scripts(new_user: Callable[..., BrowserUser]) -> None:
    ada, bob = new_user(javascript=False), new_user(javascript=False)
    ada.sign_up("plain_ada")
    bob.sign_up("plain_bob", then="/@plain_ada")
    bob.page.locator(".profile-do").get_by_role("button", name=re.compile("^Follow")).click()
    ada.open("/compose?mention=plain_bob&visibility=direct")
    ada.page.locator("main textarea").fill("@plain_bob psst")
    ada.page.locator("main [data-composer] button.primary").click()
    expect(ada.page.locator("article", has_text="psst").first).to_be_visible()
    bob.open("/home")
    expect(bob.page.locator(BADGE)).to_contain_text("1")
    bob.open("/conversations")
    bob.page.locator(".conversation-menu summary").click()
    bob.page.get_by_role("button", name="Mark as read").click()
    expect(bob.page.locator(BADGE)).to_have_count(0)
    bob.page.locator(".conversation-link").click()
    bob.page.locator("main textarea").fill("@plain_ada what?")
    bob.page.locator("main [data-composer] button.primary").click()
    expect(bob.page.locator("article", has_text="what?").first).to_be_visible()
    ada.open("/conversations")
    expect(ada.page.locator(".conversation.new")).to_contain_text("what?")
    ada.page.locator(".conversation-menu summary").click()
    ada.page.get_by_role("button", name="Delete conversation").click()
    expect(ada.page.locator("main")).to_contain_text("No messages yet")
