"""The posts that changed recently, with what the rules of timelines need to know of them.

Each changed post is read once for all cached timelines, which then decide in memory whether it is on them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from attrs import Factory, define

from microblog.coroutines import Lock
from microblog.domain.caching.invalidation import InvalidationLog
from microblog.model.caches import CacheFigures, estimated_bytes
from microblog.model.ids import AccountId, PostId
from microblog.model.timeline_rules import PostFacts
from microblog.storage import timeline_facts
from microblog.storage.database import Transactions

MAX_CHANGES = 5_000
MAX_AT_ONCE = 500  # more changes since the last read empty the journal: reading timelines again is cheaper


@define(eq=False, repr=False)
class PostJournal:
    """Changed posts in the order of the invalidation log, from one of its positions to another."""

    database: Transactions
    invalidation_log: InvalidationLog
    _start: int = 0
    _end: int = 0
    _positions: list[int] = Factory(list)
    _ids: list[PostId] = Factory(list)
    _facts: dict[PostId, PostFacts | None] = Factory(dict)
    _lock: Lock = Factory(Lock)
    hits: int = 0
    misses: int = 0

    def __attrs_post_init__(self) -> None:
        self.invalidation_log.caches.append(self)

    def figures(self) -> CacheFigures:
        """Usage for metrics. A miss is a timeline for which the journal does not reach back far enough."""
        return CacheFigures("post_journal", self.hits, self.misses, len(self._facts), estimated_bytes(self._facts.values()))

    async def advance(self) -> int:
        """Read what changed up to the current position of the log, and return that position."""
        position = await self.invalidation_log.position()
        if self._end < position:
            async with self._lock:
                if self._end < position:
                    await self._read(position)
        return position

    def since(self, position: int) -> dict[PostId, PostFacts | None] | None:
        """Return the posts that changed since that position (None: deleted); None if the journal does not reach back so far."""
        if position < self._start:
            self.misses += 1
            return None
        self.hits += 1
        return {id: self._facts[id] for id in self._ids[bisect_left(self._positions, position) :]}

    async def _read(self, position: int) -> None:
        changed = self.invalidation_log.keys_since(self._end) if self._end else None
        ids = set(map(PostId, _numbers("p", changed or ())))
        if accounts := set(map(AccountId, _numbers("x", changed or ()))):  # their posts are read after the change, so that none is missed
            ids |= await self.database.read(timeline_facts.ids_by_authors, accounts=accounts, limit=MAX_AT_ONCE + 1)
        if changed is None or len(ids) > MAX_AT_ONCE:
            self._start, self._positions, self._ids, self._facts = position, [], [], {}
        elif ids:
            found = await self.database.read(timeline_facts.of_posts, ids)
            # The position before the changes: a timeline that was read in between applies them once more, which changes nothing.
            self._positions += [position - 1] * len(ids)
            self._ids += ids
            self._facts |= {id: found.get(id) for id in ids}
            self._trim()
        self._end = position

    def _trim(self) -> None:
        if len(self._ids) > MAX_CHANGES:
            cut = len(self._ids) - MAX_CHANGES // 2
            self._start = self._positions[cut - 1] + 1
            del self._positions[:cut], self._ids[:cut]
            self._facts = {id: self._facts[id] for id in self._ids}


def _numbers(prefix: str, keys: Iterable[str]) -> Iterator[int]:
    """Yield the numbers of the keys that are the prefix and a number."""
    return (int(key[1:]) for key in keys if key[0] == prefix and key[1:].isdecimal())
