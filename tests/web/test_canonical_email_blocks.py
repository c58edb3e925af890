"""Blocked e-mail addresses: sign-ups, confirmations and new addresses, suspensions, and the administrators' page and API."""

from __future__ import annotations

from pathlib import Path

import pytest

from microblog.model.accounts import Role
from microblog.model.canonical_email_blocks import canonical_email_hash
from microblog.model.ids import CanonicalEmailBlockId, WarningId
from microblog.storage import accounts, migrate
from microblog.storage.database import Cursor, fetch_all, fetch_value
from tests import make
from tests.fakes import MailboxTransport, result_of
from tests.web.api.client import Client, client
from tests.web.http_client import HttpResponse
from tests.web.test_email_domain_blocks import sign_up
from tests.web.test_email_settings import SiteMailbox
from tests.web.test_moderation import with_role
from tests.web.visitor import PASSWORD, SiteFixture, build_site, main_text

SCOPES = "admin:read admin:write"
PATH, PAGE = "/v1/admin/canonical_email_blocks", "/admin/canonical_email_blocks"
REFUSED = "E-mail address is not allowed here"


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    return build_site(cursor, tmp_path, rate_limits="off")


@pytest.fixture
def boss(site: SiteFixture) -> Client:
    return client(site, "boss", SCOPES, role=Role.ADMIN)


def block(site: SiteFixture, email: str) -> int:
    return result_of(site.domain.canonical_email_blocks.add(email)).id


def hashes(site: SiteFixture) -> list[str]:
    return fetch_all(site.cursor, str, "select hash from canonical_email_blocks order by id")


def error_of(response: HttpResponse, name: str = "email") -> tuple[int, str]:
    return response.status, response.json["details"][name][0]["error"]


@pytest.mark.parametrize("email", ["eve@example.org", "E.Ve@Example.org", "eve+2@example.org"])
def test_nobody_signs_up_with_a_blocked_address(site: SiteFixture, email: str) -> None:
    block(site, "e.v.e+1@example.org")
    assert error_of(sign_up(site, "eve", email)) == (422, "ERR_BLOCKED")
    page = site.visitor().submit("/signup", username="eve", email=email, password=PASSWORD)
    assert (page.status, REFUSED in page.text) == (422, True)
    assert sign_up(site, "eva", "eva@example.org").status == 200


