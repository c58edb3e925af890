"""What somebody is told about."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.ids import NotificationId
from microblog.model.moderation import AccountWarning
from microblog.model.posts import Post


class NotificationKind(StrEnum):
    """The kinds, by the names that API clients know; no others may be invented, clients crash on them."""

    MENTION = "mention"
    STATUS = "status"
    BOOST = "reblog"
    FOLLOW = "follow"
    FOLLOW_REQUEST = "follow_request"
    FAVOURITE = "favourite"
    POLL = "poll"
    UPDATE = "update"
    SIGN_UP = "admin.sign_up"
    REPORT = "admin.report"
    WARNING = "moderation_warning"


@frozen
class Notification:
    """One thing that happened to somebody. For a boost, `post` is the original. What is `filtered` is kept back by their policy.

    A WARNING has no sender that may be told: its `account` is the receiver's own.
    """

    id: NotificationId
    kind: NotificationKind
    created_at: datetime
    account: Account
    post: Post | None = None
    group_key: str = ""
    filtered: bool = False
    warning: AccountWarning | None = None

    @property
    def key(self) -> str:
        """That of the group that it belongs to, be it one of its own."""
        return self.group_key or f"{UNGROUPED_PREFIX}{self.id}"

    def alone(self) -> NotificationGroup:
        """The group of it and nothing else."""
        return NotificationGroup(self.key, self.kind, 1, self.id, self.created_at, (self.account,), self.post, warning=self.warning)


GROUPED = frozenset({NotificationKind.FAVOURITE, NotificationKind.BOOST, NotificationKind.FOLLOW, NotificationKind.SIGN_UP})
"""Kinds of which several are told as one."""

UNGROUPED_PREFIX = "ungrouped-"
"""What the key of a notification that stands alone begins with; its id follows."""


@frozen
class NotificationGroup:
    """Notifications of one kind about one thing, told together; most are a group of one.

    `senders` are the newest few of `count`. `id` and `created_at` are the newest one's. `oldest_here` is the oldest one that is
    not older than the page.
    """

    key: str
    kind: NotificationKind
    count: int
    id: NotificationId
    created_at: datetime
    senders: tuple[Account, ...]
    post: Post | None = None
    oldest_here: NotificationId | None = None
    warning: AccountWarning | None = None

    @property
    def account(self) -> Account:
        """Who did it last."""
        return self.senders[0]
