"""Caches that are kept correct by an invalidation log in the database.

Triggers write the keys of each changed row into the log. A cached value names the keys that it depends on and the log position
at which it was read; it is valid while none of these keys was logged after that position. A cached read therefore returns what the
database would: commits of this process count at once, those of others after a wake-up or after `max_age` seconds at most.

Some keys carry a value, written `key=value` in the log: the new counters of a post, or the post that somebody favourited. A cache changes
what it holds by these values instead of reading it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from datetime import datetime
from itertools import takewhile
from sys import getsizeof
from typing import Generic, TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import Deferred

from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.model.caches import Cache, CacheFigures, estimated_bytes
from microblog.storage import invalidation_log
from microblog.storage.database import Cursor, FollowUp, Transactions
from microblog.storage.invalidation_log import EVERYTHING, InvalidationPosition

MAX_CHANGED_KEYS = 50_000
MAX_COMPARED_KEYS = 200  # with more changes since, each dependency is looked up instead
POLL_INTERVAL_S = 0.5  # maximum age of served values if there is no wake-up
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@frozen
class LogReading:
    """A read of the log outside the reactor thread: the position that it starts from, and what takes its result, on the reactor thread."""

    since: InvalidationPosition
    apply: Callable[[InvalidationPosition, list[str]], None]


@define(eq=False, repr=False)
class InvalidationLog:
    """Reader of the log. Concurrent requests share one database read.

    `max_age`: seconds for which a read is reused if this process committed nothing and no wake-up came; None: no reuse.
    `caches`: the caches that report to metrics.
    """

    database: Transactions
    max_age: float | None = None
    seconds: Callable[[], float] = time.monotonic
    caches: list[Cache] = field(factory=list)
    reads: int = 0
    _snapshot: InvalidationPosition | None = None
    _keys: list[str] = field(factory=list)
    _last: dict[str, int] = field(factory=dict)  # index in the whole log by key
    _values: dict[str, list[tuple[int, str]]] = field(factory=dict)  # the same index, with the value
    _sets: dict[int, frozenset[str]] = field(factory=dict)  # results of `changed_since`, until the log grows
    _first_position: int = 1
    _stale: bool = True
    _read_at: float = 0.0
    _reads_started: int = 0
    _reads_finished: int = 0
    _wakes: int = 0
    _waiters: list[Deferred[None]] = field(factory=list)
    _hits: int = 0

    def __attrs_post_init__(self) -> None:
        self.caches.append(self)

    def figures(self) -> CacheFigures:
        """Usage for metrics. Entries are changed keys; a miss is a read of the log, a hit a request that waited for none."""
        memory = estimated_bytes(self._keys) + estimated_bytes(self._values.values()) + sum(map(getsizeof, (self._last, self._values)))
        return CacheFigures("invalidation_log", self._hits, self.reads, len(self._keys), memory)

    def wake(self) -> None:
        """Note a commit: the next request waits for a new read of the log."""
        self._stale = True
        self._wakes += 1

    def includes(self, transaction: int) -> bool:
        """True if the log was read when this transaction and all older ones had ended."""
        return self._snapshot is not None and not self._stale and self._snapshot.xmin > transaction

    def reading(self) -> LogReading | None:
        """Begin to read the log in the thread of a command. None if it has not been read before."""
        since, wakes, started_at = self._snapshot, self._wakes, self.seconds()
        return None if since is None else LogReading(since, lambda to, keys: self._apply(since, to, keys, started_at, wakes))

    def follow_up(self) -> FollowUp:
        """Read the log in the thread of a command, right after its commit (see `Database.follow_up`)."""
        reading = self.reading()

        def read(cursor: Cursor) -> Callable[[], None]:
            if reading is None:
                return self.wake
            changed = invalidation_log.changed_since(cursor, since=reading.since)
            return lambda: reading.apply(*changed)

        return read

    def _apply(self, since: InvalidationPosition, to: InvalidationPosition, keys: list[str], started_at: float, wakes: int) -> None:
        """Append what was read between the two positions, unless the log has been read, or is being read, by somebody else meanwhile."""
        if self._snapshot is not since or self._reads_started != self._reads_finished:
            self.wake()
            return
        self._snapshot, self._read_at = to, started_at
        self._stale = self._wakes != wakes  # another commit, which may be later than this read
        self._append(keys)

    def wake_before(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Return a commit callback that calls `wake` and then `callback`."""

        def committed() -> None:
            self.wake()
            callback()

        return committed

    async def position(self) -> int:
        """Return a log position that includes every earlier commit of this process. Raise what the database raises."""
        needed = self._reads_started  # one may be under way because of a commit: what was read before does not include it
        if self._stale or self.max_age is None or self.seconds() - self._read_at > self.max_age:
            needed += 1  # a read that started earlier may have missed a commit
        self._hits += self._reads_finished >= needed
        while self._reads_finished < needed:
            waiter: Deferred[None] = Deferred()
            self._waiters.append(waiter)
            if self._reads_started == self._reads_finished:
                Deferred.fromCoroutine(self._read_log())
            await waiter
        return self._first_position + len(self._keys)

    @property
    def last_position(self) -> int:
        """The position up to which the log has been read, without reading it now."""
        return self._first_position + len(self._keys)

    @property
    def is_current(self) -> bool:
        """True if the log has been read, so that later reads return everything that is committed from now on."""
        return self._snapshot is not None

    def unchanged(self, dependencies: CacheDependencies, position: int) -> bool:
        """True if none of the keys was logged since that position, and the log reaches back so far."""
        start, last = position - self._first_position, self._last
        if start < 0:
            return False
        changed = len(self._keys) - start
        is_small = len(dependencies.keys) <= changed and not dependencies.shared and not dependencies.authors
        if is_small or changed >= MAX_COMPARED_KEYS:
            return all(last.get(key, -1) < position for key in dependencies.each_key())
        return not dependencies.is_touched_by(self._changed_set(position))

    def changed_since(self, position: int) -> frozenset[str] | None:
        """Return the keys that were logged since that position; None if they are many, or the log does not reach back so far."""
        start = position - self._first_position
        return self._changed_set(position) if start >= 0 and len(self._keys) - start < MAX_COMPARED_KEYS else None

    def _changed_set(self, position: int) -> frozenset[str]:
        known = self._sets.get(position)
        if known is None:
            known = self._sets[position] = frozenset(self._keys[position - self._first_position :])
        return known

    def keys_since(self, position: int) -> list[str] | None:
        """Return all keys that were logged since that position, without their values; None if the log does not reach back so far."""
        start = position - self._first_position
        return self._keys[start:] if start >= 0 else None

    def values_since(self, key: str, position: int) -> list[str] | None:
        """Return the values of the key that were logged since that position, last first; None if the log does not reach back so far."""
        if position < self._first_position:
            return None
        return [value for _, value in takewhile(lambda each: each[0] >= position, reversed(self._values.get(key, ())))]

    def latest(self, key: str, position: int) -> str | None:
        """Return the last value of the key if it was logged since that position."""
        return self._values[key][-1][1] if self._last.get(key, -1) >= position and key in self._values else None

    async def _read_log(self) -> None:
        self._reads_started += 1
        self.reads += 1
        self._stale, started_at, problem = False, self.seconds(), None
        try:
            if self._snapshot is None:
                self._snapshot = await self.database.read(invalidation_log.current_position)
            else:
                self._snapshot, keys = await self.database.read(invalidation_log.changed_since, since=self._snapshot)
                self._append(keys)
        except Exception as error:
            self._reset()
            self._stale, problem = True, error
        self._read_at, self._reads_finished = started_at, self._reads_started
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.callback(None) if problem is None else waiter.errback(problem)

    def _append(self, changed: Iterable[str]) -> None:
        self._sets.clear()
        for text in changed:
            key, _, value = text.partition("=")
            index = self._last[key] = self._first_position + len(self._keys)
            self._keys.append(key)
            if value:
                self._values.setdefault(key, []).append((index, value))
        if EVERYTHING in self._last:
            self._discard_before(self._first_position + len(self._keys) + 1)  # values read at the last position are outdated too
        elif len(self._keys) > MAX_CHANGED_KEYS:
            self._discard_before(self._first_position + len(self._keys) // 2)

    def _reset(self) -> None:
        """Discard everything: after an error it is unknown what changed."""
        self._snapshot = None
        self._discard_before(self._first_position + len(self._keys) + 1)

    def _discard_before(self, position: int) -> None:
        del self._keys[: position - self._first_position]
        self._sets.clear()
        self._first_position = position
        self._last = {key: index for key, index in self._last.items() if index >= position}
        kept = ((key, [each for each in self._values[key] if each[0] >= position]) for key in self._last if key in self._values)
        self._values = {key: values for key, values in kept if values}


@define
class _Entry(Generic[V]):
    value: V
    dependencies: CacheDependencies
    position: int
    size: int
    watched: frozenset[str] | None


@define(eq=False, repr=False)
class DependencyCache(Generic[V]):
    """Least-recently-used cache of values with dependencies, `capacity` in total.

    `name`: label in metrics. Sizes count values, or bytes if `in_bytes`. `refresh` returns a value that was current at a position with the
    values that the log has since.
    """

    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    capacity: int
    name: str
    in_bytes: bool = False
    refresh: Callable[[V, int], V] | None = None
    hits: int = 0
    misses: int = 0
    _entries: dict[Hashable, _Entry[V]] = field(factory=dict)
    _size: int = 0

    def __attrs_post_init__(self) -> None:
        self.invalidation_log.caches.append(self)

    def figures(self) -> CacheFigures:
        """Usage for metrics. Memory is estimated unless sizes are in bytes."""
        memory = self._size if self.in_bytes else estimated_bytes(self._entries.values())
        return CacheFigures(self.name, self.hits, self.misses, len(self._entries), memory)

    def __contains__(self, key: Hashable) -> bool:
        """True if there is a value, valid or not."""
        return key in self._entries

    def get(self, key: Hashable, position: int) -> V | None:
        """Return the value if it is valid at `position`, the current result of `InvalidationLog.position()`."""
        entry = self._entries.get(key)
        if entry is None:
            self.misses += 1
            return None
        until = entry.dependencies.until
        if entry.position == position and until is None and 2 * self._size < self.capacity:  # the order matters to a full cache only
            self.hits += 1
            return entry.value
        if (entry.position != position and not self._moved_on(entry, position)) or (until is not None and self.now() >= until):
            self._drop(key)
            self.misses += 1
            return None
        del self._entries[key]
        self._entries[key] = entry
        self.hits += 1
        return entry.value

    def get_many(self, keys: Iterable[K], position: int) -> dict[K, V]:
        """Return the values that are valid at `position`, in the order of their keys."""
        found: dict[K, V] = {}
        is_roomy = 2 * self._size < self.capacity
        for key in keys:
            entry = self._entries.get(key)
            if entry is not None and entry.position == position and entry.dependencies.until is None and is_roomy:  # as `get` would
                self.hits += 1
                found[key] = entry.value
            elif (value := self.get(key, position)) is not None:
                found[key] = value
        return found

    def _moved_on(self, entry: _Entry[V], position: int) -> bool:
        """Bring the entry forward to `position`; False if it is outdated."""
        log = self.invalidation_log
        changed = None if entry.watched is None else log.changed_since(entry.position)
        if changed is None or entry.watched is None or not changed.isdisjoint(entry.watched):
            if not log.unchanged(entry.dependencies, entry.position):
                return False
            if self.refresh is not None:
                entry.value = self.refresh(entry.value, entry.position)
        entry.position = position
        return True

    def put(
        self,
        key: Hashable,
        value: V,
        dependencies: CacheDependencies,
        position: int,
        size: int = 1,
        *,
        watched: frozenset[str] | None = None,
    ) -> None:
        """Store a value that was read after `InvalidationLog.position()` had returned `position`.

        `watched`: the keys of the dependencies and all those by whose values `refresh` changes it; None: unknown.
        """
        self._drop(key)
        if size > self.capacity or (dependencies.until is not None and dependencies.until <= self.now()):
            return
        self._entries[key] = _Entry(value, dependencies, position, size, watched)
        self._size += size
        while self._size > self.capacity:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: Hashable) -> None:
        removed = self._entries.pop(key, None)
        if removed is not None:
            self._size -= removed.size
