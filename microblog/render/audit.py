"""The audit log as view models of its page, and as JSON and CSV files. Pure."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from io import StringIO

import orjson
from attrs import field, frozen

from microblog.model.audit import AuditAction, AuditQuery, AuditRecord
from microblog.render.statistics import csv_cell

LABELS = {
    AuditAction.ACCOUNT_CREATE: "Created the account",
    AuditAction.ACCOUNT_APPROVE: "Approved the sign-up of",
    AuditAction.ACCOUNT_REJECT: "Rejected the sign-up of",
    AuditAction.ACCOUNT_CONFIRM: "Confirmed the e-mail address of",
    AuditAction.ACCOUNT_WARN: "Warned",
    AuditAction.ACCOUNT_LIMIT: "Limited",
    AuditAction.ACCOUNT_UNLIMIT: "Undid the limit of",
    AuditAction.ACCOUNT_DISABLE: "Disabled the login of",
    AuditAction.ACCOUNT_ENABLE: "Enabled the login of",
    AuditAction.ACCOUNT_MARK_SENSITIVE: "Marked as sensitive the media of",
    AuditAction.ACCOUNT_UNMARK_SENSITIVE: "No longer marked as sensitive the media of",
    AuditAction.ACCOUNT_SUSPEND: "Suspended",
    AuditAction.ACCOUNT_UNSUSPEND: "Unsuspended",
    AuditAction.ACCOUNT_CHANGE_ROLE: "Changed the role of",
    AuditAction.ACCOUNT_RESET_PASSWORD: "Set a new password for",
    AuditAction.ACCOUNT_SEND_PASSWORD_RESET: "Sent a password reset to",
    AuditAction.ACCOUNT_RESEND_CONFIRMATION: "Sent the confirmation again to",
    AuditAction.ACCOUNT_CHANGE_EMAIL: "Changed the e-mail address of",
    AuditAction.ACCOUNT_REMOVE_AVATAR: "Removed the avatar of",
    AuditAction.ACCOUNT_REMOVE_HEADER: "Removed the header of",
    AuditAction.ACCOUNT_DELETE: "Deleted the account",
    AuditAction.ACCOUNT_DELETE_SUSPENDED: "Deleted 30 days after the suspension the account",
    AuditAction.POST_DELETE: "Deleted posts of",
    AuditAction.POST_MARK_SENSITIVE: "Marked as sensitive the media of posts of",
    AuditAction.STRIKE_UNDO: "Undid a strike against",
    AuditAction.APPEAL_APPROVE: "Approved the appeal of",
    AuditAction.APPEAL_REJECT: "Rejected the appeal of",
    AuditAction.NOTE_CREATE: "Wrote a note about",
    AuditAction.NOTE_DELETE: "Deleted a note by",
    AuditAction.KEYS_REPLACE: "Replaced the keys of",
    AuditAction.TAG_UPDATE: "Changed the hashtag",
    AuditAction.TAG_APPROVE: "Approved as a trend the hashtag",
    AuditAction.TAG_REJECT: "Rejected as a trend the hashtag",
    AuditAction.TRENDING_POST_APPROVE: "Approved as a trend a post of",
    AuditAction.TRENDING_POST_REJECT: "Rejected as a trend a post of",
    AuditAction.TRENDING_LINK_APPROVE: "Approved as a trend the link",
    AuditAction.TRENDING_LINK_REJECT: "Rejected as a trend the link",
    AuditAction.REPORT_ASSIGN: "Took the report about",
    AuditAction.REPORT_UNASSIGN: "Unassigned the report about",
    AuditAction.REPORT_RESOLVE: "Resolved the report about",
    AuditAction.REPORT_REOPEN: "Reopened the report about",
    AuditAction.REPORT_UPDATE: "Changed the category of the report about",
    AuditAction.DOMAIN_RULE_CREATE: "Added the rule for",
    AuditAction.DOMAIN_RULE_UPDATE: "Changed the rule for",
    AuditAction.DOMAIN_RULE_DELETE: "Removed the rule for",
    AuditAction.ALLOWED_DOMAIN_CREATE: "Allowed the server",
    AuditAction.ALLOWED_DOMAIN_DELETE: "Took off the allow-list:",
    AuditAction.EMAIL_DOMAIN_BLOCK_CREATE: "Blocked the e-mail domain",
    AuditAction.EMAIL_DOMAIN_BLOCK_DELETE: "Unblocked the e-mail domain",
    AuditAction.IP_BLOCK_CREATE: "Blocked the IP address",
    AuditAction.IP_BLOCK_UPDATE: "Changed the block of the IP address",
    AuditAction.IP_BLOCK_DELETE: "Unblocked the IP address",
    AuditAction.CANONICAL_EMAIL_BLOCK_CREATE: "Blocked the e-mail address with the hash",
    AuditAction.CANONICAL_EMAIL_BLOCK_DELETE: "Unblocked the e-mail address with the hash",
    AuditAction.USERNAME_BLOCK_CREATE: "Blocked the username",
    AuditAction.USERNAME_BLOCK_DELETE: "Unblocked the username",
    AuditAction.SITE_UPDATE: "Changed the site settings",
    AuditAction.RULE_CREATE: "Added the rule of the site",
    AuditAction.RULE_UPDATE: "Changed the rule of the site",
    AuditAction.RULE_MOVE: "Moved the rule of the site",
    AuditAction.RULE_DELETE: "Deleted the rule of the site",
    AuditAction.SERVER_RETRY: "Retried deliveries to",
    AuditAction.EMOJI_CREATE: "Added the custom emoji",
    AuditAction.EMOJI_UPDATE: "Changed the custom emoji",
    AuditAction.EMOJI_DISABLE: "Disabled the custom emoji",
    AuditAction.EMOJI_ENABLE: "Enabled the custom emoji",
    AuditAction.EMOJI_DELETE: "Deleted the custom emoji",
    AuditAction.ANNOUNCEMENT_CREATE: "Published the announcement",
    AuditAction.ANNOUNCEMENT_DRAFT: "Saved a draft of the announcement",
    AuditAction.ANNOUNCEMENT_SCHEDULE: "Scheduled the announcement",
    AuditAction.ANNOUNCEMENT_UPDATE: "Changed the announcement",
    AuditAction.ANNOUNCEMENT_UNPUBLISH: "Unpublished the announcement",
    AuditAction.ANNOUNCEMENT_DELETE: "Deleted the announcement",
    AuditAction.INVITE_CREATE: "Created the invite",
    AuditAction.INVITE_DELETE: "Ended the invite",
    AuditAction.TOKEN_CREATE: "Created an access token of",
    AuditAction.TOKEN_DELETE: "Revoked access tokens of",
    AuditAction.APP_DELETE: "Deleted the app",
    AuditAction.EMAIL_RETRY: "Retried the e-mail",
    AuditAction.JOB_RETRY: "Retried the job",
    AuditAction.JOB_DELETE: "Discarded the job",
}
COLUMNS = ("id", "at", "actor", "action", "target", "target_id", "account_id", "text", "facts")


@frozen
class AuditPage:
    """A page of the audit log, with the form of its filter as submitted. `download` is the query of the same filter."""

    records: tuple[AuditRecord, ...]
    query: AuditQuery
    older: str | None = None
    download: str = ""
    errors: Mapping[str, str] = field(factory=dict)
    actions: Mapping[AuditAction, str] = LABELS

    @property
    def first(self) -> str:
        """First day of the filter (UTC), as in a date field."""
        return self.query.since.date().isoformat() if self.query.since else ""

    @property
    def last(self) -> str:
        """Last day of the filter (UTC), as in a date field."""
        return (self.query.until - timedelta(days=1)).date().isoformat() if self.query.until else ""

    def facts(self, record: AuditRecord) -> str:
        """Return the facts of an act as text."""
        return facts_text(record)


def facts_text(record: AuditRecord) -> str:
    """Return the facts of an act, such as `before: user, after: moderator`."""
    return ", ".join(f"{name}: {_text(value)}" for name, value in record.entry.facts.items() if value not in (None, "", False))


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def audit_record_json(record: AuditRecord) -> dict[str, object]:
    """Return an act as a JSON object. `actor` is null for the command line and for jobs."""
    entry = record.entry
    return {
        "id": str(record.id),
        "at": record.at.isoformat(timespec="milliseconds"),
        "actor": record.actor or None,
        "action": entry.action,
        "target": entry.target,
        "target_id": None if entry.target_id is None else str(entry.target_id),
        "account_id": None if entry.account is None else str(entry.account),
        "text": entry.text,
        "facts": entry.facts,
    }


@frozen
class AuditFile:
    """Format of the audit log as a file, which is written in pieces: `begin`, batches of acts with `between` them, and `end`."""

    name: str
    content_type: str
    begin: bytes
    acts: Callable[[Sequence[AuditRecord]], bytes]
    between: bytes
    end: bytes


def _json_items(records: Sequence[AuditRecord]) -> bytes:
    return b",".join(orjson.dumps(audit_record_json(record)) for record in records)


def _csv_rows(records: Sequence[AuditRecord]) -> bytes:
    return _csv(_cells(record) for record in records)


def _cells(record: AuditRecord) -> list[str]:
    cells = audit_record_json(record) | {"facts": orjson.dumps(record.entry.facts).decode() if record.entry.facts else ""}
    return ["" if cells[name] is None else csv_cell(str(cells[name])) for name in COLUMNS]


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


JSON_FILE = AuditFile("audit-log.json", "application/json; charset=utf-8", b"[", _json_items, b",", b"]")
"""An array of objects."""
CSV_FILE = AuditFile("audit-log.csv", "text/csv; charset=utf-8; header=present", _csv([COLUMNS]), _csv_rows, b"", b"")
"""CSV (RFC 4180), an act in each row. No cell can be taken for a formula."""