def test_nobody_changes_to_a_blocked_address(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    block(site, "eve@example.org")
    refused = ada.submit("/settings/email", page="/settings/account", email="e.ve@example.org", email_password=PASSWORD)
    assert (refused.status, REFUSED in refused.text) == (422, True)


def test_an_address_that_was_blocked_meanwhile_is_not_confirmed(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path, rate_limits="off", smtp_url="smtp://mail.test")
    mailbox, eve = SiteMailbox(cursor, site.domain, MailboxTransport()), site.visitor()
    assert eve.submit("/signup", username="eve", email="eve@example.org", password=PASSWORD).status == 303
    path = mailbox.path(mailbox.deliver()[0], "/confirm/")
    id = CanonicalEmailBlockId(block(site, "eve@example.org"))
    refused = eve.submit(path)
    assert (refused.status, REFUSED in main_text(refused)) == (422, True)
    assert fetch_value(cursor, "select confirmed_at from users") is None
    result_of(site.domain.canonical_email_blocks.remove(id))
    assert eve.submit(path).status == 303


def test_a_suspension_blocks_the_address_until_it_is_undone(site: SiteFixture, boss: Client) -> None:
    account = f"/v1/admin/accounts/{client(site, 'eve').id}"
    assert boss.post(f"{account}/action", type="suspend").status == 200
    assert hashes(site) == [canonical_email_hash("eve@example.org")]
    assert error_of(sign_up(site, "eve2", "ev.e+2@example.org")) == (422, "ERR_BLOCKED")
    assert boss.post(f"{account}/unsuspend").status == 200
    assert hashes(site) == []
    assert sign_up(site, "eve2", "ev.e+2@example.org").status == 200


def test_the_undo_of_a_strike_unblocks_the_address(site: SiteFixture, boss: Client) -> None:
    boss.post(f"/v1/admin/accounts/{client(site, 'eve').id}/action", type="suspend")
    strike = WarningId(fetch_value(site.cursor, "select id from account_warnings"))
    assert with_role(site, "chief", "admin").submit(f"/admin/strikes/{strike}/undo", page="/admin/people").status == 303
    assert hashes(site) == []


def test_the_end_of_a_suspension_keeps_blocks_for_other_reasons(site: SiteFixture) -> None:
    admin, hash = site.domain.moderation.account_admin, canonical_email_hash("eve@example.org")
    eve, twin = (make.member(site.cursor, email=email).account.id for email in ("eve@example.org", "E.ve@example.org"))
    for account in (eve, twin):
        result_of(admin.suspend(account))
    assert hashes(site) == [hash, hash]
    result_of(admin.restore(eve))
    assert hashes(site) == [hash]
    result_of(admin.restore(twin))
    assert hashes(site) == []
    block(site, "eve@example.org")
    result_of(admin.suspend(eve))
    result_of(admin.restore(eve))
    assert hashes(site) == [hash]


def test_the_address_of_an_account_stays_blocked_after_its_deletion(site: SiteFixture) -> None:
    admin, eve = site.domain.moderation.account_admin, make.member(site.cursor, "eve").account.id
    result_of(admin.suspend(eve))
    result_of(admin.delete(eve))
    assert hashes(site) == [canonical_email_hash("eve@example.org")]


def test_blocks_outlive_the_rows_of_suspended_accounts_with_the_same_address(site: SiteFixture) -> None:
    twins = [make.member(site.cursor, email=email).account.id for email in ("eve@example.org", "E.ve@example.org")]
    block(site, "eve@example.org")
    for account in twins:
        result_of(site.domain.moderation.account_admin.suspend(account))
        accounts.delete(site.cursor, id=account)
    assert hashes(site) == [canonical_email_hash("eve@example.org")] * 3


def test_the_migration_blocks_the_addresses_of_accounts_that_are_suspended(site: SiteFixture) -> None:
    eve = make.member(site.cursor, "eve", email="E.v.e+Tag@Example.org").account
    make.member(site.cursor, "ann")
    site.cursor.execute("update accounts set suspended_at = now() where id = %s", [eve.id])
    [step] = [step for step in migrate.known() if step.number == 39]
    site.cursor.execute(f"drop table canonical_email_blocks; {step.sql}")
    assert hashes(site) == [canonical_email_hash("eve@example.org")]


def test_the_api_adds_lists_tests_and_deletes_blocks(boss: Client) -> None:
    first = boss.post(PATH, email="E.ve+1@example.org", canonical_email_hash="ignored").json
    assert first == {"id": first["id"], "canonical_email_hash": canonical_email_hash("eve@example.org")}
    second = boss.post(PATH, canonical_email_hash=canonical_email_hash("ann@example.org").upper()).json
    listed = boss.get(PATH, limit=1)
    assert listed.json == [second]
    assert f"max_id={second['id']}" in (listed.header("Link") or "")
    assert boss.get(PATH, max_id=second["id"]).json == [first]
    assert boss.get(f"{PATH}/{first['id']}").json == first
    assert boss.post(f"{PATH}/test", email="eve@Example.org").json == [first]
    assert boss.post(f"{PATH}/test", email="bob@example.org").json == []
    assert boss.delete(f"{PATH}/{first['id']}").json == {}
    assert boss.get(f"{PATH}/{first['id']}").status == boss.delete(f"{PATH}/{first['id']}").status == 404


@pytest.mark.parametrize(
    ("fields", "wrong", "code"),
    [
        ({}, "canonical_email_hash", "ERR_BLANK"),
        ({"canonical_email_hash": "abc"}, "canonical_email_hash", "ERR_INVALID"),
        ({"canonical_email_hash": canonical_email_hash("taken@example.org")}, "canonical_email_hash", "ERR_TAKEN"),
        ({"email": "nobody"}, "email", "ERR_INVALID"),
        ({"email": "t.aken@example.org"}, "email", "ERR_TAKEN"),
    ],
)
def test_what_is_no_address_or_blocked_already_is_refused(
    site: SiteFixture, boss: Client, fields: dict[str, str], wrong: str, code: str
) -> None:
    block(site, "taken@example.org")
    assert error_of(boss.post(PATH, **fields), wrong) == (422, code)


def test_an_empty_address_is_not_tested(boss: Client) -> None:
    assert error_of(boss.post(f"{PATH}/test")) == (422, "ERR_BLANK")


def test_the_page_blocks_checks_and_unblocks_and_shows_errors(site: SiteFixture) -> None:
    admin = with_role(site, "boss", "admin")
    assert admin.submit(PAGE, page=PAGE, email="eve@example.org").status == 303
    assert canonical_email_hash("eve@example.org") in main_text(admin.get(PAGE))
    assert "e.ve@example.org is blocked." in main_text(admin.submit(PAGE, page=PAGE, email="e.ve@example.org", check="1"))
    assert "ann@example.org is not blocked." in main_text(admin.submit(PAGE, page=PAGE, email="ann@example.org", check="1"))
    taken = admin.submit(PAGE, page=PAGE, email="eve+2@example.org")
    assert (taken.status, "has already been taken" in taken.text, 'value="eve+2@example.org"' in taken.text) == (422, True, True)
    id = fetch_value(site.cursor, "select id from canonical_email_blocks")
    assert admin.submit(f"{PAGE}/{id}/remove", page=PAGE).status == 303
    assert hashes(site) == []


def test_the_page_names_the_suspended_account(site: SiteFixture) -> None:
    admin = with_role(site, "boss", "admin")
    result_of(site.domain.moderation.account_admin.suspend(make.member(site.cursor, "eve").account.id))
    assert "Suspension of @eve" in main_text(admin.get(PAGE))


def test_only_administrators_may_see_and_change_blocks(site: SiteFixture) -> None:
    maud = client(site, "maud", SCOPES, role=Role.MODERATOR)
    refused = (maud.get(PATH), maud.post(PATH, email="a@example.org"), maud.post(f"{PATH}/test", email="a@example.org"))
    assert [response.status for response in refused] == [403, 403, 403]
    assert with_role(site, "mo", "moderator").get(PAGE).status == 403
