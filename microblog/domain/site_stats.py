"""The site in figures, and who runs it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import frozen

from microblog.model.accounts import Account
from microblog.storage import site_stats
from microblog.storage.database import Cursor, Transactions


@frozen
class SiteFigures:
    """What the page about the site tells."""

    people: int
    posts: int
    admins: tuple[Account, ...]


@frozen
class SiteStats:
    """Counts."""

    database: Transactions
    now: Callable[[], datetime]

    async def active(self, days: int) -> int:
        """How many people were here in the last so many days."""
        return await self.database.read(site_stats.active, since=self.now() - timedelta(days=days))

    async def figures(self) -> SiteFigures:
        """As they are now."""
        return await self.database.read(_figures)


def _figures(cursor: Cursor) -> SiteFigures:
    people, posts = site_stats.totals(cursor)
    return SiteFigures(people, posts, tuple(site_stats.staff(cursor)))
