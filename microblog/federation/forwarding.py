"""Activities that somebody else forwards: replies to a post, from the server of the post to its followers.

The sender is not the actor, so nothing in the activity is believed. It names a post, which is fetched from its own server. Mastodon signs
the documents that it forwards (RsaSignature2017, "LD signatures"). These signatures are not read: to verify one, JSON-LD of strangers has
to be canonicalised, which takes seconds for hostile documents, and rearranged ones got around it (CVE-2022-24307, CVE-2026-46349). A fetch
gives the same.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.domain.rate_limits import MINUTE, LimitScope, RateLimit
from microblog.federation.fetching import FetchBudget, NotFetched
from microblog.federation.hosts import same_host
from microblog.federation.incoming import parse_object
from microblog.federation.post_effects import PostEffects
from microblog.federation.relevance import Relevance
from microblog.federation.remote_posts import MAX_ANCESTORS
from microblog.model.federation import Activity, ActivityKind, InvalidDocument, RemoteObject, Tombstone
from microblog.model.federation_posts import RemotePost
from microblog.model.jobs import RetryLater
from microblog.model.posts import Visibility
from microblog.storage import jobs, posts, remote_posts
from microblog.storage.database import Cursor

JOB = "federation.forwarded"
FORWARDS = RateLimit("federation-forwards", 300, 5 * MINUTE, LimitScope.NETWORK)
"""Of those that lead to a fetch. What is more is dropped."""


def enqueue(cursor: Cursor, activity: Activity, relevance: Relevance, now: datetime) -> bool:
    """Enqueue the fetch of what a forwarded activity names; False if that is of no interest here."""
    uri = activity.object_id
    if uri is None or not _is_of_interest(cursor, activity, uri, relevance):
        return False
    return jobs.add(cursor, JOB, {"uri": uri}, due_at=now, now=now, key=uri) is not None


def _is_of_interest(cursor: Cursor, activity: Activity, uri: str, relevance: Relevance) -> bool:
    """True for a new post that answers a known one or names somebody here, and for changes of a known one."""
    is_known = remote_posts.by_uri(cursor, uri=uri) is not None
    if activity.kind is not ActivityKind.CREATE:
        return is_known and activity.kind in (ActivityKind.UPDATE, ActivityKind.DELETE)
    post = activity.object
    parent = post.reply_to if isinstance(post, RemotePost) else None
    return not is_known and (relevance.is_certain(activity) or (parent is not None and relevance.posts.find(cursor, parent) is not None))


@frozen
class ForwardedPosts:
    """Fetches posts that forwarded activities name."""

    effects: PostEffects

    async def fetch(self, uri: str, finish: Callable[[Cursor], None]) -> None:
        """Store or update a post as its server has it, or delete it if that says that it is gone. Raises RetryLater."""
        budget = FetchBudget()
        try:
            found: RemoteObject | None = await self.effects.actors.fetcher.document(uri, parse_object, budget)
        except NotFetched as problem:
            if problem.temporary:
                raise RetryLater(str(problem)) from problem
            found = Tombstone(uri) if problem.gone else None
            if problem.missing and not problem.gone:
                await self.effects.database.run(self._delete_open, uri)
        except InvalidDocument:
            found = None
        if isinstance(found, RemotePost):
            await self.effects.store_fetched(found, budget, MAX_ANCESTORS)
        if isinstance(found, Tombstone):
            await self.effects.database.run(self._delete, uri)
        await self.effects.database.run(finish)

    def _delete(self, cursor: Cursor, uri: str) -> None:
        """Delete a post of which its server says that it was deleted."""
        known = remote_posts.by_uri(cursor, uri=uri)
        if (
            known is not None
            and known.author_uri is not None
            and same_host(uri, known.author_uri, self.effects.actors.fetcher.rules().exempt)
        ):
            self.effects.posts.delete(cursor, uri, known.author_uri)

    def _delete_open(self, cursor: Cursor, uri: str) -> None:
        """Delete a post that its server does not have. One that not everybody may see can be hidden from this site."""
        known = remote_posts.by_uri(cursor, uri=uri)
        post = posts.by_ids(cursor, [known.id]).get(known.id) if known is not None else None
        if post is not None and post.visibility in (Visibility.PUBLIC, Visibility.UNLISTED):
            self._delete(cursor, uri)
