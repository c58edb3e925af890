"""Windows that stay open while the site restarts and while the network is away: no post is missing, none is there twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.site_process import SiteProcess, site_process, wait_until
from tests.browser.conftest import WAIT_MS, BrowserUser
from tests.browser.test_stories import follow

STATE = "[data-live-state]"
AWAY_S = 60
RETURN_MS = 45_000.0  # back-off doubles while the site is away


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    """A site of these tests' own, which they stop and start."""
    with site_process(tmp_path_factory.mktemp("restarted"), rate_limits="off") as made:
        made.start()
        yield made


@pytest.fixture
def window(chromium: Browser, restarted: SiteProcess) -> Iterator[Callable[[], BrowserUser]]:
    """Makes people with a browser each."""
    made: list[BrowserUser] = []

    def make() -> BrowserUser:
        context = chromium.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        context.set_default_timeout(WAIT_MS)
        made.append(BrowserUser(restarted, context, context.new_page()))
        return made[-1]

    yield make
    for each in made:
        each.context.close()
    assert [each.console_errors for each in made if each.console_errors] == []


def write(user: BrowserUser, text: str) -> None:
    """Publish, and see it on one's own page."""
    user.publish(text)
    expect(user.page.locator("article", has_text=text)).to_have_count(1)


def texts(page: Page, beginning: str) -> list[str]:
    """The posts on the page that begin so, the newest first."""
    found = [re.search(rf"{beginning} \d+", text) for text in page.locator("article").all_inner_texts()]
    return [match.group() for match in found if match]


def test_what_is_announced_appears_at_once_and_goes_when_it_is_withdrawn(window: Callable[[], BrowserUser], restarted: SiteProcess) -> None:
    ada = window()
    ada.sign_up("ada_announced")
    expect(ada.page.locator(STATE).first).to_have_text("Live")
    panel = ada.page.locator(".announcement")
    expect(panel).to_have_count(0)
    first, second = (restarted.run_command("announce", "publish", text).strip() for text in ("Tea <now>", "Cake later"))
    expect(panel).to_have_text([re.compile("Tea <now>"), re.compile("Cake later")])
    ada.page.reload()
    expect(panel).to_have_count(2)
    expect(ada.page.locator(STATE).first).to_have_text("Live")
    restarted.run_command("announce", "withdraw", second)
    expect(panel).to_have_count(1)
    panel.get_by_role("button", name="Got it").click()
    ada.page.wait_for_url("**/home")
    expect(panel).to_have_count(0)
    restarted.run_command("announce", "withdraw", first)


def pair(window: Callable[[], BrowserUser], name: str) -> tuple[BrowserUser, BrowserUser]:
    """One who writes, and one who reads with the home timeline open."""
    ada, bob = window(), window()
    ada.sign_up(f"ada_{name}")
    bob.sign_up(f"bob_{name}")
    bob.open(f"/@ada_{name}")
    follow(bob)
    bob.open("/home")
    expect(bob.page.locator(STATE).first).to_have_text("Live")
    return ada, bob


def reveal(page: Page, count: int, beginning: str) -> None:
    """Wait for so many posts, and press the pill behind which new ones may wait."""
    expect(page.locator("article", has_text=beginning).or_(page.locator(".pill")).first).to_be_visible(timeout=RETURN_MS)
    if page.locator(".pill").is_visible():
        page.locator(".pill").click()
    expect(page.locator("article", has_text=beginning)).to_have_count(count, timeout=RETURN_MS)


def test_a_restart_between_two_windows_loses_and_doubles_nothing(window: Callable[[], BrowserUser], restarted: SiteProcess) -> None:
    ada, bob = pair(window, "restart")
    for number in range(3):
        write(ada, f"Before {number}")
    expect(bob.page.locator("article", has_text="Before")).to_have_count(3)
    restarted.stop()
    expect(bob.page.locator(STATE).first).to_have_text("Reconnecting")
    bob.screenshot("live-reconnecting")
    restarted.start()
    ada.open("/home")
    for number in range(3):
        write(ada, f"After {number}")
    reveal(bob.page, 3, "After")
    expect(bob.page.locator(STATE).first).to_have_text("Live", timeout=RETURN_MS)
    assert texts(bob.page, "After") == ["After 2", "After 1", "After 0"]
    assert texts(bob.page, "Before") == ["Before 2", "Before 1", "Before 0"]
    assert bob.page.locator("a.gap").count() == 0


