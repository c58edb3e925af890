"""Moderation of single accounts of other servers: find, limit and suspend them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import frozen

from microblog.domain import audit, remote_suspensions
from microblog.domain.validation import server
from microblog.model.accounts import Account
from microblog.model.audit import AuditAction
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId
from microblog.model.moderation import ModerationAction, RemoteAccountQuery
from microblog.model.paging import Page
from microblog.storage import accounts, events, suspensions
from microblog.storage.database import Cursor, Transactions

NO_LOGIN = "Accounts of other servers cannot be disabled: suspend them instead"


@frozen
class RemoteAccountAdmin:
    """Administrative commands. Callers check permissions. `by` is the moderator or administrator, None on the command line.

    Each returns the account as it is afterwards, and raises NotFound.
    """

    database: Transactions
    now: Callable[[], datetime]

    async def by_acct(self, acct: str) -> Account | None:
        """Return the account with this address (`bo@b.example`, `@bo@b.example`) if it is known here."""
        name, _, host = acct.strip().removeprefix("@").partition("@")
        try:
            domain = server(host)
        except Invalid:
            return None
        found = await self.database.read(accounts.approved_by_username, username=name, host=domain)
        return found if found is not None and found.host is not None else None

    async def by_id(self, id: AccountId) -> Account | None:
        """Return the account with this id if it is of another server."""
        return await self.database.read(suspensions.by_id, id=id)

    async def search(self, page: Page, query: RemoteAccountQuery) -> Sequence[Account]:
        """Return the accounts that match the query, newest first."""
        return await self.database.read(suspensions.search, page=page, query=query)

    async def limit(self, id: AccountId, by: AccountId | None = None) -> Account:
        """Limit the account: only its followers and direct links show it."""
        return await self._act(AuditAction.ACCOUNT_LIMIT, by, self._limit, id, self.now())

    async def unlimit(self, id: AccountId, by: AccountId | None = None) -> Account:
        """Undo `limit`."""
        return await self._act(AuditAction.ACCOUNT_UNLIMIT, by, self._limit, id, None)

    async def suspend(self, id: AccountId, by: AccountId | None = None) -> Account:
        """Hide the account and its posts, end all follows, and delete its data in thirty days unless it is restored."""
        return await self._act(AuditAction.ACCOUNT_SUSPEND, by, self._suspend, id)

    async def restore(self, id: AccountId, by: AccountId | None = None) -> Account:
        """Undo a suspension. That of a whole domain holds."""
        return await self._act(AuditAction.ACCOUNT_UNSUSPEND, by, self._restore, id)

    async def unmark_sensitive(self, id: AccountId, by: AccountId | None = None) -> Account:
        """Let the media of the account be as sensitive as their authors say."""
        return await self._act(AuditAction.ACCOUNT_UNMARK_SENSITIVE, by, self._mark_sensitive, id, None)

    async def _act(
        self, action: AuditAction, by: AccountId | None, command: Callable[..., Account], id: AccountId, *args: datetime | None
    ) -> Account:
        """Run the command and record it in the audit log, unless it changed nothing."""

        def act(cursor: Cursor) -> Account:
            before, after = self._account(cursor, id), command(cursor, id, *args)
            if _state(before) != _state(after):
                audit.record(cursor, audit.about(action, by, after), self.now())
            return after

        return await self.database.run(act)

    def carry_out(self, cursor: Cursor, id: AccountId, action: ModerationAction) -> None:
        """Apply a moderation action in the running transaction. Raises Invalid for one that needs a login."""
        match action:
            case ModerationAction.DISABLE:
                raise Invalid({"type": NO_LOGIN}, codes={"type": "ERR_INCLUSION"})
            case ModerationAction.SENSITIVE:
                self._mark_sensitive(cursor, id, self.now())
            case ModerationAction.SILENCE:
                self._limit(cursor, id, self.now())
            case ModerationAction.SUSPEND:
                self._suspend(cursor, id)

    def undo(self, cursor: Cursor, id: AccountId, action: ModerationAction) -> None:
        """Undo a moderation action in the running transaction."""
        match action:
            case ModerationAction.SENSITIVE:
                self._mark_sensitive(cursor, id, None)
            case ModerationAction.SILENCE:
                self._limit(cursor, id, None)
            case ModerationAction.SUSPEND:
                self._restore(cursor, id)

    def _account(self, cursor: Cursor, id: AccountId) -> Account:
        found = suspensions.by_id(cursor, id=id)
        if found is None:
            raise NotFound
        return found

    def _limit(self, cursor: Cursor, id: AccountId, at: datetime | None) -> Account:
        if accounts.set_limited(cursor, id=self._account(cursor, id).id, at=at):
            events.record(cursor, EventKind.ACCOUNT_CHANGED, at=self.now(), account=id)
        return self._account(cursor, id)

    def _mark_sensitive(self, cursor: Cursor, id: AccountId, at: datetime | None) -> Account:
        if accounts.set_sensitized(cursor, id=self._account(cursor, id).id, at=at):
            events.record(cursor, EventKind.ACCOUNT_CHANGED, at=self.now(), account=id)
        return self._account(cursor, id)

    def _suspend(self, cursor: Cursor, id: AccountId) -> Account:
        remote_suspensions.begin(cursor, self._account(cursor, id), self.now())
        return self._account(cursor, id)

    def _restore(self, cursor: Cursor, id: AccountId) -> Account:
        remote_suspensions.end(cursor, self._account(cursor, id).id, self.now())
        return self._account(cursor, id)


def _state(account: Account) -> tuple[datetime | None, ...]:
    return account.limited_at, account.sensitized_at, account.suspended_at
