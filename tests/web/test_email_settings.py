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
from tests.web.memory import Reply
from tests.web.visitor import PASSWORD, Town, Visitor, document, links, town, words

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

    town: Town
    post: Post

    def newcomer(self, username: str = "ada", **more: str) -> Visitor:
        visitor = self.town.visitor()
        reply = visitor.submit("/signup", username=username, email=f"{username}@example.org", password=PASSWORD, **more)
        assert reply.status == 303, reply.text
        return visitor

    def resident(self, username: str = "ada") -> Visitor:
        visitor = self.newcomer(username)
        [letter] = self.post.deliver()
        reply = visitor.submit(self.post.path(letter, "/confirm/"))
        assert reply.header("Location") == "/home?notice=confirmed", f"{reply.status} {reply.text[:2_000]}"
        return visitor


@pytest.fixture
def place(cursor: Cursor, tmp_path: Path) -> Place:
    site = town(cursor, tmp_path, smtp_url="smtp://mail.test", rate_limits="off")
    return Place(site, Post(cursor, site.domain, KeptMail()))


def member(cursor: Cursor, username: str = "ada") -> Viewer:
    return Viewer(make.named(cursor, username))


def location(reply: Reply) -> str:
    assert reply.status == 303, reply.text
    return reply.header("Location") or ""


def test_a_newcomer_confirms_the_address_and_is_in(place: Place) -> None:
    ada = place.newcomer()
    assert location(ada.get("/home")) == "/pending"
    assert "ada@example.org" in words(ada.get("/pending"))
    [letter] = place.post.deliver()
    assert letter["To"] == "ada@example.org"
    path = place.post.path(letter, "/confirm/")
    assert "ada@example.org" in words(ada.get(path))
    assert location(ada.get("/home")) == "/pending", "a program that opens the link in advance proves nothing"
    assert location(ada.submit(path)) == "/home?notice=confirmed"
    assert ada.get("/home").status == 200
    assert location(ada.submit(path)) == "/home?notice=confirmed", "opening it twice is no trouble"


def test_the_link_may_be_opened_in_another_browser(place: Place) -> None:
    ada = place.newcomer()
    [letter] = place.post.deliver()
    assert location(place.town.visitor().submit(place.post.path(letter, "/confirm/"))) == "/login?notice=confirmed"
    assert ada.get("/home").status == 200


def test_the_letter_can_be_sent_again_and_to_another_address_but_not_without_end(place: Place) -> None:
    ada = place.newcomer()
    [lost] = place.post.deliver()
    assert location(ada.submit("/confirm/resend", page="/pending")) == "/pending?notice=letter"
    assert location(ada.submit("/confirm/email", page="/pending", email="right@example.org")) == "/pending?notice=letter"
    [right] = place.post.deliver()
    assert right["To"] == "right@example.org"
    assert ada.get(place.post.path(lost, "/confirm/")).status == 410, "the first address proves nothing any more"
    for _ in range(2):
        ada.submit("/confirm/resend", page="/pending")
    assert ada.submit("/confirm/resend", page="/pending").status == 429
    assert location(ada.submit(place.post.path(right, "/confirm/"))) == "/home?notice=confirmed"
    assert ada.submit("/confirm/resend", page="/settings/account").status == 409


def test_an_address_that_is_taken_or_none_is_told_on_the_page(place: Place) -> None:
    place.resident("ben")
    ada = place.newcomer()
    for address, told in (("ben@example.org", "already in use"), ("nowhere", "invalid")):
        reply = ada.submit("/confirm/email", page="/pending", email=address)
        assert reply.status == 422
        assert told in words(reply)


