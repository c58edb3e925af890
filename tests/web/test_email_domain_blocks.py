"""Blocked e-mail domains: sign-ups and new addresses on the site and by the API, and the administrators' page and API."""

from __future__ import annotations

from pathlib import Path

import pytest

from microblog.model.accounts import Role
from microblog.storage.database import Cursor, fetch_value
from tests.fakes import result_of
from tests.web.api.client import Client, app_client, client
from tests.web.http_client import HttpResponse
from tests.web.test_moderation import with_role
from tests.web.visitor import PASSWORD, SiteFixture, build_site, main_text

SCOPES = "admin:read admin:write"
PATH = "/v1/admin/email_domain_blocks"


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    return build_site(cursor, tmp_path, rate_limits="off")


def block(site: SiteFixture, domain: str, *, allow_with_approval: bool = False) -> int:
    return result_of(site.domain.email_domain_blocks.add(domain, allow_with_approval=allow_with_approval)).id


def boss(site: SiteFixture) -> Client:
    return client(site, "boss", SCOPES, role=Role.ADMIN)


def sign_up(site: SiteFixture, name: str, email: str) -> HttpResponse:
    """Sign up by the API."""
    fields = {"username": name, "email": email, "password": PASSWORD, "agreement": True, "locale": "en"}
    return app_client(site, "read write").post("/v1/accounts", **fields)


def is_approved(site: SiteFixture, name: str) -> bool:
    sql = "select u.approved_at is not null from users u join accounts a on a.id = u.account_id where a.username = %(name)s"
    return bool(fetch_value(site.cursor, sql, {"name": name}))


@pytest.mark.parametrize("email", ["eve@spam.example", "eve@SPAM.example", "eve@mail.eu.spam.example", "eve@bücher.example"])
def test_nobody_signs_up_with_an_address_of_a_blocked_domain_or_of_its_subdomains(site: SiteFixture, email: str) -> None:
    block(site, "spam.example")
    block(site, "bücher.example")
    refused = sign_up(site, "eve", email)
    assert refused.status == 422
    [problem] = refused.json["details"]["email"]
    assert problem["error"] == "ERR_BLOCKED"
    page = site.visitor().submit("/signup", username="eve", email=email, password=PASSWORD)
    assert page.status == 422
    assert "of a provider that is not allowed here" in page.text


@pytest.mark.parametrize("email", ["ann@notspam.example", "ann@spam.example.org", "ann@example"])
def test_other_domains_are_not_blocked(site: SiteFixture, email: str) -> None:
    block(site, "spam.example")
    assert sign_up(site, "ann", email).status == 200
    assert is_approved(site, "ann")


def test_a_block_with_approval_lets_sign_ups_wait_also_with_an_invite(site: SiteFixture) -> None:
    block(site, "mail.example", allow_with_approval=True)
    assert sign_up(site, "ann", "ann@mail.example").status == 200
    code = result_of(site.domain.registrations.invite(None)).code
    signed_up = site.visitor().submit("/signup", username="bob", email="bob@eu.mail.example", password=PASSWORD, invite=code)
    assert signed_up.status == 303
    assert not is_approved(site, "ann")
    assert not is_approved(site, "bob")


def test_a_refusal_outweighs_approval(site: SiteFixture) -> None:
    block(site, "mail.example")
    block(site, "eu.mail.example", allow_with_approval=True)
    assert sign_up(site, "ann", "ann@eu.mail.example").status == 422


