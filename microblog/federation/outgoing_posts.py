"""Activities about posts and boosts of people here."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from microblog.federation.documents.write_activity import write_announce, write_create, write_delete, write_undo, write_update
from microblog.federation.documents.write_parts import Json
from microblog.federation.documents.write_post import PostWriter
from microblog.federation.outgoing import Outgoing
from microblog.federation.post_links import linked_posts
from microblog.model.accounts import Account
from microblog.model.deliveries import Inbox, LocalActor, OutgoingKind, Recipient
from microblog.model.events import Event
from microblog.model.ids import PostId
from microblog.model.posts import Post, Visibility
from microblog.storage import activity_recipients, posts
from microblog.storage.activity_recipients import DeletedBoost
from microblog.storage.database import Cursor


@frozen
class OutgoingPosts:
    """Makes an activity of each event about a post, in the running transaction. Each method returns the number of deliveries."""

    outgoing: Outgoing

    def published(self, cursor: Cursor, event: Event) -> int:
        """Send a new post, or a boost. A post whose mentions are still looked up is sent by `addressed`."""
        post = self._post(cursor, event)
        if post is None or event.data.get("unresolved") is True:
            return 0
        again = event.at if event.data.get("restored") is True else None
        return self._publish(cursor, post, self.outgoing.inboxes(self._recipients(cursor, post), post.visibility), again)

    def addressed(self, cursor: Cursor, event: Event) -> int:
        """Send a post whose mentions were looked up to those who did not get it before."""
        post = self._post(cursor, event)
        if post is None or post.boost is not None:
            return 0
        known = set(activity_recipients.post_inboxes(cursor, post=post.id))
        chosen = self.outgoing.inboxes(self._recipients(cursor, post), post.visibility)
        return self._publish(cursor, post, tuple(inbox for inbox in chosen if inbox.url not in known))

    def _publish(self, cursor: Cursor, post: Post, inboxes: tuple[Inbox, ...], again: datetime | None = None) -> int:
        if not inboxes:
            return 0
        if post.boost is None:
            sent = self._send(cursor, OutgoingKind.CREATE, post, self._create(cursor, post, again), inboxes)
        else:
            sent = self._send(cursor, OutgoingKind.ANNOUNCE, post, self._announce(post, post.boost), inboxes)
        activity_recipients.add_post_inboxes(cursor, post=post.id, inboxes=[inbox.url for inbox in inboxes])
        return sent

    def edited(self, cursor: Cursor, event: Event) -> int:
        """Send an edited post to all who would get it now, who got it before, and who may have fetched it."""
        post = self._post(cursor, event)
        return 0 if post is None or post.boost is not None else self._update(cursor, post, event.at)

    def poll_counted(self, cursor: Cursor, event: Event) -> int:
        """Send the post of a poll with its new counts or end, also to those who voted."""
        post = self._post(cursor, event)
        if post is None or post.poll is None:
            return 0
        return self._update(cursor, post, event.at, self.outgoing.inboxes(activity_recipients.voters(cursor, poll=post.poll.id)))

    def _update(self, cursor: Cursor, post: Post, at: datetime, more: tuple[Inbox, ...] = ()) -> int:
        chosen = self.outgoing.inboxes(self._recipients(cursor, post), post.visibility)
        known = activity_recipients.post_inboxes(cursor, post=post.id)
        inboxes = {*chosen, *self.outgoing.allowed(known), *self._interested(cursor, post.id, post.visibility), *more}
        if not inboxes:
            return 0
        document = write_update(post, linked_posts(cursor, [post], self.outgoing.ids)[0].links, self._writer(), at)
        sent = self._send(cursor, OutgoingKind.UPDATE, post, document, tuple(inboxes))
        if new := {inbox.url for inbox in inboxes} - {*known}:
            activity_recipients.add_post_inboxes(cursor, post=post.id, inboxes=new)
        return sent

    def deleted(self, cursor: Cursor, event: Event) -> int:
        """Send the deletion of a post or boost to all who may have it. That of an account includes those of its posts."""
        actor, sent = self.outgoing.actor(cursor, event.account_id), 0
        if actor is not None and event.post_id is not None:
            post, visibility = PostId(event.post_id), Visibility(str(event.data["visibility"]))
            if event.data.get("boost_of") is None:
                sent = self._delete(cursor, actor, post, visibility)
            elif (boost := activity_recipients.deleted_boost(cursor, id=post)) is not None:
                sent = self._undo(cursor, actor, post, visibility, boost)
        if event.post_id is not None:
            activity_recipients.forget_post_inboxes(cursor, post=event.post_id)
        return sent

    def _post(self, cursor: Cursor, event: Event) -> Post | None:
        """Return the post of an event as it is now; None if it is deleted, or its author suspended or of another server."""
        post = None if event.post_id is None else posts.by_ids(cursor, [event.post_id]).get(PostId(event.post_id))
        return None if post is None or post.author.host is not None or post.author.suspended_at is not None else post

    def _recipients(self, cursor: Cursor, post: Post) -> list[Recipient]:
        """Return who gets a post: the followers, who is mentioned, and whose public post it answers or boosts."""
        named = {mention.account_id for mention in post.mentions if mention.host is not None}
        if post.reply_to_account is not None and post.visibility.is_open:
            named.add(post.reply_to_account)
        if post.boost is not None and post.boost.author.host is not None:
            named.add(post.boost.author.id)
        found = activity_recipients.accounts(cursor, ids=named)
        if post.visibility is not Visibility.DIRECT:
            found += activity_recipients.followers(cursor, account=post.author.id)
        return found

    def _interested(self, cursor: Cursor, post: PostId, visibility: Visibility) -> tuple[Inbox, ...]:
        """Return the inboxes of those who favourited, boosted or answered a post that everybody can see."""
        return self.outgoing.inboxes(activity_recipients.interested(cursor, post=post)) if visibility.is_open else ()

    def _send(self, cursor: Cursor, kind: OutgoingKind, post: Post, document: Json, inboxes: tuple[Inbox, ...]) -> int:
        actor = LocalActor(post.author.id, post.author.username)
        return self.outgoing.send(cursor, (kind, actor, document), inboxes, followers_only=post.visibility is Visibility.PRIVATE)

    def _writer(self) -> PostWriter:
        return PostWriter(self.outgoing.ids, self.outgoing.now())

    def _create(self, cursor: Cursor, post: Post, again: datetime | None) -> Json:
        return write_create(post, linked_posts(cursor, [post], self.outgoing.ids)[0].links, self._writer(), again)

    def _announce(self, boost: Post, original: Post) -> Json:
        ids, author = self.outgoing.ids, original.author
        uri = original.uri or ids.post(author.username, original.id)
        return write_announce(boost, uri, author.uri or ids.actor(author.username), ids)

    def _delete(self, cursor: Cursor, actor: LocalActor, post: PostId, visibility: Visibility) -> int:
        known = {*activity_recipients.post_inboxes(cursor, post=post), *activity_recipients.boost_inboxes(cursor, post=post)}
        inboxes = {*self.outgoing.allowed(known), *self._interested(cursor, post, visibility)}
        document = write_delete(actor.username, post, self.outgoing.ids)
        return self.outgoing.send(cursor, (OutgoingKind.DELETE, actor, document), tuple(inboxes))

    def _undo(self, cursor: Cursor, actor: LocalActor, post: PostId, visibility: Visibility, boost: DeletedBoost) -> int:
        if boost.uri is None and boost.original_is_deleted:
            return 0  # the deletion of the original has gone to the same inboxes
        ids = self.outgoing.ids
        author = Account(actor.id, actor.username, "", "", "", boost.created_at)
        made = Post(post, author, "", "", visibility, boost.created_at)
        uri = boost.uri or ids.post(boost.author, boost.original)
        document = write_undo(write_announce(made, uri, boost.author_uri or ids.actor(boost.author), ids))
        inboxes = self.outgoing.allowed(activity_recipients.post_inboxes(cursor, post=post))
        return self.outgoing.send(cursor, (OutgoingKind.UNDO_ANNOUNCE, actor, document), inboxes)
