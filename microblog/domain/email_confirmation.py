"""Confirmation of e-mail addresses: that of a new account, and a new one of an existing account."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import frozen

from microblog.domain import applicants, email_policy, validation
from microblog.domain.email_links import EmailLinks, read
from microblog.domain.email_queue import check_request_limit, enqueue_confirmation, enqueue_notice, is_given_up
from microblog.domain.ports import MailHosts
from microblog.domain.registration import EMAIL_TAKEN
from microblog.model.accounts import Login, Viewer
from microblog.model.emails import EmailKind
from microblog.model.errors import Conflict, Gone, Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AppId
from microblog.storage import events, users
from microblog.storage.database import Cursor, Transactions

INVALID_LINK = "This link is invalid or has expired. Log in to request a new one."


@frozen
class EmailConfirmation:
    """Commands about addresses that are not confirmed yet."""

    database: Transactions
    links: EmailLinks
    now: Callable[[], datetime]
    mail_hosts: MailHosts | None = None

    async def address(self, token: str) -> str:
        """Return the address that a token confirms. Raise Gone if it is invalid or has expired."""
        return await self.database.read(self._address, token)

    async def confirm(self, token: str) -> str:
        """Confirm the token's address and make it that of the account. Has no effect if repeated.

        Raise Gone as `address` does, Conflict if another account uses the address by now, Invalid (field email) if it is blocked by now.
        """
        return await self.database.run(self._confirm, token)

    async def is_confirmed(self, viewer: Viewer) -> bool:
        """True if the account's address is confirmed. Raise NotFound for an account without a login."""
        return await self.database.read(self._is_proved, viewer)

    async def signup_app(self, viewer: Viewer) -> AppId | None:
        """Return the app through which the account signed up, if any."""
        return await self.database.read(users.sign_up_app, account=viewer.id)

    async def resend(self, viewer: Viewer) -> None:
        """Send the confirmation e-mail again. Raise Conflict if nothing is to be confirmed, TooMany after several requests."""
        await self.database.run(self._resend, viewer)

    async def correct(self, viewer: Viewer, email: str) -> None:
        """Correct an address that was never confirmed and send a confirmation to it. Raise Invalid (field email), and as `resend`."""
        address = validation.email(email)
        names = await email_policy.names_with_mail_hosts(self.database, self.mail_hosts, address)
        await self.database.run(self._correct, viewer, address, names)

    async def withdraw(self, viewer: Viewer) -> None:
        """Discard the pending new address."""
        await self.database.run(users.set_new_email, account=viewer.id, email=None)

    def _verify(self, cursor: Cursor, token: str) -> tuple[Login, str]:
        claim = read(token)
        member = users.by_account(cursor, account=claim.account) if claim else None
        if claim and member and not member.barred:
            login = member.login
            for address in filter(None, (login.new_email, login.email)):
                if self.links.confirms(claim, address, self.now()):
                    return login, address
        raise Gone(INVALID_LINK)

    def _address(self, cursor: Cursor, token: str) -> str:
        return self._verify(cursor, token)[1]

    def _confirm(self, cursor: Cursor, token: str) -> str:
        login, address = self._verify(cursor, token)
        is_new = address.lower() != login.email.lower()
        if not is_new and login.confirmed_at is not None and not is_given_up(cursor, login, address):
            return address
        if is_new or login.confirmed_at is None:
            email_policy.check(cursor, address, email_policy.names_of(address))
        if is_new:
            enqueue_notice(cursor, EmailKind.ADDRESS, login, self.now(), address=address, done="yes")
        if not users.change_email(cursor, account=login.account_id, email=address, confirmed_at=self.now()):
            raise Conflict(f"{EMAIL_TAKEN}.")
        if login.confirmed_at is None:
            applicants.notify_staff(cursor, users.by_account(cursor, account=login.account_id), self.now())
        events.record(cursor, EventKind.ACCOUNT_CHANGED, at=self.now(), account=login.account_id)
        return address

    def _is_proved(self, cursor: Cursor, viewer: Viewer) -> bool:
        member = users.by_account(cursor, account=viewer.id)
        if member is None:
            raise NotFound
        return member.login.confirmed_at is not None

    def _resend(self, cursor: Cursor, viewer: Viewer) -> None:
        enqueue_confirmation(cursor, self._unconfirmed_login(cursor, viewer), self.now())

    def _correct(self, cursor: Cursor, viewer: Viewer, email: str, names: Sequence[str]) -> None:
        login = self._unconfirmed_login(cursor, viewer)
        if login.confirmed_at is not None:
            raise Conflict("Your e-mail address is already confirmed.")
        email_policy.check(cursor, email, names)
        if not users.change_email(cursor, account=viewer.id, email=email, confirmed_at=None):
            raise Invalid({"email": EMAIL_TAKEN}, codes={"email": "ERR_TAKEN"})
        self._resend(cursor, viewer)

    def _unconfirmed_login(self, cursor: Cursor, viewer: Viewer) -> Login:
        member = users.by_account(cursor, account=viewer.id)
        if member is None:
            raise NotFound
        login = member.login
        if login.confirmed_at is not None and login.new_email is None and not is_given_up(cursor, login, login.email):
            raise Conflict("Your e-mail address is already confirmed.")
        check_request_limit(cursor, viewer.id, EmailKind.CONFIRM, self.now())
        return login
