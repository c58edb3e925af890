"""Everybody's filters as they are held against posts: read once, remembered until they change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import define, field

from microblog.domain.caching import cache_keys
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.model.accounts import Viewer
from microblog.model.filters import NOTHING, FilterSet
from microblog.model.ids import AccountId
from microblog.storage import filters
from microblog.storage.database import Transactions

REMEMBERED = 10_000


@define
class FilterCache:
    """Remembers filters by whose they are. Runs on the reactor thread."""

    database: Transactions
    now: Callable[[], datetime]
    invalidation_log: InvalidationLog = field()
    capacity: int = REMEMBERED
    _kept: DependencyCache[FilterSet] = field(init=False)

    @invalidation_log.default
    def _own_log(self) -> InvalidationLog:
        return InvalidationLog(self.database)

    def __attrs_post_init__(self) -> None:
        self._kept = DependencyCache(self.invalidation_log, self.now, self.capacity, "filters")

    async def of(self, viewer: Viewer | None) -> FilterSet:
        """The viewer's filters; nothing for nobody."""
        return NOTHING if viewer is None else await self.of_account(viewer.id)

    async def of_account(self, account: AccountId) -> FilterSet:
        """The filters of an account."""
        place = await self.invalidation_log.position()
        kept = self._kept.get(account, place)
        if kept is None:
            found = await self.database.read(filters.of_account, account=account)
            kept = FilterSet(tuple(found), account) if found else NOTHING
            self._kept.put(account, kept, cache_keys.of_keys(cache_keys.of_viewer_state(account)), place)
        return kept
