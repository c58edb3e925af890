"""Posts of other servers: stored, edited and deleted by what their authors' documents say, in the running transaction.

The order in which documents arrive does not matter: a document that is older than the stored one changes nothing, replies wait for their
parents, and what was deleted does not come back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from attrs import evolve, field, frozen

from microblog.domain import conversations, notify, polls
from microblog.domain.post_events import event_data
from microblog.domain.posts import remove
from microblog.federation import post_content
from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.federation.post_extras import PostExtras
from microblog.model.accounts import Account
from microblog.model.events import EventKind
from microblog.model.federation_posts import NOBODY, Audience, RemotePost
from microblog.model.ids import AccountId, PollId, PostId
from microblog.model.polls import NO_END
from microblog.model.posts import Post, Visibility
from microblog.model.remote_posts import Addressees, KnownPost
from microblog.storage import deleted_posts, events, incoming_activities, jobs, posts, remote_posts
from microblog.storage.database import Cursor

PARENT_JOB = "federation.parent"
MAX_ANCESTORS = 20
"""Unknown parents that are fetched one after the other."""
LIVE_FOR = timedelta(hours=6)
"""Age up to which a post that arrives is sent to streams. An older one is found at its place in timelines."""
_NAMES = (LocalKind.ACTOR, LocalKind.PROFILE)
_POSTS = (LocalKind.POST, LocalKind.POST_PAGE)


@frozen
class Arrival:
    """Arrival of a post. `delivered`: its author's server sent it here; otherwise this site fetched it, and nobody is notified.

    `recipient` is the owner of the personal inbox that it came to. `audience` is that of its activity, used if the post names nobody.
    `ancestors` is the number of unknown parents that may still be fetched.
    """

    delivered: bool = False
    recipient: AccountId | None = None
    audience: Audience = NOBODY
    ancestors: int = MAX_ANCESTORS


@frozen
class RemotePosts:
    """Stores posts of other servers. The author must be the one that the document names, and the document must be believed.

    `extras` stores what a post shows besides its text.
    """

    ids: SiteIds
    now: Callable[[], datetime]
    extras: PostExtras = field(factory=PostExtras)

    def store(self, cursor: Cursor, author: Account, document: RemotePost, arrival: Arrival) -> KnownPost | None:
        """Store a post, or a newer version of it. None if it was deleted, or its author is suspended."""
        remote_posts.lock(cursor, uris=[document.id, *([document.reply_to] if document.reply_to else [])])
        known = remote_posts.by_uri(cursor, uri=document.id)
        if known is not None:
            return self._stored_before(cursor, author, document, known, arrival)
        if author.suspended_at is not None or incoming_activities.was_deleted(cursor, uri=document.id, actor=str(author.uri)):
            return None
        post = self._insert(cursor, author, document, arrival)
        self._attach_replies(cursor, document.id, KnownPost(post.id, author.id, author.uri, post.thread_id or post.id))
        self._announce(cursor, post, arrival)
        return remote_posts.by_uri(cursor, uri=document.id)

    def delete(self, cursor: Cursor, uri: str, actor: str) -> None:
        """Delete a post of the actor. If it is not known, it is refused should it arrive later."""
        remote_posts.lock(cursor, uris=[uri])
        incoming_activities.remember_deleted(cursor, uri=uri, actor=actor, now=self.now())
        known = remote_posts.by_uri(cursor, uri=uri)
        if known is None or known.author_uri != actor:
            return
        if not posts.lock(cursor, post=known.id):
            deleted_posts.delete_again(cursor, post=known.id, now=self.now())
        elif post := posts.by_ids(cursor, [known.id]).get(known.id):
            remove(cursor, post, self.now())

    def find(self, cursor: Cursor, uri: str) -> KnownPost | None:
        """Return a post of this site or another one, but no boost; None if it is not known or was deleted."""
        if self.ids.is_local(uri):
            found = self.ids.parse(uri)
            local = found is not None and found.kind in _POSTS
            return remote_posts.of_this_site(cursor, id=found.number, username=found.name) if found and local else None
        known = remote_posts.by_uri(cursor, uri=uri)
        return known if known is not None and not known.deleted and not known.is_boost else None

    # --- New posts

    def _insert(self, cursor: Cursor, author: Account, document: RemotePost, arrival: Arrival) -> Post:
        now, audience = self.now(), document.audience or arrival.audience
        followers = remote_posts.followers_of(cursor, account=author.id)
        post = self._with_parent(cursor, post_content.compose(document, author, audience.visibility(followers), now), document.reply_to)
        id = remote_posts.insert(cursor, post, arrived_at=now)
        addressees = self._addressees(cursor, post, document, audience, arrival.recipient)
        if addressees != Addressees():
            remote_posts.set_mentions(cursor, post=id, addressees=addressees)
        if tags := post_content.tags(document.hashtags):
            posts.add_tags(cursor, post=id, tags=tags, now=post.created_at)
        self.extras.store(cursor, evolve(post, id=id), document, now)
        self._set_numbers(cursor, id, document)
        if post.reply_to and post.visibility.is_open:
            posts.count(cursor, post=post.reply_to, replies=1)
        if post.reply_to_uri and arrival.ancestors and not self.ids.is_local(post.reply_to_uri):
            payload = {"uri": post.reply_to_uri, "ancestors": arrival.ancestors - 1}
            jobs.add(cursor, PARENT_JOB, payload, due_at=now, now=now, key=post.reply_to_uri)
        return posts.by_ids(cursor, [id])[id]

    def _with_parent(self, cursor: Cursor, post: Post, uri: str | None) -> Post:
        """Return the post as a reply to its parent, or to somebody if the author may not see it or it is not known."""
        if uri is None or uri == post.uri:
            return post
        parent = self.find(cursor, uri)
        if parent is None or not posts.visible(cursor, ids=[parent.id], viewer=post.author.id):
            return evolve(post, reply_to_uri=uri)
        if parent.may_move:
            remote_posts.lock_threads(cursor)
            parent = self.find(cursor, uri) or parent
        return evolve(post, reply_to=parent.id, reply_to_account=parent.author, thread_id=parent.thread_id)

    def _attach_replies(self, cursor: Cursor, uri: str, parent: KnownPost) -> None:
        if not remote_posts.has_orphans(cursor, uri=uri):
            return
        remote_posts.lock_threads(cursor)
        for reply in remote_posts.orphans(cursor, uri=uri):
            if reply.thread_id == parent.thread_id:  # the parent is below its own reply
                continue
            if not remote_posts.can_be_moved(cursor, thread=reply.thread_id):
                continue
            remote_posts.attach(cursor, reply=reply.id, thread=reply.thread_id, parent=parent)
            found = posts.by_ids(cursor, [reply.id]).get(reply.id)
            if found is not None and found.visibility.is_open:
                posts.count(cursor, post=parent.id, replies=1)

    def _announce(self, cursor: Cursor, post: Post, arrival: Arrival) -> None:
        """Write the event of a new post, and what its recipients are told."""
        if arrival.delivered:
            conversations.on_published(cursor, post, self.now())
        if self.now() - post.created_at < LIVE_FOR:
            self._record(cursor, EventKind.POST_PUBLISHED, post)
        if arrival.delivered:
            notify.notify_of_post(cursor, post, self.now())

    def _record(self, cursor: Cursor, kind: EventKind, post: Post) -> None:
        """Write an event about a post. Accounts that it does not name, but that may see it, are among the mentions."""
        data = event_data(post)
        if not post.visibility.is_open:
            data["mentions"] = remote_posts.mentioned(cursor, post=post.id)
        events.record(cursor, kind, at=self.now(), account=post.author.id, post=post.id, data=data)

    # --- Addressees

    def _addressees(self, cursor: Cursor, post: Post, document: RemotePost, audience: Audience, recipient: AccountId | None) -> Addressees:
        """Return the accounts that the post names and is addressed to, and those of this site that it is addressed to only."""
        addressed, named = list(audience.accounts("")), [mention.href for mention in document.mentions]
        usernames = {name for name in map(self._username, [*addressed, *named]) if name}
        found = remote_posts.accounts_named(cursor, uris=[uri for uri in named if not self.ids.is_local(uri)], usernames=usernames)
        by_name = {each.username.lower(): each.id for each in found if each.host is None}
        by_uri = {each.uri: each.id for each in found if each.host is not None}

        def accounts(uris: Iterable[str]) -> dict[AccountId, None]:
            ids = (by_uri.get(uri) or by_name.get(self._username(uri)) for uri in uris)
            return dict.fromkeys(id for id in ids if id is not None and id != post.author.id)

        tagged, reached = accounts(named), accounts(addressed)
        explicit = tuple(id for id in tagged if id in reached)
        if post.visibility.is_open:
            return Addressees(explicit)
        silent = [id for id in reached if id not in explicit and id in by_name.values()]
        if recipient is not None and post.visibility is Visibility.DIRECT and recipient not in (*explicit, *silent):
            silent.append(recipient)
        return Addressees(explicit, tuple(silent))

    def _username(self, uri: str) -> str:
        """Return the name of an account of this site in lower case; empty for other addresses."""
        found = self.ids.parse(uri)
        return found.name.lower() if found is not None and found.kind in _NAMES else ""

    # --- Versions

    def _stored_before(self, cursor: Cursor, author: Account, document: RemotePost, known: KnownPost, arrival: Arrival) -> KnownPost | None:
        if known.deleted or known.is_boost or known.author != author.id or not posts.lock(cursor, post=known.id):
            return None
        before = posts.by_ids(cursor, [known.id])[known.id]
        after = post_content.compose(document, author, before.visibility, self.now())
        stored_at = before.edited_at or before.created_at
        if after.edited_at is not None and after.edited_at > stored_at:
            self._edit(cursor, before, after, document, arrival)
        elif before.edited_at == after.edited_at:
            self._set_numbers(cursor, known.id, document)
        return known

    def _edit(self, cursor: Cursor, before: Post, after: Post, document: RemotePost, arrival: Arrival) -> None:
        """Replace the content; the old version goes to the edit history. Visibility and parent stay."""
        id, now = before.id, self.now()
        posts.store_revision(cursor, post=id)
        posts.update_content(cursor, evolve(after, id=id))
        remote_posts.update_url(cursor, post=id, url=after.url)
        audience = document.audience or arrival.audience
        addressees = self._addressees(cursor, before, document, audience, arrival.recipient)
        newly_named = remote_posts.set_mentions(cursor, post=id, addressees=addressees)
        posts.set_tags(cursor, post=id, tags=post_content.tags(document.hashtags), now=now)
        self.extras.replace(cursor, evolve(after, id=id), document, now)
        if document.poll is None:
            remote_posts.delete_poll(cursor, post=id)
        self._set_numbers(cursor, id, document)
        post = posts.by_ids(cursor, [id])[id]
        if arrival.delivered:
            notify.enqueue_edit_notifications(cursor, id, now, newly_named)
        conversations.on_edited(cursor, before, post, newly_named, now)
        self._record(cursor, EventKind.POST_EDITED, post)

    def _set_numbers(self, cursor: Cursor, id: PostId, document: RemotePost) -> None:
        """Store the poll with its votes, and the counters."""
        now, poll = self.now(), post_content.poll(document.poll, self.now())
        if poll is not None:
            stored = remote_posts.set_poll(cursor, post=id, poll=poll, now=now)
            if stored is not None and poll.expires_at.year < NO_END:
                polls.enqueue_end(cursor, PollId(stored), poll.expires_at, now)
        remote_posts.raise_counts(cursor, post=id, counts=document.counts)
