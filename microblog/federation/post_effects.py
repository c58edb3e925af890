"""Effects of activities about posts: Create, Update, Delete, Announce, Like, and what undoes them.

Each has its effect once, and the order in which they arrive does not matter. Only what the author's own server says is believed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from attrs import frozen

from microblog.domain import deleted_posts
from microblog.domain.notify import notify, notify_of_post
from microblog.domain.polls import Polls
from microblog.domain.post_events import record
from microblog.domain.posts import is_counted_boost, remove
from microblog.federation import bounds
from microblog.federation.fetching import FetchBudget, NotFetched
from microblog.federation.incoming import parse_object
from microblog.federation.remote_actors import RemoteActors
from microblog.federation.remote_posts import LIVE_FOR, MAX_ANCESTORS, Arrival, RemotePosts
from microblog.federation.trust import Believed, Fetch, is_owner, may_boost
from microblog.model.accounts import Account, Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.federation import Activity, ActivityKind, InvalidDocument, Reference, RemoteObject
from microblog.model.federation_posts import RemotePost
from microblog.model.ids import AccountId, PostId
from microblog.model.jobs import RetryLater
from microblog.model.notifications import NotificationKind
from microblog.model.posts import Post, Visibility
from microblog.storage import events, incoming_activities, interactions, notifications, posts, received_actions, remote_posts
from microblog.storage.database import Cursor, Transactions
from microblog.storage.received_actions import Action, ActionKind

T = TypeVar("T")
Finish = Callable[[Cursor], None]
LIKES = (ActivityKind.LIKE, ActivityKind.EMOJI_REACT)
UPDATE_CREATES_FOR = timedelta(days=1)
"""Age up to which an edit of an unknown post makes it known."""


def parse_post(body: bytes) -> RemotePost:
    """Return the post that a document describes. Raises InvalidDocument if it is something else."""
    found = parse_object(body)
    if not isinstance(found, RemotePost):
        raise InvalidDocument("The document is no post.")
    return found


@frozen
class PostEffects:
    """Effects of activities about posts. The last transaction of each effect calls `finish`."""

    database: Transactions
    actors: RemoteActors
    posts: RemotePosts
    polls: Polls
    now: Callable[[], datetime]

    # --- Create, Update, Delete

    async def published(self, activity: Activity, signer: Account, recipient: AccountId | None, finish: Finish) -> None:
        """Store a post that was published or edited; count a vote. Raises RetryLater if it has to be fetched and cannot be."""
        document = await self._document(activity.object, activity.actor, FetchBudget())
        if document is None or document.author != activity.actor:
            await self.database.run(finish)
            return
        arrival = Arrival(True, recipient, activity.audience)

        def effect(cursor: Cursor) -> None:
            self._store_published(cursor, activity.kind, signer, document, arrival)
            finish(cursor)

        await self.database.run(effect)

    def _store_published(self, cursor: Cursor, kind: ActivityKind, signer: Account, document: RemotePost, arrival: Arrival) -> None:
        is_known = remote_posts.by_uri(cursor, uri=document.id) is not None
        if document.is_vote and self._is_poll(cursor, document):
            self._vote(cursor, signer, document)
        elif kind is ActivityKind.CREATE or is_known or self._is_recent(document):
            stored = self.posts.store(cursor, signer, document, arrival)
            if stored is not None and is_known and kind is ActivityKind.CREATE:
                self._notify_late(cursor, stored.id)

    def _notify_late(self, cursor: Cursor, id: PostId) -> None:
        """Notify of a post that was fetched, such as by somebody who forwarded it, before its author's server delivered it."""
        post = posts.by_ids(cursor, [id]).get(id)
        if post is not None and self.now() - post.created_at < UPDATE_CREATES_FOR:
            notify_of_post(cursor, post, self.now())

    def _is_recent(self, document: RemotePost) -> bool:
        return self.now() - bounds.past_date(document.published, self.now()) < UPDATE_CREATES_FOR

    def _is_poll(self, cursor: Cursor, document: RemotePost) -> bool:
        """True if a note that may be a vote replies to a poll: then it is never stored as a post."""
        parent = self.posts.find(cursor, document.reply_to or "")
        found = posts.by_ids(cursor, [parent.id]).get(parent.id) if parent else None
        return found is not None and found.poll is not None

    def _vote(self, cursor: Cursor, signer: Account, document: RemotePost) -> None:
        """Count a vote in a poll of this site. One that is not valid has no effect."""
        parent = self.posts.find(cursor, document.reply_to or "")
        if parent is None or parent.author_uri is not None:
            return
        poll = posts.by_ids(cursor, [parent.id])[parent.id].poll
        if poll is None or document.title not in poll.options:
            return
        try:
            self.polls.vote_within(cursor, Viewer(signer), poll.id, (poll.options.index(document.title),))
        except (Invalid, NotFound):
            return

    def deleted(self, cursor: Cursor, activity: Activity, signer: Account) -> None:
        """Delete a post, in the running transaction. An unknown one is refused should it arrive later."""
        uri = activity.object_id
        if uri and self.actors.fetcher.rules().own_id(_named(activity.actor, uri)):
            self.posts.delete(cursor, uri, activity.actor)
            received_actions.forget(cursor, actor=signer.id, uri=uri)

    # --- Announce, Like

    async def announced(self, activity: Activity, signer: Account, finish: Finish) -> None:
        """Store a boost, with the post if it is not known. Raises RetryLater if that has to be fetched and cannot be."""
        boosted, uri = activity.object, activity.object_id
        if isinstance(boosted, Activity):  # a group announces what its members did
            boosted, uri = (boosted.object, boosted.object_id) if boosted.kind is ActivityKind.CREATE else (None, None)
        if uri is not None and await self.database.read(self.posts.find, uri) is None:
            await self.fetch_and_store(boosted, activity.actor)
        await self.database.run(self._boost, activity, uri, signer, finish)

    async def fetch_and_store(self, named: RemoteObject | None, actor: str) -> None:
        """Store a post that an actor boosts or pins, as it is embedded or fetched. Raises RetryLater if that cannot be done now."""
        budget = FetchBudget()
        document = await self._document(named, actor, budget)
        if document is not None:
            await self.store_fetched(document, budget, MAX_ANCESTORS)

    async def store_fetched(self, document: RemotePost, budget: FetchBudget, ancestors: int) -> None:
        """Store a post that was fetched from its server, with its author. Raises RetryLater if that cannot be fetched now."""
        author = await self.author_of(document, budget)
        if author is not None and not document.is_vote:
            await self.database.run(self.posts.store, author, document, Arrival(ancestors=ancestors))

    async def author_of(self, document: RemotePost, budget: FetchBudget) -> Account | None:
        """Return the author of a post, who is fetched if not known; None if that fails. Raises RetryLater if it may succeed later."""
        return await self._asked(self.actors.by_uri(document.author, budget))

    def _boost(self, cursor: Cursor, activity: Activity, uri: str | None, signer: Account, finish: Finish) -> None:
        original = self._target(cursor, uri, signer, activity)
        if original is not None and not self._was_undone(cursor, activity):
            self._store_boost(cursor, activity, original, signer)
        finish(cursor)

    def _was_undone(self, cursor: Cursor, activity: Activity) -> bool:
        return activity.id is not None and incoming_activities.was_deleted(cursor, uri=activity.id, actor=activity.actor)

    def _target(self, cursor: Cursor, uri: str | None, signer: Account, activity: Activity) -> Post | None:
        """Return the post that is boosted or favourited, locked; None unless it is known and the signer may see it."""
        own_id = self.actors.fetcher.rules().own_id(activity)
        remote_posts.lock(cursor, uris=[own_id] if own_id else [])
        known = self.posts.find(cursor, uri) if uri else None
        if known is None or not posts.lock(cursor, post=known.id):
            return None
        return posts.by_ids(cursor, [known.id]).get(known.id) if posts.visible(cursor, ids=[known.id], viewer=signer.id) else None

    def _store_boost(self, cursor: Cursor, activity: Activity, original: Post, signer: Account) -> None:
        """Store a boost. It never widens who may see the post."""
        if signer.suspended_at is not None or not may_boost(original.visibility, is_author=is_owner(str(signer.uri), original.author.uri)):
            return
        published_at = bounds.past_date(activity.published, self.now())
        uri = self.actors.fetcher.rules().own_id(activity) or f"{activity.actor}#announces/{original.id}"
        received_actions.remember(cursor, actor=signer.id, uri=uri, action=Action(ActionKind.BOOST, original.id), now=self.now())
        if existing := posts.boost_by(cursor, original=original.id, account=signer.id):
            remote_posts.rename_boost(cursor, boost=existing, uri=uri, before=published_at)
            return
        if remote_posts.by_uri(cursor, uri=uri) is not None:  # deleted, or the id of something else
            return
        visibility = self._boost_visibility(cursor, activity, original, signer)
        boost = Post(PostId(0), signer, "", "", visibility, published_at, uri=uri)
        id = remote_posts.insert(cursor, boost, arrived_at=self.now(), boost_of=original.id)
        if is_counted_boost(visibility, original.visibility):
            posts.count(cursor, post=original.id, boosts=1)
        notify(cursor, accounts=[original.author.id], kind=NotificationKind.BOOST, sender=signer.id, post=original.id, now=self.now())
        if self.now() - published_at < LIVE_FOR:
            record(cursor, EventKind.POST_PUBLISHED, posts.by_ids(cursor, [id])[id], self.now())

    def _boost_visibility(self, cursor: Cursor, activity: Activity, original: Post, signer: Account) -> Visibility:
        visibility = activity.audience.visibility(remote_posts.followers_of(cursor, account=signer.id))
        return Visibility.PRIVATE if not visibility.is_open else visibility.narrower(original.visibility)

    def liked(self, cursor: Cursor, activity: Activity, signer: Account) -> None:
        """Favourite a post, in the running transaction. A reaction with an emoji is a favourite. Unknown posts do not matter."""
        post = self._target(cursor, activity.object_id, signer, activity)
        if post is None or signer.suspended_at is not None or self._was_undone(cursor, activity):
            return
        if interactions.favourite(cursor, account=signer.id, post=post.id, now=self.now()) is not None:
            notify(cursor, accounts=[post.author.id], kind=NotificationKind.FAVOURITE, sender=signer.id, post=post.id, now=self.now())
        if uri := self.actors.fetcher.rules().own_id(activity):
            remote_posts.set_favourite_uri(cursor, account=signer.id, post=post.id, uri=uri)
            received_actions.remember(cursor, actor=signer.id, uri=uri, action=Action(ActionKind.FAVOURITE, post.id), now=self.now())

    def quote_requested(self, cursor: Cursor, activity: Activity, signer: Account) -> None:
        """Write the event by which a request to quote a post of this site is answered, in the running transaction."""
        post, quote = self._target(cursor, activity.object_id, signer, activity), activity.instrument
        if post is None or post.uri is not None or not isinstance(quote, RemotePost | Reference):
            return
        request = self.actors.fetcher.rules().own_id(activity)
        if request is not None:
            data = {"request": request, "quote": quote.id}
            events.record(
                cursor, EventKind.QUOTE_REQUESTED, at=self.now(), account=signer.id, subject=post.author.id, post=post.id, data=data
            )

    # --- Undo

    def remove_boost(self, cursor: Cursor, original: PostId, signer: Account) -> None:
        """Remove the signer's boost of a post, in the running transaction. One that was deleted with the post does not return with it."""
        id = posts.boost_by(cursor, original=original, account=signer.id)
        if id is None:
            deleted_posts.undo_boost(cursor, original, signer.id, self.now())
        elif posts.lock(cursor, post=id) and (boost := posts.by_ids(cursor, [id]).get(id)) is not None:
            remove(cursor, boost, self.now())

    def unfavourite(self, cursor: Cursor, id: PostId, signer: Account) -> None:
        """Remove the signer's favourite of a post, in the running transaction."""
        if interactions.unfavourite(cursor, account=signer.id, post=id) is None:
            return
        if post := posts.by_ids(cursor, [id]).get(id):
            notifications.withdraw(cursor, account=post.author.id, kind=NotificationKind.FAVOURITE, sender=signer.id, post=id)

    # --- Fetching

    async def fetch_parent(self, uri: str, ancestors: int, finish: Finish) -> None:
        """Fetch the parent of a reply, with as many of its own unknown parents. Raises RetryLater if its server does not respond."""
        if await self.database.read(self.posts.find, uri) is None:
            budget = FetchBudget()
            document = await self._fetched(uri, budget)
            if document is not None:
                await self.store_fetched(document, budget, ancestors)
        await self.database.run(finish)

    async def _document(self, embedded: RemoteObject | None, actor: str, budget: FetchBudget) -> RemotePost | None:
        """Return the post that an activity names: as it is embedded if that is believed, else as its server has it."""
        if embedded is None:
            return None
        match self.actors.fetcher.rules().check_embedded(embedded, actor):
            case Believed():
                return embedded if isinstance(embedded, RemotePost) else None
            case Fetch(uri=uri) if isinstance(embedded, RemotePost | Reference):
                return await self._fetched(uri, budget)
        return None

    async def _fetched(self, uri: str, budget: FetchBudget) -> RemotePost | None:
        return await self._asked(self.actors.fetcher.document(uri, parse_post, budget))

    async def _asked(self, asked: Awaitable[T]) -> T | None:
        """Return what another server answers; None if it says no. Raises RetryLater if it does not respond."""
        try:
            return await asked
        except NotFetched as problem:
            if problem.temporary:
                raise RetryLater(str(problem)) from problem
        except InvalidDocument:
            return None
        return None


def _named(actor: str, uri: str) -> Activity:
    """Return an activity with this id, for the check that an actor may speak of it."""
    return Activity(ActivityKind.IGNORED, "", actor, uri)
