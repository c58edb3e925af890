"""Pinned posts and featured hashtags of accounts of other servers.

Both are kept as they are announced (Add, Remove). Pinned posts are also read again, once a day at most.
"""

from __future__ import annotations

from datetime import timedelta

from attrs import frozen

from microblog.federation import post_content
from microblog.federation.fetching import FetchBudget, NotFetched
from microblog.federation.incoming import parse_collection
from microblog.federation.post_effects import Finish, PostEffects, parse_post
from microblog.federation.remote_posts import Arrival
from microblog.federation.trust import Believed
from microblog.model.accounts import Account
from microblog.model.federation import Activity, ActivityKind, InvalidDocument, Reference, RemoteCollection, RemoteObject
from microblog.model.federation_posts import RemoteHashtag, RemotePost
from microblog.model.ids import AccountId, PostId
from microblog.model.posts import MAX_PINNED_ELSEWHERE
from microblog.model.profile_features import MAX_FEATURED_TAGS
from microblog.storage import accounts, followed_tags, interactions, jobs, reading_again
from microblog.storage.database import Cursor

FEATURED_JOB = "federation.featured"
READ_AGAIN = timedelta(days=1)


@frozen
class FeaturedPosts:
    """Keeps the pinned posts of accounts of other servers."""

    effects: PostEffects

    async def changed(self, activity: Activity, signer: Account, finish: Finish) -> None:
        """Pin or unpin a post or hashtag that an actor adds to its profile, or removes from it. Raises RetryLater as a boost does."""
        database, uri = self.effects.database, activity.object_id
        featured = await database.read(reading_again.featured_of, account=signer.id)
        if not featured or activity.target != featured:
            await database.run(finish)
            return
        if isinstance(activity.object, RemoteHashtag):
            await database.run(self._change_tag, activity.kind, activity.object, signer.id, finish)
            return
        if uri is None:
            await database.run(finish)
            return
        if activity.kind is ActivityKind.ADD and await database.read(self.effects.posts.find, uri) is None:
            await self.effects.fetch_and_store(activity.object, activity.actor)

        def change(cursor: Cursor) -> None:
            self._change(cursor, activity.kind, uri, signer.id)
            finish(cursor)

        await database.run(change)

    def _change(self, cursor: Cursor, kind: ActivityKind, uri: str, account: AccountId) -> None:
        interactions.count_pins(cursor, account=account)  # locks them
        known, pinned = self.effects.posts.find(cursor, uri), reading_again.pinned(cursor, account=account)
        if known is None or known.author != account or (known.id in pinned) == (kind is ActivityKind.ADD):
            return
        others = [id for id in pinned if id != known.id]
        after = [known.id, *others][:MAX_PINNED_ELSEWHERE] if kind is ActivityKind.ADD else others
        reading_again.set_pins(cursor, account=account, posts=after, now=self.effects.now())

    def _change_tag(self, cursor: Cursor, kind: ActivityKind, hashtag: RemoteHashtag, account: AccountId, finish: Finish) -> None:
        """Feature a hashtag on the profile of an account, or stop that."""
        for key, name in post_content.tags((hashtag,)):
            if kind is ActivityKind.REMOVE:
                followed_tags.unfeature(cursor, account=account, key=key)
            elif followed_tags.count_featured(cursor, account=account) < MAX_FEATURED_TAGS:
                tag = followed_tags.get_or_create(cursor, key=key, name=name, now=self.effects.now())
                followed_tags.feature(cursor, account=account, tag=tag, now=self.effects.now())
        finish(cursor)

    def request(self, cursor: Cursor, account: AccountId) -> None:
        """Enqueue the job that reads the pinned posts of an account, unless they were read within a day."""
        now = self.effects.now()
        if reading_again.are_pins_old(cursor, account=account, before=now - READ_AGAIN):
            jobs.add(cursor, FEATURED_JOB, {"account": str(account)}, due_at=now, now=now, key=str(account))

    async def read(self, id: AccountId, finish: Finish) -> None:
        """Read the pinned posts of an account. If its server does not respond, what is known stays until the next day."""
        database = self.effects.database
        account = await database.read(accounts.by_id, id=id)
        found = None if account is None or account.suspended_at is not None else await self._read(account)

        def store(cursor: Cursor) -> None:
            reading_again.set_pins_read(cursor, account=id, now=self.effects.now())
            if found is not None:
                interactions.count_pins(cursor, account=id)
                if reading_again.pinned(cursor, account=id) != found:
                    reading_again.set_pins(cursor, account=id, posts=found, now=self.effects.now())
            finish(cursor)

        await database.run(store)

    async def _read(self, account: Account) -> list[PostId] | None:
        """Return the pinned posts of an account, each of which is stored; None if they cannot be read."""
        budget = FetchBudget()
        url = await self.effects.database.read(reading_again.featured_of, account=account.id)
        rules = self.effects.actors.fetcher.rules()
        if not url or rules.check_redirect(str(account.uri), url, id_is_known=True) is not None:
            return None
        try:
            items = await self._items(url, budget)
        except (NotFetched, InvalidDocument):
            return None
        found = [await self._stored(item, account, budget) for item in items[:MAX_PINNED_ELSEWHERE]]
        return list(dict.fromkeys(id for id in found if id is not None))

    async def _items(self, url: str, budget: FetchBudget) -> tuple[RemoteObject, ...]:
        """Return what the collection holds, or its first page."""
        fetcher = self.effects.actors.fetcher
        collection = await fetcher.document(url, parse_collection, budget)
        first = collection.first
        if isinstance(first, str) and not collection.items and fetcher.rules().check_redirect(url, first, id_is_known=True) is None:
            first = await fetcher.document(first, parse_collection, budget)
        return collection.items or (first.items if isinstance(first, RemoteCollection) else ())

    async def _stored(self, item: RemoteObject, account: Account, budget: FetchBudget) -> PostId | None:
        """Return a post that is pinned, which is fetched if it is not known; None for what is no post of the account."""
        uri, database = item.id if isinstance(item, RemotePost | Reference) else None, self.effects.database
        if uri is None:
            return None
        known = await database.read(self.effects.posts.find, uri)
        if known is None:
            document = await self._document(item, uri, account, budget)
            if document is not None and document.author == account.uri and not document.is_vote:
                known = await database.run(self.effects.posts.store, account, document, Arrival(ancestors=0))
        return known.id if known is not None and known.author == account.id else None

    async def _document(self, item: RemoteObject, uri: str, account: Account, budget: FetchBudget) -> RemotePost | None:
        fetcher = self.effects.actors.fetcher
        if isinstance(item, RemotePost) and fetcher.rules().check_embedded(item, str(account.uri)) == Believed():
            return item
        try:
            return await fetcher.document(uri, parse_post, budget)
        except (NotFetched, InvalidDocument):
            return None
