"""SQL for a Page. A paged query is written once, newest first, with the parameters max_id, min_id and limit."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

from microblog.model.ids import MAX_ID
from microblog.model.paging import Page
from microblog.storage.database import Prepared

T = TypeVar("T")


def bounds(page: Page) -> dict[str, object]:
    """Return the parameters max_id, min_id (both exclusive) and limit."""
    return {
        "max_id": MAX_ID if page.max_id is None else min(page.max_id, MAX_ID),
        "min_id": max(page.since_id or 0, page.min_id or 0),
        "limit": page.limit,
    }


def page_sql(sql: str, page: Page) -> str:
    """Return the query in the page's direction. `sql` is in descending order; for an upward page every `desc` in it becomes `asc`."""
    if not page.upward:
        return sql
    return _upward_prepared(sql) if isinstance(sql, Prepared) else _upward(sql)


def _upward(sql: str) -> str:
    return sql.replace(" desc", " asc")


@cache
def _upward_prepared(sql: Prepared) -> Prepared:
    return Prepared(_upward(sql))


def directed(page: Page, rows: list[T]) -> list[T]:
    """Return the rows newest first, in whichever direction they were read."""
    return rows[::-1] if page.upward else rows
