"""What the administrator does with people: list, show, suspend, let in, change roles and passwords."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import frozen

from microblog.domain import account_deletion
from microblog.domain.email_queue import enqueue_decision, enqueue_notice
from microblog.domain.passwords import Hashes, acceptable
from microblog.domain.sessions import end_every
from microblog.domain.validation import own_username
from microblog.model.accounts import AccountWithLogin, Role
from microblog.model.emails import EmailKind
from microblog.model.errors import Conflict, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId
from microblog.model.moderation import AccountQuery, ModerationAction
from microblog.model.paging import Page
from microblog.storage import accounts, events, users
from microblog.storage.database import Cursor, Transactions

NOBODY = "There is nobody with this name or address."


@frozen
class AccountAdmin:
    """Commands for the administrator. Who may give them is decided by the caller.

    Each that changes somebody gives the member as it is then, does nothing where nothing is to be done, and raises NotFound for nobody.
    """

    database: Transactions
    passwords: Hashes
    now: Callable[[], datetime]

    async def list(self, page: Page, *, pending: bool = False, role: Role | None = None, suspended: bool = False) -> list[AccountWithLogin]:
        """Members, the newest first; only applicants, those with a role, or the suspended, if asked for."""
        return await self.database.read(users.page_of, page=page, pending=pending, role=role, suspended=suspended)

    async def has_administrator(self) -> bool:
        """True if anybody has that role."""
        return bool(await self.list(Page(limit=1), role=Role.ADMIN))

    async def by_name(self, name: str) -> AccountWithLogin:
        """Who has this username (`ann`, `@ann`) or e-mail address."""
        found = await self.database.read(users.by_name, name=name.strip(), username=own_username(name, ""))
        if found is None:
            raise NotFound(NOBODY)
        return found

    async def search(self, page: Page, wanted: AccountQuery) -> Sequence[AccountWithLogin]:
        """Those who are looked for, the newest first."""
        return await self.database.read(users.sought, page=page, wanted=wanted)

    async def by_id(self, id: AccountId) -> AccountWithLogin:
        """Whose account this is."""
        found = await self.database.read(users.by_account, account=id)
        if found is None:
            raise NotFound
        return found

    async def limit(self, id: AccountId) -> AccountWithLogin:
        """Show the account only to those who follow it or look for it."""
        return await self.database.run(self._limit, id, self.now())

    async def unlimit(self, id: AccountId) -> AccountWithLogin:
        """Undo that."""
        return await self.database.run(self._limit, id, None)

    async def suspend(self, id: AccountId) -> AccountWithLogin:
        """Hide the account and all it wrote from everybody, close its streams, and let it in no more until `restore`.

        Its sessions, tokens and push subscriptions stay for then.
        """
        return await self.database.run(self._suspend, id)

    async def restore(self, id: AccountId) -> AccountWithLogin:
        """Undo a suspension."""
        return await self.database.run(self._restore, id)

    async def disable(self, id: AccountId) -> AccountWithLogin:
        """Close the account's streams and let it in no more until `enable`; what it wrote stays, and so do its sessions and tokens."""
        return await self.database.run(self._disable, id)

    async def enable(self, id: AccountId) -> AccountWithLogin:
        """Let somebody who was disabled in again."""
        return await self.database.run(self._enable, id)

    def carry_out(self, cursor: Cursor, id: AccountId, action: ModerationAction) -> None:
        """Do what a moderator decided, in the running transaction."""
        match action:
            case ModerationAction.DISABLE:
                self._disable(cursor, id)
            case ModerationAction.SILENCE:
                self._limit(cursor, id, self.now())
            case ModerationAction.SUSPEND:
                self._suspend(cursor, id)

    async def set_role(self, id: AccountId, role: Role) -> AccountWithLogin:
        """Give the account a role."""
        return await self.database.run(self._set_role, id, role)

    async def reset_password(self, id: AccountId, password: str) -> AccountWithLogin:
        """Give the account another password and end all its sessions. Raises Invalid (field password) for a bad one."""
        acceptable(password)
        return await self.database.run(self._reset_password, id, await self.passwords.hash(password))

    async def approve(self, id: AccountId) -> AccountWithLogin:
        """Let an applicant in, and write to them."""
        return await self.database.run(self._approve, id)

    async def confirm(self, id: AccountId) -> AccountWithLogin:
        """Take the address as proved."""
        return await self.database.run(self._confirm, id)

    async def reject(self, id: AccountId) -> None:
        """Write to an applicant and erase them: name and address are free again. Raises Conflict for somebody who was let in."""
        await self.database.run(self._reject, id)

    async def delete(self, id: AccountId) -> None:
        """Delete the account as its owner could; the name stays taken."""
        await self.database.run(account_deletion.begin_deletion, id, self.now())

    def _member(self, cursor: Cursor, id: AccountId) -> AccountWithLogin:
        found = users.by_account(cursor, account=id)
        if found is None:
            raise NotFound(NOBODY)
        return found

    def _changed(self, cursor: Cursor, id: AccountId) -> AccountWithLogin:
        events.record(cursor, EventKind.ACCOUNT_CHANGED, at=self.now(), account=id)
        return self._member(cursor, id)

    def _limit(self, cursor: Cursor, id: AccountId, at: datetime | None) -> AccountWithLogin:
        return self._changed(cursor, id) if accounts.set_limited(cursor, id=id, at=at) else self._member(cursor, id)

    def _suspend(self, cursor: Cursor, id: AccountId) -> AccountWithLogin:
        if accounts.set_suspended(cursor, id=id, at=self.now()):
            events.record(cursor, EventKind.ACCOUNT_SUSPENDED, at=self.now(), account=id)
        return self._member(cursor, id)

    def _restore(self, cursor: Cursor, id: AccountId) -> AccountWithLogin:
        return self._changed(cursor, id) if accounts.set_suspended(cursor, id=id, at=None) else self._member(cursor, id)

    def _disable(self, cursor: Cursor, id: AccountId) -> AccountWithLogin:
        if users.set_disabled(cursor, account=id, at=self.now()):
            events.record(cursor, EventKind.ACCOUNT_DISABLED, at=self.now(), account=id)
        return self._member(cursor, id)

    def _enable(self, cursor: Cursor, id: AccountId) -> AccountWithLogin:
        users.set_disabled(cursor, account=id, at=None)
        return self._member(cursor, id)

    def _set_role(self, cursor: Cursor, id: AccountId, role: Role) -> AccountWithLogin:
        if self._member(cursor, id).login.role is role:
            return self._member(cursor, id)
        users.change_role(cursor, account=id, role=role)
        return self._changed(cursor, id)

    def _reset_password(self, cursor: Cursor, id: AccountId, password_hash: str) -> AccountWithLogin:
        member = self._member(cursor, id)
        users.change_password(cursor, account=id, password_hash=password_hash)
        enqueue_notice(cursor, EmailKind.PASSWORD, member.login, self.now())
        end_every(cursor, account=id, now=self.now())
        return member

    def _approve(self, cursor: Cursor, id: AccountId) -> AccountWithLogin:
        if not users.approve(cursor, account=id, now=self.now()):
            return self._member(cursor, id)
        member = self._changed(cursor, id)
        enqueue_decision(cursor, member, self.now(), accepted=True)
        return member

    def _confirm(self, cursor: Cursor, id: AccountId) -> AccountWithLogin:
        return self._changed(cursor, id) if users.confirm(cursor, account=id, now=self.now()) else self._member(cursor, id)

    def _reject(self, cursor: Cursor, id: AccountId) -> None:
        member = self._member(cursor, id)
        if member.login.approved_at is not None:
            raise Conflict("This account was let in already: suspend or delete it instead.")
        end_every(cursor, account=id, now=self.now())
        enqueue_decision(cursor, member, self.now(), accepted=False)
        accounts.delete(cursor, id=id)
