"""Cache of what pages about accounts read: accounts by name, relationships, pinned posts, followers and followed accounts.

Each method returns what the service of the same name reads from the database, which stays the truth. Accounts and posts themselves come
from their own caches, so that a new number of followers invalidates nothing here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from attrs import define, field

from microblog.domain.accounts import Accounts
from microblog.domain.caching import cache_keys
from microblog.domain.caching.account_cache import AccountCache
from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.domain.follows import Follows
from microblog.domain.relationships import Relationships
from microblog.domain.timelines import Timelines
from microblog.model.accounts import Account, RelatedAccount, Relationship, Viewer
from microblog.model.ids import AccountId, RelationId
from microblog.model.paging import Page
from microblog.model.posts import MAX_PINNED_ELSEWHERE, Post
from microblog.storage import timelines
from microblog.storage.timelines import Entry

CAPACITY = 5_000
MAX_RELATIONSHIPS = 50_000
Lister = Callable[[Viewer | None, AccountId, Page], Awaitable[list[RelatedAccount]]]


@define
class ProfileCache:
    """Cached parts of profiles and lists of followers."""

    accounts: Accounts
    relationships: Relationships
    follows: Follows
    timelines: Timelines
    account_cache: AccountCache
    _names: DependencyCache[AccountId] = field(init=False)
    _relationships: DependencyCache[Relationship] = field(init=False)
    _pinned: DependencyCache[tuple[Entry, ...]] = field(init=False)
    _related: DependencyCache[tuple[tuple[RelationId, AccountId], ...]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        log, now = self.invalidation_log, self.account_cache.now
        self._names = DependencyCache(log, now, CAPACITY, "account_names")
        self._relationships = DependencyCache(log, now, MAX_RELATIONSHIPS, "relationships")
        self._pinned = DependencyCache(log, now, CAPACITY, "pinned_posts")
        self._related = DependencyCache(log, now, CAPACITY, "followers")

    @property
    def invalidation_log(self) -> InvalidationLog:
        """The log that keeps the caches correct."""
        return self.account_cache.invalidation_log

    async def by_acct(self, acct: str) -> Account:
        """Return an account by its name, as `Accounts.by_acct` does. Raise NotFound."""
        position, key = await self.invalidation_log.position(), acct.lower()
        id = self._names.get(key, position)
        known = None if id is None else (await self.account_cache.load([id])).get(id)
        if known is not None and known.suspended_at is None:
            return known
        account = await self.accounts.by_acct(acct)
        self.account_cache.store([account], position)
        self._names.put(key, account.id, cache_keys.of_keys(cache_keys.of_account(account.id)), position)
        return account

    async def between(self, viewer: Viewer, ids: Sequence[AccountId]) -> list[Relationship]:
        """Return the viewer's relationships to accounts, as `Relationships.between` does."""
        position = await self.invalidation_log.position()
        found = {id: known for id in ids if (known := self._relationships.get((viewer.id, id), position)) is not None}
        missing = [id for id in ids if id not in found]
        for relationship in await self.relationships.between(viewer, missing):
            other = relationship.id
            keys = of_relationship(viewer.id, other)
            self._relationships.put((viewer.id, other), relationship, CacheDependencies(keys, relationship.muting_until), position)
            found[other] = relationship
        return [found[id] for id in ids if id in found]

    async def pinned(self, viewer: Viewer | None, account: AccountId) -> list[Post]:
        """Return an account's pinned posts, as `Timelines.pinned` does."""
        viewer_id = viewer.id if viewer else None
        position, key = await self.invalidation_log.position(), (viewer_id, account)
        entries = self._pinned.get(key, position)
        if entries is None:
            read = await self.timelines.database.read(timelines.pinned, account=account, viewer=viewer_id, limit=MAX_PINNED_ELSEWHERE)
            entries = tuple(read)
            keys = cache_keys.of_keys(cache_keys.of_pins(account), cache_keys.of_author(account), *_own(viewer))
            self._pinned.put(key, entries, keys, position)
        return await self.timelines.post_cache.load(entries)

    async def followers(self, viewer: Viewer | None, id: AccountId, page: Page) -> list[RelatedAccount]:
        """Return the account's followers, as `Follows.followers` does."""
        return await self._page("followers", self.follows.followers, viewer, id, page)

    async def following(self, viewer: Viewer | None, id: AccountId, page: Page) -> list[RelatedAccount]:
        """Return the accounts that it follows, as `Follows.following` does."""
        return await self._page("following", self.follows.following, viewer, id, page)

    async def _page(self, name: str, read: Lister, viewer: Viewer | None, id: AccountId, page: Page) -> list[RelatedAccount]:
        position, key = await self.invalidation_log.position(), (name, viewer.id if viewer else None, id, page)
        rows = self._related.get(key, position)
        if rows is not None:
            known = await self.account_cache.load([account for _, account in rows])
            if len(known) == len(rows):
                return [RelatedAccount(relation, known[account]) for relation, account in rows]
        found = await read(viewer, id, page)
        self.account_cache.store((one.account for one in found), position)
        # Every follow that begins or ends changes the counters of the account.
        keys = cache_keys.of_keys(cache_keys.of_account(id), cache_keys.of_account_counts(id), cache_keys.PEOPLE, *_own(viewer))
        self._related.put(key, tuple((one.id, one.account.id) for one in found), keys, position)
        return found


def of_relationship(viewer: AccountId, other: AccountId) -> frozenset[str]:
    """Return the keys of the viewer's relationship to another account."""
    return frozenset((cache_keys.of_viewer_state(viewer), cache_keys.of_viewer_state(other), cache_keys.of_account(other)))


def _own(viewer: Viewer | None) -> tuple[str, ...]:
    return () if viewer is None else (cache_keys.of_viewer_state(viewer.id),)
