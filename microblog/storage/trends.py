"""Trends: public posts of people here with many recent favourites and boosts, and links in them; and what moderators decided about both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from microblog.model.cards import Card, CardId
from microblog.model.ids import PostId
from microblog.model.trends import LinkTrend, PostTrend
from microblog.storage import cards
from microblog.storage.database import Cursor, execute, fetch_all


def posts(cursor: Cursor, *, after: int, limit: int) -> list[PostTrend]:
    """Return the posts with ids above `after` that most accounts favourited or boosted, one for each discoverable author.

    Reads all posts with ids above `after`.
    """
    return fetch_all(
        cursor,
        lambda id, approved: PostTrend(PostId(id), approved),
        """select best.id, r.approved from (
               select distinct on (p.account_id) p.id, n.favourites + 2 * n.boosts as score
               from posts p cross join lateral (
                   select c.favourites, c.boosts from post_counts c where c.post_id = p.id and c.favourites + c.boosts > 0 offset 0) n
               join accounts a on a.id = p.account_id and a.host is null and a.discoverable and a.indexable
                   and a.suspended_at is null and a.deleted_at is null and a.limited_at is null
               where p.id > %(after)s and p.visibility = 'public' and p.boost_of is null and not p.reply_to_other
               and p.deleted_at is null and not p.sensitive and a.sensitized_at is null
               and not exists (select from reviewed_posts d where d.post_id = p.id and not d.approved)
               order by p.account_id, n.favourites + 2 * n.boosts desc, p.id desc) best
           left join reviewed_posts r on r.post_id = best.id
           order by score desc, best.id desc limit %(limit)s""",
        {"after": after, "limit": limit},
    )


def rejected_posts(cursor: Cursor, *, after: int, limit: int) -> list[PostTrend]:
    """Return the posts with ids above `after` that must not trend, newest first."""
    return fetch_all(
        cursor,
        lambda id: PostTrend(PostId(id), approved=False),
        "select post_id from reviewed_posts where post_id > %(after)s and not approved order by post_id desc limit %(limit)s",
        {"after": after, "limit": limit},
    )


def is_public(cursor: Cursor, *, post: PostId) -> bool:
    """True if there is such a public post, which is no boost."""
    sql = "select id from posts where id = %(post)s and visibility = 'public' and boost_of is null and deleted_at is null"
    return bool(fetch_all(cursor, int, sql, {"post": post}))


def review_post(cursor: Cursor, *, post: PostId, approved: bool, now: datetime) -> bool:
    """Store whether a post may trend; return False if that was decided before."""
    changed = execute(
        cursor,
        """insert into reviewed_posts as d (post_id, approved, reviewed_at) values (%(post)s, %(approved)s, %(now)s)
           on conflict (post_id) do update set approved = excluded.approved, reviewed_at = excluded.reviewed_at
           where d.approved <> excluded.approved""",
        {"post": post, "approved": approved, "now": now},
    )
    return changed > 0


def _link(id: int, approved: bool | None, *columns: Any) -> LinkTrend:
    return LinkTrend(CardId(id), Card(*columns), approved)


def links(cursor: Cursor, *, after: int, limit: int) -> list[LinkTrend]:
    """Return the links in public posts of this site with ids above `after` that more than one account shared, most accounts first."""
    return fetch_all(
        cursor,
        _link,
        f"""select k.id, r.approved, {cards.COLUMNS} from (
               select pk.card_id, count(distinct p.account_id) as people, max(p.id) as newest
               from posts p join post_cards pk on pk.post_id = p.id
               join accounts a on a.id = p.account_id and a.host is null and a.suspended_at is null and a.deleted_at is null
                   and a.limited_at is null and a.sensitized_at is null
               where p.id > %(after)s and p.visibility = 'public' and p.boost_of is null and p.deleted_at is null and not p.sensitive
               group by pk.card_id having count(distinct p.account_id) > 1) shared
           join cards k on k.id = shared.card_id and k.title <> '' left join reviewed_links r on r.card_id = k.id
           order by shared.people desc, shared.newest desc limit %(limit)s""",
        {"after": after, "limit": limit},
    )


def link_by_id(cursor: Cursor, *, id: CardId) -> list[LinkTrend]:
    """Return a link: one row, or none."""
    sql = f"""select k.id, r.approved, {cards.COLUMNS} from cards k left join reviewed_links r on r.card_id = k.id
              where k.id = %(id)s and k.title <> ''"""
    return fetch_all(cursor, _link, sql, {"id": id})


def link_days(cursor: Cursor, *, cards: Sequence[CardId], since: int) -> list[tuple[CardId, int, int, int]]:
    """Return (card, days since 1970, number of authors, number of posts) of public posts of people here with ids above `since`."""
    return fetch_all(
        cursor,
        lambda card, day, people, posts: (CardId(card), int(day), int(people), int(posts)),
        """select pk.card_id, p.id / 65536 / 86400000, count(distinct p.account_id), count(*)
           from post_cards pk join posts p on p.id = pk.post_id and p.visibility = 'public' and p.deleted_at is null and p.uri is null
           where pk.card_id = any(%(cards)s) and pk.post_id > %(since)s group by 1, 2""",
        {"cards": list(cards), "since": since},
    )


def review_link(cursor: Cursor, *, card: CardId, approved: bool, now: datetime) -> bool:
    """Store whether a link may trend; return False if that was decided before."""
    changed = execute(
        cursor,
        """insert into reviewed_links as d (card_id, approved, reviewed_at) values (%(card)s, %(approved)s, %(now)s)
           on conflict (card_id) do update set approved = excluded.approved, reviewed_at = excluded.reviewed_at
           where d.approved <> excluded.approved""",
        {"card": card, "approved": approved, "now": now},
    )
    return changed > 0
