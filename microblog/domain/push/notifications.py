"""Web Push: subscriptions, and the queue of messages for each of them.

A notification enqueues one job (storage/notifications.py), which queues it for each subscription whose alerts include it. Each subscription
has a job of its own, which sends one message after the other: a push service that hangs delays nobody else, and one that is unavailable is
not retried for each message. The content of a message, and whether it is still wanted, is determined when it is sent.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import Enum
from urllib.parse import urlsplit

from attrs import evolve, frozen

from microblog.domain import notifications as notification_rules
from microblog.domain.push.encryption import AUTH_BYTES, is_point
from microblog.domain.tokens import REVOKED
from microblog.domain.validation import ValidationErrors
from microblog.model.accounts import AccountWithLogin, Viewer
from microblog.model.cards import MAX_URL
from microblog.model.errors import Invalid, NotFound, Unauthenticated
from microblog.model.filters import FilterContext, FilterSet
from microblog.model.ids import AccountId, NotificationId, PushSubscriptionId, TokenId
from microblog.model.notifications import Notification
from microblog.model.push import ALERTS, PushChoice, PushMessage, PushPolicy, PushSubscription, PushTarget
from microblog.storage import email_digests, filters, follows, jobs, notifications, push_subscriptions, users
from microblog.storage.database import Cursor, Transactions

MAX_NOTIFICATION_AGE = timedelta(hours=48)
"""Maximum age of a notification that is pushed."""
SENT_RETENTION = timedelta(days=1)
"""Retention of the record of a sent notification, so that it is not sent twice."""
MAX_SUBSCRIPTIONS = 20  # per account; the oldest is deleted first
MAX_FAILURES = 36  # in a row: about a week, if the service is unavailable
NO_SUBSCRIPTION = "Not Found"


@frozen
class SubscriptionRequest:
    """A subscription as a client requests it: keys in base64 or base64url, alerts by their names."""

    endpoint: str
    p256dh: str
    auth: str
    standard: bool = False


class PushOutcome(Enum):
    """Outcome of one delivery attempt."""

    SENT = "sent"
    REFUSED = "refused"  # permanently: the message is discarded
    UNAVAILABLE = "away"  # the service is temporarily unavailable
    GONE = "gone"  # the subscription has ended


@frozen
class PushNotifications:
    """Manages subscriptions and their message queues."""

    database: Transactions
    now: Callable[[], datetime]

    async def subscribe(self, viewer: Viewer, token: TokenId, request: SubscriptionRequest, choice: PushChoice) -> PushSubscription:
        """Create the token's subscription, replacing an earlier one. Raises Invalid."""
        return await self.database.run(self._subscribe, viewer.id, token, _target(request), choice)

    async def of(self, token: TokenId) -> PushSubscription:
        """Return the token's subscription. Raises NotFound."""
        return _existing(await self.database.read(push_subscriptions.of_token, token=token))

    async def change(self, token: TokenId, choice: PushChoice) -> PushSubscription:
        """Change the alerts and policy of the token's subscription. Raises NotFound."""
        return _existing(await self.database.run(push_subscriptions.change, token=token, choice=choice))

    async def unsubscribe(self, token: TokenId) -> None:
        """Delete the token's subscription."""
        await self.database.run(push_subscriptions.delete_of_tokens, tokens=[token])

    async def enqueue(self, ids: Sequence[NotificationId]) -> None:
        """Queue these notifications for the subscriptions whose alerts include them."""
        await self.database.run(push_subscriptions.enqueue, ids=ids, now=self.now())

    async def next_message(self, id: PushSubscriptionId, sent: NotificationId | None = None) -> PushMessage | None:
        """Return the next message to send, after recording that `sent` was sent; None if the queue is empty."""
        return await self.database.run(self._next, id, sent)

    async def enqueue_next_job(self, id: PushSubscriptionId) -> None:
        """Enqueue another job for the subscription."""
        await self.database.run(self._later, id)

    async def record_failure(self, push: PushMessage, outcome: PushOutcome, pause: timedelta) -> None:
        """Record a failed delivery. An unavailable service is not tried again before `pause` is over.

        A subscription that is gone, or failed too often in a row, is deleted.
        """
        await self.database.run(self._failed, push, outcome, pause)

    def _subscribe(self, cursor: Cursor, account: AccountId, token: TokenId, target: PushTarget, choice: PushChoice) -> PushSubscription:
        subscription = push_subscriptions.subscribe(cursor, account=account, token=token, target=target, choice=choice, now=self.now())
        if subscription is None:
            raise Unauthenticated(REVOKED)
        push_subscriptions.delete_replaced(cursor, account=account, token=token, endpoint=target.endpoint, keep=MAX_SUBSCRIPTIONS)
        return subscription

    def _next(self, cursor: Cursor, id: PushSubscriptionId, sent: NotificationId | None) -> PushMessage | None:
        subscription = push_subscriptions.lock(cursor, id=id)
        if subscription is None:
            return None
        if sent is not None:
            self._delivered(cursor, subscription, sent)
        while (next_id := push_subscriptions.next_queued(cursor, id=id)) is not None:
            push = self._compose(cursor, subscription, next_id)
            if push is not None:
                return push
            push_subscriptions.dequeue(cursor, id=id, notification=next_id, now=self.now())
        return None

    def _delivered(self, cursor: Cursor, subscription: PushSubscription, notification: NotificationId) -> None:
        push_subscriptions.dequeue(cursor, id=subscription.id, notification=notification, now=self.now())
        if subscription.failures:
            push_subscriptions.record_failures(cursor, id=subscription.id, failures=0)

    def _later(self, cursor: Cursor, id: PushSubscriptionId) -> None:
        jobs.add(cursor, push_subscriptions.SEND_JOB, {"subscription": str(id)}, due_at=self.now(), now=self.now(), key=str(id))

    def _failed(self, cursor: Cursor, push: PushMessage, outcome: PushOutcome, pause: timedelta) -> None:
        id, failures = push.subscription.id, push.subscription.failures + 1
        if outcome is PushOutcome.GONE or failures >= MAX_FAILURES:
            push_subscriptions.delete(cursor, id=id)
            return
        if outcome is PushOutcome.REFUSED:
            push_subscriptions.dequeue(cursor, id=id, notification=push.notification.id, now=self.now())
        push_subscriptions.record_failures(
            cursor, id=id, failures=failures, resting_until=self.now() + pause if outcome is PushOutcome.UNAVAILABLE else None
        )

    def _compose(self, cursor: Cursor, subscription: PushSubscription, id: NotificationId) -> PushMessage | None:
        """Return the message about the notification; None if it is not wanted (any more)."""
        member = users.by_account(cursor, account=subscription.account_id)
        if member is None or member.barred:
            return None
        notification = self._deliverable(cursor, member, id)
        if (
            notification is None
            or notification.kind not in subscription.choice.alerts
            or not _allowed_by_policy(cursor, subscription, notification)
        ):
            return None
        remaining = notification.created_at + MAX_NOTIFICATION_AGE - self.now()
        if remaining <= timedelta():
            return None
        return PushMessage(subscription, notification, member.login.preferences.locale, int(remaining.total_seconds()))

    def _deliverable(self, cursor: Cursor, member: AccountWithLogin, id: NotificationId) -> Notification | None:
        """Return the notification as its owner sees it; None if it is hidden by a block, mute or filter, or read already."""
        account = member.account
        found = notification_rules.load_notifications(cursor, Viewer(account), notifications.by_id(cursor, account=account.id, id=id))
        if not found or found[0].filtered or not email_digests.is_not_muted(cursor, notification=id, now=self.now()):
            return None
        notification = found[0]
        if notification.post is None:
            return notification
        filter_set = FilterSet(tuple(filters.of_account(cursor, account=account.id)), account.id).within(FilterContext.NOTIFICATIONS)
        post = filter_set.shown(notification.post, FilterContext.NOTIFICATIONS, self.now())
        return evolve(notification, post=post) if post else None


