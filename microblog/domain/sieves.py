"""Everybody's filters as they are held against posts: read once, remembered, and forgotten when they change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import define, field

from microblog.model.accounts import Viewer
from microblog.model.events import Event, EventKind
from microblog.model.filters import NOTHING, Sieve
from microblog.model.ids import AccountId
from microblog.storage import filters
from microblog.storage.database import Transactions

REMEMBERED = 10_000
LONGEST = timedelta(minutes=1)  # even if nothing is heard of a change


@define
class Sieves:
    """Remembers filters by whose they are. Runs on the reactor thread."""

    database: Transactions
    now: Callable[[], datetime]
    remembered: int = REMEMBERED
    _kept: dict[AccountId, tuple[Sieve, datetime]] = field(factory=dict, init=False)
    _changes: int = field(default=0, init=False)

    async def of(self, viewer: Viewer | None) -> Sieve:
        """The viewer's filters; nothing for nobody."""
        if viewer is None:
            return NOTHING
        kept = self._kept.get(viewer.id)
        if kept is not None and self.now() - kept[1] < LONGEST:
            return kept[0]
        changes, begun = self._changes, self.now()
        found = await self.database.read(filters.of_account, account=viewer.id)
        sieve = Sieve(tuple(found)) if found else NOTHING
        if changes == self._changes:  # else it may be outdated already
            self._keep(viewer.id, sieve, begun)
        return sieve

    def _keep(self, account: AccountId, sieve: Sieve, at: datetime) -> None:
        self._kept.pop(account, None)
        if len(self._kept) >= self.remembered:
            del self._kept[next(iter(self._kept))]
        self._kept[account] = sieve, at

    def forget(self, account: AccountId) -> None:
        """Their filters have changed."""
        self._changes += 1
        self._kept.pop(account, None)

    def hear(self, event: Event) -> None:
        """What happened, here or in another process."""
        if event.kind is EventKind.FILTERS_CHANGED and event.account_id is not None:
            self.forget(AccountId(event.account_id))
