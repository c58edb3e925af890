"""The audit log: every act of staff is in it, and it is shown, filtered and exported."""

from __future__ import annotations

import csv
import json
import re
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from attrs import define

from microblog.application.services import now
from microblog.domain.audit import BATCH
from microblog.domain.ip_blocks import IpBlockDraft
from microblog.domain.username_blocks import UsernameBlockDraft
from microblog.model.accounts import Account
from microblog.model.announcements import AnnouncementContent
from microblog.model.audit import AuditAction, AuditEntry, AuditQuery, AuditRecord
from microblog.model.cards import Card
from microblog.model.domain_rules import DomainRule, DomainSeverity, RuleToStore
from microblog.model.ids import AccountId, RuleId, WarningId
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.model.rules import RuleText
from microblog.render.audit import COLUMNS, LABELS
from microblog.storage import announcement_drafts, audit, cards, jobs, rules
from microblog.storage.database import Cursor, fetch_value
from microblog.web.http.file_body import MAX_UNSTREAMED
from microblog.web.http.route import AccessLevel, Route
from tests import files, make
from tests.fakes import result_of
from tests.federation.internet import Internet
from tests.federation.remote_server import URL
from tests.web.api.client import Client, client, new_client_for
from tests.web.test_moderation import with_role
from tests.web.visitor import SiteFixture, Visitor, build_site, links, main_text

SITE = {"name": "Ours", "description": "A place.", "registration": "open", "landing": "front", "trends": "approved"}
STAFF_SCOPES = "read write admin:read admin:write"
Fields = dict[str, str]
Case = Callable[["Desk"], tuple[str, Fields]]


@define(eq=False)
class Desk:
    """An administrator on the pages and by the API, and what they act on."""

    site: SiteFixture
    boss: Visitor
    app: Client

    @property
    def cursor(self) -> Cursor:
        return self.site.cursor

    def member(self, *, approved: bool = True) -> Account:
        return make.member(self.cursor, approved=approved).account

    def unconfirmed(self) -> AccountId:
        account = self.member().id
        self.cursor.execute("update users set confirmed_at = null where account_id = %s", [account])
        return account

    def pictured(self) -> AccountId:
        account = self.member().id
        self.cursor.execute("update accounts set avatar = '/media/a.png' where id = %s", [account])
        return account

    def report(self) -> str:
        return str(client(self.site, f"reporter{len(self.log())}").post("/v1/reports", account_id=self.member().id).json["id"])

    def rules(self) -> tuple[int, int]:
        """Return the ids of two rules, the first one before the second."""
        one, other = (rules.insert(self.cursor, text=text, hint="", now=now()) for text in ("No spam.", "No moss."))
        return one, other

    def announcement(self) -> int:
        return result_of(self.site.domain.announcements.publish("News.")).id

    def announcement_draft(self) -> int:
        return announcement_drafts.insert(self.cursor, AnnouncementContent("News."), scheduled_at=None, email=False, now=now())

    def closed(self) -> str:
        report = self.report()
        self.app.post(f"/v1/admin/reports/{report}/resolve")
        return report

    def sanctioned(self, action: str) -> int:
        account = self.member().id
        self.app.post(f"/v1/admin/accounts/{account}/action", type=action)
        return account

    def translated_rule(self) -> str:
        """Return the path of the translations of a rule that has one in German."""
        id = self.rules()[0]
        rules.set_translation(self.cursor, id=RuleId(id), language="de", words=RuleText("Kein Spam."), now=now())
        return f"/admin/rules/{id}/translations"

    def rule(self, domain: str) -> int:
        assert self.site.federation is not None
        return result_of(self.site.federation.domains.put(RuleToStore(DomainRule(domain, DomainSeverity.SILENCE)))).id

    def allowed(self, domain: str) -> int:
        assert self.site.federation is not None
        return result_of(self.site.federation.domains.allow(domain)).id

    def email_domain(self, domain: str) -> int:
        return result_of(self.site.domain.email_domain_blocks.add(domain)).id

    def email_address(self, email: str) -> int:
        return result_of(self.site.domain.canonical_email_blocks.add(email)).id

    def ip_block(self, network: str) -> int:
        return result_of(self.site.domain.ip_blocks.add(IpBlockDraft(network, "sign_up_block"))).id

    def username(self, name: str) -> int:
        return result_of(self.site.domain.username_blocks.add(UsernameBlockDraft(name))).id

    def emoji(self, shortcode: str) -> int:
        return make.emoji(self.cursor, shortcode).emoji.id

    def post(self, text: str = "Moss") -> Post:
        return make.post(self.cursor, self.member(), text)

    def tag(self, name: str) -> str:
        self.post(f"#{name}")
        return str(fetch_value(self.cursor, "select id from tags where key = %(key)s", {"key": name}))

    def link(self, url: str) -> str:
        source = cards.get_or_create(self.cursor, url=url, now=make.NOW)
        cards.store_fetched(self.cursor, id=source.id, card=Card(url, "Moss"), now=make.NOW)
        return str(source.id)

    def host(self, name: str) -> str:
        self.cursor.execute("insert into hosts (host) values (%s) on conflict do nothing", [name])
        return name

    def job(self) -> int:
        jobs.add(self.cursor, "test.act", {}, due_at=make.NOW, now=make.NOW)
        return int(fetch_value(self.cursor, "select max(id) from jobs"))

    def note(self) -> int:
        assert self.boss.submit(f"/admin/accounts/{self.member().id}/notes", page="/admin/people", note="Twice.").status == 303
        return int(fetch_value(self.cursor, "select max(id) from moderation_notes"))

    def appeal(self) -> int:
        account = self.sanctioned("silence")
        strike = WarningId(fetch_value(self.cursor, "select id from account_warnings where account_id = %(id)s", {"id": account}))
        result_of(self.site.domain.strikes.appeal(AccountId(account), strike, "I was wrong."))
        return strike

    def email(self) -> int:
        self.app.post(f"/v1/admin/accounts/{self.member().id}/action", type="none", text="Read the rules.")
        return int(fetch_value(self.cursor, "select max(id) from emails"))

    def log(self, query: AuditQuery | None = None) -> list[AuditRecord]:
        return audit.search(self.cursor, page=Page(1_000), query=query or AuditQuery())


