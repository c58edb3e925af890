"""The cache of flags: a new post of the viewer needs no query."""

from __future__ import annotations

from attrs import define

from microblog.domain.caching.flags_cache import FlagsCache
from microblog.domain.caching.invalidation import InvalidationLog
from microblog.domain.interactions import Interactions
from microblog.model.posts import PostFlags
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase


@define
class Published:
    """The flags of a post that was noted as new, and how often they were read."""

    flags: PostFlags
    reads: int


async def published(db: RolledBackDatabase, cursor: Cursor, *, favourited: bool = False, reply: bool = False) -> Published:
    """Publish a post, note it as new, and return its flags."""
    ada, log = make.viewer(cursor, "ada"), InvalidationLog(db)
    cache = FlagsCache(db, log)
    parent = make.post(cursor, ada, "Parent") if reply else None
    await log.position()
    since = log.last_position
    post = make.post(cursor, ada, "Hello", reply_to=parent)
    if favourited:
        await Interactions(db, lambda: make.NOW).favourite(ada, post.id)
        await log.position()
    cache.add_new(ada.id, post, since)
    found = await cache.of(ada, [post])
    return Published(found[post.id], cache.misses)


async def test_the_flags_of_a_new_post_are_known_without_a_query(db: RolledBackDatabase, cursor: Cursor) -> None:
    assert await published(db, cursor) == Published(PostFlags(), 0)


async def test_a_post_that_its_author_favourited_at_once_is_read(db: RolledBackDatabase, cursor: Cursor) -> None:
    assert await published(db, cursor, favourited=True) == Published(PostFlags(favourited=True), 1)


async def test_the_flags_of_a_new_reply_are_read_because_its_thread_may_be_muted(db: RolledBackDatabase, cursor: Cursor) -> None:
    assert await published(db, cursor, reply=True) == Published(PostFlags(), 1)
