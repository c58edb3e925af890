"""E-mails to moderators about what waits for them."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

from microblog.model.ids import WarningId
from microblog.model.paging import Page
from microblog.storage.database import Cursor
from tests.fakes import result_of
from tests.mailbox import email_worker
from tests.rfc5322 import body_text
from tests.web.api.client import client
from tests.web.test_moderation import apply, with_role
from tests.web.visitor import SiteFixture, build_site, main_text


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
