"""Posts that were read lately, kept until something in them changes: many lists show the same ones. Says nothing about who may see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from attrs import define, field

from microblog.domain.caching import cache_keys
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.model.ids import PostId
from microblog.model.posts import Post
from microblog.storage import posts
from microblog.storage.database import Transactions
from microblog.storage.timelines import Entry

REMEMBERED = 3_000


@define
class PostCache:
    """Gives posts as storage/posts.py does."""

    database: Transactions
    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    capacity: int = REMEMBERED
    _kept: DependencyCache[Post] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._kept = DependencyCache(self.invalidation_log, self.now, self.capacity, "posts")

    async def load(self, entries: Iterable[Entry]) -> list[Post]:
        """The posts of a list that was just read, in its order; those that are gone since are left out."""
        ids = [id for id, _ in entries]
        if not ids:
            return []
        place = await self.invalidation_log.position()
        found: dict[PostId, Post] = {id: kept for id in ids if (kept := self._kept.get(id, place)) is not None}
        missing = [id for id in ids if id not in found]
        if missing:
            read = await self.database.read(posts.by_ids, missing)
            for id, post in read.items():
                self._kept.put(id, post, cache_keys.of_posts([post], self.now()), place)
            found |= read
        return [found[id] for id in ids if id in found]
