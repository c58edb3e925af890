"""What the pages about mail and jobs show, and in which words."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from microblog.model.accounts import Login
from microblog.model.emails import DAILY, NEVER, SWITCHED, WEEKLY, AddressRejection, Email, EmailKind, EmailState
from microblog.model.jobs import Job, JobCounts

KINDS = {
    EmailKind.CONFIRM: "Confirm the address",
    EmailKind.RESET: "New password",
    EmailKind.MENTION: "Mention",
    EmailKind.FOLLOW: "New follower",
    EmailKind.FOLLOW_REQUEST: "Follow request",
    EmailKind.ACCEPTED: "Account opened",
    EmailKind.REJECTED: "Application refused",
    EmailKind.LOGIN: "Login from a new browser",
    EmailKind.PASSWORD: "Password changed",
    EmailKind.ADDRESS: "Address changed",
    EmailKind.SCHEDULED: "Scheduled post failed",
    EmailKind.WARNING: "Moderation warning",
    EmailKind.DIGEST: "Digest",
    EmailKind.REPORT: "Report of the day",
    EmailKind.TEST: "Test",
}
STOPPED = {
    EmailKind.MENTION: "mails when somebody mentions or answers you",
    EmailKind.FOLLOW: "mails when somebody follows you",
    EmailKind.FOLLOW_REQUEST: "mails when somebody asks to follow you",
    EmailKind.LOGIN: "mails when somebody logs in to your account with a new browser",
    EmailKind.DIGEST: "digests of what you missed",
    EmailKind.REPORT: "daily reports about this site",
}
STATES = {
    EmailState.WAITING: "Waiting",
    EmailState.DEFERRED: "Put off",
    EmailState.REFUSED: "Refused",
    EmailState.FAILED: "Given up",
    EmailState.SENT: "Sent",
    EmailState.KEPT: "Kept as a file",
    EmailState.CANCELLED: "Not needed any more",
}
AGAIN = frozenset({EmailState.WAITING, EmailState.DEFERRED, EmailState.REFUSED, EmailState.FAILED})
JOB_LISTS = {"dead": "Given up", "retrying": "Failed, to be tried again", "waiting": "Waiting", "running": "Running", "done": "Done"}
FREQUENCIES = {NEVER: "Never", DAILY: "Every day", WEEKLY: "Every week"}


@frozen
class EmailSwitch:
    """A kind of letters that can be switched off. `name` is the form's field."""

    name: str
    label: str
    hint: str
    on: bool


@frozen
class MailForm:
    """Which letters somebody gets.

    `refused` says that the mail server refused the newest one; `kept` is true where none is sent.
    """

    login: Login
    is_admin: bool = False
    refused: AddressRejection | None = None
    kept: bool = False
    errors: Mapping[str, str] = field(factory=dict)

    @property
    def switches(self) -> tuple[EmailSwitch, ...]:
        """All but the digest, which has a frequency; the report is for administrators."""
        preferences = self.login.preferences
        told = [
            (EmailKind.MENTION, "Somebody mentions or answers me", "Unless you have read it on the site by then."),
            (EmailKind.FOLLOW, "Somebody follows me", ""),
            (EmailKind.FOLLOW_REQUEST, "Somebody asks to follow me", ""),
            (EmailKind.LOGIN, "Somebody logs in to my account with a new browser", "Leave this on: it tells you of a stolen password."),
            (EmailKind.REPORT, "The report of each day about this site", "For administrators."),
        ]
        offered = [one for one in told if self.is_admin or one[0] is not EmailKind.REPORT]
        return tuple(EmailSwitch(SWITCHED[kind], label, hint, getattr(preferences, SWITCHED[kind])) for kind, label, hint in offered)

    @property
    def frequencies(self) -> tuple[tuple[str, str], ...]:
        """What can be chosen for digests."""
        return tuple(FREQUENCIES.items())


@frozen
class EmailActionPage:
    """A page that a link in a letter opens: a sentence, and a button that does what it says. No button: it is done."""

    title: str
    sentence: str
    button: str = ""
    action: str = ""


@frozen
class ResetForm:
    """Choosing another password. `token` is the one of the letter."""

    username: str
    token: str
    errors: Mapping[str, str] = field(factory=dict)


@frozen
class OutboxPage:
    """Letters as the administrator sees them.

    `kept_in` is the directory on a site that sends none; `state` is what is listed (empty: all).
    """

    letters: tuple[Email, ...] = ()
    counts: Mapping[EmailState, int] = field(factory=dict)
    state: str = ""
    kept_in: str | None = None
    older: str | None = None

    @property
    def tabs(self) -> tuple[tuple[str, str, int], ...]:
        """(state, label, how many), those that somebody has to look at first."""
        return tuple((str(state), label, self.counts.get(state, 0)) for state, label in STATES.items())

    def kind(self, letter: Email) -> str:
        """What it is about, in words."""
        return KINDS[letter.kind]

    def label(self, letter: Email) -> str:
        """How it stands, in words."""
        return STATES[letter.state]

    def may_go_again(self, letter: Email) -> bool:
        """True if there is a point in trying it again."""
        return letter.state in AGAIN


@frozen
class JobsPage:
    """Jobs as the administrator sees them. `which` is one of JOB_LISTS."""

    counts: JobCounts
    kinds: Mapping[str, JobCounts] = field(factory=dict)
    jobs: tuple[Job, ...] = ()
    which: str = "dead"
    older: str | None = None

    @property
    def tabs(self) -> tuple[tuple[str, str, int | None], ...]:
        """(list, label, how many)."""
        known = {"dead": self.counts.dead, "retrying": self.counts.retrying, "waiting": self.counts.waiting, "running": self.counts.running}
        return tuple((name, label, known.get(name)) for name, label in JOB_LISTS.items())

    def may_be_decided(self, job: Job) -> bool:
        """True for those that can be tried now or discarded."""
        return str(job.state) in ("dead", "waiting")
