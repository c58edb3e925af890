"""Addresses, forgotten passwords, mail settings and what links in letters open, as people meet them."""

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
from tests.fakes import KeptMail, RolledBackDatabase, done, quick_passwords
from tests.mailbox import Postman
from tests.make import NOW
from tests.rfc5322 import body, fields
from tests.web.http_client import HttpResponse
from tests.web.visitor import PASSWORD, SiteFixture, Visitor, build_site, document, links, main_text

HOST = "http://site.test"
NEW = "a new and longer one"


@define
class Post(Postman):
    """A postman of a whole site."""

    def path(self, letter: EmailMessage, begin: str) -> str:
        """The path of the link in the letter that begins so."""
        text = body(letter.as_bytes(), "plain")
        [link] = {word.removeprefix(HOST) for word in text.split() if word.startswith(HOST + begin)}
        return link


@frozen
class Place:
    """A site that sends mail, and its postman."""

    site: SiteFixture
    post: Post

    def newcomer(self, username: str = "ada", **more: str) -> Visitor:
        visitor = self.site.visitor()
        response = visitor.submit("/signup", username=username, email=f"{username}@example.org", password=PASSWORD, **more)
        assert response.status == 303, response.text
        return visitor

    def registered_user(self, username: str = "ada") -> Visitor:
        visitor = self.newcomer(username)
        [letter] = self.post.deliver()
        response = visitor.submit(self.post.path(letter, "/confirm/"))
        assert response.header("Location") == "/home?notice=confirmed", f"{response.status} {response.text[:2_000]}"
        return visitor


@pytest.fixture
def place(cursor: Cursor, tmp_path: Path) -> Place:
    site = build_site(cursor, tmp_path, smtp_url="smtp://mail.test", rate_limits="off")
    return Place(site, Post(cursor, site.domain, KeptMail()))


def member(cursor: Cursor, username: str = "ada") -> Viewer:
    return Viewer(make.named(cursor, username))


def location(response: HttpResponse) -> str:
    assert response.status == 303, response.text
    return response.header("Location") or ""


def test_a_new_user_confirms_the_email_address(place: Place) -> None:
    ada = place.newcomer()
    assert location(ada.get("/home")) == "/pending"
    assert "ada@example.org" in main_text(ada.get("/pending"))
    [letter] = place.post.deliver()
    assert letter["To"] == "ada@example.org"
    path = place.post.path(letter, "/confirm/")
    assert "ada@example.org" in main_text(ada.get(path))
    assert location(ada.get("/home")) == "/pending", "a program that opens the link in advance proves nothing"
    assert location(ada.submit(path)) == "/home?notice=confirmed"
    assert ada.get("/home").status == 200
    assert location(ada.submit(path)) == "/home?notice=confirmed", "opening it twice is no trouble"


def test_the_confirmation_link_may_be_opened_in_another_browser(place: Place) -> None:
    ada = place.newcomer()
    [letter] = place.post.deliver()
    assert location(place.site.visitor().submit(place.post.path(letter, "/confirm/"))) == "/login?notice=confirmed"
    assert ada.get("/home").status == 200


def test_the_confirmation_email_can_be_resent_and_redirected_within_a_limit(place: Place) -> None:
    ada = place.newcomer()
    [lost] = place.post.deliver()
    assert location(ada.submit("/confirm/resend", page="/pending")) == "/pending?notice=sent"
    assert location(ada.submit("/confirm/email", page="/pending", email="right@example.org")) == "/pending?notice=sent"
    [right] = place.post.deliver()
    assert right["To"] == "right@example.org"
    assert ada.get(place.post.path(lost, "/confirm/")).status == 410, "the first address proves nothing any more"
    for _ in range(2):
        ada.submit("/confirm/resend", page="/pending")
    assert ada.submit("/confirm/resend", page="/pending").status == 429
    assert location(ada.submit(place.post.path(right, "/confirm/"))) == "/home?notice=confirmed"
    assert ada.submit("/confirm/resend", page="/settings/account").status == 409


