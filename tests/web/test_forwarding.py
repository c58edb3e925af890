"""Activities that another server than the actor's delivers: what they name is fetched, and nothing in them is believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from microblog.domain.rate_limits import MINUTE, LimitScope, RateLimit
from microblog.federation import forwarding
from microblog.federation.forwarding import ForwardedPosts
from microblog.model.jobs import RetryLater
from microblog.model.posts import Post
from microblog.model.remote_requests import RemoteResponse
from microblog.storage import posts, remote_posts
from microblog.storage.database import Cursor, fetch_all
from tests import make
from tests.fakes import result_of
from tests.federation.documents import PUBLIC
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
def forwarder(site: SiteFixture, internet: Internet) -> RemoteUser:
    return RemoteUser(site, internet, "fay", "f.example", private_key(1))


@pytest.fixture
def bo(site: SiteFixture, internet: Internet) -> RemoteUser:
    return RemoteUser(site, internet)


@pytest.fixture
def parent(site: SiteFixture, cursor: Cursor) -> str:
    post = make.post(cursor, site.viewer("ada"))
    return f"{ADA}/statuses/{post.id}"


def reply(bo: RemoteUser, parent: str, **changes: Any) -> dict[str, Any]:
    plain = {"id": f"{bo.id}/1", "type": "Note", "attributedTo": bo.id, "content": "<p>true</p>", "inReplyTo": parent, "to": [PUBLIC]}
    return {**plain, **changes}


def forwarded(forwarder: RemoteUser, activity: dict[str, Any]) -> int:
    """Deliver somebody else's activity, with a signature of the forwarder, and let what is stored have its effect; return the status."""
    body = orjson.dumps({**activity, "signature": {"type": "RsaSignature2017", "creator": "https://b.example/users/bo#main-key"}})
    status = forwarder.post(body, forwarder.headers(body, "/inbox")).status
    run_effects(forwarder.site)
    run_forwards(forwarder.site)
    return status


def run_forwards(site: SiteFixture) -> None:
    """Do the jobs that fetch."""
    assert site.federation is not None
    waiting = fetch_all(site.cursor, str, "select payload->>'uri' from jobs where kind = 'federation.forwarded' and state = 'waiting'")
    for uri in waiting:
        result_of(ForwardedPosts(site.federation.effects.posts).fetch(uri, lambda cursor: None))
    site.cursor.execute("delete from jobs where kind = 'federation.forwarded'")


def found(site: SiteFixture, uri: str) -> Post | None:
    known = remote_posts.by_uri(site.cursor, uri=uri)
    return posts.by_ids(site.cursor, [known.id]).get(known.id) if known else None


def test_a_forwarded_reply_is_fetched_from_its_own_server(
    site: SiteFixture, bo: RemoteUser, forwarder: RemoteUser, internet: Internet, parent: str
) -> None:
    note = reply(bo, parent)
    internet.documents[note["id"]] = note
    assert forwarded(forwarder, bo.activity("Create", {**note, "content": "<p>forged</p>"})) == 202
    post = found(site, note["id"])
    assert post is not None
    assert (post.html, post.author.uri) == ("<p>true</p>", bo.id)
    assert forwarded(forwarder, bo.activity("Create", note)) == 202
    assert internet.asked.count(note["id"]) == 1


def test_edits_and_deletions_are_fetched(site: SiteFixture, bo: RemoteUser, forwarder: RemoteUser, internet: Internet, parent: str) -> None:
    note = reply(bo, parent, published="2020-01-01T00:00:00Z", to=[PUBLIC, ADA])
    bo.do("Create", note)
    edited = {**note, "content": "<p>new</p>", "updated": "2020-01-02T00:00:00Z"}
    internet.documents[note["id"]] = edited
    forwarded(forwarder, bo.activity("Update", {**edited, "content": "<p>forged</p>"}))
    post = found(site, note["id"])
    assert (post and post.html) == "<p>new</p>"
    forwarded(forwarder, bo.activity("Delete", note["id"]))
    assert found(site, note["id"]) is not None  # its server still has it
    internet.documents[note["id"]] = {"id": note["id"], "type": "Tombstone"}
    forwarded(forwarder, bo.activity("Delete", {"id": note["id"], "type": "Tombstone"}))
    assert found(site, note["id"]) is None