def test_a_minute_without_a_network_loses_and_doubles_nothing(window: Callable[[], BrowserUser], restarted: SiteProcess) -> None:
    ada, bob = pair(window, "napping")
    write(ada, "Awake 0")
    expect(bob.page.locator("article", has_text="Awake")).to_have_count(1)
    bob.context.set_offline(True)
    expect(bob.page.locator(STATE).first).to_have_text("Offline")
    bob.screenshot("live-offline")
    for number in range(5):
        write(ada, f"Asleep {number}")
        ada.page.wait_for_timeout(1_000 * AWAY_S / 5)
    assert texts(bob.page, "Asleep") == []
    bob.context.set_offline(False)
    reveal(bob.page, 5, "Asleep")
    expect(bob.page.locator(STATE).first).to_have_text("Live", timeout=RETURN_MS)
    write(ada, "Awake 1")
    expect(bob.page.locator("article", has_text="Awake 1")).to_have_count(1)
    assert texts(bob.page, "Asleep") == [f"Asleep {number}" for number in (4, 3, 2, 1, 0)]
    assert bob.page.locator("a.gap").count() == 0


def test_what_is_edited_while_it_waits_behind_the_pill_is_shown_as_it_is_now(window: Callable[[], BrowserUser]) -> None:
    ada, bob = pair(window, "pill")
    bob.page.locator("main form[data-composer] textarea[name=text]").first.fill("While this is being written nothing moves")
    write(ada, "Half an idea")
    expect(bob.page.locator(".pill")).to_have_text("1 new post")
    ada.page.locator("article", has_text="Half an idea").locator("a:has(time)").first.click()
    post = ada.page.locator("article", has_text="Half an idea")
    post.locator("summary[title=More]").click()
    post.get_by_role("link", name="Edit").click()
    ada.page.locator("form[data-composer-edit] textarea[name=text]").fill("A whole idea")
    ada.page.locator("form[data-composer-edit] button.primary").click()
    expect(ada.page.locator("article", has_text="A whole idea")).to_have_count(1)
    ada.open("/home")
    write(ada, "And what comes after it")
    expect(bob.page.locator(".pill")).to_have_text("2 new posts")
    bob.page.locator(".pill").click()
    expect(bob.page.locator("article", has_text="A whole idea")).to_have_count(1)
    assert bob.page.locator("article", has_text="Half an idea").count() == 0


def opened(page: Page) -> list[str]:
    """A list that grows with each stream of home that the page asks for."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/live/home" in request.url else None)
    return asked


def test_a_connection_on_which_nothing_comes_is_made_anew(window: Callable[[], BrowserUser]) -> None:
    ada, bob = pair(window, "silent")
    bob.page.clock.install()
    streams = opened(bob.page)
    bob.open("/home")
    write(ada, "Heard 0")
    expect(bob.page.locator("article", has_text="Heard 0")).to_have_count(1)
    assert len(streams) == 1
    with bob.page.expect_request("**/live/home?since=*"):
        bob.page.clock.fast_forward(50_000)  # a beat would have come: the laptop slept
    expect(bob.page.locator(STATE).first).to_have_text("Live")
    write(ada, "Heard 1")
    expect(bob.page.locator("article", has_text="Heard 1")).to_have_count(1)
    assert texts(bob.page, "Heard") == ["Heard 1", "Heard 0"]


def test_who_is_let_in_and_told_nothing_waits_longer_each_time(window: Callable[[], BrowserUser]) -> None:
    bob = window()
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


def test_of_many_hidden_windows_one_listens_also_when_the_network_comes_back(window: Callable[[], BrowserUser]) -> None:
    bob = window()
    bob.sign_up("bob_tabs")
    bob.context.add_init_script("Object.defineProperty(document, 'hidden', { get: () => window.away ?? false });")
    pages = [bob.context.new_page() for _ in range(3)]
    streams = [opened(page) for page in pages]
    for page in pages:
        page.goto(bob.site.url + "/home")
        expect(page.locator(STATE).first).to_have_text("Live")
    for page in pages:
        page.evaluate("away = true; document.dispatchEvent(new Event('visibilitychange')); navigator.locks.query()")
    before = [len(each) for each in streams]
    for page in pages:
        page.evaluate("dispatchEvent(new Event('online'))")
        page.evaluate("fetch('/favicon.ico').catch(() => null)")
    assert [len(each) - count for each, count in zip(streams, before, strict=True)] == [1, 0, 0]
    for page in pages[1:]:
        with page.expect_request("**/live/home?since=*"):
            page.evaluate("away = false; document.dispatchEvent(new Event('visibilitychange'))")