@pytest.mark.parametrize("token", ["x", "A" * 43, "A" * 200, "-_-"])
@pytest.mark.parametrize("path", ["/confirm/", "/password/reset/", "/mail/unsubscribe/"])
def test_an_invented_link_opens_nothing(place: Place, path: str, token: str) -> None:
    assert place.town.visitor().get(path + token).status == 410
    ada = place.resident()
    home = ada.get("/home")
    [form, *_] = document(home).xpath("//input[@name='csrf']/@value") or [f"{home.status} {home.headers} {home.text[:2_000]}"]
    assert ada.post(path + token, {"csrf": form, "password": NEW}).status == 410, form


def test_a_link_for_one_thing_opens_no_other(place: Place) -> None:
    place.newcomer()
    [letter] = place.post.deliver()
    token = place.post.path(letter, "/confirm/").rpartition("/")[2]
    for path in ("/password/reset/", "/mail/unsubscribe/"):
        assert place.town.visitor().get(path + token).status == 410


def test_without_mail_an_address_needs_no_proof(site: Town) -> None:
    ada = site.resident("ada")
    assert ada.get("/home").status == 200
    assert "can't send e-mail" in words(ada.get("/settings/mail"))
    assert "can't send e-mail" in words(site.visitor().get("/password/forgot"))


def test_an_applicant_is_told_what_came_of_it(cursor: Cursor, tmp_path: Path) -> None:
    site = town(cursor, tmp_path, smtp_url="smtp://mail.test", rate_limits="off", registration="approval")
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


def test_a_forgotten_password_is_replaced_and_everybody_is_out(place: Place, cursor: Cursor) -> None:
    ada = place.resident()
    visitor = place.town.visitor()
    assert "/password/forgot" in links(visitor.get("/login"))
    assert visitor.submit("/password/forgot", name="@ADA@site.test").status == 200
    [letter] = place.post.deliver()
    path = place.post.path(letter, "/password/reset/")
    assert "@ada" in words(visitor.get(path))
    assert "minimum is 8" in words(visitor.submit(path, password="short"))
    assert location(visitor.submit(path, password=NEW)) == "/login?notice=password"
    [notice] = place.post.deliver()
    assert (notice["To"], notice["Subject"]) == ("ada@example.org", "Your password on Ours was changed")
    assert location(ada.get("/home")).startswith("/login")
    assert visitor.get(path).status == 410, "the link works once"
    assert visitor.submit("/login", name="ada", password=PASSWORD).status == 401
    assert location(visitor.submit("/login", name="ada", password=NEW)) == "/home"
    assert fetch_value(cursor, "select count(*) from events where kind = 'session.ended' and (data->>'all')::boolean") >= 1


def test_asking_for_a_password_tells_nobody_who_exists_and_does_the_same(place: Place, cursor: Cursor) -> None:
    place.resident()
    pages, rows = [], []
    for name in ("ada", "ada@example.org", "nobody", "nobody@example.org", "x" * 5000, "\N{BELL}\x07", " "):
        visitor = place.town.visitor()
        token = visitor.token("/password/forgot")
        reply = visitor.post("/password/forgot", {"csrf": token, "name": name})
        pages.append((reply.status, words(reply)))
        rows.append(fetch_value(cursor, "select count(*) from jobs where kind = 'email.password_reset'"))
        execute(cursor, "delete from jobs where payload->>'name' not in ('ada', 'ada@example.org')")
    assert len(set(pages)) == 1
    assert [letter["To"] for letter in place.post.deliver()] == ["ada@example.org"] * 2
    assert rows[:4] == [1, 2, 3, 3]


def test_nobody_is_buried_in_letters_that_somebody_else_asks_for(place: Place) -> None:
    place.resident()
    for _ in range(9):
        place.town.visitor().submit("/password/forgot", name="ada")
    assert len(place.post.deliver()) == 5


def test_a_link_of_before_a_change_of_password_or_address_is_dead(place: Place, cursor: Cursor) -> None:
    ada = place.resident()
    for change in ("update users set password_hash = 'x'", "update users set email = 'other@example.org'"):
        place.town.visitor().submit("/password/forgot", name="ada")
        [letter] = place.post.deliver()
        path = place.post.path(letter, "/password/reset/")
        assert ada.get(path).status == 200
        execute(cursor, change)
        assert ada.get(path).status == 410


