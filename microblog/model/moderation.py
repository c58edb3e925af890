"""Account searches and decisions of moderators."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.ids import PostId, ReportId, WarningId


class AccountState(StrEnum):
    """State of an account, with the names of Mastodon's admin API."""

    ACTIVE = "active"
    PENDING = "pending"
    DISABLED = "disabled"
    SILENCED = "silenced"
    SUSPENDED = "suspended"


class ModerationAction(StrEnum):
    """A moderation action on an account, with the names of Mastodon's admin API."""

    NONE = "none"
    DISABLE = "disable"
    SILENCE = "silence"
    SUSPEND = "suspend"


@frozen
class AccountQuery:
    """Criteria of an account search: state, role, and prefixes of names and address. The default matches every account."""

    state: AccountState | None = None
    staff: bool = False
    username: str = ""
    display_name: str = ""
    email: str = ""


@frozen
class RemoteAccountQuery:
    """Criteria of a search for accounts of other servers; empty ones match all. `state` restricted: limited or suspended."""

    state: str = ""
    domain: str = ""
    username: str = ""
    display_name: str = ""


@frozen
class Sanction:
    """A moderator's decision about an account. `text` is the message to its owner, sent if `notify`.

    `report` is the report that it resolves; without one, an action resolves all reports about the account.
    """

    action: ModerationAction
    text: str = ""
    notify: bool = True
    report: ReportId | None = None


@frozen
class AccountWarning:
    """A moderation decision as the account's owner sees it. `posts` are the reported ones."""

    id: WarningId
    action: ModerationAction
    text: str
    posts: tuple[PostId, ...]
    created_at: datetime
