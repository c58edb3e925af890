"""What somebody is told about."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.ids import NotificationId
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


@frozen
class Notification:
    """One thing that happened to somebody. For a boost, `post` is the original."""

    id: NotificationId
    kind: NotificationKind
    created_at: datetime
    account: Account
    post: Post | None = None
    group_key: str = ""
