"""Interactions with posts: favourite, boost, bookmark, pin, mute the thread. Repeating any of them has no effect.

Each command returns the post as it is afterwards, with current counts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Concatenate, ParamSpec

from attrs import evolve, frozen

from microblog.domain.caching.flags_cache import FlagsCache
from microblog.domain.notify import notify
from microblog.domain.post_events import record
from microblog.domain.posts import is_counted_boost, own_post, remove, visible_post
from microblog.model.accounts import RelatedAccount, Viewer
from microblog.model.errors import Forbidden, Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import PostId, RelationId
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.model.posts import MAX_PINNED, Post, PostFlags, Visibility
from microblog.storage import events, interactions, notifications, posts
from microblog.storage.database import Cursor, Transactions
from microblog.storage.interactions import PostCounters

P = ParamSpec("P")


@frozen
class _Done:
    """Result of a command: the post, and the viewer's flags of it or of the boosted one, if the command changed exactly these."""

    post: Post
    flags: PostFlags | None = None


@frozen
class Interactions:
    """Commands on posts, the viewer's own included. `flags`: the cache that learns the viewer's flags from the commands."""

    database: Transactions
    now: Callable[[], datetime]
    flags: FlagsCache | None = None

    async def favourite(self, viewer: Viewer, post: PostId) -> Post:
        """Favourite the post and notify its author."""
        return await self._run(self._favourite, viewer, post)

    async def unfavourite(self, viewer: Viewer, post: PostId) -> Post:
        """Remove the favourite and its notification."""
        return await self._run(self._unfavourite, viewer, post)

    async def boost(self, viewer: Viewer, post: PostId, visibility: Visibility | None = None) -> Post:
        """Boost the post and return the boost, or the existing one.

        Raise Forbidden for direct posts and for private posts of others, Invalid for a visibility of `direct`.
        """
        return await self._run(self._boost, viewer, post, visibility)

    async def unboost(self, viewer: Viewer, post: PostId) -> Post:
        """Delete the viewer's boost and return the original post."""
        return await self.database.run(self._unboost, viewer, post)

    async def bookmark(self, viewer: Viewer, post: PostId) -> Post:
        """Bookmark the post; its author is not notified."""
        return await self._run(self._bookmark, viewer, post)

    async def unbookmark(self, viewer: Viewer, post: PostId) -> Post:
        """Remove the bookmark."""
        return await self._run(self._unbookmark, viewer, post)

    async def pin(self, viewer: Viewer, post: PostId) -> Post:
        """Pin the viewer's own post to the profile. Raise Invalid for posts that cannot be pinned."""
        return await self.database.run(self._pin, viewer, post)

    async def unpin(self, viewer: Viewer, post: PostId) -> Post:
        """Unpin the post."""
        return await self.database.run(self._unpin, viewer, post)

    async def mute_thread(self, viewer: Viewer, post: PostId) -> Post:
        """Mute notifications of the post's thread."""
        return await self.database.run(self._mute_thread, viewer, post)

    async def unmute_thread(self, viewer: Viewer, post: PostId) -> Post:
        """Unmute notifications of the post's thread."""
        return await self.database.run(self._unmute_thread, viewer, post)

    async def favourited_by(self, viewer: Viewer | None, post: PostId, page: Page) -> list[RelatedAccount]:
        """Return the accounts that favourited the post, newest first. Raise NotFound unless the viewer may see the post."""
        return await self.database.read(_related_accounts, interactions.favourited_by, viewer, post, page)

    async def boosted_by(self, viewer: Viewer | None, post: PostId, page: Page) -> list[RelatedAccount]:
        """Return the accounts that boosted the post, newest first, except private boosts. Raise NotFound if the post is not visible."""
        return await self.database.read(_related_accounts, interactions.boosted_by, viewer, post, page)

    async def _run(
        self,
        command: Callable[Concatenate[Cursor, Viewer, PostId, P], _Done],
        viewer: Viewer,
        post: PostId,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Post:
        since = self.flags.log_position if self.flags else 0
        done = await self.database.run(command, viewer, post, *args, **kwargs)
        if self.flags and done.flags:
            self.flags.add(viewer.id, done.post.original.id, done.flags, since)
        return done.post

    def _done(self, cursor: Cursor, viewer: Viewer, post: Post, *, changed: bool) -> _Done:
        """Return the result of a command on the post, after it was changed."""
        if not changed or self.flags is None:
            return _Done(post)
        return _Done(post, posts.flags(cursor, posts=[post.original.id], viewer=viewer.id).get(post.original.id))

    def _favourite(self, cursor: Cursor, viewer: Viewer, id: PostId) -> _Done:
        post = visible_post(cursor, id, viewer).original
        counted = interactions.favourite(cursor, account=viewer.id, post=post.id, now=self.now())
        if counted is not None:
            notify(
                cursor,
                accounts=[post.author.id],
                kind=NotificationKind.FAVOURITE,
                sender=viewer.id,
                post=post.id,
                now=self.now(),
            )
            self._record_favourite(cursor, EventKind.FAVOURITED, viewer, post, _favourite_elsewhere(cursor, viewer, post))
        return self._done(cursor, viewer, _with_counters(post, counted), changed=counted is not None)

    def _unfavourite(self, cursor: Cursor, viewer: Viewer, id: PostId) -> _Done:
        post = visible_post(cursor, id, viewer).original
        elsewhere = _favourite_elsewhere(cursor, viewer, post)
        counted = interactions.unfavourite(cursor, account=viewer.id, post=post.id)
        if counted is not None:
            notifications.withdraw(cursor, account=post.author.id, kind=NotificationKind.FAVOURITE, sender=viewer.id, post=post.id)
            self._record_favourite(cursor, EventKind.UNFAVOURITED, viewer, post, elsewhere)
        return self._done(cursor, viewer, _with_counters(post, counted), changed=counted is not None)

    def _record_favourite(self, cursor: Cursor, kind: EventKind, viewer: Viewer, post: Post, favourite: RelationId | None) -> None:
        """Write an event about a favourite of a post of another server, whose author is told."""
        if favourite is not None:
            data = {"favourite": str(favourite), "uri": post.uri}
            events.record(cursor, kind, at=self.now(), account=viewer.id, subject=post.author.id, post=post.id, data=data)

    def _boost(self, cursor: Cursor, viewer: Viewer, id: PostId, visibility: Visibility | None) -> _Done:
        original = visible_post(cursor, id, viewer).original
        if not posts.lock(cursor, post=original.id):
            raise NotFound
        if existing := posts.boost_by(cursor, original=original.id, account=viewer.id):
            return _Done(posts.by_ids(cursor, [existing])[existing])
        boost = self._new_boost(viewer, original, visibility)
        boost_id = posts.insert(cursor, boost, boost_of=original.id)
        if is_counted_boost(boost.visibility, original.visibility):
            posts.count(cursor, post=original.id, boosts=1)
        notify(cursor, accounts=[original.author.id], kind=NotificationKind.BOOST, sender=viewer.id, post=original.id, now=self.now())
        stored = posts.by_ids(cursor, [boost_id])[boost_id]
        record(cursor, EventKind.POST_PUBLISHED, stored, boost.created_at)
        return self._done(cursor, viewer, stored, changed=True)

    def _new_boost(self, viewer: Viewer, original: Post, visibility: Visibility | None) -> Post:
        if original.visibility is Visibility.DIRECT:
            raise Forbidden
        if original.visibility is Visibility.PRIVATE and original.author.id != viewer.id:
            raise Forbidden
        if visibility is Visibility.DIRECT:
            raise Invalid({"visibility": "Visibility is not included in the list"})
        wanted = visibility or Visibility(viewer.preferences.visibility)
        return Post(
            id=PostId(0),
            author=viewer.account,
            text="",
            html="",
            visibility=Visibility.PRIVATE if Visibility.PRIVATE in (original.visibility, wanted) or wanted is Visibility.DIRECT else wanted,
            created_at=self.now(),
        )

    def _unboost(self, cursor: Cursor, viewer: Viewer, id: PostId) -> Post:
        original = visible_post(cursor, id, viewer).original
        if boost := posts.boost_by(cursor, original=original.id, account=viewer.id):
            remove(cursor, evolve(own_post(cursor, boost, viewer), boost=original), self.now())
        return _reloaded(cursor, original)

    def _bookmark(self, cursor: Cursor, viewer: Viewer, id: PostId) -> _Done:
        post = visible_post(cursor, id, viewer).original
        changed = interactions.bookmark(cursor, account=viewer.id, post=post.id, now=self.now())
        return self._done(cursor, viewer, post, changed=changed)

    def _unbookmark(self, cursor: Cursor, viewer: Viewer, id: PostId) -> _Done:
        post = visible_post(cursor, id, viewer).original
        changed = interactions.unbookmark(cursor, account=viewer.id, post=post.id)
        return self._done(cursor, viewer, post, changed=changed)

    def _pin(self, cursor: Cursor, viewer: Viewer, id: PostId) -> Post:
        post = visible_post(cursor, id, viewer)
        if post.author.id != viewer.id:
            raise _unpinnable("Someone else's post cannot be pinned")
        if post.boost:
            raise _unpinnable("A boost cannot be pinned")
        if post.visibility is Visibility.DIRECT:
            raise _unpinnable("Posts that are only visible to mentioned users cannot be pinned")
        pinned = interactions.count_pins(cursor, account=viewer.id)
        if interactions.pin(cursor, account=viewer.id, post=post.id, now=self.now()):
            if pinned >= MAX_PINNED:
                raise _unpinnable("You have already pinned the maximum number of posts")
            events.record(cursor, EventKind.PINNED, at=self.now(), account=viewer.id, post=post.id)
        return post

    def _unpin(self, cursor: Cursor, viewer: Viewer, id: PostId) -> Post:
        post = own_post(cursor, id, viewer)
        if interactions.unpin(cursor, account=viewer.id, post=id):
            events.record(cursor, EventKind.UNPINNED, at=self.now(), account=viewer.id, post=id)
        return post

    def _mute_thread(self, cursor: Cursor, viewer: Viewer, id: PostId) -> Post:
        post = visible_post(cursor, id, viewer).original
        interactions.mute_thread(cursor, account=viewer.id, thread=post.thread_id or post.id, now=self.now())
        return post

    def _unmute_thread(self, cursor: Cursor, viewer: Viewer, id: PostId) -> Post:
        post = visible_post(cursor, id, viewer).original
        interactions.unmute_thread(cursor, account=viewer.id, thread=post.thread_id or post.id)
        return post


def _related_accounts(
    cursor: Cursor, list_of: Callable[..., list[RelatedAccount]], viewer: Viewer | None, post: PostId, page: Page
) -> list[RelatedAccount]:
    original = visible_post(cursor, post, viewer).original
    return list_of(cursor, post=original.id, viewer=viewer.id if viewer else None, page=page)


def _favourite_elsewhere(cursor: Cursor, viewer: Viewer, post: Post) -> RelationId | None:
    """Return the id of the viewer's favourite of a post of another server; None for posts of this site."""
    return None if post.uri is None else interactions.favourite_id(cursor, account=viewer.id, post=post.id)


def _with_counters(post: Post, counted: PostCounters | None) -> Post:
    if counted is None:
        return post
    return evolve(post, replies_count=counted.replies, boosts_count=counted.boosts, favourites_count=counted.favourites)


def _reloaded(cursor: Cursor, post: Post) -> Post:
    return posts.by_ids(cursor, [post.id])[post.id]


def _unpinnable(reason: str) -> Invalid:
    return Invalid({"post": reason})
