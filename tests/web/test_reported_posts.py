"""Reported posts: moderators judge by them whatever their authors do, and nobody else sees them again."""

from __future__ import annotations

import re

import pytest

from microblog.model.accounts import Role
from microblog.model.paging import Page
from microblog.model.posts import Visibility
from tests import make
from tests.fakes import result_of
from tests.files import image
from tests.mailbox import email_worker
from tests.rfc5322 import body_text
from tests.web.api.client import Client, client
from tests.web.test_moderation import with_role
from tests.web.test_strikes import STAFF_SCOPES, link_to, reported
from tests.web.visitor import SiteFixture, Visitor, links, main_text


@pytest.fixture
def mod(site: SiteFixture) -> Visitor:
    """A moderator on the pages."""
    return with_role(site, "mod", "moderator")


@pytest.fixture
def eve(site: SiteFixture) -> Client:
    """Somebody who is reported."""
    return client(site, "eve")


def post_with_picture(eve: Client) -> str:
    media = eve.upload("POST", "/v2/media", {"file": image()}, description="A heap of moss").json["id"]
    return str(eve.post("/v1/statuses", status="Buy moss!", media_ids=[media]).json["id"])


def pictures(page: str) -> list[str]:
    return re.findall(r'"(/admin/reports/\d+/media/\d+/(?:original|small))"', page)


def hide(site: SiteFixture, mod: Visitor, eve: Client, report: str, how: str) -> None:
    """Let the author or the moderator make the reported post disappear."""
    match how:
        case "blocks":
            for moderator in ("mod", "maud"):
                make.block(site.cursor, eve.owner, site.viewer(moderator))
        case "suspended":
            mod.submit(f"{report}/action", page=report, type="suspend")
        case "deleted by its author":
            eve.delete(f"/v1/statuses/{eve.get(f'/v1/accounts/{eve.id}/statuses').json[0]['id']}")


@pytest.mark.parametrize("how", ["blocks", "suspended", "deleted by its author"])
def test_a_reported_post_stays_on_the_desk(site: SiteFixture, mod: Visitor, eve: Client, how: str) -> None:
    app, post = client(site, "maud", STAFF_SCOPES, role=Role.MODERATOR), post_with_picture(eve)
    id = reported(site, eve, [post])
    page = f"/admin/reports/{id}"
    hide(site, mod, eve, page, how)
    assert ("Buy moss!" in main_text(mod.get(page)), "Deleted" in main_text(mod.get(page))) == (True, how.startswith("deleted"))
    assert [one["id"] for one in app.get(f"/v1/admin/reports/{id}").json["statuses"]] == [post]
    if how != "suspended":
        assert "Buy moss!" in main_text(mod.get("/admin/reports"))
    if how != "blocks":
        assert [reader.get(f"/@eve/{post}").status for reader in (mod, site.visitor(), site.registered_user("ada"))] == [404, 404, 404]


def test_pictures_of_a_suspended_author_are_served_on_the_desk_only(site: SiteFixture, mod: Visitor, eve: Client) -> None:
    post = post_with_picture(eve)
    page = f"/admin/reports/{reported(site, eve, [post])}"
    hide(site, mod, eve, page, "suspended")
    addresses = pictures(mod.get(page).text)
    assert len(addresses) == 2
    for address in addresses:
        assert (mod.get(address).status, mod.get(address).header("Content-Type")) == (200, "image/jpeg")
        assert str(mod.get(address).header("Cache-Control")).startswith("private")
        assert site.registered_user("ada" + address[-3:]).get(address).status == 403
        assert site.visitor().get(address).status == 303
    other = f"/admin/reports/{reported(site, eve, [])}"
    assert mod.get(addresses[0].replace(page, other)).status == 404
    assert mod.get(addresses[0].replace("original", "huge").replace("small", "huge")).status == 404


def test_a_reported_direct_post_is_left_out(site: SiteFixture, mod: Visitor, eve: Client) -> None:
    ada = client(site, "ada")
    post = eve.post("/v1/statuses", status="@ada psst", visibility=Visibility.DIRECT).json["id"]
    report = ada.post("/v1/reports", account_id=eve.id, status_ids=[post]).json
    shown = main_text(mod.get(f"/admin/reports/{report['id']}"))
    assert ("psst" in shown, "1 post is not shown" in shown) == (False, True)


def test_a_report_shows_what_was_said_before_and_after(site: SiteFixture, mod: Visitor, eve: Client) -> None:
    ada = client(site, "ada")
    parent = ada.post("/v1/statuses", status="Who has moss?").json["id"]
    post = eve.post("/v1/statuses", status="@ada Buy mine!", in_reply_to_id=parent).json["id"]
    for text, visibility in (("@eve How much?", "public"), ("@eve Between us", "private")):
        ada.post("/v1/statuses", status=text, in_reply_to_id=post, visibility=visibility)
    shown = main_text(mod.get(f"/admin/reports/{reported(site, eve, [post])}"))
    assert ("@ada wrote before: Who has moss?" in shown, "@ada replied: @eve How much?" in shown) == (True, True)
    assert "Between us" not in shown


def test_a_report_shows_the_past_of_both_sides(site: SiteFixture, mod: Visitor, eve: Client) -> None:
    app, ada = client(site, "maud", STAFF_SCOPES, role=Role.MODERATOR), client(site, "ada")
    app.post(f"/v1/admin/accounts/{eve.id}/action", type="none", text="No moss here.")
    app.post(f"/v1/admin/accounts/{ada.id}/action", type="none", text="No false reports.")
    earlier, now = (ada.post("/v1/reports", account_id=eve.id, comment=text).json["id"] for text in ("Moss again.", "And again."))
    response = mod.get(f"/admin/reports/{now}")
    shown = main_text(response)
    for text in (
        "Strikes against @eve",
        "No moss here.",
        "Strikes against @ada",
        "No false reports.",
        "Other reports by @ada",
        "Moss again.",
    ):
        assert text in shown, text
    assert shown.count("And again.") == 1
    assert f"/admin/reports/{earlier}" in links(response)


def test_an_appeal_is_judged_by_the_posts_and_their_author_sees_them_too(site: SiteFixture, mod: Visitor, eve: Client) -> None:
    post = post_with_picture(eve)
    report = f"/admin/reports/{reported(site, eve, [post])}"
    mod.submit(f"{report}/action", page=report, type="suspend", text="No trade.", notify="1")
    [mail] = [mail for mail in email_worker(site.cursor).deliver() if mail["To"] == "eve@example.org"]
    assert "> Buy moss!" in body_text(mail.as_bytes(), "plain")
    [strike] = result_of(site.domain.strikes.of(eve.owner.id, Page()))
    page = link_to(site, strike.warning.id, eve.owner.id)
    assert "Buy moss!" in main_text(site.visitor().get(page))
    assert site.visitor().submit(page, text="It was a gift.").status == 303
    queue = mod.get("/admin/appeals")
    assert ("Buy moss!" in main_text(queue), report in links(queue), len(pictures(queue.text))) == (True, True, 2)
