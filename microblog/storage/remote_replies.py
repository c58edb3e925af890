"""Replies that are read on other servers: when that was done last, and which are not known."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from microblog.model.ids import PostId
from microblog.storage.database import Cursor, Prepared, fetch_all, fetch_value


def are_old(cursor: Cursor, *, post: PostId, before: datetime) -> bool:
    """True if the replies to a post were last read before that time, or never."""
    return fetch_value(cursor, _ARE_FRESH, {"post": post, "before": before}) is None


_ARE_FRESH = Prepared("select 1 from remote_replies where post_id = %(post)s and fetched_at >= %(before)s")


def begin(cursor: Cursor, *, post: PostId, now: datetime, before: datetime) -> bool:
    """Note that the replies to a post are read now; False if they were read since `before`."""
    return fetch_value(cursor, _BEGIN, {"post": post, "now": now, "before": before}) is not None


_BEGIN = Prepared("""insert into remote_replies as r (post_id, fetched_at) values (%(post)s, %(now)s)
    on conflict (post_id) do update set fetched_at = excluded.fetched_at where r.fetched_at < %(before)s returning post_id""")


def unknown(cursor: Cursor, *, uris: Collection[str]) -> list[str]:
    """Return those of the uris that no post has, deleted ones included, in their order."""
    return fetch_all(cursor, str, _UNKNOWN, {"uris": list(uris)})


_UNKNOWN = Prepared("""select given.uri from unnest(%(uris)s::text[]) with ordinality given (uri, place)
    where not exists (select from posts p where p.uri = given.uri) order by given.place""")


def room(cursor: Cursor, *, thread: PostId, most: int) -> int:
    """Return how many posts a thread lacks to have `most`."""
    return max(0, most - int(fetch_value(cursor, _SIZE, {"thread": thread, "most": most})))


_SIZE = Prepared("""select count(*) from (select from posts p where p.thread_id = %(thread)s and p.boost_of is null and p.deleted_at is null
    order by p.id limit %(most)s) counted""")
