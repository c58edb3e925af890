"""Cache of the keys of other servers, for which most activities would ask the database otherwise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import define, field

from microblog.domain.caching import cache_keys
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.model.ids import AccountId
from microblog.model.remote_actors import KnownKey
from microblog.storage import remote_actors
from microblog.storage.database import Transactions

CAPACITY = 4_000


@define
class KeyCache:
    """Stored keys with the state of their owners, kept correct by the invalidation log."""

    database: Transactions
    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    _cache: DependencyCache[KnownKey] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._cache = DependencyCache(self.invalidation_log, self.now, CAPACITY, "remote_keys")

    async def key(self, key_id: str) -> KnownKey | None:
        """Return a stored key; None if it is unknown or its owner was deleted."""
        position = await self.invalidation_log.position()
        cached = self._cache.get(key_id, position)
        if cached is not None:
            return cached
        found = await self.database.read(remote_actors.key, key_id=key_id)
        if found is not None:
            owner = AccountId(found.account_id)
            dependencies = cache_keys.of_keys(cache_keys.of_remote_keys(owner), cache_keys.of_account_state(owner))
            self._cache.put(key_id, found, dependencies, position)
        return found
