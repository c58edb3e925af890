"""The administrator's pages and API about other servers, and what people see of rules."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from microblog.federation import host_software
from microblog.federation.host_software import SoftwareReader
from microblog.model.accounts import Role
from microblog.model.domain_rules import DomainSeverity
from microblog.storage import federation_start, users
from microblog.storage.database import Cursor, fetch_all
from tests import make
from tests.fakes import result_of
from tests.federation.internet import Internet
from tests.federation.remote_server import URL, RemoteUser
from tests.web.api.client import Client, anonymous_client, token_for
from tests.web.test_domain_rules import ADA, befriend, count, follows, rule, run_purges
from tests.web.visitor import SiteFixture, Visitor, build_site, links, main_text

SERVERS = "/admin/servers"
BLOCKS, ALLOWS = "/v1/admin/domain_blocks", "/v1/admin/domain_allows"


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path, internet: Internet) -> SiteFixture:
    return build_site(cursor, tmp_path, internet, public_url=URL, federation="on")


def admin_of(site: SiteFixture) -> Visitor:
    """Sign up the administrator ada."""
    ada = site.registered_user("ada")
    users.change_role(site.cursor, account=site.viewer("ada").id, role=Role.ADMIN)
    return ada


@pytest.fixture
def ada(site: SiteFixture) -> Visitor:
    return admin_of(site)


@pytest.fixture
def bo(site: SiteFixture, internet: Internet, ada: Visitor) -> RemoteUser:
    del ada
    return RemoteUser(site, internet)


def api(site: SiteFixture, scopes: str = "admin:read admin:write read", name: str = "ada") -> Client:
    viewer = site.viewer(name)
    return Client(site, token_for(site, viewer.id, scopes), viewer)


# --- Pages


def test_the_page_shows_what_is_known_of_each_server(site: SiteFixture, ada: Visitor, bo: RemoteUser) -> None:
    befriend(site, bo)
    site.cursor.execute("insert into hosts (host, failures, last_error) values ('slow.example', 3, 'The server answered 500.')")
    site.cursor.execute("insert into hosts (host, dead_since) values ('dead.example', now())")
    make.remote_account(site.cursor, "cleo", host="quiet.example")
    rule(site, "bad.example", reject_media=True)
    text = main_text(ada.get(SERVERS))
    assert "4 servers1 failing1 dead" in text
    assert "b.example1 account" in text
    assert "bad.example Suspended" in text
    assert "quiet.example1 account" in text
    assert "The server answered 500." in text
    for kind, host in (("slow", "slow.example"), ("dead", "dead.example"), ("rules", "bad.example")):
        page = ada.get(f"{SERVERS}?type={kind}").text
        assert [one for one in ("slow.example", "dead.example", "bad.example", "b.example 1") if one in page] == [host]
    assert "slow.example" not in ada.get(f"{SERVERS}?q=dead").text
    assert ada.submit(f"{SERVERS}/retry", SERVERS, host="dead.example").status == 303
    assert fetch_all(site.cursor, str, "select host from hosts where dead_since is not null") == []


def test_the_page_says_that_the_public_url_can_never_change(site: SiteFixture, ada: Visitor) -> None:
    federation_start.store(site.cursor, public_url=URL, now=make.NOW)
    assert f"Other servers know this site as {URL}. This public URL can never change." in main_text(ada.get(SERVERS))


def test_the_page_has_the_software_of_its_servers_read(site: SiteFixture, ada: Visitor, internet: Internet) -> None:
    for host in ("quiet.example", "bad.example", "dead.example"):
        make.remote_account(site.cursor, "cleo", host=host)
    site.cursor.execute("insert into hosts (host, dead_since) values ('dead.example', now())")
    rule(site, "bad.example")
    schema = "http://nodeinfo.diaspora.software/ns/schema/2.0"
    internet.documents["https://quiet.example/.well-known/nodeinfo"] = {"links": [{"rel": schema, "href": "https://quiet.example/2.0"}]}
    internet.documents["https://quiet.example/2.0"] = {"software": {"name": "mast<b>odon", "version": "4.5.2"}}
    ada.get(SERVERS)
    jobs = fetch_all(site.cursor, str, f"delete from jobs where kind = '{host_software.JOB}' returning payload->>'host'")
    assert jobs == ["quiet.example"]
    assert site.federation is not None
    result_of(
        SoftwareReader(site.federation.effects.actors.fetcher, site.database, lambda: make.NOW).read("quiet.example", lambda cursor: None)
    )
    assert "mast<b>odon 4.5.2 · 1 account" in main_text(ada.get(f"{SERVERS}?q=quiet"))


def test_a_suspension_says_what_will_be_lost_and_asks_first(site: SiteFixture, ada: Visitor, bo: RemoteUser) -> None:
    befriend(site, bo)
    form = ada.get(f"{SERVERS}/rule?domain=https://B.example/@bo")
    assert "This site knows 1 account on b.example. People here have 1 follower there, and follow 1 account." in main_text(form)
    fields = {"domain": "b.example", "severity": "suspend", "public_comment": "spam", "reject_media": "1"}
    asked = ada.submit(f"{SERVERS}/rule", f"{SERVERS}/rule?domain=b.example", **fields)
    assert asked.status == 200
    assert "People here will lose 1 follower and 1 follow, and will be notified." in main_text(asked)
    assert count(site, "domain_rules") == 0
    saved = ada.submit(f"{SERVERS}/rule", f"{SERVERS}/rule?domain=b.example", confirmed="1", **fields)
    assert (saved.status, saved.header("Location")) == (303, f"{SERVERS}?q=b.example")
    assert fetch_all(site.cursor, str, "select public_comment from domain_rules") == ["spam"]
    run_purges(site)
    assert follows(site) == 0
    fields["private_comment"] = "by ben"  # nothing else changes: no question
    assert ada.submit(f"{SERVERS}/rule", f"{SERVERS}/rule?domain=b.example", **fields).status == 303
    assert "Remove the rule for b.example?" in main_text(ada.get(f"{SERVERS}/rule/remove?domain=b.example"))
    assert ada.submit(f"{SERVERS}/rule/remove", f"{SERVERS}/rule?domain=b.example", domain="b.example").status == 303
    assert bo.deliver(bo.activity("Follow", ADA)) == 202


def test_a_wrong_domain_is_explained(site: SiteFixture, ada: Visitor) -> None:
    response = ada.get(f"{SERVERS}/rule?domain=site.test")
    assert response.status == 422
    assert "Domain is the one of this site" in main_text(response)


def test_a_server_is_allowed_and_disallowed(cursor: Cursor, tmp_path: Path, internet: Internet) -> None:
    site = build_site(cursor, tmp_path, internet, public_url=URL, federation="allowlist")
    ada = admin_of(site)
    assert "only federates with servers on its allow-list" in main_text(ada.get(SERVERS))
    assert ada.submit(f"{SERVERS}/allow", SERVERS, domain="no").status == 422
    assert ada.submit(f"{SERVERS}/allow", SERVERS, domain="b.example").status == 303
    bo = RemoteUser(site, internet)
    befriend(site, bo)
    assert "b.example Allowed" in main_text(ada.get(f"{SERVERS}?type=allowed"))
    question = ada.get(f"{SERVERS}/disallow?domain=b.example")
    assert "People here will lose 1 follower and 1 follow" in main_text(question)
    assert ada.submit(f"{SERVERS}/disallow", f"{SERVERS}/disallow?domain=b.example", domain="b.example").status == 303
    assert bo.deliver(bo.activity("Follow", ADA)) == 403


def test_only_administrators_see_the_pages_and_only_with_federation(site: SiteFixture, cursor: Cursor, tmp_path: Path) -> None:
    ben = site.registered_user("ben")
    users.change_role(site.cursor, account=site.viewer("ben").id, role=Role.MODERATOR)
    assert ben.get(SERVERS).status == 403
    assert SERVERS not in links(ben.get("/admin/people"))
    off = build_site(cursor, tmp_path, public_url=URL)
    ada = admin_of(off)
    assert ada.get(SERVERS).status == 404
    assert SERVERS not in links(ada.get("/admin/people"))


def test_what_was_lost_can_be_downloaded(site: SiteFixture, ada: Visitor, bo: RemoteUser) -> None:
    befriend(site, bo)
    site.cursor.execute("update follows set boosts = false, languages = '{en,de}' where follower_id = %s", [site.viewer("ada").id])
    rule(site, "b.example")
    run_purges(site)
    page = ada.get("/severed_relationships")
    assert "The administrators have suspended b.example. You lost 1 follower and 1 account that you followed." in main_text(page)
    files = {link.rpartition("/")[2]: ada.get(link) for link in links(page) if link.endswith(".csv")}
    assert files["followers.csv"].text == "Account address\nbo@b.example\n"
    assert files["following.csv"].text == ('Account address,Show boosts,Notify on new posts,Languages\nbo@b.example,false,false,"en, de"\n')
    others = site.registered_user("eve")
    assert {others.get(link).status for link in links(page) if link.endswith(".csv")} == {404}
    assert "Nothing lost" in main_text(others.get("/severed_relationships"))


# --- API


def test_rules_by_the_admin_api(site: SiteFixture, ada: Visitor, bo: RemoteUser) -> None:
    del ada, bo
    client = api(site)
    made = client.post(BLOCKS, domain="Bad.example", severity="suspend", public_comment="spam", obfuscate=True)
    assert (made.status, made.json["domain"], made.json["severity"], made.json["public_comment"]) == (200, "bad.example", "suspend", "spam")
    assert made.json["digest"] == sha256(b"bad.example").hexdigest()
    again = client.post(BLOCKS, domain="bad.example")
    assert (again.status, again.json["existing_domain_block"]) == (422, made.json)
    limited = client.post(BLOCKS, domain="other.example").json
    assert (limited["severity"], limited["private_comment"], limited["reject_media"]) == ("silence", None, False)
    assert [one["domain"] for one in client.get(BLOCKS).json] == ["other.example", "bad.example"]
    page = client.get(BLOCKS, limit=1)
    assert [one["id"] for one in page.json] == [limited["id"]]
    assert f"max_id={limited['id']}" in str(page.header("Link"))
    path = f"{BLOCKS}/{made.json['id']}"
    changed = client.put(path, severity="silence", reject_reports=True)
    assert changed.json == client.get(path).json == made.json | {"severity": "silence", "reject_reports": True}
    assert client.put(path, severity="nonsense").status == 422
    assert client.post(BLOCKS, domain="nonsense").status == 422
    assert client.post(BLOCKS).status == 422
    assert (client.delete(path).json, client.get(path).status, client.delete(path).status) == ({}, 404, 404)


def test_the_allow_list_by_the_admin_api(site: SiteFixture, ada: Visitor) -> None:
    del ada
    client = api(site)
    made = client.post(ALLOWS, domain="b.example").json
    assert client.post(ALLOWS, domain="b.example").json == made
    path = f"{ALLOWS}/{made['id']}"
    assert client.get(ALLOWS).json == [client.get(path).json] == [made]
    assert client.delete(path).json == made
    assert (client.get(path).status, client.get(ALLOWS).json) == (404, [])
    assert client.post(ALLOWS, domain="").status == 422


@pytest.mark.parametrize(("path", "part"), [(BLOCKS, "domain_blocks"), (ALLOWS, "domain_allows")])
def test_the_admin_api_needs_its_scopes_and_an_administrator(site: SiteFixture, ada: Visitor, path: str, part: str) -> None:
    del ada
    reader, writer = api(site, f"admin:read:{part}"), api(site, f"admin:write:{part}")
    assert (reader.get(path).status, reader.post(path, domain="b.example").status) == (200, 403)
    assert (writer.get(path).status, writer.post(path, domain="b.example").status) == (403, 200)
    site.registered_user("ben")
    users.change_role(site.cursor, account=site.viewer("ben").id, role=Role.MODERATOR)
    assert api(site, name="ben").get(path).status == 403
    assert anonymous_client(site).get(path).status == 401


@pytest.mark.parametrize(("shown", "visitor", "member"), [("nobody", 404, 404), ("users", 401, 200), ("all", 200, 200)])
def test_who_sees_the_list_of_blocks(cursor: Cursor, tmp_path: Path, shown: str, visitor: int, member: int) -> None:
    site = build_site(cursor, tmp_path, Internet(), public_url=URL, federation="on", federation_shown_blocks=shown)
    site.registered_user("ada")
    rule(site, "limited.example", DomainSeverity.SILENCE)
    rule(site, "hidden.example", obfuscate=True)
    rule(site, "nothing.example", DomainSeverity.NOOP)
    assert anonymous_client(site).get("/v1/instance/domain_blocks").status == visitor
    response = api(site, "read").get("/v1/instance/domain_blocks")
    assert response.status == member
    if member == 200:
        names = [(one["domain"], one["severity"], one["comment"]) for one in response.json]
        assert names == [("hidd**.****ple", "suspend", ""), ("limited.example", "silence", "")]
        assert response.json[0]["digest"] == sha256(b"hidden.example").hexdigest()


def test_peers_and_the_configuration_follow_the_rules(site: SiteFixture, cursor: Cursor, tmp_path: Path, bo: RemoteUser) -> None:
    befriend(site, bo)
    make.remote_account(cursor, "cleo", host="c.example")
    anonymous = anonymous_client(site)
    assert anonymous.get("/v1/instance/peers").json == ["b.example", "c.example"]
    rule(site, "b.example")
    assert anonymous.get("/v1/instance/peers").json == ["c.example"]
    assert anonymous.get("/v2/instance").json["configuration"]["limited_federation"] is False
    listed = build_site(cursor, tmp_path, Internet(), public_url=URL, federation="allowlist")
    assert anonymous_client(listed).get("/v2/instance").json["configuration"]["limited_federation"] is True
    assert anonymous_client(listed).get("/v1/instance/peers").json == []
    assert listed.federation is not None
    result_of(listed.federation.domains.allow("c.example"))
    assert anonymous_client(listed).get("/v1/instance/peers").json == ["c.example"]
