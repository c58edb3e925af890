"""E-mails of the site: outbox rows, the context to render them, and delivery results."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from attrs import Factory, frozen

from microblog.model.accounts import Account
from microblog.model.ids import AccountId, EmailId, NotificationId
from microblog.model.notifications import Notification, NotificationKind
from microblog.model.posts import Post


class EmailKind(StrEnum):
    """The kind of an e-mail. Notification e-mails have the name of the notification kind."""

    CONFIRM = "confirm"
    RESET = "reset"
    MENTION = "mention"
    FOLLOW = "follow"
    FOLLOW_REQUEST = "follow_request"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    LOGIN = "login"
    PASSWORD = "password"  # noqa: S105 - no secret
    ADDRESS = "address"
    SCHEDULED = "scheduled"
    WARNING = "warning"
    APPEAL = "appeal"
    MODERATION = "moderation"
    ANNOUNCEMENT = "announcement"
    DIGEST = "digest"
    REPORT = "report"
    TEST = "test"


EMAILED_NOTIFICATIONS = (NotificationKind.MENTION, NotificationKind.FOLLOW, NotificationKind.FOLLOW_REQUEST)
"""The kinds of notifications that are sent by e-mail."""

PREFERENCE_FIELDS = {
    EmailKind.MENTION: "mail_mention",
    EmailKind.FOLLOW: "mail_follow",
    EmailKind.FOLLOW_REQUEST: "mail_follow_request",
    EmailKind.LOGIN: "mail_login",
    EmailKind.ANNOUNCEMENT: "mail_announcement",
    EmailKind.DIGEST: "mail_digest",
    EmailKind.REPORT: "mail_report",
    EmailKind.MODERATION: "mail_moderation",
}
"""The kinds of e-mail that users can turn off, each with its field of `Preferences`."""

NEVER, DAILY, WEEKLY = "never", "daily", "weekly"
FREQUENCIES = (NEVER, DAILY, WEEKLY)

MAX_REJECTIONS = 3
"""Consecutive rejections after which no e-mail is sent to an address until its owner confirms or changes it."""


class EmailState(StrEnum):
    """Delivery state of an e-mail. Waiting and deferred ones are still to be sent; failed ones only on request."""

    WAITING = "waiting"
    SENT = "sent"  # accepted by the mail server
    DEFERRED = "deferred"  # temporarily rejected: the job retries
    REFUSED = "refused"  # permanently rejected by the mail server
    KEPT = "kept"  # written to a file, because the site has no mail server
    CANCELLED = "cancelled"  # no longer needed
    FAILED = "failed"  # gave up after the last retry


@frozen
class Email:
    """A row of the outbox. `notification_id` is the notification it reports, `data` holds only JSON values.

    `message_id` is set at the first attempt and reused for retries, so that recipients can detect a duplicate. `response` is the last
    response of the mail server, or why the e-mail was cancelled. `next_try` is None if no job will send it.
    """

    id: EmailId
    kind: EmailKind
    account_id: AccountId | None
    recipient: str
    notification_id: NotificationId | None
    data: Mapping[str, str]
    message_id: str | None
    state: EmailState
    tries: int
    response: str
    created_at: datetime
    settled_at: datetime | None = None
    next_try: datetime | None = None


@frozen
class AddressRejection:
    """The mail server's response to the newest e-mail to an address, if it was a rejection. `given_up`: MAX_REJECTIONS was reached."""

    response: str
    given_up: bool


@frozen
class DigestSummary:
    """Unread notifications of a user since a time: the count of each kind, and the newest ones."""

    since: datetime
    counts: Mapping[str, int] = Factory(dict)
    newest: tuple[Notification, ...] = ()

    @property
    def total(self) -> int:
        """The number of notifications of all kinds."""
        return sum(self.counts.values())


@frozen
class DailyReport:
    """Statistics of one day, from `begin` to `end`. The last four are values at the time of the report."""

    begin: datetime
    end: datetime
    sign_ups: int = 0
    active: int = 0
    posts: int = 0
    emails_sent: int = 0
    emails_failed: int = 0
    applicants: int = 0
    emails_waiting: int = 0
    jobs_retrying: int = 0
    jobs_dead: int = 0


@frozen
class EmailContext:
    """Everything that the templates of an e-mail need. `link` is the URL of its button, `unsubscribe` turns off its kind.

    `by` is the account that caused it, `post` what they wrote, `root` the first post of the thread; each None if the recipient may
    not see it. `posts` are the recipient's own that a decision of moderators is about.
    """

    email: Email
    username: str = ""
    locale: str = "en"
    time_zone: str = "UTC"
    link: str = ""
    unsubscribe: str | None = None
    by: Account | None = None
    post: Post | None = None
    root: Post | None = None
    posts: tuple[Post, ...] = ()
    digest: DigestSummary | None = None
    report: DailyReport | None = None


@frozen
class Envelope:
    """A rendered e-mail with its SMTP envelope. `sender` receives bounces; `message` has headers and body with CRLF line ends."""

    sender: str
    recipient: str
    message_id: str
    message: bytes


class DeliveryStatus(StrEnum):
    """Outcome of a delivery attempt."""

    SENT = "sent"
    DEFERRED = "deferred"
    REFUSED = "refused"
    KEPT = "kept"


@frozen
class DeliveryResult:
    """Outcome of a delivery attempt with the mail server's response."""

    status: DeliveryStatus
    response: str
