"""Push notification jobs. They have their own worker, so that hanging push services delay nothing else."""

from __future__ import annotations

from collections import Counter
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
CONCURRENCY = 16  # concurrent deliveries
MESSAGES_PER_JOB = 20  # messages per job; then other subscriptions have their turn
URGENCY = "normal"  # RFC 8030, section 5.3: a chat message, not a phone call
MAX_PAUSE = timedelta(hours=6)
# A job has more tries than MAX_FAILURES, so that the subscription is deleted before the job is dead.
RETRY_POLICY = RetryPolicy(tries=2 * notifications.MAX_FAILURES, first_pause=30.0, max_pause=MAX_PAUSE.total_seconds())
RETRY_POLICIES: Mapping[str, RetryPolicy] = {SEND_JOB: RETRY_POLICY}
CLEANUP_BATCHES = (CleanupBatch("cleanup.push_notifications", forget_settled, notifications.SENT_RETENTION, HOURLY),)

_TEMPORARY_STATUSES = frozenset({408, 425, 429})
_GONE_STATUSES = frozenset({404, 410})

_log = Logger()


@frozen
class PushJobs:
    """Tasks of the push jobs. `chance` returns uniform random numbers in [0, 1). `results` counts attempts to deliver by their result."""

    notifications: PushNotifications
    render: Callable[[PushMessage], bytes]
    encryptor: PushEncryptor
    service: PushService
    chance: Callable[[], float] = field(default=lambda: 0.5)
    results: Counter[str] = field(factory=Counter, init=False)

    def queue_task(self, wake: Callable[[], None]) -> Task:
        """Return the task that queues notifications for push subscriptions, and wakes the sending worker."""

        async def notified(job: Job) -> None:
            ids = job.payload.get("notifications")
            if not isinstance(ids, list):
                raise PermanentFailure("The job's payload has no list of notifications.")
            await self.notifications.enqueue([NotificationId(int(id)) for id in ids])
            wake()

        return notified

    async def send(self, job: Job) -> None:
        """Send the queued messages of a subscription in order. Raises RetryLater if its service is unavailable."""
        id = PushSubscriptionId(int(str(job.payload.get("subscription", 0))))
        push = await self.notifications.next_message(id)
        for _ in range(MESSAGES_PER_JOB):
            if push is None:
                return
            push = await self.notifications.next_message(id, await self._send_once(push))
        if push is not None:
            await self.notifications.enqueue_next_job(id)

    async def _send_once(self, push: PushMessage) -> NotificationId | None:
        """Try to deliver once. Return the notification's id, or None if it is permanently undeliverable."""
        resting_until, now = push.subscription.paused_until, self.notifications.now()
        if resting_until is not None and resting_until > now:
            raise RetryLater(f"{_host(push)} is paused after earlier failures.", after=(resting_until - now).total_seconds())
        outcome, detail, pause = await self._try_once(push)
        self.results[outcome.name.lower()] += 1
        if outcome is PushOutcome.SENT:
            return push.notification.id
        await self.notifications.record_failure(push, outcome, pause)
        if outcome is PushOutcome.UNAVAILABLE:
            raise RetryLater(f"{_host(push)}: {detail}", after=pause.total_seconds())
        account = push.subscription.account_id
        _log.info("Push to {host} for account {account_id} failed: {reason}", host=_host(push), account_id=account, reason=detail)
        return None

    async def _try_once(self, push: PushMessage) -> tuple[PushOutcome, str, timedelta]:
        """Try to deliver once. Return the outcome, the reason for the log, and the pause before the next try."""
        pause = timedelta(seconds=RETRY_POLICY.pause(push.subscription.failures + 1, self.chance()) or 0)
        try:
            encrypted = self.encryptor.encrypt(self.render(push), push.subscription.target)
        except Exception:  # a message that cannot be encoded would fail again, and must not block the others
            _log.failure("The push message about notification {notification_id} could not be encoded", notification_id=push.notification.id)
            return PushOutcome.REFUSED, "The message could not be encoded.", pause
        headers = {
            "Content-Type": "application/octet-stream",
            "TTL": str(push.ttl),
            "Urgency": URGENCY,
            "Topic": str(push.notification.id),  # a repeat replaces the undelivered first one (RFC 8030, section 5.4)
            **encrypted.headers,
        }
        try:
            response = await self.service.post(push.subscription.target.endpoint, headers, encrypted.body)
        except FetchError as problem:
            return PushOutcome.REFUSED if problem.permanent else PushOutcome.UNAVAILABLE, str(problem), pause
        return (
            outcome_of(response.status),
            f"HTTP status {response.status}.",
            max(pause, requested_pause(response, self.notifications.now())),
        )


def outcome_of(status: int) -> PushOutcome:
    """Return the meaning of a push service's status code (RFC 8030, sections 5 and 7)."""
    if 200 <= status < 300:
        return PushOutcome.SENT
    if status in _GONE_STATUSES:
        return PushOutcome.GONE
    return PushOutcome.UNAVAILABLE if status in _TEMPORARY_STATUSES or status >= 500 else PushOutcome.REFUSED


def requested_pause(response: PushResponse, now: datetime) -> timedelta:
    """Return the pause that the Retry-After header asks for, at most MAX_PAUSE."""
    retry_after = response.retry_after.strip()
    if retry_after.isascii() and retry_after.isdecimal():
        return min(timedelta(seconds=int(retry_after[:9])), MAX_PAUSE)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return timedelta()
    return min(max(until - now, timedelta()), MAX_PAUSE) if until.tzinfo else timedelta()


def _host(push: PushMessage) -> str:
    """Return the push service's host for logs. The rest of an endpoint URL is a secret."""
    return urlsplit(push.subscription.target.endpoint).hostname or ""
