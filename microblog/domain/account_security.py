"""What only the owner of an account may do, and proves with the password: change it, change the address, delete the account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import evolve, frozen

from microblog.domain import account_deletion, validation
from microblog.domain.email_queue import check_request_limit, enqueue_confirmation, enqueue_notice
from microblog.domain.passwords import Hashes, acceptable
from microblog.domain.rate_limits import LoginThrottle
from microblog.domain.registration import EMAIL_TAKEN
from microblog.domain.sessions import ended
from microblog.domain.tokens import revoke_every
from microblog.model.accounts import Login, Viewer
from microblog.model.emails import EmailKind
from microblog.model.errors import Conflict, Invalid, NotFound
from microblog.storage import sessions, users
from microblog.storage.database import Cursor, Transactions

WRONG = "This is not your password"


@frozen
class AccountSecurity:
    """The commands that need the viewer's password once more. `network` is where the request comes from, for the throttle.

    All raise Invalid (field current_password) for a wrong one, TooMany after too many of these, Unavailable if too many passwords wait.
    """

    database: Transactions
    passwords: Hashes
    throttle: LoginThrottle
    auto_confirm: bool
    now: Callable[[], datetime]

    async def login(self, viewer: Viewer) -> Login:
        """The viewer's own login: the address, the role, what was written at sign-up. Raises NotFound where there is none."""
        found = await self.database.read(users.by_account, account=viewer.id)
        if found is None:
            raise NotFound
        return found.login

    async def change_password(self, viewer: Viewer, current: str, new: str, network: str) -> None:
        """Give the account another password, end all its other sessions and revoke its tokens.

        Raises Invalid (field password) for a bad one.
        """
        acceptable(new)
        login = await self._proved(viewer, current, network)
        await self.database.run(self._change_password, viewer, await self.passwords.hash(new), login.password_hash)

    async def change_email(self, viewer: Viewer, current: str, email: str, network: str) -> str:
        """Give the account another address, and say how it is stored; where addresses are proved by mail, only once it is proved.

        Raises Invalid (field email) for a bad one or somebody else's, TooMany after several.
        """
        address = validation.email(email)
        await self._proved(viewer, current, network)
        await self.database.run(self._change_email, viewer, address)
        return address

    async def delete_account(self, viewer: Viewer, current: str, network: str) -> None:
        """Delete the account: at once nothing of it can be seen; a job then removes what it holds. Its name is never given again."""
        await self._proved(viewer, current, network)
        await self.database.run(account_deletion.begin_deletion, viewer.id, self.now())

    async def _proved(self, viewer: Viewer, password: str, network: str) -> Login:
        await self.throttle.allow(network, viewer.account.username)
        login = await self.login(viewer)
        verdict = await self.passwords.verify(login.password_hash, password)
        if not verdict.correct:
            await self.throttle.failed(network, viewer.account.username)
            raise Invalid({"current_password": WRONG}, codes={"current_password": "ERR_INVALID"})
        return login

    def _change_password(self, cursor: Cursor, viewer: Viewer, new_hash: str, old_hash: str) -> None:
        if not users.change_password(cursor, account=viewer.id, password_hash=new_hash, old_hash=old_hash):
            raise Conflict
        if member := users.by_account(cursor, account=viewer.id):
            enqueue_notice(cursor, EmailKind.PASSWORD, member.login, self.now())
        gone = sessions.end_all(cursor, account=viewer.id, but=viewer.session_id)
        ended(cursor, account=viewer.id, ids=gone, now=self.now())
        revoke_every(cursor, account=viewer.id, now=self.now())

    def _change_email(self, cursor: Cursor, viewer: Viewer, email: str) -> None:
        member = users.by_account(cursor, account=viewer.id)
        if member is None:
            raise NotFound
        is_another = email.lower() != member.login.email.lower()
        if is_another and users.email_taken(cursor, email=email):
            raise Invalid({"email": EMAIL_TAKEN}, codes={"email": "ERR_TAKEN"})
        if is_another and not self.auto_confirm:
            check_request_limit(cursor, viewer.id, EmailKind.CONFIRM, self.now())
            users.propose_email(cursor, account=viewer.id, email=email)
            enqueue_confirmation(cursor, evolve(member.login, new_email=email), self.now())
            enqueue_notice(cursor, EmailKind.ADDRESS, member.login, self.now(), address=email, done="")
            return
        if is_another:
            enqueue_notice(cursor, EmailKind.ADDRESS, member.login, self.now(), address=email, done="yes")
        if not users.change_email(cursor, account=viewer.id, email=email, confirmed_at=member.login.confirmed_at or self._at_once):
            raise Invalid({"email": EMAIL_TAKEN}, codes={"email": "ERR_TAKEN"})

    @property
    def _at_once(self) -> datetime | None:
        return self.now() if self.auto_confirm else None
