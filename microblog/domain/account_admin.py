"""Account administration: list, look up, approve, limit, suspend and delete accounts; change roles and passwords."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from attrs import evolve, frozen

from microblog.domain import account_deletion, applicants, audit, canonical_email_blocks
from microblog.domain.email_queue import enqueue_decision, enqueue_notice
from microblog.domain.guessable_passwords import login_words
from microblog.domain.passwords import Hashes, acceptable
from microblog.domain.sessions import end_every
from microblog.domain.validation import own_username
from microblog.model.account_origins import AccountOrigin
from microblog.model.accounts import AccountWithLogin, Role, Session
from microblog.model.audit import AuditAction
from microblog.model.emails import EmailKind
from microblog.model.errors import Conflict, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId
from microblog.model.moderation import AccountQuery, ModerationAction
from microblog.model.paging import Page
from microblog.storage import account_addresses, accounts, events, sessions, users
from microblog.storage.database import Cursor, Transactions

T = TypeVar("T")

NOT_FOUND = "There is no account with this username or e-mail address."


@frozen
class AccountAdmin:
    """Administrative commands. Callers check permissions. `by` is the moderator or administrator, None on the command line.

    Commands return the account as it is afterwards, have no effect if nothing changes, and raise NotFound for an unknown account.
    """

    database: Transactions
    passwords: Hashes
    now: Callable[[], datetime]

    async def list(self, page: Page, *, pending: bool = False, role: Role | None = None, suspended: bool = False) -> list[AccountWithLogin]:
        """Return accounts, newest first; optionally only applicants, those with a role, or suspended ones."""
        return await self.database.read(users.page_of, page=page, pending=pending, role=role, suspended=suspended)

    async def has_administrator(self) -> bool:
        """True if any account has the role of administrator."""
        return bool(await self.list(Page(limit=1), role=Role.ADMIN))

    async def by_name(self, name: str) -> AccountWithLogin:
        """Return the account with this username (`ann`, `@ann`) or e-mail address."""
        account = await self.database.read(users.by_name, name=name.strip(), username=own_username(name, ""))
        if account is None:
            raise NotFound(NOT_FOUND)
        return account

    async def search(self, page: Page, query: AccountQuery) -> Sequence[AccountWithLogin]:
        """Return the accounts that match the query, newest first."""
        return await self.database.read(users.search, page=page, query=query)

    async def by_id(self, id: AccountId) -> AccountWithLogin:
        """Return the account with this id."""
        account = await self.database.read(users.by_account, account=id)
        if account is None:
            raise NotFound
        return account

    async def origins(self, ids: Collection[AccountId]) -> Mapping[AccountId, AccountOrigin]:
        """Return where those of these accounts that have a login come from."""
        return await self.database.read(account_origins, ids)

    async def sessions(self, id: AccountId) -> Sequence[Session]:
        """Return the account's sessions that have not expired, newest first, with the addresses they were opened from."""
        return await self.database.read(sessions.of_account, account=id, now=self.now())

    async def limit(self, id: AccountId, by: AccountId | None = None) -> AccountWithLogin:
        """Limit the account: only its followers and direct links show it."""
        return await self._act(AuditAction.ACCOUNT_LIMIT, by, self._limit, id, self.now())

    async def unlimit(self, id: AccountId, by: AccountId | None = None) -> AccountWithLogin:
        """Undo `limit`."""
        return await self._act(AuditAction.ACCOUNT_UNLIMIT, by, self._limit, id, None)

    async def suspend(self, id: AccountId, by: AccountId | None = None) -> AccountWithLogin:
        """Hide the account and its posts from everybody, close its streams and refuse logins until `restore`.

        Sessions, tokens and push subscriptions are kept for that time; the e-mail address is blocked.
        """
        return await self._act(AuditAction.ACCOUNT_SUSPEND, by, self._suspend, id)

    async def restore(self, id: AccountId, by: AccountId | None = None) -> AccountWithLogin:
        """Undo a suspension."""
        return await self._act(AuditAction.ACCOUNT_UNSUSPEND, by, self._restore, id)

    async def disable(self, id: AccountId, by: AccountId | None = None) -> AccountWithLogin:
        """Close the account's streams and refuse logins until `enable`. Posts stay visible; sessions and tokens are kept."""
        return await self._act(AuditAction.ACCOUNT_DISABLE, by, self._disable, id)

    async def enable(self, id: AccountId, by: AccountId | None = None) -> AccountWithLogin:
        """Undo `disable`."""
        return await self._act(AuditAction.ACCOUNT_ENABLE, by, self._enable, id)

    async def unmark_sensitive(self, id: AccountId, by: AccountId | None = None) -> AccountWithLogin:
        """Let the media of the account be as sensitive as their authors say."""
        return await self._act(AuditAction.ACCOUNT_UNMARK_SENSITIVE, by, self._mark_sensitive, id, None)

    def carry_out(self, cursor: Cursor, id: AccountId, action: ModerationAction) -> None:
        """Apply a moderation action in the running transaction."""
        match action:
            case ModerationAction.DISABLE:
                self._disable(cursor, id)
            case ModerationAction.SENSITIVE:
                self._mark_sensitive(cursor, id, self.now())
            case ModerationAction.SILENCE:
                self._limit(cursor, id, self.now())
            case ModerationAction.SUSPEND:
                self._suspend(cursor, id)

    def undo(self, cursor: Cursor, id: AccountId, action: ModerationAction) -> None:
        """Undo a moderation action in the running transaction."""
        match action:
            case ModerationAction.DISABLE:
                self._enable(cursor, id)
            case ModerationAction.SENSITIVE:
                self._mark_sensitive(cursor, id, None)
            case ModerationAction.SILENCE:
                self._limit(cursor, id, None)
            case ModerationAction.SUSPEND:
                self._restore(cursor, id)

    async def set_role(self, id: AccountId, role: Role, by: AccountId | None = None) -> AccountWithLogin:
        """Change the role of the account."""
        return await self._act(AuditAction.ACCOUNT_CHANGE_ROLE, by, self._set_role, id, role)

    async def reset_password(self, id: AccountId, password: str, by: AccountId | None = None) -> AccountWithLogin:
        """Set a new password and end all sessions. Raise Invalid (field password) if it is not acceptable."""
        acceptable(password)
        owner = await self.by_id(id)
        hashed = await self.passwords.hash(password, login_words(owner.account.username, owner.login.email))
        return await self._act(AuditAction.ACCOUNT_RESET_PASSWORD, by, self._reset_password, id, hashed)

    async def approve(self, id: AccountId, by: AccountId | None = None) -> AccountWithLogin:
        """Approve an applicant and notify them by e-mail."""
        return await self._act(AuditAction.ACCOUNT_APPROVE, by, self._approve, id)

    async def confirm(self, id: AccountId, by: AccountId | None = None) -> AccountWithLogin:
        """Mark the e-mail address as confirmed."""
        return await self._act(AuditAction.ACCOUNT_CONFIRM, by, self._confirm, id)

    async def reject(self, id: AccountId, by: AccountId | None = None) -> None:
        """Notify an applicant and delete the account, which frees username and address. Raise Conflict if it is already approved."""
        await self._act(AuditAction.ACCOUNT_REJECT, by, self._reject, id)

    async def delete(self, id: AccountId, by: AccountId | None = None) -> None:
        """Delete the account, as its owner can. The username stays taken."""
        await self._act(AuditAction.ACCOUNT_DELETE, by, account_deletion.begin_deletion, id, self.now())

    async def _act(self, action: AuditAction, by: AccountId | None, command: Callable[..., T], id: AccountId, *args: object) -> T:
        """Run the command and record it in the audit log, unless it changed nothing."""

        def act(cursor: Cursor) -> T:
            before = self._account(cursor, id)
            result = command(cursor, id, *args)
            after = users.by_account(cursor, account=id)
            if after != before:
                audit.record(cursor, audit.about(action, by, before.account, facts=_facts(before, after)), self.now())
            return result

        return await self.database.run(act)

    def _account(self, cursor: Cursor, id: AccountId) -> AccountWithLogin:
        account = users.by_account(cursor, account=id)
        if account is None:
            raise NotFound(NOT_FOUND)
        return account

    def _record_change(self, cursor: Cursor, id: AccountId) -> AccountWithLogin:
        events.record(cursor, EventKind.ACCOUNT_CHANGED, at=self.now(), account=id)
        return self._account(cursor, id)

    def _limit(self, cursor: Cursor, id: AccountId, at: datetime | None) -> AccountWithLogin:
        return self._record_change(cursor, id) if accounts.set_limited(cursor, id=id, at=at) else self._account(cursor, id)

    def _mark_sensitive(self, cursor: Cursor, id: AccountId, at: datetime | None) -> AccountWithLogin:
        return self._record_change(cursor, id) if accounts.set_sensitized(cursor, id=id, at=at) else self._account(cursor, id)

    def _suspend(self, cursor: Cursor, id: AccountId) -> AccountWithLogin:
        if accounts.set_suspended(cursor, id=id, at=self.now()):
            events.record(cursor, EventKind.ACCOUNT_SUSPENDED, at=self.now(), account=id)
            canonical_email_blocks.block_suspended(cursor, self._account(cursor, id).login, self.now())
        return self._account(cursor, id)

    def _restore(self, cursor: Cursor, id: AccountId) -> AccountWithLogin:
        if not accounts.set_suspended(cursor, id=id, at=None):
            return self._account(cursor, id)
        canonical_email_blocks.unblock_restored(cursor, id)
        return self._record_change(cursor, id)

    def _disable(self, cursor: Cursor, id: AccountId) -> AccountWithLogin:
        if users.set_disabled(cursor, account=id, at=self.now()):
            events.record(cursor, EventKind.ACCOUNT_DISABLED, at=self.now(), account=id)
        return self._account(cursor, id)

    def _enable(self, cursor: Cursor, id: AccountId) -> AccountWithLogin:
        users.set_disabled(cursor, account=id, at=None)
        return self._account(cursor, id)

    def _set_role(self, cursor: Cursor, id: AccountId, role: Role) -> AccountWithLogin:
        if self._account(cursor, id).login.role is role:
            return self._account(cursor, id)
        users.change_role(cursor, account=id, role=role)
        return self._record_change(cursor, id)

    def _reset_password(self, cursor: Cursor, id: AccountId, password_hash: str) -> AccountWithLogin:
        account = self._account(cursor, id)
        users.change_password(cursor, account=id, password_hash=password_hash)
        enqueue_notice(cursor, EmailKind.PASSWORD, account.login, self.now())
        end_every(cursor, account=id, now=self.now())
        return account

    def _approve(self, cursor: Cursor, id: AccountId) -> AccountWithLogin:
        if not users.approve(cursor, account=id, now=self.now()):
            return self._account(cursor, id)
        account = self._record_change(cursor, id)
        enqueue_decision(cursor, account, self.now(), accepted=True)
        return account

    def _confirm(self, cursor: Cursor, id: AccountId) -> AccountWithLogin:
        return self._record_change(cursor, id) if applicants.confirm(cursor, id, self.now()) else self._account(cursor, id)

    def _reject(self, cursor: Cursor, id: AccountId) -> None:
        account = self._account(cursor, id)
        if account.login.approved_at is not None:
            raise Conflict("This account is already approved. Suspend or delete it instead.")
        end_every(cursor, account=id, now=self.now())
        enqueue_decision(cursor, account, self.now(), accepted=False)
        accounts.delete(cursor, id=id)


def account_origins(cursor: Cursor, ids: Collection[AccountId]) -> dict[AccountId, AccountOrigin]:
    """Return where those of these accounts that have a login come from."""
    addresses = account_addresses.of_accounts(cursor, accounts=ids)
    signed_up = account_addresses.sign_ups(cursor, accounts=ids)
    return {account: evolve(origin, addresses=tuple(addresses.get(account, ()))) for account, origin in signed_up}


def _facts(before: AccountWithLogin, after: AccountWithLogin | None) -> dict[str, object]:
    """Return the facts of a change for the audit log: the roles, if it is one of the role."""
    if after is None or after.login.role is before.login.role:
        return {}
    return {"before": before.login.role, "after": after.login.role}