def test_a_new_address_is_used_once_it_is_confirmed(place: Place, cursor: Cursor) -> None:
    ada = place.resident()
    change = {"email": "new@example.org", "email_password": PASSWORD}
    assert location(ada.submit("/settings/email", page="/settings/account", **change)) == "/settings/account?notice=address"
    assert "new@example.org" in words(ada.get("/settings/account"))
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


def test_whose_password_was_changed_is_told_at_the_address_of_before(place: Place) -> None:
    ada = place.resident()
    reply = ada.submit("/settings/password", page="/settings/account", current=PASSWORD, password=NEW)
    assert location(reply) == "/settings/account?notice=saved"
    ada.submit("/settings/email", page="/settings/account", email="new@example.org", email_password=NEW)
    told, letter, _ = place.post.deliver()
    assert (told["To"], told["Subject"]) == ("ada@example.org", "Your password on Ours was changed")
    assert f"{HOST}/password/forgot" in body(told.as_bytes(), "plain")
    assert letter["To"] == "new@example.org"


def test_an_address_that_is_refused_is_shown_to_its_owner_while_the_account_waits_and_after(place: Place, cursor: Cursor) -> None:
    place.post.office.answer = DeliveryResult(DeliveryStatus.REFUSED, "550 no such user")
    cy = place.newcomer("cy")
    place.post.deliver()
    assert "550 no such user" in words(cy.get("/pending"))
    place.post.office.answer = DeliveryResult(DeliveryStatus.SENT, "250 OK")
    ada = place.resident()
    place.post.office.answer = DeliveryResult(DeliveryStatus.REFUSED, "550 mailbox is gone")
    for _ in range(3):
        mention_for(place, cursor)
    assert "Send confirmation e-mail" in words(ada.get("/settings/account"))
    assert "we no longer send you e-mail" in words(ada.get("/settings/mail"))
    assert location(ada.submit("/confirm/resend", page="/settings/account")) == "/settings/account?notice=letter"


def test_an_address_that_somebody_else_has_by_then_is_not_taken_over(place: Place, cursor: Cursor) -> None:
    ada = place.resident()
    ada.submit("/settings/email", page="/settings/account", email="shared@example.org", email_password=PASSWORD)
    letter, _ = place.post.deliver()
    make.member(cursor, "ben", email="shared@example.org")
    assert ada.submit(place.post.path(letter, "/confirm/")).status == 409


def mention_for(place: Place, cursor: Cursor, username: str = "ada") -> EmailMessage:
    make.post(cursor, make.viewer(cursor), f"Hello @{username}")
    [letter] = place.post.deliver()
    return letter


def test_what_was_read_on_an_open_page_is_not_mailed(place: Place, cursor: Cursor) -> None:
    ada = place.resident()
    make.post(cursor, make.viewer(cursor), "Hello @ada")
    newest = fetch_value(cursor, "select max(id) from notifications")
    assert ada.post("/notifications/read", {"csrf": ada.token("/home"), "up_to": str(newest)}).status == 204
    assert place.post.deliver() == []


def test_nobody_reads_in_advance(place: Place, cursor: Cursor) -> None:
    ada = place.resident()
    for text in ("Hello @ada", "Once more, @ada"):
        assert ada.post("/notifications/read", {"csrf": ada.token("/home"), "up_to": str(2**63 - 1)}).status == 204
        make.post(cursor, make.viewer(cursor), text, now=place.town.domain.dispatch.now())
    assert fetch_value(cursor, "select last_read_id from markers") < fetch_value(cursor, "select max(id) from notifications")


