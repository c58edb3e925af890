"""The audit log: acts of moderators and administrators, recorded in the transaction of the act."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from attrs import frozen
from twisted.logger import Logger

from microblog.model.accounts import Account
from microblog.model.audit import AuditAction, AuditEntry, AuditQuery, AuditRecord
from microblog.model.ids import AccountId
from microblog.model.paging import Page
from microblog.storage import audit
from microblog.storage.database import Cursor, Transactions

BATCH = 500  # acts that are read and encoded at once

_log = Logger()


def record(cursor: Cursor, entry: AuditEntry, now: datetime) -> None:
    """Record an act, in the transaction of the command that carries it out, and log it. Reasons and codes of invites are not logged."""
    audit.insert(cursor, entry, now=now)
    _log.info(
        "A moderator, an administrator, the command line or a job did this: {action} {target}",
        event="audit",
        action=entry.action,
        target="" if entry.action.startswith("invite.") else entry.target,
        user_id=entry.by,
        account_id=entry.account,
    )


def about(
    action: AuditAction, by: AccountId | None, account: Account, text: str = "", facts: Mapping[str, object] | None = None
) -> AuditEntry:
    """Return the entry of an act on an account."""
    return AuditEntry(action, by, account.acct, account.id, account.id, text, facts or {})


@frozen
class AuditLog:
    """Reads the audit log. Callers check permissions."""

    database: Transactions

    async def search(self, page: Page, query: AuditQuery) -> list[AuditRecord]:
        """Return acts that match, newest first."""
        return await self.database.read(audit.search, page=page, query=query)

    async def everything(self, query: AuditQuery, max_id: int | None = None) -> AsyncIterator[list[AuditRecord]]:
        """Yield all acts that match, below an id, in batches and newest first. Those that are recorded meanwhile are not among them."""
        page = Page(BATCH, max_id=max_id)
        while found := await self.search(page, query):
            yield found
            page = Page(BATCH, max_id=found[-1].id)
