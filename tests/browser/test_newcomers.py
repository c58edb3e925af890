"""Tests of the first steps of a new user in Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests import files
from tests.acceptance.site_client import SiteClient
from tests.acceptance.site_process import SiteProcess
from tests.browser.conftest import BrowserUser


def top(locator: Locator) -> float:
    box = locator.bounding_box()
    assert box is not None
    return box["y"]


def test_the_first_post_appears_above_the_welcome_box(new_user: Callable[..., BrowserUser], browser_site: SiteProcess) -> None:
    ada, other = new_user(width=390, height=844), SiteClient(browser_site)
    other.sign_up("first_other")
    other.publish("Somebody was here before", key="first_other")
    ada.sign_up_by_form("first_ada")
    welcome, post = ada.page.locator(".welcome"), ada.page.locator("article", has_text="My first words")
    expect(welcome).to_be_visible()
    expect(ada.page.locator("form:has(> [data-live])")).to_be_hidden()  # no empty box
    ada.publish("My first words")
    expect(post).to_be_in_viewport()
    assert top(post) < top(welcome)
    ada.screenshot("first-post-phone")
    ada.page.reload()
    assert top(post) < top(welcome)
    expect(ada.page.get_by_text("Somebody was here before")).to_be_visible()


def test_publishing_resets_the_composer(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up_by_form("reset_ada")
    form = ada.page.locator("main form[data-composer]")
    form.locator("[name=visibility]").select_option("private")
    form.locator("[name=language]").select_option("de")
    ada.publish("Only for a few")
    expect(ada.page.locator("article", has_text="Only for a few")).to_be_visible()
    expect(form.locator("[name=visibility]")).to_have_value("public")
    expect(form.locator("[name=language]")).to_have_value("en")  # the language of the browser at sign-up


def test_an_image_reserves_its_space_before_it_loads(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("place_ada")
    form = ada.page.locator("main form[data-composer]")
    for size in ((900, 300), (300, 900)):
        form.locator(".attach").evaluate("fold => { fold.open = true }")
        photo = files.image(size=size).getvalue()
        form.locator("input[type=file]").set_input_files({"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": photo})
        form.locator(".attachment textarea").fill("A picture")
        ada.publish(f"Placed {size[0]}")
        expect(ada.page.locator("article", has_text=f"Placed {size[0]}")).to_be_visible()
    ada.page.route(re.compile("/media/"), lambda route: route.abort())
    ada.page.reload()
    boxes = [ada.page.locator("article", has_text=f"Placed {width}").locator("img[width]").last.bounding_box() for width in (900, 300)]
    shapes = [(round(box["width"]), round(box["height"])) for box in boxes if box]
    assert [round(width / height, 1) for width, height in shapes] == [3.0, 0.3]
    assert max(max(shape) for shape in shapes) <= 600


def test_a_redraft_survives_a_closed_window(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("anew_ada")
    ada.publish("Nearly rihgt")
    post = ada.page.locator("article", has_text="Nearly rihgt").first
    post.locator("summary[title=More]").click()
    post.get_by_role("link", name="Delete").click()
    ada.page.get_by_role("button", name="Delete & redraft").click()
    text = ada.page.locator("main form[data-composer] textarea[name=text]")
    expect(text).to_have_value("Nearly rihgt")
    new_page = ada.context.new_page()  # the window was closed by mistake
    new_page.goto(ada.site.url + "/home")
    expect(new_page.locator("main form[data-composer] textarea[name=text]")).to_have_value("Nearly rihgt")
    ada.publish("Now right")
    ada.page.wait_for_url("**/@anew_ada/*")
    expect(ada.page.locator("article", has_text="Now right")).to_be_visible()
    ada.open("/home")
    expect(text).to_have_value("")


def test_following_from_the_welcome_box_links_to_the_timeline(new_user: Callable[..., BrowserUser], browser_site: SiteProcess) -> None:
    other, ada = SiteClient(browser_site), new_user(width=390, height=844)
    other.sign_up("near_other")
    other.publish("Worth following", key="near_other")
    ada.sign_up("near_ada")
    ada.page.locator(".welcome [data-follow=off]").first.click()
    ada.page.locator(".toast", has_text="in your timeline").get_by_role("link", name="View").click()
    expect(ada.page.locator(".toast")).to_have_count(0)
    assert ada.page.url.endswith("/home")


def test_the_reply_dialog_quotes_the_post(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user(width=390, height=844)
    ada.sign_up("shown_ada")
    form = ada.page.locator("main form[data-composer]")
    form.locator("summary", has_text="Content warning").click()
    form.locator("[name=spoiler]").fill("The end of the novel")
    ada.publish("It was the gardener")
    post = ada.page.locator("article", has_text="The end of the novel")
    post.get_by_title("Reply").click()
    quote = ada.page.locator("dialog[open] .answering")
    expect(quote).to_have_text("shown_ada The end of the novel")
    ada.screenshot("reply-dialog")
    ada.page.keyboard.press("Escape")
    ada.publish("Read it,\n\nall of you")
    ada.page.locator("article", has_text="all of you").get_by_title("Reply").click()
    expect(quote).to_have_text("shown_ada Read it, all of you")
