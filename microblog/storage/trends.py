"""Trending posts: public posts of people here with many recent favourites and boosts."""

from __future__ import annotations

from microblog.model.ids import PostId
from microblog.storage.database import Cursor, first_column


def posts(cursor: Cursor, *, after: int, limit: int) -> list[PostId]:
    """Return the posts with ids above `after` that most accounts favourited or boosted, one for each discoverable author.

    Reads all posts with ids above `after`.
    """
    cursor.execute(
        """select id from (
               select distinct on (p.account_id) p.id, n.favourites + 2 * n.boosts as score
               from posts p cross join lateral (
                   select c.favourites, c.boosts from post_counts c where c.post_id = p.id and c.favourites + c.boosts > 0 offset 0) n
               join accounts a on a.id = p.account_id and a.host is null and a.discoverable and a.indexable
                   and a.suspended_at is null and a.deleted_at is null and a.limited_at is null
               where p.id > %(after)s and p.visibility = 'public' and p.boost_of is null and not p.reply_to_other
               and p.deleted_at is null and not p.sensitive and a.sensitized_at is null
               order by p.account_id, n.favourites + 2 * n.boosts desc, p.id desc) best
           order by score desc, id desc limit %(limit)s""",
        {"after": after, "limit": limit},
    )
    return first_column(cursor.fetchall())
