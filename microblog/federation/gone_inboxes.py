"""Inboxes of which their server says that they are gone (410): the accounts behind them are looked at, and end if they are gone too.

An answer about an inbox alone deletes nobody, as a server can have given up its shared inbox, or be misconfigured for a while: the document
of each account decides. A server that closes down answers 410 to everything, so all its accounts end.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.domain.account_deletion import begin_deletion
from microblog.domain.follows import END_BATCH, remove_follow
from microblog.federation.fetching import FetchBudget, NotFetched
from microblog.federation.remote_actors import RemoteActors
from microblog.model.federation import InvalidDocument
from microblog.model.ids import AccountId
from microblog.storage import accounts, jobs, remote_inboxes
from microblog.storage.database import Cursor, Transactions
from microblog.storage.remote_inboxes import InboxOwner

JOB = "federation.gone"
PER_JOB = 20  # accounts, each of which costs a request


def enqueue(cursor: Cursor, *, host: str, inbox: str, after: int = 0, now: datetime) -> None:
    """Enqueue the look at the accounts with an inbox that is gone."""
    jobs.add(cursor, JOB, {"host": host, "inbox": inbox, "after": str(after)}, due_at=now, now=now, key=f"{inbox} {after}")


@frozen
class GoneInboxes:
    """Ends what cannot be delivered any more."""

    database: Transactions
    actors: RemoteActors
    now: Callable[[], datetime]

    async def check(self, host: str, inbox: str, after: int, finish: Callable[[Cursor], None]) -> None:
        """Look at the next accounts with this inbox that people here have to do with, and enqueue the rest."""
        owners = await self.database.read(remote_inboxes.owners, host=host, inbox=inbox, after=after, limit=PER_JOB)
        budget = FetchBudget(2 * PER_JOB)
        for owner in owners:
            await self._check(owner, inbox, budget)

        def done(cursor: Cursor) -> None:
            if len(owners) == PER_JOB:
                enqueue(cursor, host=host, inbox=inbox, after=owners[-1].id, now=self.now())
            finish(cursor)

        await self.database.run(done)

    async def _check(self, owner: InboxOwner, inbox: str, budget: FetchBudget) -> None:
        try:
            await self.actors.fetch(owner.uri, budget)
        except NotFetched as problem:
            if problem.gone:
                await self.database.run(self._delete, owner.id)
            return
        except InvalidDocument:
            return
        while await self.database.run(self._end_follows, owner.id, inbox):
            pass

    def _delete(self, cursor: Cursor, id: AccountId) -> None:
        if accounts.by_id(cursor, id=id) is not None:
            begin_deletion(cursor, id, self.now())

    def _end_follows(self, cursor: Cursor, id: AccountId, inbox: str) -> bool:
        """End some follows of an account that exists and has no other inbox than the one that is gone; False if there are none."""
        if not remote_inboxes.is_only_inbox(cursor, account=id, inbox=inbox):
            return False
        followees = remote_inboxes.followees_here(cursor, account=id, limit=END_BATCH)
        accounts.lock(cursor, ids=[id, *followees])
        for followee in followees:
            remove_follow(cursor, id, followee, self.now())
        return bool(followees)
