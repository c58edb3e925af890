"""What people tell the moderators."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.ids import PostId, ReportId


class Category(StrEnum):
    """What a report is about."""

    SPAM = "spam"
    LEGAL = "legal"
    VIOLATION = "violation"
    OTHER = "other"


@frozen
class Report:
    """Somebody (`by`) reports somebody (`target`), with some of their posts. `closed_at`: when a moderator was done with it."""

    id: ReportId
    by: Account
    target: Account
    comment: str
    category: Category
    created_at: datetime
    posts: tuple[PostId, ...] = ()
    forwarded: bool = False
    closed_at: datetime | None = None
