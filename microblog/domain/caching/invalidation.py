"""What this process may keep of what it has read, and for how long it is true.

Every change of a table is told by keys (migration 0012). Whoever keeps something says on which keys it rests, and from which place in what
was told it was read; it is good as long as none of them was told since. So nothing is kept by the clock, and nothing is answered that a
look at the tables would not have: own commands count at once, those of other processes as soon as a wake comes, or `patience` seconds
later at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from datetime import datetime
from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred

from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.model.caches import Cache, CacheFigures, estimated_bytes
from microblog.storage import invalidation_log
from microblog.storage.database import Transactions
from microblog.storage.invalidation_log import EVERYTHING, ChangedKeys

MOST_CHANGED_KEYS = 50_000
POLL_INTERVAL_S = 0.5  # while somebody asks, though nothing was heard of
V = TypeVar("V")


@define(eq=False)
class InvalidationLog:
    """Reads what changed, when somebody asks: all who ask at the same time share one look.

    `patience` is for how many seconds a look serves those who ask later, if nothing was committed here and no wake came; None: not at all.
    `caches` are those whose figures go to metrics.
    """

    database: Transactions
    max_age: float | None = None
    seconds: Callable[[], float] = time.monotonic
    caches: list[Cache] = field(factory=list)
    reads: int = 0
    _seen: ChangedKeys | None = None
    _told: list[str] = field(factory=list)
    _first: int = 1
    _woken: bool = True
    _looked_at: float = 0.0
    _begun: int = 0
    _ended: int = 0
    _waiting: list[Deferred[None]] = field(factory=list)

    def wake(self) -> None:
        """Something was committed: whoever asks next waits for a look."""
        self._woken = True

    def wake_before(self, then: Callable[[], None]) -> Callable[[], None]:
        """What to call after each commit here: a wake for us at once, then the rest."""

        def committed() -> None:
            self.wake()
            then()

        return committed

    async def position(self) -> int:
        """Where we are in what was told, once all that was committed here before this call is in it. Raises what the database raises."""
        if self._woken or self.max_age is None or self.seconds() - self._looked_at > self.max_age:
            wanted = self._begun + 1  # a look that began earlier may have missed something
            while self._ended < wanted:
                waiting: Deferred[None] = Deferred()
                self._waiting.append(waiting)
                if self._begun == self._ended:
                    Deferred.fromCoroutine(self._look())
                await waiting
        return self._first + len(self._told)

    def unchanged(self, keys: frozenset[str], place: int) -> bool:
        """True if none of the keys was told from that place on."""
        begin = place - self._first
        return begin >= 0 and (begin == len(self._told) or keys.isdisjoint(self._told[begin:]))

    def changed_keys(self, keys: frozenset[str], place: int) -> frozenset[str] | None:
        """Those of the keys that were told from that place on; None if that is not known any more."""
        begin = place - self._first
        return keys.intersection(self._told[begin:]) if begin >= 0 else None

    async def _look(self) -> None:
        self._begun += 1
        self.reads += 1
        self._woken, began, problem = False, self.seconds(), None
        try:
            if self._seen is None:
                self._seen = await self.database.read(invalidation_log.moment)
            else:
                self._seen, keys = await self.database.read(invalidation_log.changed_since, since=self._seen)
                self._hear(keys)
        except Exception as error:
            self._forget()
            self._woken, problem = True, error
        self._looked_at, self._ended = began, self._begun
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None) if problem is None else each.errback(problem)

    def _hear(self, keys: Iterable[str]) -> None:
        self._told.extend(keys)
        if EVERYTHING in keys or len(self._told) > MOST_CHANGED_KEYS:
            self._forget_before(self._first + len(self._told))

    def _forget(self) -> None:
        """We cannot know any more what changed."""
        self._seen = None
        self._forget_before(self._first + len(self._told))

    def _forget_before(self, place: int) -> None:
        self._first, self._told = place + 1, []  # one further: what was read at the last place is gone too


@define
class _Kept(Generic[V]):
    value: V
    dependencies: CacheDependencies
    position: int
    size: int


@define(eq=False)
class DependencyCache(Generic[V]):
    """Values by their keys, at most `room` large in all; those longest unused go first.

    `name` is what metrics call it. Sizes are numbers of values, or bytes where it is `in_bytes`.
    """

    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    capacity: int
    name: str
    in_bytes: bool = False
    hits: int = 0
    misses: int = 0
    _kept: dict[Hashable, _Kept[V]] = field(factory=dict)
    _size: int = 0

    def __attrs_post_init__(self) -> None:
        self.invalidation_log.caches.append(self)

    def figures(self) -> CacheFigures:
        """Hits, misses and what is kept now; memory is estimated unless sizes are bytes."""
        taken = self._size if self.in_bytes else estimated_bytes(self._kept.values())
        return CacheFigures(self.name, self.hits, self.misses, len(self._kept), taken)

    def get(self, name: Hashable, place: int) -> V | None:
        """What is kept under the name, if it is still true at the place, which `changes.place()` has just given."""
        kept = self._kept.get(name)
        if kept is None:
            self.misses += 1
            return None
        until = kept.dependencies.until
        if (kept.position != place and not self.invalidation_log.unchanged(kept.dependencies.keys, kept.position)) or (
            until is not None and self.now() >= until
        ):
            self._drop(name)
            self.misses += 1
            return None
        kept.position = place
        del self._kept[name]
        self._kept[name] = kept
        self.hits += 1
        return kept.value

    def put(self, name: Hashable, value: V, basis: CacheDependencies, place: int, size: int = 1) -> None:
        """Keep a value for which reading began after `changes.place()` had given this place."""
        self._drop(name)
        if size > self.capacity or (basis.until is not None and basis.until <= self.now()):
            return
        self._kept[name] = _Kept(value, basis, place, size)
        self._size += size
        while self._size > self.capacity:
            self._drop(next(iter(self._kept)))

    def _drop(self, name: Hashable) -> None:
        gone = self._kept.pop(name, None)
        if gone is not None:
            self._size -= gone.size
