"""Views of accounts and posts of other servers: these are read there again from time to time, so that people here see nothing old."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from attrs import define

from microblog.domain.caching.cache_keys import earliest
from microblog.model.accounts import Account, Viewer
from microblog.model.errors import NotFound
from microblog.model.posts import Post


class RemoteReader(Protocol):
    """Reads posts and profiles of other servers again."""

    async def profile_viewed(self, account: Account) -> datetime:
        """Have an account, its counts and pinned posts read if that was not done within a day. Returns when to look again."""

    async def thread_viewed(self, post: Post) -> datetime | None:
        """Have the replies to a post read if that was not done for a while. Returns when to look again; None if never."""

    async def poll_viewed(self, viewer: Viewer, post: Post) -> datetime | None:
        """Have a poll read if that was not done within five minutes. Returns when to look again; None if it has ended."""

    async def poll_asked(self, viewer: Viewer, post: Post) -> bool:
        """Read a poll now, within two seconds, unless that was done within five minutes. True if it was read."""


class AccountFinder(Protocol):
    """Finds accounts of other servers."""

    async def find_address(self, viewer: Viewer, acct: str) -> None:
        """Make the account with this address known. Raises NotFound with the reason if there is none, or it is not shown."""


@define
class RemoteViews:
    """Knows what members look at. Nothing happens for visitors, nor without `reader` and `finder`: then the site does not federate."""

    reader: RemoteReader | None = None
    finder: AccountFinder | None = None

    async def address(self, viewer: Viewer | None, acct: str) -> None:
        """For a look at a profile that is not known. Raises NotFound if nobody is found there."""
        if self.finder is None or viewer is None or "@" not in acct:
            raise NotFound
        await self.finder.find_address(viewer, acct)

    async def profile(self, viewer: Viewer | None, account: Account) -> datetime | None:
        """For each look at a profile that is made anew. Returns as `post` does."""
        if self.reader is None or viewer is None or account.host is None:
            return None
        return await self.reader.profile_viewed(account)

    async def post(self, viewer: Viewer | None, post: Post) -> datetime | None:
        """For each look at a post that is made anew. Returns until when what is shown may be kept; None if nothing speaks against it."""
        original = post.original
        if self.reader is None or viewer is None or original.uri is None or original.poll is None:
            return None
        return await self.reader.poll_viewed(viewer, original)

    async def thread(self, viewer: Viewer | None, post: Post) -> datetime | None:
        """For each look at a post with its thread that is made anew. Returns as `post` does."""
        if self.reader is None or viewer is None or post.uri is None:
            return None
        return earliest(await self.reader.thread_viewed(post), await self.post(viewer, post))

    async def poll(self, viewer: Viewer | None, post: Post) -> bool:
        """For a question for the votes in a poll. True if they have just been read."""
        if self.reader is None or viewer is None or post.uri is None:
            return False
        return await self.reader.poll_asked(viewer, post)
