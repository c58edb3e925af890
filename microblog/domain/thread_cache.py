"""Cache of threads: which posts of a thread a viewer sees above and below a post.

The ids are cached, and the posts come from the cache of posts. So a favourite or a new display name changes a thread without a query of
the thread; a new reply, a deletion or a block reads it again.
"""

from __future__ import annotations

from attrs import define, field, frozen

from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.caching.invalidation import DependencyCache
from microblog.domain.caching.post_cache import PostCache
from microblog.domain.posts import Posts
from microblog.domain.threads import ThreadBounds
from microblog.model.accounts import Viewer
from microblog.model.ids import AccountId, PostId
from microblog.model.posts import Post, PostThread

CAPACITY = 2_000
MAX_POSTS = 500  # longer threads are always read: they would displace all other posts


@frozen
class _ThreadIds:
    """A thread by the ids of its posts."""

    post: PostId
    ancestors: tuple[PostId, ...]
    descendants: tuple[PostId, ...]
    depths: tuple[int, ...]
    more: bool

    @classmethod
    def of(cls, thread: PostThread) -> _ThreadIds:
        """Return the ids of a thread."""
        return cls(thread.post.id, _ids(thread.ancestors), _ids(thread.descendants), thread.depths, thread.more)

    @property
    def all(self) -> tuple[PostId, ...]:
        """All ids."""
        return self.post, *self.ancestors, *self.descendants

    def thread(self, posts: dict[PostId, Post]) -> PostThread:
        """Return the thread with these posts."""
        above, below = (tuple(posts[id] for id in ids) for ids in (self.ancestors, self.descendants))
        return PostThread(posts[self.post], above, below, self.depths, self.more)


def _ids(posts: tuple[Post, ...]) -> tuple[PostId, ...]:
    return tuple(post.id for post in posts)


@define
class ThreadCache:
    """Reads threads as `Posts.thread` does."""

    posts: Posts
    post_cache: PostCache
    capacity: int = CAPACITY
    _cache: DependencyCache[_ThreadIds] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._cache = DependencyCache(self.post_cache.invalidation_log, self.posts.now, self.capacity, "threads")

    async def of(self, viewer: Viewer | None, post: PostId, within: ThreadBounds | None = None) -> PostThread:
        """Return a post with its thread, as far as the viewer may see it. Raise NotFound."""
        viewer_id = viewer.id if viewer else None
        position, key = await self.post_cache.invalidation_log.position(), (viewer_id, post, within)
        known = self._cache.get(key, position)
        if known is not None:
            found = {each.id: each for each in await self.post_cache.load((id, None) for id in known.all)}
            if len(found) == len(known.all):
                return known.thread(found)
        thread = await self.posts.thread(viewer, post, within)
        ids = _ThreadIds.of(thread)
        if len(ids.all) <= MAX_POSTS:
            self._cache.put(key, ids, _dependencies(viewer_id, post, thread), position)
        return thread


def _dependencies(viewer: AccountId | None, requested: PostId, thread: PostThread) -> CacheDependencies:
    """Dependencies of the ids. `requested`: the id in the request, which may be that of a boost."""
    keys = cache_keys.of_keys(*map(cache_keys.of_post, (requested, thread.post.id)), cache_keys.of_thread(thread.id))
    return keys if viewer is None else keys | cache_keys.of_keys(cache_keys.of_viewer_state(viewer))