def test_nobody_changes_to_an_address_of_a_blocked_domain(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    block(site, "spam.example")
    block(site, "mail.example", allow_with_approval=True)
    fields = {"email": "ada@x.spam.example", "email_password": PASSWORD}
    refused = ada.submit("/settings/email", page="/settings/account", **fields)
    assert refused.status == 422
    assert "of a provider that is not allowed here" in refused.text
    assert ada.submit("/settings/email", page="/settings/account", **{**fields, "email": "ada@mail.example"}).status == 303


def test_an_unconfirmed_address_is_not_corrected_to_a_blocked_one(site: SiteFixture) -> None:
    ann = Client(site, sign_up(site, "ann", "ann@example.org").json["access_token"])
    site.cursor.execute("update users set confirmed_at = null where email = 'ann@example.org'")
    block(site, "spam.example")
    refused = ann.post("/v1/emails/confirmations", email="ann@spam.example")
    assert refused.status == 422
    assert refused.json["details"]["email"][0]["error"] == "ERR_BLOCKED"


def test_the_history_counts_sign_ups_and_their_addresses_by_day(site: SiteFixture) -> None:
    app = boss(site)
    added = app.post(PATH, domain="spam.example").json
    assert [(day["accounts"], day["uses"]) for day in added["history"]] == [("0", "0")] * 7
    for name in ("eve", "eva"):
        sign_up(site, name, f"{name}@spam.example")
    site.cursor.execute("insert into email_domain_attempts select block_id, day - 1, address, 5 from email_domain_attempts")
    site.cursor.execute("insert into email_domain_attempts select block_id, day - 7, 'old', 9 from email_domain_attempts")
    sign_up(site, "evi", "evi@spam.example")
    history = app.get(f"{PATH}/{added['id']}").json["history"]
    assert [(day["accounts"], day["uses"]) for day in history[:3]] == [("1", "3"), ("1", "5"), ("0", "0")]
    assert int(history[0]["day"]) - int(history[1]["day"]) == 86_400


def test_the_api_adds_lists_and_deletes_blocks(site: SiteFixture) -> None:
    app = boss(site)
    first, second = (app.post(PATH, domain=domain).json for domain in ("@A.example", "b.example"))
    assert (first["domain"], first["allow_with_approval"]) == ("a.example", False)
    listed = app.get(PATH, limit=1)
    assert [one["domain"] for one in listed.json] == ["b.example"]
    assert f"max_id={second['id']}" in (listed.header("Link") or "")
    assert [one["domain"] for one in app.get(PATH, max_id=second["id"]).json] == ["a.example"]
    assert app.delete(f"{PATH}/{first['id']}").json == {}
    assert app.get(f"{PATH}/{first['id']}").status == app.delete(f"{PATH}/{first['id']}").status == 404


@pytest.mark.parametrize(("domain", "code"), [("", "ERR_BLANK"), ("a b", "ERR_INVALID"), ("taken.example", "ERR_TAKEN")])
def test_what_is_no_domain_or_blocked_already_is_refused(site: SiteFixture, domain: str, code: str) -> None:
    block(site, "taken.example")
    refused = boss(site).post(PATH, domain=domain)
    assert (refused.status, refused.json["details"]["domain"][0]["error"]) == (422, code)


def test_the_page_adds_and_removes_blocks_and_shows_errors(site: SiteFixture) -> None:
    admin = with_role(site, "boss", "admin")
    page = "/admin/email_domain_blocks"
    assert admin.submit(page, page=page, domain="spam.example", allow_with_approval="1").status == 303
    shown = main_text(admin.get(page))
    assert "spam.example" in shown
    assert "Approval required" in shown
    wrong = admin.submit(page, page=page, domain="spam.example")
    assert (wrong.status, "has already been taken" in wrong.text) == (422, True)
    block_id = fetch_value(site.cursor, "select id from email_domain_blocks")
    assert admin.submit(f"{page}/{block_id}/remove", page=page).status == 303
    assert "spam.example" not in main_text(admin.get(page))


def test_only_administrators_may_see_and_change_blocks(site: SiteFixture) -> None:
    maud = client(site, "maud", SCOPES, role=Role.MODERATOR)
    assert maud.get(PATH).status == maud.post(PATH, domain="a.example").status == 403
    assert with_role(site, "mo", "moderator").get("/admin/email_domain_blocks").status == 403
