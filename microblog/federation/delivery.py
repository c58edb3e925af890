"""Delivery of activities to other servers.

Hosts are claimed under a lease, so that one process at a time delivers to a host, in the order in which things happened. Each host has a
request in flight at most, so one that does not respond keeps nobody waiting: after some seconds it does not even take a place any more.
A delivery is deleted after it arrived. If the process dies in between, it is sent again, and recognised by its id.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from attrs import define, evolve, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from microblog.federation.delivery_recorder import DeliveryRecorder
from microblog.federation.documents.ids import SiteIds
from microblog.federation.fetching import SignedRequests
from microblog.federation.host_delivery import HostDelivery, Pace
from microblog.federation.waiting import Sleeper, after
from microblog.model.deliveries import Delivery
from microblog.model.domain_rules import DomainRules
from microblog.model.errors import Unavailable
from microblog.storage import deliveries as rows
from microblog.storage.database import Cursor, Transactions
from microblog.storage.deliveries import ClaimedHost

BATCH = 20  # deliveries to a host for one claim: then other hosts have their turn
CLAIM_GAP_S = 0.1  # between two claims, so that hosts are claimed together while many are served
_log = Logger()


@define
class DeliveryStats:
    """Counters of this process: deliveries that arrived, were given up, or are tried again."""

    delivered: int = 0
    failed: int = 0
    retried: int = 0
    lease_lost: int = 0


@define(eq=False)
class Deliveries:
    """Delivers to many hosts at a time.

    `name` is unique to this process, also after a restart; `chance` returns uniform random numbers in [0, 1); `domains` the rules of the
    site as they are now. `concurrency` limits the hosts at a time; one that has not responded for `patience` seconds is not counted any
    more, up to `slow` of them. Times are in seconds: `poll` between checks without a wake-up, `lease` how long a claim is valid without a
    heartbeat, `drain` how long `stop` waits for responses.
    """

    database: Transactions
    requests: SignedRequests
    ids: SiteIds
    domains: Callable[[], DomainRules]
    now: Callable[[], datetime]
    reactor: IReactorTime
    name: str
    chance: Callable[[], float]
    pace: Pace
    concurrency: int = 64
    slow: int = 192
    patience: float = 2.0
    poll: float = 2.0
    lease: float = 60.0
    drain: float = 8.0
    stats: DeliveryStats = field(init=False, factory=DeliveryStats)
    _running: dict[str, HostDelivery] = field(init=False, factory=dict)
    _loops: list[Deferred[None]] = field(init=False, factory=list)
    _sleeper: Sleeper = field(init=False)
    _recorder: DeliveryRecorder = field(init=False)
    _stopping: bool = field(init=False, default=False)
    _checked_at: float = field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        self._sleeper = Sleeper(self.reactor, CLAIM_GAP_S)
        self._recorder = DeliveryRecorder(self.database, self.reactor, self.name)

    @property
    def hosts(self) -> Collection[str]:
        """Hosts that this process delivers to now."""
        return list(self._running)

    def start(self) -> None:
        """Start delivering. Returns at once."""
        self._stopping, self._checked_at = False, self.reactor.seconds()
        self._loops = [Deferred.fromCoroutine(self._claim_loop()), Deferred.fromCoroutine(self._heartbeat_loop())]

    async def stop(self) -> None:
        """Claim no more hosts, wait up to `drain` seconds for responses, then release the rest. What arrived is recorded."""
        self._stopping = True
        loops, self._loops = self._loops, []
        self.wake()
        if loops:
            await loops[0]
        for delivery in self._running.values():
            delivery.stopping = True
        until = self.reactor.seconds() + self.drain
        while self._running and (left := until - self.reactor.seconds()) > 0:
            await self._sleeper.sleep(left)
        for delivery in self._running.values():
            delivery.cancel()
        while self._running:  # each records what it did, in bounded time
            await self._sleeper.sleep(self.poll)
        for loop in loops[1:]:
            loop.cancel()

    def wake(self) -> None:
        """Check for deliveries soon. Cheap."""
        self._sleeper.wake()

    def age(self) -> float:
        """Return the seconds since the last successful check for deliveries."""
        return self.reactor.seconds() - self._checked_at

    def healthy(self) -> bool:
        """True while the loop checks for deliveries as often as it should."""
        return bool(self._loops) and self.age() < max(30.0, 3 * self.poll)

    async def _claim_loop(self) -> None:
        while not self._stopping:
            try:
                pause = await self._claim()
            except Unavailable:
                pause = self.poll
            except Exception:
                _log.failure("Deliveries to other servers could not be checked; trying again")
                pause = self.poll
            if not self._stopping:
                await self._sleeper.sleep(pause)

    async def _claim(self) -> float:
        """Claim hosts and begin to deliver to them. Returns the seconds until the next check; a host that is done wakes the loop."""
        due = await self.database.read(rows.next_due)
        self._checked_at = self.reactor.seconds()
        now, free = self.now(), self._free()
        if due is None or free <= 0 or self._stopping:
            return min(self.poll, self.patience)
        if due > now:
            return min(self.poll, (due - now).total_seconds())
        until = now + timedelta(seconds=self.lease)
        claimed = await self.database.run(_claim, worker=self.name, lease_until=until, now=now, limit=free)
        for one, found in claimed:
            if one.host in self._running:  # its lease expired, and this process claimed it again
                self._abandon(one.host)
            self._begin(one, found)
        return 0.0 if len(claimed) == free and self._free() > 0 else self.poll

    def _free(self) -> int:
        """Return how many more hosts may be served now."""
        since = self.reactor.seconds() - self.patience
        counted = sum(1 for delivery in self._running.values() if delivery.moved_at >= since)
        return min(self.concurrency - counted, self.concurrency + self.slow - len(self._running))

    def _begin(self, claimed: ClaimedHost, due: Sequence[Delivery]) -> None:
        host, state = claimed.host, claimed.state
        delivery = HostDelivery(host, state, self.requests, self.ids, self.pace, self.now, self.chance, self.reactor)
        self._running[host] = delivery
        Deferred.fromCoroutine(self._supervise(delivery, due))

    async def _supervise(self, delivery: HostDelivery, due: Sequence[Delivery]) -> None:
        """Deliver what is due to a host, and record it. Raises nothing."""
        try:
            await delivery.deliver(self.database, due, allowed=self.domains().is_allowed(delivery.host))
        except (Unavailable, CancelledError):
            pass
        except Exception:
            _log.failure("Deliveries to {host} could not be made", host=delivery.host)
            delivery.state = evolve(delivery.state, paused_until=self.now() + timedelta(seconds=self.lease))
        if await self._recorder.record(delivery):
            self.stats.delivered += delivery.delivered
            self.stats.failed += delivery.failed
            self.stats.retried += len(delivery.retries)
        if self._running.get(delivery.host) is delivery:
            del self._running[delivery.host]
        self.wake()

    async def _heartbeat_loop(self) -> None:
        """Extend the leases of the claimed hosts, three times per lease."""
        try:
            while True:
                await after(self.reactor, self.lease / 3)
                await self._extend()
        except CancelledError:
            return

    async def _extend(self) -> None:
        hosts = dict(self._running)
        if not hosts:
            return
        until = self.now() + timedelta(seconds=self.lease)
        try:
            held = await self.database.run(rows.extend_lease, hosts=list(hosts), worker=self.name, lease_until=until)
        except Exception:
            _log.failure("The leases of {count} hosts could not be extended; trying again", count=len(hosts))
            return
        for host, delivery in hosts.items():
            if host not in held and self._running.get(host) is delivery:
                self._abandon(host)

    def _abandon(self, host: str) -> None:
        """Stop delivering to a host that another process has claimed."""
        _log.warn("The host {host} was claimed by another process because the lease had expired", host=host)
        self.stats.lease_lost += 1
        self._running.pop(host).abandon()


def _claim(cursor: Cursor, *, worker: str, lease_until: datetime, now: datetime, limit: int) -> list[tuple[ClaimedHost, list[Delivery]]]:
    """Claim hosts; return them with what is due."""
    claimed = rows.claim_hosts(cursor, worker=worker, lease_until=lease_until, now=now, limit=limit)
    found = rows.due(cursor, hosts=[one.host for one in claimed], now=now, limit=BATCH) if claimed else {}
    return [(one, found[one.host]) for one in claimed]
