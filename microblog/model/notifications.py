"""Notifications and groups of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.ids import NotificationId
from microblog.model.moderation import AccountWarning
from microblog.model.posts import Post
from microblog.model.severances import Severance


class NotificationKind(StrEnum):
    """Kinds of notifications, with the names of Mastodon's API. Clients crash on others, so none may be added."""

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
    SEVERED_RELATIONSHIPS = "severed_relationships"


@frozen
class Notification:
    """One notification. For a boost, `post` is the original. `filtered`: the recipient's policy withholds it.

    The `account` of a WARNING is the recipient's own, so that it does not reveal its sender; so is that of SEVERED_RELATIONSHIPS.
    """

    id: NotificationId
    kind: NotificationKind
    created_at: datetime
    account: Account
    post: Post | None = None
    group_key: str = ""
    filtered: bool = False
    warning: AccountWarning | None = None
    severance: Severance | None = None

    @property
    def key(self) -> str:
        """Key of its group; ungrouped notifications have a group of their own."""
        return self.group_key or f"{UNGROUPED_PREFIX}{self.id}"

    def alone(self) -> NotificationGroup:
        """Return a group of this notification alone."""
        senders, oldest = (self.account,), None
        return NotificationGroup(self.key, self.kind, 1, self.id, self.created_at, senders, self.post, oldest, self.warning, self.severance)


GROUPED = frozenset({NotificationKind.FAVOURITE, NotificationKind.BOOST, NotificationKind.FOLLOW, NotificationKind.SIGN_UP})
"""Kinds that are grouped."""

UNGROUPED_PREFIX = "ungrouped-"
"""Prefix of the group key of an ungrouped notification; its id follows."""


@frozen
class NotificationGroup:
    """Notifications of one kind about one post or account; most groups have one member.

    `senders` are the newest few of `count`. `id` and `created_at` are those of the newest notification, `oldest_on_page` is the id of the
    oldest one on the requested page.
    """

    key: str
    kind: NotificationKind
    count: int
    id: NotificationId
    created_at: datetime
    senders: tuple[Account, ...]
    post: Post | None = None
    oldest_on_page: NotificationId | None = None
    warning: AccountWarning | None = None
    severance: Severance | None = None

    @property
    def account(self) -> Account:
        """Sender of the newest notification."""
        return self.senders[0]
