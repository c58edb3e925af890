"""The cache of flags: a new post of the viewer needs no query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from attrs import define

from microblog.domain.caching.flags_cache import FlagsCache
from microblog.domain.caching.invalidation import InvalidationLog
from microblog.domain.interactions import Interactions
from microblog.domain.posts import Posts
from microblog.model.posts import PostDraft, PostFlags
from microblog.storage import posts
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase

P = ParamSpec("P")
T = TypeVar("T")


@define
class Published:
    """The flags of a post that was noted as new, and how often they were read."""

    flags: PostFlags
    reads: int


@define
class FollowedUp:
    """A database with a follow-up: the invalidation log is read before a command continues."""

    database: RolledBackDatabase
    log: InvalidationLog

    async def run(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a command."""
        result = await self.database.run(f, *args, **kwargs)
        self.log.wake()
        await self.log.position()
        return result

    async def read(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a query."""
        return await self.database.read(f, *args, **kwargs)


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


async def test_the_flags_of_a_post_that_was_published_while_its_reader_was_known_need_no_query(
    db: RolledBackDatabase, cursor: Cursor
) -> None:
    ada, ben = make.viewer(cursor, "ada"), make.viewer(cursor, "ben")
    cache = FlagsCache(db, InvalidationLog(db))
    await cache.of(ben, [make.post(cursor, ada, "Old")])
    first = make.post(cursor, ada, "New")
    reply = make.post(cursor, ada, "More", reply_to=first)
    assert (await cache.of(ben, [first, reply])).items() >= {first.id: PostFlags(), reply.id: PostFlags()}.items()
    assert cache.misses == 1
    later, interactions = make.post(cursor, ada, "Newer"), Interactions(db, lambda: make.NOW)
    await interactions.favourite(ben, later.id)
    await interactions.bookmark(ben, first.id)
    found = await cache.of(ben, [first, reply, later])
    assert [found[post.id] for post in (first, reply, later)] == [PostFlags(bookmarked=True), PostFlags(), PostFlags(favourited=True)]
    assert cache.misses == 2


async def test_the_flags_after_a_viewers_own_command_are_known_without_a_query(db: RolledBackDatabase, cursor: Cursor) -> None:
    ada, ben = make.viewer(cursor, "ada"), make.viewer(cursor, "ben")
    post, cache = make.post(cursor, ada, "Hello"), FlagsCache(db, InvalidationLog(db))
    interactions = Interactions(FollowedUp(db, cache.invalidation_log), lambda: make.NOW, cache)
    await cache.invalidation_log.position()
    for name, expected in (
        ("favourite", PostFlags(favourited=True)),
        ("bookmark", PostFlags(favourited=True, bookmarked=True)),
        ("favourite", PostFlags(favourited=True, bookmarked=True)),
        ("boost", PostFlags(favourited=True, bookmarked=True, boosted=True)),
        ("unfavourite", PostFlags(bookmarked=True, boosted=True)),
        ("unbookmark", PostFlags(boosted=True)),
    ):
        await getattr(interactions, name)(ben, post.id)
        assert await cache.of(ben, [post]) == {post.id: expected}, name
        assert await db.read(posts.flags, posts=[post.id], viewer=ben.id) == {post.id: expected}
    assert cache.misses == 0


async def test_the_flags_of_a_published_post_are_known_without_a_query(db: RolledBackDatabase, cursor: Cursor) -> None:
    ada, cache = make.viewer(cursor, "ada"), FlagsCache(db, InvalidationLog(db))
    quiet, loud = make.post(cursor, ada, "Quiet"), make.post(cursor, ada, "Loud")
    await cache.invalidation_log.position()
    database = FollowedUp(db, cache.invalidation_log)
    await Interactions(database, lambda: make.NOW).mute_thread(ada, quiet.id)
    service = Posts(database, "example.org", "https://example.org", 500, lambda: make.NOW, flags=cache)
    for parent, expected in ((None, PostFlags()), (quiet.id, PostFlags(thread_muted=True)), (loud.id, PostFlags())):
        post = await service.publish(ada, PostDraft("More", reply_to=parent))
        assert (await cache.of(ada, [post]))[post.id] == expected
        assert await db.read(posts.flags, posts=[post.id], viewer=ada.id) == {post.id: expected}
    assert cache.misses == 0


async def test_flags_that_another_command_changed_at_the_same_time_are_read(db: RolledBackDatabase, cursor: Cursor) -> None:
    ada, ben = make.viewer(cursor, "ada"), make.viewer(cursor, "ben")
    post, cache = make.post(cursor, ada, "Hello"), FlagsCache(db, InvalidationLog(db))
    await cache.invalidation_log.position()
    since, other = cache.log_position, Interactions(db, lambda: make.NOW)
    await other.favourite(ben, post.id)
    await other.bookmark(ben, post.id)
    await cache.invalidation_log.position()
    cache.add(ben.id, post.id, PostFlags(favourited=True), since)
    assert await cache.of(ben, [post]) == {post.id: PostFlags(favourited=True, bookmarked=True)}
    assert cache.misses == 1


async def test_nothing_is_noted_while_the_log_has_not_been_read(db: RolledBackDatabase, cursor: Cursor) -> None:
    ada, ben = make.viewer(cursor, "ada"), make.viewer(cursor, "ben")
    post, cache = make.post(cursor, ada, "Hello"), FlagsCache(db, InvalidationLog(db))
    await Interactions(db, lambda: make.NOW, cache).favourite(ben, post.id)
    await Interactions(db, lambda: make.NOW).bookmark(ben, post.id)
    assert await cache.of(ben, [post]) == {post.id: PostFlags(favourited=True, bookmarked=True)}


async def test_the_flags_of_a_new_post_in_an_older_thread_that_may_be_muted_are_read(db: RolledBackDatabase, cursor: Cursor) -> None:
    ada, ben = make.viewer(cursor, "ada"), make.viewer(cursor, "ben")
    old = make.post(cursor, ada, "Old")
    await Interactions(db, lambda: make.NOW).mute_thread(ben, old.id)
    cache = FlagsCache(db, InvalidationLog(db))
    await cache.of(ben, [old])
    reply = make.post(cursor, ada, "More", reply_to=old)
    assert (await cache.of(ben, [reply]))[reply.id] == PostFlags(thread_muted=True)
