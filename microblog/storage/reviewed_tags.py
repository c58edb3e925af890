"""Hashtags with what moderators decided about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from microblog.model.ids import TagId
from microblog.model.paging import Page
from microblog.model.posts import Tag
from microblog.model.trends import ReviewedTag, TagChanges
from microblog.storage.database import Cursor, execute, fetch_all
from microblog.storage.paging import bounds, directed, page_sql

COLUMNS = "t.id, t.key, t.name, t.usable, t.listable, t.trendable, t.reviewed_at"


def reviewed_tag(
    id: int, key: str, name: str, usable: bool, listable: bool, trendable: bool | None, reviewed_at: datetime | None
) -> ReviewedTag:
    """Build a hashtag from COLUMNS."""
    return ReviewedTag(Tag(TagId(id), key, name), usable, listable, trendable, reviewed_at)


def page_of(cursor: Cursor, *, page: Page) -> list[ReviewedTag]:
    """Return all hashtags, newest first."""
    sql = f"select {COLUMNS} from tags t where t.id < %(max_id)s and t.id > %(min_id)s order by t.id desc limit %(limit)s"
    return directed(page, fetch_all(cursor, reviewed_tag, page_sql(sql, page), bounds(page)))


def lock(cursor: Cursor, *, id: TagId) -> list[ReviewedTag]:
    """Return a hashtag, and lock it until the end of the transaction: one row, or none."""
    return fetch_all(cursor, reviewed_tag, f"select {COLUMNS} from tags t where t.id = %(id)s for no key update", {"id": id})


def by_id(cursor: Cursor, *, id: TagId) -> list[ReviewedTag]:
    """Return a hashtag: one row, or none."""
    return fetch_all(cursor, reviewed_tag, f"select {COLUMNS} from tags t where t.id = %(id)s", {"id": id})


def by_key(cursor: Cursor, *, key: str) -> list[ReviewedTag]:
    """Return a hashtag by its key: one row, or none."""
    return fetch_all(cursor, reviewed_tag, f"select {COLUMNS} from tags t where t.key = %(key)s", {"key": key})


def unusable(cursor: Cursor, *, keys: Sequence[str]) -> list[str]:
    """Return the names of those of the hashtags that people here may not use."""
    sql = "select name from tags where key = any(%(keys)s) and not usable order by name"
    return fetch_all(cursor, str, sql, {"keys": list(keys)})


def update(cursor: Cursor, *, tag: TagId, changes: TagChanges, now: datetime) -> None:
    """Change a hashtag, and note that a moderator has looked at it."""
    execute(
        cursor,
        """update tags set name = coalesce(%(name)s, name), usable = coalesce(%(usable)s, usable),
               listable = coalesce(%(listable)s, listable),
               trendable = coalesce(%(approved)s, trendable), reviewed_at = %(now)s where id = %(tag)s""",
        {
            "tag": tag,
            "now": now,
            "name": changes.name,
            "usable": changes.usable,
            "listable": changes.listable,
            "approved": changes.approved,
        },
    )
