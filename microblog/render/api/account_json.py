"""Accounts as API JSON, encoded once for as long as they do not change."""

from __future__ import annotations

import orjson
from attrs import define, field

from microblog.model.accounts import Account
from microblog.model.caches import CacheFigures, estimated_bytes
from microblog.model.ids import AccountId
from microblog.render.api.accounts import ACCOUNT
from microblog.render.api.site import SiteUrls

MAX_ENTRIES = 10_000


@define(repr=False)
class AccountJsonCache:
    """Encodes Account entities, and caches up to `capacity`; the least recently used are evicted first."""

    site: SiteUrls
    capacity: int = MAX_ENTRIES
    hits: int = 0
    misses: int = 0
    _entries: dict[AccountId, tuple[Account, bytes]] = field(factory=dict, init=False)

    def figures(self) -> CacheFigures:
        """Return the cache's statistics."""
        return CacheFigures("account_json", self.hits, self.misses, len(self._entries), estimated_bytes(self._entries.values()))

    def encoded(self, account: Account) -> orjson.Fragment:
        """Return the Account entity as JSON."""
        entry = self._entries.pop(account.id, None)
        if entry is None or (entry[0] is not account and entry[0] != account):
            self.misses += 1
            entry = account, orjson.dumps(ACCOUNT(account, self.site))
        else:
            self.hits += 1
        self._entries[account.id] = entry
        if len(self._entries) > self.capacity:
            del self._entries[next(iter(self._entries))]
        return orjson.Fragment(entry[1])
