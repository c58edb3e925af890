"""Writing letters: each is a row, written in the transaction of the command that causes it, and sent by a job after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import evolve, frozen

from microblog.model.accounts import AccountWithLogin, Login, Viewer
from microblog.model.emails import REFUSALS, AddressRejection, Email, EmailKind, EmailState
from microblog.model.errors import NotFound, TooMany
from microblog.model.ids import AccountId, LetterId
from microblog.model.paging import Page
from microblog.storage import emails
from microblog.storage.database import Cursor, Transactions

MOST_ASKED_FOR = 5  # letters of one kind that somebody may have sent to an address in ASKED_WITHIN, whoever asks
ASKED_WITHIN = timedelta(hours=1)
NOBODY = ".invalid"  # RFC 2606, section 2


def enqueue(cursor: Cursor, kind: EmailKind, login: Login, now: datetime, **data: str) -> None:
    """A letter to the login's address, in the running transaction. With a `key` in the data, once for each."""
    if not login.email.endswith(NOBODY):
        emails.add(cursor, kind, account=login.account_id, recipient=login.email, now=now, data=data, key=data.get("key"))


def enqueue_confirmation(cursor: Cursor, login: Login, now: datetime) -> None:
    """The letter that proves the address which the login waits for: the new one, or the one that was never proved."""
    enqueue(cursor, EmailKind.CONFIRM, evolve(login, email=login.new_email or login.email), now)


def enqueue_decision(cursor: Cursor, member: AccountWithLogin, now: datetime, *, accepted: bool) -> None:
    """Tell an applicant whose address is proved what came of it; somebody who is refused has no account any more to ask for it."""
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
    """Tell the owner of an address that was proved what was done with their login, at the address of before it."""
    if login.confirmed_at is not None:
        enqueue(cursor, kind, login, now, **data)


def address_rejection(cursor: Cursor, account: AccountId, email: str) -> AddressRejection | None:
    """That the mail server refused the account's newest letter to this address; None where it did not."""
    said = emails.refusals(cursor, account=account, recipient=email, limit=REFUSALS)
    return AddressRejection(said[0], len(said) >= REFUSALS) if said else None


def is_given_up(cursor: Cursor, login: Login, email: str) -> bool:
    """True for an address that is written to no more, because it was refused again and again."""
    found = address_rejection(cursor, login.account_id, email)
    return found is not None and found.given_up


def may_request_email(cursor: Cursor, account: AccountId, kind: EmailKind, now: datetime) -> bool:
    """False once enough letters of that kind went to the account for now."""
    return emails.count_since(cursor, account=account, kind=kind, since=now - ASKED_WITHIN) < MOST_ASKED_FOR


def check_request_limit(cursor: Cursor, account: AccountId, kind: EmailKind, now: datetime) -> None:
    """Raises TooMany where `may_request_email` says no."""
    if not may_request_email(cursor, account, kind, now):
        raise TooMany("Enough letters were sent to you for now", retry_after=int(ASKED_WITHIN.total_seconds()))


@frozen
class EmailOutbox:
    """The letters as the administrator sees them, and what one's owner is told. Who may look is decided by the caller.

    `kept_in` is where letters are kept, on a site that sends none; None where they are sent.
    """

    database: Transactions
    directory: str | None
    now: Callable[[], datetime]

    async def page(self, page: Page, state: EmailState | None = None) -> list[Email]:
        """Letters, the newest first; only those in one state, if asked for."""
        return await self.database.read(emails.page_of, page=page, state=state)

    async def counts(self) -> dict[EmailState, int]:
        """How many there are in each state that any is in."""
        return await self.database.read(emails.counts)

    async def retry(self, id: LetterId) -> None:
        """Try a letter again, now. Raises NotFound where there is none, or it needs no further try."""
        if not await self.database.run(emails.wait_again, id=id, now=self.now()):
            raise NotFound("This letter is gone, or needs no further try.")

    async def address_rejection(self, viewer: Viewer, email: str) -> AddressRejection | None:
        """That the mail server refused the viewer's newest letter to their address; None where it did not."""
        return await self.database.read(address_rejection, viewer.id, email)
