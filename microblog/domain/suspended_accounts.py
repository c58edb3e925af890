"""Suspended accounts of this site: what is stored of them is deleted after thirty days, unless the suspension is undone before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.domain import audit
from microblog.domain.account_deletion import begin_deletion
from microblog.domain.remote_suspensions import KEPT_FOR
from microblog.model.audit import AuditAction
from microblog.model.ids import AccountId
from microblog.storage import suspensions
from microblog.storage.database import Cursor, Transactions

BATCH = 20  # accounts in one transaction


def kept_until(cursor: Cursor, account: AccountId) -> datetime | None:
    """Return until when the suspension of an account of this site can be undone; None if it is not suspended, or of another server.

    While an appeal waits for a decision, it can be undone even later.
    """
    return suspensions.kept_until(cursor, id=account, kept_for=KEPT_FOR)


@frozen
class SuspendedAccounts:
    """The work of the daily job. It may be interrupted and repeated at any time."""

    database: Transactions
    now: Callable[[], datetime]

    async def delete_expired(self) -> None:
        """Delete the accounts whose suspension cannot be undone any more, as their owners could. The usernames stay taken."""
        while await self.database.run(self._delete_some):
            pass

    def _delete_some(self, cursor: Cursor) -> bool:
        now = self.now()
        found = suspensions.expired(cursor, now=now, kept_for=KEPT_FOR, limit=BATCH)
        for account in found:
            audit.record(cursor, audit.about(AuditAction.ACCOUNT_DELETE_SUSPENDED, None, account), now)
            begin_deletion(cursor, account.id, now)
        return len(found) > 0