def _existing(found: PushSubscription | None) -> PushSubscription:
    if found is None:
        raise NotFound(NO_SUBSCRIPTION)
    return found


def _allowed_by_policy(cursor: Cursor, subscription: PushSubscription, notification: Notification) -> bool:
    """Return True if the subscription's policy allows the notification's sender."""
    owner, sender = subscription.account_id, notification.account.id
    match subscription.choice.policy:
        case PushPolicy.ALL:
            return True
        case PushPolicy.FOLLOWED:
            return follows.follow_options(cursor, follower=owner, followee=sender) is not None
        case PushPolicy.FOLLOWER:
            return follows.follow_options(cursor, follower=sender, followee=owner) is not None
        case PushPolicy.NONE:
            return False


def choice_of(alerts: Sequence[str], policy: str) -> PushChoice:
    """Return the client's choice by the names of the API. Unknown alerts are ignored. Raises Invalid."""
    if policy and policy not in set(PushPolicy):
        raise Invalid({"policy": "Policy is not included in the list"}, codes={"policy": "ERR_INCLUSION"})
    return PushChoice(frozenset(kind for kind in ALERTS if kind in alerts), PushPolicy(policy or PushPolicy.ALL))


def _target(request: SubscriptionRequest) -> PushTarget:
    errors = ValidationErrors()
    _check_endpoint(request.endpoint, errors)
    p256dh, auth = _decoded(request.p256dh), _decoded(request.auth)
    for name, given, good in (("p256dh", request.p256dh, is_point(p256dh)), ("auth", request.auth, len(auth) == AUTH_BYTES)):
        if not given:
            errors.add(name, f"Key {name} can't be blank", "ERR_BLANK")
        elif not good:
            kind = "an uncompressed point on P-256" if name == "p256dh" else f"{AUTH_BYTES} bytes"
            errors.add(name, f"Key {name} is invalid: it must be {kind} in base64", "ERR_INVALID")
    errors.raise_if_any()
    return PushTarget(request.endpoint, p256dh, auth, request.standard)


def _check_endpoint(endpoint: str, errors: ValidationErrors) -> None:
    if not endpoint:
        errors.add("endpoint", "Endpoint can't be blank", "ERR_BLANK")
        return
    try:
        parts = urlsplit(endpoint)
        valid = parts.scheme == "https" and bool(parts.hostname) and parts.port in (None, 443) and "@" not in parts.netloc
    except ValueError:
        valid = False
    if not valid or not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint or len(endpoint) > MAX_URL:
        errors.add("endpoint", "Endpoint is not a valid URL: it must be https, on its usual port", "ERR_INVALID")


def _decoded(text: str) -> bytes:
    """Decode base64 or base64url, with or without padding; empty if it is neither."""
    wanted = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return b64decode(wanted + "=" * (-len(wanted) % 4), validate=True)
    except ValueError:
        return b""
