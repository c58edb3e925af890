"""Network addresses and origin of accounts, for moderators: admin API, pages, search, and how long addresses are kept."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from microblog.domain.account_deletion import AccountDeletion
from microblog.domain.sessions import LIFETIME, MAX_LIFETIME
from microblog.jobs.cleanup import cleanup_batches
from microblog.model.accounts import Role
from microblog.model.ids import AccountId
from microblog.storage import account_addresses, oauth
from microblog.storage.database import Cursor, fetch_value
from tests import make
from tests.fakes import RolledBackDatabase, result_of
from tests.web.api.client import Client, app_client, client, ids, new_client_for
from tests.web.visitor import SiteFixture, Visitor, build_site, links, main_text

PROXY = "203.0.113.7"  # the peer of every request of a test
STAFF_SCOPES = "read write admin:read admin:write"


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site behind a proxy."""
    return build_site(cursor, tmp_path, trusted_proxies=PROXY)


@pytest.fixture
def maud(site: SiteFixture) -> Client:
    """A moderator, whose app sends no address of its own."""
    return client(site, "maud", STAFF_SCOPES, role=Role.MODERATOR)


def sign_up(site: SiteFixture, username: str, address: str, invite: str = "") -> Visitor:
    """Sign up from an address, with a browser."""
    visitor = site.visitor()
    form = {"username": username, "email": f"{username}@example.org", "password": "unguessable stone", "invite": invite}
    response = visitor.post("/signup", {"csrf": visitor.token("/signup"), **form}, X_Forwarded_For=address)
    assert response.status == 303, response.text
    return visitor


def request_from(app: Client, address: str) -> None:
    """Send a request with the app's token from an address."""
    assert app.request("GET", "/v1/accounts/verify_credentials", headers={"X-Forwarded-For": address}).status == 200


def id_of(site: SiteFixture, username: str) -> AccountId:
    return site.viewer(username).id


def test_the_api_names_addresses_invite_and_app_of_an_account(site: SiteFixture, maud: Client) -> None:
    invite = result_of(site.domain.moderation.invite(maud.owner, max_uses=None, lasts=None))
    sign_up(site, "ada", "198.51.100.7", invite.code)
    app = app_client(site)
    signed_up = app.request(
        "POST",
        "/v1/accounts",
        form={"username": "bob", "email": "bob@example.org", "password": "unguessable stone", "agreement": True},
        headers={"X-Forwarded-For": "2001:db8::7"},
    )
    request_from(Client(site, signed_up.json["access_token"]), "2001:db8::8")
    ada, bob = (maud.get(f"/v1/admin/accounts/{id_of(site, name)}").json for name in ("ada", "bob"))
    assert (ada["ip"], [one["ip"] for one in ada["ips"]]) == ("198.51.100.7", ["198.51.100.7"])
    assert (ada["invited_by_account_id"], "created_by_application_id" in ada) == (maud.id, False)
    assert {one["ip"] for one in bob["ips"]} == {"2001:db8::7", "2001:db8::8"}
    used_app = fetch_value(site.cursor, "select app_id from users where account_id = %(id)s", {"id": id_of(site, "bob")})
    assert ("invited_by_account_id" in bob, bob["created_by_application_id"]) == (False, str(used_app))
    report = new_client_for(site, site.viewer("ada")).post("/v1/reports", account_id=str(id_of(site, "bob"))).json["id"]
    assert maud.get(f"/v1/admin/reports/{report}").json["target_account"]["ips"] == bob["ips"]


