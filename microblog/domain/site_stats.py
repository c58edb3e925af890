"""Site statistics for the about page and the API: totals and staff."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import frozen

from microblog.model.accounts import Account
from microblog.storage import site_stats
from microblog.storage.database import Cursor, Transactions


@frozen
class SiteFigures:
    """Totals of the site."""

    people: int
    posts: int
    admins: tuple[Account, ...]


@frozen
class SiteStats:
    """Counts accounts, posts and active users."""

    database: Transactions
    now: Callable[[], datetime]

    async def active(self, days: int) -> int:
        """Return how many accounts were active in the last `days` days."""
        return await self.database.read(site_stats.active, since=self.now() - timedelta(days=days))

    async def peers(self) -> list[str]:
        """Return the other servers of which accounts are known."""
        return await self.database.read(site_stats.peers)

    async def figures(self) -> SiteFigures:
        """Return the current totals."""
        return await self.database.read(_figures)


def _figures(cursor: Cursor) -> SiteFigures:
    accounts, posts = site_stats.totals(cursor)
    return SiteFigures(accounts, posts, tuple(site_stats.staff(cursor)))