def on_page(act: str, action: str | None = None, *, approved: bool = True) -> Case:
    def case(desk: Desk) -> tuple[str, Fields]:
        account = desk.member(approved=approved)
        if action:
            desk.app.post(f"/v1/admin/accounts/{account.id}/action", type=action)
        return f"/admin/people/{account.username}/{act}", {}

    return case


def by_api(act: str, action: str | None = None, *, approved: bool = True) -> Case:
    def case(desk: Desk) -> tuple[str, Fields]:
        account = desk.sanctioned(action) if action else desk.member(approved=approved).id
        return f"/v1/admin/accounts/{account}/{act}", {}

    return case


PICTURE = f"data:image/png;base64,{b64encode(files.image('PNG', size=(8, 8)).getvalue()).decode()}"
ARCHIVE = f"data:application/zip;base64,{b64encode(files.archive(bear=files.image('PNG'))).decode()}"
CASES: dict[str, Case] = {
    "POST /admin/people/<username:username>/approve": on_page("approve", approved=False),
    "POST /admin/people/<username:username>/reject": on_page("reject", approved=False),
    "POST /admin/people/<username:username>/suspend": on_page("suspend"),
    "POST /admin/people/<username:username>/limit": on_page("limit"),
    "POST /admin/people/<username:username>/unlimit": on_page("unlimit", "silence"),
    "POST /admin/people/<username:username>/restore": on_page("restore", "suspend"),
    "POST /admin/invites": lambda desk: ("/admin/invites", {"uses": "1", "days": "7"}),
    "POST /admin/invites/end": lambda desk: (
        "/admin/invites/end",
        {"code": result_of(desk.site.domain.registrations.invite(None)).code},
    ),
    "POST /admin/reports/<id:report_id>/close": lambda desk: (f"/admin/reports/{desk.report()}/close", {}),
    "POST /admin/reports/<id:report_id>/assign": lambda desk: (f"/admin/reports/{desk.report()}/assign", {}),
    "POST /admin/reports/<id:report_id>/reopen": lambda desk: (f"/admin/reports/{desk.closed()}/reopen", {}),
    "POST /admin/reports/<id:report_id>/action": lambda desk: (f"/admin/reports/{desk.report()}/action", {"type": "silence"}),
    "POST /admin/reports/<id:report_id>/notes": lambda desk: (f"/admin/reports/{desk.report()}/notes", {"note": "Spam?"}),
    "POST /admin/accounts/<id:account_id>/action": lambda desk: (f"/admin/accounts/{desk.member().id}/action", {"type": "sensitive"}),
    "POST /admin/accounts/<id:account_id>/undo": lambda desk: (
        f"/admin/accounts/{desk.sanctioned('sensitive')}/undo",
        {"type": "unsensitive"},
    ),
    "POST /admin/accounts/<id:account_id>/notes": lambda desk: (f"/admin/accounts/{desk.member().id}/notes", {"note": "Twice."}),
    "POST /admin/accounts/<id:account_id>/confirm": lambda desk: (f"/admin/accounts/{desk.unconfirmed()}/confirm", {}),
    "POST /admin/accounts/<id:account_id>/resend_confirmation": lambda desk: (
        f"/admin/accounts/{desk.unconfirmed()}/resend_confirmation",
        {},
    ),
    "POST /admin/accounts/<id:account_id>/email": lambda desk: (f"/admin/accounts/{desk.member().id}/email", {"email": "new@example.org"}),
    "POST /admin/accounts/<id:account_id>/password_reset": lambda desk: (f"/admin/accounts/{desk.member().id}/password_reset", {}),
    "POST /admin/roles/<id:account_id>": lambda desk: (f"/admin/roles/{desk.member().id}", {"role": "moderator"}),
    "POST /admin/accounts/<id:account_id>/remove_image": lambda desk: (
        f"/admin/accounts/{desk.pictured()}/remove_image",
        {"image": "avatar"},
    ),
    "POST /admin/notes/<id:note_id>/delete": lambda desk: (f"/admin/notes/{desk.note()}/delete", {}),
    "POST /admin/appeals/<id:strike_id>/approve": lambda desk: (f"/admin/appeals/{desk.appeal()}/approve", {}),
    "POST /admin/appeals/<id:strike_id>/reject": lambda desk: (f"/admin/appeals/{desk.appeal()}/reject", {}),
    "POST /admin/strikes/<id:strike_id>/undo": lambda desk: (f"/admin/strikes/{desk.appeal()}/undo", {}),
    "POST /admin/trends/tags": lambda desk: ("/admin/trends/tags", {"ids": desk.tag("a"), "act": "disallow"}),
    "POST /admin/trends/posts": lambda desk: ("/admin/trends/posts", {"ids": str(desk.post().id), "act": "reject"}),
    "POST /admin/trends/links": lambda desk: ("/admin/trends/links", {"ids": desk.link("https://a.example"), "act": "approve"}),
    "PUT /api/v1/admin/tags/<id:tag_id>": lambda desk: (f"/v1/admin/tags/{desk.tag('b')}", {"listable": "0"}),
    "POST /api/v1/admin/trends/tags/<id:tag_id>/approve": lambda desk: (f"/v1/admin/trends/tags/{desk.tag('c')}/approve", {}),
    "POST /api/v1/admin/trends/tags/<id:tag_id>/reject": lambda desk: (f"/v1/admin/trends/tags/{desk.tag('d')}/reject", {}),
    "POST /api/v1/admin/trends/statuses/<id:status_id>/approve": lambda desk: (f"/v1/admin/trends/statuses/{desk.post().id}/approve", {}),
    "POST /api/v1/admin/trends/statuses/<id:status_id>/reject": lambda desk: (f"/v1/admin/trends/statuses/{desk.post().id}/reject", {}),
    "POST /api/v1/admin/trends/links/<id:link_id>/approve": lambda desk: (
        f"/v1/admin/trends/links/{desk.link('https://b.example')}/approve",
        {},
    ),
    "POST /api/v1/admin/trends/links/<id:link_id>/reject": lambda desk: (
        f"/v1/admin/trends/links/{desk.link('https://c.example')}/reject",
        {},
    ),
    "POST /admin/outbox/<id:email_id>/retry": lambda desk: (f"/admin/outbox/{desk.email()}/retry", {}),
    "POST /admin/jobs/<id:job_id>/retry": lambda desk: (f"/admin/jobs/{desk.job()}/retry", {}),
    "POST /admin/jobs/<id:job_id>/discard": lambda desk: (f"/admin/jobs/{desk.job()}/discard", {}),
    "POST /admin/servers/retry": lambda desk: ("/admin/servers/retry", {"host": desk.host("slow.example")}),
    "POST /admin/servers/rule": lambda desk: ("/admin/servers/rule", {"domain": "a.example", "severity": "suspend", "confirmed": "1"}),
    "POST /admin/servers/rule/remove": lambda desk: (
        "/admin/servers/rule/remove",
        {"domain": "b.example"} if desk.rule("b.example") else {},
    ),
    "POST /admin/servers/allow": lambda desk: ("/admin/servers/allow", {"domain": "c.example"}),
    "POST /admin/servers/disallow": lambda desk: ("/admin/servers/disallow", {"domain": "d.example"} if desk.allowed("d.example") else {}),
    "POST /admin/email_domain_blocks": lambda desk: ("/admin/email_domain_blocks", {"domain": "k.example"}),
    "POST /admin/email_domain_blocks/<id:block_id>/remove": lambda desk: (
        f"/admin/email_domain_blocks/{desk.email_domain('l.example')}/remove",
        {},
    ),
    "POST /admin/canonical_email_blocks": lambda desk: ("/admin/canonical_email_blocks", {"email": "a@example.org"}),
    "POST /admin/canonical_email_blocks/<id:block_id>/remove": lambda desk: (
        f"/admin/canonical_email_blocks/{desk.email_address('b@example.org')}/remove",
        {},
    ),
    "POST /api/v1/admin/canonical_email_blocks": lambda desk: ("/v1/admin/canonical_email_blocks", {"email": "c@example.org"}),
    "DELETE /api/v1/admin/canonical_email_blocks/<id:block_id>": lambda desk: (
        f"/v1/admin/canonical_email_blocks/{desk.email_address('d@example.org')}",
        {},
    ),
    "POST /admin/announcements": lambda desk: ("/admin/announcements", {"text": "News.", "act": "draft"}),
    "POST /admin/announcements/drafts/<id:draft_id>": lambda desk: (
        f"/admin/announcements/drafts/{desk.announcement_draft()}",
        {"text": "Other news.", "act": "publish"},
    ),
    "POST /admin/announcements/drafts/<id:draft_id>/delete": lambda desk: (
        f"/admin/announcements/drafts/{desk.announcement_draft()}/delete",
        {},
    ),
    "POST /admin/announcements/<id:announcement_id>": lambda desk: (f"/admin/announcements/{desk.announcement()}", {"text": "Changed."}),
    "POST /admin/announcements/<id:announcement_id>/unpublish": lambda desk: (f"/admin/announcements/{desk.announcement()}/unpublish", {}),
    "POST /admin/announcements/<id:announcement_id>/delete": lambda desk: (f"/admin/announcements/{desk.announcement()}/delete", {}),
    "POST /admin/rules": lambda desk: ("/admin/rules", {"text": "Be kind."}),
    "POST /admin/rules/<id:rule_id>": lambda desk: (f"/admin/rules/{desk.rules()[0]}", {"text": "Be kinder."}),
    "POST /admin/rules/<id:rule_id>/translations": lambda desk: (desk.translated_rule(), {"language": "fr", "text": "Pas de spam."}),
    "POST /admin/rules/<id:rule_id>/translations/delete": lambda desk: (f"{desk.translated_rule()}/delete", {"language": "de"}),
    "POST /admin/rules/<id:rule_id>/up": lambda desk: (f"/admin/rules/{desk.rules()[1]}/up", {}),
    "POST /admin/rules/<id:rule_id>/down": lambda desk: (f"/admin/rules/{desk.rules()[0]}/down", {}),
    "POST /admin/rules/<id:rule_id>/delete": lambda desk: (f"/admin/rules/{desk.rules()[0]}/delete", {}),
    "POST /admin/site": lambda desk: ("/admin/site", SITE | {"description": "Another one."}),
    "POST /admin/emojis": lambda desk: ("/admin/emojis", {"shortcode": "ant", "image": PICTURE}),
    "POST /admin/emojis/import": lambda desk: ("/admin/emojis/import", {"file": ARCHIVE}),
    "POST /admin/emojis/batch": lambda desk: ("/admin/emojis/batch", {"ids[]": str(desk.emoji("bee")), "act": "disable"}),
    "POST /admin/emojis/delete": lambda desk: ("/admin/emojis/delete", {"ids[]": str(desk.emoji("cat"))}),
    "POST /admin/emojis/<id:emoji_id>": lambda desk: (f"/admin/emojis/{desk.emoji('dog')}", {"shortcode": "hound", "listed": "1"}),
    "POST /api/v1/admin/custom_emojis": lambda desk: ("/v1/admin/custom_emojis", {"shortcode": "elk", "image": PICTURE}),
    "PATCH /api/v1/admin/custom_emojis/<id:emoji_id>": lambda desk: (
        f"/v1/admin/custom_emojis/{desk.emoji('fox')}",
        {"type": "modify", "category": "Animals"},
    ),
    "DELETE /api/v1/admin/custom_emojis/<id:emoji_id>": lambda desk: (f"/v1/admin/custom_emojis/{desk.emoji('gnu')}", {}),
    "POST /admin/ip_blocks": lambda desk: ("/admin/ip_blocks", {"ip": "192.0.2.1", "severity": "no_access"}),
    "POST /admin/ip_blocks/<id:block_id>/remove": lambda desk: (f"/admin/ip_blocks/{desk.ip_block('192.0.2.2')}/remove", {}),
    "POST /admin/username_blocks": lambda desk: ("/admin/username_blocks", {"username": "owner"}),
    "POST /admin/username_blocks/<id:block_id>/remove": lambda desk: (f"/admin/username_blocks/{desk.username('team')}/remove", {}),
    "POST /admin/ip_blocks/<id:block_id>": lambda desk: (
        f"/admin/ip_blocks/{desk.ip_block('192.0.2.7')}",
        {"ip": "192.0.2.8", "severity": "no_access"},
    ),
    "POST /api/v1/admin/ip_blocks": lambda desk: ("/v1/admin/ip_blocks", {"ip": "192.0.2.3", "severity": "no_access"}),
    "PUT /api/v1/admin/ip_blocks/<id:block_id>": lambda desk: (
        f"/v1/admin/ip_blocks/{desk.ip_block('192.0.2.4')}",
        {"severity": "no_access"},
    ),
    "PATCH /api/v1/admin/ip_blocks/<id:block_id>": lambda desk: (f"/v1/admin/ip_blocks/{desk.ip_block('192.0.2.5')}", {"comment": "x"}),
    "DELETE /api/v1/admin/ip_blocks/<id:block_id>": lambda desk: (f"/v1/admin/ip_blocks/{desk.ip_block('192.0.2.6')}", {}),
    "POST /api/v1/admin/email_domain_blocks": lambda desk: ("/v1/admin/email_domain_blocks", {"domain": "m.example"}),
    "DELETE /api/v1/admin/email_domain_blocks/<id:block_id>": lambda desk: (
        f"/v1/admin/email_domain_blocks/{desk.email_domain('n.example')}",
        {},
    ),
    "POST /api/v1/admin/accounts/<id:account_id>/approve": by_api("approve", approved=False),
    "POST /api/v1/admin/accounts/<id:account_id>/reject": by_api("reject", approved=False),
    "POST /api/v1/admin/accounts/<id:account_id>/enable": by_api("enable", "disable"),
    "POST /api/v1/admin/accounts/<id:account_id>/unsilence": by_api("unsilence", "silence"),
    "POST /api/v1/admin/accounts/<id:account_id>/unsuspend": by_api("unsuspend", "suspend"),
    "POST /api/v1/admin/accounts/<id:account_id>/unsensitive": by_api("unsensitive", "sensitive"),
    "DELETE /api/v1/admin/accounts/<id:account_id>": lambda desk: (f"/v1/admin/accounts/{desk.sanctioned('suspend')}", {}),
    "POST /api/v1/admin/accounts/<id:account_id>/action": lambda desk: (
        f"/v1/admin/accounts/{desk.member().id}/action",
        {"type": "none", "text": "Read the rules."},
    ),
    "PUT /api/v1/admin/reports/<id:report_id>": lambda desk: (f"/v1/admin/reports/{desk.report()}", {"category": "spam"}),
    "PATCH /api/v1/admin/reports/<id:report_id>": lambda desk: (f"/v1/admin/reports/{desk.report()}", {"category": "spam"}),
    "POST /api/v1/admin/reports/<id:report_id>/assign_to_self": lambda desk: (f"/v1/admin/reports/{desk.report()}/assign_to_self", {}),
    "POST /api/v1/admin/reports/<id:report_id>/unassign": lambda desk: (f"/v1/admin/reports/{assigned(desk)}/unassign", {}),
    "POST /api/v1/admin/reports/<id:report_id>/resolve": lambda desk: (f"/v1/admin/reports/{desk.report()}/resolve", {}),
    "POST /api/v1/admin/reports/<id:report_id>/reopen": lambda desk: (f"/v1/admin/reports/{desk.closed()}/reopen", {}),
    "POST /api/v1/admin/domain_blocks": lambda desk: ("/v1/admin/domain_blocks", {"domain": "e.example", "severity": "silence"}),
    "PUT /api/v1/admin/domain_blocks/<id:block_id>": lambda desk: (
        f"/v1/admin/domain_blocks/{desk.rule('f.example')}",
        {"severity": "suspend"},
    ),
    "PATCH /api/v1/admin/domain_blocks/<id:block_id>": lambda desk: (
        f"/v1/admin/domain_blocks/{desk.rule('j.example')}",
        {"severity": "suspend"},
    ),
    "DELETE /api/v1/admin/domain_blocks/<id:block_id>": lambda desk: (f"/v1/admin/domain_blocks/{desk.rule('g.example')}", {}),
    "POST /api/v1/admin/domain_allows": lambda desk: ("/v1/admin/domain_allows", {"domain": "h.example"}),
    "DELETE /api/v1/admin/domain_allows/<id:allow_id>": lambda desk: (f"/v1/admin/domain_allows/{desk.allowed('i.example')}", {}),
}
"""A request for each route of staff that changes something."""

