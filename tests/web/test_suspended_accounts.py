"""Suspended accounts of this site: restored within thirty days, deleted after that, and what their owners learn when they log in."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from microblog.domain.account_deletion import AccountDeletion
from microblog.domain.remote_suspensions import KEPT_FOR
from microblog.domain.suspended_accounts import SuspendedAccounts, kept_until
from microblog.model.accounts import Role
from microblog.storage.database import execute, fetch_value
from tests import make
from tests.fakes import RolledBackDatabase, result_of
from tests.web.api.client import Client, client
from tests.web.test_moderation import with_role
from tests.web.test_strikes import link_to
from tests.web.visitor import PASSWORD, SiteFixture, links, main_text

HOUR = timedelta(hours=1)


@pytest.fixture
def maud(site: SiteFixture) -> Client:
    """A moderator."""
    return client(site, "maud", "read write admin:read admin:write", role=Role.MODERATOR)


@pytest.fixture
def eve(site: SiteFixture, maud: Client) -> Client:
    """A suspended member with a post."""
    eve = client(site, "eve")
    eve.post("/v1/statuses", status="Buy moss!")
    assert maud.post(f"/v1/admin/accounts/{eve.id}/action", type="suspend").status == 200
    return eve


def delete_expired(site: SiteFixture, eve: Client, after: timedelta) -> bool:
    """Run the daily job so long after the suspension; return whether the account is deleted."""
    suspended_at = fetch_value(site.cursor, "select suspended_at from accounts where id = %(id)s", {"id": eve.owner.id})
    database = RolledBackDatabase(site.cursor)
    result_of(SuspendedAccounts(database, lambda: suspended_at + after).delete_expired())
    return bool(fetch_value(site.cursor, "select deleted_at is not null from accounts where id = %(id)s", {"id": eve.owner.id}))


def test_a_suspended_account_is_deleted_after_thirty_days(site: SiteFixture, maud: Client, eve: Client) -> None:
    far, ada = make.remote_account(site.cursor, "far"), client(site, "ada")
    execute(site.cursor, "update accounts set suspended_at = now() - interval '1 year' where id = %(id)s", {"id": far.id})
    assert not delete_expired(site, eve, KEPT_FOR - HOUR)
    assert delete_expired(site, eve, KEPT_FOR + HOUR)
    result_of(AccountDeletion(RolledBackDatabase(site.cursor), lambda: make.NOW).purge(eve.owner.id))
    posts = "select count(*) from posts where account_id = %(id)s and deleted_at is null"
    assert fetch_value(site.cursor, posts, {"id": eve.owner.id}) == 0
    assert maud.get(f"/v1/admin/accounts/{eve.id}").status == 404
    assert fetch_value(site.cursor, "select count(*) from accounts where deleted_at is not null") == 1
    assert (ada.get("/v1/accounts/verify_credentials").status, maud.get(f"/v1/admin/accounts/{far.id}").status) == (200, 200)
    shown = main_text(with_role(site, "root", "admin").get("/admin/log"))
    assert "Automatic · Deleted 30 days after the suspension the account @eve" in shown
    for username, email, problem in (("eve", "new@example.org", "already been taken"), ("new", "eve@example.org", "")):
        response = site.visitor().submit("/signup", username=username, email=email, password=PASSWORD)
        assert (response.status, problem in main_text(response)) == (422, True), "the name stays taken, and the address blocked"


def test_moderators_see_until_when_a_suspension_can_be_undone(site: SiteFixture, maud: Client, eve: Client) -> None:
    mod, ada, page = with_role(site, "mod", "moderator"), client(site, "ada"), f"/admin/accounts/{eve.id}"
    until = kept_until(site.cursor, eve.owner.id)
    assert until is not None
    assert f"The suspension can be undone until {until.day} {until:%B} {until.year}" in main_text(mod.get(page))
    assert "can be undone until" not in main_text(mod.get(f"/admin/accounts/{ada.id}"))
    assert "You can undo this within 30 days." in main_text(mod.get("/admin/people/ada/suspend"))
    mod.submit(f"{page}/undo", page=page, type="unsuspend")
    assert not delete_expired_of_restored(site, eve)
    assert eve.get("/v1/accounts/verify_credentials").json["statuses_count"] == 1
    assert kept_until(site.cursor, eve.owner.id) is None


def delete_expired_of_restored(site: SiteFixture, eve: Client) -> bool:
    """Run the daily job a year later; return whether the account, which is not suspended, is deleted."""
    result_of(SuspendedAccounts(RolledBackDatabase(site.cursor), lambda: make.NOW + timedelta(days=9_999)).delete_expired())
    return bool(fetch_value(site.cursor, "select deleted_at is not null from accounts where id = %(id)s", {"id": eve.owner.id}))


def test_an_account_with_an_open_appeal_is_kept_until_the_decision(site: SiteFixture, maud: Client, eve: Client) -> None:
    mod = with_role(site, "mod", "moderator")
    strike = fetch_value(site.cursor, "select id from account_warnings where account_id = %(id)s", {"id": eve.owner.id})
    site.visitor().submit(link_to(site, strike, eve.owner.id), text="It was my own moss.")
    assert not delete_expired(site, eve, KEPT_FOR + HOUR)
    mod.submit(f"/admin/appeals/{strike}/reject", page="/admin/appeals")
    assert delete_expired(site, eve, KEPT_FOR + HOUR)


def test_accounts_that_an_earlier_release_suspended_are_kept_for_thirty_days_more(site: SiteFixture, eve: Client) -> None:
    execute(site.cursor, "update users set kept_until = now() + interval '99 years' where account_id = %(id)s", {"id": eve.owner.id})
    assert not delete_expired(site, eve, KEPT_FOR + HOUR)
    assert delete_expired(site, eve, timedelta(days=36_600))


@pytest.mark.parametrize(("kind", "told"), [("suspend", "have suspended your account"), ("disable", "have disabled your account")])
def test_a_barred_person_without_an_email_learns_why_at_the_log_in_and_appeals(
    site: SiteFixture, maud: Client, kind: str, told: str
) -> None:
    site.registered_user("eve")
    eve = site.viewer("eve")
    path = f"/v1/admin/accounts/{eve.id}/action"
    assert maud.post(path, type=kind, text="You sold moss.", send_email_notification=False).status == 200
    visitor = site.visitor()
    wrong = visitor.submit("/login", name="eve", password="wrong")
    assert (wrong.status, told in main_text(wrong)) == (401, False), "only the owner is told"
    response = visitor.submit("/login", name="eve", password=PASSWORD)
    assert (response.status, told in main_text(response), "you can appeal it" in main_text(response)) == (403, True, True)
    [decision] = [urlsplit(link).path for link in links(response) if "/disputes/" in link]
    assert "You sold moss." in main_text(visitor.get(decision))
    assert visitor.submit(decision, text="It was my own moss.").status == 303
    assert "It was my own moss." in main_text(with_role(site, "mod", "moderator").get("/admin/appeals"))
    again = main_text(visitor.submit("/login", name="eve", password=PASSWORD))
    assert (told in again, "you can appeal it" in again) == (True, False), "once"


def test_a_person_whom_the_command_line_suspended_is_told_at_the_log_in(site: SiteFixture) -> None:
    site.registered_user("eve")
    result_of(site.domain.moderation.account_admin.suspend(site.viewer("eve").id))
    response = site.visitor().submit("/login", name="eve", password=PASSWORD)
    assert (response.status, "currently disabled" in main_text(response)) == (403, True)
