"""Deliveries to servers on this machine, over real sockets."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from attrs import define

from microblog.federation.followers_sync import FollowersDigest, followers_digest
from microblog.federation.keys import read_public_key
from microblog.federation.retry_schedule import DAYS_BEFORE_DEATH
from microblog.federation.verification import read_claim
from microblog.model.deliveries import HostState
from microblog.model.domain_rules import DomainRule, DomainRules, DomainSeverity
from microblog.model.errors import Unavailable
from microblog.storage import accounts, deliveries
from microblog.storage.database import Transactions, fetch_all
from tests.federation.delivering import SITE, DeliveryFixture, numbers
from tests.federation.inbox_server import InboxServer, run_inbox_servers
from tests.federation.outgoing import remote_follower
from tests.make import NOW
from tests.waiting import until

MINUTE = timedelta(minutes=1)


@pytest.fixture
def servers() -> Iterator[list[InboxServer]]:
    with run_inbox_servers(4) as servers:
        yield servers


@pytest.fixture
def site(database_url: str, servers: list[InboxServer]) -> Iterator[DeliveryFixture]:
    site = DeliveryFixture(database_url, [server.port for server in servers])
    site.database.start()
    yield site
    site.close()


async def test_a_delivery_arrives_signed_by_its_actor(site: DeliveryFixture, servers: list[InboxServer]) -> None:
    ada, loop = site.viewer(), site.loop()
    site.send(ada, 1, *servers)
    loop.start()
    await until(lambda: all(numbers(server) == [1] for server in servers) and not any(map(site.waiting, servers)))
    await loop.stop()
    assert loop.stats.delivered == 4
    [request] = servers[0].received
    assert request.header("content-type") == "application/activity+json"
    key = (await site.keys.of(ada.account)).public
    claim = read_claim(request, datetime.now(UTC))
    assert claim.verify(read_public_key(key, key.owner)).actor == SITE.actor("ada")


async def test_a_dead_host_delays_nobody(database_url: str) -> None:
    with run_inbox_servers(16) as servers:
        *hanging, live = servers
        for server in hanging:
            server.hangs = True
        site = DeliveryFixture(database_url, [server.port for server in servers])
        site.database.start()
        ada, loop = site.viewer(), site.loop(concurrency=2, slow=20, patience=0.3)
        site.send(ada, 1, *hanging)
        for number in (2, 3):
            site.send(ada, number, live)
        loop.start()
        began = time.monotonic()
        await until(lambda: numbers(live) == [2, 3])
        assert time.monotonic() - began < 4.5  # the first requests hang for five seconds
        await loop.stop()
        assert loop.hosts == []
        assert site.waiting(hanging[0]) == 1
        site.close()


async def test_hosts_that_failed_come_after_the_others(site: DeliveryFixture, servers: list[InboxServer]) -> None:
    ada, order = site.viewer(), list[str]()
    for server in servers:
        server.arrived = lambda request: order.append(request.authority)
    servers[0].statuses = [500]
    first = site.loop()
    site.send(ada, 1, servers[0])
    first.start()
    await until(lambda: site.state(servers[0]).failures == 1)
    await first.stop()
    site.ahead += MINUTE
    order.clear()
    site.send(ada, 2, *servers)
    loop = site.loop(concurrency=1)
    loop.start()
    await until(lambda: len(order) == 5)
    await loop.stop()
    assert order[3:] == [servers[0].host] * 2
    assert site.state(servers[0]) == HostState()


async def test_order_per_author_and_host(site: DeliveryFixture, servers: list[InboxServer]) -> None:
    ada, bea, loop = site.viewer(), site.viewer("bea"), site.loop()
    server = servers[0]
    server.statuses = [429]
    for number in range(1, 4):
        site.send(ada, number, server)
        site.send(bea, number, server)
    loop.start()
    await until(lambda: numbers(server, "bea") == [1, 2, 3])  # what others do does not wait
    assert numbers(server) == [1]
    site.ahead += MINUTE
    await until(lambda: numbers(server) == [1, 1, 2, 3])
    await until(lambda: site.waiting(server) == 0)
    await loop.stop()
    assert (loop.stats.delivered, loop.stats.retried) == (6, 1)


async def test_410_ends_it(site: DeliveryFixture, servers: list[InboxServer]) -> None:
    ada, loop = site.viewer(), site.loop()
    servers[0].statuses = [410]
    for number in range(1, 4):
        site.send(ada, number, servers[0], path="/users/bo/inbox")
    site.send(ada, 4, servers[0])
    loop.start()
    await until(lambda: site.waiting(servers[0]) == 0)
    await loop.stop()
    assert numbers(servers[0]) == [1, 4]  # other inboxes of the host still get theirs
    enqueued = site.commit(lambda cursor: fetch_all(cursor, str, "select payload->>'inbox' from jobs where kind = 'federation.gone'"))
    assert enqueued == [f"{servers[0].origin}/users/bo/inbox"]
    assert (loop.stats.delivered, loop.stats.failed) == (1, 3)


@pytest.mark.parametrize("status", [400, 403, 404, 413, 501])
async def test_a_refusal_gives_up_one_delivery_only(site: DeliveryFixture, servers: list[InboxServer], status: int) -> None:
    ada, loop = site.viewer(), site.loop()
    servers[0].statuses = [status, status] if status == 400 else [status]  # after 400, the other form of signature is tried
    site.send(ada, 1, servers[0])
    site.send(ada, 2, servers[0])
    loop.start()
    await until(lambda: site.waiting(servers[0]) == 0)
    await loop.stop()
    assert (loop.stats.delivered, loop.stats.failed, site.state(servers[0]).failures) == (1, 1, 0)


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_obeyed(site: DeliveryFixture, servers: list[InboxServer], status: int) -> None:
    ada, loop = site.viewer(), site.loop()
    servers[0].statuses, servers[0].headers = [status], {"Retry-After": "7200"}
    site.send(ada, 1, servers[0])
    site.send(ada, 2, servers[0])
    loop.start()
    await until(lambda: site.state(servers[0]).paused_until is not None)
    for _ in range(7):
        site.ahead += 15 * MINUTE
        loop.wake()
        site.send(ada, 3, servers[1])
        await until(lambda: site.waiting(servers[1]) == 0)  # others are served meanwhile
    assert numbers(servers[0]) == [1]
    site.ahead += 30 * MINUTE
    await until(lambda: numbers(servers[0]) == [1, 1, 2])
    await loop.stop()


async def test_a_host_that_fails_is_left_alone_for_a_while(site: DeliveryFixture, servers: list[InboxServer]) -> None:
    people, loop = [site.viewer(f"user{number}") for number in range(5)], site.loop()
    servers[0].statuses = [500] * 100
    for who in people:
        site.send(who, 1, servers[0])
    loop.start()
    for count in range(1, 4):
        await until(lambda: len(servers[0].received) >= count)  # noqa: B023 - called at once
        assert len(servers[0].received) == count
        assert site.waiting(servers[0]) == 5
        site.ahead += MINUTE
    await loop.stop()
    assert "500" in site.state(servers[0]).last_error


async def test_all_that_waits_goes_once_and_in_order_when_the_next_try_succeeds(site: DeliveryFixture, servers: list[InboxServer]) -> None:
    ada, loop, server = site.viewer(), site.loop(), servers[0]
    server.statuses = [500] * 3
    for number in range(5):
        site.send(ada, number, server)
    loop.start()
    for count in range(1, 4):
        await until(lambda: len(server.received) == count and site.state(server).failures == count)  # noqa: B023 - called at once
        site.ahead += timedelta(hours=1)
    await until(lambda: site.waiting(server) == 0)
    assert site.state(server) == HostState()
    await loop.stop()
    assert numbers(server) == [0, 0, 0, 0, 1, 2, 3, 4]


async def test_a_dead_host_that_sends_something_gets_what_happens_from_then_on(site: DeliveryFixture, servers: list[InboxServer]) -> None:
    ada, loop, server = site.viewer(), site.loop(lease=30 * 24 * 3_600.0), servers[0]
    server.statuses = [500] * DAYS_BEFORE_DEATH
    for number in range(3):
        site.send(ada, number, server)
    loop.start()
    for day in range(1, DAYS_BEFORE_DEATH + 1):
        await until(lambda: len(site.state(server).failed_days) == day)  # noqa: B023 - called at once
        assert (site.waiting(server) == 0, site.state(server).dead_since is not None) == (day == DAYS_BEFORE_DEATH,) * 2
        site.ahead += timedelta(days=1)
    site.send(ada, 3, server)
    site.send(ada, 4, servers[1])
    await until(lambda: numbers(servers[1]) == [4])
    assert (numbers(server), site.waiting(server)) == ([0] * DAYS_BEFORE_DEATH, 0)
    site.commit(lambda cursor: deliveries.seen(cursor, host=server.host, now=site.now()))
    for number in (5, 6):
        site.send(ada, number, server)
    await until(lambda: site.waiting(server) == 0)
    await loop.stop()
    assert numbers(server) == [*[0] * DAYS_BEFORE_DEATH, 5, 6]
    assert site.state(server) == HostState()


async def test_nothing_goes_to_a_suspended_domain(site: DeliveryFixture, servers: list[InboxServer]) -> None:
    ada, loop = site.viewer(), site.loop()
    site.send(ada, 1, servers[0])
    site.domains = DomainRules([DomainRule("127.0.0.1", DomainSeverity.SUSPEND)])  # after it was queued
    loop.start()
    await until(lambda: site.waiting(servers[0]) == 0)
    await loop.stop()
    assert servers[0].received == []


async def test_private_posts_carry_the_followers_digest(site: DeliveryFixture, servers: list[InboxServer]) -> None:
    ada, loop, server = site.viewer(), site.loop(), servers[0]
    here = [site.commit(lambda cursor: remote_follower(cursor, ada, server.host, origin=server.origin)) for _ in range(3)]
    site.commit(lambda cursor: remote_follower(cursor, ada, "other.example"))
    site.send(ada, 1, server, followers_only=True)
    site.send(ada, 2, server)
    loop.start()
    await until(lambda: site.waiting(server) == 0)
    await loop.stop()
    private, public = server.received
    found = FollowersDigest.parse(private.header("collection-synchronization") or "")
    assert found is not None
    assert found.digest == followers_digest(one.uri or "" for one in here)
    assert found.collection == SITE.followers("ada")
    key = (await site.keys.of(ada.account)).public
    proof = read_claim(private, datetime.now(UTC)).verify(read_public_key(key, key.owner))
    assert found.is_credible(proof, SITE.followers("ada"))
    assert public.header("collection-synchronization") is None


async def test_401_is_the_end_for_a_deleted_author(site: DeliveryFixture, servers: list[InboxServer]) -> None:
    ada, loop = site.viewer(), site.loop()
    servers[0].statuses = [401, 401]
    site.send(ada, 1, servers[0])
    site.commit(lambda cursor: accounts.mark_deleted(cursor, id=ada.id, at=NOW))
    loop.start()
    await until(lambda: site.waiting(servers[0]) == 0)
    await loop.stop()
    assert loop.stats.failed == 1


async def test_two_processes_deliver_each_activity_once(site: DeliveryFixture, servers: list[InboxServer]) -> None:
    ada, loops = site.viewer(), [site.loop(), site.loop()]
    for number in range(30):
        site.send(ada, number, *servers)
    for loop in loops:
        loop.start()
    await until(lambda: not any(map(site.waiting, servers)))
    for loop in loops:
        await loop.stop()
    assert [numbers(server) for server in servers] == [list(range(30))] * 4


async def test_stopping_waits_for_a_response_but_not_for_ever(site: DeliveryFixture, servers: list[InboxServer]) -> None:
    ada, loop = site.viewer(), site.loop()
    servers[0].hangs = True
    site.send(ada, 1, *servers[:2])
    loop.start()
    await until(lambda: numbers(servers[0]) == [1] and site.waiting(servers[1]) == 0)
    began = time.monotonic()
    await loop.stop()
    assert 0.9 < time.monotonic() - began < 4
    servers[0].hangs = False
    again = site.loop()  # which need not wait for the end of a lease, only for the first pause
    site.ahead += MINUTE
    again.start()
    await until(lambda: site.waiting(servers[0]) == 0)
    await again.stop()


@define
class _FlakyDatabase:
    """A database that can be switched off."""

    real: Transactions
    is_down: bool = False

    async def run(self, f: Any, /, *args: Any, **kwargs: Any) -> Any:
        """See `Transactions`."""
        return await self._call(self.real.run, f, *args, **kwargs)

    async def read(self, f: Any, /, *args: Any, **kwargs: Any) -> Any:
        """See `Transactions`."""
        return await self._call(self.real.read, f, *args, **kwargs)

    async def _call(self, call: Callable[..., Any], f: Any, *args: Any, **kwargs: Any) -> Any:
        if self.is_down:
            raise Unavailable("The database is away.")
        return await call(f, *args, **kwargs)


async def test_an_outage_of_the_database_loses_nothing(site: DeliveryFixture, servers: list[InboxServer]) -> None:
    ada, database = site.viewer(), _FlakyDatabase(site.database)
    loop = site.loop(database)

    def fail(_: object) -> None:
        database.is_down = True  # between the request and the record of it

    servers[0].arrived = fail
    for number in range(3):
        site.send(ada, number, servers[0])
    loop.start()
    await until(lambda: database.is_down)
    servers[0].arrived = lambda _: None
    began = time.monotonic()
    await until(lambda: time.monotonic() - began > 0.8)
    assert site.waiting(servers[0]) == 3
    database.is_down = False
    await until(lambda: site.waiting(servers[0]) == 0)
    site.send(ada, 3, servers[0])
    await until(lambda: site.waiting(servers[0]) == 0)
    assert numbers(servers[0]) == [0, 1, 2, 3]
    await loop.stop()


async def test_a_process_that_dies_after_sending_sends_again_what_it_had_not_recorded(
    site: DeliveryFixture, servers: list[InboxServer]
) -> None:
    ada, server = site.viewer(), servers[0]
    await site.keys.of(ada.account)
    site.send(ada, 1, server)
    site.send(ada, 2, server)
    server.hangs = True
    arguments = [sys.executable, "-m", "tests.federation.delivery_process", site.url, str(server.port)]
    with subprocess.Popen(arguments) as process:
        try:
            await until(lambda: numbers(server) == [1], 30.0)
        finally:
            process.kill()
    server.hangs = False
    site.send(ada, 3, server)
    loop = site.loop(lease=2.0)
    loop.start()
    site.ahead += MINUTE  # its lease has ended
    await until(lambda: site.waiting(server) == 0)
    await loop.stop()
    assert numbers(server) == [1, 1, 2, 3]
    assert server.activities[0] == server.activities[1] == orjson.loads(server.received[0].body)
