"""Tests that axe-core finds no violation on any page, and that pages fit on a phone."""

from __future__ import annotations

from collections.abc import Callable

from mastodon import Mastodon

from tests import files
from tests.browser import page_lists
from tests.browser.axe import violations_here, violations_of
from tests.browser.conftest import BrowserUser
from tests.browser.page_lists import FOR_MEMBERS, FOR_MODERATORS, FOR_VISITORS, filled


def test_every_page_is_accessible(new_user: Callable[..., BrowserUser]) -> None:
    user, visitor = new_user(), new_user(width=390, height=844)
    name = "axe"
    user.sign_up(name)
    user.publish(f"Hello @{name} #axe https://example.org")
    user.page.get_by_text(f"Hello @{name}").first.wait_for()
    user.publish(f"#oldest #older\n@{name} #oldest")  # links without text around them
    user.page.locator("article", has_text="#oldest #older").first.wait_for()
    user.open(f"/@{name}")
    post = user.page.locator("article .at").first.get_attribute("href")
    assert post
    id = post.rsplit("/", 1)[-1]
    public = filled((*page_lists.OF_ACCOUNT, *page_lists.OF_POST, *page_lists.OF_TAG), name=name, post=id, tag="axe")
    own = (*filled(page_lists.OF_OWN_POST, post=id), f"/compose?reply_to={id}")
    problems = violations_of(user, (*FOR_MEMBERS, *public, *own)) + violations_of(visitor, (*FOR_VISITORS, *public))
    assert problems == []


def test_pages_with_content_are_accessible(new_user: Callable[..., BrowserUser]) -> None:
    boss, ann = new_user(), new_user(width=390, height=844)
    name, other = "axe_boss", "axe_ann"
    boss.sign_up(name)
    ann.sign_up(other)
    boss.site.run_command("user", "role", name, "admin")
    ann.open("/compose")
    form = ann.page.locator("main form[data-composer]")
    for summary in form.locator("summary").all():
        summary.click()
    assert violations_here(ann, "an open composer") == []
    form.locator("[name=spoiler]").fill("A question")
    form.locator("[name=option_1]").fill("Tea")
    form.locator("[name=option_2]").fill("Coffee")
    ann.publish(f"@{name} which?")
    post = ann.page.locator("[data-focused] article").first
    post.wait_for()
    ann.open(f"/@{name}")
    with ann.page.expect_response("**/follow"):
        ann.page.locator(".profile-do [data-follow]").click()
    ann.open("/lists")
    ann.page.get_by_label("List name").fill("Bosses")
    ann.page.locator("main form button.primary").click()
    ann.page.get_by_label("Add someone you follow").fill(name)
    ann.page.get_by_role("button", name="Add").click()
    edit = ann.page.url.removeprefix(ann.site.url)
    ann.open("/settings/filters")
    ann.page.get_by_label("Keywords and phrases").fill("football")
    ann.page.locator("main form button.primary").click()
    ann.page.get_by_role("link", name="football").click()
    filtered = ann.page.url.removeprefix(ann.site.url)
    ann.open(f"/@{name}/report")
    ann.page.get_by_role("button", name="Send report").click()
    boss.open("/admin/invites")
    boss.page.get_by_role("button", name="Create invite").click()
    boss.page.get_by_role("link", name="signup?invite").first.wait_for()
    desk_pages, strike = moderated(boss, other)
    block_pages = blocked(boss)
    app, _ = Mastodon.create_app("Axe", api_base_url=ann.site.url)
    own_pages = (
        *filled((*page_lists.OF_ACCOUNT, *page_lists.OF_ACCOUNT_FOR_MEMBERS), name=name),
        *filled(page_lists.OF_LIST, list=edit.split("/")[2]),
        *filled(page_lists.OF_APP, app=app),
    )
    problems = violations_of(ann, (*own_pages, filtered, "/favourites", *strike))
    pages = ("/notifications", "/home", f"/@{other}", "/search?q=ann", *filled(page_lists.OF_ACCOUNT_FOR_MODERATORS, name=other))
    problems += violations_of(boss, (*FOR_MODERATORS, *pages, *desk_pages, *block_pages))
    assert problems == []


def blocked(boss: BrowserUser) -> tuple[str, ...]:
    """Block something on each page of blocks. Return the path of the page of the blocked network."""
    for page, label, value in (
        ("/admin/email_domain_blocks", "Domain", "spam.example"),
        ("/admin/canonical_email_blocks", "E-mail address", "spam@example.org"),
        ("/admin/username_blocks", "Username", "owner"),
        ("/admin/ip_blocks", "IP address or network", "198.51.100.1"),
    ):
        boss.open(page)
        boss.page.get_by_label(label, exact=True).fill(value)
        boss.page.locator("main form button.primary").click()
        boss.page.get_by_role("button", name="Unblock").first.wait_for()
        boss.page.get_by_label(label, exact=True).fill(value)
        boss.page.locator("main form button.primary").click()
        boss.page.get_by_text("has already been taken").wait_for()
        assert violations_here(boss, f"{page}, an error") == []
    boss.open("/admin/ip_blocks")
    path = boss.page.get_by_role("link", name="Change the block of").first.get_attribute("href")
    return filled(page_lists.OF_IP_BLOCK, block=str(path).rpartition("/")[2])


def moderated(boss: BrowserUser, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Warn the account. Return the paths of pages about it, the newest report and an emoji, and of the page of its strike."""
    boss.open("/admin/reports")
    report = str(boss.page.get_by_role("link", name="Open the report").first.get_attribute("href")).rpartition("/")[2]
    boss.open("/admin/emojis")
    boss.page.get_by_label("Shortcode").fill("axe")
    boss.page.get_by_label("Picture").set_input_files({"name": "axe.png", "mimeType": "image/png", "buffer": files.image("PNG").getvalue()})
    boss.page.get_by_role("button", name="Add").click()
    emoji = str(boss.page.get_by_role("link", name="Edit :axe:").get_attribute("href")).rpartition("/")[2]
    boss.open("/admin/people")
    account = str(boss.page.get_by_role("link", name=f"Open {name}", exact=True).get_attribute("href")).rpartition("/")[2]
    boss.open(f"/admin/accounts/{account}")
    boss.page.get_by_label("Message to the user").fill("Be kind.")
    boss.page.get_by_role("button", name="Act").click()
    undo = str(boss.page.get_by_role("button", name="Undo: Warning").get_attribute("formaction"))
    pages = (*filled(page_lists.OF_ACCOUNT_ID_FOR_MODERATORS, id=account), *filled(page_lists.OF_REPORT, report=report))
    pages = (*pages, *filled(page_lists.OF_EMOJI, emoji=emoji))
    return pages, filled(page_lists.OF_STRIKE, strike=undo.split("/")[3])


def test_no_page_is_wider_than_the_window(new_user: Callable[..., BrowserUser]) -> None:
    user = new_user()
    user.sign_up("wide")
    user.publish("W" * 200 + " https://example.org/" + "x" * 200)
    user.page.get_by_text("WWWW").first.wait_for()
    for path in ("/", "/local", *FOR_MEMBERS, "/@wide"):
        assert user.open(path) == 200, path
        for width in (320, 390, 768):
            user.page.set_viewport_size({"width": width, "height": 800})
            wide = user.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{path} is {wide} px wider than {width}"
