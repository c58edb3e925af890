"""Moderators' decisions about accounts (strikes), with the messages to their owners and their appeals."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from microblog.model.ids import AccountId, NotificationId, PostId, ReportId, WarningId
from microblog.model.moderation import AccountWarning, Appeal, AppealState, ModerationAction, Sanction, Strike
from microblog.model.paging import Page
from microblog.storage import accounts
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one, fetch_value
from microblog.storage.paging import bounds, directed, page_sql

_WARNING = "w.id, w.action, w.text, w.post_ids, w.created_at, p.text, p.created_at, p.decided_at, p.approved"
_WIDTH = 9
_SELECT = f"""select {_WARNING}, (select m.username from accounts m where m.id = w.moderator_id), w.overruled_at, w.report_id,
        {accounts.COLUMNS}
    from account_warnings w left join appeals p on p.warning_id = w.id
    join accounts a on a.id = w.account_id join account_counts c on c.account_id = a.id"""


def insert(
    cursor: Cursor, sanction: Sanction, *, account: AccountId, moderator: AccountId, posts: Sequence[PostId], now: datetime
) -> WarningId:
    """Store a decision about the account; return its id."""
    return WarningId(
        fetch_value(
            cursor,
            """insert into account_warnings (id, account_id, moderator_id, report_id, action, text, post_ids, created_at)
               values (new_id(%(now)s), %(account)s, %(moderator)s, %(report)s, %(action)s, %(text)s, %(posts)s, %(now)s)
               returning id""",
            {
                "account": account,
                "moderator": moderator,
                "report": sanction.report,
                "action": sanction.action,
                "text": sanction.text,
                "posts": list(posts),
                "now": now,
            },
        )
    )


def note_marked(cursor: Cursor, *, warning: WarningId, posts: Sequence[PostId]) -> None:
    """Note the posts whose media the decision marked as sensitive."""
    execute(cursor, "update account_warnings set marked_ids = %(posts)s where id = %(warning)s", {"warning": warning, "posts": list(posts)})


def marked(cursor: Cursor, *, warning: WarningId) -> list[PostId]:
    """Return the posts whose media the decision marked as sensitive."""
    return fetch_value(  # type: ignore[no-any-return]  # a column of type bigint[]
        cursor, "select coalesce(marked_ids, '{}') from account_warnings where id = %(warning)s", {"warning": warning}
    )


def _warning(id: int, action: str, text: str, posts: list[int], at: datetime, *appeal: Any) -> AccountWarning:
    return AccountWarning(WarningId(id), ModerationAction(action), text, tuple(map(PostId, posts)), at, _appeal(*appeal))


def _appeal(text: str | None, created_at: datetime, decided_at: datetime | None, approved: bool) -> Appeal | None:
    if text is None:
        return None
    decided = AppealState.APPROVED if approved else AppealState.REJECTED
    return Appeal(text, AppealState.PENDING if decided_at is None else decided, created_at)


def _strike(*columns: Any) -> Strike:
    moderator, overruled_at, report, *account = columns[_WIDTH:]
    return Strike(
        _warning(*columns[:_WIDTH]),
        accounts.account_from(*account),
        moderator,
        overruled_at,
        None if report is None else ReportId(report),
    )


def of_notifications(cursor: Cursor, *, ids: Collection[int]) -> dict[NotificationId, AccountWarning]:
    """Return the decisions that these notifications are about."""

    def found(notification: int, *columns: Any) -> tuple[NotificationId, AccountWarning]:
        return NotificationId(notification), _warning(*columns)

    return dict(
        fetch_all(
            cursor,
            found,
            f"""select n.id, {_WARNING}
               from notifications n join account_warnings w on w.id = n.warning_id left join appeals p on p.warning_id = w.id
               where n.id = any(%(ids)s) and w.action = any(%(actions)s)""",
            {"ids": list(ids), "actions": list(ModerationAction)},
        )
    )


def by_id(cursor: Cursor, *, id: int) -> Strike | None:
    """Return a decision."""
    return fetch_one(cursor, _strike, _SELECT + " where w.id = %(id)s and a.deleted_at is null", {"id": id})


def lock(cursor: Cursor, *, id: int) -> None:
    """Lock a decision until the transaction ends, so that it is appealed, decided and undone once."""
    execute(cursor, "select from account_warnings where id = %(id)s for update", {"id": id})


_OF_ACCOUNT = (
    _SELECT
    + """ where w.account_id = %(account)s and a.deleted_at is null and w.id < %(max_id)s and w.id > %(min_id)s
          order by w.id desc limit %(limit)s"""
)


def of_account(cursor: Cursor, *, account: AccountId, page: Page) -> list[Strike]:
    """Return the decisions about the account, newest first."""
    return directed(page, fetch_all(cursor, _strike, page_sql(_OF_ACCOUNT, page), bounds(page) | {"account": account}))


def in_force(cursor: Cursor, *, account: AccountId, action: ModerationAction) -> Strike | None:
    """Return the newest decision about the account with this action that was not undone."""
    sql = f"""{_SELECT} where w.account_id = %(account)s and a.deleted_at is null and w.action = %(action)s
        and w.overruled_at is null order by w.id desc limit 1"""
    return fetch_one(cursor, _strike, sql, {"account": account, "action": action})


_APPEALED = (
    _SELECT
    + """ where p.decided_at is null and p.warning_id is not null and a.deleted_at is null
          and w.id < %(max_id)s and w.id > %(min_id)s order by w.id desc limit %(limit)s"""
)


def appealed(cursor: Cursor, *, page: Page) -> list[Strike]:
    """Return the decisions with an appeal that waits, newest first."""
    return directed(page, fetch_all(cursor, _strike, page_sql(_APPEALED, page), bounds(page)))


def insert_appeal(cursor: Cursor, *, warning: WarningId, text: str, now: datetime) -> None:
    """Store the appeal against a decision."""
    sql = "insert into appeals (warning_id, text, created_at) values (%(warning)s, %(text)s, %(now)s)"
    execute(cursor, sql, {"warning": warning, "text": text, "now": now})


def decide_appeal(cursor: Cursor, *, warning: WarningId, by: AccountId, approved: bool, now: datetime) -> bool:
    """Approve or reject an appeal; return False if there is none or it was decided before."""
    sql = """update appeals set decided_at = %(now)s, decided_by = %(by)s, approved = %(approved)s
        where warning_id = %(warning)s and decided_at is null"""
    return bool(execute(cursor, sql, {"warning": warning, "by": by, "approved": approved, "now": now}))


def overrule(cursor: Cursor, *, warning: WarningId, now: datetime) -> bool:
    """Note that the act was undone; return False if it was before."""
    sql = "update account_warnings set overruled_at = %(now)s where id = %(warning)s and overruled_at is null"
    return bool(execute(cursor, sql, {"warning": warning, "now": now}))


def count(cursor: Cursor, *, account: AccountId) -> int:
    """Count the decisions about an account that were not undone."""
    sql = "select count(*) from account_warnings where account_id = %(account)s and overruled_at is null"
    return int(fetch_value(cursor, sql, {"account": account}))
