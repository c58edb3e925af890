"""View models and texts of the pages about e-mail and jobs."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from microblog.model.accounts import Login, Role
from microblog.model.emails import DAILY, NEVER, PREFERENCE_FIELDS, WEEKLY, AddressRejection, Email, EmailKind, EmailState
from microblog.model.jobs import Job, JobCounts

KIND_LABELS = {
    EmailKind.CONFIRM: "Address confirmation",
    EmailKind.RESET: "Password reset",
    EmailKind.MENTION: "Mention",
    EmailKind.FOLLOW: "New follower",
    EmailKind.FOLLOW_REQUEST: "Follow request",
    EmailKind.ACCEPTED: "Account approved",
    EmailKind.REJECTED: "Application rejected",
    EmailKind.LOGIN: "Login from a new browser",
    EmailKind.PASSWORD: "Password changed",
    EmailKind.ADDRESS: "Address changed",
    EmailKind.SCHEDULED: "Scheduled post failed",
    EmailKind.WARNING: "Moderation warning",
    EmailKind.APPEAL: "Decision about an appeal",
    EmailKind.MODERATION: "News for moderators",
    EmailKind.ANNOUNCEMENT: "Announcement",
    EmailKind.DIGEST: "Digest",
    EmailKind.REPORT: "Daily report",
    EmailKind.TEST: "Test",
}
UNSUBSCRIBED = {
    EmailKind.MENTION: "e-mails when someone mentions you or replies to you",
    EmailKind.FOLLOW: "e-mails when someone follows you",
    EmailKind.FOLLOW_REQUEST: "e-mails when someone requests to follow you",
    EmailKind.LOGIN: "e-mails when someone logs in to your account from a new browser",
    EmailKind.ANNOUNCEMENT: "e-mails with announcements of this site",
    EmailKind.DIGEST: "e-mail digests",
    EmailKind.REPORT: "daily reports about this site",
    EmailKind.MODERATION: "e-mails about new reports, sign-ups and appeals",
}
STATE_LABELS = {
    EmailState.WAITING: "Waiting",
    EmailState.DEFERRED: "Deferred",
    EmailState.REFUSED: "Rejected",
    EmailState.FAILED: "Failed",
    EmailState.SENT: "Sent",
    EmailState.KEPT: "Saved as a file",
    EmailState.CANCELLED: "Cancelled",
}
RETRYABLE = frozenset({EmailState.WAITING, EmailState.DEFERRED, EmailState.REFUSED, EmailState.FAILED})
JOB_LISTS = {"dead": "Dead", "retrying": "Retrying", "waiting": "Waiting", "running": "Running", "done": "Done"}
FREQUENCIES = {NEVER: "Never", DAILY: "Daily", WEEKLY: "Weekly"}


def is_offered(kind: EmailKind, role: Role) -> bool:
    """True if an account with this role gets e-mails of the kind."""
    return role.includes({EmailKind.MODERATION: Role.MODERATOR, EmailKind.REPORT: Role.ADMIN}.get(kind, Role.USER))


@frozen
class EmailSwitch:
    """The checkbox of a kind of e-mail that users can turn off. `name` is the form field."""

    name: str
    label: str
    hint: str
    checked: bool


@frozen
class EmailForm:
    """The e-mail settings of a user.

    `rejection` is set if the mail server rejected the newest e-mail. `saves_to_files`: the site has no mail server, so it sends no e-mail.
    """

    login: Login
    role: Role = Role.USER
    rejection: AddressRejection | None = None
    saves_to_files: bool = False
    errors: Mapping[str, str] = field(factory=dict)

    @property
    def switches(self) -> tuple[EmailSwitch, ...]:
        """One checkbox for each kind except the digest, which has a frequency; some are for moderators or administrators."""
        preferences = self.login.preferences
        switches = [
            (EmailKind.MENTION, "Someone mentions you or replies to you", "Not sent if you have already seen it here."),
            (EmailKind.FOLLOW, "Someone follows you", ""),
            (EmailKind.FOLLOW_REQUEST, "Someone requests to follow you", ""),
            (
                EmailKind.LOGIN,
                "Someone logs in to your account from a new browser",
                "Recommended: it warns you if your password was stolen.",
            ),
            (EmailKind.ANNOUNCEMENT, "The administrators announce something to everybody by e-mail", ""),
            (EmailKind.MODERATION, "A report, a sign-up or an appeal waits for a moderator", "For moderators."),
            (EmailKind.REPORT, "The daily report about this site is ready", "For administrators."),
        ]
        offered = [one for one in switches if is_offered(one[0], self.role)]
        return tuple(
            EmailSwitch(PREFERENCE_FIELDS[kind], label, hint, getattr(preferences, PREFERENCE_FIELDS[kind]))
            for kind, label, hint in offered
        )

    @property
    def frequencies(self) -> tuple[tuple[str, str], ...]:
        """The frequencies of digests, as values and labels."""
        return tuple(FREQUENCIES.items())


@frozen
class EmailActionPage:
    """A page that a link in an e-mail opens: a sentence, and a button to confirm the action. Without a button, it is done."""

    title: str
    sentence: str
    button: str = ""
    action: str = ""


@frozen
class ResetForm:
    """The form to choose a new password. `token` is from the link in the e-mail."""

    username: str
    token: str
    errors: Mapping[str, str] = field(factory=dict)


@frozen
class OutboxPage:
    """The outbox, for administrators.

    `directory` is that of e-mails on a site without a mail server; `state` is the selected state (empty: all).
    """

    emails: tuple[Email, ...] = ()
    counts: Mapping[EmailState, int] = field(factory=dict)
    state: str = ""
    directory: str | None = None
    older: str | None = None

    @property
    def tabs(self) -> tuple[tuple[str, str, int], ...]:
        """(state, label, count) of each tab; states that need attention come first."""
        return tuple((str(state), label, self.counts.get(state, 0)) for state, label in STATE_LABELS.items())

    def kind(self, email: Email) -> str:
        """Return the label of its kind."""
        return KIND_LABELS[email.kind]

    def label(self, email: Email) -> str:
        """Return the label of the e-mail's state."""
        return STATE_LABELS[email.state]

    def can_retry(self, email: Email) -> bool:
        """True if it can be sent again."""
        return email.state in RETRYABLE


@frozen
class JobsPage:
    """The jobs, for administrators. `tab` is a key of JOB_LISTS."""

    counts: JobCounts
    kinds: Mapping[str, JobCounts] = field(factory=dict)
    jobs: tuple[Job, ...] = ()
    tab: str = "dead"
    older: str | None = None

    @property
    def tabs(self) -> tuple[tuple[str, str, int | None], ...]:
        """(list, label, count) of each tab."""
        known = {"dead": self.counts.dead, "retrying": self.counts.retrying, "waiting": self.counts.waiting, "running": self.counts.running}
        return tuple((name, label, known.get(name)) for name, label in JOB_LISTS.items())

    def can_act(self, job: Job) -> bool:
        """True if the job can be run now or discarded."""
        return str(job.state) in ("dead", "waiting")
