"""Email confirmation, password reset, email settings, and the links in emails."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from attrs import define, frozen

from microblog.domain.account_admin import AccountAdmin
from microblog.model.accounts import Role, Viewer
from microblog.model.emails import DeliveryResult, DeliveryStatus, EmailKind
from microblog.model.paging import Page
from microblog.storage import emails, users
from microblog.storage.database import Cursor, execute, fetch_value
from tests import make
from tests.fakes import MailboxTransport, RolledBackDatabase, quick_passwords, result_of
from tests.mailbox import EmailWorker
from tests.make import NOW
from tests.rfc5322 import body_text, header_fields
from tests.web.http_client import HttpResponse
from tests.web.visitor import PASSWORD, SiteFixture, Visitor, build_site, document, links, main_text

HOST = "http://site.test"
NEW_PASSWORD = "a new and longer one"


@define
class SiteMailbox(EmailWorker):
    """The mailbox of a whole site."""

    def path(self, email: EmailMessage, begin: str) -> str:
        """Return the path of the link in an email that starts with `begin`."""
        text = body_text(email.as_bytes(), "plain")
        [link] = {word.removeprefix(HOST) for word in text.split() if word.startswith(HOST + begin)}
        return link


@frozen
class EmailSite:
    """A site that sends email, and its mailbox."""

    site: SiteFixture
    mailbox: SiteMailbox

    def sign_up(self, username: str = "ada", **more: str) -> Visitor:
        visitor = self.site.visitor()
        response = visitor.submit("/signup", username=username, email=f"{username}@example.org", password=PASSWORD, **more)
        assert response.status == 303, response.text
        return visitor

    def registered_user(self, username: str = "ada") -> Visitor:
        visitor = self.sign_up(username)
        [email] = self.mailbox.deliver()
        response = visitor.submit(self.mailbox.path(email, "/confirm/"))
        assert response.header("Location") == "/home?notice=confirmed", f"{response.status} {response.text[:2_000]}"
        return visitor


@pytest.fixture
def email_site(cursor: Cursor, tmp_path: Path) -> EmailSite:
    site = build_site(cursor, tmp_path, smtp_url="smtp://mail.test", rate_limits="off")
    return EmailSite(site, SiteMailbox(cursor, site.domain, MailboxTransport()))


def member(cursor: Cursor, username: str = "ada") -> Viewer:
    return Viewer(make.account_named(cursor, username))


def location(response: HttpResponse) -> str:
    assert response.status == 303, response.text
    return response.header("Location") or ""


def test_a_new_user_confirms_the_email_address(email_site: EmailSite) -> None:
    ada = email_site.sign_up()
    assert location(ada.get("/home")) == "/pending"
    assert "ada@example.org" in main_text(ada.get("/pending"))
    [email] = email_site.mailbox.deliver()
    assert email["To"] == "ada@example.org"
    path = email_site.mailbox.path(email, "/confirm/")
    assert "ada@example.org" in main_text(ada.get(path))
    assert location(ada.get("/home")) == "/pending", "a link preview must not confirm the address"
    assert location(ada.submit(path)) == "/home?notice=confirmed"
    assert ada.get("/home").status == 200
    assert location(ada.submit(path)) == "/home?notice=confirmed", "opening the link twice is fine"


def test_the_confirmation_link_may_be_opened_in_another_browser(email_site: EmailSite) -> None:
    ada = email_site.sign_up()
    [email] = email_site.mailbox.deliver()
    assert location(email_site.site.visitor().submit(email_site.mailbox.path(email, "/confirm/"))) == "/login?notice=confirmed"
    assert ada.get("/home").status == 200


def test_the_confirmation_email_can_be_resent_and_redirected_within_a_limit(email_site: EmailSite) -> None:
    ada = email_site.sign_up()
    [lost] = email_site.mailbox.deliver()
    assert location(ada.submit("/confirm/resend", page="/pending")) == "/pending?notice=sent"
    assert location(ada.submit("/confirm/email", page="/pending", email="right@example.org")) == "/pending?notice=sent"
    [right] = email_site.mailbox.deliver()
    assert right["To"] == "right@example.org"
    assert ada.get(email_site.mailbox.path(lost, "/confirm/")).status == 410, "the link to the first address is invalid"
    for _ in range(2):
        ada.submit("/confirm/resend", page="/pending")
    assert ada.submit("/confirm/resend", page="/pending").status == 429
    assert location(ada.submit(email_site.mailbox.path(right, "/confirm/"))) == "/home?notice=confirmed"
    assert ada.submit("/confirm/resend", page="/settings/account").status == 409


def test_a_taken_or_invalid_email_address_is_rejected(email_site: EmailSite) -> None:
    email_site.registered_user("ben")
    ada = email_site.sign_up()
    for address, notice_text in (("ben@example.org", "already in use"), ("nowhere", "invalid")):
        response = ada.submit("/confirm/email", page="/pending", email=address)
        assert response.status == 422
        assert notice_text in main_text(response)


@pytest.mark.parametrize("token", ["x", "A" * 43, "A" * 200, "-_-"])
@pytest.mark.parametrize("path", ["/confirm/", "/password/reset/", "/mail/unsubscribe/"])
def test_an_invented_link_is_410(email_site: EmailSite, path: str, token: str) -> None:
    assert email_site.site.visitor().get(path + token).status == 410
    ada = email_site.registered_user()
    home = ada.get("/home")
    [form, *_] = document(home).xpath("//input[@name='csrf']/@value") or [f"{home.status} {home.headers} {home.text[:2_000]}"]
    assert ada.post(path + token, {"csrf": form, "password": NEW_PASSWORD}).status == 410, form


def test_a_link_works_for_one_purpose_only(email_site: EmailSite) -> None:
    email_site.sign_up()
    [email] = email_site.mailbox.deliver()
    token = email_site.mailbox.path(email, "/confirm/").rpartition("/")[2]
    for path in ("/password/reset/", "/mail/unsubscribe/"):
        assert email_site.site.visitor().get(path + token).status == 410


def test_without_email_no_confirmation_is_needed(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    assert ada.get("/home").status == 200
    assert "can't send e-mail" in main_text(ada.get("/settings/mail"))
    assert "can't send e-mail" in main_text(site.visitor().get("/password/forgot"))


def test_applicants_are_emailed_the_decision(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path, smtp_url="smtp://mail.test", rate_limits="off", registration="approval")
    email_site = EmailSite(site, SiteMailbox(cursor, site.domain, MailboxTransport()))
    for name in ("ada", "ben", "cy"):
        visitor = email_site.sign_up(name, reason="I like it")
        [email] = email_site.mailbox.deliver()
        if name != "cy":
            visitor.submit(email_site.mailbox.path(email, "/confirm/"))
    members = AccountAdmin(RolledBackDatabase(cursor), quick_passwords(), lambda: NOW)
    result_of(members.approve(member(cursor, "ada").id))
    result_of(members.reject(member(cursor, "ben").id))
    result_of(members.reject(member(cursor, "cy").id))
    accepted, rejected = email_site.mailbox.deliver()
    assert (accepted["To"], accepted["Subject"]) == ("ada@example.org", "Welcome to Ours")
    assert (rejected["To"], rejected["Subject"]) == ("ben@example.org", "Your account on Ours")
    assert fetch_value(cursor, "select count(*) from accounts where username in ('ben', 'cy')") == 0


def test_a_password_reset_ends_all_sessions(email_site: EmailSite, cursor: Cursor) -> None:
    ada = email_site.registered_user()
    visitor = email_site.site.visitor()
    assert "/password/forgot" in links(visitor.get("/login"))
    assert visitor.submit("/password/forgot", name="@ADA@site.test").status == 200
    [email] = email_site.mailbox.deliver()
    path = email_site.mailbox.path(email, "/password/reset/")
    assert "@ada" in main_text(visitor.get(path))
    assert "minimum is 8" in main_text(visitor.submit(path, password="short"))
    assert "most common ones" in main_text(visitor.submit(path, password="password"))
    assert "made of the username" in main_text(visitor.submit(path, password="ada@example.org"))
    assert location(visitor.submit(path, password=NEW_PASSWORD)) == "/login?notice=password"
    [notice] = email_site.mailbox.deliver()
    assert (notice["To"], notice["Subject"]) == ("ada@example.org", "Your password on Ours has been changed")
    assert location(ada.get("/home")).startswith("/login")
    assert visitor.get(path).status == 410, "the link works once"
    assert visitor.submit("/login", name="ada", password=PASSWORD).status == 401
    assert location(visitor.submit("/login", name="ada", password=NEW_PASSWORD)) == "/home"
    assert fetch_value(cursor, "select count(*) from events where kind = 'session.ended' and (data->>'all')::boolean") >= 1


def test_a_password_reset_request_does_not_reveal_who_exists(email_site: EmailSite, cursor: Cursor) -> None:
    email_site.registered_user()
    pages, rows = [], []
    for name in ("ada", "ada@example.org", "nobody", "nobody@example.org", "x" * 5000, "\N{BELL}\x07", " "):
        visitor = email_site.site.visitor()
        token = visitor.token("/password/forgot")
        response = visitor.post("/password/forgot", {"csrf": token, "name": name})
        pages.append((response.status, main_text(response)))
        rows.append(fetch_value(cursor, "select count(*) from jobs where kind = 'email.password_reset'"))
        execute(cursor, "delete from jobs where payload->>'name' not in ('ada', 'ada@example.org')")
    assert len(set(pages)) == 1
    assert [email["To"] for email in email_site.mailbox.deliver()] == ["ada@example.org"] * 2
    assert rows[:4] == [1, 2, 3, 3]


def test_password_reset_emails_are_rate_limited_per_recipient(email_site: EmailSite) -> None:
    email_site.registered_user()
    for _ in range(9):
        email_site.site.visitor().submit("/password/forgot", name="ada")
    assert len(email_site.mailbox.deliver()) == 5


def test_a_new_password_or_email_invalidates_older_reset_links(email_site: EmailSite, cursor: Cursor) -> None:
    ada = email_site.registered_user()
    for change in ("update users set password_hash = 'x'", "update users set email = 'other@example.org'"):
        email_site.site.visitor().submit("/password/forgot", name="ada")
        [email] = email_site.mailbox.deliver()
        path = email_site.mailbox.path(email, "/password/reset/")
        assert ada.get(path).status == 200
        execute(cursor, change)
        assert ada.get(path).status == 410


def test_a_new_email_address_is_used_once_confirmed(email_site: EmailSite, cursor: Cursor) -> None:
    ada = email_site.registered_user()
    change = {"email": "new@example.org", "email_password": PASSWORD}
    assert location(ada.submit("/settings/email", page="/settings/account", **change)) == "/settings/account?notice=address"
    assert "new@example.org" in main_text(ada.get("/settings/account"))
    assert fetch_value(cursor, "select email from users") == "ada@example.org"
    email, notice = email_site.mailbox.deliver()
    assert email["To"] == "new@example.org"
    assert notice["To"] == "ada@example.org"
    assert "new@example.org" in (notice_text := body_text(notice.as_bytes(), "plain"))
    assert f"{HOST}/settings/account" in notice_text
    path = email_site.mailbox.path(email, "/confirm/")
    ada.submit("/settings/email/withdraw", page="/settings/account")
    assert ada.get(path).status == 410
    ada.submit("/settings/email", page="/settings/account", **change)
    email_site.mailbox.deliver()
    assert location(ada.submit(path)) == "/home?notice=confirmed"
    [notice] = email_site.mailbox.deliver()
    assert notice["To"] == "ada@example.org", "the owner of the old address is notified"
    assert "The e-mail address of @ada on Ours is now new@example.org" in body_text(notice.as_bytes(), "plain")
    assert location(ada.submit(path)) == "/home?notice=confirmed"
    assert email_site.mailbox.deliver() == []
    cursor.execute("select email, new_email from users")
    assert cursor.fetchone() == ("new@example.org", None)


def test_a_password_change_is_reported_to_the_previous_address(email_site: EmailSite) -> None:
    ada = email_site.registered_user()
    response = ada.submit("/settings/password", page="/settings/account", current=PASSWORD, password=NEW_PASSWORD)
    assert location(response) == "/settings/account?notice=saved"
    ada.submit("/settings/email", page="/settings/account", email="new@example.org", email_password=NEW_PASSWORD)
    notice_text, email, _ = email_site.mailbox.deliver()
    assert (notice_text["To"], notice_text["Subject"]) == ("ada@example.org", "Your password on Ours has been changed")
    assert f"{HOST}/password/forgot" in body_text(notice_text.as_bytes(), "plain")
    assert email["To"] == "new@example.org"


def test_a_rejected_email_address_is_shown_before_and_after_confirmation(email_site: EmailSite, cursor: Cursor) -> None:
    email_site.mailbox.transport.result = DeliveryResult(DeliveryStatus.REFUSED, "550 no such user")
    cy = email_site.sign_up("cy")
    email_site.mailbox.deliver()
    assert "550 no such user" in main_text(cy.get("/pending"))
    email_site.mailbox.transport.result = DeliveryResult(DeliveryStatus.SENT, "250 OK")
    ada = email_site.registered_user()
    email_site.mailbox.transport.result = DeliveryResult(DeliveryStatus.REFUSED, "550 mailbox is gone")
    for _ in range(3):
        mention_for(email_site, cursor)
    assert "Send confirmation e-mail" in main_text(ada.get("/settings/account"))
    assert "we no longer send you e-mail" in main_text(ada.get("/settings/mail"))
    assert location(ada.submit("/confirm/resend", page="/settings/account")) == "/settings/account?notice=sent"


def test_an_email_address_taken_meanwhile_cannot_be_confirmed(email_site: EmailSite, cursor: Cursor) -> None:
    ada = email_site.registered_user()
    ada.submit("/settings/email", page="/settings/account", email="shared@example.org", email_password=PASSWORD)
    email, _ = email_site.mailbox.deliver()
    make.member(cursor, "ben", email="shared@example.org")
    assert ada.submit(email_site.mailbox.path(email, "/confirm/")).status == 409


def mention_for(email_site: EmailSite, cursor: Cursor, username: str = "ada") -> EmailMessage:
    make.post(cursor, make.viewer(cursor), f"Hello @{username}")
    [email] = email_site.mailbox.deliver()
    return email


def test_notifications_read_on_an_open_page_are_not_emailed(email_site: EmailSite, cursor: Cursor) -> None:
    ada = email_site.registered_user()
    make.post(cursor, make.viewer(cursor), "Hello @ada")
    newest = fetch_value(cursor, "select max(id) from notifications")
    assert ada.post("/notifications/read", {"csrf": ada.token("/home"), "up_to": str(newest)}).status == 204
    assert email_site.mailbox.deliver() == []


def test_future_notifications_cannot_be_marked_read(email_site: EmailSite, cursor: Cursor) -> None:
    ada = email_site.registered_user()
    for text in ("Hello @ada", "Once more, @ada"):
        assert ada.post("/notifications/read", {"csrf": ada.token("/home"), "up_to": str(2**63 - 1)}).status == 204
        make.post(cursor, make.viewer(cursor), text, now=email_site.site.domain.email_composer.now())
    assert fetch_value(cursor, "select last_read_id from markers") < fetch_value(cursor, "select max(id) from notifications")


def test_a_mail_client_unsubscribes_with_one_click(email_site: EmailSite, cursor: Cursor) -> None:
    email_site.registered_user()
    header = dict(header_fields(email_site.mailbox.transport.delivered[-1].message)) if mention_for(email_site, cursor) else {}
    path = header["List-Unsubscribe"].strip("<>").removeprefix(HOST)
    assert header["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    mail_client = email_site.site.visitor()
    for _ in range(2):
        response = mail_client.post(path, {"List-Unsubscribe": "One-Click"}, Origin="https://mail.elsewhere.test")
        assert response.status == 200
    make.post(cursor, make.viewer(cursor), "Hello @ada")
    assert email_site.mailbox.deliver() == []
    preferences = users.by_account(cursor, account=member(cursor).id)
    assert preferences is not None
    assert preferences.login.preferences.mail_follow


def test_the_unsubscribe_link_asks_for_confirmation(email_site: EmailSite, cursor: Cursor) -> None:
    email_site.registered_user()
    path = email_site.mailbox.path(mention_for(email_site, cursor), "/mail/unsubscribe/")
    visitor = email_site.site.visitor()
    assert "mentions you or replies to you" in main_text(visitor.get(path))
    assert mention_for(email_site, cursor)
    assert "You will no longer receive e-mails" in main_text(visitor.post(path, {}))


def test_each_kind_of_email_can_be_switched_off(email_site: EmailSite, cursor: Cursor) -> None:
    ada = email_site.registered_user()
    page = ada.get("/settings/mail")
    assert "/settings/mail" in links(ada.get("/settings"))
    assert 'name="mail_report"' not in page.text
    response = ada.submit("/settings/mail", mail_follow="1", mail_digest="daily", mail_report="1")
    assert location(response) == "/settings/mail?notice=saved"
    found = users.by_account(cursor, account=member(cursor).id)
    assert found is not None
    chosen = found.login.preferences
    assert (chosen.mail_mention, chosen.mail_follow, chosen.mail_login, chosen.mail_digest) == (False, True, False, "daily")
    assert ada.submit("/settings/mail", mail_digest="hourly").status == 422


def test_the_settings_show_that_an_email_address_is_rejected(email_site: EmailSite, cursor: Cursor) -> None:
    ada = email_site.registered_user()
    assert "refused" not in main_text(ada.get("/settings/mail")) + main_text(ada.get("/settings/account"))
    email_site.mailbox.transport.result = DeliveryResult(DeliveryStatus.REFUSED, "550 5.1.1 No such <b>mailbox</b>")
    mention_for(email_site, cursor)
    for path in ("/settings/mail", "/settings/account"):
        assert "550 5.1.1 No such <b>mailbox</b>" in main_text(ada.get(path))


def test_only_a_login_with_a_new_browser_is_emailed(email_site: EmailSite) -> None:
    ada = email_site.registered_user()
    ada.submit("/logout", page="/home")
    ada.submit("/login", name="ada", password=PASSWORD)
    assert email_site.mailbox.deliver() == []
    thief = email_site.site.visitor()
    thief.submit("/login", name="ada", password=PASSWORD)
    [email] = email_site.mailbox.deliver()
    assert email["Subject"].startswith("New login")
    assert "203.0.113.7" in body_text(email.as_bytes(), "plain")
    thief.submit("/logout", page="/home")
    thief.submit("/login", name="ada", password=PASSWORD)
    assert email_site.mailbox.deliver() == []


def test_the_database_holds_no_usable_email_link_tokens(email_site: EmailSite, cursor: Cursor) -> None:
    email_site.sign_up()
    email_site.site.visitor().submit("/password/forgot", name="ada")
    secrets = [
        email_site.mailbox.path(email, path)
        for email, path in zip(email_site.mailbox.deliver(), ("/confirm/", "/password/reset/"), strict=True)
    ]
    execute(cursor, "update jobs set state = 'done'")
    for table in ("emails", "jobs", "users", "known_browsers", "events", "sessions"):
        cursor.execute(f"select t::text from {table} t")
        dump = str(cursor.fetchall())
        assert not [secret for secret in secrets if secret.rpartition("/")[2] in dump]
    assert len(secrets) == 2


def admin(email_site: EmailSite, cursor: Cursor) -> Visitor:
    boss = email_site.registered_user("boss")
    users.change_role(cursor, account=member(cursor, "boss").id, role=Role.ADMIN)
    return boss


@pytest.mark.parametrize("path", ["/admin/outbox", "/admin/jobs"])
def test_only_administrators_see_outbox_and_jobs(email_site: EmailSite, cursor: Cursor, path: str) -> None:
    assert location(email_site.site.visitor().get(path)).startswith("/login")
    ada = email_site.registered_user()
    users.change_role(cursor, account=member(cursor).id, role=Role.MODERATOR)
    assert ada.get(path).status == 403
    assert "/admin/outbox" not in links(ada.get("/admin/people"))
    boss = admin(email_site, cursor)
    assert "/admin/outbox" in links(boss.get("/admin/people"))
    assert path in links(boss.get("/admin/outbox"))
    assert boss.get(path).status == 200


def test_the_outbox_shows_each_email_and_retries(email_site: EmailSite, cursor: Cursor) -> None:
    boss = admin(email_site, cursor)
    email_site.registered_user()
    email_site.mailbox.transport.result = DeliveryResult(DeliveryStatus.REFUSED, "550 5.1.1 <script>No</script>")
    mention_for(email_site, cursor)
    page = boss.get("/admin/outbox")
    assert "550 5.1.1 <script>No</script>" in main_text(page)
    assert "<script>No" not in page.text
    shown = main_text(boss.get("/admin/outbox?state=refused"))
    assert "Mention Rejected ada@example.org" in shown
    assert "1 attempt" in shown
    assert "ada@example.org" not in main_text(boss.get("/admin/outbox?state=waiting"))
    email = emails.page_of(cursor, page=Page(1))[0]
    assert email.kind is EmailKind.MENTION
    assert location(boss.submit(f"/admin/outbox/{email.id}/retry", page="/admin/outbox", next="/admin/outbox?state=refused"))
    email_site.mailbox.transport.result = DeliveryResult(DeliveryStatus.SENT, "250 OK")
    assert len(email_site.mailbox.deliver()) == 1
    assert "250 OK" in main_text(boss.get("/admin/outbox?state=sent"))
    assert boss.submit(f"/admin/outbox/{email.id}/retry", page="/admin/outbox").status == 404


def test_a_site_without_mail_says_so_to_its_administrator(site: SiteFixture, cursor: Cursor) -> None:
    boss = site.registered_user("boss")
    users.change_role(cursor, account=member(cursor, "boss").id, role=Role.ADMIN)
    assert "this site sends no e-mail" in main_text(boss.get("/admin/outbox"))


def test_failed_jobs_are_shown_retried_and_discarded(email_site: EmailSite, cursor: Cursor) -> None:
    boss = admin(email_site, cursor)
    for key, state in (("one", "dead"), ("two", "waiting"), ("three", "running")):
        execute(
            cursor,
            """insert into jobs (id, kind, key, state, tries, due_at, created_at, last_error)
               values (new_id(%(now)s), 'chore', %(key)s, %(state)s, 3, %(now)s, %(now)s, 'Boom <b>')""",
            {"key": key, "state": state, "now": NOW - timedelta(hours=1)},
        )
    shown = main_text(boss.get("/admin/jobs"))
    assert "chore one" in shown
    assert "Boom <b>" in shown
    assert "two" in main_text(boss.get("/admin/jobs?state=retrying"))
    assert "three" in main_text(boss.get("/admin/jobs?state=running"))
    assert boss.get("/admin/jobs?state=nonsense").status == 200
    ids = {key: fetch_value(cursor, f"select id from jobs where key = '{key}'") for key in ("one", "two", "three")}
    assert location(boss.submit(f"/admin/jobs/{ids['one']}/retry", page="/admin/outbox")) == "/admin/jobs"
    assert location(boss.submit(f"/admin/jobs/{ids['two']}/discard", page="/admin/outbox")) == "/admin/jobs"
    assert boss.submit(f"/admin/jobs/{ids['three']}/discard", page="/admin/outbox").status == 404
    cursor.execute("select key, state, tries from jobs where kind = 'chore' order by key")
    assert cursor.fetchall() == [("one", "waiting", 0), ("three", "running", 3)]
