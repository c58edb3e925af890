"""The notification policy: which notifications from strangers are filtered or dropped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.ids import NotificationRequestId
from microblog.model.notifications import NotificationKind
from microblog.model.posts import Post

NEW_ACCOUNT = timedelta(days=30)
NEW_FOLLOWER = timedelta(days=3)
"""Ages below which an account or a follow counts as new."""

FILTERABLE = frozenset(
    {
        NotificationKind.MENTION,
        NotificationKind.BOOST,
        NotificationKind.FAVOURITE,
        NotificationKind.FOLLOW,
        NotificationKind.FOLLOW_REQUEST,
    }
)
"""Kinds of notifications that a policy can filter: those that strangers can cause."""


class Treatment(StrEnum):
    """Handling of a notification: delivered, filtered until its recipient reviews it, or not stored."""

    ACCEPT = "accept"
    FILTER = "filter"
    DROP = "drop"


class _Severity(IntEnum):
    ACCEPT = 0
    FILTER = 1
    DROP = 2


@frozen
class Policy:
    """A user's choice of treatment for each category of senders.

    The categories: accounts that they do not follow; accounts that do not follow them or only recently do; new accounts; unsolicited
    private mentions; and accounts limited by moderators.
    """

    not_following: Treatment = Treatment.ACCEPT
    not_followers: Treatment = Treatment.ACCEPT
    new_accounts: Treatment = Treatment.ACCEPT
    private_mentions: Treatment = Treatment.FILTER
    limited_accounts: Treatment = Treatment.FILTER


@frozen
class SenderCategory:
    """Relation of a notification's sender to its recipient.

    `followed`: by the recipient. `following`: when the sender began to follow the recipient, None if they do not. `permitted`: the
    recipient accepted this sender's notifications. `unsolicited`: a private mention that does not reply to a private post of theirs.
    """

    account_created_at: datetime
    followed: bool = False
    following: datetime | None = None
    limited: bool = False
    staff: bool = False
    permitted: bool = False
    unsolicited: bool = False


def treatment(policy: Policy, sender: SenderCategory, kind: NotificationKind, now: datetime) -> Treatment:
    """Return the most severe treatment of all categories that the sender is in."""
    if kind not in FILTERABLE or sender.permitted or (sender.staff and kind is NotificationKind.MENTION):
        return Treatment.ACCEPT
    return max(_treatments(policy, sender, now), key=lambda one: _Severity[one.name], default=Treatment.ACCEPT)


def _treatments(policy: Policy, sender: SenderCategory, now: datetime) -> Iterator[Treatment]:
    if sender.following is None or sender.following > now - NEW_FOLLOWER:
        yield policy.not_followers
    if sender.followed:
        return
    yield policy.not_following
    if sender.account_created_at > now - NEW_ACCOUNT:
        yield policy.new_accounts
    if sender.unsolicited:
        yield policy.private_mentions
    if sender.limited:
        yield policy.limited_accounts


@frozen
class PendingCounts:
    """Numbers of filtered notifications and of their senders, each counted up to a limit."""

    requests: int = 0
    notifications: int = 0


@frozen
class NotificationRequest:
    """A sender of filtered notifications. `post` is their newest one that the recipient may see."""

    id: NotificationRequestId
    account: Account
    created_at: datetime
    updated_at: datetime
    count: int
    post: Post | None = None
