"""The posts that were published while this process read the invalidation log, by the log position of their publication.

Nobody can have interacted with a post before it was published. So if all interactions of a viewer since an earlier position are known,
those with such a post are, too, without a query.
"""

from __future__ import annotations

from attrs import Factory, define

from microblog.coroutines import Lock
from microblog.domain.caching.invalidation import InvalidationLog
from microblog.model.ids import PostId
from microblog.storage import timeline_facts
from microblog.storage.database import Transactions

MAX_POSTS = 5_000


@define(eq=False)
class NewPosts:
    """Positions of the newest posts. A post is new if its id exceeds all ids that existed when the reading began."""

    database: Transactions
    invalidation_log: InvalidationLog
    _end: int = 0
    _newest_before: int = 0
    _positions: dict[PostId, int] = Factory(dict)
    _lock: Lock = Factory(Lock)

    async def advance(self, position: int) -> None:
        """Note the posts that were published up to `position`, a result of `InvalidationLog.position()`."""
        if self._end < position and not self._apply(position):
            async with self._lock:
                if self._end < position and not self._apply(position):
                    # Read after the position: posts that were published in between do not count as new.
                    self._newest_before = await self.database.read(timeline_facts.newest_id)
                    self._positions.clear()
                    self._end = position

    def was_published_after(self, id: PostId, position: int) -> bool:
        """True if the post is known to have been published after that position."""
        return self._positions.get(id, -1) >= position

    def _apply(self, position: int) -> bool:
        """Note the posts of the keys since the last call; False if the log does not have all of them."""
        changed = self.invalidation_log.keys_since(self._end) if self._end else None
        if changed is None:
            return False
        for index, key in enumerate(changed[: position - self._end], self._end):
            if key[0] == "p" and key[1:].isdecimal() and (id := PostId(int(key[1:]))) > self._newest_before:
                self._positions.setdefault(id, index)
        while len(self._positions) > MAX_POSTS:
            id = next(iter(self._positions))  # not new any more, even if it changes again
            del self._positions[id]
            self._newest_before = max(self._newest_before, id)
        self._end = position
        return True
