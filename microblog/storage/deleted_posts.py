"""Deletion of posts together with their boosts, and their return: rows that are marked as deleted stay for a while."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from microblog.model.ids import AccountId, PostId
from microblog.model.posts import Visibility
from microblog.storage.database import Cursor, execute, fetch_all


def delete_boosts(cursor: Cursor, *, original: PostId, now: datetime) -> list[tuple[PostId, AccountId, Visibility]]:
    """Mark all boosts of the post as deleted; return each boost's id, account and visibility."""
    return fetch_all(
        cursor,
        _boost,
        """update posts set deleted_at = %(now)s where boost_of = %(original)s and deleted_at is null
           returning id, account_id, visibility""",
        {"original": original, "now": now},
    )


def _boost(id: int, author: int, visibility: str) -> tuple[PostId, AccountId, Visibility]:
    return PostId(id), AccountId(author), Visibility(visibility)


# A boost comes back if what it boosts is there and was not boosted anew. What its author has deleted with the account stays deleted.
_RESTORE = """update posts p set deleted_at = null
    where {which} and p.deleted_at = %(deleted_at)s
    and exists (select from accounts a where a.id = p.account_id and a.deleted_at is null)
    and (p.boost_of is null or exists (select from posts o where o.id = p.boost_of and o.deleted_at is null) and not exists (
        select from posts b where b.boost_of = p.boost_of and b.account_id = p.account_id and b.deleted_at is null))"""


def restore(cursor: Cursor, *, post: PostId, deleted_at: datetime) -> bool:
    """Undo the deletion of the post at that time; return False if it was not deleted then, or cannot come back."""
    return bool(execute(cursor, _RESTORE.format(which="p.id = %(post)s"), {"post": post, "deleted_at": deleted_at}))


def restore_boosts(cursor: Cursor, *, original: PostId, deleted_at: datetime) -> list[PostId]:
    """Undo the deletion of the boosts that were deleted with the post; return those that came back."""
    sql = _RESTORE.format(which="p.boost_of = %(original)s") + " returning p.id"
    return fetch_all(cursor, PostId, sql, {"original": original, "deleted_at": deleted_at})


def boosts_of(cursor: Cursor, *, original: PostId, deleted_at: datetime) -> list[Visibility]:
    """Return the visibility of each boost that was deleted at that time."""
    sql = "select visibility from posts where boost_of = %(original)s and deleted_at = %(deleted_at)s"
    return fetch_all(cursor, Visibility, sql, {"original": original, "deleted_at": deleted_at})


def delete_again(cursor: Cursor, *, post: PostId, now: datetime) -> None:
    """Note that a deleted post was deleted by its author too, so that it does not come back."""
    execute(cursor, "update posts set deleted_at = %(now)s where id = %(post)s and deleted_at is not null", {"post": post, "now": now})


def delete_boost_again(cursor: Cursor, *, original: PostId, account: AccountId, now: datetime) -> list[tuple[Visibility, Visibility]]:
    """Note that a boost that was deleted with its original was undone too; return the visibility of both, or nothing if there is none."""
    return fetch_all(
        cursor,
        lambda boost, original: (Visibility(boost), Visibility(original)),
        """update posts p set deleted_at = %(now)s from posts o
           where o.id = %(original)s and p.boost_of = o.id and p.account_id = %(account)s and p.deleted_at = o.deleted_at
           returning p.visibility, o.visibility""",
        {"original": original, "account": account, "now": now},
    )


def expired(cursor: Cursor, *, before: datetime, limit: int) -> list[PostId]:
    """Return and lock at most `limit` posts that were deleted before that time."""
    sql = "select id from posts where deleted_at < %(before)s order by deleted_at limit %(limit)s for update skip locked"
    return fetch_all(cursor, PostId, sql, {"before": before, "limit": limit})


def purge(cursor: Cursor, *, ids: Collection[PostId]) -> int:
    """Delete the rows of the posts, with all rows that refer to them; return their number."""
    return execute(cursor, "delete from posts where id = any(%(ids)s)", {"ids": list(ids)})
