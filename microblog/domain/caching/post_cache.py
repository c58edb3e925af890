"""Cache of posts, shared by all timelines. It does not check who may see a post."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from attrs import define, field

from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.caching.counters import post_with_counts
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.model.ids import PostId
from microblog.model.posts import Post
from microblog.storage import posts
from microblog.storage.database import Transactions
from microblog.storage.timelines import Entry

CAPACITY = 3_000


@define
class PostCache:
    """Loads posts as storage/posts.py does."""

    database: Transactions
    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    capacity: int = CAPACITY
    _cache: DependencyCache[Post] = field(init=False)
    _keys: dict[PostId, tuple[Post, frozenset[str]]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        log = self.invalidation_log
        self._cache = DependencyCache(log, self.now, self.capacity, "posts", refresh=lambda post, since: post_with_counts(post, log, since))

    async def load(self, entries: Iterable[Entry]) -> list[Post]:
        """Return the posts of entries that were just read, in their order, without those deleted since."""
        ids = [id for id, _ in entries]
        if not ids:
            return []
        position = await self.invalidation_log.position()
        found = self._cache.get_many(ids, position)
        if len(found) == len(ids):
            return list(found.values())
        missing = [id for id in ids if id not in found]
        if missing:
            read = await self.database.read(posts.by_ids, missing)
            for id, post in read.items():
                dependencies = cache_keys.of_posts([post], self.now(), counts=False)
                self._cache.put(id, post, dependencies, position, watched=self._keys_of(post))
            found |= read
        return [found[id] for id in ids if id in found]

    def dependencies(self, posts: Iterable[Post]) -> CacheDependencies:
        """Return the dependencies of the posts as everybody sees them, as `cache_keys.of_posts` does."""
        listed = list(posts)
        return CacheDependencies(shared=tuple(map(self._keys_of, listed)), until=cache_keys.end_of_polls(listed, self.now()))

    def _keys_of(self, post: Post) -> frozenset[str]:
        known = self._keys.get(post.id)
        if known is not None and known[0] is post:
            return known[1]
        if known is None or known[0].version != post.version or known[0].original.version != post.original.version:
            known = post, cache_keys.keys_of_post(post)
        self._keys[post.id] = post, known[1]
        if len(self._keys) > self.capacity:
            del self._keys[next(iter(self._keys))]
        return known[1]
