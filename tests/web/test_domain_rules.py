"""Rules of the site for other servers: what suspensions, limits and the allow-list do to what arrives, leaves and is shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from microblog.domain import remote_suspensions
from microblog.domain.account_deletion import begin_deletion
from microblog.domain.relationships import Relationships
from microblog.federation.domain_moderation import PURGE_JOB
from microblog.model.accounts import Account
from microblog.model.domain_rules import DomainRule, DomainSeverity, RuleToStore, StoredDomainRule
from microblog.model.errors import Invalid
from microblog.model.events import Event, EventKind, Position
from microblog.model.ids import SeveranceEventId
from microblog.model.paging import Page
from microblog.storage import accounts
from microblog.storage.database import Cursor, fetch_all, fetch_value
from tests import make
from tests.fakes import result_of
from tests.federation.documents import PUBLIC
from tests.federation.internet import Internet
from tests.federation.outgoing import OutboundFixture
from tests.federation.remote_server import URL, RemoteUser, run_effects
from tests.federation.remote_side import known_actor
from tests.web.api.client import Client, token_for
from tests.web.visitor import SiteFixture, Visitor, build_site, main_text

ADA = f"{URL}/users/ada"
MENTION = {"type": "Mention", "href": ADA, "name": "@ada@site.test"}


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path, internet: Internet) -> SiteFixture:
    return build_site(cursor, tmp_path, internet, public_url=URL, federation="on")


@pytest.fixture
def ada(site: SiteFixture) -> Visitor:
    return site.registered_user("ada")


@pytest.fixture
def bo(site: SiteFixture, internet: Internet, ada: Visitor) -> RemoteUser:
    del ada
    return RemoteUser(site, internet)


def rule(site: SiteFixture, domain: str, severity: DomainSeverity = DomainSeverity.SUSPEND, **flags: Any) -> StoredDomainRule:
    """Put a rule."""
    assert site.federation is not None
    return result_of(site.federation.domains.put(RuleToStore(DomainRule(domain, severity, **flags))))


def lift(site: SiteFixture, domain: str) -> None:
    """Remove the rule for a domain."""
    assert site.federation is not None
    stored = result_of(site.federation.domains.for_domain(domain))
    assert stored is not None
    result_of(site.federation.domains.remove(stored.id))


def run_purges(site: SiteFixture) -> int:
    """Run the jobs that empty accounts; return how many there were."""
    assert site.federation is not None
    sql = f"delete from jobs where kind = '{PURGE_JOB}' returning payload->>'domain', payload->>'event'"
    waiting = fetch_all(site.cursor, lambda domain, event: (str(domain), int(event)), sql)
    for domain, event in waiting:
        result_of(site.federation.purge.purge(domain, SeveranceEventId(event), lambda cursor: None))
    return len(waiting)


def note(user: RemoteUser, number: int = 1, **changes: Any) -> dict[str, Any]:
    plain = {"id": f"{user.id}/statuses/{number}", "type": "Note", "attributedTo": user.id, "content": "<p>hi <b>tea</b></p>"}
    published = user.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {**plain, "published": published, "to": [PUBLIC], "cc": [f"{user.id}/followers"], **changes}


def befriend(site: SiteFixture, user: RemoteUser) -> Account:
    """Let ada and the account follow each other."""
    user.do("Follow", ADA)
    make.follow(site.cursor, site.viewer("ada"), known_actor(site.cursor, user.id))
    return known_actor(site.cursor, user.id)


def follows(site: SiteFixture) -> int:
    return int(fetch_value(site.cursor, "select count(*) from follows"))


def count(site: SiteFixture, table: str) -> int:
    return int(fetch_value(site.cursor, f"select count(*) from {table}"))


def everywhere(site: SiteFixture, ada: Visitor, account: Account) -> dict[str, Callable[[], str]]:
    """Return what shows the account or its posts to ada or to anybody, by name."""
    post = fetch_all(site.cursor, int, "select id from posts where uri is not null order by id limit 1")[0]
    paths = {
        "home": "/home",
        "notifications": "/notifications",
        "profile": f"/@{account.acct}",
        "post": f"/@{account.acct}/{post}",
        "followers": "/@ada/followers",
        "following": "/@ada/following",
        "search": "/search?q=bo",
        "api post": f"/api/v1/statuses/{post}",
        "api posts": f"/api/v1/accounts/{account.id}/statuses",
        "api public": "/api/v1/timelines/public",
        "tag": "/tags/tea",
        "api tag": "/api/v1/timelines/tag/tea",
        "peers": "/api/v1/instance/peers",
    }
    return {name: partial(_text, ada, path) for name, path in paths.items()}


def _text(visitor: Visitor, path: str) -> str:
    return visitor.get(path).text


def test_suspending_hides_everything_at_once(site: SiteFixture, ada: Visitor, bo: RemoteUser) -> None:
    account = befriend(site, bo)
    tag = {"type": "Hashtag", "href": f"https://{bo.host}/tags/tea", "name": "#tea"}
    bo.publish(name="Zebedee")
    bo.do("Update", bo.id)
    bo.do("Create", note(bo, to=[PUBLIC, ADA], tag=[MENTION, tag]))
    shown = everywhere(site, ada, account)
    missing = {name for name, page in shown.items() if "Zebedee" not in page() and "b.example" not in page()}
    assert missing == set()
    rule(site, "b.example")
    for name, page in shown.items():
        assert "Zebedee" not in page(), name
        assert name in ("search", "profile", "post") or "b.example" not in page(), name


def test_suspending_empties_and_stays_empty(site: SiteFixture, ada: Visitor, internet: Internet, bo: RemoteUser) -> None:
    befriend(site, bo)
    cleo = RemoteUser(site, internet, "cleo", "c.example")
    befriend(site, cleo)
    bo.do("Create", note(bo))
    internet.documents[note(bo)["id"]] = note(bo)
    internet.documents[note(bo, 2)["id"]] = note(bo, 2)
    like = bo.activity("Like", note(bo)["id"])
    rule(site, "b.example")
    assert run_purges(site) == 1
    gone = known_actor(site.cursor, bo.id)
    assert (gone.display_name, gone.posts_count, gone.followers_count, gone.following_count) == ("", 0, 0, 0)
    assert follows(site) == 2  # those of cleo
    before = len(internet.requests)
    for number in (1, 2):
        cleo.do("Announce", note(bo, number)["id"])  # a boost
        cleo.do("Create", note(cleo, number, inReplyTo=note(bo, number)["id"]))  # whose parent would be fetched
        assert bo.deliver(bo.activity("Create", note(bo, number, tag=[MENTION], cc=[ADA]))) == 403
        assert bo.deliver(bo.activity("Update", note(bo, number))) == 403
    assert bo.deliver(bo.activity("Update", bo.document(name="Bo"))) == 403
    assert bo.deliver(like) == 403
    assert "bo@b.example" not in ada.get("/api/v2/search?q=@bo@b.example&resolve=true").text
    assert [url for url in internet.asked[before:] if "b.example" in url] == []
    assert fetch_all(site.cursor, str, "select uri from posts where uri like 'https://b.example%' and deleted_at is null") == []


def test_blocking_cuts_follows_in_both_directions_and_tells_who_lost_them(site: SiteFixture, ada: Visitor, bo: RemoteUser) -> None:
    befriend(site, bo)
    make.follow(site.cursor, make.account(site.cursor, "eve"), known_actor(site.cursor, bo.id))
    rule(site, "b.example")
    run_purges(site)
    assert follows(site) == 0
    ada_account = make.reload(site.cursor, site.viewer("ada"))
    assert (ada_account.followers_count, ada_account.following_count) == (0, 0)
    client = Client(site, token_for(site, ada_account.id, "read write"), site.viewer("ada"))
    [told] = client.get("/v1/notifications").json
    event = {key: told["event"][key] for key in ("type", "target_name", "purged", "followers_count", "following_count")}
    assert told["type"] == "severed_relationships"
    assert told["account"]["acct"] == "ada"
    assert event == {"type": "domain_block", "target_name": "b.example", "purged": False, "followers_count": 1, "following_count": 1}
    [group] = client.get("/v2/notifications").json["notification_groups"]
    assert group["event"] == told["event"]
    assert "You lost 1 follower and 1 account that you followed." in main_text(ada.get("/notifications"))
    assert count(site, "severances") == 2
    run_purges(site)
    assert len(client.get("/v1/notifications").json) == 1


def test_blocks_mutes_and_notes_of_people_here_outlive_a_suspension(site: SiteFixture, bo: RemoteUser) -> None:
    assert site.federation is not None
    account, ben = befriend(site, bo), make.viewer(site.cursor)
    make.block(site.cursor, ben, account)
    make.mute(site.cursor, ben, account)
    result_of(Relationships(site.database, lambda: make.NOW).note(ben, account.id, "Mind him"))
    rule(site, "b.example")
    run_purges(site)
    lift(site, "b.example")
    tables = [f"{table} where target_id = {account.id}" for table in ("blocks", "mutes", "account_notes")]
    assert [count(site, table) for table in tables] == [1, 1, 1]
    begin_deletion(site.cursor, account.id, make.NOW)
    result_of(site.federation.purge.deletion.purge(account.id))
    assert [count(site, table) for table in tables] == [0, 0, 0]


def test_a_limited_domain_is_silent(site: SiteFixture, ada: Visitor, bo: RemoteUser) -> None:
    tag = {"type": "Hashtag", "href": f"https://{bo.host}/tags/tea", "name": "#tea"}
    bo.publish(name="Zebedee", discoverable=True, indexable=True)
    rule(site, "b.example", DomainSeverity.SILENCE)
    bo.do("Create", note(bo, to=[PUBLIC, ADA], tag=[MENTION, tag]))  # the first that this site hears of the account
    bo.do("Follow", ADA)
    viewer = site.viewer("ada")
    assert follows(site) == 0
    [request] = result_of(site.domain.follows.requests(viewer, Page()))
    assert request.account.acct == "bo@b.example"
    client = Client(site, token_for(site, viewer.id, "read"), viewer)
    timelines = "/v1/timelines/public", "/v1/timelines/tag/tea", "/v1/timelines/home", "/v2/search?q=tea&type=statuses"
    people = "/v1/directory", "/v2/suggestions", "/v1/trends/statuses", "/v1/notifications?types[]=mention"
    for path in (*timelines, *people):
        response = client.get(path)
        assert (response.status, "Zebedee" in response.text) == (200, False), path
    for path in ("/tags/tea", "/home", "/notifications?type=mention"):
        assert "Zebedee" not in ada.get(path).text, path
    assert "Zebedee" in ada.get("/@bo@b.example").text
    make.follow(site.cursor, viewer, known_actor(site.cursor, bo.id))
    bo.do("Create", note(bo, 2, to=[PUBLIC, ADA], tag=[MENTION]))
    for path in ("/v1/timelines/home", "/v2/search?q=tea&type=statuses", "/v1/notifications?types[]=mention"):
        assert "Zebedee" in client.get(path).text, path
    assert "Zebedee" not in client.get("/v1/timelines/tag/tea").text
    lift(site, "b.example")
    assert "Zebedee" in client.get("/v1/timelines/tag/tea").text


def test_the_allow_list_works_both_ways(cursor: Cursor, tmp_path: Path, internet: Internet) -> None:
    site = build_site(cursor, tmp_path, internet, public_url=URL, federation="allowlist")
    ada = site.registered_user("ada")
    bo, cleo = RemoteUser(site, internet), RemoteUser(site, internet, "cleo", "c.example")
    assert site.federation is not None
    assert bo.deliver(bo.activity("Follow", ADA)) == 403
    assert internet.requests == []
    allowed = result_of(site.federation.domains.allow("B.example"))
    assert allowed.domain == "b.example"
    befriend(site, bo)
    assert cleo.deliver(cleo.activity("Follow", ADA)) == 403
    assert "cleo" not in ada.get("/api/v2/search?q=@cleo@c.example&resolve=true").text
    outbound = OutboundFixture(cursor, site.federation.rules.domains)
    make.post(cursor, site.viewer("ada"), "hello")
    assert [one.inboxes for one in outbound.run() if one.kind == "create"] == [[f"{bo.id}/inbox"]]
    result_of(site.federation.domains.disallow(allowed.id))
    run_purges(site)
    assert bo.deliver(bo.activity("Create", note(bo))) == 403
    assert follows(site) == 0
    assert ada.get("/@bo@b.example").status in (404, 410)
    assert not site.federation.rules.domains.is_allowed("b.example")


def test_an_account_that_moderators_restore_stays_hidden_off_the_allow_list(cursor: Cursor, tmp_path: Path, internet: Internet) -> None:
    site = build_site(cursor, tmp_path, internet, public_url=URL, federation="allowlist")
    ada = site.registered_user("ada")
    assert site.federation is not None
    cursor.execute("insert into federation_start (public_url, started_at) values (%s, now())", [URL])
    result_of(site.federation.rules.start())
    allowed = result_of(site.federation.domains.allow("b.example"))
    bo = RemoteUser(site, internet)
    account = befriend(site, bo)
    remote_suspensions.begin(cursor, account, make.NOW)
    result_of(site.federation.domains.disallow(allowed.id))
    remote_suspensions.end(cursor, account.id, make.NOW)
    assert ada.get("/@bo@b.example").status in (404, 410)
    result_of(site.federation.domains.allow("b.example"))
    assert ada.get("/@bo@b.example").status == 200


CHANGES = "events where kind = 'domain_rules.changed'"


def test_a_change_of_the_mode_hides_and_shows_accounts(cursor: Cursor, tmp_path: Path, internet: Internet) -> None:
    site = build_site(cursor, tmp_path, internet, public_url=URL, federation="on")
    ada = site.registered_user("ada")
    cursor.execute("insert into federation_start (public_url, started_at) values (%s, now())", [URL])
    bo = RemoteUser(site, internet)
    befriend(site, bo)
    for mode, status in (("allowlist", 404), ("on", 200)):
        site = build_site(cursor, tmp_path, internet, public_url=URL, federation=mode)
        assert site.federation is not None
        result_of(site.federation.rules.start())
        assert count(site, "jobs where kind = 'federation.domain_states'") == 1
        cursor.execute("delete from jobs where kind = 'federation.domain_states'")
        before = count(site, CHANGES)
        result_of(site.federation.purge.apply(None, lambda cursor: None))
        assert count(site, CHANGES) == before + 1  # so that streams forget what they have in memory
        ada.server = site.server
        assert ada.get("/@bo@b.example").status == status
        assert follows(site) == 2
        result_of(site.federation.rules.start())
        assert count(site, "jobs where kind = 'federation.domain_states'") == 0


def test_nothing_goes_to_a_suspended_domain(site: SiteFixture, cursor: Cursor, bo: RemoteUser) -> None:
    befriend(site, bo)
    assert site.federation is not None
    outbound = OutboundFixture(cursor)
    outbound.run()
    make.post(cursor, site.viewer("ada"), "hello")
    assert [one.inboxes for one in outbound.run()] == [[f"{bo.id}/inbox"]]
    assert count(site, "deliveries") == 1
    rule(site, "b.example")
    assert count(site, "deliveries") == count(site, "hosts where due_at is not null") == 0
    outbound.domains = site.federation.rules.domains
    make.post(cursor, site.viewer("ada"), "hello again")
    run_purges(site)
    assert outbound.run() == []


def test_the_most_specific_rule_wins_and_ends_with_the_rule(site: SiteFixture, internet: Internet, bo: RemoteUser) -> None:
    users = {host: RemoteUser(site, internet, "x", host) for host in ("b.example", "sub.b.example", "good.sub.b.example", "notb.example")}
    for user in users.values():
        befriend(site, user)
    individually = make.remote_account(site.cursor, "spam", host="b.example")
    make.suspend(site.cursor, individually)

    def states() -> dict[str, str]:
        sql = "select host, suspended_at is not null, limited_at is not null from accounts where username = 'x'"
        rows = fetch_all(site.cursor, lambda *columns: columns, sql)
        return {host: "suspended" if suspended else "limited" if limited else "" for host, suspended, limited in rows}

    nothing = dict.fromkeys(users, "")
    rule(site, "b.example")
    assert states() == nothing | {"b.example": "suspended", "sub.b.example": "suspended", "good.sub.b.example": "suspended"}
    rule(site, "good.sub.b.example", DomainSeverity.NOOP)
    assert states() == nothing | {"b.example": "suspended", "sub.b.example": "suspended"}
    rule(site, "b.example", DomainSeverity.SILENCE)
    assert states() == nothing | {"b.example": "limited", "sub.b.example": "limited"}
    lift(site, "b.example")
    assert states() == nothing
    assert make.reload(site.cursor, individually).suspended_at is not None
    run_purges(site)
    assert follows(site) == 2 * len(users), "the rules ended before the jobs ran"


def test_accounts_with_the_id_of_a_suspended_host_are_hidden_under_any_name(site: SiteFixture, bo: RemoteUser) -> None:
    befriend(site, bo)
    site.cursor.execute("update accounts set host = 'short.example' where host = 'b.example'")
    rule(site, "b.example")
    assert known_actor(site.cursor, bo.id).suspended_at is not None


def test_suspending_a_domain_with_many_accounts_drops_all_caches_at_once(site: SiteFixture, ada: Visitor, bo: RemoteUser) -> None:
    befriend(site, bo)
    for number in range(120):
        make.remote_account(site.cursor, f"x{number}", host="b.example")
    assert "bo@b.example" in ada.get("/@ada/following").text
    site.cursor.execute("delete from invalidation_log")
    rule(site, "b.example")
    assert "bo@b.example" not in ada.get("/@ada/following").text
    assert ["*"] in fetch_all(site.cursor, list, "select keys from invalidation_log")
    assert count(site, "invalidation_log") < 10


def test_other_processes_hear_of_a_rule(site: SiteFixture, cursor: Cursor, tmp_path: Path, internet: Internet, bo: RemoteUser) -> None:
    other = build_site(cursor, tmp_path, internet, public_url=URL, federation="on")
    assert other.federation is not None
    cursor.execute("delete from events")
    rule(site, "b.example")
    assert other.federation.rules.domains.is_allowed("b.example")
    [kind] = fetch_all(cursor, str, "select kind from events")
    other.federation.rules.happened(Event(Position("e", 1, 1), EventKind(kind), None, None, None, {}, make.NOW))
    assert not other.federation.rules.domains.is_allowed("b.example")


def test_an_activity_that_was_accepted_before_has_no_effect_after(site: SiteFixture, bo: RemoteUser) -> None:
    befriend(site, bo)
    assert bo.deliver(bo.activity("Create", note(bo))) == 202
    rule(site, "b.example")
    run_effects(site)
    assert count(site, "posts") == 0


@pytest.mark.parametrize("text", ["B.example", " https://b.example/about ", "*.b.example", "b.example.", "ｂ.example"])
def test_domains_have_one_spelling(site: SiteFixture, bo: RemoteUser, text: str) -> None:
    assert rule(site, text).rule.domain == "b.example"
    assert bo.deliver(bo.activity("Follow", ADA)) == 403


@pytest.mark.parametrize("text", ["", "example", "127.0.0.1", "site.test", "b example.org", "user@b.example"])
def test_what_is_no_other_domain_gets_no_rule(site: SiteFixture, text: str) -> None:
    with pytest.raises(Invalid):
        rule(site, text)


def states_of(site: SiteFixture, user: RemoteUser) -> str:
    found = known_actor(site.cursor, user.id)
    return "suspended" if found.suspended_at else "limited" if found.limited_at else ""


def test_moderators_do_not_undo_a_rule_for_single_accounts(site: SiteFixture, bo: RemoteUser) -> None:
    account, cursor = befriend(site, bo), site.cursor
    rule(site, "b.example")
    remote_suspensions.begin(cursor, account, make.NOW)
    remote_suspensions.end(cursor, account.id, make.NOW)
    assert states_of(site, bo) == "suspended"
    rule(site, "b.example", DomainSeverity.SILENCE)
    assert not accounts.set_limited(cursor, id=account.id, at=None)
    assert states_of(site, bo) == "limited"
    lift(site, "b.example")
    assert states_of(site, bo) == ""


@pytest.mark.parametrize("decision", ["suspended", "limited"])
def test_a_rule_that_ends_does_not_undo_a_decision_of_moderators(site: SiteFixture, bo: RemoteUser, decision: str) -> None:
    account = befriend(site, bo)
    rule(site, "b.example", DomainSeverity.SUSPEND if decision == "suspended" else DomainSeverity.SILENCE)
    if decision == "suspended":
        remote_suspensions.begin(site.cursor, account, make.NOW)
    else:
        assert accounts.set_limited(site.cursor, id=account.id, at=make.NOW)
    lift(site, "b.example")
    assert states_of(site, bo) == decision
