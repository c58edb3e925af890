"""Reports across servers: what leaves and what it says, and what other servers report about people here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from microblog.domain import reports as rules
from microblog.model.accounts import Account, Role
from microblog.model.domain_rules import DomainRule, DomainRules, DomainSeverity
from microblog.model.posts import Visibility
from microblog.storage.database import Cursor, fetch_all
from tests import make
from tests.federation.internet import Internet
from tests.federation.outgoing import OutboundFixture, remote_actor
from tests.federation.remote_server import URL, RemoteUser, run_effects
from tests.web.api.client import Client, client
from tests.web.visitor import SiteFixture, build_site, main_text

ADA, MOD = f"{URL}/users/ada", f"{URL}/users/mod"


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path, internet: Internet) -> SiteFixture:
    return build_site(cursor, tmp_path, internet, public_url=URL, federation="on")


@pytest.fixture
def moderator(site: SiteFixture) -> Client:
    return client(site, "mod", "read write admin:read admin:write", role=Role.MODERATOR)


# --- From here


@pytest.fixture
def bo(cursor: Cursor) -> Account:
    return remote_actor(cursor, name="bo")


def test_a_forwarded_report_names_account_posts_and_nobody_here(site: SiteFixture, moderator: Client, bo: Account) -> None:
    ada, outbound = client(site, "ada"), OutboundFixture(site.cursor)
    post, others = make.remote_post(site.cursor, bo), make.post(site.cursor, ada.owner)
    report = ada.post("/v1/reports", account_id=bo.id, status_ids=[post.id, others.id], comment="Rude", category="spam", forward=True).json
    assert report["forwarded"] is True
    sent = outbound.one()
    assert sent.inboxes == [f"{bo.uri}/inbox"]
    flag = sent.document
    assert (flag["type"], flag["actor"], flag["object"]) == ("Flag", "https://site.test/actor", [bo.uri, post.uri])
    assert flag["content"] == "Rude"
    assert flag["id"].startswith("https://site.test/reports/")
    assert len(flag["id"].rpartition("/")[2]) == 36
    assert "ada" not in str(flag)
    [listed] = moderator.get("/v1/admin/reports").json
    assert listed["forwarded"] is True
    assert fetch_all(site.cursor, lambda account: account, "select account_id from outgoing_activities where kind = 'flag'") == [None]


def test_a_report_stays_here_unless_it_is_to_be_forwarded(site: SiteFixture, bo: Account) -> None:
    ada, outbound = client(site, "ada"), OutboundFixture(site.cursor)
    assert ada.post("/v1/reports", account_id=bo.id, comment="Rude").json["forwarded"] is False
    assert outbound.run() == []


def test_a_report_about_somebody_here_is_not_forwarded(site: SiteFixture) -> None:
    ada, ben, outbound = client(site, "ada"), client(site, "ben"), OutboundFixture(site.cursor)
    assert ada.post("/v1/reports", account_id=ben.id, comment="Rude", forward=True).json["forwarded"] is False
    assert outbound.run() == []


def test_nothing_is_forwarded_to_a_suspended_domain(site: SiteFixture, bo: Account) -> None:
    ada = client(site, "ada")
    outbound = OutboundFixture(site.cursor, DomainRules([DomainRule("b.example", DomainSeverity.SUSPEND)]))
    ada.post("/v1/reports", account_id=bo.id, comment="Rude", forward=True)
    assert outbound.run() == []


def test_the_form_asks_whether_to_send_the_report_on(site: SiteFixture, bo: Account) -> None:
    visitor, outbound = site.registered_user("ada"), OutboundFixture(site.cursor)
    make.account(site.cursor, "ben")
    assert "Forward to" not in main_text(visitor.get("/@ben/report"))
    assert "Forward to b.example" in main_text(visitor.get("/@bo@b.example/report"))
    assert visitor.submit("/@bo@b.example/report", comment="Rude", category="spam").status == 303
    assert outbound.run() == []
    assert visitor.submit("/@bo@b.example/report", comment="Rude", category="spam", forward="1").status == 303
    assert outbound.one().kind == "flag"
    wrong = visitor.submit("/@bo@b.example/report", comment="x" * 1_001, forward="1")
    assert 'name="forward" value="1" checked' in wrong.text


# --- From elsewhere


@pytest.fixture
def reporter(site: SiteFixture, internet: Internet) -> RemoteUser:
    """The instance actor of another server."""
    reporter = RemoteUser(site, internet, "b.example")
    reporter.publish(type="Application")
    return reporter


def stored(site: SiteFixture) -> list[tuple[str, str, list[int]]]:
    sql = "select a.username, r.comment, r.post_ids from reports r join accounts a on a.id = r.target_id order by r.id"
    found: Any = fetch_all(site.cursor, lambda *columns: columns, sql)
    return list(found)


def test_a_report_of_another_server_reaches_the_moderators(site: SiteFixture, moderator: Client, reporter: RemoteUser) -> None:
    ada = client(site, "ada")
    post, direct = make.post(site.cursor, ada.owner, "hello"), make.post(site.cursor, ada.owner, "psst", visibility=Visibility.DIRECT)
    others = make.post(site.cursor, moderator.owner)
    posts = [f"{ADA}/statuses/{one.id}" for one in (post, direct)]
    reporter.do("Flag", [ADA, *posts, f"{MOD}/statuses/{others.id}", f"{ADA}/statuses/1"], content="Spam!\n<b>really</b>", to=[ADA])
    assert stored(site) == [("ada", "Spam!\n<b>really</b>", [post.id, direct.id])]
    [listed] = moderator.get("/v1/admin/reports").json
    assert (listed["account"]["domain"], listed["target_account"]["username"]) == ("b.example", "ada")
    assert [one["id"] for one in listed["statuses"]] == [str(post.id)]  # moderators do not read what is not meant for them
    [told] = moderator.get("/v1/notifications").json
    assert told["type"] == "admin.report"
    assert ada.get("/v1/notifications").json == []


def test_the_pages_say_where_a_report_is_from_and_no_more(site: SiteFixture, reporter: RemoteUser, internet: Internet) -> None:
    visitor = site.registered_user("marla")
    site.cursor.execute("update users set role = 'moderator'")
    client(site, "ada")
    di = RemoteUser(site, internet, "di", "c.example")
    di.do("Flag", [ADA], content="&lt;rude&gt;")
    listed = visitor.get("/admin/reports").text
    assert "From <strong" in listed
    assert "c.example" in main_text(visitor.get("/admin/reports"))
    assert "@di" not in listed
    assert "c.example</strong> sent a report" in visitor.get("/notifications").text
    assert "@di" not in visitor.get("/notifications").text


def test_misskey_puts_the_addresses_of_posts_into_the_comment(site: SiteFixture, reporter: RemoteUser) -> None:
    ada = client(site, "ada")
    post = make.post(site.cursor, ada.owner)
    comment = f"Note: {ADA}/statuses/{post.id}\nLocal Note: https://b.example/notes/1\n-----\nrude"
    reporter.do("Flag", ADA, content=comment)
    assert stored(site) == [("ada", comment, [post.id])]


def test_posts_without_their_author_report_the_author(site: SiteFixture, reporter: RemoteUser) -> None:
    ada = client(site, "ada")
    post = make.post(site.cursor, ada.owner)
    reporter.do("Flag", [f"{URL}/@ada/{post.id}"], content="rude")
    assert stored(site) == [("ada", "rude", [post.id])]


def test_the_comment_and_the_number_of_posts_are_limited(site: SiteFixture, reporter: RemoteUser) -> None:
    ada = client(site, "ada")
    posts = [make.post(site.cursor, ada.owner).id for _ in range(3)]
    many = [f"{ADA}/statuses/{id}" for id in posts] * 100
    reporter.do("Flag", [ADA, *many], content="x" * 9_000)
    [(_, comment, reported)] = stored(site)
    assert (len(comment), reported) == (5_000, posts)


def test_several_people_are_reported_at_once(site: SiteFixture, reporter: RemoteUser) -> None:
    for name in ("ada", "ben"):
        client(site, name)
    flag = reporter.do("Flag", [ADA, f"{URL}/users/ben"], content="spam")
    assert [name for name, _, _ in stored(site)] == ["ada", "ben"]
    site.cursor.execute("delete from incoming_activities")
    assert reporter.deliver(flag) == 202
    run_effects(site)
    assert len(stored(site)) == 2  # the same report


@pytest.mark.parametrize("object", [f"{URL}/users/nobody", "https://b.example/users/di", f"{ADA}/followers", f"{URL}/about"])
def test_what_is_not_about_people_here_is_dropped(site: SiteFixture, reporter: RemoteUser, object: str) -> None:
    client(site, "ada")
    reporter.do("Flag", [object], content="spam")
    assert stored(site) == []


def test_reports_that_are_not_wanted_are_dropped(site: SiteFixture, reporter: RemoteUser) -> None:
    client(site, "ada")
    assert site.federation is not None
    effects = site.federation.effects
    rejecting = DomainRules([DomainRule("b.example", reject_reports=True)])
    object.__setattr__(effects.actors.fetcher.rules(), "domains", rejecting)
    reporter.do("Flag", [ADA], content="spam")
    assert stored(site) == []


def test_a_server_cannot_flood_the_moderators(site: SiteFixture, reporter: RemoteUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_FROM_HOST", 3)
    client(site, "ada")
    for number in range(5):
        reporter.do("Flag", [ADA], content=str(number))
    assert [comment for _, comment, _ in stored(site)] == ["0", "1", "2"]


def test_a_suspended_account_reports_nothing(site: SiteFixture, reporter: RemoteUser) -> None:
    client(site, "ada")
    reporter.do("Flag", [ADA], content="spam")
    site.cursor.execute("update accounts set suspended_at = now() where host is not null")
    assert reporter.deliver(reporter.activity("Flag", [ADA], content="spam")) == 403
    assert len(stored(site)) == 1
