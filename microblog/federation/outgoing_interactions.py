"""Activities about what people here do with posts: favourites, votes, and posts that they pin to their profiles."""

from __future__ import annotations

from attrs import frozen

from microblog.federation.documents.write_activity import (
    ReceivedQuoteRequest,
    Vote,
    write_add,
    write_like,
    write_quote_reject,
    write_remove,
    write_undo,
    write_vote,
)
from microblog.federation.documents.write_collection import featured_hashtag
from microblog.federation.documents.write_parts import Json
from microblog.federation.outgoing import Outgoing
from microblog.model.deliveries import LocalActor, OutgoingKind
from microblog.model.events import Event
from microblog.model.ids import PostId, TagId
from microblog.model.posts import Tag
from microblog.storage import activity_recipients, posts
from microblog.storage.database import Cursor


@frozen
class OutgoingInteractions:
    """Makes an activity of each event about a favourite, vote or pin, in the running transaction. Each returns the number of deliveries."""

    outgoing: Outgoing

    def favourited(self, cursor: Cursor, event: Event) -> int:
        """Tell the author of a post on another server that somebody here favourited it."""
        return self._like(cursor, event, undo=False)

    def unfavourited(self, cursor: Cursor, event: Event) -> int:
        """Take a favourite back."""
        return self._like(cursor, event, undo=True)

    def voted(self, cursor: Cursor, event: Event) -> int:
        """Send one vote to the author of a poll on another server. It is named after its event, of which each vote has its own."""
        actor, author = self.outgoing.actor(cursor, event.account_id), self._author(cursor, event)
        if actor is None or author is None:
            return 0
        vote = Vote(str(event.data["uri"]), author, str(event.data["option"]))
        document = write_vote(actor.username, event.position.id, vote, self.outgoing.ids)
        return self.outgoing.send(cursor, (OutgoingKind.VOTE, actor, document), self.outgoing.personal_inbox(cursor, event.subject_id))

    def quote_requested(self, cursor: Cursor, event: Event) -> int:
        """Reject the request to quote a post, as there are no quotes here."""
        actor, ids = self.outgoing.actor(cursor, event.subject_id), self.outgoing.ids
        found = activity_recipients.accounts(cursor, ids=[event.account_id or 0])
        if actor is None or not found:
            return 0
        post = ids.post(actor.username, event.post_id or 0)
        request = ReceivedQuoteRequest(str(event.data["request"]), found[0].id, post, str(event.data["quote"]))
        document = write_quote_reject(actor.username, event.position.id, request, ids)
        return self.outgoing.send(
            cursor, (OutgoingKind.REJECT_QUOTE, actor, document), self.outgoing.personal_inbox(cursor, event.account_id)
        )

    def pinned(self, cursor: Cursor, event: Event) -> int:
        """Tell the followers that a post was pinned."""
        return self._pin(cursor, event, OutgoingKind.ADD)

    def unpinned(self, cursor: Cursor, event: Event) -> int:
        """Tell the followers that a post is not pinned any more."""
        return self._pin(cursor, event, OutgoingKind.REMOVE)

    def tag_featured(self, cursor: Cursor, event: Event) -> int:
        """Tell the followers that a hashtag is featured on a profile."""
        return self._feature(cursor, event, OutgoingKind.ADD)

    def tag_unfeatured(self, cursor: Cursor, event: Event) -> int:
        """Tell the followers that a hashtag is not featured any more."""
        return self._feature(cursor, event, OutgoingKind.REMOVE)

    def _author(self, cursor: Cursor, event: Event) -> str | None:
        """Return the id of the author on another server; None if the account is gone."""
        found = activity_recipients.accounts(cursor, ids=[event.subject_id or 0])
        return found[0].id if found else None

    def _like(self, cursor: Cursor, event: Event, *, undo: bool) -> int:
        actor, author = self.outgoing.actor(cursor, event.account_id), self._author(cursor, event)
        if actor is None or author is None:
            return 0
        like = write_like(actor.username, int(str(event.data["favourite"])), str(event.data["uri"]), author, self.outgoing.ids)
        kind, document = (OutgoingKind.UNDO_LIKE, write_undo(like)) if undo else (OutgoingKind.LIKE, like)
        return self.outgoing.send(cursor, (kind, actor, document), self.outgoing.personal_inbox(cursor, event.subject_id))

    def _pin(self, cursor: Cursor, event: Event, kind: OutgoingKind) -> int:
        """Send an Add or Remove of a post that everybody can see."""
        actor, id = self.outgoing.actor(cursor, event.account_id), PostId(event.post_id or 0)
        post = posts.by_ids(cursor, [id]).get(id)
        if actor is None or post is None or not post.visibility.is_open or post.author.suspended_at is not None:
            return 0
        return self._tell_followers(cursor, kind, actor, self.outgoing.ids.post(actor.username, id))

    def _feature(self, cursor: Cursor, event: Event, kind: OutgoingKind) -> int:
        actor, key, name = self.outgoing.actor(cursor, event.account_id), str(event.data["tag"]), str(event.data["name"])
        tag = featured_hashtag(Tag(TagId(0), key, name), self.outgoing.ids)
        return 0 if actor is None else self._tell_followers(cursor, kind, actor, tag)

    def _tell_followers(self, cursor: Cursor, kind: OutgoingKind, actor: LocalActor, item: Json | str) -> int:
        """Send an Add or Remove to the followers."""
        document = (write_add if kind is OutgoingKind.ADD else write_remove)(actor.username, item, self.outgoing.ids)
        recipients = activity_recipients.followers(cursor, account=actor.id)
        return self.outgoing.send(cursor, (kind, actor, document), self.outgoing.inboxes(recipients))
