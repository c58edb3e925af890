"""Moderators' decisions about accounts, with the messages to their owners."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from microblog.model.ids import AccountId, NotificationId, PostId, WarningId
from microblog.model.moderation import AccountWarning, ModerationAction, Sanction
from microblog.storage.database import Cursor, fetch_all, fetch_value


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


def of_notifications(cursor: Cursor, *, ids: Collection[int]) -> dict[NotificationId, AccountWarning]:
    """Return the decisions that these notifications are about."""

    def found(notification: int, id: int, action: str, text: str, posts: list[int], at: datetime) -> tuple[NotificationId, AccountWarning]:
        warning = AccountWarning(WarningId(id), ModerationAction(action), text, tuple(map(PostId, posts)), at)
        return NotificationId(notification), warning

    return dict(
        fetch_all(
            cursor,
            found,
            """select n.id, w.id, w.action, w.text, w.post_ids, w.created_at
               from notifications n join account_warnings w on w.id = n.warning_id
               where n.id = any(%(ids)s) and w.action = any(%(actions)s)""",
            {"ids": list(ids), "actions": list(ModerationAction)},
        )
    )
