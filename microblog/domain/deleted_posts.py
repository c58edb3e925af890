"""Posts that moderators deleted: they come back with their files and boosts if that is undone in time, or are deleted for good."""

from __future__ import annotations

from datetime import datetime

from microblog.domain import attachments, conversations
from microblog.domain.post_events import record
from microblog.domain.posts import is_counted_boost
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, PostId
from microblog.model.posts import Post
from microblog.storage import accounts, posts
from microblog.storage import deleted_posts as rows
from microblog.storage.database import Cursor


def restore(cursor: Cursor, id: PostId, deleted_at: datetime, now: datetime) -> bool:
    """Undo the deletion of a post and its boosts at that time, in the running transaction. Notifications do not come back.

    Return False if it was not deleted then, or its author, or what it boosts, is gone.
    """
    if not rows.restore(cursor, post=id, deleted_at=deleted_at):
        return False
    post = posts.by_ids(cursor, [id])[id]
    _count(cursor, post)
    conversations.on_restored(cursor, post, now)
    record(cursor, EventKind.POST_PUBLISHED, post, now, restored=True)
    boosts = rows.restore_boosts(cursor, original=id, deleted_at=deleted_at)
    for boost in posts.by_ids(cursor, boosts).values():
        accounts.count_post(cursor, id=boost.author.id)
        record(cursor, EventKind.POST_PUBLISHED, boost, now, restored=True)
    lost = [one for one in rows.boosts_of(cursor, original=id, deleted_at=deleted_at) if is_counted_boost(one, post.visibility)]
    if lost:
        posts.count(cursor, post=id, boosts=-len(lost))
    return True


def undo_boost(cursor: Cursor, original: PostId, booster: AccountId, now: datetime) -> None:
    """Undo a boost that was deleted together with its original, in the running transaction: it does not come back with it."""
    for boost, boosted in rows.delete_boost_again(cursor, original=original, account=booster, now=now):
        if is_counted_boost(boost, boosted):
            posts.count(cursor, post=original, boosts=-1)


def purge(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete at most `limit` posts that were deleted before that time for good, with their media; return their number."""
    ids = rows.expired(cursor, before=before, limit=limit)
    if not ids:
        return 0
    attachments.delete_of_posts(cursor, ids, now=before)
    return rows.purge(cursor, ids=ids)


def _count(cursor: Cursor, post: Post) -> None:
    """Add the post to the counters that include it."""
    if post.visibility.is_on_profile:
        accounts.count_post(cursor, id=post.author.id)
    if post.boost:
        if is_counted_boost(post.visibility, post.boost.visibility):
            posts.count(cursor, post=post.boost.id, boosts=1)
    elif post.reply_to and post.visibility.is_open:
        posts.count(cursor, post=post.reply_to, replies=1)
