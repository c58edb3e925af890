"""Moderation on the site: approvals, suspensions and invites."""

from __future__ import annotations

from pathlib import Path

import pytest

from microblog.domain.registration import SignUpForm
from microblog.model.accounts import Role
from microblog.storage.database import Cursor
from tests.fakes import result_of
from tests.logs.kept_events import kept_events
from tests.mailbox import email_worker
from tests.rfc5322 import body_text
from tests.web.visitor import PASSWORD, SiteFixture, Visitor, build_site, links, main_text


def with_role(site: SiteFixture, name: str, role: str) -> Visitor:
    """Create a user with this role and log them in."""
    form = SignUpForm(name, f"{name}@example.org", PASSWORD, agreement=True)
    result_of(site.domain.registrations.create(form, role=Role(role)))
    visitor = site.visitor()
    assert visitor.submit("/login", name=name, password=PASSWORD).status == 303
    return visitor


@pytest.fixture
def approval_site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site on which sign-ups need approval."""
    return build_site(cursor, tmp_path, registration="approval")


def apply(site: SiteFixture, name: str) -> None:
    fields = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "reason": "I write about moss."}
    assert site.visitor().submit("/signup", page="/signup", **fields).status == 303


def test_moderators_are_notified_of_an_applicant_and_approve_them(approval_site: SiteFixture) -> None:
    maud = with_role(approval_site, "maud", "moderator")
    apply(approval_site, "ann")
    assert "/admin/people?type=applied" in links(maud.get("/notifications"))
    page = main_text(maud.get("/admin/people?type=applied"))
    assert ("I write about moss." in page, "ann@example.org" in page) == (True, True)
    maud.submit("/admin/people/ann/approve", page="/admin/people?type=applied")
    assert "No pending accounts" in main_text(maud.get("/admin/people?type=applied"))
    assert result_of(approval_site.domain.moderation.account_admin.by_name("ann")).state == "active"


def test_what_moderators_do_is_logged_with_their_id_and_request(approval_site: SiteFixture) -> None:
    maud = with_role(approval_site, "maud", "moderator")
    apply(approval_site, "ann")
    with kept_events("audit") as events:
        maud.submit("/admin/people/ann/approve", page="/admin/people?type=applied")
        maud.submit("/admin/people/maud/reject", page="/admin/people")
    [event] = events
    assert (event["action"], event["target"]) == ("account.approve", "ann")
    assert event["user_id"] == result_of(approval_site.domain.moderation.account_admin.by_name("maud")).account.id
    assert event["request_id"]


def test_an_applicant_is_rejected_after_a_confirmation(approval_site: SiteFixture) -> None:
    maud = with_role(approval_site, "maud", "moderator")
    apply(approval_site, "ann")
    assert "Reject @ann?" in main_text(maud.get("/admin/people/ann/reject"))
    maud.submit("/admin/people/ann/reject", page="/admin/people/ann/reject")
    assert "No account has exactly this username" in main_text(maud.get("/admin/people?q=ann"))
    assert maud.submit("/admin/people/maud/reject", page="/admin/people").status == 403


def test_an_applicant_is_invisible_until_approved(approval_site: SiteFixture) -> None:
    maud = with_role(approval_site, "maud", "moderator")
    apply(approval_site, "ann")
    for visitor in (maud, approval_site.visitor()):
        assert [visitor.get(path).status for path in ("/@ann", "/api/v1/accounts/lookup?acct=ann")] == [404, 404]
        for path in ("/search", "/search?q=ann", "/home"):
            assert "/@ann" not in links(visitor.get(path))
        assert '"ann"' not in visitor.get("/api/v1/directory?local=true").text
    assert 'data-value="@ann"' not in maud.get("/compose/complete?q=@ann").text
    maud.submit("/admin/people/ann/approve", page="/admin/people?type=applied")
    assert maud.get("/@ann").status == 200
    assert "/@ann" in links(maud.get("/search?q=ann"))


def test_an_account_is_suspended_and_restored(site: SiteFixture) -> None:
    maud, eve = with_role(site, "maud", "moderator"), site.registered_user("eve")
    assert "Suspend @eve?" in main_text(maud.get("/admin/people/eve/suspend"))
    maud.submit("/admin/people/eve/suspend", page="/admin/people/eve/suspend")
    assert eve.get("/home").status == 303
    assert "Suspended" in main_text(maud.get("/admin/people?q=eve@example.org"))
    assert "@eve" in main_text(maud.get("/admin/people?type=suspended"))
    maud.submit("/admin/people/eve/restore", page="/admin/people?type=suspended")
    assert "Suspended" not in main_text(maud.get("/admin/people?q=eve")).replace("Pending Suspended", "")


def test_a_suspended_user_gets_the_reason_by_email_and_as_a_notification(site: SiteFixture) -> None:
    maud, eve = with_role(site, "maud", "moderator"), site.registered_user("eve")
    maud.submit("/admin/people/eve/suspend", page="/admin/people/eve/suspend", text="You sold moss.", notify="1")
    mails = [mail for mail in email_worker(site.cursor).deliver() if mail["To"] == "eve@example.org"]
    assert [mail["Subject"] for mail in mails if "suspended" in mail["Subject"]] == ["Your account on Ours has been suspended"]
    assert "You sold moss." in body_text(mails[-1].as_bytes(), "plain")
    maud.submit("/admin/people/eve/restore", page="/admin/people?type=suspended")
    eve = site.visitor()
    eve.submit("/login", name="eve", password=PASSWORD)
    page = main_text(eve.get("/notifications"))
    assert "The moderators have suspended your account." in page
    assert "You sold moss." in page
    assert "maud" not in page


def test_moderators_cannot_suspend_equals_or_themselves(site: SiteFixture) -> None:
    maud, boss = with_role(site, "maud", "moderator"), with_role(site, "boss", "admin")
    with_role(site, "max", "moderator")
    for name in ("maud", "max", "boss"):
        assert maud.get(f"/admin/people/{name}/suspend").status == 403
        assert maud.submit(f"/admin/people/{name}/suspend", page="/admin/people").status == 403
        assert f"/admin/people/{name}/suspend" not in links(maud.get("/admin/people"))
    assert boss.submit("/admin/people/boss/suspend", page="/admin/people").status == 403
    assert boss.submit("/admin/people/max/suspend", page="/admin/people").status == 303
    assert boss.get("/admin/people/nobody/suspend").status == 404


@pytest.mark.parametrize("path", ["/admin/people", "/admin/invites"])
def test_only_moderators_see_accounts_and_invites(site: SiteFixture, path: str) -> None:
    ada = site.registered_user("ada")
    assert ada.get(path).status == 403
    assert "/admin/people" not in links(ada.get("/home"))
    assert ada.submit("/admin/people/ada/suspend", page="/home").status == 403
    assert ada.submit("/admin/invites", page="/home", uses="1").status == 403


def test_an_invite_is_created_used_and_ended(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path, registration="invite")
    maud = with_role(site, "maud", "moderator")
    maud.submit("/admin/invites", page="/admin/invites", uses="2", days="0")
    [link] = [href for href in links(maud.get("/admin/invites")) if href.startswith("/signup?invite=")]
    assert "Used 0 of 2 times · never expires" in main_text(maud.get("/admin/invites"))
    fields = {"username": "ann", "email": "ann@example.org", "password": PASSWORD, "invite": link.partition("=")[2]}
    assert site.visitor().submit("/signup", page=link, **fields).status == 303
    assert "Used 1 of 2 times" in main_text(maud.get("/admin/invites"))
    maud.submit("/admin/invites/end", page="/admin/invites", code=link.partition("=")[2])
    assert "Ended" in main_text(maud.get("/admin/invites"))
    assert link not in links(maud.get("/admin/invites"))


def test_an_invite_without_uses_is_rejected(site: SiteFixture) -> None:
    maud = with_role(site, "maud", "moderator")
    response = maud.submit("/admin/invites", page="/admin/invites", uses="0", days="30")
    assert response.status == 422
    assert "Number of uses must be between 1 and 10,000" in main_text(response)
    assert maud.submit("/admin/invites", page="/admin/invites", uses="many").status == 422
