"""Cache of viewers' relations, with which timelines are decided in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import define, field

from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.model.accounts import Viewer
from microblog.model.timeline_rules import TimelineViewer
from microblog.storage import timeline_facts
from microblog.storage.database import Transactions

CAPACITY = 5_000


@define
class ViewerCache:
    """Relations by viewer. A viewer's value stays the same object for as long as it is valid."""

    database: Transactions
    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    _cache: DependencyCache[TimelineViewer] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._cache = DependencyCache(self.invalidation_log, self.now, CAPACITY, "viewers")

    async def of(self, viewer: Viewer) -> TimelineViewer:
        """Return the viewer's relations."""
        position = await self.invalidation_log.position()
        cached = self._cache.get(viewer.id, position)
        if cached is None:
            cached = await self.database.read(timeline_facts.of_viewer, viewer=viewer.id, now=self.now())
            dependencies = CacheDependencies(frozenset({cache_keys.of_viewer_state(viewer.id)}), cached.mute_ends)
            self._cache.put(viewer.id, cached, dependencies, position)
        return cached
