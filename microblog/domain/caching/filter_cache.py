"""Everybody's filters as they are held against posts: read once, remembered until they change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import define, field

from microblog.domain.caching import cache_keys
from microblog.domain.caching.invalidation import Changes, Memory
from microblog.model.accounts import Viewer
from microblog.model.filters import NOTHING, Sieve
from microblog.model.ids import AccountId
from microblog.storage import filters
from microblog.storage.database import Transactions

REMEMBERED = 10_000


@define
class Sieves:
    """Remembers filters by whose they are. Runs on the reactor thread."""

    database: Transactions
    now: Callable[[], datetime]
    changes: Changes = field()
    remembered: int = REMEMBERED
    _kept: Memory[Sieve] = field(init=False)

    @changes.default
    def _of_its_own(self) -> Changes:
        return Changes(self.database)

    def __attrs_post_init__(self) -> None:
        self._kept = Memory(self.changes, self.now, self.remembered, "filters")

    async def of(self, viewer: Viewer | None) -> Sieve:
        """The viewer's filters; nothing for nobody."""
        return NOTHING if viewer is None else await self.of_account(viewer.id)

    async def of_account(self, account: AccountId) -> Sieve:
        """The filters of an account."""
        place = await self.changes.place()
        kept = self._kept.get(account, place)
        if kept is None:
            found = await self.database.read(filters.of_account, account=account)
            kept = Sieve(tuple(found), account) if found else NOTHING
            self._kept.put(account, kept, cache_keys.of_keys(cache_keys.of_view(account)), place)
        return kept
