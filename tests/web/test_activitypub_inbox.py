"""The inboxes: what is accepted, what is refused with which status, and the effects of follows and blocks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from microblog.federation.bounds import MAX_ACTIVITY_BRACKETS
from microblog.federation.fetching import URL_PAUSE
from microblog.federation.keys import public_pem
from microblog.federation.long_documents import LONG
from microblog.federation.signature_choice import SignatureForm
from microblog.federation.signers import MAX_FETCHING
from microblog.model.accounts import Viewer
from microblog.storage import follows, relationships
from microblog.storage.database import Cursor, fetch_all, fetch_value
from tests import make
from tests.federation.internet import Internet
from tests.federation.remote_server import URL, RemoteUser, private_key, run_effects
from tests.web.visitor import SiteFixture, build_site

ADA = f"{URL}/users/ada"


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path, internet: Internet) -> SiteFixture:
    site = build_site(cursor, tmp_path, internet, public_url=URL, federation="on")
    site.registered_user("ada")
    return site


@pytest.fixture
def bo(site: SiteFixture, internet: Internet) -> RemoteUser:
    return RemoteUser(site, internet)


def followers(site: SiteFixture) -> list[str]:
    sql = "select a.uri from follows f join accounts a on a.id = f.follower_id order by f.id"
    return fetch_all(site.cursor, str, sql)


def stored(site: SiteFixture) -> int:
    return int(fetch_value(site.cursor, "select count(*) from incoming_activities"))


def notified(site: SiteFixture) -> list[str]:
    return fetch_all(site.cursor, str, "select kind from notifications order by id")


@pytest.mark.parametrize("form", [SignatureForm.CAVAGE, SignatureForm.RFC_9421])
@pytest.mark.parametrize("path", ["/inbox", "/users/ada/inbox", "/users/ADA/inbox"])
def test_a_follow_from_another_server(site: SiteFixture, bo: RemoteUser, form: SignatureForm, path: str) -> None:
    follow = bo.activity("Follow", ADA)
    assert bo.deliver(follow, path, form) == 202
    assert run_effects(site) == 1
    assert followers(site) == [bo.id]
    assert notified(site) == ["follow"]
    assert fetch_value(site.cursor, "select activity_uri from follows") == follow["id"]
    assert make.reload(site.cursor, site.viewer("ada")).followers_count == 1


def test_a_locked_account_is_asked(site: SiteFixture, bo: RemoteUser) -> None:
    site.cursor.execute("update accounts set locked = true where username = 'ada'")
    follow = bo.do("Follow", ADA)
    assert followers(site) == []
    assert notified(site) == ["follow_request"]
    assert fetch_value(site.cursor, "select activity_uri from follow_requests") == follow["id"]


def test_the_same_activity_has_its_effect_once(site: SiteFixture, bo: RemoteUser) -> None:
    follow = bo.do("Follow", ADA)
    for _ in range(10):
        assert bo.deliver(follow) == 202
    assert run_effects(site) == 0
    assert (stored(site), notified(site)) == (1, ["follow"])


def test_a_second_follow_takes_the_new_id_and_is_accepted_again(site: SiteFixture, bo: RemoteUser) -> None:
    bo.do("Follow", ADA)
    second = bo.do("Follow", ADA)
    assert fetch_all(site.cursor, str, "select activity_uri from follows") == [second["id"]]
    assert fetch_value(site.cursor, "select count(*) from events where kind = 'followed'") == 2
    assert notified(site) == ["follow"]


@pytest.mark.parametrize("by_id", [True, False])
@pytest.mark.parametrize("locked", [True, False])
def test_a_follow_is_undone(site: SiteFixture, bo: RemoteUser, by_id: bool, locked: bool) -> None:
    site.cursor.execute("update accounts set locked = %s where username = 'ada'", [locked])
    follow = bo.do("Follow", ADA)
    bo.do("Undo", follow["id"] if by_id else {name: value for name, value in follow.items() if name != "id"})
    assert followers(site) == []
    assert fetch_value(site.cursor, "select count(*) from follow_requests") == 0
    assert make.reload(site.cursor, site.viewer("ada")).followers_count == 0


def test_an_undo_before_its_follow_wins(site: SiteFixture, bo: RemoteUser) -> None:
    follow = bo.activity("Follow", ADA)
    bo.do("Undo", follow)
    assert bo.deliver(follow) == 202
    run_effects(site)
    assert followers(site) == []


def test_nobody_undoes_what_another_did(site: SiteFixture, bo: RemoteUser, internet: Internet) -> None:
    follow, eve = bo.do("Follow", ADA), RemoteUser(site, internet, "eve")
    eve.do("Undo", follow["id"])
    eve.do("Undo", follow)
    eve.do("Undo", {**follow, "actor": eve.id, "object": ADA})
    assert followers(site) == [bo.id]


def test_a_blocked_account_is_refused(site: SiteFixture, bo: RemoteUser) -> None:
    bo.do("Follow", ADA)
    account = make.reload(site.cursor, _account(site))
    relationships.block(site.cursor, account=site.viewer("ada").id, target=account.id, now=make.NOW)
    bo.do("Undo", {"type": "Follow", "actor": bo.id, "object": ADA})
    again = bo.do("Follow", ADA)
    assert followers(site) == []
    data = fetch_value(site.cursor, "select data from events where kind = 'follow.rejected' order by id desc limit 1")
    assert data["activity_uri"] == again["id"]


def _account(site: SiteFixture) -> Any:
    assert site.federation is not None
    [id] = fetch_all(site.cursor, int, "select id from accounts where host is not null")
    return Viewer(make._found(site.cursor, id))


def test_a_block_ends_follows_both_ways(site: SiteFixture, bo: RemoteUser) -> None:
    bo.do("Follow", ADA)
    block = bo.do("Block", ADA)
    assert followers(site) == []
    account = _account(site)
    assert relationships.blocks(site.cursor, account=account.id, target=site.viewer("ada").id)
    bo.do("Undo", block["id"])
    assert not relationships.blocks(site.cursor, account=account.id, target=site.viewer("ada").id)


def test_a_deleted_account_is_gone_for_ever(site: SiteFixture, bo: RemoteUser) -> None:
    bo.do("Follow", ADA)
    bo.do("Delete", bo.id)
    assert fetch_value(site.cursor, "select deleted_at is not null from accounts where host is not null")
    assert bo.deliver(bo.activity("Follow", ADA)) == 403
    assert stored(site) == 2


def test_an_account_is_updated(site: SiteFixture, bo: RemoteUser) -> None:
    bo.do("Follow", ADA)
    bo.do("Update", bo.document(name="New name", summary="<p>Hello<script>x</script></p>"))
    account = _account(site).account
    assert (account.display_name, account.bio) == ("New name", "Hello")


def test_an_update_by_a_reference_is_fetched(site: SiteFixture, bo: RemoteUser) -> None:
    bo.do("Follow", ADA)
    bo.publish(name="From the document")
    bo.do("Update", bo.id)
    assert _account(site).account.display_name == "From the document"


def test_nobody_updates_or_deletes_another(site: SiteFixture, bo: RemoteUser, internet: Internet) -> None:
    bo.do("Follow", ADA)
    eve = RemoteUser(site, internet, "eve", "e.example")
    eve.do("Follow", ADA)
    assert eve.deliver(eve.activity("Delete", bo.id)) == 202
    assert eve.deliver({**eve.activity("Delete", bo.id), "actor": bo.id}) in (202, 401)
    assert eve.deliver({**eve.activity("Update", bo.document(name="Pwned")), "actor": bo.id}) in (202, 401)
    run_effects(site)
    assert fetch_all(site.cursor, str, "select display_name from accounts where uri = '" + bo.id + "' and deleted_at is null") == [""]


def test_strangers_deletions_cause_nothing(site: SiteFixture, bo: RemoteUser, internet: Internet) -> None:
    for kind in ("Delete", "Update"):
        assert bo.deliver(bo.activity(kind, bo.id)) == 202
    assert (internet.requests, stored(site)) == ([], 0)


def test_what_concerns_nobody_is_not_stored(site: SiteFixture, bo: RemoteUser) -> None:
    for activity in (
        bo.activity("Follow", "https://c.example/users/al"),
        bo.activity("Follow", f"{URL}/users/ada/statuses/1"),
        bo.activity("View", ADA),
        bo.activity("Create", {"id": f"{bo.id}/1", "type": "Note", "attributedTo": bo.id, "content": "x"}),
    ):
        assert bo.deliver(activity) == 202
    assert stored(site) == 0


def test_received_activities_are_counted_by_what_became_of_them(site: SiteFixture, bo: RemoteUser) -> None:
    assert bo.deliver(bo.activity("Follow", ADA)) == 202
    assert bo.deliver(bo.activity("View", ADA)) == 202
    assert bo.deliver(bo.activity("Follow", ADA), "/users/nobody/inbox") == 404
    assert bo.deliver({"type": "Follow"}) == 400
    site.cursor.execute("update accounts set suspended_at = now() where host is not null")
    assert bo.deliver(bo.activity("Block", ADA)) == 403
    assert site.federation is not None
    assert site.federation.inbox.results == {"stored": 1, "ignored": 1, "no_inbox": 1, "malformed": 1, "forbidden": 1}


def test_strangers_cannot_store_anything_by_taking_back(site: SiteFixture, bo: RemoteUser) -> None:
    """What is undone or deleted must be known, or come from somebody whom somebody here has to do with."""
    site.registered_user("cid")
    known = bo.do("Block", f"{URL}/users/cid")
    for number in range(3):
        made_up = f"{bo.id}/{number}"
        for activity in (
            bo.activity("Delete", made_up),
            bo.activity("Delete", {"id": made_up, "type": "Tombstone"}),
            bo.activity("Undo", made_up),
            bo.activity("Undo", {"type": "Follow", "id": made_up, "actor": bo.id, "object": "https://c.example/users/al"}),
            bo.activity("Undo", {"type": "Follow", "id": made_up, "actor": bo.id, "object": f"{URL}/users/nobody"}),
            bo.activity("Undo", {"type": "Like", "id": made_up, "actor": bo.id, "object": "https://c.example/1"}),
            bo.activity("Undo", {"type": "Undo", "id": made_up, "actor": bo.id, "object": known["id"]}),
            bo.activity("Undo", {"type": "Accept", "id": made_up, "actor": bo.id, "object": f"{ADA}#follows/1"}),
            bo.activity("Accept", f"{ADA}#follows/{number + 1}"),
            bo.activity("Reject", {"type": "Follow", "id": made_up, "actor": ADA, "object": bo.id}),
            bo.activity("Follow", f"{URL}/users/nobody{number}"),
        ):
            assert bo.deliver(activity) == 202
    assert stored(site) == 1
    bo.do("Undo", known["id"])
    assert stored(site) == 2


def test_what_has_not_had_its_effect_yet_can_be_undone_by_its_id(site: SiteFixture, bo: RemoteUser) -> None:
    follow = bo.activity("Follow", ADA)
    assert bo.deliver(follow) == 202
    assert bo.deliver(bo.activity("Undo", follow["id"])) == 202
    assert run_effects(site) == 2
    assert followers(site) == []


def test_only_so_much_of_a_server_waits(site: SiteFixture, bo: RemoteUser, internet: Internet) -> None:
    assert site.federation is not None
    site.federation.inbox.waiting.most, site.federation.inbox.waiting.step = 5, 1
    other = RemoteUser(site, internet, "cy", "c.example")
    statuses = [bo.deliver(bo.activity("Follow", ADA)) for _ in range(7)]
    assert statuses == [202] * 5 + [429] * 2
    body = orjson.dumps(bo.activity("Follow", ADA))
    assert bo.post(body, bo.headers(body, "/inbox")).header("Retry-After") == "60"
    assert other.deliver(other.activity("Follow", ADA)) == 202
    assert run_effects(site) == 6
    site.federation.inbox.waiting.now = lambda: make.NOW + timedelta(days=10_000)
    assert bo.deliver(bo.activity("Follow", ADA)) == 202


def test_only_so_many_bytes_of_a_server_wait(site: SiteFixture, bo: RemoteUser) -> None:
    assert site.federation is not None
    site.federation.inbox.waiting.most_bytes, site.federation.inbox.waiting.byte_step = 500_000, 1
    statuses = [bo.deliver(bo.activity("Follow", ADA, padding="x" * 300_000)) for _ in range(3)]
    assert statuses == [202, 202, 429]


def test_the_text_of_an_activity_is_kept_until_its_effect(site: SiteFixture, bo: RemoteUser) -> None:
    follow = bo.do("Follow", ADA)
    assert fetch_all(site.cursor, lambda *row: row, "select body, waiting_host from incoming_activities") == [(None, None)]
    assert bo.deliver(follow) == 202
    assert run_effects(site) == 0


@pytest.mark.parametrize("change", ["key", "suspended", "deleted"])
def test_a_cached_key_is_what_the_database_has(site: SiteFixture, bo: RemoteUser, change: str) -> None:
    """Whoever changes it: another process, an administrator."""
    bo.do("Follow", ADA)
    assert bo.deliver(bo.activity("Follow", ADA)) == 202
    if change == "key":
        pem = public_pem(private_key(5))
        site.cursor.execute("update remote_keys set public_key = %s, fetched_at = now()", [pem])
        assert bo.deliver(bo.activity("Follow", ADA)) == 401
        bo.key = private_key(5)
        assert bo.deliver(bo.activity("Follow", ADA)) == 202
    else:
        site.cursor.execute(f"update accounts set {change}_at = now() where host is not null")
        assert bo.deliver(bo.activity("Follow", ADA)) == 403


def test_a_changed_body_is_refused(site: SiteFixture, bo: RemoteUser) -> None:
    body = orjson.dumps(bo.activity("Follow", ADA))
    headers = bo.headers(body, "/inbox")
    assert bo.post(body.replace(b"ada", b"ida"), headers).status == 401
    assert bo.post(body + b" ", headers).status == 401
    assert bo.post(body, headers, "/users/ada/inbox").status == 401
    assert bo.post(body, {name: value for name, value in headers.items() if name != "Signature"}).status == 401
    assert bo.post(body, headers | {"Date": "Sun, 01 Mar 2020 00:00:00 GMT"}).status == 401
    assert stored(site) == 0


def test_an_old_request_is_not_replayed(bo: RemoteUser) -> None:
    body = orjson.dumps(bo.activity("Follow", ADA))
    bo.now -= timedelta(hours=2)
    assert bo.post(body, bo.headers(body, "/inbox")).status == 401


def test_actor_must_be_the_signer(site: SiteFixture, bo: RemoteUser, internet: Internet) -> None:
    eve = RemoteUser(site, internet, "eve", "e.example", private_key(1))
    assert eve.deliver({**eve.activity("Follow", ADA), "actor": bo.id}) == 401
    assert eve.deliver({**eve.activity("Follow", ADA), "actor": ADA}) == 401
    assert stored(site) == 0


def test_a_rotated_key_is_fetched_once(site: SiteFixture, bo: RemoteUser, internet: Internet) -> None:
    bo.do("Follow", ADA)
    bo.key = private_key(2)
    bo.publish()
    asked = len(internet.requests)
    site.cursor.execute("update remote_keys set fetched_at = fetched_at - interval '10 minutes'")
    _forget_key_fetches(site)
    assert bo.deliver(bo.activity("Follow", ADA)) == 202
    assert internet.asked[asked:] == [bo.id]


def test_forged_requests_cause_one_fetch(site: SiteFixture, bo: RemoteUser, internet: Internet) -> None:
    bo.do("Follow", ADA)
    asked = len(internet.requests)
    forger = RemoteUser(site, Internet(), key=private_key(3))
    for _ in range(20):
        assert forger.deliver(forger.activity("Follow", ADA)) == 401
    assert len(internet.requests) - asked <= 1


def test_a_signature_that_does_not_fit_is_refused_before_the_body_is_read(site: SiteFixture, bo: RemoteUser) -> None:
    bo.do("Follow", ADA)
    forger = RemoteUser(site, Internet(), key=private_key(3))
    for body in (b"nonsense", b"[" * 50_000, b'{"type":"Follow"}'):
        assert forger.post(body, forger.headers(body, "/inbox")).status == 401


@pytest.mark.parametrize(
    "body",
    [
        b'{"summary": "a\\u0000b", %s',
        b'{"x": 1, "x": 2, %s',
        b'{"x": ' + b"[" * 25 + b"]" * 25 + b", %s",
        b'{"x": [' + b"1," * 20_000 + b"1], %s",
    ],
    ids=["NUL", "a property twice", "deep", "many values"],
)
def test_activities_are_not_read_as_parameters(site: SiteFixture, bo: RemoteUser, body: bytes) -> None:
    """What is refused in a request of the API is accepted here: other software sends it."""
    sent = body.replace(b"%s", orjson.dumps(bo.activity("Follow", ADA))[1:])
    assert bo.post(sent, bo.headers(sent, "/inbox")).status == 202
    run_effects(site)
    assert followers(site) == [bo.id]


def test_so_many_keys_are_fetched_at_a_time(site: SiteFixture, bo: RemoteUser, internet: Internet) -> None:
    assert site.federation is not None
    fetching = site.federation.inbox.signers._fetching
    fetching |= {str(number): [] for number in range(MAX_FETCHING)}
    assert bo.deliver(bo.activity("Follow", ADA)) == 503
    assert internet.requests == []
    fetching.clear()
    assert bo.deliver(bo.activity("Follow", ADA)) == 202


def test_an_unreachable_key_is_tried_later(site: SiteFixture, bo: RemoteUser, internet: Internet) -> None:
    internet.down.add(bo.host)
    assert bo.deliver(bo.activity("Follow", ADA)) == 503
    del internet.documents[bo.id]
    internet.down.clear()
    other = RemoteUser(site, internet, "gone", "c.example")
    del internet.documents[other.id]
    assert other.deliver(other.activity("Follow", ADA)) == 401
    assert URL_PAUSE


def _forget_key_fetches(site: SiteFixture) -> None:
    """Behave as minutes later."""
    assert site.federation is not None
    site.federation.inbox.actors._key_fetches._addresses.clear()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{}", 400),
        (b"[]", 400),
        (b"nonsense", 400),
        (b'{"type":"Follow"}', 400),
        (b'{"type":"Follow","actor":"x","object":"y"}', 400),
        (b"[" * 50_000, 400),
        (b'"' + b"x" * (1024 * 1024 - 1), 400),
        (b'{"a":"' + b"x" * (1024 * 1024) + b'"}', 413),
    ],
    ids=["empty", "object", "list", "text", "no actor", "no uris", "deep", "long text", "too long"],
)
def test_nonsense_is_refused_and_stored_nowhere(site: SiteFixture, bo: RemoteUser, body: bytes, status: int) -> None:
    assert bo.post(body, bo.headers(body, "/inbox")).status == status
    assert stored(site) == 0


@pytest.mark.parametrize("content_type", ["application/json", "text/html", "application/ld+json", "multipart/form-data; boundary=x", ""])
def test_only_activities_are_accepted(bo: RemoteUser, content_type: str) -> None:
    body = orjson.dumps(bo.activity("Follow", ADA))
    assert bo.post(body, bo.headers(body, "/inbox") | {"Content-Type": content_type}).status == 415


def test_a_large_body_needs_a_signature(site: SiteFixture, bo: RemoteUser) -> None:
    body = orjson.dumps(bo.activity("Follow", ADA, padding="x" * 500_000))
    headers = bo.headers(body, "/inbox")
    assert bo.post(body, headers).status == 202
    del headers["Signature"]
    assert bo.post(body, headers).status in (401, 413)
    assert stored(site) == 1


def test_an_inbox_of_nobody(bo: RemoteUser) -> None:
    assert bo.deliver(bo.activity("Follow", ADA), "/users/nobody/inbox") == 404


def test_a_suspended_account_only_takes_back(site: SiteFixture, bo: RemoteUser) -> None:
    follow = bo.do("Follow", ADA)
    site.cursor.execute("update accounts set suspended_at = now() where host is not null")
    assert bo.deliver(bo.activity("Block", ADA)) == 403
    bo.do("Undo", follow)
    assert followers(site) == []


def test_the_allow_list_lets_nobody_in(cursor: Cursor, tmp_path: Path, internet: Internet) -> None:
    site = build_site(cursor, tmp_path, internet, public_url=URL, federation="allowlist")
    site.registered_user("ada")
    bo = RemoteUser(site, internet)
    assert bo.deliver(bo.activity("Follow", ADA)) == 403
    assert internet.requests == []


def test_without_federation_there_is_no_inbox(cursor: Cursor, tmp_path: Path, internet: Internet) -> None:
    site = build_site(cursor, tmp_path, internet, public_url=URL)
    site.registered_user("ada")
    bo = RemoteUser(site, internet)
    assert bo.deliver(bo.activity("Follow", ADA)) == 404
    assert follows.count_requests(site.cursor, followee=site.viewer("ada").id) == 0


def test_a_long_activity_has_its_effect(site: SiteFixture, bo: RemoteUser) -> None:
    assert bo.deliver(bo.activity("Follow", ADA, summary="x" * LONG)) == 202
    run_effects(site)
    assert followers(site) == [bo.id]


def test_a_long_activity_is_to_be_sent_again_while_too_many_are_read(site: SiteFixture, bo: RemoteUser) -> None:
    assert site.federation is not None
    bo.do("Follow", ADA)  # the key is known
    site.federation.inbox.actors.fetcher.long_documents.capacity = 0
    body = orjson.dumps(bo.activity("Follow", ADA, summary="x" * LONG))
    response = bo.post(body, bo.headers(body, "/inbox"))
    assert (response.status, response.header("Retry-After")) == (503, "5")
    assert (stored(site), bo.deliver(bo.activity("Follow", ADA))) == (1, 202)


def test_a_crowded_activity_is_refused(site: SiteFixture, bo: RemoteUser) -> None:
    assert bo.deliver(bo.activity("Follow", ADA, tag=[{}] * MAX_ACTIVITY_BRACKETS)) == 400
    assert stored(site) == 0
