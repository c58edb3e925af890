"""Tests that the longest possible texts without spaces make no page wider than the window."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from mastodon import Mastodon

from tests import files
from tests.acceptance.accounts import register_account
from tests.acceptance.site_process import SiteProcess, wait_until
from tests.browser import page_lists
from tests.browser.conftest import BrowserUser
from tests.browser.page_lists import FOR_MEMBERS, FOR_MODERATORS, FOR_VISITORS, filled, status_of

SIZES = [(320, 700), (390, 844), (1280, 800)]
# Returns a text that names elements wider than the window that no ancestor scrolls or clips; empty if there are none.
OVERFLOWING_ELEMENTS = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return "";
  const cuts = (element) => /auto|scroll|hidden|clip/.test(getComputedStyle(element).overflowX);
  const inner = (element) => element && (cuts(element) || inner(element.parentElement));
  const found = [...document.body.querySelectorAll("*")]
    .filter((element) => element.getBoundingClientRect().right > width + 1 && !inner(element.parentElement))
    .map((element) => `${element.parentElement.className} > ${element.tagName} ${element.className} ${element.textContent.slice(0, 20)}`);
  return `${document.documentElement.scrollWidth} px: ${found.slice(0, 6).join(" ")}`;
}"""
# Returns controls and labels that are squeezed into a narrow column.
NARROW_CONTROLS = """() => [...document.querySelectorAll("main :is(button, .button, .badge, time, summary, label, dt, th), .column button")]
  .filter((element) => !element.closest(".vh, [hidden]") && element.checkVisibility() && element.textContent.trim().length > 2)
  .filter((element) => !/W{3}|w{3}/.test(element.textContent))
  .filter((element) => { const box = element.getBoundingClientRect(); return box.width > 1 && box.width < 16 && box.height > 40; })
  .map((element) => `${element.tagName} ${element.className} ${element.textContent.trim().slice(0, 30)}`)"""

PROBLEMS = f"() => [({OVERFLOWING_ELEMENTS})(), ...({NARROW_CONTROLS})()]"


class LongContent(NamedTuple):
    """Usernames of accounts with content of maximum length, and paths of pages that show it: to anybody, reader, writer, moderator."""

    writer: str
    reader: str
    boss: str
    public: tuple[str, ...]
    for_reader: tuple[str, ...]
    for_writer: tuple[str, ...]
    for_boss: tuple[str, ...]


def _posts(writer: Mastodon, reader: str) -> list[int]:
    """Publish posts with every kind of text at maximum length; return their ids."""
    picture = writer.media_post(files.image(), mime_type="image/jpeg", file_name="W" * 200 + ".jpg", description="W" * 1_500)
    wait_until(lambda: writer.media(picture).url)
    poll = writer.make_poll(["W" * 50, "M" * 50], 3_600)
    soon = datetime.now(UTC) + timedelta(days=1)
    created = [
        writer.status_post("W" * 400),
        writer.status_post("below", spoiler_text="W" * 400),
        writer.status_post(f"#{'W' * 100} @{reader} https://{'w' * 60}.example/{'w' * 200}"),
        writer.status_post("W" * 300, poll=poll, spoiler_text="W" * 200),
        writer.status_post("W" * 300, media_ids=[picture]),
        writer.status_post(f"@{reader} {'W' * 400}", visibility="direct", spoiler_text="W" * 50),
    ]
    writer.status_update(created[0], "M" * 400, spoiler_text="M" * 90)
    writer.status_post("W" * 400, scheduled_at=soon, spoiler_text="W" * 90)
    return [int(client.id) for client in created]


def _profile(client: Mastodon) -> str:
    fields = [("W" * 255, "W" * 255)] * 4
    client.account_update_credentials(display_name="W" * 30, note="W" * 500, fields=fields)
    return str(client.me().username)


def _block(site: SiteProcess) -> None:
    """Block what has the longest names."""
    site.run_command("email-block", "add", f"{'w' * 63}.{'w' * 63}.example", "--allow-with-approval")
    site.run_command("canonical-email-block", "add", "wide@example.org")
    site.run_command("username-block", "add", "w" * 30, "--contains", "--allow-with-approval")
    site.run_command("ip-block", "add", "2001:db8:1111:2222:3333:4444:5555:6666", "--comment", "W" * 400, "--days", "9")


