"""Password reset: an e-mail with a link by which a new password is chosen.

Requesting one does the same whether the account exists or not: it enqueues a job. Only the mailbox shows what the job found.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.domain import applicants
from microblog.domain.email_links import EmailLinks, read
from microblog.domain.email_queue import enqueue, enqueue_notice, may_request_email
from microblog.domain.guessable_passwords import login_words
from microblog.domain.passwords import Hashes, acceptable
from microblog.domain.sessions import MAX_NAME_LENGTH, end_every
from microblog.domain.validation import own_username
from microblog.model.accounts import AccountWithLogin, Login
from microblog.model.emails import EmailKind
from microblog.model.errors import Gone
from microblog.storage import jobs, users
from microblog.storage.database import Cursor, Transactions

JOB = "email.password_reset"
EXPIRED = "This link was already used or has expired. Please request a new one."


@frozen
class PasswordReset:
    """The commands for users who cannot log in. `host` is the site's public host name."""

    database: Transactions
    passwords: Hashes
    links: EmailLinks
    now: Callable[[], datetime]
    host: str = ""

    async def request(self, name: str) -> None:
        """Enqueue a reset e-mail to the account with this username or e-mail address, if there is one."""
        cleaned = name.strip()[:MAX_NAME_LENGTH]
        if cleaned.isprintable() and cleaned:
            await self.database.run(jobs.add, JOB, {"name": cleaned}, due_at=self.now(), now=self.now())

    async def send_email(self, name: str) -> None:
        """Send the requested e-mail; called by the job."""
        await self.database.run(self._send, name)

    async def username(self, token: str) -> str:
        """Return the username that the token belongs to. Raises Gone if the token is invalid or expired."""
        return (await self.database.read(self._member_of, token)).account.username

    async def reset(self, token: str, password: str) -> None:
        """Set a new password, confirm the e-mail address and end all sessions of the account.

        Raises Invalid (field password) for an unacceptable one, Gone as above, Unavailable if too many passwords wait to be hashed.
        """
        acceptable(password)
        member = await self.database.read(self._member_of, token)
        hashed = await self.passwords.hash(password, login_words(member.account.username, member.login.email))
        await self.database.run(self._reset, member.login, hashed)

    def _send(self, cursor: Cursor, name: str) -> None:
        member = users.by_name(cursor, name=name, username=own_username(name, self.host))
        if member and not member.barred and may_request_email(cursor, member.account.id, EmailKind.RESET, self.now()):
            enqueue(cursor, EmailKind.RESET, member.login, self.now())

    def _member_of(self, cursor: Cursor, token: str) -> AccountWithLogin:
        claim = read(token)
        member = users.by_account(cursor, account=claim.account) if claim else None
        if claim is None or member is None or member.barred or not self.links.resets(claim, member.login, self.now()):
            raise Gone(EXPIRED)
        return member

    def _reset(self, cursor: Cursor, login: Login, password_hash: str) -> None:
        if not users.change_password(cursor, account=login.account_id, password_hash=password_hash, old_hash=login.password_hash):
            raise Gone(EXPIRED)
        applicants.confirm(cursor, login.account_id, self.now())
        enqueue_notice(cursor, EmailKind.PASSWORD, login, self.now())
        end_every(cursor, account=login.account_id, now=self.now())
