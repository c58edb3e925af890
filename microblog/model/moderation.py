"""Account searches and decisions of moderators."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.accounts import Account, Role
from microblog.model.ids import AccountId, PostId, ReportId, WarningId
from microblog.model.ip_blocks import Network
from microblog.model.reports import ReportedPost


class AccountState(StrEnum):
    """State of an account, with the names of Mastodon's admin API."""

    ACTIVE = "active"
    PENDING = "pending"
    DISABLED = "disabled"
    SENSITIZED = "sensitized"
    SILENCED = "silenced"
    SUSPENDED = "suspended"


class ModerationAction(StrEnum):
    """A moderation action on an account, with the names of Mastodon's admin API."""

    NONE = "none"
    DISABLE = "disable"
    SENSITIVE = "sensitive"
    SILENCE = "silence"
    SUSPEND = "suspend"
    MARK_STATUSES_AS_SENSITIVE = "mark_statuses_as_sensitive"
    DELETE_STATUSES = "delete_statuses"

    @property
    def needs_posts(self) -> bool:
        """True if it is about the posts of a report."""
        return self in (ModerationAction.MARK_STATUSES_AS_SENSITIVE, ModerationAction.DELETE_STATUSES)


ACCOUNT_ACTIONS = tuple(action for action in ModerationAction if not action.needs_posts)
"""The actions on an account, as clients name them."""


class AppealState(StrEnum):
    """State of an appeal, with the names of the client API."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


@frozen
class Appeal:
    """The appeal of an account's owner against a moderation decision."""

    text: str
    state: AppealState
    created_at: datetime


@frozen
class AccountQuery:
    """Criteria of an account search: state, role, prefixes of names and e-mail address. The default matches every account.

    `roles`: any of these; None: all. `network`: its owner used an address of it. `invited_by`: signed up with an invite of that account.
    """

    state: AccountState | None = None
    staff: bool = False
    username: str = ""
    display_name: str = ""
    email: str = ""
    network: Network | None = None
    roles: tuple[Role, ...] | None = None
    invited_by: AccountId | None = None

    @property
    def needs_login(self) -> bool:
        """True if it asks for something that only accounts of this site have."""
        return self.staff or bool(self.email) or self.network is not None or self.roles is not None or self.invited_by is not None


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
    appeal: Appeal | None = None


@frozen
class Strike:
    """A moderation decision with the account that it is about. `overruled_at`: when it was undone."""

    warning: AccountWarning
    account: Account
    moderator: str | None = None
    overruled_at: datetime | None = None
    report: ReportId | None = None


@frozen
class StrikeDetails:
    """A strike with the posts that it is about, as far as the viewer is shown them."""

    strike: Strike
    posts: tuple[ReportedPost, ...] = ()
