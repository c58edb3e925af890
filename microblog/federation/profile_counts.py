"""Counts on profiles of other servers: followers, followed accounts and posts, read when somebody here looks at a profile."""

from __future__ import annotations

from datetime import timedelta

from attrs import frozen
from twisted.internet.defer import Deferred, DeferredList

from microblog.federation.fetching import FetchBudget, NotFetched
from microblog.federation.incoming import parse_collection
from microblog.federation.post_effects import Finish
from microblog.federation.remote_actors import RemoteActors
from microblog.model.accounts import Account
from microblog.model.federation import InvalidDocument, RemoteCollection
from microblog.model.ids import AccountId
from microblog.model.remote_actors import ActorCounts
from microblog.storage import accounts, jobs, remote_actors
from microblog.storage.database import Cursor

JOB = "federation.profile"
PAUSE = timedelta(days=1)


@frozen
class ProfileCounts:
    """Reads profiles of other servers again, with their counts."""

    actors: RemoteActors

    async def viewed(self, account: Account) -> None:
        """Have a profile read again if that was not done within a day."""
        now, database = self.actors.now(), self.actors.database
        if account.uri is not None and await database.read(remote_actors.are_counts_old, account=account.id, before=now - PAUSE):
            await database.run(jobs.add, JOB, {"account": str(account.id)}, due_at=now, now=now, key=str(account.id))

    async def read(self, id: AccountId, finish: Finish) -> None:
        """Read a profile with its counts. What its server does not tell stays as it is until the next day."""
        database = self.actors.database
        account = await database.read(accounts.by_id, id=id)
        if account is None or account.uri is None or account.suspended_at is not None:
            await database.run(finish)
            return
        await self.actors.refresh_if_old(account)
        counts, hides = await self._counts(account)

        def store(cursor: Cursor) -> None:
            remote_actors.store_counts(cursor, account=id, counts=counts, hides=hides, now=self.actors.now())
            finish(cursor)

        await database.run(store)

    async def _counts(self, account: Account) -> tuple[ActorCounts, bool | None]:
        """Return the counts, and whether the lists of accounts are hidden; None if that is not known."""
        urls = await self.actors.database.read(remote_actors.collections_of, account=account.id)
        budget = FetchBudget()
        found = await DeferredList([Deferred.fromCoroutine(self._collection(account, url, budget)) for url in urls])
        followers, following, posts = (collection for _, collection in found)
        totals = (None if each is None else each.total for each in (followers, following, posts))
        lists = [each for each in (followers, following) if each is not None]
        return ActorCounts(*totals), any(each.first is None and not each.items for each in lists if each.total) if lists else None

    async def _collection(self, account: Account, url: str | None, budget: FetchBudget) -> RemoteCollection | None:
        fetcher = self.actors.fetcher
        if not url or fetcher.rules().check_redirect(str(account.uri), url, id_is_known=True) is not None:
            return None
        try:
            return await fetcher.document(url, parse_collection, budget)
        except (NotFetched, InvalidDocument):
            return None
