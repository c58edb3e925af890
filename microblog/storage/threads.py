"""Threads: the reply relation of posts, and which of them a viewer is shown."""

from __future__ import annotations

from collections.abc import Collection

from microblog.model.ids import AccountId, PostId
from microblog.storage.database import Cursor, Prepared, fetch_all
from microblog.storage.visibility import OF_NO_BLOCKED_DOMAIN, VISIBLE

THREAD_LIMIT = 4096


def outline(cursor: Cursor, *, thread: PostId, post: PostId) -> list[tuple[PostId, PostId]]:
    """Return (post, post it replies to) of a thread regardless of visibility: authors' replies to themselves first, then oldest first.

    Of a thread with more than THREAD_LIMIT posts, only posts newer than `post`, at most THREAD_LIMIT.
    """
    found = fetch_all(cursor, _link, _OUTLINE, {"thread": thread, "after": 0})
    return found if len(found) < THREAD_LIMIT else fetch_all(cursor, _link, _OUTLINE, {"thread": thread, "after": post})


def _link(id: int, reply_to: int) -> tuple[PostId, PostId]:
    return PostId(id), PostId(reply_to)


_OUTLINE = Prepared(f"""
    select id, reply_to from (
        select p.id, p.reply_to, p.reply_to_account = p.account_id as own from posts p
        where p.thread_id = %(thread)s and p.id > %(after)s and p.boost_of is null and p.deleted_at is null and p.reply_to is not null
        order by p.id limit {THREAD_LIMIT}
    ) thread order by own desc nulls last, id""")


def ancestors(cursor: Cursor, *, post: PostId, limit: int) -> list[PostId]:
    """Return the ancestors of the post, regardless of visibility, at most `limit`."""
    return fetch_all(cursor, PostId, _ANCESTORS, {"post": post, "limit": limit})


_ANCESTORS = Prepared("""
    with recursive chain as (
        select p.reply_to as id, 1 as depth from posts p where p.id = %(post)s
        union all
        select p.reply_to, c.depth + 1 from chain c join posts p on p.id = c.id where c.depth < %(limit)s)
    select id from chain where id is not null order by depth""")


def shown(cursor: Cursor, *, ids: Collection[int], viewer: AccountId | None) -> set[PostId]:
    """Return which of the posts the viewer may see and are not of a domain that the viewer blocks."""
    return set(fetch_all(cursor, PostId, _SHOWN, {"ids": list(ids), "viewer": viewer}))


_SHOWN = Prepared(f"select p.id from posts p where p.id = any(%(ids)s) and {VISIBLE} and {OF_NO_BLOCKED_DOMAIN}")
