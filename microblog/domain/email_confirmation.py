"""Proving an address: the one of a new account, and the one that somebody wants instead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.domain import validation
from microblog.domain.email_links import EmailLinks, read
from microblog.domain.email_queue import check_request_limit, enqueue_confirmation, enqueue_notice, is_given_up
from microblog.domain.registration import EMAIL_TAKEN
from microblog.model.accounts import Login, Viewer
from microblog.model.emails import EmailKind
from microblog.model.errors import Conflict, Gone, Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AppId
from microblog.storage import events, users
from microblog.storage.database import Cursor, Transactions

OVER = "This link is not valid, or not any more. Log in to have a new one sent."


@frozen
class EmailConfirmation:
    """The commands about addresses that wait to be proved."""

    database: Transactions
    links: EmailLinks
    now: Callable[[], datetime]

    async def address(self, token: str) -> str:
        """The address that the token of a letter proves. Raises Gone for one that proves nothing (any more)."""
        return await self.database.read(self._address, token)

    async def confirm(self, token: str) -> str:
        """Take that address as proved, from now on the account's own. Doing it again changes nothing.

        Raises Gone as above, Conflict where the address is somebody else's by now.
        """
        return await self.database.run(self._confirm, token)

    async def is_confirmed(self, viewer: Viewer) -> bool:
        """True if the account's address was proved. Raises NotFound for one without a login."""
        return await self.database.read(self._is_proved, viewer)

    async def signup_app(self, viewer: Viewer) -> AppId | None:
        """The program that the account was made with, if it was one."""
        return await self.database.read(users.signed_up_with, account=viewer.id)

    async def resend(self, viewer: Viewer) -> None:
        """Write the letter once more. Raises Conflict where nothing waits to be proved, TooMany after a few."""
        await self.database.run(self._resend, viewer)

    async def correct(self, viewer: Viewer, email: str) -> None:
        """Give an account whose address was never proved another one, and write there. Raises Invalid (field email), and as `resend`."""
        await self.database.run(self._correct, viewer, validation.email(email))

    async def withdraw(self, viewer: Viewer) -> None:
        """Forget the address that was to be the new one."""
        await self.database.run(users.propose_email, account=viewer.id, email=None)

    def _meant(self, cursor: Cursor, token: str) -> tuple[Login, str]:
        claim = read(token)
        member = users.by_account(cursor, account=claim.account) if claim else None
        if claim and member and not member.barred:
            login = member.login
            for address in filter(None, (login.new_email, login.email)):
                if self.links.confirms(claim, address, self.now()):
                    return login, address
        raise Gone(OVER)

    def _address(self, cursor: Cursor, token: str) -> str:
        return self._meant(cursor, token)[1]

    def _confirm(self, cursor: Cursor, token: str) -> str:
        login, address = self._meant(cursor, token)
        is_another = address.lower() != login.email.lower()
        if not is_another and login.confirmed_at is not None and not is_given_up(cursor, login, address):
            return address
        if is_another:
            enqueue_notice(cursor, EmailKind.ADDRESS, login, self.now(), address=address, done="yes")
        if not users.change_email(cursor, account=login.account_id, email=address, confirmed_at=self.now()):
            raise Conflict(f"{EMAIL_TAKEN}.")
        events.record(cursor, EventKind.ACCOUNT_CHANGED, at=self.now(), account=login.account_id)
        return address

    def _is_proved(self, cursor: Cursor, viewer: Viewer) -> bool:
        member = users.by_account(cursor, account=viewer.id)
        if member is None:
            raise NotFound
        return member.login.confirmed_at is not None

    def _resend(self, cursor: Cursor, viewer: Viewer) -> None:
        enqueue_confirmation(cursor, self._waiting(cursor, viewer), self.now())

    def _correct(self, cursor: Cursor, viewer: Viewer, email: str) -> None:
        login = self._waiting(cursor, viewer)
        if login.confirmed_at is not None:
            raise Conflict("Your address is confirmed already.")
        if not users.change_email(cursor, account=viewer.id, email=email, confirmed_at=None):
            raise Invalid({"email": EMAIL_TAKEN}, codes={"email": "ERR_TAKEN"})
        self._resend(cursor, viewer)

    def _waiting(self, cursor: Cursor, viewer: Viewer) -> Login:
        member = users.by_account(cursor, account=viewer.id)
        if member is None:
            raise NotFound
        login = member.login
        if login.confirmed_at is not None and login.new_email is None and not is_given_up(cursor, login, login.email):
            raise Conflict("Your address is confirmed already.")
        check_request_limit(cursor, viewer.id, EmailKind.CONFIRM, self.now())
        return login
