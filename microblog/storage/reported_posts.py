"""Posts that moderators decide about: also those of suspended authors, of authors who block the moderator, and for a time deleted ones."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from microblog.model.ids import AccountId, PostId
from microblog.storage.database import Cursor, Prepared, fetch_all
from microblog.storage.visibility import VISIBLE

_OPEN = "visibility in ('public', 'unlisted')"


def shown(cursor: Cursor, *, ids: Collection[int], viewer: AccountId) -> dict[PostId, datetime | None]:
    """Return which of the posts the viewer is shown, each with the time at which it was deleted (None: it is not).

    The viewer is a moderator, or the author. Open posts are shown as long as their row and their author's account exist, others only if
    the viewer may see them.
    """
    if not ids:
        return {}
    return dict(fetch_all(cursor, lambda id, at: (PostId(id), at), _SHOWN, {"ids": list(ids), "viewer": viewer}))


_SHOWN = Prepared(f"""select p.id, p.deleted_at from posts p join accounts a on a.id = p.account_id
    where p.id = any(%(ids)s) and a.deleted_at is null and (
        p.account_id = %(viewer)s or {VISIBLE}
        or p.{_OPEN} and (p.boost_of is null or exists (select from posts o where o.id = p.boost_of and o.{_OPEN})))""")


def first_replies(cursor: Cursor, *, ids: Collection[int], limit: int) -> list[tuple[PostId, PostId]]:
    """Return the first open replies to each of the posts, at most `limit`, each after the post that it replies to."""
    return fetch_all(cursor, lambda post, reply: (PostId(post), PostId(reply)), _FIRST_REPLIES, {"ids": list(ids), "limit": limit})


_FIRST_REPLIES = Prepared(f"""select r.reply_to, r.id from unnest(%(ids)s::bigint[]) wanted (id) cross join lateral (
        select p.id, p.reply_to from posts p
        where p.reply_to = wanted.id and p.boost_of is null and p.deleted_at is null and p.{_OPEN} order by p.id limit %(limit)s) r
    order by r.id""")
