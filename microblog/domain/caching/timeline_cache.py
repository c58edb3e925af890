"""Cache of the newest entries of timelines, moved on in memory by the posts that changed.

A timeline is read from the database once. After that, the rules of model/timeline_rules.py decide for each changed post whether it is on
it, without a query: a post by somebody with many followers costs one read for all their home timelines. The plain path,
storage/timelines.py, stays the truth; a property test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from operator import itemgetter

from attrs import Factory, define, frozen

from microblog.domain.caching.post_journal import PostJournal
from microblog.model.caches import CacheFigures, estimated_bytes
from microblog.model.ids import PostId
from microblog.model.paging import Page
from microblog.model.timeline_rules import PostFacts, TimelineViewer
from microblog.storage.database import Cursor, Transactions
from microblog.storage.timelines import Entry

CAPACITY = 5_000


@frozen
class TimelineSource:
    """A timeline: its name, the viewer's relations (None: anonymous), the rule which posts are on it, and how to read it.

    If `viewer` is another object than before, the timeline is read again.
    """

    key: Hashable
    viewer: TimelineViewer | None
    shows: Callable[[PostFacts], bool]
    read: Callable[[Cursor, Page], list[Entry]]


@frozen
class NewestEntries:
    """The newest entries of a timeline as of a log position; fewer than `limit` mean that there are no more."""

    entries: tuple[Entry, ...]
    limit: int
    viewer: TimelineViewer | None
    position: int

    @property
    def complete(self) -> bool:
        """True if these are all entries."""
        return len(self.entries) < self.limit


@define(repr=False)
class TimelineCache:
    """The newest entries of timelines; those asked for longest ago are evicted first. Use on the reactor thread only."""

    database: Transactions
    journal: PostJournal
    capacity: int = CAPACITY
    hits: int = 0
    misses: int = 0
    _timelines: dict[Hashable, NewestEntries] = Factory(dict)

    def __attrs_post_init__(self) -> None:
        self.journal.invalidation_log.caches.append(self)

    def figures(self) -> CacheFigures:
        """Usage for metrics. A miss is a timeline that was read from the database."""
        return CacheFigures("timelines", self.hits, self.misses, len(self._timelines), estimated_bytes(self._timelines.values()))

    async def newest(self, source: TimelineSource, limit: int) -> NewestEntries:
        """Return the `limit` newest entries."""
        position, key = await self.journal.advance(), (source.key, limit)
        cached = self._timelines.pop(key, None)
        current = None if cached is None or cached.viewer is not source.viewer else self._moved_on(cached, source, position)
        if current is None:
            self.misses += 1
            entries = await self.database.read(source.read, Page(limit))
            current = NewestEntries(tuple(entries), limit, source.viewer, position)
        else:
            self.hits += 1
        if self.capacity:
            self._timelines[key] = current
        if len(self._timelines) > self.capacity:
            del self._timelines[next(iter(self._timelines))]
        return current

    def _moved_on(self, cached: NewestEntries, source: TimelineSource, position: int) -> NewestEntries | None:
        """The entries as of `position`; None if they have to be read again."""
        changed = self.journal.since(cached.position)
        if changed is None:
            return None
        entries = _changed(cached, changed, source.shows) if changed else cached.entries
        if len(entries) < cached.limit and not cached.complete:  # some were deleted, and what is below them is not known
            return None
        return NewestEntries(entries, cached.limit, cached.viewer, position)


def _changed(cached: NewestEntries, changed: Mapping[PostId, PostFacts | None], shows: Callable[[PostFacts], bool]) -> tuple[Entry, ...]:
    lowest = 0 if cached.complete else cached.entries[-1][0]
    shown = [post.entry for post in changed.values() if post is not None and post.id >= lowest and shows(post)]
    if not any(entry[0] in changed or entry[1] in changed for entry in cached.entries):
        if not shown:
            return cached.entries
        if not cached.entries or all(entry[0] > cached.entries[0][0] for entry in shown):
            return (*sorted(shown, key=itemgetter(0), reverse=True), *cached.entries)[: cached.limit]
    deleted = {id for id, post in changed.items() if post is None}
    kept = [entry for entry in cached.entries if entry[0] not in changed and entry[1] not in deleted]
    if not shown and len(kept) == len(cached.entries):
        return cached.entries
    return tuple(sorted([*kept, *shown], key=itemgetter(0), reverse=True)[: cached.limit])
