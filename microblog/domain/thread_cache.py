"""Cache of threads: which posts of a thread a viewer sees above and below a post.

The ids are cached, and the posts come from the cache of posts. So a favourite or a new display name changes a thread without a query of
the thread; a new reply, a deletion or a block reads it again.
"""

from __future__ import annotations

from attrs import define, field

from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.caching.invalidation import DependencyCache
from microblog.domain.caching.post_cache import PostCache
from microblog.domain.posts import Posts
from microblog.domain.threads import ThreadBounds, ThreadIds
from microblog.model.accounts import Viewer
from microblog.model.errors import NotFound
from microblog.model.ids import AccountId, PostId
from microblog.model.posts import Post, PostThread
from microblog.storage import posts

CAPACITY = 2_000
MAX_POSTS = 500  # longer threads are always read: they would displace all other posts


@define
class ThreadCache:
    """Reads threads as `Posts.thread` does."""

    posts: Posts
    post_cache: PostCache
    capacity: int = CAPACITY
    _cache: DependencyCache[ThreadIds] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._cache = DependencyCache(self.post_cache.invalidation_log, self.posts.now, self.capacity, "threads")

    async def of(self, viewer: Viewer | None, post: PostId, within: ThreadBounds | None = None) -> PostThread:
        """Return a post with its thread, as far as the viewer may see it. Raise NotFound."""
        viewer_id = viewer.id if viewer else None
        position, key = await self.post_cache.invalidation_log.position(), (viewer_id, post, within)
        known = self._cache.get(key, position)
        if known is not None:
            found = await self._load(known)
            if len(found) == len(known.all) and (thread := known.thread(found)) is not None:
                return thread
        ids = await self.posts.thread_ids(viewer, post, within)
        thread = ids.thread(await self._load(ids))
        if thread is None:
            raise NotFound
        if len(ids.all) <= MAX_POSTS:
            self._cache.put(key, ids, _dependencies(viewer_id, post, thread), position)
        return thread

    async def _load(self, ids: ThreadIds) -> dict[PostId, Post]:
        if len(ids.all) > MAX_POSTS:
            return await self.post_cache.database.read(posts.by_ids, ids.all)
        return {post.id: post for post in await self.post_cache.load((id, None) for id in ids.all)}


def _dependencies(viewer: AccountId | None, requested: PostId, thread: PostThread) -> CacheDependencies:
    """Dependencies of the ids. `requested`: the id in the request, which may be that of a boost."""
    keys = cache_keys.of_keys(*map(cache_keys.of_post, (requested, thread.post.id)), cache_keys.of_thread(thread.id))
    return keys if viewer is None else keys | cache_keys.of_keys(cache_keys.of_viewer_state(viewer))
