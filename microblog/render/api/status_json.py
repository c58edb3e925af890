"""Posts as API JSON: a cached fragment that is the same for all viewers, joined with the viewer's flags.

A fragment is the encoded Status without its poll and its closing brace. It depends only on the post, its author and their counts, so it
is valid as long as `cache_key` is unchanged. Appending the viewer's flags is cheap. The whole Status is cached for those viewers who have
not interacted with the post, who are most of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

import orjson
from attrs import define, field

from microblog.model.caches import CacheFigures, estimated_bytes
from microblog.model.ids import AccountId, PostId
from microblog.model.posts import NO_FLAGS, Post, PostFlags, Visibility
from microblog.render.api.entities import Entities
from microblog.render.api.statuses import FLAGS, POLL, FlagsForViewer, PollForViewer, poll_emojis

MAX_ENTRIES = 10_000
MAX_WHOLE = 3_000
NO_FILTERS = b"[]"

Key = tuple[object, ...]


def cache_key(post: Post) -> Key:
    """Return the cache key of a fragment: posts with equal keys have equal fragments."""
    author = post.author
    return (
        post.version,
        post.replies_count,
        post.boosts_count,
        post.favourites_count,
        author.posts_count,
        author.followers_count,
        author.following_count,
        author.last_post_on,
    )


@define(repr=False)
class StatusJsonCache:
    """Encodes posts, and caches up to `capacity` fragments; the least recently used are evicted first."""

    entities: Entities
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    capacity: int = MAX_ENTRIES
    hits: int = 0
    misses: int = 0
    _entries: dict[PostId, tuple[Key, bytes]] = field(factory=dict, init=False)
    _whole: dict[PostId, tuple[Post, bytes]] = field(factory=dict, init=False)

    def figures(self) -> CacheFigures:
        """Return the cache's statistics."""
        memory = estimated_bytes(self._entries.values()) + estimated_bytes(self._whole.values())
        return CacheFigures("post_json", self.hits, self.misses, len(self._entries), memory)

    def encoded(self, post: Post, viewer: AccountId | None = None, flags: PostFlags = NO_FLAGS, filtered: bytes = NO_FILTERS) -> bytes:
        """Return the post as JSON for this viewer. `flags` are those of the original of a boost, `filtered` its encoded FilterResults."""
        if viewer is None or flags is not NO_FLAGS or filtered != NO_FILTERS:
            return self._joined(post, viewer, flags, filtered)
        whole = self._whole.get(post.id)
        if whole is not None and whole[0] is post and viewer != post.original.author.id:
            self.hits += 1
            return whole[1]
        encoded = self._joined(post, viewer, flags, filtered)
        if post.original.poll is None and viewer != post.original.author.id:
            self._whole.pop(post.id, None)
            self._whole[post.id] = post, encoded
            if len(self._whole) > min(MAX_WHOLE, self.capacity):
                del self._whole[next(iter(self._whole))]
        return encoded

    def _joined(self, post: Post, viewer: AccountId | None, flags: PostFlags, filtered: bytes) -> bytes:
        poll = self._poll(post.original, viewer, flags)
        encoded = self._fragment(post.original) + poll + self._overlay(post.original, viewer, flags, filtered)
        if post.boost is None:
            return encoded
        return self._fragment(post) + poll + b',"reblog":' + encoded + self._overlay(post, viewer, flags, filtered)

    def _poll(self, post: Post, viewer: AccountId | None, flags: PostFlags) -> bytes:
        """Return the poll as JSON. It is not cached, because it depends on the time and on the viewer."""
        if post.poll is None:
            return b',"poll":null'
        votes = None if viewer is None else flags.votes
        own = viewer == post.author.id
        seen = PollForViewer(post.poll, self.now(), votes, own, poll_emojis(post, self.entities))
        return b',"poll":' + orjson.dumps(POLL(seen, None))

    def _overlay(self, post: Post, viewer: AccountId | None, flags: PostFlags, filtered: bytes) -> bytes:
        if viewer is None:
            return b"}"
        own = post.boost is None and post.author.id == viewer and post.visibility is not Visibility.DIRECT
        return _flags(flags, own) + filtered + b"}"

    def _fragment(self, post: Post) -> bytes:
        key = cache_key(post) if post.boost is None else (*cache_key(post), cache_key(post.boost))
        entry = self._entries.pop(post.id, None)
        if entry is None or entry[0] != key:
            self.misses += 1
            entry = key, self._encode(post)
        else:
            self.hits += 1
        self._entries[post.id] = entry
        if len(self._entries) > self.capacity:
            del self._entries[next(iter(self._entries))]
        return entry[1]

    def _encode(self, post: Post) -> bytes:
        entity = self.entities.status(post)
        del entity["poll"]
        if post.boost is not None:
            del entity["reblog"]  # it follows in the overlay, with flags of its own
        return orjson.dumps(entity)[:-1]


@lru_cache(maxsize=64)
def _flags(flags: PostFlags, own: bool) -> bytes:
    """Return the viewer's flags as JSON, up to the value of `filtered`."""
    return b"," + orjson.dumps(FLAGS(FlagsForViewer(flags, own), None))[1:-1] + b',"filtered":'


def json_array(items: list[bytes]) -> bytes:
    """Join encoded values into a JSON array."""
    return b"[" + b",".join(items) + b"]"