A_DAY = {"start_at": "2026-03-04", "end_at": "2026-03-04"}
READING: dict[str, Case] = {
    # A query in the body, so that the e-mail address is in no URL.
    "POST /api/v1/admin/canonical_email_blocks/test": lambda desk: ("/v1/admin/canonical_email_blocks/test", {"email": "e@example.org"}),
    "POST /api/v1/admin/measures": lambda desk: ("/v1/admin/measures", {"keys[]": "new_users", **A_DAY}),
    "POST /api/v1/admin/dimensions": lambda desk: ("/v1/admin/dimensions", {"keys[]": "servers"}),
    "POST /api/v1/admin/retention": lambda desk: ("/v1/admin/retention", {"frequency": "day", **A_DAY}),
}
"""A request for each route of staff that changes nothing, although its method is not GET."""


def assigned(desk: Desk) -> str:
    report = desk.report()
    desk.app.post(f"/v1/admin/reports/{report}/assign_to_self")
    return report


def staff_routes(site: SiteFixture) -> list[Route]:
    """Return the routes of moderators and administrators that can change something."""
    levels = (AccessLevel.MODERATOR, AccessLevel.ADMIN)
    return [route for route in site.routes if route.options.viewer in levels and route.method not in ("GET", "HEAD")]


@pytest.fixture
def desk(cursor: Cursor, tmp_path: Path) -> Desk:
    site = build_site(cursor, tmp_path, Internet(), public_url=URL, federation="on", rate_limits="off", smtp_url="smtp://mail.test")
    boss = with_role(site, "boss", "admin")
    return Desk(site, boss, new_client_for(site, site.viewer("boss"), STAFF_SCOPES))