def test_a_taken_or_invalid_email_address_is_rejected(place: Place) -> None:
    place.registered_user("ben")
    ada = place.newcomer()
    for address, told in (("ben@example.org", "already in use"), ("nowhere", "invalid")):
        response = ada.submit("/confirm/email", page="/pending", email=address)
        assert response.status == 422
        assert told in main_text(response)


@pytest.mark.parametrize("token", ["x", "A" * 43, "A" * 200, "-_-"])
@pytest.mark.parametrize("path", ["/confirm/", "/password/reset/", "/mail/unsubscribe/"])
def test_an_invented_link_is_410(place: Place, path: str, token: str) -> None:
    assert place.site.visitor().get(path + token).status == 410
    ada = place.registered_user()
    home = ada.get("/home")
    [form, *_] = document(home).xpath("//input[@name='csrf']/@value") or [f"{home.status} {home.headers} {home.text[:2_000]}"]
    assert ada.post(path + token, {"csrf": form, "password": NEW}).status == 410, form


def test_a_link_works_for_one_purpose_only(place: Place) -> None:
    place.newcomer()
    [letter] = place.post.deliver()
    token = place.post.path(letter, "/confirm/").rpartition("/")[2]
    for path in ("/password/reset/", "/mail/unsubscribe/"):
        assert place.site.visitor().get(path + token).status == 410


