"""Cache of compiled filters per account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import define, field

from microblog.domain.caching import cache_keys
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.model.accounts import Viewer
from microblog.model.filters import NO_FILTERS, FilterSet
from microblog.model.ids import AccountId
from microblog.storage import filters
from microblog.storage.database import Transactions

CAPACITY = 10_000


@define
class FilterCache:
    """Compiled filters by account. Use on the reactor thread only."""

    database: Transactions
    now: Callable[[], datetime]
    invalidation_log: InvalidationLog = field()
    capacity: int = CAPACITY
    _cache: DependencyCache[FilterSet] = field(init=False)

    @invalidation_log.default
    def _own_log(self) -> InvalidationLog:
        return InvalidationLog(self.database)

    def __attrs_post_init__(self) -> None:
        self._cache = DependencyCache(self.invalidation_log, self.now, self.capacity, "filters")

    async def of(self, viewer: Viewer | None) -> FilterSet:
        """Return the viewer's filters; no filters for anonymous visitors."""
        return NO_FILTERS if viewer is None else await self.of_account(viewer.id)

    async def of_account(self, account: AccountId) -> FilterSet:
        """Return the filters of an account."""
        position = await self.invalidation_log.position()
        cached = self._cache.get(account, position)
        if cached is None:
            found = await self.database.read(filters.of_account, account=account)
            cached = FilterSet(tuple(found), account) if found else NO_FILTERS
            self._cache.put(account, cached, cache_keys.of_keys(cache_keys.of_viewer_state(account)), position)
        return cached
