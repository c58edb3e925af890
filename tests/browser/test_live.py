"""Tests of open pages during restarts and network failures: no post is missing or shown twice."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.acceptance.site_process import SiteProcess, wait_until
from tests.browser.conftest import BrowserUser
from tests.browser.test_stories import follow

STATE = "[data-live-state]"
AWAY_MS = 60_000
RETURN_MS = 45_000.0  # back-off doubles while the site is away


def publish_and_see(user: BrowserUser, text: str) -> None:
    """Publish a post and wait until the page shows it."""
    user.publish(text)
    expect(user.page.locator("article", has_text=text)).to_have_count(1)


def texts(page: Page, beginning: str) -> list[str]:
    """Return the numbered posts on the page that begin with this text, newest first."""
    found = [re.search(rf"{beginning} \d+", text) for text in page.locator("article").all_inner_texts()]
    return [match.group() for match in found if match]


def test_an_announcement_appears_and_disappears_live(new_user: Callable[..., BrowserUser], browser_site: SiteProcess) -> None:
    ada = new_user()
    ada.sign_up("ada_announced")
    expect(ada.page.locator(STATE).first).to_have_text("Live")
    panel = ada.page.locator(".announcement").filter(has_text=re.compile("Tea|Cake"))  # the site has those of other tests too
    expect(panel).to_have_count(0)
    first, second = (browser_site.run_command("announce", "publish", text).strip() for text in ("Tea <now>", "Cake later"))
    expect(panel).to_have_text([re.compile("Tea <now>"), re.compile("Cake later")])
    ada.page.reload()
    expect(panel).to_have_count(2)
    expect(ada.page.locator(STATE).first).to_have_text("Live")
    browser_site.run_command("announce", "withdraw", second)
    expect(panel).to_have_count(1)
    panel.get_by_role("button", name="Got it").click()
    ada.page.wait_for_url("**/home")
    expect(panel).to_have_count(0)
    browser_site.run_command("announce", "withdraw", first)


def open_pair(new_user: Callable[..., BrowserUser], name: str) -> tuple[BrowserUser, BrowserUser]:
    """Return an author and a follower with an open home timeline."""
    ada, bob = new_user(), new_user()
    ada.sign_up(f"ada_{name}")
    bob.sign_up(f"bob_{name}", then=f"/@ada_{name}")
    follow(bob)
    bob.open("/home")
    expect(bob.page.locator(STATE).first).to_have_text("Live")
    return ada, bob


def reveal(page: Page, count: int, beginning: str) -> None:
    """Wait for this number of posts, revealing those behind the new-posts button."""
    expect(page.locator("article", has_text=beginning).or_(page.locator(".pill")).first).to_be_visible(timeout=RETURN_MS)
    if page.locator(".pill").is_visible():
        page.locator(".pill").click()
    expect(page.locator("article", has_text=beginning)).to_have_count(count, timeout=RETURN_MS)


def test_a_restart_loses_and_repeats_nothing(new_user: Callable[..., BrowserUser], browser_site: SiteProcess) -> None:
    ada, bob = open_pair(new_user, "restart")
    for number in range(3):
        publish_and_see(ada, f"Before {number}")
    expect(bob.page.locator("article", has_text="Before")).to_have_count(3)
    browser_site.stop()
    expect(bob.page.locator(STATE).first).to_have_text("Reconnecting")
    bob.screenshot("live-reconnecting")
    browser_site.start()
    ada.open("/home")
    for number in range(3):
        publish_and_see(ada, f"After {number}")
    reveal(bob.page, 3, "After")
    expect(bob.page.locator(STATE).first).to_have_text("Live", timeout=RETURN_MS)
    assert texts(bob.page, "After") == ["After 2", "After 1", "After 0"]
    assert texts(bob.page, "Before") == ["Before 2", "Before 1", "Before 0"]
    assert bob.page.locator("a.gap").count() == 0


def test_a_minute_offline_loses_and_repeats_nothing(new_user: Callable[..., BrowserUser], browser_site: SiteProcess) -> None:
    ada, bob = open_pair(new_user, "napping")
    bob.page.clock.install()
    bob.open("/home")
    publish_and_see(ada, "Awake 0")
    expect(bob.page.locator("article", has_text="Awake")).to_have_count(1)
    bob.context.set_offline(True)
    expect(bob.page.locator(STATE).first).to_have_text("Offline")
    bob.screenshot("live-offline")
    for number in range(5):
        publish_and_see(ada, f"Asleep {number}")
        bob.page.clock.run_for(AWAY_MS // 5)
    assert texts(bob.page, "Asleep") == []
    bob.context.set_offline(False)
    reveal(bob.page, 5, "Asleep")
    expect(bob.page.locator(STATE).first).to_have_text("Live", timeout=RETURN_MS)
    publish_and_see(ada, "Awake 1")
    expect(bob.page.locator("article", has_text="Awake 1")).to_have_count(1)
    assert texts(bob.page, "Asleep") == [f"Asleep {number}" for number in (4, 3, 2, 1, 0)]
    assert bob.page.locator("a.gap").count() == 0


def test_a_post_edited_while_hidden_is_revealed_in_its_new_form(new_user: Callable[..., BrowserUser]) -> None:
    ada, bob = open_pair(new_user, "rewriting")
    bob.page.locator("main form[data-composer] textarea[name=text]").first.fill("While this is being written nothing moves")
    publish_and_see(ada, "Half an idea")
    expect(bob.page.locator(".pill")).to_have_text("1 new post")
    ada.page.locator("article", has_text="Half an idea").locator("a:has(time)").first.click()
    post = ada.page.locator("article", has_text="Half an idea")
    post.locator("summary[title=More]").click()
    post.get_by_role("link", name="Edit").click()
    ada.page.locator("form[data-composer-edit] textarea[name=text]").fill("A whole idea")
    ada.page.locator("form[data-composer-edit] button.primary").click()
    expect(ada.page.locator("article", has_text="A whole idea")).to_have_count(1)
    ada.open("/home")
    publish_and_see(ada, "And what comes after it")
    expect(bob.page.locator(".pill")).to_have_text("2 new posts")
    bob.page.locator(".pill").click()
    expect(bob.page.locator("article", has_text="A whole idea")).to_have_count(1)
    assert bob.page.locator("article", has_text="Half an idea").count() == 0


def record_streams(page: Page) -> list[str]:
    """Return a list that records the URL of each home stream that the page opens."""
    stream_urls: list[str] = []
    page.on("request", lambda request: stream_urls.append(request.url) if "/live/home" in request.url else None)
    return stream_urls


def test_a_silent_connection_is_replaced(new_user: Callable[..., BrowserUser]) -> None:
    ada, bob = open_pair(new_user, "silent")
    bob.page.clock.install()
    stream_urls = record_streams(bob.page)
    bob.open("/home")
    publish_and_see(ada, "Heard 0")
    expect(bob.page.locator("article", has_text="Heard 0")).to_have_count(1)
    assert len(stream_urls) == 1
    with bob.page.expect_request("**/live/home?since=*"):
        bob.page.clock.fast_forward(50_000)  # longer than a heartbeat interval, as after sleep
    expect(bob.page.locator(STATE).first).to_have_text("Live")
    publish_and_see(ada, "Heard 1")
    expect(bob.page.locator("article", has_text="Heard 1")).to_have_count(1)
    assert texts(bob.page, "Heard") == ["Heard 1", "Heard 0"]


def test_streams_that_close_at_once_are_retried_with_back_off(new_user: Callable[..., BrowserUser]) -> None:
    bob = new_user()
    bob.sign_up("bob_patient")
    bob.page.add_init_script("""
        const real = setTimeout;
        window.delays = [];
        window.setTimeout = (work, delay, ...rest) => {
            if (work.name !== "connect") return real(work, delay, ...rest);
            delays.push(delay);
            return real(work, 1);
        };
    """)
    bob.page.route("**/live/home*", lambda route: route.fulfill(content_type="text/event-stream", body="retry: 2000\n:)\n\n"))
    bob.open("/home")
    assert wait_until(lambda: bob.page.evaluate("delays.length") >= 7, RETURN_MS / 1_000)
    first, *_, last = bob.page.evaluate("delays.slice(0, 7)")
    assert first <= 1_000
    assert last >= 30_000
    expect(bob.page.locator(STATE).first).to_have_text("Reconnecting")


def test_one_of_several_hidden_windows_keeps_its_stream(new_user: Callable[..., BrowserUser]) -> None:
    bob = new_user()
    bob.sign_up("bob_tabs")
    bob.context.add_init_script("Object.defineProperty(document, 'hidden', { get: () => window.away ?? false });")
    pages = [bob.context.new_page() for _ in range(3)]
    stream_urls = [record_streams(page) for page in pages]
    for page in pages:
        page.goto(bob.site.url + "/home")
        expect(page.locator(STATE).first).to_have_text("Live")
    for page in pages:
        page.evaluate("away = true; document.dispatchEvent(new Event('visibilitychange')); navigator.locks.query()")
    before = [len(urls) for urls in stream_urls]
    for page in pages:
        page.evaluate("dispatchEvent(new Event('online'))")
        page.evaluate("fetch('/favicon.ico').catch(() => null)")
    assert [len(urls) - count for urls, count in zip(stream_urls, before, strict=True)] == [1, 0, 0]
    for page in pages[1:]:
        with page.expect_request("**/live/home?since=*"):
            page.evaluate("away = false; document.dispatchEvent(new Event('visibilitychange'))")
