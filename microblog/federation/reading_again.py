"""Posts and profiles of other servers that people here look at: they are read again from time to time."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import field, frozen
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime

from microblog.federation.featured import READ_AGAIN, FeaturedPosts
from microblog.federation.fetching import FetchBudget, NotFetched
from microblog.federation.post_effects import Finish, PostEffects, parse_post
from microblog.federation.profile_counts import ProfileCounts
from microblog.federation.remote_posts import Arrival
from microblog.federation.thread_backfill import ThreadBackfill
from microblog.model.accounts import Account, Viewer
from microblog.model.federation import InvalidDocument
from microblog.model.federation_posts import RemotePost
from microblog.model.ids import AccountId, PostId
from microblog.model.posts import Post
from microblog.storage import accounts, jobs, posts, reading_again
from microblog.storage.database import Cursor

POLL_JOB = "federation.poll"
PROFILE_PAUSE = timedelta(hours=1)
"""For which a profile may be cached: then it is looked at whether it is old."""
POLL_PAUSE = timedelta(minutes=5)
SECONDS = 2.0


@frozen
class ReadingAgain:
    """Implements `RemoteReader`."""

    featured: FeaturedPosts
    reactor: IReactorTime
    profiles: ProfileCounts = field(init=False)
    threads: ThreadBackfill = field(init=False)

    @profiles.default
    def _profiles(self) -> ProfileCounts:
        return ProfileCounts(self.effects.actors, self.effects.posts)

    @threads.default
    def _threads(self) -> ThreadBackfill:
        return ThreadBackfill(self.effects)

    @property
    def effects(self) -> PostEffects:
        """The effects by which posts of other servers are stored."""
        return self.featured.effects

    async def profile_viewed(self, account: Account) -> datetime:
        """See `RemoteReader`."""
        database, now = self.effects.database, self.effects.now()
        if await database.read(reading_again.are_pins_old, account=account.id, before=now - READ_AGAIN):
            await database.run(self.featured.request, account.id)
        await self.profiles.viewed(account)
        return now + PROFILE_PAUSE

    async def thread_viewed(self, post: Post) -> datetime | None:
        """See `RemoteReader`."""
        return await self.threads.viewed(post)

    async def poll_viewed(self, viewer: Viewer, post: Post) -> datetime | None:
        """See `RemoteReader`."""
        now = self.effects.now()
        if await self._is_poll_old(post):
            await self._enqueue(viewer, post)
        return None if post.poll is None or post.poll.ended(now) else now + POLL_PAUSE

    async def poll_asked(self, viewer: Viewer, post: Post) -> bool:
        """See `RemoteReader`. If it takes longer, a job does it."""
        if not await self._is_poll_old(post):
            return False
        try:
            await Deferred.fromCoroutine(self._read_poll(post, viewer.account, _nothing)).addTimeout(SECONDS, self.reactor)
        except TimeoutError:
            await self._enqueue(viewer, post)
            return False
        return True

    async def _is_poll_old(self, post: Post) -> bool:
        before = self.effects.now() - POLL_PAUSE
        return post.poll is not None and await self.effects.database.read(reading_again.is_poll_old, poll=post.poll.id, before=before)

    async def _enqueue(self, viewer: Viewer, post: Post) -> None:
        now, payload = self.effects.now(), {"post": str(post.id), "viewer": str(viewer.id)}
        await self.effects.database.run(jobs.add, POLL_JOB, payload, due_at=now, now=now, key=str(post.id))

    async def read_poll(self, id: PostId, viewer: AccountId, finish: Finish) -> None:
        """Read a poll that the viewer looked at, unless that has been done meanwhile."""
        post = (await self.effects.database.read(posts.by_ids, [id])).get(id)
        account = await self.effects.database.read(accounts.by_id, id=viewer)
        if post is None or account is None or not await self._is_poll_old(post):
            await self.effects.database.run(finish)
            return
        await self._read_poll(post, account, finish)

    async def _read_poll(self, post: Post, viewer: Account, finish: Finish) -> None:
        """Fetch the post of a poll, as the viewer may see it, and store its votes. One that is gone is deleted."""
        document, gone = await self._document(post, viewer)

        def store(cursor: Cursor) -> None:
            if post.poll is not None:
                reading_again.set_poll_read(cursor, poll=post.poll.id, now=self.effects.now())
            if gone:
                self.effects.posts.delete(cursor, str(post.uri), str(post.author.uri))
            if document is not None:
                self.effects.posts.store(cursor, post.author, document, Arrival())
            finish(cursor)

        await self.effects.database.run(store)

    async def _document(self, post: Post, viewer: Account) -> tuple[RemotePost | None, bool]:
        """Return the document of a post if it can be read and is its author's, and whether it is gone."""
        signer = None if post.visibility.is_open else viewer
        try:
            found = await self.effects.actors.fetcher.document(str(post.uri), parse_post, FetchBudget(), signer=signer)
        except NotFetched as problem:
            return None, problem.gone
        except InvalidDocument:
            return None, False
        return (found if found.author == post.author.uri else None), False


def _nothing(cursor: Cursor) -> None:
    """There is no job to finish."""
