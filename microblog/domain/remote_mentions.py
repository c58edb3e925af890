"""Mentions of accounts on other servers. They are looked up before a text is published, and again before it is sent to other servers.

Who publishes waits for two seconds. What is not known by then stays text, and a job looks it up once more: other servers get the post after
that, with the mentions that were found. If a server does not respond, the job tries again later, and sends the post to who is found then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from attrs import define, evolve, frozen

from microblog.domain import conversations
from microblog.domain.post_events import record
from microblog.domain.text import post_text
from microblog.model.accounts import Viewer
from microblog.model.events import EventKind
from microblog.model.ids import PostId
from microblog.model.jobs import RetryLater
from microblog.model.posts import Mention, Post
from microblog.storage import jobs, posts
from microblog.storage.database import Cursor, Transactions

JOB = "post.mentions"
MAX_LOOKUPS = 10  # for one text
MAX_TEXT = 20_000  # characters that are searched for mentions

Address = tuple[str, str]
"""Username and host, in lower case."""


class AccountLookup(Protocol):
    """Makes accounts of other servers known."""

    async def look_up(self, viewer: Viewer, addresses: Sequence[Address]) -> None:
        """Ask their servers for the accounts with these usernames and hosts, within two seconds. Failures do not matter."""

    async def look_up_later(self, addresses: Sequence[Address]) -> bool:
        """Ask for them without hurry. Return False if a server did not respond: it may do so later."""


def mentioned_accounts(cursor: Cursor, parsed: post_text.ParsedText, *, elsewhere: bool) -> list[Mention]:
    """Return the accounts that a text mentions, as far as they are known here; with `elsewhere`, also those of other servers."""
    here = posts.mentionable(cursor, usernames=parsed.mentions)
    remote = parsed.remote_mentions if elsewhere else ()
    return here + posts.mentionable_elsewhere(cursor, addresses=remote) if remote else here


def mention_links(mentioned: Iterable[Mention]) -> dict[str, str]:
    """Return what a text needs to know of the mentioned accounts in order to link to them."""
    return {one.acct.lower(): one.page or one.username for one in mentioned}


def _missing(post: Post, parsed: post_text.ParsedText) -> list[Address]:
    """Return the addresses in a text that the post does not mention."""
    known = {mention.acct.lower() for mention in post.mentions}
    return [(name, host) for name, host in parsed.remote_mentions[:MAX_LOOKUPS] if f"{name}@{host}" not in known]


@define
class RemoteMentions:
    """Lookup of mentioned accounts. Without `lookup`, the site does not federate: nobody is looked up."""

    lookup: AccountLookup | None = None

    async def prepare(self, viewer: Viewer, text: str, host: str) -> None:
        """Make the accounts known that the text mentions. `host` is that of this site."""
        if self.lookup is None or text.count("@") < 2:
            return
        addresses = post_text.parse(text[:MAX_TEXT], host).remote_mentions[:MAX_LOOKUPS]
        if addresses:
            await self.lookup.look_up(viewer, addresses)

    def enqueue_missing(self, cursor: Cursor, post: Post, parsed: post_text.ParsedText) -> bool:
        """Enqueue the job that looks up the accounts that a post names and does not mention; return whether there are any."""
        if self.lookup is None or not parsed.remote_mentions or not _missing(post, parsed):
            return False
        now = post.edited_at or post.created_at
        jobs.add(cursor, JOB, {"post": str(post.id)}, due_at=now, now=now, key=str(post.id))
        return True


@frozen
class LateMentions:
    """The job: adds mentions to published posts. `host` and `base_url` are those of this site."""

    database: Transactions
    lookup: AccountLookup
    host: str
    base_url: str
    now: Callable[[], datetime]

    async def add(self, id: PostId, finish: Callable[[Cursor], None]) -> None:
        """Look up whom a post names, and let other servers get it. Raises RetryLater if a server does not respond."""
        post = (await self.database.read(posts.by_ids, [id])).get(id)
        addresses = [] if post is None else _missing(post, post_text.parse(post.text, self.host))
        complete = await self.lookup.look_up_later(addresses)

        def store(cursor: Cursor) -> None:
            self._store(cursor, id)
            if complete:
                finish(cursor)

        await self.database.run(store)
        if not complete:
            raise RetryLater("The server of an account that the post mentions does not respond.")

    def _store(self, cursor: Cursor, id: PostId) -> None:
        before = posts.by_ids(cursor, [id]).get(id) if posts.lock(cursor, post=id) else None
        if before is None:
            return
        parsed = post_text.parse(before.text, self.host)
        found = mentioned_accounts(cursor, parsed, elsewhere=True)
        mentioned = [*before.mentions, *(each for each in found if each.host is not None)]
        added = posts.set_mentions(cursor, post=id, accounts=list(dict.fromkeys(each.account_id for each in mentioned)))
        if added:
            posts.update_content(cursor, evolve(before, html=parsed.html(mention_links(mentioned), self.base_url)))
            after = posts.by_ids(cursor, [id])[id]
            conversations.on_edited(cursor, before, after, (), self.now())
            before = after
        record(cursor, EventKind.POST_ADDRESSED, before, self.now())
