"""Replies that this site did not get: read on the server of a post when somebody here looks at its thread.

The server names them. Each is fetched by its own id, in a job of its own, and stored if it answers a post of the thread. Bounds for each
look and each thread limit the requests that a server causes which invents replies without end.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import frozen

from microblog.federation.collections import collection_items, item_id
from microblog.federation.fetching import FetchBudget, NotFetched
from microblog.federation.post_effects import Finish, PostEffects, parse_post
from microblog.federation.remote_posts import MAX_ANCESTORS, PARENT_JOB, Arrival
from microblog.model.federation import InvalidDocument
from microblog.model.federation_posts import RemotePost
from microblog.model.ids import PostId
from microblog.model.jobs import RetryLater
from microblog.model.posts import Post
from microblog.storage import jobs, posts, remote_replies
from microblog.storage.database import Cursor

REPLIES_JOB, REPLY_JOB = "federation.replies", "federation.reply"
PAUSE = timedelta(minutes=15)
"""Time between two reads of the replies to a post."""
MIN_AGE = timedelta(minutes=5)
"""Replies to newer posts are on their way."""
MAX_THREAD = 500
"""Posts of a thread; a longer one gets no more replies in this way."""
MAX_REPLIES = 100
"""Replies to one post that are fetched after one look."""
MAX_DEPTH = 6
"""Levels of replies below the post that is looked at."""


@frozen
class ThreadBackfill:
    """Fetches replies to posts of other servers."""

    effects: PostEffects

    async def viewed(self, post: Post) -> datetime | None:
        """Have the replies to a post read if that was not done for a while. Returns when to look again; None if never."""
        if post.uri is None or not post.visibility.is_open:
            return None
        now, database = self.effects.now(), self.effects.database
        if now - post.created_at < MIN_AGE:
            return post.created_at + MIN_AGE
        if await database.read(remote_replies.are_old, post=post.id, before=now - PAUSE):
            await database.run(self._enqueue_read, post.id, MAX_DEPTH)
        return now + PAUSE

    def _enqueue_read(self, cursor: Cursor, post: PostId, depth: int) -> None:
        now = self.effects.now()
        jobs.add(cursor, REPLIES_JOB, {"post": str(post), "depth": depth}, due_at=now, now=now, key=str(post))

    async def read_replies(self, id: PostId, depth: int, finish: Finish) -> None:
        """Read which replies to a post there are, and enqueue those that are not known. Raises RetryLater as for other documents."""
        now, database = self.effects.now(), self.effects.database
        post = (await database.read(posts.by_ids, [id])).get(id)
        if post is None or post.uri is None or not await database.run(remote_replies.begin, post=id, now=now, before=now - PAUSE):
            await database.run(finish)
            return
        document, is_gone = await self._document(post)
        replies = [] if document is None else await self._replies(document)

        def store(cursor: Cursor) -> None:
            if is_gone:
                self.effects.posts.delete(cursor, str(post.uri), str(post.author.uri))
            elif document is not None:
                self.effects.posts.store(cursor, post.author, document, Arrival())
                self._enqueue_fetches(cursor, post, replies, depth)
            finish(cursor)

        await database.run(store)

    async def _document(self, post: Post) -> tuple[RemotePost | None, bool]:
        """Return a post as its server has it now, and whether the server says that it is gone."""
        try:
            found = await self.effects.actors.fetcher.document(str(post.uri), parse_post)
        except NotFetched as problem:
            return None, problem.missing
        except InvalidDocument:
            return None, False
        return (found if found.author == post.author.uri else None), False

    async def _replies(self, document: RemotePost) -> list[str]:
        """Return the ids of the replies that the author's server knows; what it does not answer is left out."""
        fetcher = self.effects.actors.fetcher
        if document.replies is None or fetcher.rules().check_redirect(document.id, document.replies, id_is_known=True) is not None:
            return []
        try:
            items = await collection_items(fetcher, document.replies, FetchBudget())
        except (NotFetched, InvalidDocument):
            return []
        named = dict.fromkeys(uri for uri in map(item_id, items) if uri is not None)
        return [uri for uri in named if fetcher.rules().check_id(uri) is None]

    def _enqueue_fetches(self, cursor: Cursor, post: Post, replies: Sequence[str], depth: int) -> None:
        now, thread = self.effects.now(), post.thread_id or post.id
        room = min(MAX_REPLIES, remote_replies.room(cursor, thread=thread, most=MAX_THREAD))
        for uri in remote_replies.unknown(cursor, uris=replies)[:room]:
            jobs.add(cursor, REPLY_JOB, {"uri": uri, "depth": depth - 1}, due_at=now, now=now, key=uri)
        if post.reply_to_uri is not None and self.effects.actors.fetcher.rules().check_id(post.reply_to_uri) is None:
            payload = {"uri": post.reply_to_uri, "ancestors": MAX_ANCESTORS - 1}
            jobs.add(cursor, PARENT_JOB, payload, due_at=now, now=now, key=post.reply_to_uri)

    async def fetch_reply(self, uri: str, depth: int, finish: Finish) -> None:
        """Fetch and store a reply if it answers a known post, and read the replies to it. Raises RetryLater if its server is down."""
        budget, document = FetchBudget(), None
        if await self.effects.database.read(self.effects.posts.find, uri) is None:
            document = await self._reply(uri, budget)
        author = None if document is None else await self.effects.author_of(document, budget)

        def store(cursor: Cursor) -> None:
            if document is not None and author is not None:
                stored = self.effects.posts.store(cursor, author, document, Arrival(ancestors=0))
                if stored is not None and document.replies is not None and document.counts.replies != 0 and depth > 0:
                    self._enqueue_read(cursor, stored.id, depth)
            finish(cursor)

        await self.effects.database.run(store)

    async def _reply(self, uri: str, budget: FetchBudget) -> RemotePost | None:
        """Return the post with this id if it answers a post that is known and not too far away."""
        try:
            found = await self.effects.actors.fetcher.document(uri, parse_post, budget)
        except NotFetched as problem:
            if problem.temporary:
                raise RetryLater(str(problem)) from problem
            return None
        except InvalidDocument:
            return None
        if found.is_vote or found.reply_to is None or await self.effects.database.read(self.effects.posts.find, found.reply_to) is None:
            return None
        return found
