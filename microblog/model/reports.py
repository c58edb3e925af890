"""What people tell the moderators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.accounts import Account, AccountWithLogin
from microblog.model.ids import AccountId, PostId, ReportId
from microblog.model.posts import Post


class ReportCategory(StrEnum):
    """What a report is about."""

    SPAM = "spam"
    LEGAL = "legal"
    VIOLATION = "violation"
    OTHER = "other"


@frozen
class Report:
    """Somebody (`by`) reports somebody (`target`), with some of their posts.

    `closed_at`: when a moderator (`closed_by`) was done with it. `rules` are the words of those that were broken. `assigned_to` is the
    moderator who looks after it.
    """

    id: ReportId
    by: Account
    target: Account
    comment: str
    category: ReportCategory
    created_at: datetime
    posts: tuple[PostId, ...] = ()
    forwarded: bool = False
    closed_at: datetime | None = None
    closed_by: AccountId | None = None
    rules: tuple[str, ...] = ()
    assigned_to: AccountId | None = None


@frozen
class ReportDetails:
    """A report as moderators work on it: with those of its posts that they may see, and those who have to do with it."""

    report: Report
    posts: Sequence[Post]
    members: Mapping[AccountId, AccountWithLogin]
