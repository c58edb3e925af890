"""Suspended and disabled accounts are refused everywhere, and find everything unchanged afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import frozen

from microblog.domain.account_admin import AccountAdmin
from microblog.domain.push.notifications import PushNotifications
from microblog.model.ids import AccountId
from microblog.storage.database import Cursor, fetch_all, fetch_value
from tests import files, make
from tests.fakes import result_of
from tests.web.api.client import Client, new_client_for
from tests.web.api.test_push_subscription import PATH, subscribe
from tests.web.visitor import PASSWORD, SiteFixture, Visitor, build_site

LOG_TABLES = {"audit_log", "events", "invalidation_log", "jobs", "emails", "visits"}  # logs, which keep what happened
CHANGED_TABLES = {"suspension": {"accounts", "canonical_email_blocks"}, "disabling": {"users"}, "limiting": {"accounts"}}
SANCTIONS: dict[str, tuple[Callable[[AccountAdmin, AccountId], object], Callable[[AccountAdmin, AccountId], object]]] = {
    "suspension": (lambda members, id: result_of(members.suspend(id)), lambda members, id: result_of(members.restore(id))),
    "disabling": (lambda members, id: result_of(members.disable(id)), lambda members, id: result_of(members.enable(id))),
    "limiting": (lambda members, id: result_of(members.limit(id)), lambda members, id: result_of(members.unlimit(id))),
}
ACCESS_SANCTIONS = ("suspension", "disabling")


@frozen
class SanctionedUser:
    """A user with a browser, an API client with push, and data of every kind."""

    site: SiteFixture
    browser: Visitor
    api_client: Client
    members: AccountAdmin


@pytest.fixture
def user(cursor: Cursor, tmp_path: Path) -> SanctionedUser:
    site = build_site(cursor, tmp_path, rate_limits="off")
    browser, _ = site.registered_user("ada"), site.registered_user("bob")
    api_client, bob = new_client_for(site, site.viewer("ada")), new_client_for(site, site.viewer("bob"))
    make.follow(cursor, api_client.owner, bob.owner)
    make.follow(cursor, bob.owner, api_client.owner)
    picture = api_client.upload("POST", "/v2/media", {"file": files.image()}).json["id"]
    post = api_client.post("/v1/statuses", status="Hello @bob #tea", media_ids=[picture]).json["id"]
    bob.post(f"/v1/statuses/{post}/reblog")
    bob.post("/v1/statuses", status="Hi @ada", in_reply_to_id=post)
    api_client.post(f"/v1/statuses/{post}/pin")
    api_client.post("/v1/statuses", status="Later", scheduled_at="2099-01-01T00:00:00Z")
    list_id = api_client.post("/v1/lists", title="Close").json["id"]
    api_client.post(f"/v1/lists/{list_id}/accounts", account_ids=[bob.id])
    api_client.post("/v2/filters", title="Coffee", context=["home"])
    assert subscribe(api_client, alerts={"mention": True}).status == 200
    return SanctionedUser(site, browser, api_client, site.domain.moderation.account_admin)


def rows(cursor: Cursor) -> dict[str, list[str]]:
    """Return all rows by table."""
    tables = fetch_all(cursor, str, "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1")
    return {table: fetch_all(cursor, str, f"select t::text from {table} t order by 1") for table in tables if table not in LOG_TABLES}


@pytest.mark.parametrize("sanction", SANCTIONS)
def test_undoing_a_sanction_restores_every_row(user: SanctionedUser, sanction: str) -> None:
    begin, end = SANCTIONS[sanction]
    before = rows(user.site.cursor)
    begin(user.members, user.api_client.owner.id)
    changed = rows(user.site.cursor)
    assert {table for table in before if before[table] != changed[table]} == CHANGED_TABLES[sanction]
    end(user.members, user.api_client.owner.id)
    assert rows(user.site.cursor) == before


@pytest.mark.parametrize("sanction", ACCESS_SANCTIONS)
def test_sessions_tokens_and_push_are_refused_during_a_sanction_and_work_again_afterwards(user: SanctionedUser, sanction: str) -> None:
    begin, end = SANCTIONS[sanction]
    begin(user.members, user.api_client.owner.id)
    assert user.api_client.get("/v1/accounts/verify_credentials").status == 403
    assert user.api_client.post("/v1/statuses", status="No").status == 403
    assert user.api_client.get(PATH).status == 403
    assert user.browser.get("/home").header("Location") == "/login?next=/home"
    assert user.browser.get("/local").status == 200
    other = user.site.visitor()
    assert other.submit("/login", name="ada", password=PASSWORD).status == 403
    new_client_for(user.site, user.site.viewer("bob")).post("/v1/statuses", status="@ada are you there?")
    assert next_push(user) is None
    end(user.members, user.api_client.owner.id)
    assert user.api_client.get("/v1/accounts/verify_credentials").json["id"] == user.api_client.id
    assert user.browser.get("/home").status == 200
    assert user.api_client.get(PATH).status == 200


def next_push(user: SanctionedUser) -> object:
    """Return the next push message."""
    id = fetch_value(user.site.cursor, "select id from push_subscriptions")
    pushes: PushNotifications = user.site.domain.push_notifications
    result_of(pushes.enqueue(fetch_all(user.site.cursor, int, "select id from notifications order by id")))  # type: ignore[arg-type]  # ids
    return result_of(pushes.next_message(id))


def test_a_deleted_account_has_no_sessions_tokens_or_push_subscriptions(user: SanctionedUser) -> None:
    result_of(user.members.delete(user.api_client.owner.id))
    assert user.api_client.get("/v1/accounts/verify_credentials").status == 401
    assert user.browser.get("/home").status == 303
    assert "session" not in user.browser.cookies
    assert fetch_value(user.site.cursor, "select count(*) from push_subscriptions") == 0
    assert (
        fetch_value(user.site.cursor, "select count(*) from sessions s join accounts a on a.id = s.account_id where a.username = 'ada'")
        == 0
    )
