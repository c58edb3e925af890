"""The past of an account, for moderators."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from microblog.model.account_origins import UNKNOWN_ORIGIN, AccountOrigin
from microblog.model.accounts import Session
from microblog.model.audit import AuditRecord
from microblog.model.emails import Email
from microblog.model.ids import AccountId, ModerationNoteId, ReportId
from microblog.model.moderation import Strike
from microblog.model.posts import Post
from microblog.model.reports import Report


@frozen
class ModerationNote:
    """A note of the moderator `author` (a username; None if the account was deleted) about an account, or about a report on it."""

    id: ModerationNoteId
    account: AccountId
    report: ReportId | None
    author: str | None
    text: str
    created_at: datetime


@frozen
class AccountPast:
    """The newest strikes against an account, reports by it, and reports about it."""

    strikes: tuple[Strike, ...]
    reports_by: tuple[Report, ...]
    reports_about: tuple[Report, ...]


@frozen
class AccountHistory:
    """The newest of everything about an account. `posts`: public ones. Sessions and e-mails: only of accounts of this site.

    `kept_until`: when a suspended account of this site is deleted, so until when it can be restored.
    """

    strikes: tuple[Strike, ...]
    notes: tuple[ModerationNote, ...]
    acts: tuple[AuditRecord, ...]
    reports_by: tuple[Report, ...]
    reports_about: tuple[Report, ...]
    posts: tuple[Post, ...]
    sessions: tuple[Session, ...] = ()
    emails: tuple[Email, ...] = ()
    origin: AccountOrigin = UNKNOWN_ORIGIN
    kept_until: datetime | None = None
