"""Suspensions of single accounts of other servers: what happens at once, in a job, and after thirty days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import frozen

from microblog.domain import severances
from microblog.domain.account_deletion import AccountDeletion
from microblog.model.accounts import Account
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, SeveranceEventId
from microblog.model.severances import SeveranceKind
from microblog.storage import domain_accounts, events, jobs, suspensions
from microblog.storage.database import Cursor, Transactions

CUT_JOB, EMPTY_JOB = "account.cut_follows", "account.empty_suspended"
KEPT_FOR = timedelta(days=30)
"""Time in which a suspension can be undone. Then what is stored of the account is deleted."""


def begin(cursor: Cursor, account: Account, now: datetime, *, by_host: bool = False) -> None:
    """Suspend an account of another server: it is hidden at once, its follows are cut by a job, and later its data is deleted."""
    if not suspensions.suspend(cursor, id=account.id, at=now, by_host=by_host):
        return
    events.record(cursor, EventKind.ACCOUNT_SUSPENDED, at=now, account=account.id)
    event = severances.begin(cursor, SeveranceKind.ACCOUNT_SUSPENSION, account.acct, now)
    jobs.add(cursor, CUT_JOB, {"account": str(account.id), "event": str(event)}, due_at=now, now=now)
    jobs.add(cursor, EMPTY_JOB, {"account": str(account.id)}, due_at=now + KEPT_FOR, now=now, key=str(account.id))


def end(cursor: Cursor, account: AccountId, now: datetime, *, by_host: bool = False) -> None:
    """Show the account and its posts again, unless a rule for its domain hides them. Follows do not come back.

    Its own server only ends what it has begun itself.
    """
    if suspensions.restore(cursor, id=account, by_host=by_host):
        restored = suspensions.by_id(cursor, id=account)
        assert restored is not None
        domain_accounts.set_state_of(cursor, id=account, account=restored, now=now)
        events.record(cursor, EventKind.ACCOUNT_CHANGED, at=now, account=account)


@frozen
class RemoteSuspensions:
    """The work of the jobs, in small transactions. Each may be interrupted and repeated, and stops if the account was restored."""

    database: Transactions
    now: Callable[[], datetime]

    async def cut_follows(self, account: AccountId, event: SeveranceEventId) -> None:
        """End all follows between people here and the account, tell its server, and notify the people here."""
        while await self.database.run(self._cut_some, account, event):
            pass
        while await self.database.run(severances.notify_some, event, self.now()):
            pass

    async def empty(self, account: AccountId) -> None:
        """Delete what is stored of the account if it has been suspended for thirty days; if it is less, ask again then."""
        if await self.database.run(self._is_due, account):
            while await self.database.run(self._empty_some, account):
                pass

    def _cut_some(self, cursor: Cursor, account: AccountId, event: SeveranceEventId) -> bool:
        if suspensions.suspended_since(cursor, id=account) is None:
            return False
        return severances.sever_some(cursor, event, account, self.now(), tells_server=True)

    def _is_due(self, cursor: Cursor, account: AccountId) -> bool:
        since, now = suspensions.suspended_since(cursor, id=account), self.now()
        if since is not None and since + KEPT_FOR > now:  # it was restored and suspended again meanwhile
            jobs.add(cursor, EMPTY_JOB, {"account": str(account)}, due_at=since + KEPT_FOR, now=now, key=str(account))
            return False
        return since is not None

    def _empty_some(self, cursor: Cursor, account: AccountId) -> bool:
        if suspensions.suspended_since(cursor, id=account) is None:
            return False
        if AccountDeletion(self.database, self.now).step(cursor, account):
            return True
        domain_accounts.forget_profile(cursor, account=account)
        return False