def test_without_email_no_confirmation_is_needed(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    assert ada.get("/home").status == 200
    assert "can't send e-mail" in main_text(ada.get("/settings/mail"))
    assert "can't send e-mail" in main_text(site.visitor().get("/password/forgot"))


def test_applicants_are_emailed_the_decision(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path, smtp_url="smtp://mail.test", rate_limits="off", registration="approval")
    place = Place(site, Post(cursor, site.domain, KeptMail()))
    for name in ("ada", "ben", "cy"):
        visitor = place.newcomer(name, reason="I like it")
        [letter] = place.post.deliver()
        if name != "cy":
            visitor.submit(place.post.path(letter, "/confirm/"))
    members = AccountAdmin(RolledBackDatabase(cursor), quick_passwords(), lambda: NOW)
    done(members.approve(member(cursor, "ada").id))
    done(members.reject(member(cursor, "ben").id))
    done(members.reject(member(cursor, "cy").id))
    accepted, rejected = place.post.deliver()
    assert (accepted["To"], accepted["Subject"]) == ("ada@example.org", "Welcome to Ours")
    assert (rejected["To"], rejected["Subject"]) == ("ben@example.org", "Your account on Ours")
    assert fetch_value(cursor, "select count(*) from accounts where username in ('ben', 'cy')") == 0


def test_a_password_reset_ends_all_sessions(place: Place, cursor: Cursor) -> None:
    ada = place.registered_user()
    visitor = place.site.visitor()
    assert "/password/forgot" in links(visitor.get("/login"))
    assert visitor.submit("/password/forgot", name="@ADA@site.test").status == 200
    [letter] = place.post.deliver()
    path = place.post.path(letter, "/password/reset/")
    assert "@ada" in main_text(visitor.get(path))
    assert "minimum is 8" in main_text(visitor.submit(path, password="short"))
    assert location(visitor.submit(path, password=NEW)) == "/login?notice=password"
    [notice] = place.post.deliver()
    assert (notice["To"], notice["Subject"]) == ("ada@example.org", "Your password on Ours was changed")
    assert location(ada.get("/home")).startswith("/login")
    assert visitor.get(path).status == 410, "the link works once"
    assert visitor.submit("/login", name="ada", password=PASSWORD).status == 401
    assert location(visitor.submit("/login", name="ada", password=NEW)) == "/home"
    assert fetch_value(cursor, "select count(*) from events where kind = 'session.ended' and (data->>'all')::boolean") >= 1


def test_a_password_reset_request_does_not_reveal_who_exists(place: Place, cursor: Cursor) -> None:
    place.registered_user()
    pages, rows = [], []
    for name in ("ada", "ada@example.org", "nobody", "nobody@example.org", "x" * 5000, "\N{BELL}\x07", " "):
        visitor = place.site.visitor()
        token = visitor.token("/password/forgot")
        response = visitor.post("/password/forgot", {"csrf": token, "name": name})
        pages.append((response.status, main_text(response)))
        rows.append(fetch_value(cursor, "select count(*) from jobs where kind = 'email.password_reset'"))
        execute(cursor, "delete from jobs where payload->>'name' not in ('ada', 'ada@example.org')")
    assert len(set(pages)) == 1
    assert [letter["To"] for letter in place.post.deliver()] == ["ada@example.org"] * 2
    assert rows[:4] == [1, 2, 3, 3]


def test_password_reset_emails_are_rate_limited_per_recipient(place: Place) -> None:
    place.registered_user()
    for _ in range(9):
        place.site.visitor().submit("/password/forgot", name="ada")
    assert len(place.post.deliver()) == 5


def test_a_new_password_or_email_invalidates_older_reset_links(place: Place, cursor: Cursor) -> None:
    ada = place.registered_user()
    for change in ("update users set password_hash = 'x'", "update users set email = 'other@example.org'"):
        place.site.visitor().submit("/password/forgot", name="ada")
        [letter] = place.post.deliver()
        path = place.post.path(letter, "/password/reset/")
        assert ada.get(path).status == 200
        execute(cursor, change)
        assert ada.get(path).status == 410


def test_a_new_email_address_is_used_once_confirmed(place: Place, cursor: Cursor) -> None:
    ada = place.registered_user()
    change = {"email": "new@example.org", "email_password": PASSWORD}
    assert location(ada.submit("/settings/email", page="/settings/account", **change)) == "/settings/account?notice=address"
    assert "new@example.org" in main_text(ada.get("/settings/account"))
    assert fetch_value(cursor, "select email from users") == "ada@example.org"
    letter, notice = place.post.deliver()
    assert letter["To"] == "new@example.org"
    assert notice["To"] == "ada@example.org"
    assert "new@example.org" in (told := body(notice.as_bytes(), "plain"))
    assert f"{HOST}/settings/account" in told
    path = place.post.path(letter, "/confirm/")
    ada.submit("/settings/email/withdraw", page="/settings/account")
    assert ada.get(path).status == 410
    ada.submit("/settings/email", page="/settings/account", **change)
    place.post.deliver()
    assert location(ada.submit(path)) == "/home?notice=confirmed"
    [notice] = place.post.deliver()
    assert notice["To"] == "ada@example.org", "the owner of the old address sees that it went"
    assert "new@example.org is the address of" in body(notice.as_bytes(), "plain")
    assert location(ada.submit(path)) == "/home?notice=confirmed"
    assert place.post.deliver() == []
    cursor.execute("select email, new_email from users")
    assert cursor.fetchone() == ("new@example.org", None)


def test_a_password_change_is_reported_to_the_previous_address(place: Place) -> None:
    ada = place.registered_user()
    response = ada.submit("/settings/password", page="/settings/account", current=PASSWORD, password=NEW)
    assert location(response) == "/settings/account?notice=saved"
    ada.submit("/settings/email", page="/settings/account", email="new@example.org", email_password=NEW)
    told, letter, _ = place.post.deliver()
    assert (told["To"], told["Subject"]) == ("ada@example.org", "Your password on Ours was changed")
    assert f"{HOST}/password/forgot" in body(told.as_bytes(), "plain")
    assert letter["To"] == "new@example.org"


def test_a_rejected_email_address_is_shown_before_and_after_confirmation(place: Place, cursor: Cursor) -> None:
    place.post.office.answer = DeliveryResult(DeliveryStatus.REFUSED, "550 no such user")
    cy = place.newcomer("cy")
    place.post.deliver()
    assert "550 no such user" in main_text(cy.get("/pending"))
    place.post.office.answer = DeliveryResult(DeliveryStatus.SENT, "250 OK")
    ada = place.registered_user()
    place.post.office.answer = DeliveryResult(DeliveryStatus.REFUSED, "550 mailbox is gone")
    for _ in range(3):
        mention_for(place, cursor)
    assert "Send confirmation e-mail" in main_text(ada.get("/settings/account"))
    assert "we no longer send you e-mail" in main_text(ada.get("/settings/mail"))
    assert location(ada.submit("/confirm/resend", page="/settings/account")) == "/settings/account?notice=sent"


def test_an_email_address_taken_meanwhile_cannot_be_confirmed(place: Place, cursor: Cursor) -> None:
    ada = place.registered_user()
    ada.submit("/settings/email", page="/settings/account", email="shared@example.org", email_password=PASSWORD)
    letter, _ = place.post.deliver()
    make.member(cursor, "ben", email="shared@example.org")
    assert ada.submit(place.post.path(letter, "/confirm/")).status == 409


def mention_for(place: Place, cursor: Cursor, username: str = "ada") -> EmailMessage:
    make.post(cursor, make.viewer(cursor), f"Hello @{username}")
    [letter] = place.post.deliver()
    return letter


def test_notifications_read_on_an_open_page_are_not_emailed(place: Place, cursor: Cursor) -> None:
    ada = place.registered_user()
    make.post(cursor, make.viewer(cursor), "Hello @ada")
    newest = fetch_value(cursor, "select max(id) from notifications")
    assert ada.post("/notifications/read", {"csrf": ada.token("/home"), "up_to": str(newest)}).status == 204
    assert place.post.deliver() == []


def test_future_notifications_cannot_be_marked_read(place: Place, cursor: Cursor) -> None:
    ada = place.registered_user()
    for text in ("Hello @ada", "Once more, @ada"):
        assert ada.post("/notifications/read", {"csrf": ada.token("/home"), "up_to": str(2**63 - 1)}).status == 204
        make.post(cursor, make.viewer(cursor), text, now=place.site.domain.dispatch.now())
    assert fetch_value(cursor, "select last_read_id from markers") < fetch_value(cursor, "select max(id) from notifications")


def test_a_mail_client_unsubscribes_with_one_click(place: Place, cursor: Cursor) -> None:
    place.registered_user()
    header = dict(fields(place.post.office.taken[-1].message)) if mention_for(place, cursor) else {}
    path = header["List-Unsubscribe"].strip("<>").removeprefix(HOST)
    assert header["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    program = place.site.visitor()
    for _ in range(2):
        response = program.post(path, {"List-Unsubscribe": "One-Click"}, Origin="https://mail.elsewhere.test")
        assert response.status == 200
    make.post(cursor, make.viewer(cursor), "Hello @ada")
    assert place.post.deliver() == []
    preferences = users.by_account(cursor, account=member(cursor).id)
    assert preferences is not None
    assert preferences.login.preferences.mail_follow


def test_the_unsubscribe_link_asks_for_confirmation(place: Place, cursor: Cursor) -> None:
    place.registered_user()
    path = place.post.path(mention_for(place, cursor), "/mail/unsubscribe/")
    visitor = place.site.visitor()
    assert "mentions you or replies to you" in main_text(visitor.get(path))
    assert mention_for(place, cursor)
    assert "You will no longer receive e-mails" in main_text(visitor.post(path, {}))


def test_each_kind_of_email_can_be_switched_off(place: Place, cursor: Cursor) -> None:
    ada = place.registered_user()
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


def test_the_settings_show_that_an_email_address_is_rejected(place: Place, cursor: Cursor) -> None:
    ada = place.registered_user()
    assert "refused" not in main_text(ada.get("/settings/mail")) + main_text(ada.get("/settings/account"))
    place.post.office.answer = DeliveryResult(DeliveryStatus.REFUSED, "550 5.1.1 No such <b>mailbox</b>")
    mention_for(place, cursor)
    for path in ("/settings/mail", "/settings/account"):
        assert "550 5.1.1 No such <b>mailbox</b>" in main_text(ada.get(path))


def test_only_a_login_with_a_new_browser_is_emailed(place: Place) -> None:
    ada = place.registered_user()
    ada.submit("/logout", page="/home")
    ada.submit("/login", name="ada", password=PASSWORD)
    assert place.post.deliver() == []
    thief = place.site.visitor()
    thief.submit("/login", name="ada", password=PASSWORD)
    [letter] = place.post.deliver()
    assert letter["Subject"].startswith("New login")
    assert "203.0.113.7" in body(letter.as_bytes(), "plain")
    thief.submit("/logout", page="/home")
    thief.submit("/login", name="ada", password=PASSWORD)
    assert place.post.deliver() == []


def test_the_database_holds_no_usable_email_link_tokens(place: Place, cursor: Cursor) -> None:
    place.newcomer()
    place.site.visitor().submit("/password/forgot", name="ada")
    secrets = [place.post.path(letter, path) for letter, path in zip(place.post.deliver(), ("/confirm/", "/password/reset/"), strict=True)]
    execute(cursor, "update jobs set state = 'done'")
    for table in ("emails", "jobs", "users", "known_browsers", "events", "sessions"):
        cursor.execute(f"select t::text from {table} t")
        dump = str(cursor.fetchall())
        assert not [secret for secret in secrets if secret.rpartition("/")[2] in dump]
    assert len(secrets) == 2


def admin(place: Place, cursor: Cursor) -> Visitor:
    boss = place.registered_user("boss")
    users.change_role(cursor, account=member(cursor, "boss").id, role=Role.ADMIN)
    return boss


@pytest.mark.parametrize("path", ["/admin/outbox", "/admin/jobs"])
def test_only_administrators_see_outbox_and_jobs(place: Place, cursor: Cursor, path: str) -> None:
    assert location(place.site.visitor().get(path)).startswith("/login")
    ada = place.registered_user()
    users.change_role(cursor, account=member(cursor).id, role=Role.MODERATOR)
    assert ada.get(path).status == 403
    assert "/admin/outbox" not in links(ada.get("/admin/people"))
    boss = admin(place, cursor)
    assert "/admin/outbox" in links(boss.get("/admin/people"))
    assert path in links(boss.get("/admin/outbox"))
    assert boss.get(path).status == 200


def test_the_outbox_shows_each_email_and_retries(place: Place, cursor: Cursor) -> None:
    boss = admin(place, cursor)
    place.registered_user()
    place.post.office.answer = DeliveryResult(DeliveryStatus.REFUSED, "550 5.1.1 <script>No</script>")
    mention_for(place, cursor)
    page = boss.get("/admin/outbox")
    assert "550 5.1.1 <script>No</script>" in main_text(page)
    assert "<script>No" not in page.text
    shown = main_text(boss.get("/admin/outbox?state=refused"))
    assert "Mention Rejected ada@example.org" in shown
    assert "1 attempt" in shown
    assert "ada@example.org" not in main_text(boss.get("/admin/outbox?state=waiting"))
    letter = emails.page_of(cursor, page=Page(1))[0]
    assert letter.kind is EmailKind.MENTION
    assert location(boss.submit(f"/admin/outbox/{letter.id}/retry", page="/admin/outbox", next="/admin/outbox?state=refused"))
    place.post.office.answer = DeliveryResult(DeliveryStatus.SENT, "250 OK")
    assert len(place.post.deliver()) == 1
    assert "250 OK" in main_text(boss.get("/admin/outbox?state=sent"))
    assert boss.submit(f"/admin/outbox/{letter.id}/retry", page="/admin/outbox").status == 404


def test_a_site_without_mail_says_so_to_its_administrator(site: SiteFixture, cursor: Cursor) -> None:
    boss = site.registered_user("boss")
    users.change_role(cursor, account=member(cursor, "boss").id, role=Role.ADMIN)
    assert "this site sends no e-mail" in main_text(boss.get("/admin/outbox"))


def test_failed_jobs_are_shown_retried_and_discarded(place: Place, cursor: Cursor) -> None:
    boss = admin(place, cursor)
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
