"""Record of what was delivered, of several hosts in one transaction: most deliveries of a popular post go to hosts with nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from microblog.federation.host_delivery import HostDelivery
from microblog.federation.waiting import after
from microblog.storage import deliveries as rows
from microblog.storage import federation_days
from microblog.storage.database import Cursor, Transactions

GAP_S = 0.05  # in which hosts are collected
PAUSES = (0.1, 0.5, 2.0, 5.0, 10.0)  # seconds between tries; after that, the leases expire and all is sent again
_log = Logger()


@define(eq=False)
class DeliveryRecorder:
    """Records what was delivered, and releases the hosts."""

    database: Transactions
    reactor: IReactorTime
    worker: str
    _waiting: list[tuple[HostDelivery, Deferred[bool]]] = field(init=False, factory=list)

    async def record(self, delivery: HostDelivery) -> bool:
        """Record what was done for a host; False if that failed for good."""
        done: Deferred[bool] = Deferred()
        self._waiting.append((delivery, done))
        if len(self._waiting) == 1:
            Deferred.fromCoroutine(self._record_soon())
        return await done

    async def _record_soon(self) -> None:
        await after(self.reactor, GAP_S)
        waiting, self._waiting = self._waiting, []
        is_recorded = await self._recorded([delivery for delivery, _ in waiting])
        for _, done in waiting:
            done.callback(is_recorded)

    async def _recorded(self, deliveries: Sequence[HostDelivery]) -> bool:
        for pause in (*PAUSES, None):
            try:
                await self.database.run(record, deliveries, worker=self.worker)
            except Exception:
                if pause is None:
                    _log.failure("Deliveries to {count} hosts could not be recorded: they will be sent again", count=len(deliveries))
                    return False
                await after(self.reactor, pause)
            else:
                return True
        raise AssertionError("unreachable")


def record(cursor: Cursor, deliveries: Sequence[HostDelivery], *, worker: str) -> None:
    """Store what was done for each host, and release them."""
    rows.lock(cursor, hosts=[delivery.host for delivery in deliveries])
    rows.delete(cursor, ids=[id for delivery in deliveries for id in delivery.done])
    delivered, failed = (sum(counts) for counts in zip(*(delivery.counts for delivery in deliveries), strict=True))
    federation_days.add_deliveries(cursor, day=deliveries[0].now().astimezone(UTC).date(), delivered=delivered, failed=failed)
    if healthy := [delivery.host for delivery in deliveries if delivery.went_well]:
        rows.release_healthy(cursor, hosts=healthy, worker=worker)
    for delivery in deliveries:
        if not delivery.went_well:
            delivery.record(cursor, worker=worker)
