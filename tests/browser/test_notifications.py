"""Tests of the notifications page in Chromium: live grouping, filtered requests, tabs."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.acceptance.site_client import SiteClient
from tests.acceptance.site_process import wait_until
from tests.browser.conftest import BrowserUser


def test_a_new_favourite_joins_its_group_live(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("ada_grouped")
    post = ada.client.publish("Who likes groups?", key="ada_grouped")
    ada.open("/notifications")
    expect(ada.page.locator("[data-live-state][data-state=live]")).to_be_visible()
    items = ada.page.locator("[data-notes] > li")
    for number, expected in enumerate(["fan_0 favourited", "fan_1 and fan_0 favourited", "fan_2 and 2 others favourited"]):
        fan = SiteClient(ada.site)
        fan.sign_up(f"fan_{number}")
        assert fan.request("POST", f"/posts/{post}/favourite", {"csrf": fan.csrf_token})[0] == 303
        expect(items).to_have_count(1)
        expect(items.first).to_contain_text(expected)
    ada.screenshot("notifications-grouped")


def test_a_filtered_sender_is_accepted_without_scripts(new_user: Callable[..., BrowserUser]) -> None:
    ada, bob = new_user(javascript=False, width=390, height=844), new_user()
    ada.sign_up("ada_waits", then="/settings/notifications")
    ada.page.get_by_label("People you don't follow").select_option("Filter")
    ada.page.get_by_role("button", name="Save").click()
    expect(ada.page.get_by_label("People you don't follow")).to_have_value("filter")
    bob.sign_up("bob_waits")
    bob.publish("@ada_waits good morning")
    expect(bob.page.get_by_text("good morning").first).to_be_visible()
    link = ada.page.get_by_role("link", name="Filtered notifications from 1 person")

    def request_is_listed() -> bool:
        ada.open("/notifications")
        return link.count() == 1

    assert wait_until(request_is_listed)
    expect(ada.page.get_by_text("No notifications yet")).to_be_visible()
    link.click()
    expect(ada.page.get_by_text("good morning")).to_be_visible()
    ada.screenshot("requests-phone")
    ada.page.get_by_role("button", name="Accept").click()
    expect(ada.page.get_by_text("No filtered notifications")).to_be_visible()
    ada.open("/notifications")
    expect(ada.page.get_by_text("good morning")).to_be_visible()


def test_the_mentions_tab_receives_mentions_only(new_user: Callable[..., BrowserUser]) -> None:
    ada, bob = new_user(), new_user()
    ada.sign_up("ada_named", then="/notifications")
    bob.sign_up("bob_names", then="/@ada_named")
    ada.page.get_by_role("link", name="Mentions", exact=True).click()
    expect(ada.page.locator("[data-live-state][data-state=live]")).to_be_visible()
    with bob.page.expect_response(re.compile("/follow$")):
        bob.page.locator(".profile-do").get_by_role("button", name="Follow").click()
    bob.open("/home")
    bob.publish("@ada_named are you there?")
    items = ada.page.locator("[data-notes] > li")
    expect(items).to_have_count(1)
    expect(items.first).to_contain_text("are you there?")
    expect(ada.page.locator("[data-count=notifications]")).to_have_text("2")
