"""A started site, and a server that fails, stops, lies and repeats itself: nothing is lost, done twice, or harmed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from attrs import define
from mastodon import Mastodon
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from microblog.federation.keys import generate_private_pem, load_private_key
from tests.acceptance.accounts import register_account
from tests.acceptance.federation_sites import actor_id, start_after_kill, until
from tests.acceptance.site_process import SiteProcess, site_process
from tests.federation.odd_server import OddServer, document, hangs, redirects, run_odd_server

pytestmark = pytest.mark.acceptance

FIRST_PAUSE_HAS_PASSED = """with waiting as (
        update deliveries set due_at = due_at - interval '20 seconds' where host = %s returning host)
    update hosts set due_at = due_at - interval '20 seconds', paused_until = paused_until - interval '20 seconds'
    where host in (select host from waiting)"""


@define
class Meeting:
    """The site with a member, and the other server, whose accounts she can follow."""

    site: SiteProcess
    server: OddServer
    ada: Mastodon

    @property
    def ada_id(self) -> str:
        """Return the id of the member."""
        return actor_id(self.site, self.ada)

    async def follow(self, name: str) -> None:
        """Let the member follow an account of the other server, which accepts."""
        [account] = (await deferToThread(self.ada.search_v2, self.server.actor(name), resolve=True)).accounts
        await deferToThread(self.ada.account_follow, account)
        [follow] = await until(lambda: [each for each in self.received("Follow") if each["object"] == self.server.actor(name)])
        assert await self.server.deliver(name, self.server.activity(name, "Accept", follow["id"])) == 202
        await until(lambda: self.ada.account_relationships(account)[0].following)

    async def be_followed(self, name: str) -> None:
        """Let an account of the other server follow the member."""
        before = self.ada.me().followers_count
        assert await self.server.deliver(name, self.server.activity(name, "Follow", self.ada_id)) == 202
        await until(lambda: self.ada.me().followers_count == before + 1)

    def received(self, *types: str) -> list[Any]:
        """Return the activities of these types that arrived at the other server."""
        return [each for each in self.server.activities if each["type"] in types]

    def home(self) -> list[str]:
        """Return the ids of the posts on the member's home timeline, oldest first."""
        return [post.uri for post in reversed(self.ada.timeline_home(limit=40))]

    def stored(self) -> int:
        """Return how many activities of others the site has stored."""
        return int(self.value("select count(*) from incoming_activities"))

    def undelivered(self) -> int:
        """Return how many activities the site has still to deliver to the other server."""
        return int(self.value("select count(*) from deliveries where host = %s", self.server.host))

    def value(self, sql: str, *values: object) -> Any:
        """Return the value of a query on the site's database."""
        [(found,)] = self.site.query(sql, *values)
        return found

    async def front_page(self) -> None:
        """Look at the site's front page."""
        assert (await deferToThread(self.site.get, "/"))[0] == 200


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SiteProcess, list[OddServer]]]:
    """The site, and servers that it may talk to: one for each test, because a site leaves one alone that did not answer."""
    settings = {"federation": "on", "rate_limits": "off", "registration": "open"}
    with ExitStack() as stack:
        site = stack.enter_context(site_process(tmp_path_factory.mktemp("odd"), **settings))
        servers = [stack.enter_context(run_odd_server(site.port)) for _ in range(12)]
        site.settings["federation_test_addresses"] = ", ".join(server.host for server in servers)
        site.start()
        yield site, servers
        site.stop()
        assert "Traceback" not in site.log
        assert "Unhandled" not in site.log


@pytest.fixture
def meeting(federation: tuple[SiteProcess, list[OddServer]]) -> Meeting:
    site, servers = federation
    return Meeting(site, servers.pop(), register_account(site, "ada"))


UNDONE = """select count(*) from jobs j join incoming_activities i on i.id = (j.payload->>'activity')::bigint
    join accounts a on a.id = i.signer_id where j.kind = 'federation.activity' and j.state in ('waiting', 'running') and a.uri like %s"""


