"""Acts of moderators on posts: delete and restore them, and mark their media as sensitive.

They run in the transaction of a moderation action.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from attrs import evolve

from microblog.domain import deleted_posts, post_events
from microblog.domain.posts import remove
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, PostId
from microblog.model.posts import Post
from microblog.storage import posts
from microblog.storage.database import Cursor


def delete(cursor: Cursor, ids: Iterable[PostId], author: AccountId, now: datetime) -> None:
    """Delete those posts of the author that still exist. Nobody can use their files elsewhere, and they come back with `restore`."""
    for post in _of(cursor, ids, author):
        if posts.lock(cursor, post=post.id):  # False: a boost of an own post was deleted together with it
            remove(cursor, post, now, restorable=True)


def restore(cursor: Cursor, ids: Iterable[PostId], deleted_at: datetime, now: datetime) -> list[PostId]:
    """Restore those of the posts that were deleted at that time, and return them."""
    return [id for id in sorted(set(ids)) if deleted_posts.restore(cursor, id, deleted_at, now)]


def mark_media(cursor: Cursor, ids: Iterable[PostId], author: AccountId, now: datetime, *, sensitive: bool) -> list[PostId]:
    """Mark the media of those posts as sensitive or not, and return the posts that changed; those with a content warning stay sensitive.

    A change is an edit of the post.
    """
    changed = []
    for post in _of(cursor, ids, author):
        if not post.media or post.sensitive is sensitive or (post.spoiler and not sensitive):
            continue
        after = evolve(post, sensitive=sensitive, edited_at=now if post.uri is None else post.edited_at)
        if post.uri is None:
            posts.store_revision(cursor, post=post.id)
        posts.update_content(cursor, after)
        post_events.record(cursor, EventKind.POST_EDITED, after, now)
        changed.append(post.id)
    return changed


def _of(cursor: Cursor, ids: Iterable[PostId], author: AccountId) -> list[Post]:
    """Return the posts, locked until the transaction ends; each before a boost of it."""
    existing = [id for id in sorted(set(ids)) if posts.lock(cursor, post=id)]
    found = [post for post in posts.by_ids(cursor, existing).values() if post.author.id == author]
    return sorted(found, key=lambda post: (post.boost is not None, post.id))
