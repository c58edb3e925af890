"""Web Push: who is told by it, and what becomes of each message.

A notification promises one job, whoever it is for (storage/notifications.py); that job lets it wait for each subscription that wants it.
Each subscription has a job of its own, which sends one message after the other: a push service that hangs holds up nobody else, and one
that is away is not asked again for each message. What a message says, and whether it is still wanted, is looked up when its turn comes.
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
from microblog.model.cards import LONGEST_URL
from microblog.model.errors import Invalid, NotFound, Unauthenticated
from microblog.model.filters import FilterContext, FilterSet
from microblog.model.ids import AccountId, NotificationId, PushSubscriptionId, TokenId
from microblog.model.notifications import Notification
from microblog.model.push import ALERTS, PushChoice, PushMessage, PushPolicy, PushSubscription, PushTarget
from microblog.storage import email_digests, filters, follows, jobs, notifications, push_subscriptions, users
from microblog.storage.database import Cursor, Transactions

LASTS = timedelta(hours=48)
"""For how long a notification is worth pushing."""
KEPT = timedelta(days=1)
"""How long it is remembered that a notification was sent."""
MOST_SUBSCRIPTIONS = 20  # of one account; the oldest goes first
MOST_FAILURES = 36  # in a row: about a week, where the service is away
NO_SUBSCRIPTION = "Not Found"


@frozen
class SubscriptionRequest:
    """A subscription as a program asks for it: keys in base64 of either kind, alerts by their names."""

    endpoint: str
    p256dh: str
    auth: str
    standard: bool = False


class PushOutcome(Enum):
    """How one try ended."""

    SENT = "sent"
    REFUSED = "refused"  # and would be again: the message is given up
    AWAY = "away"  # the service takes nothing now
    GONE = "gone"  # the subscription is over


@frozen
class PushNotifications:
    """Keeps subscriptions, and says what is to be sent to them."""

    database: Transactions
    now: Callable[[], datetime]

    async def subscribe(self, viewer: Viewer, token: TokenId, asked: SubscriptionRequest, choice: PushChoice) -> PushSubscription:
        """Let the token's program be told, in place of what it had. Raises Invalid."""
        return await self.database.run(self._subscribe, viewer.id, token, _target(asked), choice)

    async def of(self, token: TokenId) -> PushSubscription:
        """The token's subscription. Raises NotFound."""
        return _there(await self.database.read(push_subscriptions.of_token, token=token))

    async def change(self, token: TokenId, choice: PushChoice) -> PushSubscription:
        """Tell the token's program of this from now on. Raises NotFound where it has no subscription."""
        return _there(await self.database.run(push_subscriptions.change, token=token, choice=choice))

    async def unsubscribe(self, token: TokenId) -> None:
        """Tell the token's program nothing any more."""
        await self.database.run(push_subscriptions.forget_tokens, tokens=[token])

    async def notified(self, ids: Sequence[NotificationId]) -> None:
        """Let these notifications wait for whoever wants them pushed."""
        await self.database.run(push_subscriptions.enqueue, ids=ids, now=self.now())

    async def next(self, id: PushSubscriptionId, done: NotificationId | None = None) -> PushMessage | None:
        """What to send next, once it is written down that `done` was sent; None where nothing waits."""
        return await self.database.run(self._next, id, done)

    async def later(self, id: PushSubscriptionId) -> None:
        """Promise one job more for the subscription."""
        await self.database.run(self._later, id)

    async def failed(self, push: PushMessage, fate: PushOutcome, rest: timedelta) -> None:
        """Write down that a message could not be delivered. A service that is away is not asked again before `rest` is over.

        A subscription that is gone, or failed too often in a row, is deleted.
        """
        await self.database.run(self._failed, push, fate, rest)

    def _subscribe(self, cursor: Cursor, account: AccountId, token: TokenId, target: PushTarget, choice: PushChoice) -> PushSubscription:
        made = push_subscriptions.subscribe(cursor, account=account, token=token, target=target, choice=choice, now=self.now())
        if made is None:
            raise Unauthenticated(REVOKED)
        push_subscriptions.leave_out(cursor, account=account, token=token, endpoint=target.endpoint, keep=MOST_SUBSCRIPTIONS)
        return made

    def _next(self, cursor: Cursor, id: PushSubscriptionId, done: NotificationId | None) -> PushMessage | None:
        subscription = push_subscriptions.lock(cursor, id=id)
        if subscription is None:
            return None
        if done is not None:
            self._delivered(cursor, subscription, done)
        while (waiting := push_subscriptions.waiting(cursor, id=id)) is not None:
            push = self._composed(cursor, subscription, waiting)
            if push is not None:
                return push
            push_subscriptions.settle(cursor, id=id, notification=waiting, now=self.now())
        return None

    def _delivered(self, cursor: Cursor, subscription: PushSubscription, notification: NotificationId) -> None:
        push_subscriptions.settle(cursor, id=subscription.id, notification=notification, now=self.now())
        if subscription.failures:
            push_subscriptions.note(cursor, id=subscription.id, failures=0)

    def _later(self, cursor: Cursor, id: PushSubscriptionId) -> None:
        jobs.add(cursor, push_subscriptions.SEND_JOB, {"subscription": str(id)}, due_at=self.now(), now=self.now(), key=str(id))

    def _failed(self, cursor: Cursor, push: PushMessage, fate: PushOutcome, rest: timedelta) -> None:
        id, failures = push.subscription.id, push.subscription.failures + 1
        if fate is PushOutcome.GONE or failures >= MOST_FAILURES:
            push_subscriptions.forget(cursor, id=id)
            return
        if fate is PushOutcome.REFUSED:
            push_subscriptions.settle(cursor, id=id, notification=push.note.id, now=self.now())
        push_subscriptions.note(cursor, id=id, failures=failures, resting_until=self.now() + rest if fate is PushOutcome.AWAY else None)

    def _composed(self, cursor: Cursor, subscription: PushSubscription, id: NotificationId) -> PushMessage | None:
        """The message about the notification; None where it is not wanted, or not any more."""
        member = users.by_account(cursor, account=subscription.account_id)
        if member is None or member.barred:
            return None
        note = self._still_news(cursor, member, id)
        if note is None or note.kind not in subscription.choice.alerts or not _wanted(cursor, subscription, note):
            return None
        left = note.created_at + LASTS - self.now()
        if left <= timedelta():
            return None
        return PushMessage(subscription, note, member.login.preferences.locale, int(left.total_seconds()))

    def _still_news(self, cursor: Cursor, member: AccountWithLogin, id: NotificationId) -> Notification | None:
        """The notification as its owner may be told of it: none from whom they do not want to hear, nothing that a filter hides."""
        account = member.account
        found = notification_rules.loaded(cursor, Viewer(account), notifications.by_id(cursor, account=account.id, id=id))
        if not found or found[0].filtered or not email_digests.is_announced(cursor, notification=id, now=self.now()):
            return None
        note = found[0]
        if note.post is None:
            return note
        sieve = FilterSet(tuple(filters.of_account(cursor, account=account.id)), account.id).within(FilterContext.NOTIFICATIONS)
        post = sieve.shown(note.post, FilterContext.NOTIFICATIONS, self.now())
        return evolve(note, post=post) if post else None


