"""A forgotten password: a letter with a link, by which another one is chosen.

Asking does the same whether somebody has that name or not: it writes down a job. What the job finds is seen by nobody but the mailbox.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.domain.email_links import EmailLinks, read
from microblog.domain.email_queue import enqueue, enqueue_notice, may_request_email
from microblog.domain.passwords import Hashes, acceptable
from microblog.domain.sessions import LONGEST_NAME, end_every
from microblog.domain.validation import own_username
from microblog.model.accounts import Login
from microblog.model.emails import EmailKind
from microblog.model.errors import Gone
from microblog.storage import jobs, users
from microblog.storage.database import Cursor, Transactions

JOB = "email.password_reset"
OVER = "This link was used already, or is too old. Please ask for a new one."


@frozen
class PasswordReset:
    """The commands for somebody who cannot log in. `host` is the site's public one."""

    database: Transactions
    passwords: Hashes
    links: EmailLinks
    now: Callable[[], datetime]
    host: str = ""

    async def forgotten(self, name: str) -> None:
        """Send a letter to whoever has this username or address, if anybody has."""
        tidy = name.strip()[:LONGEST_NAME]
        if tidy.isprintable() and tidy:
            await self.database.run(jobs.add, JOB, {"name": tidy}, due_at=self.now(), now=self.now())

    async def answer(self, name: str) -> None:
        """Do what was asked for: the work of the job."""
        await self.database.run(self._answer, name)

    async def username(self, token: str) -> str:
        """Whose password the token of a letter lets change. Raises Gone for one that is worth nothing (any more)."""
        return await self.database.read(self._username, token)

    async def reset(self, token: str, password: str) -> None:
        """Give the account another password, and end all its sessions. The address is proved by that, too.

        Raises Invalid (field password) for a bad one, Gone as above, Unavailable if too many passwords wait.
        """
        acceptable(password)
        login = await self.database.read(self._meant, token)
        await self.database.run(self._reset, login, await self.passwords.hash(password))

    def _answer(self, cursor: Cursor, name: str) -> None:
        member = users.by_name(cursor, name=name, username=own_username(name, self.host))
        if member and not member.barred and may_request_email(cursor, member.account.id, EmailKind.RESET, self.now()):
            enqueue(cursor, EmailKind.RESET, member.login, self.now())

    def _meant(self, cursor: Cursor, token: str) -> Login:
        claim = read(token)
        member = users.by_account(cursor, account=claim.account) if claim else None
        if claim is None or member is None or member.barred or not self.links.resets(claim, member.login, self.now()):
            raise Gone(OVER)
        return member.login

    def _username(self, cursor: Cursor, token: str) -> str:
        login = self._meant(cursor, token)
        member = users.by_account(cursor, account=login.account_id)
        return member.account.username if member else ""

    def _reset(self, cursor: Cursor, login: Login, password_hash: str) -> None:
        if not users.change_password(cursor, account=login.account_id, password_hash=password_hash, old_hash=login.password_hash):
            raise Gone(OVER)
        users.confirm(cursor, account=login.account_id, now=self.now())
        enqueue_notice(cursor, EmailKind.PASSWORD, login, self.now())
        end_every(cursor, account=login.account_id, now=self.now())
