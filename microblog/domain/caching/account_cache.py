"""Cache of accounts with their counters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from attrs import define, field

from microblog.domain.caching import cache_keys
from microblog.domain.caching.counters import account_with_counts
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.model.accounts import Account
from microblog.model.ids import AccountId
from microblog.storage import accounts
from microblog.storage.database import Transactions

CAPACITY = 3_000


@define
class AccountCache:
    """Accounts that are not deleted, as storage/accounts.py loads them."""

    database: Transactions
    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    capacity: int = CAPACITY
    _cache: DependencyCache[Account] = field(init=False)

    def __attrs_post_init__(self) -> None:
        log = self.invalidation_log

        def refreshed(account: Account, since: int) -> Account:
            return account_with_counts(account, log, since)

        self._cache = DependencyCache(log, self.now, self.capacity, "accounts", refresh=refreshed)

    async def load(self, ids: Collection[AccountId]) -> dict[AccountId, Account]:
        """Return the accounts by id, without those that do not exist."""
        position = await self.invalidation_log.position()
        found = {id: cached for id in ids if (cached := self._cache.get(id, position)) is not None}
        missing = [id for id in ids if id not in found]
        if missing:
            read = await self.database.read(accounts.by_ids, ids=missing)
            self.store(read, position)
            found |= {account.id: account for account in read}
        return found

    def store(self, accounts: Iterable[Account], position: int) -> None:
        """Keep accounts that were read after `InvalidationLog.position()` had returned `position`."""
        for account in accounts:
            self._cache.put(account.id, account, cache_keys.of_keys(cache_keys.of_account(account.id)), position)
