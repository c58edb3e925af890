"""Deliveries on a database of their own, to servers on this machine."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import orjson
from attrs import define, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from microblog.adapters.federation_client import FederationClient
from microblog.federation.actor_keys import ActorKeys
from microblog.federation.delivery import Deliveries
from microblog.federation.documents.ids import SiteIds
from microblog.federation.fetching import SignedRequests
from microblog.federation.host_delivery import Pace
from microblog.federation.keys import KeySealer
from microblog.model.accounts import Viewer
from microblog.model.deliveries import HostState, Inbox, OutgoingActivity, OutgoingKind
from microblog.model.domain_rules import DomainRules
from microblog.storage import deliveries, outgoing_activities
from microblog.storage.database import Connection, Cursor, Database, Transactions, connect
from tests import make
from tests.federation.inbox_server import InboxServer

T = TypeVar("T")
SITE = SiteIds("https://site.test")
_clock: Any = reactor


@define
class DeliveryFixture:
    """Loops on one database. `ahead` is how far their clock is ahead of the real one."""

    url: str
    ports: Sequence[int]
    ahead: timedelta = timedelta(0)
    domains: DomainRules = field(factory=DomainRules)
    database: Database = field(init=False)
    client: FederationClient = field(init=False)
    keys: ActorKeys = field(init=False)
    _connection: Connection = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.database = Database(self.url, reactor)
        self._connection = connect(self.url)
        exceptions = frozenset(("127.0.0.1", port) for port in self.ports)
        self.client = FederationClient(reactor, "microblog/1", seconds=5.0, exceptions=exceptions)
        self.keys = ActorKeys(self.database, KeySealer(b"s" * 32), SITE, deferToThread, self.now)

    def now(self) -> datetime:
        """Return the time of the loops."""
        return datetime.now(UTC) + self.ahead

    def loop(self, database: Transactions | None = None, **options: Any) -> Deliveries:
        """Return a loop, not yet started."""
        requests = SignedRequests(self.client, self.keys, deferToThread, self.now)
        name, pace = f"loop-{random.random()}", Pace(_clock, 1_000.0)
        options = {"poll": 0.05, "drain": 1.0, "lease": 7_200.0} | options  # longer than tests let the clock jump
        own = database or self.database
        return Deliveries(own, requests, SITE, lambda: self.domains, self.now, _clock, name, random.random, pace, **options)

    def commit(self, work: Callable[[Cursor], T]) -> T:
        """Run the work in a transaction and commit it."""
        with self._connection, self._connection.cursor() as cursor:
            return work(cursor)

    def close(self) -> None:
        """Close all connections."""
        Deferred.fromCoroutine(self.client.stop())
        self.database.stop()
        self._connection.close()

    def viewer(self, name: str = "ada") -> Viewer:
        """Create a person."""
        return self.commit(lambda cursor: make.viewer(cursor, name))

    def send(self, who: Viewer, number: int, *servers: InboxServer, followers_only: bool = False, path: str = "/inbox") -> None:
        """Queue an activity with this number for the servers."""
        body = orjson.dumps({"id": f"{SITE.actor(who.account.username)}#{number}", "type": "Create"}).decode()
        activity = OutgoingActivity(OutgoingKind.CREATE, who.id, body, followers_only)
        inboxes = [Inbox(server.host, server.origin + path) for server in servers]
        self.commit(lambda cursor: outgoing_activities.add(cursor, activity, inboxes=inboxes, now=self.now()))

    def waiting(self, server: InboxServer) -> int:
        """Return how many deliveries wait for a server."""
        return self.commit(lambda cursor: deliveries.waiting(cursor, host=server.host))

    def state(self, server: InboxServer) -> HostState:
        """Return how deliveries to a server went."""
        found = self.commit(lambda cursor: deliveries.state(cursor, host=server.host))
        assert found is not None
        return found


def numbers(server: InboxServer, name: str = "ada") -> list[int]:
    """Return the numbers of the activities of a person that arrived at a server."""
    return [int(one["id"].partition("#")[2]) for one in server.activities if one["id"].startswith(f"{SITE.actor(name)}#")]
