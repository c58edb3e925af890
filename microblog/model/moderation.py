"""What moderators look for, and what they decide."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.ids import PostId, ReportId, WarningId


class AccountState(StrEnum):
    """How a member stands, in the words of client programs."""

    ACTIVE = "active"
    PENDING = "pending"
    DISABLED = "disabled"
    SILENCED = "silenced"
    SUSPENDED = "suspended"


class ModerationAction(StrEnum):
    """What a moderator does about somebody, in the words of client programs."""

    NONE = "none"
    DISABLE = "disable"
    SILENCE = "silence"
    SUSPEND = "suspend"


@frozen
class AccountQuery:
    """Which members: of this standing, who moderate, whose name or address begins like this. Nothing said: everybody."""

    state: AccountState | None = None
    staff: bool = False
    username: str = ""
    display_name: str = ""
    email: str = ""


@frozen
class Sanction:
    """A moderator's decision about an account. `text` is what its owner is told, if they are to be told (`tell`).

    `report` is the report that it settles; without one, an action settles all reports about the account.
    """

    action: ModerationAction
    text: str = ""
    tell: bool = True
    report: ReportId | None = None


@frozen
class AccountWarning:
    """A decision as the account's owner is told of it. `posts` are those that the report named."""

    id: WarningId
    action: ModerationAction
    text: str
    posts: tuple[PostId, ...]
    created_at: datetime
