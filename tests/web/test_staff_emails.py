"""E-mails to moderators about what waits for them."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest

from microblog.application.server import moderation_desk
from microblog.model.accounts import Role
from microblog.model.ids import WarningId
from microblog.model.paging import Page
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import MailboxTransport, result_of
from tests.mailbox import email_worker
from tests.rfc5322 import body_text
from tests.web.api.client import client
from tests.web.test_email_settings import SiteMailbox
from tests.web.test_moderation import apply, with_role
from tests.web.visitor import PASSWORD, SiteFixture, build_site, links, main_text


def sent_to(site: SiteFixture, name: str) -> list[EmailMessage]:
    return [mail for mail in email_worker(site.cursor).deliver() if mail["To"] == f"{name}@example.org"]


def test_moderators_are_mailed_a_new_report_at_once(site: SiteFixture) -> None:
    with_role(site, "mod", "moderator")
    ada, eve = client(site, "ada"), client(site, "eve")
    report = ada.post("/v1/reports", account_id=eve.id, comment="Sells moss.").json["id"]
    [mail] = sent_to(site, "mod")
    text = body_text(mail.as_bytes(), "plain")
    assert mail["Subject"] == "New report on Ours"
    for part in ("@ada has reported @eve.", "Sells moss.", f"/admin/reports/{report}"):
        assert part in text, part
    assert sent_to(site, "eve") == []


def test_moderators_are_mailed_an_applicant_with_the_reason(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path, registration="approval")
    with_role(site, "mod", "moderator")
    apply(site, "ann")
    [mail] = [mail for mail in sent_to(site, "mod") if "sign-up" in mail["Subject"]]
    text = body_text(mail.as_bytes(), "plain")
    assert ("I write about moss." in text, f"/admin/accounts/{site.viewer('ann').id}" in text) == (True, True)


@pytest.mark.parametrize("by", ["link", "reset", "administrator"])
def test_moderators_hear_of_an_applicant_when_the_address_is_confirmed(cursor: Cursor, tmp_path: Path, by: str) -> None:
    site = build_site(cursor, tmp_path, registration="approval", smtp_url="smtp://mail.test", rate_limits="off")
    mod, mailbox = with_role(site, "mod", "moderator"), SiteMailbox(cursor, site.domain, MailboxTransport())
    mod_as_viewer = make.viewer(cursor, "maud", role=Role.MODERATOR)
    apply(site, "ann")
    apply(site, "bot")
    confirmation, other = mailbox.deliver()
    assert (confirmation["To"], other["To"]) == ("ann@example.org", "bot@example.org")
    assert "/admin/people?type=applied" not in links(mod.get("/notifications"))
    assert "No pending accounts" in main_text(mod.get("/admin/people?type=applied"))
    assert result_of(moderation_desk(site.domain).waiting(mod_as_viewer)).applicants == 0
    visitor = site.visitor()
    if by == "link":
        visitor.submit(mailbox.path(confirmation, "/confirm/"))
    elif by == "reset":
        visitor.submit("/password/forgot", name="ann")
        visitor.submit(mailbox.path(mailbox.deliver()[0], "/password/reset/"), password=f"{PASSWORD}!")
    else:
        result_of(site.domain.moderation.account_admin.confirm(site.viewer("ann").id))
    mails = [mail for mail in mailbox.deliver() if mail["Subject"] == "New sign-up on Ours"]
    assert sorted(mail["To"] for mail in mails) == ["maud@example.org", "mod@example.org"]
    assert "/admin/people?type=applied" in links(mod.get("/notifications"))
    page = main_text(mod.get("/admin/people?type=applied"))
    assert ("@ann" in page, "@bot" in page) == (True, False)
    assert result_of(moderation_desk(site.domain).waiting(mod_as_viewer)).applicants == 1


def test_a_second_open_report_about_an_account_notifies_nobody(site: SiteFixture) -> None:
    mod, (ada, bob, eve) = with_role(site, "mod", "moderator"), (client(site, name) for name in ("ada", "bob", "eve"))
    maud = client(site, "maud", "read admin:read", role=Role.MODERATOR)
    ada.post("/v1/reports", account_id=eve.id)
    assert len(sent_to(site, "mod")) == 1
    bob.post("/v1/reports", account_id=eve.id)
    assert sent_to(site, "mod") == []
    assert [one["account"]["acct"] for one in maud.get("/v1/notifications", types=["admin.report"]).json] == ["ada"]
    assert len(maud.get("/v1/admin/reports").json) == 2
    bob.post("/v1/reports", account_id=ada.id)
    mod.submit(f"/admin/accounts/{eve.id}/action", page=f"/admin/accounts/{eve.id}", type="silence")
    bob.post("/v1/reports", account_id=eve.id)
    assert [mail["Subject"] for mail in sent_to(site, "mod")] == ["New report on Ours"] * 2


def test_moderators_are_mailed_an_appeal(site: SiteFixture) -> None:
    mod, eve = with_role(site, "mod", "moderator"), client(site, "eve")
    mod.submit(f"/admin/accounts/{eve.id}/action", page=f"/admin/accounts/{eve.id}", type="none")
    [strike] = result_of(site.domain.strikes.of(eve.owner.id, Page()))
    result_of(site.domain.strikes.appeal(eve.owner.id, WarningId(strike.warning.id), "It was not me."))
    [mail] = sent_to(site, "mod")
    assert mail["Subject"] == "New appeal on Ours"
    assert "It was not me." in body_text(mail.as_bytes(), "plain")


def test_moderators_turn_these_emails_off_and_members_have_no_such_setting(site: SiteFixture) -> None:
    mod, ada, eve = with_role(site, "mod", "moderator"), site.registered_user("ada"), client(site, "eve")
    label = "A report, a sign-up or an appeal waits for a moderator"
    assert (label in main_text(mod.get("/settings/mail")), label in main_text(ada.get("/settings/mail"))) == (True, False)
    mod.submit("/settings/mail", mail_mention="1")
    ada.submit("/@eve/report", comment="Sells moss.")
    assert sent_to(site, "mod") == []
    assert eve.get("/v1/notifications").json == []
