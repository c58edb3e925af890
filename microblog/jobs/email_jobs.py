"""E-mail jobs. They have their own worker, so that a hanging mail server delays nothing but e-mail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from attrs import field, frozen
from twisted.logger import Logger

from microblog.domain import password_reset
from microblog.domain.email_composer import EmailComposer
from microblog.domain.password_reset import PasswordReset
from microblog.domain.ports import MailTransport
from microblog.jobs.cleanup import HOURLY, CleanupBatch, nightly
from microblog.jobs.retry import RetryPolicy
from microblog.jobs.scheduler import Daily, Timer
from microblog.jobs.worker import Task
from microblog.model.emails import DAILY, WEEKLY, DeliveryStatus, EmailContext, EmailState, Envelope
from microblog.model.ids import EmailId, NotificationId
from microblog.model.jobs import Job, PermanentFailure, RetryLater
from microblog.render.email.emails import EmailRenderer
from microblog.storage import emails, known_browsers
from microblog.storage.emails import SEND_JOB

NOTIFIED_JOB = "email.notification"
DIGESTS, REPORTS = "email.digests", "email.daily_reports"
AT_ONCE = 4  # concurrent deliveries
# Two and a half days in total: RFC 5321, section 4.5.4.1, requires some days, and most mail servers that defer do so for hours.
PLANS: Mapping[str, RetryPolicy] = {SEND_JOB: RetryPolicy(tries=24, first=30.0, longest=4 * 3600.0, limit=180.0)}

LETTERS_KEPT = timedelta(days=90)
DEVICES_KEPT = timedelta(days=400)

_log = Logger()


def sweeps() -> list[CleanupBatch]:
    """Return the cleanup jobs for e-mails."""
    return [
        CleanupBatch("cleanup.emails", emails.delete_old, LETTERS_KEPT, HOURLY),
        CleanupBatch("cleanup.known_browsers", known_browsers.delete_old, DEVICES_KEPT, nightly(3, 50)),
    ]


def timers(zone: ZoneInfo) -> list[Timer]:
    """Return the timers of digests and reports: in the morning in the site's time zone."""
    return [Timer(REPORTS, Daily(time(6, 0), zone)), Timer(DIGESTS, Daily(time(7, 0), zone))]


@frozen
class EmailJobs:
    """Tasks of the e-mail jobs. `bounces` is the envelope sender, `delay` the time before an unread notification is sent by e-mail."""

    dispatch: EmailComposer
    recoveries: PasswordReset
    letters: EmailRenderer
    office: MailTransport
    bounces: str
    delay: timedelta
    zone: ZoneInfo
    plan: RetryPolicy = field(factory=lambda: PLANS[SEND_JOB])

    def tasks(self) -> dict[str, Task]:
        """Return the tasks by job kind."""
        return {
            NOTIFIED_JOB: self.notified,
            SEND_JOB: self.send,
            password_reset.JOB: self.forgotten,
            DIGESTS: self.digests,
            REPORTS: self.reports,
        }

    async def notified(self, job: Job) -> None:
        """Queue the e-mails about notifications."""
        ids = job.payload.get("notifications")
        if not isinstance(ids, list):
            raise PermanentFailure("The job does not say which notifications it is about.")
        await self.dispatch.enqueue_notifications([NotificationId(int(id)) for id in ids], self.delay)

    async def forgotten(self, job: Job) -> None:
        """Queue the password reset e-mail, if the requested account exists."""
        await self.recoveries.answer(str(job.payload.get("name", "")))

    async def digests(self, job: Job) -> None:
        """Queue the daily digests, and on Mondays the weekly ones."""
        tick = self._tick(job)
        await self.dispatch.enqueue_digests(DAILY, tick - timedelta(days=1), f"{tick:%Y-%m-%d}")
        if tick.weekday() == 0:
            await self.dispatch.enqueue_digests(WEEKLY, tick - timedelta(days=7), f"{tick:%Y-%m-%d}")

    async def reports(self, job: Job) -> None:
        """Queue the administrators' report of the previous day."""
        end = self._tick(job).replace(hour=0, minute=0, second=0, microsecond=0)
        await self.dispatch.enqueue_reports(end - timedelta(days=1), end)

    async def send(self, job: Job) -> None:
        """Try to deliver an e-mail. Raises RetryLater if the mail server defers it."""
        mail = await self.dispatch.begin_delivery(EmailId(int(str(job.payload.get("email", 0)))))
        if mail is None:
            return
        receipt = await self.office.deliver(await self._envelope(mail))
        if receipt.fate is not DeliveryStatus.DEFERRED:
            await self.dispatch.record_result(mail.letter.id, EmailState(receipt.fate), receipt.answer)
            return
        is_last = job.tries >= self.plan.tries
        await self.dispatch.record_result(mail.letter.id, EmailState.FAILED if is_last else EmailState.DEFERRED, receipt.answer)
        raise RetryLater(receipt.answer)

    async def _envelope(self, mail: EmailContext) -> Envelope:
        """Render the e-mail. If that fails, mark it as failed at once, because a retry would fail too."""
        letter = mail.letter
        try:
            return Envelope(self.bounces, letter.recipient, letter.message_id or "", self.letters.written(mail))
        except Exception as problem:
            _log.failure("Letter {id} ({kind}) could not be written", id=letter.id, kind=letter.kind)
            await self.dispatch.record_result(letter.id, EmailState.FAILED, f"It could not be written: {type(problem).__name__}")
            raise PermanentFailure("The letter could not be written.") from problem

    def _tick(self, job: Job) -> datetime:
        return datetime.fromisoformat(str(job.payload["tick"])).astimezone(self.zone)
