"""Reports to the moderators."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any
from uuid import UUID

from attrs import asdict, frozen

from microblog.model.ids import AccountId, PostId, ReportId, RuleId, id_at
from microblog.model.paging import Page
from microblog.model.reports import Report, ReportCategory, ReportQuery
from microblog.model.rules import Rule
from microblog.storage import accounts
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one, fetch_value
from microblog.storage.paging import bounds, directed, page_sql

_REPORTER_COLUMNS = accounts.COLUMNS.replace("a.", "ba.").replace("c.", "bc.")
# Nobody works on the reports of a moderator whose account was deleted, or who is none any more.
_ASSIGNEE = "(select u.account_id from users u where u.account_id = r.assigned_to and u.role <> 'user')"
_SELECT = f"""
    select r.id, r.comment, r.category, r.created_at, r.post_ids, r.forwarded, r.closed_at, r.closed_by, r.rules, r.rule_ids, {_ASSIGNEE},
           {accounts.COLUMNS}, {_REPORTER_COLUMNS}
    from reports r
    join accounts a on a.id = r.target_id join account_counts c on c.account_id = a.id
    join accounts ba on ba.id = r.account_id join account_counts bc on bc.account_id = ba.id"""


def _report(id: int, comment: str, category: str, created_at: datetime, *columns: Any) -> Report:
    posts, forwarded, closed_at, closed_by, rules, rule_ids, assigned_to, *account_columns = columns
    return Report(
        ReportId(id),
        accounts.account_from(*account_columns[accounts.WIDTH :]),
        accounts.account_from(*account_columns[: accounts.WIDTH]),
        comment,
        ReportCategory(category),
        created_at,
        tuple(PostId(post) for post in posts),
        forwarded,
        closed_at,
        closed_by,
        tuple(Rule(RuleId(int(id)), str(text)) for text, id in zip_longest(rules, rule_ids, fillvalue=0)),
        assigned_to,
    )


def insert(
    cursor: Cursor,
    *,
    account: AccountId,
    target: AccountId,
    posts: Collection[int],
    comment: str,
    category: ReportCategory,
    rules: Sequence[Rule],
    now: datetime,
    forwarded: bool = False,
    activity_uri: str | None = None,
) -> ReportId:
    """Store a report; return its id. `activity_uri` is the id of one that another server made."""
    return ReportId(
        fetch_value(
            cursor,
            """insert into reports (id, account_id, target_id, post_ids, comment, category, rules, rule_ids, created_at, forwarded,
                   activity_uri)
               values (new_id(%(now)s), %(account)s, %(target)s, %(posts)s, %(comment)s, %(category)s, %(rules)s, %(rule_ids)s, %(now)s,
                   %(forwarded)s, %(activity_uri)s)
               returning id""",
            {
                "account": account,
                "target": target,
                "posts": list(posts),
                "comment": comment,
                "category": category,
                "rules": [rule.text for rule in rules],
                "rule_ids": [rule.id for rule in rules],
                "now": now,
                "forwarded": forwarded,
                "activity_uri": activity_uri,
            },
        )
    )


def is_known(cursor: Cursor, *, uri: str) -> bool:
    """True if the report with this id on another server is stored."""
    return fetch_value(cursor, "select 1 from reports where activity_uri = %(uri)s", {"uri": uri}) is not None


def count_from_host(cursor: Cursor, *, host: str, since: datetime) -> int:
    """Count the reports that accounts of this server have made since that time."""
    sql = """select count(*) from reports r join accounts a on a.id = r.account_id
        where r.id >= %(since)s and a.host = %(host)s"""
    return int(fetch_value(cursor, sql, {"host": host, "since": id_at(since)}))


@frozen
class ReportToForward:
    """A report to be sent to another server: ids of the target and of its posts there."""

    uuid: UUID
    target: str
    posts: tuple[str, ...]
    comment: str


def to_forward(cursor: Cursor, *, id: int) -> ReportToForward | None:
    """Return a report about an account of another server; None if there is none any more."""
    return fetch_one(cursor, _report_to_forward, _TO_FORWARD, {"id": id})


def _report_to_forward(uuid: str, target: str, posts: list[str], comment: str) -> ReportToForward:
    return ReportToForward(UUID(uuid), target, tuple(posts), comment)


_TO_FORWARD = Prepared("""select r.uuid::text, a.uri,
        array(select p.uri from posts p where p.id = any(r.post_ids) and p.uri is not null and p.deleted_at is null order by p.id),
        r.comment
    from reports r join accounts a on a.id = r.target_id where r.id = %(id)s and a.uri is not null""")


def by_ids(cursor: Cursor, *, ids: Collection[int]) -> dict[ReportId, Report]:
    """Return the reports that exist."""
    found = fetch_all(cursor, _report, _SELECT + " where r.id = any(%(ids)s)", {"ids": list(ids)})
    return {report.id: report for report in found}


def close(cursor: Cursor, *, id: int, by: AccountId, now: datetime) -> bool:
    """Close the report; return False if it was closed before or there is none."""
    return bool(
        execute(
            cursor,
            "update reports set closed_at = %(now)s, closed_by = %(by)s where id = %(id)s and closed_at is null",
            {"id": id, "by": by, "now": now},
        )
    )


def is_reported_already(cursor: Cursor, *, target: AccountId, excluding: int) -> bool:
    """True if another report about the account is open."""
    sql = "select exists (select from reports where target_id = %(target)s and closed_at is null and id <> %(excluding)s)"
    return bool(fetch_value(cursor, sql, {"target": target, "excluding": excluding}))


_SEARCH = (
    _SELECT
    + f""" where r.id < %(max_id)s and r.id > %(min_id)s and (r.closed_at is not null) = coalesce(%(closed)s, r.closed_at is not null)
           and (%(by)s::bigint is null or r.account_id = %(by)s) and (%(target)s::bigint is null or r.target_id = %(target)s)
           and (%(assigned_to)s::bigint is null or r.assigned_to = %(assigned_to)s)
           and (not %(unassigned)s or {_ASSIGNEE} is null) order by r.id desc limit %(limit)s"""
)


def search(cursor: Cursor, *, page: Page, query: ReportQuery) -> list[Report]:
    """Return the reports that match, newest first."""
    return directed(page, fetch_all(cursor, _report, page_sql(_SEARCH, page), bounds(page) | asdict(query)))


def count(cursor: Cursor, *, by: AccountId | None = None, target: AccountId | None = None) -> int:
    """Count all reports by one account, or about one."""
    sql = "select count(*) from reports where account_id = %(by)s or target_id = %(target)s"
    return int(fetch_value(cursor, sql, {"by": by, "target": target}))


def reopen(cursor: Cursor, *, id: int) -> None:
    """Reopen the report."""
    execute(cursor, "update reports set closed_at = null, closed_by = null where id = %(id)s", {"id": id})


def close_all(cursor: Cursor, *, target: AccountId, by: AccountId, now: datetime) -> None:
    """Close all reports about the account."""
    execute(
        cursor,
        "update reports set closed_at = %(now)s, closed_by = %(by)s where target_id = %(target)s and closed_at is null",
        {"target": target, "by": by, "now": now},
    )


def assign(cursor: Cursor, *, id: int, to: AccountId | None) -> None:
    """Assign the report to a moderator, or with None to nobody."""
    execute(cursor, "update reports set assigned_to = %(to)s where id = %(id)s", {"id": id, "to": to})


def claim(cursor: Cursor, *, id: int, to: AccountId) -> bool:
    """Assign the report to a moderator, unless it is assigned to another one; return False then."""
    sql = f"update reports r set assigned_to = %(to)s where r.id = %(id)s and coalesce({_ASSIGNEE}, %(to)s) = %(to)s"
    return bool(execute(cursor, sql, {"id": id, "to": to}))


def classify(cursor: Cursor, *, id: int, category: ReportCategory | None, rules: Sequence[Rule] | None) -> None:
    """Set the report's category and rules; None leaves a value as it is."""
    execute(
        cursor,
        """update reports set category = coalesce(%(category)s, category), rules = coalesce(%(rules)s::text[], rules),
               rule_ids = coalesce(%(rule_ids)s::bigint[], rule_ids) where id = %(id)s""",
        {
            "id": id,
            "category": category,
            "rules": None if rules is None else [rule.text for rule in rules],
            "rule_ids": None if rules is None else [rule.id for rule in rules],
        },
    )
