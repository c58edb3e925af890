"""The loop that makes activities of the event log, on committed transactions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from attrs import define, field
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from microblog.federation.actor_keys import ActorKeys
from microblog.federation.keys import KeySealer
from microblog.federation.outbound import Outbound, handlers
from microblog.federation.outgoing import Outgoing
from microblog.federation.recipients import InboxRules
from microblog.model.accounts import Viewer
from microblog.model.events import Event, EventKind
from microblog.storage import events, outbound_position
from microblog.storage.database import Connection, Cursor, Database, connect, execute
from tests import make
from tests.federation.outgoing import SITE, SentActivity, remote_follower, sent_activities
from tests.make import NOW

T = TypeVar("T")


@define
class Site:
    """A database of its own, and what makes activities on it."""

    url: str
    database: Database
    keys: ActorKeys
    connection: Connection
    woken: list[None] = field(factory=list)

    def outbound(self, **changed: Callable[[Cursor, Event], int]) -> Outbound:
        """Return a reader of the log. `changed` replaces the handlers of kinds of events."""
        made = dict(handlers(Outgoing(SITE, lambda: InboxRules(SITE.host), lambda: NOW)))
        made |= {kind: changed[kind.name] for kind in made if kind.name in changed}
        return Outbound(self.database, self.keys, made, reactor, lambda: self.woken.append(None), poll=0.05)

    def commit(self, work: Callable[[Cursor], T]) -> T:
        """Run the work in a transaction and commit it."""
        with self.connection, self.connection.cursor() as cursor:
            return work(cursor)

    @property
    def sent(self) -> list[SentActivity]:
        """All activities."""
        return self.commit(sent_activities)

    def account(self) -> Viewer:
        """Create a person with a follower elsewhere."""

        def make_account(cursor: Cursor) -> Viewer:
            viewer = make.viewer(cursor)
            remote_follower(cursor, viewer)
            return viewer

        return self.commit(make_account)

    def post(self, who: Viewer) -> str:
        """Publish a post; return its id elsewhere."""
        return SITE.post(who.account.username, self.commit(lambda cursor: make.post(cursor, who)).id)


@pytest.fixture
def site(database_url: str) -> Iterator[Site]:
    """A site whose event log is open."""
    database = Database(database_url, reactor)
    database.start()
    keys = ActorKeys(database, KeySealer(b"s" * 32), SITE, deferToThread, lambda: NOW)
    with contextlib.closing(connect(database_url)) as connection:
        site = Site(database_url, database, keys, connection)
        site.commit(lambda cursor: events.open_log(cursor, "first"))
        yield site
    database.stop()


async def all_steps(outbound: Outbound) -> None:
    """Run the loop until it has handled everything."""
    while await outbound.step():
        pass


def posts_of(sent: list[SentActivity]) -> list[str]:
    return [activity.document["object"]["id"] for activity in sent]


async def test_it_begins_at_the_end_of_the_log(site: Site) -> None:
    ada, outbound = site.account(), site.outbound()
    site.post(ada)
    await all_steps(outbound)
    assert site.sent == []
    new = site.post(ada)
    await all_steps(outbound)
    assert posts_of(site.sent) == [new]
    assert site.woken == [None]


async def test_each_event_becomes_one_activity_in_the_order_of_the_log(site: Site) -> None:
    ada, outbound = site.account(), site.outbound()
    await all_steps(outbound)
    made = [site.post(ada) for _ in range(5)]
    await all_steps(outbound)
    made.append(site.post(ada))
    await all_steps(site.outbound())  # another process, which goes on where the first one was
    assert posts_of(site.sent) == made


async def test_one_process_of_a_site_does_it(site: Site) -> None:
    ada, outbound = site.account(), site.outbound()
    await all_steps(outbound)
    made = site.post(ada)
    with contextlib.closing(connect(site.url)) as other, other.cursor() as cursor:
        assert outbound_position.lock(cursor)
        assert not await outbound.step()
        assert site.sent == []
        other.rollback()  # the transaction of a closed connection ends some time later
    await all_steps(outbound)
    assert posts_of(site.sent) == [made]


async def test_what_was_not_committed_is_made_again(site: Site) -> None:
    ada, calls = site.account(), list[Event]()
    publish = site.outbound().handlers[EventKind.POST_PUBLISHED]

    def dies_once(cursor: Cursor, event: Event) -> int:
        calls.append(event)
        written = publish(cursor, event)
        if len(calls) == 1:
            raise RuntimeError
        return written

    outbound = site.outbound(POST_PUBLISHED=dies_once)
    await all_steps(outbound)
    made = site.post(ada)
    with contextlib.suppress(RuntimeError):
        await outbound.step()
    assert site.sent == []
    await all_steps(outbound)
    assert posts_of(site.sent) == [made]


async def test_an_event_that_cannot_be_handled_does_not_stop_the_others(site: Site) -> None:
    ada, outbound = site.account(), site.outbound(FOLLOWED=broken)
    await all_steps(outbound)
    site.commit(lambda cursor: events.record(cursor, EventKind.FOLLOWED, at=NOW, account=ada.id))
    made = site.post(ada)
    outbound.start()
    while not site.sent:
        await deferLater(reactor, 0.05)
    await outbound.stop()
    assert posts_of(site.sent) == [made]
    assert outbound.skipped == 1


async def test_after_a_restore_on_another_server_it_begins_at_the_end(site: Site) -> None:
    ada, outbound = site.account(), site.outbound()
    await all_steps(outbound)
    site.post(ada)
    site.commit(lambda cursor: execute(cursor, "update event_log set cluster = 1"))
    await site.database.run(events.open_log, "second")
    await all_steps(outbound)
    made = site.post(ada)
    await all_steps(outbound)
    assert posts_of(site.sent) == [made]


async def test_a_missing_key_pair_is_made(site: Site) -> None:
    ada, outbound = site.account(), site.outbound()
    await all_steps(outbound)
    site.commit(lambda cursor: events.record(cursor, EventKind.ACCOUNT_CHANGED, at=NOW, account=ada.id))
    outbound.start()
    while not site.sent:
        await deferLater(reactor, 0.05)
    await outbound.stop()
    [sent] = site.sent
    assert sent.document["object"]["publicKey"]["publicKeyPem"].startswith("-----BEGIN PUBLIC KEY-----")


async def test_it_reads_soon_after_an_event_that_concerns_other_servers(site: Site) -> None:
    ada, outbound = site.account(), site.outbound()
    outbound.poll = 1_000.0
    await all_steps(outbound)
    outbound.start()
    await deferLater(reactor, 0.2)
    site.post(ada)
    for event in site.commit(lambda cursor: events.after(cursor, "first", xid=0, id=0, limit=10)):
        outbound.published(event)
    while not site.sent:
        await deferLater(reactor, 0.05)
    assert outbound.healthy()
    await outbound.stop()


def broken(cursor: Cursor, event: Event) -> int:
    raise ValueError("a mistake in the code")