def test_every_act_of_staff_is_in_the_audit_log(desk: Desk) -> None:
    names = {f"{route.method} {route.path}" for route in staff_routes(desk.site)}
    assert names == {*CASES, *READING}
    for name, case in CASES.items():
        target, fields = case(desk)
        known = {record.id for record in desk.log()}
        if target.startswith("/admin"):
            status = desk.boss.submit(target, page="/admin/people", **fields).status
        else:
            status = desk.app.request(name.partition(" ")[0], target, form=fields).status
        assert status in (200, 303), (name, status)
        added = [record for record in desk.log() if record.id not in known]
        assert [(record.actor, record.entry.by) for record in added] == [("boss", desk.app.owner.id)], name


def test_a_query_with_another_method_than_get_is_not_in_the_audit_log(desk: Desk) -> None:
    for name, case in READING.items():
        target, fields = case(desk)
        known = desk.log()
        assert desk.app.request(name.partition(" ")[0], target, form=fields).status == 200
        assert desk.log() == known


def test_an_act_that_changes_nothing_is_not_in_the_audit_log(desk: Desk) -> None:
    report, path = desk.closed(), f"/v1/admin/accounts/{desk.member().id}"
    known = len(desk.log())
    for again in (f"/v1/admin/reports/{report}/resolve", f"{path}/enable", f"{path}/unsilence", f"{path}/unsuspend", f"{path}/approve"):
        assert desk.app.post(again).status == 200
    assert desk.app.post(f"{path}/action", type="suspend", report_id=1).status == 404
    assert len(desk.log()) == known


