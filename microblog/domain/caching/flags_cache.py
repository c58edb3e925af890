"""Cache of a viewer's interactions with posts: favourited, boosted, bookmarked, pinned, voted, muted.

The invalidation log names the post of each interaction, so an interaction drops what is cached about one post only. Posts that were
published since a viewer's flags were first read need no query, unless the log has an interaction of the viewer with them.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import Factory, define, field

from microblog.domain.caching import cache_keys
from microblog.domain.caching.invalidation import InvalidationLog
from microblog.domain.caching.new_posts import NewPosts
from microblog.model.accounts import Viewer
from microblog.model.caches import CacheFigures, estimated_bytes
from microblog.model.ids import AccountId, PostId
from microblog.model.posts import NO_FLAGS, Post, PostFlags
from microblog.storage import posts
from microblog.storage.database import Transactions

MAX_VIEWERS = 5_000
MAX_POSTS = 200  # per viewer
MAX_TOUCHED = 1_000
ALL = "*"


@define
class _ViewerFlags:
    """The flags of one viewer by post, valid at a log position. `touched`: all posts that the viewer interacted with after `since`."""

    position: int
    since: int
    flags: dict[PostId, PostFlags] = Factory(dict)
    touched: set[PostId] = Factory(set)


@define(repr=False)
class FlagsCache:
    """Flags of posts (originals, not boosts) by viewer. The least recent viewers are evicted first. Use on the reactor thread only."""

    database: Transactions
    invalidation_log: InvalidationLog
    capacity: int = MAX_VIEWERS
    hits: int = 0
    misses: int = 0
    _viewers: dict[AccountId, _ViewerFlags] = Factory(dict)
    _new_posts: NewPosts = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._new_posts = NewPosts(self.database, self.invalidation_log)
        self.invalidation_log.caches.append(self)

    def figures(self) -> CacheFigures:
        """Usage for metrics. Entries are viewers; a hit is a page whose flags were all known."""
        return CacheFigures("flags", self.hits, self.misses, len(self._viewers), estimated_bytes(self._viewers.values()))

    async def of(self, viewer: Viewer | None, shown: Sequence[Post]) -> dict[PostId, PostFlags]:
        """Return the viewer's flags of the posts or of what they boost, by the id of the original, and perhaps those of others.

        Empty for an anonymous viewer.
        """
        return {} if viewer is None or not shown else await self._of(viewer.id, [post.boost or post for post in shown])

    @property
    def log_position(self) -> int:
        """The position from which a command that begins now can be followed in the log; 0 if that is not known yet."""
        return self.invalidation_log.last_position if self.invalidation_log.is_current else 0

    def add(self, viewer: AccountId, post: PostId, flags: PostFlags, since: int) -> None:
        """Note the flags that the viewer's command, begun after the log position `since`, read after it had changed them.

        The log has one entry for the change. If there is another one, another command changed them too, and nothing is noted.
        """
        changed = self.invalidation_log.values_since(cache_keys.of_interactions(viewer), since)
        if self.capacity and changed is not None and ALL not in changed and changed.count(str(post)) <= 1:
            known = self._current(viewer, self.log_position)
            known.flags[post] = flags
            self._limit(known)

    def add_new(self, viewer: AccountId, post: Post, since: int, flags: PostFlags | None = None) -> None:
        """Note the viewer's flags of a post of theirs that was published after the log position `since`.

        Without `flags` it has none; then replies are left out, because their thread may be muted. Nothing is noted if the log has an
        interaction of the viewer with the post since, or a thread that they muted.
        """
        changed = self.invalidation_log.values_since(cache_keys.of_interactions(viewer), since)
        if not self.capacity or post.boost or changed is None or not {ALL, str(post.id)}.isdisjoint(changed):
            return
        if flags is None and post.reply_to:
            return
        known = self._viewers.setdefault(viewer, _ViewerFlags(since, since))
        known.flags[post.id] = flags or NO_FLAGS
        self._limit(known)

    async def _of(self, viewer: AccountId, shown: Sequence[Post]) -> dict[PostId, PostFlags]:
        position = await self.invalidation_log.position()
        await self._new_posts.advance(position)
        known = self._current(viewer, position)
        unknown = [post for post in shown if post.id not in known.flags]
        if unknown:
            known.flags |= {post.id: NO_FLAGS for post in unknown if self._is_untouched(post, known)}
        found = known.flags.copy()
        missing = [post.id for post in unknown if post.id not in found]
        if not missing:
            self.hits += 1
            self._limit(known)
            return found
        self.misses += 1
        read = await self.database.read(posts.flags, posts=missing, viewer=viewer)
        found |= {id: read.get(id, NO_FLAGS) for id in missing}
        if known.position == position:  # otherwise another request has applied later interactions meanwhile
            known.flags |= {id: found[id] for id in missing}
            self._limit(known)
        return found

    def _is_untouched(self, post: Post, known: _ViewerFlags) -> bool:
        """True if the viewer cannot have interacted with the post or muted its thread: both are newer than what is known of the viewer."""
        is_new = self._new_posts.was_published_after
        return post.id not in known.touched and is_new(post.id, known.since) and is_new(post.thread_id or post.id, known.since)

    def _current(self, viewer: AccountId, position: int) -> _ViewerFlags:
        """The cached interactions of the viewer, without posts that they interacted with since."""
        known = self._viewers.pop(viewer, None) or _ViewerFlags(position, position)
        if known.position != position:
            changed = self.invalidation_log.values_since(cache_keys.of_interactions(viewer), known.position)
            if changed is None or ALL in changed:
                known = _ViewerFlags(position, position)
            for id in () if changed is None else [PostId(int(value)) for value in changed if value != ALL]:
                known.flags.pop(id, None)
                known.touched.add(id)
            if len(known.touched) > MAX_TOUCHED:
                known.touched, known.since = set(), position
            known.position = position
        if self.capacity:
            self._viewers[viewer] = known
        if len(self._viewers) > self.capacity:
            del self._viewers[next(iter(self._viewers))]
        return known

    @staticmethod
    def _limit(known: _ViewerFlags) -> None:
        if len(known.flags) > MAX_POSTS:
            for id in list(known.flags)[: len(known.flags) - MAX_POSTS]:
                del known.flags[id]