def test_a_mail_program_unsubscribes_with_one_click(place: Place, cursor: Cursor) -> None:
    place.resident()
    header = dict(fields(place.post.office.taken[-1].message)) if mention_for(place, cursor) else {}
    path = header["List-Unsubscribe"].strip("<>").removeprefix(HOST)
    assert header["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    program = place.town.visitor()
    for _ in range(2):
        reply = program.post(path, {"List-Unsubscribe": "One-Click"}, Origin="https://mail.elsewhere.test")
        assert reply.status == 200
    make.post(cursor, make.viewer(cursor), "Hello @ada")
    assert place.post.deliver() == []
    preferences = users.by_account(cursor, account=member(cursor).id)
    assert preferences is not None
    assert preferences.login.preferences.mail_follow


def test_opening_the_link_asks_before_it_stops_anything(place: Place, cursor: Cursor) -> None:
    place.resident()
    path = place.post.path(mention_for(place, cursor), "/mail/unsubscribe/")
    visitor = place.town.visitor()
    assert "mentions you or replies to you" in words(visitor.get(path))
    assert mention_for(place, cursor)
    assert "You will no longer receive e-mails" in words(visitor.post(path, {}))


def test_each_kind_of_letter_has_its_switch(place: Place, cursor: Cursor) -> None:
    ada = place.resident()
    page = ada.get("/settings/mail")
    assert "/settings/mail" in links(ada.get("/settings"))
    assert 'name="mail_report"' not in page.text
    reply = ada.submit("/settings/mail", mail_follow="1", mail_digest="daily", mail_report="1")
    assert location(reply) == "/settings/mail?notice=saved"
    found = users.by_account(cursor, account=member(cursor).id)
    assert found is not None
    chosen = found.login.preferences
    assert (chosen.mail_mention, chosen.mail_follow, chosen.mail_login, chosen.mail_digest) == (False, True, False, "daily")
    assert ada.submit("/settings/mail", mail_digest="hourly").status == 422


def test_whose_address_is_refused_is_told_so_in_the_settings(place: Place, cursor: Cursor) -> None:
    ada = place.resident()
    assert "refused" not in words(ada.get("/settings/mail")) + words(ada.get("/settings/account"))
    place.post.office.answer = DeliveryResult(DeliveryStatus.REFUSED, "550 5.1.1 No such <b>mailbox</b>")
    mention_for(place, cursor)
    for path in ("/settings/mail", "/settings/account"):
        assert "550 5.1.1 No such <b>mailbox</b>" in words(ada.get(path))


def test_a_login_with_another_browser_is_told_and_one_with_the_same_is_not(place: Place) -> None:
    ada = place.resident()
    ada.submit("/logout", page="/home")
    ada.submit("/login", name="ada", password=PASSWORD)
    assert place.post.deliver() == []
    thief = place.town.visitor()
    thief.submit("/login", name="ada", password=PASSWORD)
    [letter] = place.post.deliver()
    assert letter["Subject"].startswith("New login")
    assert "203.0.113.7" in body(letter.as_bytes(), "plain")
    thief.submit("/logout", page="/home")
    thief.submit("/login", name="ada", password=PASSWORD)
    assert place.post.deliver() == []


def test_the_database_holds_nothing_that_opens_an_account(place: Place, cursor: Cursor) -> None:
    place.newcomer()
    place.town.visitor().submit("/password/forgot", name="ada")
    secrets = [place.post.path(letter, path) for letter, path in zip(place.post.deliver(), ("/confirm/", "/password/reset/"), strict=True)]
    execute(cursor, "update jobs set state = 'done'")
    for table in ("emails", "jobs", "users", "known_browsers", "events", "sessions"):
        cursor.execute(f"select t::text from {table} t")
        dump = str(cursor.fetchall())
        assert not [secret for secret in secrets if secret.rpartition("/")[2] in dump]
    assert len(secrets) == 2


def admin(place: Place, cursor: Cursor) -> Visitor:
    boss = place.resident("boss")
    users.change_role(cursor, account=member(cursor, "boss").id, role=Role.ADMIN)
    return boss


@pytest.mark.parametrize("path", ["/admin/outbox", "/admin/jobs"])
def test_only_administrators_see_outbox_and_jobs(place: Place, cursor: Cursor, path: str) -> None:
    assert location(place.town.visitor().get(path)).startswith("/login")
    ada = place.resident()
    users.change_role(cursor, account=member(cursor).id, role=Role.MODERATOR)
    assert ada.get(path).status == 403
    assert "/admin/outbox" not in links(ada.get("/admin/people"))
    boss = admin(place, cursor)
    assert "/admin/outbox" in links(boss.get("/admin/people"))
    assert path in links(boss.get("/admin/outbox"))
    assert boss.get(path).status == 200


def test_the_outbox_shows_each_letter_and_tries_again(place: Place, cursor: Cursor) -> None:
    boss = admin(place, cursor)
    place.resident()
    place.post.office.answer = DeliveryResult(DeliveryStatus.REFUSED, "550 5.1.1 <script>No</script>")
    mention_for(place, cursor)
    page = boss.get("/admin/outbox")
    assert "550 5.1.1 <script>No</script>" in words(page)
    assert "<script>No" not in page.text
    shown = words(boss.get("/admin/outbox?state=refused"))
    assert "Mention Rejected ada@example.org" in shown
    assert "1 attempt" in shown
    assert "ada@example.org" not in words(boss.get("/admin/outbox?state=waiting"))
    letter = emails.page_of(cursor, page=Page(1))[0]
    assert letter.kind is EmailKind.MENTION
    assert location(boss.submit(f"/admin/outbox/{letter.id}/retry", page="/admin/outbox", next="/admin/outbox?state=refused"))
    place.post.office.answer = DeliveryResult(DeliveryStatus.SENT, "250 OK")
    assert len(place.post.deliver()) == 1
    assert "250 OK" in words(boss.get("/admin/outbox?state=sent"))
    assert boss.submit(f"/admin/outbox/{letter.id}/retry", page="/admin/outbox").status == 404


def test_a_site_without_mail_says_so_to_its_administrator(site: Town, cursor: Cursor) -> None:
    boss = site.resident("boss")
    users.change_role(cursor, account=member(cursor, "boss").id, role=Role.ADMIN)
    assert "this site sends no e-mail" in words(boss.get("/admin/outbox"))


def test_jobs_that_failed_are_shown_tried_again_and_discarded(place: Place, cursor: Cursor) -> None:
    boss = admin(place, cursor)
    for key, state in (("one", "dead"), ("two", "waiting"), ("three", "running")):
        execute(
            cursor,
            """insert into jobs (id, kind, key, state, tries, due_at, created_at, last_error)
               values (new_id(%(now)s), 'chore', %(key)s, %(state)s, 3, %(now)s, %(now)s, 'Boom <b>')""",
            {"key": key, "state": state, "now": NOW - timedelta(hours=1)},
        )
    shown = words(boss.get("/admin/jobs"))
    assert "chore one" in shown
    assert "Boom <b>" in shown
    assert "two" in words(boss.get("/admin/jobs?state=retrying"))
    assert "three" in words(boss.get("/admin/jobs?state=running"))
    assert boss.get("/admin/jobs?state=nonsense").status == 200
    ids = {key: fetch_value(cursor, f"select id from jobs where key = '{key}'") for key in ("one", "two", "three")}
    assert location(boss.submit(f"/admin/jobs/{ids['one']}/retry", page="/admin/outbox")) == "/admin/jobs"
    assert location(boss.submit(f"/admin/jobs/{ids['two']}/discard", page="/admin/outbox")) == "/admin/jobs"
    assert boss.submit(f"/admin/jobs/{ids['three']}/discard", page="/admin/outbox").status == 404
    cursor.execute("select key, state, tries from jobs where kind = 'chore' order by key")
    assert cursor.fetchall() == [("one", "waiting", 0), ("three", "running", 3)]
