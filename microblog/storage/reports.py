"""Reports to the moderators."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from microblog.model.ids import AccountId, PostId, ReportId
from microblog.model.paging import Page
from microblog.model.reports import Category, Report
from microblog.storage import accounts
from microblog.storage.database import Cursor, every, execute, scalar
from microblog.storage.paging import bounds, directed, page_sql

_BY = accounts.COLUMNS.replace("a.", "ba.").replace("c.", "bc.")
_SELECT = f"""
    select r.id, r.comment, r.category, r.created_at, r.post_ids, r.forwarded, r.closed_at, {accounts.COLUMNS}, {_BY}
    from reports r
    join accounts a on a.id = r.target_id join account_counts c on c.account_id = a.id
    join accounts ba on ba.id = r.account_id join account_counts bc on bc.account_id = ba.id"""


def _report(id: int, comment: str, category: str, created_at: datetime, *columns: Any) -> Report:
    posts, forwarded, closed_at, *people = columns
    return Report(
        ReportId(id),
        accounts.account_from(*people[accounts.WIDTH :]),
        accounts.account_from(*people[: accounts.WIDTH]),
        comment,
        Category(category),
        created_at,
        tuple(PostId(post) for post in posts),
        forwarded,
        closed_at,
    )


def insert(
    cursor: Cursor,
    *,
    account: AccountId,
    target: AccountId,
    posts: Collection[int],
    comment: str,
    category: Category,
    now: datetime,
) -> ReportId:
    """Store a report; its id."""
    return ReportId(
        scalar(
            cursor,
            """insert into reports (id, account_id, target_id, post_ids, comment, category, created_at)
               values (new_id(%(now)s), %(account)s, %(target)s, %(posts)s, %(comment)s, %(category)s, %(now)s)
               returning id""",
            {
                "account": account,
                "target": target,
                "posts": list(posts),
                "comment": comment,
                "category": category,
                "now": now,
            },
        )
    )


def by_ids(cursor: Cursor, *, ids: Collection[int]) -> dict[ReportId, Report]:
    """Those of the reports that exist."""
    found = every(cursor, _report, _SELECT + " where r.id = any(%(ids)s)", {"ids": list(ids)})
    return {report.id: report for report in found}


_OPEN = _SELECT + " where r.closed_at is null and r.id < %(max_id)s and r.id > %(min_id)s order by r.id desc limit %(limit)s"


def waiting(cursor: Cursor, *, page: Page) -> list[Report]:
    """What no moderator is done with, the newest first."""
    return directed(page, every(cursor, _report, page_sql(_OPEN, page), bounds(page)))


def close(cursor: Cursor, *, id: int, by: AccountId, now: datetime) -> bool:
    """The moderator is done with it; False if somebody was already, or there is none."""
    return bool(
        execute(
            cursor,
            "update reports set closed_at = %(now)s, closed_by = %(by)s where id = %(id)s and closed_at is null",
            {"id": id, "by": by, "now": now},
        )
    )
