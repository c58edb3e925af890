"""Deletion of anybody's posts by administrators."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.domain import audit
from microblog.domain.posts import remove
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.errors import NotFound
from microblog.model.ids import PostId
from microblog.model.posts import Post
from microblog.storage import posts
from microblog.storage.database import Cursor, Transactions

NOT_FOUND = "There is no post with this id."


@frozen
class PostAdmin:
    """Commands about posts for administrators on the command line."""

    database: Transactions
    now: Callable[[], datetime]

    async def one(self, id: PostId) -> Post:
        """Return a post of anybody. Raise NotFound if there is none or it was deleted."""
        return await self.database.read(_post, id)

    async def delete(self, id: PostId) -> Post:
        """Delete the post with its media, its boosts and notifications about it, and return it as it was. Raise NotFound.

        Servers that have a post of this site are told. A post of another server is deleted here only.
        """
        return await self.database.run(self._delete, id)

    def _delete(self, cursor: Cursor, id: PostId) -> Post:
        post = _post(cursor, id)
        remove(cursor, post, self.now(), media=True)
        entry = AuditEntry(AuditAction.POST_DELETE, None, post.author.acct, post.id, post.author.id, post.text)
        audit.record(cursor, entry, self.now())
        return post


def _post(cursor: Cursor, id: PostId) -> Post:
    found = posts.by_ids(cursor, [id]).get(id)
    if found is None:
        raise NotFound(NOT_FOUND)
    return found
