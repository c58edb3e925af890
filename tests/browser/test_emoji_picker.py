"""The picker of custom emoji in the composer, and completion of their codes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests import files
from tests.acceptance.site_process import wait_until
from tests.browser.axe import violations_here
from tests.browser.conftest import BrowserUser
from tests.browser.test_completion import listed_options, text_field, type_in


def add_emoji(boss: BrowserUser, shortcode: str, category: str) -> None:
    assert wait_until(lambda: boss.open("/admin/emojis") == 200)  # the site looks for changes of commands twice a second
    boss.page.get_by_label("Shortcode").fill(shortcode)
    boss.page.get_by_label("Picture").set_input_files({"name": "a.gif", "mimeType": "image/gif", "buffer": files.animation().getvalue()})
    boss.page.locator("#f-category").fill(category)
    boss.page.get_by_role("button", name="Add", exact=True).click()
    boss.page.get_by_text(f":{shortcode}:").first.wait_for()


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_emoji_are_picked_and_completed(new_user: Callable[..., BrowserUser], width: int, dark: bool) -> None:
    ann = new_user(width=width, dark=dark)
    ann.sign_up(f"picker_{width}")
    ann.site.run_command("user", "role", f"picker_{width}", "admin")
    add_emoji(ann, f"party_{width}", "Parties")
    add_emoji(ann, f"dance_{width}", "")
    ann.open("/compose")
    form, text = ann.page.locator("main form[data-composer]"), text_field(ann.page)
    type_in(ann.page, "Hello")
    form.locator("[data-emoji-picker] summary").click()
    form.get_by_role("button", name=f":party_{width}:").click()
    expect(text).to_have_value(f"Hello :party_{width}: ")
    assert violations_here(ann, "an open picker") == []
    ann.screenshot(f"emoji-picker-{width}")
    type_in(ann.page, f":DANCE_{width}")
    expect(listed_options(ann.page)).to_have_count(1)
    ann.screenshot(f"emoji-completion-{width}")
    ann.page.keyboard.press("Enter")
    expect(text).to_have_value(f"Hello :party_{width}: :dance_{width}: ")
    type_in(ann.page, f"12:party_{width}")
    expect(listed_options(ann.page)).to_have_count(0)
    form.locator("button.primary").click()
    expect(ann.page.locator("article img.emoji").first).to_have_attribute("alt", f":party_{width}:")
    ann.screenshot(f"emoji-post-{width}")
