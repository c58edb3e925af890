"""Deletion of posts together with their boosts, and their return: rows that are marked as deleted stay for a while."""

from __future__ import annotations

from datetime import datetime

from microblog.model.ids import AccountId, PostId
from microblog.model.posts import Visibility
from microblog.storage.database import Cursor, fetch_all


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
