"""Web Push (RFC 8030): programs of somebody that want to be told of notifications while they do not run, and what they are told."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from microblog.model.ids import AccountId, PushSubscriptionId
from microblog.model.notifications import Notification, NotificationKind

ALERTS = tuple(NotificationKind)
"""What a program can ask to be told of."""


class PushPolicy(StrEnum):
    """Whose doings are pushed: everybody's, those of people one follows, those of one's followers, nobody's."""

    ALL = "all"
    FOLLOWED = "followed"
    FOLLOWER = "follower"
    NONE = "none"


@frozen
class PushChoice:
    """What a program wants to be told of."""

    alerts: frozenset[NotificationKind] = frozenset()
    policy: PushPolicy = PushPolicy.ALL


@frozen
class PushTarget:
    """Where a program is reached, and how it reads: its point on P-256, uncompressed, and 16 bytes that it shares with us (RFC 8291).

    `standard` is false for programs that know only the drafts which Mastodon began with.
    """

    endpoint: str
    p256dh: bytes
    auth: bytes = field(repr=False)
    standard: bool = False


@frozen
class PushSubscription:
    """One program of somebody: there is one for each of their API tokens at most.

    `failures` counts in a row what could not be delivered; until `resting_until` nothing is tried.
    """

    id: PushSubscriptionId
    account_id: AccountId
    target: PushTarget
    choice: PushChoice
    failures: int = 0
    resting_until: datetime | None = None


@frozen
class PushMessage:
    """One notification for one program. `lasts` is for how many seconds it is worth delivering; `locale` is its owner's."""

    subscription: PushSubscription
    note: Notification
    locale: str
    lasts: int


@frozen
class PushResponse:
    """What a push service said. `retry_after` is its Retry-After header (RFC 9110, section 10.2.3)."""

    status: int
    retry_after: str = ""
