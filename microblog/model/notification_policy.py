"""Who may notify somebody: what becomes of notifications from people whom they do not know."""

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
"""For so long, an account, or somebody who follows, counts as new."""

FILTERABLE = frozenset(
    {
        NotificationKind.MENTION,
        NotificationKind.BOOST,
        NotificationKind.FAVOURITE,
        NotificationKind.FOLLOW,
        NotificationKind.FOLLOW_REQUEST,
    }
)
"""What strangers can do to somebody, and a policy can therefore hold back."""


class Treatment(StrEnum):
    """What becomes of a notification: it is told, kept back until its owner looks for it, or not written at all."""

    ACCEPT = "accept"
    FILTER = "filter"
    DROP = "drop"


class _Severity(IntEnum):
    ACCEPT = 0
    FILTER = 1
    DROP = 2


@frozen
class Policy:
    """What somebody wants done with notifications from: people whom they do not follow; people who do not follow them, or only since
    lately; new accounts; strangers who write to them in private without having been asked; and accounts that moderators have limited.
    """

    not_following: Treatment = Treatment.ACCEPT
    not_followers: Treatment = Treatment.ACCEPT
    new_accounts: Treatment = Treatment.ACCEPT
    private_mentions: Treatment = Treatment.FILTER
    limited_accounts: Treatment = Treatment.FILTER


@frozen
class SenderCategory:
    """How the sender of a notification stands to its receiver.

    `made` is when the sender's account was. `followed` by the receiver; `following` the receiver since then (None: not at all).
    `permitted`: let through whatever the policy says. `unasked`: it is a private mention that answers no private words of the receiver's.
    """

    account_created_at: datetime
    followed: bool = False
    following: datetime | None = None
    limited: bool = False
    staff: bool = False
    permitted: bool = False
    unasked: bool = False


def treatment(policy: Policy, standing: SenderCategory, kind: NotificationKind, now: datetime) -> Treatment:
    """What becomes of it: the most severe of what the policy says for each reason there is."""
    if kind not in FILTERABLE or standing.permitted or (standing.staff and kind is NotificationKind.MENTION):
        return Treatment.ACCEPT
    return max(_reasons(policy, standing, now), key=lambda said: _Severity[said.name], default=Treatment.ACCEPT)


def _reasons(policy: Policy, standing: SenderCategory, now: datetime) -> Iterator[Treatment]:
    if standing.following is None or standing.following > now - NEW_FOLLOWER:
        yield policy.not_followers
    if standing.followed:
        return
    yield policy.not_following
    if standing.account_created_at > now - NEW_ACCOUNT:
        yield policy.new_accounts
    if standing.unasked:
        yield policy.private_mentions
    if standing.limited:
        yield policy.limited_accounts


@frozen
class PendingCounts:
    """How much is kept back: from how many people, and how many notifications; counted no further than a limit."""

    requests: int = 0
    notifications: int = 0


@frozen
class NotificationRequest:
    """Somebody whose mentions are kept back. `post` is the last one that the receiver may see."""

    id: NotificationRequestId
    account: Account
    created_at: datetime
    updated_at: datetime
    count: int
    post: Post | None = None