def test_the_log_keeps_the_reason_and_what_is_needed_to_undo_an_act(desk: Desk) -> None:
    eve = desk.member()
    desk.boss.submit(f"/admin/people/{eve.username}/suspend", page="/admin/people", text="You sold moss.", notify="1")
    desk.app.put(f"/v1/admin/reports/{desk.report()}", category="spam")
    desk.app.delete(f"/v1/admin/domain_blocks/{desk.rule('f.example')}")
    rule, report, suspension = desk.log()[0].entry, desk.log()[2].entry, desk.log(AuditQuery(action="account.suspend"))[0].entry
    assert (suspension.target, suspension.account, suspension.text) == (eve.acct, eve.id, "You sold moss.")
    assert (rule.action, rule.facts["severity"]) == ("domain_rule.delete", "silence")
    assert report.facts == {"before": {"category": "other", "rules": [], "assigned_to": None}}


def test_a_row_outlives_its_accounts(desk: Desk) -> None:
    eve = desk.member(approved=False)
    desk.app.post(f"/v1/admin/accounts/{eve.id}/reject")
    page = main_text(desk.boss.get("/admin/log"))
    assert f"@boss · Rejected the sign-up of @{eve.username}" in page


def test_the_log_is_filtered_by_actor_act_target_and_day(desk: Desk) -> None:
    eve, ann = desk.member(), desk.member()
    for account in (eve, ann):
        desk.app.post(f"/v1/admin/accounts/{account.id}/action", type="silence")
    desk.app.post(f"/v1/admin/accounts/{ann.id}/unsilence")
    desk.rule("f.example")  # as on the command line

    def found(query: str) -> list[tuple[str | None, str, str]]:
        return [(one["actor"], one["action"], one["target"]) for one in json.loads(desk.boss.get(f"/admin/log.json?{query}").body)]

    lifted, limited = ("boss", "account.unlimit", ann.username), ("boss", "account.limit", ann.username)
    assert found(f"target=@{ann.username}") == [lifted, limited]
    assert found(f"target={ann.username}&action=account.limit") == [limited]
    assert found("actor=-&action=domain_rule.create") == [(None, "domain_rule.create", "f.example")]
    assert found("actor=@BOSS") == [lifted, limited, ("boss", "account.limit", eve.username)]
    today = now().date()
    day, next_day = (today - timedelta(days=1)).isoformat(), (today + timedelta(days=2)).isoformat()
    assert len(found(f"actor=boss&from={day}&to={next_day}")) == 3
    assert found(f"actor=boss&from={next_day}") == []
    assert "account.limit" not in main_text(desk.boss.get(f"/admin/log?from={next_day}"))


