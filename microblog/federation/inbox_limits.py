"""Limit of what a server may have waiting here: one that sends faster than this site works is asked to come back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import define, field

from microblog.federation import bounds
from microblog.model.errors import TooMany
from microblog.storage import incoming_activities
from microblog.storage.database import Transactions

COUNTED_FOR = timedelta(days=1)
"""Age up to which activities count. What waits longer was given up: its effect failed for good."""
RETRY_AFTER_S = 60
RECOUNT_AFTER = timedelta(seconds=10)  # for a host that is over the limit
MAX_REMEMBERED = 10_000  # hosts


@define
class _Host:
    """Activities and bytes that this process stored for a host since they were counted, and since when the host is over the limit."""

    stored: int = 0
    bytes: int = 0
    full_since: datetime | None = None


@define
class WaitingLimit:
    """Refuses activities of a host of which too many, or too many bytes, wait for their effect.

    They are counted in the database once per `step` activities or `byte_step` bytes of a host that this process stores, so that receiving
    one costs nothing. With several processes a host can have a few hundred more than `most`.
    """

    database: Transactions
    now: Callable[[], datetime]
    most: int = bounds.MAX_WAITING_ACTIVITIES
    most_bytes: int = bounds.MAX_WAITING_BYTES
    step: int = 250
    byte_step: int = 8 * 1024 * 1024
    _hosts: OrderedDict[str, _Host] = field(init=False, factory=OrderedDict)

    async def check(self, host: str) -> None:
        """Raise TooMany if the host has to wait."""
        found = self._hosts.get(host)
        if found is None:
            return
        if found.stored >= self.step or found.bytes >= self.byte_step or self._is_due(found):
            await self._count(host)
            found = self._hosts.get(host)
        if found is not None and found.full_since is not None:
            raise TooMany("Too many activities of your server wait here. Please send them again later.", retry_after=RETRY_AFTER_S)

    def add(self, host: str, size: int) -> None:
        """Note that an activity of this size was stored."""
        found = self._hosts.setdefault(host, _Host())
        found.stored += 1
        found.bytes += size
        self._hosts.move_to_end(host)
        if len(self._hosts) > MAX_REMEMBERED:
            self._hosts.popitem(last=False)

    def _is_due(self, host: _Host) -> bool:
        return host.full_since is not None and self.now() - host.full_since >= RECOUNT_AFTER

    async def _count(self, host: str) -> None:
        now = self.now()
        count, size = await self.database.read(incoming_activities.waiting, host=host, since=now - COUNTED_FOR, limit=self.most)
        self._hosts[host] = _Host(full_since=now if count >= self.most or size >= self.most_bytes else None)
