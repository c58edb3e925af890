"""Followers synchronisation (FEP-8fcf) on the receiving side: follows from here are made to agree with what the followee's server knows.

Private posts are for followers, so a server that still counts somebody as a follower who is none sends them here, and one that forgot
a follower does not. Each of its deliveries names the digest of the followers that it knows on this site.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import frozen

from microblog.domain.follows import confirm_follow, remove_follow
from microblog.federation.collections import collection_items, item_id
from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.federation.fetching import FetchBudget, Fetcher, NotFetched
from microblog.federation.followers_sync import HEADER, FollowersDigest, FollowersRepair, followers_digest
from microblog.federation.signed_requests import MAX_HEADER_LENGTH, HttpRequest, SignatureClaim, VerifiedSignature
from microblog.model.events import EventKind
from microblog.model.federation import InvalidDocument
from microblog.model.ids import AccountId
from microblog.model.jobs import RetryLater
from microblog.model.remote_actors import KnownKey
from microblog.storage import accounts, events, follows, jobs, remote_posts, remote_relations
from microblog.storage.database import Cursor, Transactions
from microblog.storage.remote_relations import LocalFollower

JOB = "federation.followers"
CHECK_EVERY = timedelta(minutes=5)
"""Time between two reads of an actor's list, however often its digest differs."""
Finish = Callable[[Cursor], None]


@frozen
class FollowersRepairs:
    """Compares the followers that other servers know on this site with those that it knows itself."""

    database: Transactions
    fetcher: Fetcher
    ids: SiteIds
    now: Callable[[], datetime]

    async def check(self, request: HttpRequest, claim: SignatureClaim, key: KnownKey) -> None:
        """Enqueue a repair if a verified request names another digest than the followers have that are known here."""
        header = request.header(HEADER)
        said = FollowersDigest.parse(header) if header is not None and len(header) <= MAX_HEADER_LENGTH else None
        if said is None:
            return
        proof = VerifiedSignature(claim.key_id, key.owner, claim.family, claim.covered)
        account = AccountId(key.account_id)
        collection = await self.database.read(remote_posts.followers_of, account=account)
        if said.is_credible(proof, collection, self.fetcher.rules().exempt):
            await self.database.run(self._compare, account, said)

    def _compare(self, cursor: Cursor, account: AccountId, said: FollowersDigest) -> None:
        known = remote_relations.local_followers(cursor, account=account)
        if followers_digest(map(self._uri, known)) == said.digest:
            return
        now = self.now()
        if remote_relations.begin_followers_check(cursor, account=account, now=now, unless_since=now - CHECK_EVERY):
            payload = {"account": str(account), "collection": said.collection, "url": said.url, "digest": said.digest}
            jobs.add(cursor, JOB, payload, due_at=now, now=now, key=str(account))

    async def repair(self, account: AccountId, said: FollowersDigest, finish: Finish) -> None:
        """Read the list and repair what differs. Raises RetryLater if the other server does not respond."""
        known = await self.database.read(remote_relations.local_followers, account=account)  # before the list: it may grow meanwhile
        try:
            items = await collection_items(self.fetcher, said.url, FetchBudget())
        except NotFetched as problem:
            if problem.temporary:
                raise RetryLater(str(problem)) from problem
            items = None
        except InvalidDocument:
            items = None

        def apply(cursor: Cursor) -> None:
            if items is not None:
                listed = [id for id in map(item_id, items) if id is not None]
                self._apply(cursor, account, said.repair(listed, map(self._uri, known), self.ids.host), known)
            finish(cursor)

        await self.database.run(apply)

    def _apply(self, cursor: Cursor, account: AccountId, repair: FollowersRepair, known: list[LocalFollower]) -> None:
        removed = [follower.id for follower in known if self._uri(follower) in repair.removed]
        added = [id for id in (self._account(cursor, uri) for uri in sorted(repair.undone)) if id is not None]
        accounts.lock(cursor, ids=[account, *removed, *added])
        for follower in removed:
            remove_follow(cursor, follower, account, self.now(), ended_by=account)
        for follower in added:
            self._add(cursor, follower, account)

    def _add(self, cursor: Cursor, follower: AccountId, account: AccountId) -> None:
        """Take a follower that only the other server knows as accepted if it is asked for here, else end the follow there."""
        if confirm_follow(cursor, follower, account, self.now()):
            return
        if follows.follow_options(cursor, follower=follower, followee=account) is None:
            data = {"follow": str(remote_relations.new_follow_id(cursor, now=self.now()))}
            events.record(cursor, EventKind.FOLLOW_WITHDRAWN, at=self.now(), account=follower, subject=account, data=data)

    def _account(self, cursor: Cursor, uri: str) -> AccountId | None:
        found = self.ids.parse(uri)
        if found is None or found.kind is not LocalKind.ACTOR:
            return None
        account = accounts.approved_by_username(cursor, username=found.name)
        return None if account is None else account.id

    def _uri(self, follower: LocalFollower) -> str:
        return self.ids.actor(follower.username)
