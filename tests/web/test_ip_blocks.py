"""Blocked IP addresses: requests, sign-ups on the site and by the API, and the administrators' page and API."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from microblog.application.services import now
from microblog.domain.ip_blocks import IpBlockDraft
from microblog.model.accounts import Role
from microblog.model.events import Event, EventKind, Position
from microblog.storage.database import Cursor, fetch_all, fetch_value
from tests.fakes import result_of
from tests.web.api.client import Client, app_client, client
from tests.web.http_client import HttpResponse, MemoryConnection
from tests.web.test_moderation import with_role
from tests.web.visitor import HOST, PASSWORD, SiteFixture, build_site, document, links, main_text

SCOPES = "admin:read admin:write"
PATH, PAGE = "/v1/admin/ip_blocks", "/admin/ip_blocks"
OWN = "203.0.113.7"  # the address of the tests' clients


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    return build_site(cursor, tmp_path, rate_limits="off", trusted_proxies="10.0.0.1")


@pytest.fixture
def app(site: SiteFixture) -> Client:
    return client(site, "boss", SCOPES, role=Role.ADMIN)


def block(site: SiteFixture, network: str, severity: str = "no_access", expires_in: int | None = None) -> int:
    """Block a network, and let this process hear of it."""
    id = result_of(site.domain.ip_blocks.add(IpBlockDraft(network, severity, expires_in=expires_in))).id
    result_of(site.domain.refused_networks.read())
    return id


def status_for(site: SiteFixture, host: str, path: str = "/about", forwarded: str = "") -> int:
    """Return the status of a request from this address."""
    via = f"X-Forwarded-For: {forwarded}\r\n" if forwarded else ""
    sent = MemoryConnection(site.server, host).send(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{via}\r\n".encode())
    return int(sent.split()[1])


def sign_up(site: SiteFixture, name: str) -> HttpResponse:
    fields = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "agreement": True}
    return app_client(site, "read write").post("/v1/accounts", **fields)


def is_approved(site: SiteFixture, name: str) -> bool:
    sql = "select u.approved_at is not null from users u join accounts a on a.id = u.account_id where a.username = %(name)s"
    return bool(fetch_value(site.cursor, sql, {"name": name}))


@pytest.mark.parametrize("path", ["/about", "/api/v1/instance", "/login", "/nowhere"])
def test_clients_of_a_blocked_network_get_nothing(site: SiteFixture, path: str) -> None:
    block(site, "198.51.100.0/24")
    assert status_for(site, "198.51.100.9", path) == 403
    assert status_for(site, "198.51.101.9", path) != 403


def test_the_api_refuses_with_json(site: SiteFixture) -> None:
    block(site, "198.51.100.9")
    sent = MemoryConnection(site.server, "198.51.100.9").send(f"GET /api/v1/instance HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    assert b'{"error":"' in sent


def test_the_address_behind_a_trusted_proxy_counts(site: SiteFixture) -> None:
    block(site, "2001:db8:1::/48")
    assert status_for(site, "10.0.0.1", forwarded="2001:db8:1:2::3") == 403
    assert status_for(site, "10.0.0.1", forwarded="2001:db8:2:2::3") == 200
    assert status_for(site, OWN, forwarded="2001:db8:1:2::3") == 200


def test_programs_of_this_machine_keep_their_access(site: SiteFixture) -> None:
    block(site, "127.0.0.0/8")
    assert status_for(site, "127.0.0.1") == 200


@pytest.mark.parametrize("severity", ["sign_up_block", "sign_up_requires_approval"])
def test_milder_blocks_refuse_no_requests(site: SiteFixture, severity: str) -> None:
    block(site, OWN, severity)
    assert status_for(site, OWN) == 200


def test_a_block_ends_when_it_expires_and_is_not_listed_any_more(site: SiteFixture, app: Client) -> None:
    id = block(site, "198.51.100.9", expires_in=60)
    assert status_for(site, "198.51.100.9") == 403
    site.cursor.execute("update ip_blocks set expires_at = %s", [now() - timedelta(seconds=1)])
    result_of(site.domain.refused_networks.read())
    assert status_for(site, "198.51.100.9") == 200
    assert app.get(PATH).json == []
    assert app.get(f"{PATH}/{id}").status == app.delete(f"{PATH}/{id}").status == 404
    block(site, "198.51.100.9")
    assert fetch_value(site.cursor, "select count(*) from ip_blocks") == 1


def test_every_process_hears_of_a_change_by_an_event(site: SiteFixture, app: Client) -> None:
    added = app.post(PATH, ip="198.51.100.0/24", severity="no_access").json
    app.put(f"{PATH}/{added['id']}", ip="198.51.101.0/24")
    app.delete(f"{PATH}/{added['id']}")
    kinds = fetch_all(site.cursor, str, "select kind from events where kind like 'ip_blocks%' order by id")
    assert kinds == [EventKind.IP_BLOCKS_CHANGED] * 3
    result_of(site.domain.ip_blocks.add(IpBlockDraft("192.0.2.0/24", "no_access")))
    assert status_for(site, "192.0.2.1") == 200
    site.domain.refused_networks.happened(Event(Position("", 0, 0), EventKind.IP_BLOCKS_CHANGED, None, None, None, {}, now()))
    assert status_for(site, "192.0.2.1") == 403


def test_sign_ups_from_a_blocked_address_are_refused(site: SiteFixture) -> None:
    block(site, "203.0.113.0/24", "sign_up_block")
    block(site, OWN, "sign_up_requires_approval")
    refused = sign_up(site, "eve")
    assert (refused.status, refused.json["error"]) == (403, "Sign-ups from your network are not allowed here.")
    assert site.visitor().submit("/signup", username="eve", email="eve@example.org", password=PASSWORD).status == 403


def test_sign_ups_wait_for_approval_also_with_an_invite(site: SiteFixture) -> None:
    block(site, OWN, "sign_up_requires_approval")
    assert sign_up(site, "ann").status == 200
    code = result_of(site.domain.registrations.invite(None)).code
    fields = {"username": "bob", "email": "bob@example.org", "password": PASSWORD, "invite": code}
    assert site.visitor().submit("/signup", **fields).status == 303
    assert not is_approved(site, "ann")
    assert not is_approved(site, "bob")


def test_the_api_adds_changes_lists_and_deletes_blocks(app: Client) -> None:
    first = app.post(PATH, ip="198.51.100.9", severity="no_access", comment="Spam", expires_in=3600).json
    assert (first["ip"], first["severity"], first["comment"]) == ("198.51.100.9/32", "no_access", "Spam")
    assert first["expires_at"] is not None
    second = app.post(PATH, ip="2001:db8::1/48", severity="sign_up_block").json
    assert (second["ip"], second["expires_at"]) == ("2001:db8::/48", None)
    changed = app.put(f"{PATH}/{first['id']}", severity="sign_up_block").json
    assert changed == {**first, "severity": "sign_up_block"}
    assert app.put(f"{PATH}/{first['id']}", expires_in="").json["expires_at"] is None
    listed = app.get(PATH, limit=1)
    assert [one["id"] for one in listed.json] == [second["id"]]
    assert f"max_id={second['id']}" in (listed.header("Link") or "")
    taken = app.put(f"{PATH}/{first['id']}", ip="2001:db8::/48")
    assert (taken.status, taken.json["details"]["ip"][0]["error"]) == (422, "ERR_TAKEN")
    assert app.delete(f"{PATH}/{first['id']}").json == {}
    assert app.get(f"{PATH}/{first['id']}").status == 404


@pytest.mark.parametrize(
    ("fields", "wrong", "code"),
    [
        ({"severity": "no_access"}, "ip", "ERR_BLANK"),
        ({"ip": "198.51.100.0/33", "severity": "no_access"}, "ip", "ERR_INVALID"),
        ({"ip": "somewhere", "severity": "no_access"}, "ip", "ERR_INVALID"),
        ({"ip": "192.0.2.0/24", "severity": "no_access"}, "ip", "ERR_TAKEN"),
        ({"ip": "::ffff:192.0.2.0/120", "severity": "no_access"}, "ip", "ERR_TAKEN"),
        ({"ip": "0.0.0.0/0", "severity": "no_access"}, "ip", "ERR_INVALID"),
        ({"ip": "198.51.100.0/24"}, "severity", "ERR_BLANK"),
        ({"ip": "198.51.100.0/24", "severity": "odd"}, "severity", "ERR_INCLUSION"),
        ({"ip": "198.51.100.0/24", "severity": "no_access", "expires_in": "0"}, "expires_in", "ERR_INVALID"),
    ],
)
def test_invalid_blocks_and_one_of_the_own_address_are_refused(
    site: SiteFixture, app: Client, fields: dict[str, str], wrong: str, code: str
) -> None:
    block(site, "192.0.2.0/24")
    refused = app.post(PATH, **fields)
    assert (refused.status, refused.json["details"][wrong][0]["error"]) == (422, code)


def test_the_page_adds_and_removes_blocks_and_shows_errors(site: SiteFixture) -> None:
    admin = with_role(site, "boss", "admin")
    fields = {"ip": "192.0.2.0/25", "severity": "sign_up_block", "comment": "A farm", "expires_in": "86400"}
    assert admin.submit(PAGE, page=PAGE, **fields).status == 303
    shown = main_text(admin.get(PAGE))
    assert "192.0.2.0/25" in shown
    assert "A farm" in shown
    assert "Expires" in shown
    wrong = admin.submit(PAGE, page=PAGE, **fields)
    assert (wrong.status, "has already been taken" in wrong.text) == (422, True)
    own = admin.submit(PAGE, page=PAGE, ip=OWN, severity="no_access")
    assert (own.status, "you would lock yourself out" in own.text) == (422, True)
    block_id = fetch_value(site.cursor, "select id from ip_blocks")
    assert admin.submit(f"{PAGE}/{block_id}/remove", page=PAGE).status == 303
    assert "192.0.2.0/25" not in main_text(admin.get(PAGE))


def test_the_page_of_a_block_changes_it_and_keeps_what_was_typed(site: SiteFixture) -> None:
    admin = with_role(site, "boss", "admin")
    ends = block(site, "198.51.100.0/24", "sign_up_block", expires_in=3600)
    path = f"{PAGE}/{ends}"
    assert path in links(admin.get(PAGE))
    shown = document(admin.get(path))
    assert shown.xpath("//input[@name='ip']/@value") == ["198.51.100.0/24"]
    assert shown.xpath("//input[@checked]/@value") == ["sign_up_block"]
    assert shown.xpath("//option[@selected]/@value") == ["keep"]
    before = fetch_value(site.cursor, "select expires_at from ip_blocks")
    fields = {"ip": "198.51.100.0/25", "severity": "no_access", "comment": "A farm", "expires_in": "keep"}
    assert admin.submit(path, **fields).status == 303
    [row] = fetch_all(site.cursor, lambda *row: row, "select network::text, severity, comment, expires_at from ip_blocks")
    assert row == ("198.51.100.0/25", "no_access", "A farm", before)
    assert fetch_all(site.cursor, str, "select kind from events where kind like 'ip_blocks%'") == [EventKind.IP_BLOCKS_CHANGED] * 2
    assert admin.submit(path, **{**fields, "expires_in": ""}).status == 303
    assert fetch_value(site.cursor, "select expires_at from ip_blocks") is None
    assert document(admin.get(path)).xpath("//option[@value='keep']") == []
    own = admin.submit(path, **{**fields, "ip": OWN})
    assert (own.status, "you would lock yourself out" in own.text, f'value="{OWN}"' in own.text) == (422, True, True)
    assert document(own).xpath("//textarea")[0].text.strip() == "A farm"


@pytest.mark.parametrize(
    ("ip", "sentence"), [("192.0.2.0/24", "has already been taken"), ("here", "is not a valid address"), ("", "be blank")]
)
def test_a_change_that_is_invalid_changes_nothing(site: SiteFixture, ip: str, sentence: str) -> None:
    admin = with_role(site, "boss", "admin")
    block(site, "192.0.2.0/24")
    path = f"{PAGE}/{block(site, '198.51.100.0/24')}"
    wrong = admin.submit(path, ip=ip, severity="no_access", expires_in="")
    assert (wrong.status, sentence in wrong.text) == (422, True)
    assert fetch_value(site.cursor, "select count(*) from ip_blocks where network = '198.51.100.0/24'") == 1
    assert admin.get(f"{PAGE}/1").status == admin.submit(f"{PAGE}/1", page=PAGE, ip="192.0.2.1", severity="no_access").status == 404


def test_only_administrators_may_see_and_change_blocks(site: SiteFixture) -> None:
    maud = client(site, "maud", SCOPES, role=Role.MODERATOR)
    assert maud.get(PATH).status == maud.post(PATH, ip="192.0.2.1", severity="no_access").status == 403
    assert with_role(site, "mo", "moderator").get(PAGE).status == 403
