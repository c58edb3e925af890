"""Reports to the moderators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.accounts import Account, AccountWithLogin
from microblog.model.ids import AccountId, PostId, ReportId
from microblog.model.posts import Post
from microblog.model.rules import Rule


class ReportCategory(StrEnum):
    """Category of a report."""

    SPAM = "spam"
    LEGAL = "legal"
    VIOLATION = "violation"
    OTHER = "other"


@frozen
class Report:
    """A report by one account (`by`) about another (`target`) and some of its posts.

    `closed_at`: when the moderator `closed_by` resolved it. `rules` are the broken rules in the words of that time. `assigned_to` is the
    moderator who works on it.
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
    rules: tuple[Rule, ...] = ()
    assigned_to: AccountId | None = None


@frozen
class ReportQuery:
    """Criteria of a search for reports; None matches all. `unassigned`: only those that no moderator works on."""

    closed: bool | None = None
    by: AccountId | None = None
    target: AccountId | None = None
    assigned_to: AccountId | None = None
    unassigned: bool = False


@frozen
class ReportedPost:
    """A reported post, which may be deleted, with the post that it replies to and the first replies to it."""

    post: Post
    deleted_at: datetime | None = None
    parent: Post | None = None
    replies: tuple[Post, ...] = ()

    @property
    def is_hidden(self) -> bool:
        """True if nobody else sees it any more: it was deleted, or its author suspended."""
        return self.deleted_at is not None or self.post.author.suspended_at is not None


@frozen
class ReportDetails:
    """A report as moderators see it: with the reported posts that they are shown, and the accounts involved."""

    report: Report
    posts: Sequence[ReportedPost]
    members: Mapping[AccountId, AccountWithLogin]
