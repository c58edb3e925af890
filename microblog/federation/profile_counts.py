"""Profiles of other servers, read when somebody here looks: counts of followers, followed accounts and posts, and the newest posts."""

from __future__ import annotations

from datetime import timedelta

from attrs import frozen

from microblog.coroutines import gather
from microblog.federation.fetching import FetchBudget, NotFetched
from microblog.federation.incoming import parse_collection
from microblog.federation.post_effects import Finish
from microblog.federation.remote_actors import RemoteActors
from microblog.federation.remote_posts import Arrival, RemotePosts
from microblog.federation.trust import Believed
from microblog.model.accounts import Account
from microblog.model.federation import Activity, ActivityKind, InvalidDocument, RemoteCollection
from microblog.model.federation_posts import RemotePost
from microblog.model.ids import AccountId
from microblog.model.remote_actors import ActorCounts
from microblog.storage import accounts, jobs, remote_actors
from microblog.storage.database import Cursor

JOB = "federation.profile"
PAUSE = timedelta(days=1)
MAX_POSTS = 20
"""Newest posts of an account that are stored when somebody looks at it."""


@frozen
class ProfileCounts:
    """Reads profiles of other servers again, with their counts and newest posts."""

    actors: RemoteActors
    posts: RemotePosts

    async def viewed(self, account: Account) -> None:
        """Have a profile read again if that was not done within a day."""
        now, database = self.actors.now(), self.actors.database
        if account.uri is not None and await database.read(remote_actors.are_counts_old, account=account.id, before=now - PAUSE):
            await database.run(jobs.add, JOB, {"account": str(account.id)}, due_at=now, now=now, key=str(account.id))

    async def read(self, id: AccountId, finish: Finish) -> None:
        """Read a profile with its counts and newest posts. What its server does not tell stays as it is until the next day."""
        database = self.actors.database
        account = await database.read(accounts.by_id, id=id)
        if account is None or account.uri is None or account.suspended_at is not None:
            await database.run(finish)
            return
        await self.actors.refresh_if_old(account)
        budget = FetchBudget()
        followers, following, outbox = await self._collections(account, budget)
        counts, hides = _counts(followers, following, outbox)
        newest = [] if outbox is None else await self._newest(account, outbox, budget)

        def store(cursor: Cursor) -> None:
            for document in newest:
                self.posts.store(cursor, account, document, Arrival(ancestors=0))
            remote_actors.store_counts(cursor, account=id, counts=counts, hides=hides, now=self.actors.now())
            finish(cursor)

        await database.run(store)

    async def _collections(self, account: Account, budget: FetchBudget) -> list[RemoteCollection | None]:
        """Return the collections of followers, followed accounts and posts, as far as they can be read."""
        urls = await self.actors.database.read(remote_actors.collections_of, account=account.id)
        return await gather(self._collection(account, url, budget) for url in urls)

    async def _newest(self, account: Account, outbox: RemoteCollection, budget: FetchBudget) -> list[RemotePost]:
        """Return the posts for everybody on the first page of an outbox. Those that are only named there are left out, and boosts."""
        first = outbox.first
        page = await self._collection(account, first, budget) if isinstance(first, str) else first
        items = [*outbox.items, *(page.items if page is not None else ())][:MAX_POSTS]
        found = (
            each.object for each in items if isinstance(each, Activity) and each.kind is ActivityKind.CREATE and each.actor == account.uri
        )
        return [each for each in found if isinstance(each, RemotePost) and self._is_shown(each, account)]

    def _is_shown(self, post: RemotePost, account: Account) -> bool:
        if post.is_vote or not post.audience.visibility("").is_open:
            return False
        return self.actors.fetcher.rules().check_embedded(post, str(account.uri)) == Believed()

    async def _collection(self, account: Account, url: str | None, budget: FetchBudget) -> RemoteCollection | None:
        fetcher = self.actors.fetcher
        if not url or fetcher.rules().check_redirect(str(account.uri), url, id_is_known=True) is not None:
            return None
        try:
            return await fetcher.document(url, parse_collection, budget)
        except (NotFetched, InvalidDocument):
            return None


def _counts(
    followers: RemoteCollection | None, following: RemoteCollection | None, posts: RemoteCollection | None
) -> tuple[ActorCounts, bool | None]:
    """Return the counts, and whether the lists of accounts are hidden; None if that is not known."""
    totals = (None if each is None else each.total for each in (followers, following, posts))
    lists = [each for each in (followers, following) if each is not None]
    return ActorCounts(*totals), any(each.first is None and not each.items for each in lists if each.total) if lists else None
