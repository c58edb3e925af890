"""Direct conversations: kept up to date as posts are published, edited and deleted; commands of their participants."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from attrs import frozen

from microblog.domain.notification_policy import treatments_of
from microblog.model.accounts import Viewer
from microblog.model.conversations import Conversation
from microblog.model.errors import NotFound
from microblog.model.ids import AccountId, ConversationId
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.model.posts import Post, Visibility
from microblog.storage import conversations
from microblog.storage.database import Cursor, Transactions

MAX_UNREAD = 100


def on_published(cursor: Cursor, post: Post, now: datetime) -> None:
    """Add a direct post, published in the running transaction, to its conversation, unread by everybody mentioned."""
    if post.visibility is Visibility.DIRECT:
        _deliver(cursor, post, participants(post), now)


def on_restored(cursor: Cursor, post: Post, now: datetime) -> None:
    """Add a direct post that was deleted to its conversation again, unread by nobody."""
    if post.visibility is Visibility.DIRECT:
        _deliver(cursor, post, (), now)


def on_edited(cursor: Cursor, before: Post, after: Post, newly_mentioned: Collection[AccountId], now: datetime) -> None:
    """Update conversations after an edit in the running transaction. A direct post with other mentions moves to another conversation.

    It is unread for `newly_mentioned` and for everybody who had not read it before.
    """
    if after.visibility is not Visibility.DIRECT:
        return
    if participants(before) == participants(after):
        conversations.record_edit(cursor, post=after.id, now=now)
        return
    conversations.lock(cursor, thread=after.thread_id or after.id)
    unread = {*conversations.replace_last_post(cursor, post=after.id, now=now), *newly_mentioned}
    _deliver(cursor, after, unread, now)


def _deliver(cursor: Cursor, post: Post, unread: Collection[AccountId], now: datetime) -> None:
    """Add the post to the conversations of its participants, except those whose notification policy filters or rejects it."""
    author = post.author.id
    held = treatments_of(cursor, participants(post) - {author}, NotificationKind.MENTION, author, post=post.id, now=now)
    conversations.deliver(cursor, post=post.id, unread=set(unread) - {author}, withheld=held, now=now)


def on_deleted(cursor: Cursor, post: Post, now: datetime) -> None:
    """Remove a direct post, deleted in the running transaction, from its conversation."""
    if post.visibility is Visibility.DIRECT:
        conversations.lock(cursor, thread=post.thread_id or post.id)
        conversations.replace_last_post(cursor, post=post.id, now=now)


def participants(post: Post) -> set[AccountId]:
    """The author and the mentioned accounts of a direct post."""
    return {post.author.id, *(mention.account_id for mention in post.mentions)}


@frozen
class Conversations:
    """The viewer's conversations. Methods raise NotFound for those of others and for those with no visible post."""

    database: Transactions
    now: Callable[[], datetime]

    async def page(self, viewer: Viewer, page: Page) -> list[Conversation]:
        """Return conversations, most recent activity first. Pages are bounded by their positions."""
        return await self.database.read(_page, viewer, page)

    async def unread(self, viewer: Viewer) -> int:
        """Return the number of unread conversations, up to MAX_UNREAD."""
        return await self.database.read(conversations.unread, account=viewer.id, limit=MAX_UNREAD)

    async def mark(self, viewer: Viewer, id: ConversationId, *, unread: bool) -> Conversation:
        """Mark a conversation as read or unread."""
        return await self.database.run(self._mark, viewer, id, unread)

    async def forget(self, viewer: Viewer, id: ConversationId) -> None:
        """Remove a conversation from the list until somebody posts in it again."""
        if not await self.database.run(conversations.delete, account=viewer.id, id=id, now=self.now()):
            raise NotFound

    async def mark_opened(self, viewer: Viewer, post: Post) -> bool:
        """Mark the conversation of a direct post as read because the viewer opens it. True if it was unread."""
        if post.visibility is not Visibility.DIRECT:
            return False
        others = sorted(participants(post) - {viewer.id})
        found = await self.database.read(conversations.unread_among, account=viewer.id, thread=post.thread_id or post.id, others=others)
        for id in found:
            await self.database.run(conversations.set_unread, account=viewer.id, id=id, unread=False, now=self.now())
        return bool(found)

    def _mark(self, cursor: Cursor, viewer: Viewer, id: ConversationId, unread: bool) -> Conversation:
        conversations.set_unread(cursor, account=viewer.id, id=id, unread=unread, now=self.now())
        found = [row for row in conversations.by_ids(cursor, ids=[id]) if row.account == viewer.id]
        if not found:
            raise NotFound
        return conversations.load(cursor, found)[0]


def _page(cursor: Cursor, viewer: Viewer, page: Page) -> list[Conversation]:
    return conversations.load(cursor, conversations.page_of(cursor, account=viewer.id, page=page))
