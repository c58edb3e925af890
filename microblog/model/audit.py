"""The audit log: acts of moderators and administrators."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from microblog.model.ids import AccountId, AuditId


class AuditAction(StrEnum):
    """An act: the kind of its target and a verb."""

    ACCOUNT_CREATE = "account.create"
    ACCOUNT_APPROVE = "account.approve"
    ACCOUNT_REJECT = "account.reject"
    ACCOUNT_CONFIRM = "account.confirm"
    ACCOUNT_WARN = "account.warn"
    ACCOUNT_LIMIT = "account.limit"
    ACCOUNT_UNLIMIT = "account.unlimit"
    ACCOUNT_DISABLE = "account.disable"
    ACCOUNT_ENABLE = "account.enable"
    ACCOUNT_MARK_SENSITIVE = "account.mark_sensitive"
    ACCOUNT_UNMARK_SENSITIVE = "account.unmark_sensitive"
    ACCOUNT_SUSPEND = "account.suspend"
    ACCOUNT_UNSUSPEND = "account.unsuspend"
    ACCOUNT_CHANGE_ROLE = "account.change_role"
    ACCOUNT_RESET_PASSWORD = "account.reset_password"  # noqa: S105 - an act, not a password
    ACCOUNT_SEND_PASSWORD_RESET = "account.send_password_reset"  # noqa: S105 - an act, not a password
    ACCOUNT_RESEND_CONFIRMATION = "account.resend_confirmation"
    ACCOUNT_CHANGE_EMAIL = "account.change_email"
    ACCOUNT_REMOVE_AVATAR = "account.remove_avatar"
    ACCOUNT_REMOVE_HEADER = "account.remove_header"
    ACCOUNT_DELETE = "account.delete"
    ACCOUNT_DELETE_SUSPENDED = "account.delete_suspended"
    POST_DELETE = "post.delete"
    POST_MARK_SENSITIVE = "post.mark_sensitive"
    STRIKE_UNDO = "strike.undo"
    APPEAL_APPROVE = "appeal.approve"
    APPEAL_REJECT = "appeal.reject"
    NOTE_CREATE = "note.create"
    NOTE_DELETE = "note.delete"
    KEYS_REPLACE = "keys.replace"
    TAG_UPDATE = "tag.update"
    TAG_APPROVE = "tag.approve"
    TAG_REJECT = "tag.reject"
    TRENDING_POST_APPROVE = "trending_post.approve"
    TRENDING_POST_REJECT = "trending_post.reject"
    TRENDING_LINK_APPROVE = "trending_link.approve"
    TRENDING_LINK_REJECT = "trending_link.reject"
    REPORT_ASSIGN = "report.assign"
    REPORT_UNASSIGN = "report.unassign"
    REPORT_RESOLVE = "report.resolve"
    REPORT_REOPEN = "report.reopen"
    REPORT_UPDATE = "report.update"
    DOMAIN_RULE_CREATE = "domain_rule.create"
    DOMAIN_RULE_UPDATE = "domain_rule.update"
    DOMAIN_RULE_DELETE = "domain_rule.delete"
    ALLOWED_DOMAIN_CREATE = "allowed_domain.create"
    ALLOWED_DOMAIN_DELETE = "allowed_domain.delete"
    EMAIL_DOMAIN_BLOCK_CREATE = "email_domain_block.create"
    EMAIL_DOMAIN_BLOCK_DELETE = "email_domain_block.delete"
    IP_BLOCK_CREATE = "ip_block.create"
    IP_BLOCK_UPDATE = "ip_block.update"
    IP_BLOCK_DELETE = "ip_block.delete"
    CANONICAL_EMAIL_BLOCK_CREATE = "canonical_email_block.create"
    CANONICAL_EMAIL_BLOCK_DELETE = "canonical_email_block.delete"
    USERNAME_BLOCK_CREATE = "username_block.create"
    USERNAME_BLOCK_DELETE = "username_block.delete"
    SITE_UPDATE = "site.update"
    RULE_CREATE = "rule.create"
    RULE_UPDATE = "rule.update"
    RULE_MOVE = "rule.move"
    RULE_DELETE = "rule.delete"
    SERVER_RETRY = "server.retry"
    EMOJI_CREATE = "emoji.create"
    EMOJI_UPDATE = "emoji.update"
    EMOJI_DISABLE = "emoji.disable"
    EMOJI_ENABLE = "emoji.enable"
    EMOJI_DELETE = "emoji.delete"
    ANNOUNCEMENT_CREATE = "announcement.create"
    ANNOUNCEMENT_DRAFT = "announcement.draft"
    ANNOUNCEMENT_SCHEDULE = "announcement.schedule"
    ANNOUNCEMENT_UPDATE = "announcement.update"
    ANNOUNCEMENT_UNPUBLISH = "announcement.unpublish"
    ANNOUNCEMENT_DELETE = "announcement.delete"
    INVITE_CREATE = "invite.create"
    INVITE_DELETE = "invite.delete"
    TOKEN_CREATE = "token.create"  # noqa: S105 - an act, not a token
    TOKEN_DELETE = "token.delete"  # noqa: S105 - an act, not a token
    APP_DELETE = "app.delete"
    EMAIL_RETRY = "email.retry"
    JOB_RETRY = "job.retry"
    JOB_DELETE = "job.delete"

    @property
    def target(self) -> str:
        """Kind of the target, such as `account`."""
        return self.value.partition(".")[0]

    @property
    def is_automatic(self) -> bool:
        """True if a job does it, and nobody at that moment."""
        return self is AuditAction.ACCOUNT_DELETE_SUSPENDED


@frozen
class AuditEntry:
    """An act to be recorded. `by`: the moderator or administrator; None: somebody at the command line, or a job.

    `target`: its name at that time (address of an account, domain, invite code). `account`: the account that it is about, also if the
    target is a post or a report. `text`: the reason or message. `facts`: the values before and after, as far as they are needed to undo
    the act; JSON.
    """

    action: AuditAction
    by: AccountId | None
    target: str = ""
    target_id: int | None = None
    account: AccountId | None = None
    text: str = ""
    facts: Mapping[str, object] = field(factory=dict)


@frozen
class AuditRecord:
    """A recorded act. `actor`: username at that time; empty for the command line and for jobs."""

    id: AuditId
    at: datetime
    actor: str
    entry: AuditEntry


@frozen
class AuditQuery:
    """Criteria of a search in the audit log; empty ones match all.

    `actor`: a username, or `-` for the command line. `target`: the whole name of a target. `since` and `until`: first moment, and the
    first moment after the last.
    """

    actor: str = ""
    action: str = ""
    target: str = ""
    account: AccountId | None = None
    since: datetime | None = None
    until: datetime | None = None