def _there(found: PushSubscription | None) -> PushSubscription:
    if found is None:
        raise NotFound(NO_SUBSCRIPTION)
    return found


def _wanted(cursor: Cursor, subscription: PushSubscription, note: Notification) -> bool:
    """True where the subscription's policy lets that one through."""
    owner, sender = subscription.account_id, note.account.id
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
    """What a program wants, by the names of the API. Alerts of kinds that there are not mean nothing. Raises Invalid."""
    if policy and policy not in set(PushPolicy):
        raise Invalid({"policy": "Policy is not included in the list"}, codes={"policy": "ERR_INCLUSION"})
    return PushChoice(frozenset(kind for kind in ALERTS if kind in alerts), PushPolicy(policy or PushPolicy.ALL))


def _target(asked: SubscriptionRequest) -> PushTarget:
    findings = ValidationErrors()
    _check_endpoint(asked.endpoint, findings)
    p256dh, auth = _decoded(asked.p256dh), _decoded(asked.auth)
    for name, given, good in (("p256dh", asked.p256dh, is_point(p256dh)), ("auth", asked.auth, len(auth) == AUTH_BYTES)):
        if not given:
            findings.add(name, f"Key {name} can't be blank", "ERR_BLANK")
        elif not good:
            kind = "an uncompressed point on P-256" if name == "p256dh" else f"{AUTH_BYTES} bytes"
            findings.add(name, f"Key {name} is invalid: it must be {kind} in base64", "ERR_INVALID")
    findings.settle()
    return PushTarget(asked.endpoint, p256dh, auth, asked.standard)


def _check_endpoint(endpoint: str, findings: ValidationErrors) -> None:
    if not endpoint:
        findings.add("endpoint", "Endpoint can't be blank", "ERR_BLANK")
        return
    try:
        parts = urlsplit(endpoint)
        sound = parts.scheme == "https" and bool(parts.hostname) and parts.port in (None, 443) and "@" not in parts.netloc
    except ValueError:
        sound = False
    if not sound or not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint or len(endpoint) > LONGEST_URL:
        findings.add("endpoint", "Endpoint is not a valid URL: it must be https, on its usual port", "ERR_INVALID")


def _decoded(text: str) -> bytes:
    """The bytes of base64 or base64url, with padding or without; none where it is neither."""
    wanted = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return b64decode(wanted + "=" * (-len(wanted) % 4), validate=True)
    except ValueError:
        return b""