def _create_content(browser_site: SiteProcess) -> LongContent:
    writer, reader, boss = (register_account(browser_site, stem * 26) for stem in "wvb")
    names = [_profile(client) for client in (writer, reader, boss)]
    browser_site.run_command("user", "role", names[2], "admin")
    browser_site.run_command("announce", "publish", "W" * 400)
    posts = _posts(writer, names[1])
    for client, other_client in ((writer, reader), (reader, writer), (reader, boss)):
        client.account_follow(other_client.me())
    reply = reader.status_post(f"@{names[0]} " + "W" * 300, in_reply_to_id=posts[0], spoiler_text="W" * 90)
    for post in posts[:3]:
        reader.status_reblog(post)
        reader.status_favourite(post)
    writer.status_post("W" * 400, in_reply_to_id=reply)
    list_ = reader.list_create("W" * 256)
    reader.list_accounts_add(list_, [writer.me()])
    filter_ = reader.create_filter_v2(
        "W" * 256, ["home", "account"], "warn", keywords_attributes=[{"keyword": "M" * 100, "whole_word": "false"}]
    )
    report = reader.report(writer.me(), status_ids=posts[:2], comment="W" * 1_000).id
    reader.account_note_set(writer.me(), "W" * 1_000)
    app, _ = Mastodon.create_app("W" * 60, api_base_url=browser_site.url, website="https://" + "w" * 60 + ".example/" + "w" * 200)
    public = (
        *filled(page_lists.OF_ACCOUNT, name=names[0]),
        *(f"/@{names[0]}/{post}" for post in posts[1:]),
        *filled(page_lists.OF_POST, name=names[0], post=posts[0]),
        *filled(page_lists.OF_TAG, tag="W" * 100),
        *(f"/search?q={'W' * 100}", "/search?q=wwww"),
    )
    for_reader = (
        *filled(page_lists.OF_ACCOUNT_FOR_MEMBERS, name=names[0]),
        *filled(page_lists.OF_LIST, list=list_.id),
        *filled(page_lists.OF_FILTER, filter=filter_.id),
        *filled(page_lists.OF_APP, app=app),
        f"/compose?reply_to={posts[1]}",
    )
    _block(browser_site)
    for_boss = (
        *filled(page_lists.OF_ACCOUNT_FOR_MODERATORS, name=names[0]),
        *filled(page_lists.OF_ACCOUNT_ID_FOR_MODERATORS, id=writer.me().id),
        *filled(page_lists.OF_REPORT, report=report),
    )
    return LongContent(names[0], names[1], names[2], public, for_reader, filled(page_lists.OF_OWN_POST, post=posts[0]), for_boss)


@pytest.fixture(scope="module")
def long_content(browser_site: SiteProcess) -> LongContent:
    """Accounts and posts of maximum length, shared by all window sizes."""
    return _create_content(browser_site)


def find_overflows(user: BrowserUser, paths: tuple[str, ...]) -> list[str]:
    """Return the problems of pages in windows of every size: elements that are wider than the window, and controls that are squeezed."""
    found = []
    for path in paths:
        assert user.open(path) == status_of(path), path
        user.page.evaluate("document.querySelectorAll('details:not(.menu)').forEach((each) => { each.open = true; })")
        for width, height in SIZES:
            user.page.set_viewport_size({"width": width, "height": height})
            user.screenshot(f"{width}-{path.strip('/').replace('/', '_').replace('?', '_')[:60] or 'front'}")
            found += [f"{width} {path}: {problem}" for problem in user.page.evaluate(PROBLEMS) if problem]
    return found


def test_no_user_content_makes_a_page_wider_than_the_window(new_user: Callable[..., BrowserUser], long_content: LongContent) -> None:
    visitor, reader, boss, writer = (new_user() for _ in range(4))
    for client, name in ((reader, long_content.reader), (boss, long_content.boss), (writer, long_content.writer)):
        client.log_in(name)
    found = find_overflows(visitor, (*FOR_VISITORS, *long_content.public[:9]))
    found += find_overflows(reader, (*FOR_MEMBERS, *long_content.public, *long_content.for_reader))
    boss.open("/admin/ip_blocks")
    block = str(boss.page.get_by_role("link", name="Change the block of").first.get_attribute("href"))
    found += find_overflows(boss, (*FOR_MODERATORS, *long_content.for_boss, block, "/notifications", "/home"))
    found += find_overflows(writer, ("/scheduled", "/conversations", "/settings", "/notifications?all", *long_content.for_writer))
    assert found == []


def test_a_live_update_does_not_make_the_page_wider(new_user: Callable[..., BrowserUser], long_content: LongContent) -> None:
    reader, writer = new_user(width=320, height=700), new_user(width=390, height=844)
    reader.log_in(long_content.reader)
    writer.log_in(long_content.writer)
    reader.page.locator("[data-live-state][data-state=live]").wait_for(state="attached")
    writer.open("/compose")
    writer.page.locator("main .warning").first.locator("summary").click()
    writer.page.locator("main [name=spoiler]").fill("Z" * 90)
    writer.publish("Z" * 400)
    reader.page.get_by_text("ZZZ").first.wait_for(state="attached")
    assert reader.page.evaluate(OVERFLOWING_ELEMENTS) == ""
