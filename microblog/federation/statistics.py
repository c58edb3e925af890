"""Numbers of the traffic with other servers, for administrators."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import frozen

from microblog.model.federation_statistics import FederationFigures, TrafficTotals
from microblog.storage import delivery_stats, federation_days
from microblog.storage.database import Cursor, Transactions

DAYS, MAX_HOSTS = 14, 50
GRACE = timedelta(minutes=1)  # after which every transaction that stores an activity has ended


@frozen
class FederationStatistics:
    """Reads the numbers, and counts received activities."""

    database: Transactions
    now: Callable[[], datetime]

    async def figures(self) -> FederationFigures:
        """Return the numbers as they are now."""
        await self.count_received()
        return await self.database.read(read_figures)

    async def count_received(self) -> None:
        """Count the activities that arrived since the last count. Safe to repeat and to run at once."""
        await self.database.run(federation_days.count_received, until=self.now() - GRACE)

    async def totals(self) -> TrafficTotals:
        """Return the numbers since the site began to federate; received activities are counted a few minutes later."""
        return await self.database.read(federation_days.totals)


def read_figures(cursor: Cursor) -> FederationFigures:
    """Return the numbers as they were last counted."""
    days, failing = federation_days.recent(cursor, limit=DAYS), delivery_stats.failing_hosts(cursor, limit=MAX_HOSTS)
    return FederationFigures(delivery_stats.counts(cursor), tuple(days), tuple(failing))