@pytest.mark.parametrize(
    ("status", "audience", "stays"), [(404, PUBLIC, False), (410, PUBLIC, False), (404, "", True), (403, PUBLIC, True)]
)
def test_what_its_server_does_not_have_is_deleted(
    site: SiteFixture, bo: RemoteUser, forwarder: RemoteUser, internet: Internet, status: int, audience: str, stays: bool
) -> None:
    note = reply(bo, "https://x.example/1", to=[ADA, *filter(None, [audience])])
    bo.do("Create", note)
    assert found(site, note["id"]) is not None
    internet.documents[note["id"]] = RemoteResponse(status, {}, b"")
    forwarded(forwarder, bo.activity("Delete", note["id"]))
    assert (found(site, note["id"]) is not None) == stays


def test_a_server_that_does_not_respond_is_asked_later(bo: RemoteUser, forwarder: RemoteUser, internet: Internet, parent: str) -> None:
    forwarder.do("Follow", ADA)
    internet.down.add(bo.host)
    with pytest.raises(RetryLater):
        forwarded(forwarder, bo.activity("Create", reply(bo, parent)))


def test_what_is_of_no_interest_is_not_fetched(bo: RemoteUser, forwarder: RemoteUser, internet: Internet) -> None:
    forwarder.do("Follow", ADA)
    asked = len(internet.requests)
    note = reply(bo, "https://x.example/1")
    for kind in ("Create", "Update", "Delete"):
        assert forwarded(forwarder, bo.activity(kind, note)) == 202
    assert forwarded(forwarder, bo.activity("Like", note["id"])) == 401
    assert forwarded(forwarder, bo.activity("Follow", ADA)) == 401
    assert forwarded(forwarder, bo.activity("Create", {**note, "id": "https://x.example/2"})) == 401
    assert len(internet.requests) == asked


def test_a_forwarder_causes_so_many_fetches(
    bo: RemoteUser, forwarder: RemoteUser, internet: Internet, parent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forwarder.do("Follow", ADA)
    monkeypatch.setattr(forwarding, "FORWARDS", RateLimit("federation-forwards", 3, 5 * MINUTE, LimitScope.NETWORK))
    for number in range(6):
        note = reply(bo, parent, id=f"{bo.id}/{number}")
        internet.documents[note["id"]] = note
        assert forwarded(forwarder, bo.activity("Create", note)) == 202
    assert len([url for url in internet.asked if url.startswith(f"{bo.id}/")]) == 3


def test_the_author_of_the_parent_is_notified_when_the_reply_itself_arrives(
    site: SiteFixture, bo: RemoteUser, forwarder: RemoteUser, internet: Internet, parent: str
) -> None:
    note = reply(bo, parent)
    internet.documents[note["id"]] = note
    kinds = "select kind from notifications"
    forwarded(forwarder, bo.activity("Create", note))
    assert fetch_all(site.cursor, str, kinds) == []
    for _ in range(2):
        bo.do("Create", note)
        assert fetch_all(site.cursor, str, kinds) == ["mention"]


def test_a_reply_to_a_member_goes_on_to_the_servers_of_her_followers_which_fetch_it(
    site: SiteFixture, bo: RemoteUser, forwarder: RemoteUser, internet: Internet, parent: str
) -> None:
    for follower in (bo, forwarder):
        follower.do("Follow", ADA)
    answer = internet.documents[f"{bo.id}/1"] = reply(bo, parent, cc=[ADA])
    create = bo.activity("Create", answer, signature={"type": "RsaSignature2017", "creator": f"{bo.id}#main-key", "signatureValue": "x"})
    assert bo.deliver(create) == 202
    run_effects(site)
    rows = fetch_all(
        site.cursor,
        lambda *row: row,
        """select a.username, d.inbox, o.body from deliveries d join outgoing_activities o on o.id = d.activity_id
            join accounts a on a.id = o.account_id where o.kind = 'forward'""",
    )
    assert rows == [("ada", f"{forwarder.id}/inbox", orjson.dumps(create).decode())]
