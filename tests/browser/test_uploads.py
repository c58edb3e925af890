"""Tests of uploads and polls in Chromium, with scripts."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import FilePayload, Locator, Route, expect

from tests import files
from tests.browser.axe import violations_of
from tests.browser.conftest import BrowserUser


def photo(name: str = "flag.jpg") -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": files.image(size=(640, 480)).getvalue()}


def composer(user: BrowserUser) -> Locator:
    return user.page.locator("main form[data-composer]")


def choose(user: BrowserUser, *photos: FilePayload) -> None:
    """Open the attachment section and choose files."""
    form = composer(user)
    form.locator(".attach > summary").click()
    with user.page.expect_file_chooser() as chooser:
        form.get_by_role("button", name="Add images, video or audio").click()
    chooser.value.set_files(list(photos))


def test_images_are_uploaded_described_and_posted(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("ada_pictures")
    choose(ada, photo(), photo("second.jpg"))
    form = composer(ada)
    expect(form.locator(".attachment[data-media] img")).to_have_count(2)
    form.locator(".attachment textarea").first.fill("Red and blue")
    form.locator("textarea[name=text]").fill("Two flags")
    send = form.locator("button.primary")
    send.click()
    expect(form.locator(".reminder")).to_contain_text("One attachment has no alt text")
    ada.screenshot("composer-reminder")
    send.click()
    post = ada.page.locator("article", has_text="Two flags")
    expect(post.locator("figure img")).to_have_count(2)
    expect(post.get_by_alt_text("Red and blue")).to_be_visible()
    expect(form.locator(".attachment")).to_have_count(0)
    ada.screenshot("post-with-pictures")
    assert post.locator("img").nth(1).evaluate("image => image.complete && image.naturalWidth > 0 || image.loading === 'lazy'")
    assert violations_of(ada, ("/home",)) == []


def test_uploads_of_a_draft_survive_a_reload(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("ada_crash")
    choose(ada, photo())
    form = composer(ada)
    form.locator(".attachment textarea").fill("Kept")
    form.locator("textarea[name=text]").fill("Not sent yet")
    ada.page.on("dialog", lambda dialog: dialog.accept())
    ada.open("/home")
    expect(composer(ada).locator("textarea[name=text]")).to_have_value("Not sent yet")
    expect(composer(ada).locator(".attachment textarea")).to_have_value("Kept")
    composer(ada).get_by_role("button", name="Remove").click()
    expect(composer(ada).locator(".attachment")).to_have_count(0)


def test_an_image_is_pasted(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("ada_pastes")
    data = list(files.image().getvalue())
    composer(ada).locator("textarea[name=text]").evaluate(
        """(text, data) => {
            const moved = new DataTransfer();
            moved.items.add(new File([new Uint8Array(data)], "pasted.jpg", { type: "image/jpeg" }));
            text.dispatchEvent(new ClipboardEvent("paste", { clipboardData: moved, bubbles: true, cancelable: true }));
        }""",
        data,
    )
    expect(composer(ada).locator(".attachment[data-media] img")).to_have_count(1)


def test_an_invalid_file_shows_an_error_and_can_be_removed(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("ada_tries")
    choose(ada, {"name": "evil.jpg", "mimeType": "image/jpeg", "buffer": b"<svg onload=alert(1)>"})
    expect(composer(ada).locator(".attachment.failed")).to_contain_text("content type is invalid")
    composer(ada).get_by_role("button", name="Remove").click()
    composer(ada).locator("textarea[name=text]").fill("Without it")
    composer(ada).locator("button.primary").click()
    expect(ada.page.locator("article", has_text="Without it")).to_be_visible()
    ada.console_errors = [error for error in ada.console_errors if "422" not in error]


def test_an_upload_shows_progress_and_can_be_retried(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("ada_tunnel")
    held_routes: list[Route] = []
    ada.page.route("**/compose/media", lambda route: held_routes.append(route))  # noqa: PLW0108 - Playwright counts its parameters
    choose(ada, photo("photo.jpg"))
    waiting = composer(ada).locator(".attachment.waiting")
    expect(waiting.get_by_role("progressbar", name="Uploading photo.jpg")).to_be_visible()
    expect(waiting.get_by_alt_text("photo.jpg")).to_be_visible()
    assert waiting.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)")
    ada.screenshot("uploading")
    held_routes.pop().abort()
    failed = composer(ada).locator(".attachment.failed")
    expect(failed).to_contain_text("Could not reach the server")
    ada.screenshot("upload-failed")
    ada.page.unroute("**/compose/media")
    failed.get_by_role("button", name="Retry").click()
    expect(composer(ada).locator(".attachment[data-media]")).to_have_count(1)
    expect(failed).to_have_count(0)


def test_removing_an_attachment_cancels_its_upload(new_user: Callable[..., BrowserUser]) -> None:
    ada = new_user()
    ada.sign_up("ada_regrets")
    ada.page.route("**/compose/media", lambda route: None)
    choose(ada, photo())
    with ada.page.expect_event("requestfailed"):
        composer(ada).get_by_role("button", name="Remove").click()
    expect(composer(ada).locator(".attachment")).to_have_count(0)
    composer(ada).locator("textarea[name=text]").fill("Without it")
    expect(composer(ada).locator("button.primary")).to_be_enabled()


def test_voting_needs_no_page_load(new_user: Callable[..., BrowserUser]) -> None:
    ada, bob = new_user(), new_user(width=390, height=844)
    ada.sign_up("ada_asks")
    bob.sign_up("bob_votes")
    form = composer(ada)
    form.locator("textarea[name=text]").fill("Which one?")
    form.locator(".ask > summary").click()
    for number, answer in enumerate(("Tea", "Coffee")):
        form.locator(f"input[name=option_{number}]").fill(answer)
    form.locator("button.primary").click()
    own = ada.page.locator("article", has_text="Which one?")
    expect(own.locator(".poll progress")).to_have_count(2)
    bob.open("/local")
    poll = bob.page.locator("article", has_text="Which one?")
    poll.get_by_text("Coffee").click()
    bob.screenshot("poll-on-a-phone")
    poll.get_by_role("button", name="Vote").click()
    expect(poll.locator(".poll")).to_contain_text("100%")
    expect(bob.page).to_have_url(re.compile("/local$"))
    assert violations_of(bob, ("/local",)) == []
    assert violations_of(ada, ("/home",)) == []
