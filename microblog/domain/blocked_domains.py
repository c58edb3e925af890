"""Domains that a member blocks: nobody there is shown to them, notifies them, follows them or is followed by them.

The rules of timelines, lists, streams and notifications ask for the block itself, so it holds at once and for accounts that become known
later. What existed before is taken away here: in the command as far as it is little, the rest in a job.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.domain import severances, validation
from microblog.domain.follows import remove_follow
from microblog.model.accounts import Viewer
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, SeveranceEventId
from microblog.model.paging import Page
from microblog.model.severances import SeveranceKind
from microblog.storage import accounts, blocked_domains, conversations, events, jobs
from microblog.storage.database import Cursor, Transactions

JOB = "domain_block.cut"
STEP = 50  # accounts of the domain in one transaction


@frozen
class BlockedDomains:
    """Blocks and unblocks domains."""

    database: Transactions
    now: Callable[[], datetime]

    async def block(self, viewer: Viewer, domain: str) -> None:
        """Block a domain, and end all follows in both directions. Raises Invalid for an invalid domain."""
        await self.database.run(self._block, viewer.id, validation.server(domain))

    async def unblock(self, viewer: Viewer, domain: str) -> None:
        """Remove the block. Follows that it ended are not restored. Raises Invalid for an invalid domain."""
        await self.database.run(self._unblock, viewer.id, validation.server(domain))

    async def page(self, viewer: Viewer, page: Page) -> list[tuple[int, str]]:
        """Return (id of the block, domain), newest first."""
        return await self.database.read(blocked_domains.page_of, account=viewer.id, page=page)

    async def is_blocked(self, viewer: Viewer, domain: str) -> bool:
        """True if the viewer blocks the domain."""
        return await self.database.read(blocked_domains.is_blocked, account=viewer.id, domain=domain)

    async def cut(self, account: AccountId, domain: str, event: SeveranceEventId) -> None:
        """End what is left of the follows, unless the domain was unblocked meanwhile. May be interrupted and repeated."""
        while await self.database.run(self._cut_some, account, domain, event):
            pass
        while await self.database.run(severances.notify_some, event, self.now()):
            pass

    def _block(self, cursor: Cursor, account: AccountId, domain: str) -> None:
        now = self.now()
        if not blocked_domains.add(cursor, account=account, domain=domain, now=now):
            return
        events.record(cursor, EventKind.DOMAIN_BLOCKED, at=now, account=account, data={"domain": domain})
        blocked_domains.delete_notifications(cursor, account=account, domain=domain)
        conversations.delete_with_domain(cursor, account=account, domain=domain, now=now)
        event = severances.begin(cursor, SeveranceKind.USER_DOMAIN_BLOCK, domain, now)
        if self._cut_some(cursor, account, domain, event):
            payload = {"account": str(account), "domain": domain, "event": str(event)}
            jobs.add(cursor, JOB, payload, due_at=now, now=now)
        else:
            while severances.notify_some(cursor, event, now):
                pass

    def _unblock(self, cursor: Cursor, account: AccountId, domain: str) -> None:
        if blocked_domains.delete(cursor, account=account, domain=domain):
            events.record(cursor, EventKind.DOMAIN_UNBLOCKED, at=self.now(), account=account, data={"domain": domain})

    def _cut_some(self, cursor: Cursor, account: AccountId, domain: str, event: SeveranceEventId) -> bool:
        """End follows and requests with some accounts of a blocked domain, and note the follows; False if none is left."""
        if not blocked_domains.is_blocked(cursor, account=account, domain=domain):
            return False
        others = blocked_domains.related(cursor, account=account, domain=domain, limit=STEP)
        accounts.lock(cursor, ids=[account, *others])
        severances.note(cursor, event, [pair for other in others for pair in ((account, other), (other, account))], self.now())
        for other in others:
            remove_follow(cursor, account, other, self.now())
            remove_follow(cursor, other, account, self.now(), ended_by=account)
        return bool(blocked_domains.related(cursor, account=account, domain=domain, limit=1))  # also what began before the lock
