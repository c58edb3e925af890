"""Web Push subscriptions and messages (RFC 8030)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from microblog.model.ids import AccountId, PushSubscriptionId
from microblog.model.notifications import Notification, NotificationKind

ALERTS = tuple(kind for kind in NotificationKind if kind is not NotificationKind.SEVERED_RELATIONSHIPS)
"""Kinds of notifications that a client can subscribe to."""


class PushPolicy(StrEnum):
    """Senders whose notifications are pushed: all, followed accounts, followers, or none."""

    ALL = "all"
    FOLLOWED = "followed"
    FOLLOWER = "follower"
    NONE = "none"


@frozen
class PushChoice:
    """The alerts and the policy that a client chose."""

    alerts: frozenset[NotificationKind] = frozenset()
    policy: PushPolicy = PushPolicy.ALL


@frozen
class PushTarget:
    """Endpoint and keys of a client: its public P-256 key, uncompressed, and the 16 bytes of its authentication secret (RFC 8291).

    `standard` is false for clients that only know the draft encryption `aesgcm`.
    """

    endpoint: str
    p256dh: bytes
    auth: bytes = field(repr=False)
    standard: bool = False


@frozen
class PushSubscription:
    """A push subscription of one client; there is at most one per access token.

    `failures` counts consecutive failed deliveries; nothing is sent until `paused_until`.
    """

    id: PushSubscriptionId
    account_id: AccountId
    target: PushTarget
    choice: PushChoice
    failures: int = 0
    paused_until: datetime | None = None


@frozen
class PushMessage:
    """One notification for one subscription. `ttl` is in seconds (RFC 8030, section 5.2); `locale` is the recipient's."""

    subscription: PushSubscription
    notification: Notification
    locale: str
    ttl: int


@frozen
class PushResponse:
    """Response of a push service. `retry_after` is its Retry-After header (RFC 9110, section 10.2.3)."""

    status: int
    retry_after: str = ""
