"""Insertion of many rows with few statements, to fill an empty site."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson
from psycopg2 import sql
from psycopg2.extras import execute_values

from microblog.storage.database import Cursor, execute, fetch_value

PAGE = 500  # rows per statement

Row = tuple[object, ...]


def is_empty(cursor: Cursor) -> bool:
    """True if no account exists or existed. No other transaction can create one until this one ends."""
    execute(cursor, "lock table accounts in share row exclusive mode")
    return not fetch_value(cursor, "select exists (select from accounts)")


def insert(cursor: Cursor, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Insert the rows. Dictionaries and lists become JSON."""
    statement = sql.SQL("insert into {} ({}) values %s").format(sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns)))
    execute_values(cursor, statement, [tuple(map(_column, row)) for row in rows], page_size=PAGE)


def _column(value: object) -> object:
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def count_everything(cursor: Cursor) -> None:
    """Compute the counters of all accounts and posts from the rows, and update the planner's statistics."""
    execute(
        cursor,
        """insert into account_counts (account_id, followers, following, posts, last_post_on)
           select a.id,
                  (select count(*) from follows where followee_id = a.id),
                  (select count(*) from follows where follower_id = a.id),
                  (select count(*) from posts where account_id = a.id and deleted_at is null and visibility <> 'direct'),
                  (select max(created_at at time zone 'UTC')::date from posts
                   where account_id = a.id and deleted_at is null and visibility <> 'direct')
           from accounts a""",
    )
    execute(
        cursor,
        """insert into post_counts (post_id, replies, boosts, favourites)
           select p.id,
                  (select count(*) from posts r
                   where r.reply_to = p.id and r.deleted_at is null and r.visibility in ('public', 'unlisted')),
                  (select count(*) from posts b where b.boost_of = p.id and b.deleted_at is null
                   and (b.visibility in ('public', 'unlisted') or p.visibility not in ('public', 'unlisted'))),
                  (select count(*) from favourites f where f.post_id = p.id)
           from posts p""",
    )
    execute(cursor, "analyze accounts, account_counts, posts, post_counts, follows, favourites, mentions, tags, post_tags, notifications")