@pytest.mark.parametrize("query", ["action=odd", "from=yesterday", "to=0001-01-01", "from=2026-03-04&to=2026-03-03"])
def test_an_invalid_filter_is_refused_with_a_sentence(desk: Desk, query: str) -> None:
    response = desk.boss.get(f"/admin/log?{query}")
    assert response.status == 422
    assert 'class="error"' in response.text
    assert desk.boss.get(f"/admin/log.csv?{query}").status == desk.boss.get(f"/admin/log.json?{query}").status == 422


def test_the_log_has_pages_that_keep_the_filter(desk: Desk) -> None:
    for number in range(21):
        entry = AuditEntry(AuditAction.SERVER_RETRY, desk.app.owner.id, f"{number}.example")
        audit.insert(desk.cursor, entry, now=make.NOW + timedelta(milliseconds=number))
    first = desk.boss.get("/admin/log?action=server.retry")
    assert "20.example" in first.text
    assert "@boss · Retried deliveries to 0.example" not in main_text(first)
    [more] = [href for href in links(first) if "max_id" in href]
    assert "action=server.retry" in more
    assert "@boss · Retried deliveries to 0.example" in main_text(desk.boss.get(more))


def test_the_csv_file_has_no_formulas(desk: Desk) -> None:
    desk.app.post(f"/v1/admin/accounts/{desk.member().id}/action", type="none", text="=1+1")
    response = desk.boss.get("/admin/log.csv?action=account.warn")
    assert response.header("Content-Disposition") == "attachment; filename*=UTF-8''audit-log.csv"
    rows = list(csv.DictReader(StringIO(response.text)))
    assert [(row["actor"], row["action"], row["text"]) for row in rows] == [("boss", "account.warn", "'=1+1")]