def test_accounts_are_found_by_address_network_role_invite_and_sensitivity(site: SiteFixture, maud: Client) -> None:
    invite = result_of(site.domain.moderation.invite(maud.owner, max_uses=None, lasts=None))
    sign_up(site, "ada", "198.51.100.7", invite.code)
    sign_up(site, "bob", "198.51.100.200")
    eve = client(site, "eve")
    request_from(eve, "2001:db8::7")
    ada, bob = (str(id_of(site, name)) for name in ("ada", "bob"))

    def found(version: int = 2, **query: object) -> list[str]:
        return ids(maud.get(f"/v{version}/admin/accounts", **query))

    for version in (1, 2):
        assert found(version, ip="198.51.100.7") == [ada]
        assert found(version, ip="198.51.100.0/24") == [bob, ada]
        assert found(version, ip="2001:db8::/64") == [eve.id]
        assert found(version, ip="192.0.2.1") == []
        assert (maud.get(f"/v{version}/admin/accounts", ip="moss").status, found(version, ip="::ffff:198.51.100.7")) == (422, [ada])
    assert found(role_ids=["2", "3"]) == [maud.id]
    assert set(found(role_ids=["-99"])) == {eve.id, bob, ada}
    assert found(role_ids=["77"]) == []
    assert (found(invited_by=maud.id), found(invited_by=ada)) == ([ada], [])
    maud.post(f"/v1/admin/accounts/{eve.id}/action", type="sensitive")
    assert found(1, sensitized=True) == found(2, status="sensitized") == [eve.id]
    make.remote_account(site.cursor, "far")
    for query in ({"role_ids": ["-99"]}, {"invited_by": maud.id}, {"ip": "198.51.100.0/24"}):
        assert found(origin="remote", **query) == []


def test_moderators_find_the_other_accounts_of_an_address(site: SiteFixture, maud: Client) -> None:
    sign_up(site, "ada", "198.51.100.7")
    eve = client(site, "eve")
    request_from(eve, "198.51.100.7")
    mia = sign_up(site, "mia", "192.0.2.1")
    result_of(site.domain.moderation.account_admin.set_role(id_of(site, "mia"), Role.MODERATOR))
    page = mia.get(f"/admin/accounts/{eve.id}")
    assert "198.51.100.7app · last used" in main_text(page)
    assert "/admin/people?q=198.51.100.7" in links(page)
    assert "198.51.100.7browser, sign-up · last used" in main_text(mia.get(f"/admin/accounts/{id_of(site, 'ada')}"))
    for text in ("198.51.100.7", "198.51.100.0/24"):
        shown = main_text(mia.get(f"/admin/people?q={text}"))
        assert ("@ada" in shown, "@eve" in shown, "@maud" in shown) == (True, True, False)
    assert "No results" in main_text(mia.get("/admin/people?q=192.0.2.99"))


def test_addresses_are_kept_as_long_as_sessions(site: SiteFixture, maud: Client, db: RolledBackDatabase) -> None:
    sign_up(site, "ada", "198.51.100.7")
    eve = client(site, "eve")
    request_from(eve, "198.51.100.8")
    accounts = [id_of(site, name) for name in ("ada", "eve")]
    site.cursor.execute("delete from sessions")

    def kept() -> list[str]:
        found = account_addresses.of_accounts(site.cursor, accounts=accounts)
        return [one.address for account in accounts for one in found.get(account, [])]

    def clean(age: timedelta) -> None:
        for batch in cleanup_batches(events_kept=timedelta(days=1)):
            if batch.kind.endswith("_addresses"):
                result_of(batch.run(db, make.NOW + age))

    site.cursor.execute("update tokens set used_at = %(now)s", {"now": make.NOW})
    site.cursor.execute("update users set created_at = %(now)s", {"now": make.NOW})
    clean(LIFETIME - timedelta(hours=1))
    assert kept() == ["198.51.100.7", "198.51.100.8"]
    clean(LIFETIME + timedelta(hours=1))
    assert kept() == ["198.51.100.7"]
    clean(MAX_LIFETIME + timedelta(hours=1))
    assert kept() == []


def test_a_deleted_account_leaves_no_address(site: SiteFixture, db: RolledBackDatabase) -> None:
    eve = client(site, "eve")
    request_from(eve, "198.51.100.8")
    count = "select count(*) from tokens where address is not null"
    assert fetch_value(site.cursor, count) == 1
    [(token, _)] = oauth.tokens_of(site.cursor, account=eve.owner.id)
    result_of(site.domain.moderation.account_admin.delete(eve.owner.id))
    result_of(AccountDeletion(db, lambda: make.NOW).purge(eve.owner.id))
    oauth.record_use(site.cursor, addresses={token.id: "198.51.100.9"}, now=make.NOW)  # of a request that came before
    assert fetch_value(site.cursor, count) == 0
