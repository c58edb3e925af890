"""Commands that need the owner's password: change the password, change the e-mail address, delete the account."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import evolve, frozen

from microblog.domain import account_deletion, email_policy, validation
from microblog.domain.email_queue import check_request_limit, enqueue_confirmation, enqueue_notice
from microblog.domain.guessable_passwords import login_words
from microblog.domain.passwords import Hashes, acceptable
from microblog.domain.ports import MailHosts
from microblog.domain.rate_limits import LoginThrottle
from microblog.domain.registration import EMAIL_TAKEN
from microblog.domain.sessions import log_refused, record_ended
from microblog.domain.tokens import revoke_every
from microblog.model.accounts import Login, Viewer
from microblog.model.emails import EmailKind
from microblog.model.errors import Conflict, Invalid, NotFound
from microblog.storage import sessions, users
from microblog.storage.database import Cursor, Transactions

WRONG = "Wrong password"


@frozen
class AccountSecurity:
    """Commands that ask for the current password. `network`: origin of the request, for the login throttle.

    `auto_confirm`: new addresses need no confirmation, because the site sends no mail.
    All commands raise Invalid (field current_password) for a wrong password, TooMany after too many of these, and Unavailable if too
    many password checks are waiting.
    """

    database: Transactions
    passwords: Hashes
    throttle: LoginThrottle
    auto_confirm: bool
    now: Callable[[], datetime]
    mail_hosts: MailHosts | None = None

    async def login(self, viewer: Viewer) -> Login:
        """Return the viewer's login: address, role and sign-up data. Raise NotFound if there is none."""
        found = await self.database.read(users.by_account, account=viewer.id)
        if found is None:
            raise NotFound
        return found.login

    async def change_password(self, viewer: Viewer, current: str, new: str, network: str) -> None:
        """Set a new password, end all other sessions and revoke the tokens.

        Raise Invalid (field password) if the new one is not acceptable.
        """
        acceptable(new)
        login = await self.verify_password(viewer, current, network)
        hashed = await self.passwords.hash(new, login_words(viewer.account.username, login.email))
        await self.database.run(self._change_password, viewer, hashed, login.password_hash)

    async def change_email(self, viewer: Viewer, current: str, email: str, network: str) -> str:
        """Change the e-mail address, after confirmation by e-mail unless `auto_confirm`. Return the address as stored.

        Raise Invalid (field email) for an invalid or taken address, TooMany after several requests.
        """
        address = validation.email(email)
        await self.verify_password(viewer, current, network)
        names = await email_policy.names_with_mail_hosts(self.database, self.mail_hosts, address)
        await self.database.run(self._change_email, viewer, address, names)
        return address

    async def delete_account(self, viewer: Viewer, current: str, network: str) -> None:
        """Delete the account: it is hidden at once, and a job purges its data. The username stays taken."""
        await self.verify_password(viewer, current, network)
        await self.database.run(account_deletion.begin_deletion, viewer.id, self.now())

    async def verify_password(self, viewer: Viewer, password: str, network: str) -> Login:
        await self.throttle.allow(network, viewer.account.username)
        login = await self.login(viewer)
        result = await self.passwords.verify(login.password_hash, password)
        if not result.correct:
            await self.throttle.failed(network, viewer.account.username)
            log_refused(network, viewer.id, "wrong")
            raise Invalid({"current_password": WRONG}, codes={"current_password": "ERR_INVALID"})
        return login

    def _change_password(self, cursor: Cursor, viewer: Viewer, new_hash: str, old_hash: str) -> None:
        if not users.change_password(cursor, account=viewer.id, password_hash=new_hash, old_hash=old_hash):
            raise Conflict
        if account := users.by_account(cursor, account=viewer.id):
            enqueue_notice(cursor, EmailKind.PASSWORD, account.login, self.now())
        ended_ids = sessions.end_all(cursor, account=viewer.id, excluding=viewer.session_id)
        record_ended(cursor, account=viewer.id, ids=ended_ids, now=self.now())
        revoke_every(cursor, account=viewer.id, now=self.now())

    def _change_email(self, cursor: Cursor, viewer: Viewer, email: str, names: Sequence[str]) -> None:
        account = users.by_account(cursor, account=viewer.id)
        if account is None:
            raise NotFound
        is_new = email.lower() != account.login.email.lower()
        if is_new:
            email_policy.check(cursor, email, names)
        if is_new and users.email_taken(cursor, email=email):
            raise Invalid({"email": EMAIL_TAKEN}, codes={"email": "ERR_TAKEN"})
        if is_new and not self.auto_confirm:
            check_request_limit(cursor, viewer.id, EmailKind.CONFIRM, self.now())
            users.set_new_email(cursor, account=viewer.id, email=email)
            enqueue_confirmation(cursor, evolve(account.login, new_email=email), self.now())
            enqueue_notice(cursor, EmailKind.ADDRESS, account.login, self.now(), address=email, done="")
            return
        if is_new:
            enqueue_notice(cursor, EmailKind.ADDRESS, account.login, self.now(), address=email, done="yes")
        if not users.change_email(cursor, account=viewer.id, email=email, confirmed_at=account.login.confirmed_at or self._confirmed_at):
            raise Invalid({"email": EMAIL_TAKEN}, codes={"email": "ERR_TAKEN"})

    @property
    def _confirmed_at(self) -> datetime | None:
        return self.now() if self.auto_confirm else None
