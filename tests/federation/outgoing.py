"""Remote followers as rows, and activities that are read back from the database."""

from __future__ import annotations

from typing import Any

import orjson
from attrs import define, field, frozen

from microblog.federation.documents.ids import SiteIds
from microblog.federation.outbound import handlers
from microblog.federation.outgoing import Outgoing
from microblog.federation.recipients import InboxRules
from microblog.model.accounts import Account, Viewer
from microblog.model.domain_rules import DomainRules
from microblog.model.events import Event, EventKind, Position
from microblog.storage.database import Cursor
from tests import make
from tests.make import NOW

SITE = SiteIds("https://site.test")


def remote_actor(cursor: Cursor, host: str = "b.example", name: str | None = None, *, shared: bool = True, origin: str = "") -> Account:
    """Create an account of another server with its inboxes. `origin` replaces its https URL."""
    account = make.remote_account(cursor, name, host)
    base = origin or f"https://{host}"
    cursor.execute("update accounts set uri = %s where id = %s", [f"{base}/users/{account.username}", account.id])
    cursor.execute(
        "insert into remote_actors (account_id, kind, inbox, shared_inbox, fetched_at) values (%s, 'Person', %s, %s, now())",
        [account.id, f"{base}/users/{account.username}/inbox", f"{base}/inbox" if shared else None],
    )
    return make.reload(cursor, account)


def remote_follower(cursor: Cursor, of: Account | Viewer, host: str = "b.example", **options: Any) -> Account:
    """Create an account of another server that follows one of this site."""
    account = remote_actor(cursor, host, **options)
    make.follow(cursor, account, of)
    return account


@frozen
class SentActivity:
    """An activity with the inboxes that it waits for."""

    kind: str
    document: Any
    inboxes: list[str]
    followers_only: bool

    @property
    def hosts(self) -> list[str]:
        """Return the hosts of the inboxes."""
        return [url.split("/")[2] for url in self.inboxes]


def sent_activities(cursor: Cursor) -> list[SentActivity]:
    """Return all activities with deliveries, in order."""
    cursor.execute(
        """select o.kind, o.body, array_agg(d.inbox order by d.inbox), o.followers_only
           from outgoing_activities o join deliveries d on d.activity_id = o.id group by o.id order by o.id"""
    )
    return [SentActivity(kind, orjson.loads(body), inboxes, private) for kind, body, inboxes, private in cursor.fetchall()]


@define
class OutboundFixture:
    """Makes activities of the events of a transaction that is rolled back: the loop itself reads committed ones only."""

    cursor: Cursor
    domains: DomainRules = field(factory=DomainRules)
    tells_blocks: bool = True
    _handled: int = 0

    def run(self) -> list[SentActivity]:
        """Handle the new events; return the activities of these."""
        outgoing = Outgoing(SITE, lambda: InboxRules(SITE.host, self.domains), lambda: NOW, self.tells_blocks)
        made, cursor = handlers(outgoing), self.cursor
        cursor.execute("delete from deliveries")
        cursor.execute("select id, kind, account_id, subject_id, post_id, data, at from events where id > %s order by id", [self._handled])
        for id, kind, *columns in cursor.fetchall():
            if handler := made.get(EventKind(kind)):
                handler(cursor, Event(Position("e", 1, id), EventKind(kind), *columns))
            self._handled = id
        return sent_activities(cursor)

    def one(self) -> SentActivity:
        """Handle the new events, of which one must become an activity."""
        [sent] = self.run()
        return sent
