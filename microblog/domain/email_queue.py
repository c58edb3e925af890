"""E-mail queue: an e-mail is a row written in the transaction that causes it, and sent by a job afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import evolve, frozen

from microblog.domain import audit
from microblog.model.accounts import AccountWithLogin, Login, Viewer
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.emails import MAX_REJECTIONS, AddressRejection, Email, EmailKind, EmailState
from microblog.model.errors import NotFound, TooMany
from microblog.model.ids import AccountId, EmailId
from microblog.model.paging import Page
from microblog.storage import emails
from microblog.storage.database import Cursor, Transactions

MAX_REQUESTED_EMAILS = 5  # e-mails of one kind to an account within REQUEST_WINDOW, including requests by strangers
REQUEST_WINDOW = timedelta(hours=1)
UNROUTABLE = ".invalid"  # RFC 2606, section 2


def enqueue(cursor: Cursor, kind: EmailKind, login: Login, now: datetime, **data: str) -> None:
    """Queue an e-mail to the login's address in the running transaction. With a `key` in the data, only once per key."""
    if not login.email.endswith(UNROUTABLE):
        emails.add(cursor, kind, account=login.account_id, recipient=login.email, now=now, data=data, key=data.get("key"))


def enqueue_confirmation(cursor: Cursor, login: Login, now: datetime) -> None:
    """Queue the confirmation of the login's pending address: the new one, or that of the sign-up."""
    enqueue(cursor, EmailKind.CONFIRM, evolve(login, email=login.new_email or login.email), now)


def enqueue_decision(cursor: Cursor, member: AccountWithLogin, now: datetime, *, accepted: bool) -> None:
    """Notify an applicant with a confirmed address of the decision. The e-mail has its own data, since a rejected account is deleted."""
    if member.login.confirmed_at is None:
        return
    kind = EmailKind.ACCEPTED if accepted else EmailKind.REJECTED
    preferences = member.login.preferences
    enqueue(
        cursor,
        kind,
        member.login,
        now,
        username=member.account.username,
        locale=preferences.locale,
        time_zone=preferences.time_zone,
    )


def enqueue_notice(cursor: Cursor, kind: EmailKind, login: Login, now: datetime, **data: str) -> None:
    """Notify the owner of a security-related change at the confirmed address from before the change."""
    if login.confirmed_at is not None:
        enqueue(cursor, kind, login, now, **data)


def address_rejection(cursor: Cursor, account: AccountId, email: str) -> AddressRejection | None:
    """Return the mail server's rejection of the account's newest e-mail to this address; None if it was not rejected."""
    rejections = emails.refusals(cursor, account=account, recipient=email, limit=MAX_REJECTIONS)
    return AddressRejection(rejections[0], len(rejections) >= MAX_REJECTIONS) if rejections else None


def is_given_up(cursor: Cursor, login: Login, email: str) -> bool:
    """True if e-mails to this address were rejected so often that no more are sent."""
    found = address_rejection(cursor, login.account_id, email)
    return found is not None and found.given_up


def may_request_email(cursor: Cursor, account: AccountId, kind: EmailKind, now: datetime) -> bool:
    """False if the account has been sent too many e-mails of that kind recently."""
    return emails.count_since(cursor, account=account, kind=kind, since=now - REQUEST_WINDOW) < MAX_REQUESTED_EMAILS


def check_request_limit(cursor: Cursor, account: AccountId, kind: EmailKind, now: datetime) -> None:
    """Raise TooMany unless `may_request_email`."""
    if not may_request_email(cursor, account, kind, now):
        raise TooMany("Too many e-mails were requested. Try again later.", retry_after=int(REQUEST_WINDOW.total_seconds()))


@frozen
class EmailOutbox:
    """Sent and queued e-mails for administrators, and rejections for the owner of an address. Callers check permissions.

    `directory`: where a site without a mail server stores its e-mails; None if they are sent.
    """

    database: Transactions
    directory: str | None
    now: Callable[[], datetime]

    async def page(self, page: Page, state: EmailState | None = None) -> list[Email]:
        """Return e-mails, newest first; optionally only those in one state."""
        return await self.database.read(emails.page_of, page=page, state=state)

    async def counts(self) -> dict[EmailState, int]:
        """Return the number of e-mails by state."""
        return await self.database.read(emails.counts)

    async def retry(self, id: EmailId, by: AccountId) -> None:
        """Retry an e-mail now. Raise NotFound if there is none or it is not waiting for a retry."""

        def retry(cursor: Cursor) -> None:
            if not emails.retry(cursor, id=id, now=self.now()):
                raise NotFound("This e-mail does not exist or cannot be retried.")
            audit.record(cursor, AuditEntry(AuditAction.EMAIL_RETRY, by, str(id), id), self.now())

        await self.database.run(retry)

    async def address_rejection(self, viewer: Viewer, email: str) -> AddressRejection | None:
        """Return the mail server's rejection of the newest e-mail to the viewer's address; None if it was not rejected."""
        return await self.database.read(address_rejection, viewer.id, email)
