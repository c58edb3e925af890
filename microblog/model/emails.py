"""Letters: the mails of the site, from being promised to what the mail server said."""

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
    """What a letter is about. Those of notifications have the notification's name."""

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
    DIGEST = "digest"
    REPORT = "report"
    TEST = "test"


EMAILED_NOTIFICATIONS = (NotificationKind.MENTION, NotificationKind.FOLLOW, NotificationKind.FOLLOW_REQUEST)
"""The notifications that are mailed."""

PREFERENCE_FIELDS = {
    EmailKind.MENTION: "mail_mention",
    EmailKind.FOLLOW: "mail_follow",
    EmailKind.FOLLOW_REQUEST: "mail_follow_request",
    EmailKind.LOGIN: "mail_login",
    EmailKind.DIGEST: "mail_digest",
    EmailKind.REPORT: "mail_report",
}
"""The letters that people can switch off, each with the name of its field of `Preferences`."""

NEVER, DAILY, WEEKLY = "never", "daily", "weekly"
FREQUENCIES = (NEVER, DAILY, WEEKLY)

MAX_REJECTIONS = 3
"""An address that was refused so often in a row is written to no more, until its owner confirms or changes it."""


class EmailState(StrEnum):
    """Where a letter stands. Only waiting, deferred and failed ones are still to be handed in; failed ones when somebody asks for it."""

    WAITING = "waiting"
    SENT = "sent"  # the mail server took it over
    DEFERRED = "deferred"  # it did not, for now: its job tries again
    REFUSED = "refused"  # the mail server will never take it
    KEPT = "kept"  # as a file, because the site sends no mail
    CANCELLED = "cancelled"  # nobody wants it any more
    FAILED = "failed"  # given up after the last try


@frozen
class Email:
    """A row of the outbox. `about` is the notification that it tells of, `data` holds only JSON values.

    `message_id` is given at the first try and stays: whoever gets the letter twice can tell that it is the same. `answer` is what the mail
    server said last, or why it was cancelled. `next_try` is None where no job waits for it.
    """

    id: EmailId
    kind: EmailKind
    account_id: AccountId | None
    recipient: str
    about: NotificationId | None
    data: Mapping[str, str]
    message_id: str | None
    state: EmailState
    tries: int
    answer: str
    created_at: datetime
    settled_at: datetime | None = None
    next_try: datetime | None = None


@frozen
class AddressRejection:
    """An address whose mail server refused the newest letter to it: what it said, and whether it has said so often enough."""

    answer: str
    given_up: bool


@frozen
class DigestSummary:
    """What somebody missed since then: how many of each kind, and the newest of them."""

    since: datetime
    counts: Mapping[str, int] = Factory(dict)
    newest: tuple[Notification, ...] = ()

    @property
    def total(self) -> int:
        """How many in all."""
        return sum(self.counts.values())


@frozen
class DailyReport:
    """A day of the site in figures. `begin` and `end` bound it; the last four are as things stand when it is written."""

    begin: datetime
    end: datetime
    sign_ups: int = 0
    active: int = 0
    posts: int = 0
    letters_sent: int = 0
    letters_failed: int = 0
    applicants: int = 0
    letters_waiting: int = 0
    jobs_retrying: int = 0
    jobs_dead: int = 0


@frozen
class EmailContext:
    """All that is to be known to write a letter. `link` is what its button opens, `unsubscribe` stops letters of its kind.

    `by` is who caused it, `post` what they wrote, `root` the first post of that conversation; each only where the reader may see it.
    """

    letter: Email
    username: str = ""
    locale: str = "en"
    time_zone: str = "UTC"
    link: str = ""
    unsubscribe: str | None = None
    by: Account | None = None
    post: Post | None = None
    root: Post | None = None
    missed: DigestSummary | None = None
    report: DailyReport | None = None


@frozen
class Envelope:
    """A written letter on its way. `sender` gets the bounces; `message` has header and body, its lines end in CRLF."""

    sender: str
    recipient: str
    message_id: str
    message: bytes


class DeliveryStatus(StrEnum):
    """What became of an envelope."""

    SENT = "sent"
    DEFERRED = "deferred"
    REFUSED = "refused"
    KEPT = "kept"


@frozen
class DeliveryResult:
    """What became of an envelope, and the answer that was given."""

    fate: DeliveryStatus
    answer: str
