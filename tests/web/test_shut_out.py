"""Whoever is shut out for a while is refused everywhere meanwhile, and finds everything as it was afterwards."""

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
from tests.fakes import done
from tests.web.api.client import Client, new_client_for
from tests.web.api.test_push_subscription import PATH, subscribe
from tests.web.visitor import PASSWORD, SiteFixture, Visitor, build_site

TOLD = {"events", "invalidation_log", "jobs", "emails", "visits"}  # what happened stays in these
ACTS: dict[str, tuple[Callable[[AccountAdmin, AccountId], object], Callable[[AccountAdmin, AccountId], object]]] = {
    "suspension": (lambda members, id: done(members.suspend(id)), lambda members, id: done(members.restore(id))),
    "disabling": (lambda members, id: done(members.disable(id)), lambda members, id: done(members.enable(id))),
    "limiting": (lambda members, id: done(members.limit(id)), lambda members, id: done(members.unlimit(id))),
}
SHUT_OUT = ("suspension", "disabling")


@frozen
class Shut:
    """Somebody with a browser, a program that is pushed to, and things of their own."""

    site: SiteFixture
    browser: Visitor
    program: Client
    members: AccountAdmin


@pytest.fixture
def ada(cursor: Cursor, tmp_path: Path) -> Shut:
    site = build_site(cursor, tmp_path, rate_limits="off")
    browser, _ = site.registered_user("ada"), site.registered_user("bob")
    program, bob = new_client_for(site, site.viewer("ada")), new_client_for(site, site.viewer("bob"))
    make.follow(cursor, program.owner, bob.owner)
    make.follow(cursor, bob.owner, program.owner)
    picture = program.upload("POST", "/v2/media", {"file": files.picture()}).json["id"]
    post = program.post("/v1/statuses", status="Hello @bob #tea", media_ids=[picture]).json["id"]
    bob.post(f"/v1/statuses/{post}/reblog")
    bob.post("/v1/statuses", status="Hi @ada", in_reply_to_id=post)
    program.post(f"/v1/statuses/{post}/pin")
    program.post("/v1/statuses", status="Later", scheduled_at="2099-01-01T00:00:00Z")
    list_id = program.post("/v1/lists", title="Close").json["id"]
    program.post(f"/v1/lists/{list_id}/accounts", account_ids=[bob.id])
    program.post("/v2/filters", title="Coffee", context=["home"])
    assert subscribe(program, alerts={"mention": True}).status == 200
    return Shut(site, browser, program, site.domain.moderation.account_admin)


def rows(cursor: Cursor) -> dict[str, list[str]]:
    """All that is stored."""
    tables = fetch_all(cursor, str, "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1")
    return {table: fetch_all(cursor, str, f"select t::text from {table} t order by 1") for table in tables if table not in TOLD}


@pytest.mark.parametrize("act", ACTS)
def test_undoing_a_sanction_restores_every_row(ada: Shut, act: str) -> None:
    begin, end = ACTS[act]
    before = rows(ada.site.cursor)
    begin(ada.members, ada.program.owner.id)
    changed = rows(ada.site.cursor)
    assert {table for table in before if before[table] != changed[table]} == {"users" if act == "disabling" else "accounts"}
    end(ada.members, ada.program.owner.id)
    assert rows(ada.site.cursor) == before


@pytest.mark.parametrize("act", SHUT_OUT)
def test_sessions_tokens_and_push_are_refused_during_a_sanction_and_work_again_afterwards(ada: Shut, act: str) -> None:
    begin, end = ACTS[act]
    begin(ada.members, ada.program.owner.id)
    assert ada.program.get("/v1/accounts/verify_credentials").status == 403
    assert ada.program.post("/v1/statuses", status="No").status == 403
    assert ada.program.get(PATH).status == 403
    assert ada.browser.get("/home").header("Location") == "/login?next=/home"
    assert ada.browser.get("/local").status == 200
    other = ada.site.visitor()
    assert other.submit("/login", name="ada", password=PASSWORD).status == 403
    new_client_for(ada.site, ada.site.viewer("bob")).post("/v1/statuses", status="@ada are you there?")
    assert pushed(ada) is None
    end(ada.members, ada.program.owner.id)
    assert ada.program.get("/v1/accounts/verify_credentials").json["id"] == ada.program.id
    assert ada.browser.get("/home").status == 200
    assert ada.program.get(PATH).status == 200


def pushed(ada: Shut) -> object:
    """What the push service is to be sent next."""
    id = fetch_value(ada.site.cursor, "select id from push_subscriptions")
    pushes: PushNotifications = ada.site.domain.pushes
    done(pushes.notified(fetch_all(ada.site.cursor, int, "select id from notifications order by id")))  # type: ignore[arg-type]  # ids
    return done(pushes.next(id))


def test_a_deleted_account_has_no_sessions_tokens_or_push_subscriptions(ada: Shut) -> None:
    done(ada.members.delete(ada.program.owner.id))
    assert ada.program.get("/v1/accounts/verify_credentials").status == 401
    assert ada.browser.get("/home").status == 303
    assert "session" not in ada.browser.cookies
    assert fetch_value(ada.site.cursor, "select count(*) from push_subscriptions") == 0
    assert (
        fetch_value(ada.site.cursor, "select count(*) from sessions s join accounts a on a.id = s.account_id where a.username = 'ada'") == 0
    )
