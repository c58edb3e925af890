"""Push notification jobs. They have their own worker, so that hanging push services delay nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from attrs import field, frozen
from twisted.logger import Logger

from microblog.domain.ports import PushService
from microblog.domain.push import notifications
from microblog.domain.push.encryption import PushEncryptor
from microblog.domain.push.notifications import PushNotifications, PushOutcome
from microblog.jobs.cleanup import HOURLY, CleanupBatch
from microblog.jobs.retry import RetryPolicy
from microblog.jobs.worker import Task
from microblog.model.cards import FetchError
from microblog.model.ids import NotificationId, PushSubscriptionId
from microblog.model.jobs import Job, PermanentFailure, RetryLater
from microblog.model.push import PushMessage, PushResponse
from microblog.storage.push_subscriptions import SEND_JOB
from microblog.storage.push_subscriptions import delete_old as forget_settled

NOTIFIED_JOB = "push.notification"
AT_ONCE = 16  # concurrent deliveries
IN_A_ROW = 20  # messages per job; then other subscriptions have their turn
URGENCY = "normal"  # RFC 8030, section 5.3: a chat message, not a phone call
MAX_PAUSE = timedelta(hours=6)
# A job has more tries than MAX_FAILURES, so that the subscription is deleted before the job is dead.
PLAN = RetryPolicy(tries=2 * notifications.MAX_FAILURES, first=30.0, longest=MAX_PAUSE.total_seconds())
PLANS: Mapping[str, RetryPolicy] = {SEND_JOB: PLAN}
SWEEPS = (CleanupBatch("cleanup.push_notifications", forget_settled, notifications.KEPT, HOURLY),)

_PASSING = frozenset({408, 425, 429})
_OVER = frozenset({404, 410})

_log = Logger()


@frozen
class PushJobs:
    """Tasks of the push jobs. `chance` returns uniform random numbers in [0, 1)."""

    pushes: PushNotifications
    written: Callable[[PushMessage], bytes]
    sealer: PushEncryptor
    service: PushService
    chance: Callable[[], float] = field(default=lambda: 0.5)

    def notifying(self, wake: Callable[[], None]) -> Task:
        """Return the task that queues notifications for push subscriptions, and wakes the sending worker."""

        async def notified(job: Job) -> None:
            ids = job.payload.get("notifications")
            if not isinstance(ids, list):
                raise PermanentFailure("The job does not say which notifications it is about.")
            await self.pushes.notified([NotificationId(int(id)) for id in ids])
            wake()

        return notified

    async def send(self, job: Job) -> None:
        """Send the queued messages of a subscription in order. Raises RetryLater if its service is unavailable."""
        id = PushSubscriptionId(int(str(job.payload.get("subscription", 0))))
        push = await self.pushes.next(id)
        for _ in range(IN_A_ROW):
            if push is None:
                return
            push = await self.pushes.next(id, await self._sent(push))
        if push is not None:
            await self.pushes.later(id)

    async def _sent(self, push: PushMessage) -> NotificationId | None:
        """Try to deliver once. Return the notification's id, or None if it is permanently undeliverable."""
        resting, now = push.subscription.resting_until, self.pushes.now()
        if resting is not None and resting > now:
            raise RetryLater(f"{_host(push)} is given a rest.", after=(resting - now).total_seconds())
        fate, said, rest = await self._tried(push)
        if fate is PushOutcome.SENT:
            return push.note.id
        await self.pushes.failed(push, fate, rest)
        if fate is PushOutcome.AWAY:
            raise RetryLater(f"{_host(push)}: {said}", after=rest.total_seconds())
        _log.info("Push to {host} for account {account}: {said}", host=_host(push), account=push.subscription.account_id, said=said)
        return None

    async def _tried(self, push: PushMessage) -> tuple[PushOutcome, str, timedelta]:
        """Try to deliver once. Return the outcome, the reason for the log, and the pause before the next try."""
        pause = timedelta(seconds=PLAN.pause(push.subscription.failures + 1, self.chance()) or 0)
        try:
            sealed = self.sealer.encrypt(self.written(push), push.subscription.target)
        except Exception:  # a message that cannot be encoded would fail again, and must not block the others
            _log.failure("The push message about notification {id} could not be written", id=push.note.id)
            return PushOutcome.REFUSED, "It could not be written.", pause
        headers = {
            "Content-Type": "application/octet-stream",
            "TTL": str(push.ttl),
            "Urgency": URGENCY,
            "Topic": str(push.note.id),  # a repeat replaces the undelivered first one (RFC 8030, section 5.4)
            **sealed.headers,
        }
        try:
            answer = await self.service.post(push.subscription.target.endpoint, headers, sealed.body)
        except FetchError as problem:
            return PushOutcome.REFUSED if problem.permanent else PushOutcome.AWAY, str(problem), pause
        return outcome_of(answer.status), f"It answers with {answer.status}.", max(pause, asked_rest(answer, self.pushes.now()))


def outcome_of(status: int) -> PushOutcome:
    """Return the meaning of a push service's status code (RFC 8030, sections 5 and 7)."""
    if 200 <= status < 300:
        return PushOutcome.SENT
    if status in _OVER:
        return PushOutcome.GONE
    return PushOutcome.AWAY if status in _PASSING or status >= 500 else PushOutcome.REFUSED


def asked_rest(answer: PushResponse, now: datetime) -> timedelta:
    """Return the pause that the Retry-After header requests, at most MAX_PAUSE."""
    asked = answer.retry_after.strip()
    if asked.isascii() and asked.isdecimal():
        return min(timedelta(seconds=int(asked[:9])), MAX_PAUSE)
    try:
        until = parsedate_to_datetime(asked)
    except ValueError:
        return timedelta()
    return min(max(until - now, timedelta()), MAX_PAUSE) if until.tzinfo else timedelta()


def _host(push: PushMessage) -> str:
    """Return the push service's host for logs. The rest of an endpoint URL is a secret."""
    return urlsplit(push.subscription.target.endpoint).hostname or ""