async def test_a_killed_site_loses_nothing_and_does_nothing_twice(meeting: Meeting) -> None:
    server, ada = meeting.server, meeting.ada
    await meeting.follow("bo")
    await meeting.be_followed("bo")
    notes = [server.note("bo", f"<p>Number {number}</p>") for number in range(5)]
    creates = [server.activity("bo", "Create", note) for note in notes]
    with closing(psycopg2.connect(meeting.site.database_url())) as connection, connection.cursor() as cursor:
        cursor.execute("lock table posts in share mode")  # so that no job of an activity can end, and none of ada's posts be written
        assert [await server.deliver("bo", body) for body in creates] == [202] * 5
        await until(lambda: meeting.value("select count(*) from jobs where kind = 'federation.activity' and state = 'running'") > 0)
        assert meeting.value(UNDONE, f"{server.origin}/%") == 5
        meeting.site.kill()
    start_after_kill(meeting.site)
    texts = [f"Answer {number}" for number in range(5)]
    uris = [ada.status_post(text).uri for text in texts]
    meeting.site.kill()
    start_after_kill(meeting.site)
    await until(lambda: len(meeting.home()) == 10)

    def arrived() -> list[str]:
        return [each["object"]["id"] for each in meeting.received("Create")]

    await until(lambda: set(arrived()) == set(uris))
    assert list(dict.fromkeys(arrived())) == uris
    assert [await server.deliver("bo", body) for body in creates] == [202] * 5  # the answers may have been lost
    await deferLater(reactor, 1.0)
    assert sorted(meeting.home()) == sorted([*uris, *(note["id"] for note in notes)])


async def test_a_server_that_was_away_gets_everything_once_and_in_order(meeting: Meeting) -> None:
    server, ada = meeting.server, meeting.ada
    await meeting.be_followed("cy")
    await until(lambda: meeting.received("Accept") and meeting.undelivered() == 0)
    port = server.port
    await server.close()
    first, second = ada.status_post("One"), ada.status_post("Two")
    await until(lambda: meeting.undelivered() == 2)  # what is deleted before that is not sent at all
    ada.status_update(first, "One, changed")
    ada.status_delete(second)
    third = ada.status_post("Three", visibility="private")
    await until(lambda: meeting.undelivered() == 5)
    await until(lambda: meeting.value("select failures from hosts where host = %s", server.host) > 0)
    server.requests.clear()
    server.listen()
    assert server.port == port

    def done() -> list[tuple[str, str]]:
        return [(each["type"], each["object"]["id"]) for each in meeting.received("Create", "Update", "Delete")]

    expected = [("Create", first.uri), ("Create", second.uri), ("Update", first.uri), ("Delete", second.uri), ("Create", third.uri)]
    assert meeting.site.change(FIRST_PAUSE_HAS_PASSED, server.host) == 1  # it is of 15 seconds, or a little more or less
    await until(lambda: meeting.undelivered() == 0)
    assert done() == expected


async def test_a_replaced_key_is_fetched_once_and_forged_requests_fetch_nothing(meeting: Meeting) -> None:
    server, post = meeting.server, meeting.ada.status_post("A post")
    await deferToThread(meeting.ada.search_v2, server.actor("dora"), resolve=True)
    # Before that, a key cannot have been replaced.
    assert meeting.site.change("update remote_keys set fetched_at = fetched_at - interval '6 minutes'")
    old, server.key = server.key, load_private_key(generate_private_pem())
    server.requests.clear()
    assert await server.deliver("dora", server.activity("dora", "Like", post.uri)) == 202
    assert server.fetched.count("/users/dora") == 1
    server.key = old
    assert [await server.deliver("dora", server.activity("dora", "Follow", meeting.ada_id)) for _ in range(5)] == [401] * 5
    assert server.fetched.count("/users/dora") == 1


async def test_repeated_requests_have_one_effect(meeting: Meeting) -> None:
    server, post = meeting.server, meeting.ada.status_post("A post")
    await meeting.be_followed("ed")
    before = meeting.stored()
    body = server.activity("ed", "Create", server.note("ed", inReplyTo=post.uri))
    headers = server.signed("ed", body)
    for _ in range(4):
        statuses = await gatherResults([Deferred.fromCoroutine(server.post(headers, body)) for _ in range(50)])
        assert statuses == [202] * 50
    await until(lambda: meeting.ada.status(post).replies_count == 1)
    assert meeting.stored() == before + 1
    assert [each.type for each in meeting.ada.notifications()] == ["mention", "follow"]
    old = server.signed("ed", body, at=datetime.now(UTC) - timedelta(hours=14))
    assert await server.post(old, body) == 401


async def test_a_changed_byte_is_refused(meeting: Meeting) -> None:
    server, me = meeting.server, meeting.ada_id
    await meeting.be_followed("fay")
    before = meeting.stored()
    body = server.activity("fay", "Undo", {"type": "Follow", "actor": server.actor("fay"), "object": me})
    headers = server.signed("fay", body)
    assert await server.post(headers, body.replace(b"Undo", b"Und0")) == 401
    assert await server.post(headers, body + b" ") == 401
    assert await server.post(headers, body, "/actor/inbox") == 401
    for name in ("Date", "Digest", "Signature"):
        value = headers[name]
        changed = value[:-6] + ("A" if value[-6] != "A" else "B") + value[-5:]
        assert await server.post(headers | {name: changed}, body) in (400, 401)
        assert await server.post({key: each for key, each in headers.items() if key != name}, body) in (400, 401)
    assert meeting.stored() == before
    assert meeting.ada.me().followers_count == 1