def test_clients_read_the_log_page_by_page(desk: Desk) -> None:
    eve = desk.member()
    for act in ("silence", "sensitive", "none"):
        desk.app.post(f"/v1/admin/accounts/{eve.id}/action", type=act, text="Spam")
    first = desk.app.get(f"/v1/admin/audit_log?actor=boss&target={eve.username}&limit=2")
    assert [act["action"] for act in first.json] == ["account.warn", "account.mark_sensitive"]
    assert (first.json[0]["actor"], first.json[0]["account_id"], first.json[0]["text"]) == ("boss", str(eve.id), "Spam")
    following = re.findall('<https://[^/]*/api([^>]*)>; rel="next"', str(first.header("Link")))
    assert [[act["action"] for act in desk.app.get(path).json] for path in following] == [["account.limit"]]
    assert desk.app.get("/v1/admin/audit_log?action=odd").status == 422


def test_the_files_have_all_acts(desk: Desk) -> None:
    number = 2 * BATCH + 1
    desk.cursor.execute(
        "insert into audit_log (id, created_at, actor_id, actor, action, target, text, facts) "
        "select 1000 + n, %s, null, '', 'server.retry', n || '.example', repeat('x', 200), '{}' from generate_series(1, %s) n",
        [make.NOW, number],
    )
    expected = [f"{place}.example" for place in range(number, 0, -1)]
    as_json, as_csv = (desk.boss.get(f"/admin/log.{kind}?action=server.retry") for kind in ("json", "csv"))
    assert [one["target"] for one in as_json.json] == expected
    assert [row["target"] for row in csv.DictReader(StringIO(as_csv.text))] == expected
    assert as_json.header("Content-Length") == str(len(as_json.body)), "a file that was cut can be told from a whole one"
    assert len(as_json.body) > MAX_UNSTREAMED
    last = as_json.json[-2]["id"]
    assert [one["target"] for one in desk.boss.get(f"/admin/log.json?action=server.retry&max_id={last}").json] == ["1.example"]


def test_a_file_without_acts_is_valid(desk: Desk) -> None:
    assert desk.boss.get("/admin/log.json?target=nobody").json == []
    assert list(csv.reader(StringIO(desk.boss.get("/admin/log.csv?target=nobody").text))) == [list(COLUMNS)]


def test_only_moderators_read_the_log(desk: Desk) -> None:
    ada, maud = (with_role(desk.site, name, role) for name, role in (("ada", "user"), ("maud", "moderator")))
    for path in ("/admin/log", "/admin/log.json", "/admin/log.csv"):
        assert (maud.get(path).status, ada.get(path).status) == (200, 403)
    assert "/admin/log" in links(maud.get("/admin/people"))


def test_every_act_has_a_label() -> None:
    assert set(LABELS) == set(AuditAction)
