"""Blocked usernames."""

from __future__ import annotations

from datetime import datetime

from microblog.model.ids import AccountId, UsernameBlockId
from microblog.model.paging import Page
from microblog.model.username_blocks import NameComparison, UsernameBlock
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one
from microblog.storage.paging import bounds, directed, page_sql

_COLUMNS = "id, username, exact, allow_with_approval, created_at"
_SELECT = f"select {_COLUMNS} from username_blocks"


def _block(id: int, username: str, exact: bool, allow_with_approval: bool, created_at: datetime) -> UsernameBlock:
    comparison = NameComparison.EQUALS if exact else NameComparison.CONTAINS
    return UsernameBlock(UsernameBlockId(id), username, comparison, allow_with_approval, created_at)


def page_of(cursor: Cursor, *, page: Page) -> list[UsernameBlock]:
    """Return blocks, newest first."""
    sql = f"{_SELECT} where id < %(max_id)s and id > %(min_id)s order by id desc limit %(limit)s"
    return directed(page, fetch_all(cursor, _block, page_sql(sql, page), bounds(page)))


def everything(cursor: Cursor) -> list[UsernameBlock]:
    """Return all blocks in alphabetical order."""
    return fetch_all(cursor, _block, f"{_SELECT} order by normalized, exact")


def by_id(cursor: Cursor, *, id: UsernameBlockId) -> UsernameBlock | None:
    """Return a block."""
    return fetch_one(cursor, _block, f"{_SELECT} where id = %(id)s", {"id": id})


def of_name(cursor: Cursor, *, normalized: str) -> list[UsernameBlock]:
    """Return the blocks of exactly this name or part of a name."""
    return fetch_all(cursor, _block, f"{_SELECT} where normalized = %(normalized)s", {"normalized": normalized})


def matching(cursor: Cursor, *, normalized: str) -> list[UsernameBlock]:
    """Return the blocks that hold for a username."""
    sql = f"{_SELECT} where normalized = %(normalized)s or (not exact and strpos(%(normalized)s, normalized) > 0)"
    return fetch_all(cursor, _block, sql, {"normalized": normalized})


def add(
    cursor: Cursor, *, username: str, normalized: str, exact: bool, allow_with_approval: bool, by: AccountId | None, now: datetime
) -> UsernameBlock | None:
    """Store a new block and return it; None if there is one of this name with this comparison."""
    return fetch_one(
        cursor,
        _block,
        f"""insert into username_blocks (id, username, normalized, exact, allow_with_approval, created_by, created_at)
            values (new_id(%(now)s), %(username)s, %(normalized)s, %(exact)s, %(allow_with_approval)s, %(by)s, %(now)s)
            on conflict do nothing returning {_COLUMNS}""",
        {
            "username": username,
            "normalized": normalized,
            "exact": exact,
            "allow_with_approval": allow_with_approval,
            "by": by,
            "now": now,
        },
    )


def remove(cursor: Cursor, *, id: UsernameBlockId) -> None:
    """Delete a block."""
    execute(cursor, "delete from username_blocks where id = %(id)s", {"id": id})