async def test_refusals_say_why_and_store_nothing(meeting: Meeting) -> None:
    server, before = meeting.server, meeting.stored()
    body = server.activity("gus", "Follow", meeting.ada_id)
    assert await server.post(server.signed("gus", body) | {"Content-Type": "text/plain"}, body) == 415
    for wrong in (b"", b"{", b"[]", b"nonsense", b'"text"', b'{"type":"Follow"}', b"[" * 100_000, b"\xff\xfe{}", b'{"a":' * 5_000):
        assert await server.deliver("gus", wrong) == 400
    assert await server.deliver("gus", server.activity("gus", "Follow", meeting.ada_id, padding="x" * 2 * 1024 * 1024)) == 413
    assert await server.deliver("gus", server.activity("hal", "Follow", meeting.ada_id)) == 401
    assert await server.deliver("gus", body, "/users/nobody-at-all/inbox") == 404
    assert (meeting.stored(), meeting.ada.me().followers_count) == (before, 0)


async def test_a_server_that_does_not_answer_delays_nobody(meeting: Meeting) -> None:
    server = meeting.server
    server.answers |= {"/users/ivo": hangs, "/users/jo/statuses/1": hangs}
    waiting = Deferred.fromCoroutine(server.deliver("ivo", server.activity("ivo", "Follow", meeting.ada_id)))
    searches = [deferToThread(meeting.ada.search_v2, server.actor("jo") + "/statuses/1", resolve=True) for _ in range(3)]
    pages = 0
    while not waiting.called:
        await meeting.front_page()
        await deferLater(reactor, 0.2)
        pages += 1
    assert pages > 1  # while the site was waiting for the other server
    for each in searches:
        assert not (await each).statuses
    assert await waiting == 503  # the sender tries again


async def test_documents_without_end_are_not_read(meeting: Meeting) -> None:
    server = meeting.server
    large, note = {"padding": "x" * 2 * 1024 * 1024}, server.note("kim")
    server.answers |= {
        "/users/large": document(server.document("large") | large),
        "/users/lied": document(server.document("lied"), "application/json"),
        "/users/page": document(b"<html>", "text/html"),
        "/users/loop": redirects("/users/loop"),
        "/users/pong": redirects("/users/ping"),
        "/users/ping": redirects("/users/pong"),
        "/users/inside": redirects(f"http://127.0.0.1:{meeting.site.port}/actor"),
        "/users/metadata": redirects("http://169.254.169.254/latest/meta-data/"),
        note["id"].removeprefix(server.origin): document(note | large),
    }
    for name in ("large", "lied", "page", "loop", "ping", "inside", "metadata"):
        status = await server.deliver(name, server.activity(name, "Follow", meeting.ada_id))
        assert status == 401, name
        assert not (await deferToThread(meeting.ada.search_v2, server.actor(name), resolve=True)).accounts, name
    assert not (await deferToThread(meeting.ada.search_v2, note["id"], resolve=True)).statuses
    assert len(server.fetched) < 60
    assert meeting.ada.me().followers_count == 0


async def test_endless_threads_end(meeting: Meeting) -> None:
    server = meeting.server
    await meeting.follow("lea")
    parents = [server.note("lea", f"<p>Ancestor {number}</p>") for number in range(40)]
    for note, parent in zip(parents, [*parents[1:], parents[0]], strict=True):  # the last one is a reply to the first
        server.answers[note["id"].removeprefix(server.origin)] = document(note | {"inReplyTo": parent["id"]})
    reply = server.note("lea", "<p>The reply</p>", inReplyTo=parents[0]["id"])
    assert await server.deliver("lea", server.activity("lea", "Create", reply)) == 202
    await until(lambda: reply["id"] in meeting.home())

    def posts() -> list[str]:
        return [path for path in server.fetched if "/statuses/" in path]

    waiting = "select count(*) from jobs where state in ('waiting', 'running') and kind like 'federation.%' and due_at < now()"
    await until(lambda: len(posts()) >= 20 and meeting.value(waiting) == 0)
    assert len(posts()) == len(set(posts())) <= 25
    [found] = (await deferToThread(meeting.ada.search_v2, reply["id"], resolve=True)).statuses
    context = meeting.ada.status_context(found)
    assert len(context.ancestors) <= 25
    await meeting.front_page()
