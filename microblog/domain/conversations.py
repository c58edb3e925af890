"""Direct conversations: what posts make of them, and what those who take part do with them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from attrs import frozen

from microblog.domain.notification_policy import treated
from microblog.model.accounts import Viewer
from microblog.model.conversations import Conversation
from microblog.model.errors import NotFound
from microblog.model.ids import AccountId, ConversationId
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.model.posts import Post, Visibility
from microblog.storage import conversations
from microblog.storage.database import Cursor, Transactions

MOST_UNREAD = 100


def on_published(cursor: Cursor, post: Post, now: datetime) -> None:
    """The post was on_published in the running transaction: a direct one is new to all whom it names."""
    if post.visibility is Visibility.DIRECT:
        _deliver(cursor, post, participants(post), now)


def on_edited(cursor: Cursor, before: Post, after: Post, anew: Collection[AccountId], now: datetime) -> None:
    """The post was on_edited in the running transaction. A direct one that names others now belongs to another conversation.

    It is new to those who are named `anew`, and to whoever had not read it before.
    """
    if after.visibility is not Visibility.DIRECT:
        return
    if participants(before) == participants(after):
        conversations.tell(cursor, post=after.id, now=now)
        return
    conversations.lock(cursor, thread=after.thread_id or after.id)
    unread = {*conversations.withdraw(cursor, post=after.id, now=now), *anew}
    _deliver(cursor, after, unread, now)


def _deliver(cursor: Cursor, post: Post, unread: Collection[AccountId], now: datetime) -> None:
    """Who keeps such posts of strangers back, or refuses them, has no conversation of it either."""
    author = post.author.id
    held = treated(cursor, participants(post) - {author}, NotificationKind.MENTION, author, post=post.id, now=now)
    conversations.deliver(cursor, post=post.id, unread=set(unread) - {author}, held=held, now=now)


def on_deleted(cursor: Cursor, post: Post, now: datetime) -> None:
    """The post was on_deleted in the running transaction."""
    if post.visibility is Visibility.DIRECT:
        conversations.lock(cursor, thread=post.thread_id or post.id)
        conversations.withdraw(cursor, post=post.id, now=now)


def participants(post: Post) -> set[AccountId]:
    """Who takes part in what a direct post belongs to."""
    return {post.author.id, *(mention.account_id for mention in post.mentions)}


@frozen
class Conversations:
    """The viewer's conversations. Raises NotFound for other participants's, and where the viewer may see nothing of one."""

    database: Transactions
    now: Callable[[], datetime]

    async def page(self, viewer: Viewer, page: Page) -> list[Conversation]:
        """Those that were spoken in last first. Pages are bounded by their places."""
        return await self.database.read(_page, viewer, page)

    async def unread(self, viewer: Viewer) -> int:
        """How many of the newest the viewer has not read."""
        return await self.database.read(conversations.unread, account=viewer.id, limit=MOST_UNREAD)

    async def mark(self, viewer: Viewer, id: ConversationId, *, unread: bool) -> Conversation:
        """Read it, or let it be unread again."""
        return await self.database.run(self._mark, viewer, id, unread)

    async def forget(self, viewer: Viewer, id: ConversationId) -> None:
        """Take it from the list, until somebody says something in it again."""
        if not await self.database.run(conversations.forget, account=viewer.id, id=id, now=self.now()):
            raise NotFound

    async def mark_opened(self, viewer: Viewer, post: Post) -> bool:
        """The viewer looks at a post: the conversation that a direct one belongs to is read. True if it was not."""
        if post.visibility is not Visibility.DIRECT:
            return False
        others = sorted(participants(post) - {viewer.id})
        found = await self.database.read(conversations.among, account=viewer.id, thread=post.thread_id or post.id, others=others)
        for id in found:
            await self.database.run(conversations.mark, account=viewer.id, id=id, unread=False, now=self.now())
        return bool(found)

    def _mark(self, cursor: Cursor, viewer: Viewer, id: ConversationId, unread: bool) -> Conversation:
        conversations.mark(cursor, account=viewer.id, id=id, unread=unread, now=self.now())
        found = [row for row in conversations.by_ids(cursor, ids=[id]) if row.account == viewer.id]
        if not found:
            raise NotFound
        return conversations.load(cursor, found)[0]


def _page(cursor: Cursor, viewer: Viewer, page: Page) -> list[Conversation]:
    return conversations.load(cursor, conversations.page_of(cursor, account=viewer.id, page=page))
