"""E-mail jobs. They have their own worker, so that a hanging mail server delays nothing but e-mail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from attrs import field, frozen
from twisted.logger import Logger

from microblog.domain import announcement_desk, password_reset
from microblog.domain.email_composer import EmailComposer
from microblog.domain.password_reset import PasswordReset
from microblog.domain.ports import MailTransport
from microblog.jobs.cleanup import HOURLY, CleanupBatch, nightly
from microblog.jobs.retry import RetryPolicy
from microblog.jobs.scheduler import Daily, Timer
from microblog.jobs.worker import Finish, Finishing, Task
from microblog.model.emails import DAILY, WEEKLY, DeliveryStatus, EmailContext, EmailState, Envelope
from microblog.model.ids import AnnouncementId, EmailId, NotificationId
from microblog.model.jobs import Job, PermanentFailure, RetryLater
from microblog.render.email.emails import EmailRenderer
from microblog.storage import emails, known_browsers
from microblog.storage.emails import SEND_JOB

NOTIFIED_JOB = "email.notification"
DIGESTS, REPORTS = "email.digests", "email.daily_reports"
CONCURRENCY = 4  # concurrent deliveries
# Two and a half days in total: RFC 5321, section 4.5.4.1, requires some days, and most mail servers that defer do so for hours.
RETRY_POLICIES: Mapping[str, RetryPolicy] = {SEND_JOB: RetryPolicy(tries=24, first_pause=30.0, max_pause=4 * 3600.0, time_limit=180.0)}

EMAIL_RETENTION = timedelta(days=90)
BROWSER_RETENTION = timedelta(days=400)

_log = Logger()


def cleanup_batches() -> list[CleanupBatch]:
    """Return the cleanup jobs for e-mails."""
    return [
        CleanupBatch("cleanup.emails", emails.delete_old, EMAIL_RETENTION, HOURLY),
        CleanupBatch("cleanup.known_browsers", known_browsers.delete_old, BROWSER_RETENTION, nightly(3, 50)),
    ]


def timers(zone: ZoneInfo) -> list[Timer]:
    """Return the timers of digests and reports: in the morning in the site's time zone."""
    return [Timer(REPORTS, Daily(time(6, 0), zone)), Timer(DIGESTS, Daily(time(7, 0), zone))]


@frozen
class EmailJobs:
    """Tasks of the e-mail jobs. `bounces` is the envelope sender, `delay` the time before an unread notification is sent by e-mail.

    `results` counts the attempts to deliver by their result.
    """

    composer: EmailComposer
    password_reset: PasswordReset
    renderer: EmailRenderer
    transport: MailTransport
    bounces: str
    delay: timedelta
    zone: ZoneInfo
    retry_policy: RetryPolicy = field(factory=lambda: RETRY_POLICIES[SEND_JOB])
    results: Counter[str] = field(factory=Counter, init=False)

    def tasks(self) -> dict[str, Task]:
        """Return the tasks by job kind."""
        return {
            NOTIFIED_JOB: Finishing(self.queue_notifications),
            SEND_JOB: self.send,
            password_reset.JOB: self.queue_password_reset,
            DIGESTS: self.queue_digests,
            REPORTS: self.queue_reports,
            announcement_desk.EMAIL: self.queue_announcement,
        }

    async def queue_notifications(self, job: Job, finish: Finish) -> None:
        """Queue the e-mails about notifications."""
        ids = job.payload.get("notifications")
        if not isinstance(ids, list):
            raise PermanentFailure("The job's payload has no list of notifications.")
        await self.composer.enqueue_notifications([NotificationId(int(id)) for id in ids], self.delay, finish)

    async def queue_password_reset(self, job: Job) -> None:
        """Queue the password reset e-mail, if the requested account exists."""
        await self.password_reset.send_email(str(job.payload.get("name", "")))

    async def queue_digests(self, job: Job) -> None:
        """Queue the daily digests, and on Mondays the weekly ones."""
        tick = self._tick(job)
        await self.composer.enqueue_digests(DAILY, tick - timedelta(days=1), f"{tick:%Y-%m-%d}")
        if tick.weekday() == 0:
            await self.composer.enqueue_digests(WEEKLY, tick - timedelta(days=7), f"{tick:%Y-%m-%d}")

    async def queue_reports(self, job: Job) -> None:
        """Queue the administrators' report of the previous day."""
        end = self._tick(job).replace(hour=0, minute=0, second=0, microsecond=0)
        await self.composer.enqueue_reports(end - timedelta(days=1), end)

    async def queue_announcement(self, job: Job) -> None:
        """Queue the e-mails with an announcement."""
        await self.composer.enqueue_announcement(AnnouncementId(job.id_of("announcement")))

    async def send(self, job: Job) -> None:
        """Try to deliver an e-mail. Raises RetryLater if the mail server defers it."""
        context = await self.composer.begin_delivery(EmailId(int(str(job.payload.get("email", 0)))))
        if context is None:
            self.results[EmailState.CANCELLED] += 1
            return
        result = await self.transport.deliver(await self._envelope(context))
        if result.status is not DeliveryStatus.DEFERRED:
            await self._record(context.email.id, EmailState(result.status), result.response)
            return
        is_last = job.tries >= self.retry_policy.tries
        await self._record(context.email.id, EmailState.FAILED if is_last else EmailState.DEFERRED, result.response)
        raise RetryLater(result.response)

    async def _record(self, email: EmailId, state: EmailState, response: str) -> None:
        self.results[state] += 1
        await self.composer.record_result(email, state, response)

    async def _envelope(self, context: EmailContext) -> Envelope:
        """Render the e-mail. If that fails, mark it as failed at once, because a retry would fail too."""
        email = context.email
        try:
            return Envelope(self.bounces, email.recipient, email.message_id or "", self.renderer.render(context))
        except Exception as problem:
            _log.failure("E-mail {email_id} ({email_kind}) could not be rendered", email_id=email.id, email_kind=email.kind)
            await self._record(email.id, EmailState.FAILED, f"The e-mail could not be rendered: {type(problem).__name__}")
            raise PermanentFailure("The e-mail could not be rendered.") from problem

    def _tick(self, job: Job) -> datetime:
        return datetime.fromisoformat(str(job.payload["tick"])).astimezone(self.zone)
