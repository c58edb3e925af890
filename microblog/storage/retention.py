"""Deletion of old posts and accounts of other servers that nobody here has anything to do with, a batch at a time.

A batch begins after an address and looks at a fixed number of rows in the order of their addresses, so that it costs the same however much
is kept. Rows are deleted and not marked: what is needed again is fetched again.
"""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_value

OWN_TABLES = frozenset({"account_counts", "remote_actors", "remote_files", "remote_keys"})
"""Tables with rows of an account of another server that go with it. A row in any other table that refers to the account keeps it."""


@frozen
class Batch:
    """The address after which the next batch begins (None: there is nothing more), and the number of deleted rows."""

    last: str | None
    deleted: int


def position(cursor: Cursor, *, kind: str) -> str:
    """Return the stored address after which a job goes on; empty at the beginning."""
    return str(fetch_value(cursor, "select position from cleanup_positions where kind = %(kind)s", {"kind": kind}) or "")


def store_position(cursor: Cursor, *, kind: str, position: str) -> None:
    """Store the address after which a job goes on."""
    sql = """insert into cleanup_positions (kind, position) values (%(kind)s, %(position)s)
        on conflict (kind) do update set position = excluded.position"""
    execute(cursor, sql, {"kind": kind, "position": position})


def delete_posts(cursor: Cursor, *, after: str, before: datetime, limit: int) -> Batch:
    """Look at `limit` posts and boosts of other servers; delete those that arrived before that time and that nobody here uses.

    Used is what somebody here favourited, boosted, bookmarked, answered, voted on or reported, what names or answers somebody here, and
    what is pinned or in a filter. A boost that arrived later keeps its post. Counters are adjusted, and replies that stay are replies to
    somebody whose post is not known.
    """
    last = fetch_value(cursor, _LAST_POST, {"after": after, "limit": limit})
    if last is None:
        return Batch(None, 0)
    ids = fetch_all(cursor, int, _UNUSED_POSTS, {"after": after, "last": last, "before": before})
    if not ids:
        return Batch(str(last), 0)
    everything = fetch_all(cursor, int, _WITH_BOOSTS, {"ids": ids})
    for statement in (_DETACH_REPLIES, _COUNT_AUTHORS, _COUNT_REPLIES, _COUNT_BOOSTS):
        execute(cursor, statement, {"ids": everything})
    return Batch(str(last), execute(cursor, "delete from posts where id = any(%(ids)s)", {"ids": everything}))


_LAST_POST = Prepared("""select max(uri) from
    (select uri from posts where uri is not null and uri > %(after)s order by uri limit %(limit)s) looked_at""")

_UNUSED_POSTS = Prepared("""select p.id from posts p
    where p.uri is not null and p.uri > %(after)s and p.uri <= %(last)s and p.arrived_at < %(before)s
        and not exists (select from favourites f join accounts a on a.id = f.account_id where f.post_id = p.id and a.host is null)
        and not exists (select from bookmarks b where b.post_id = p.id)
        and not exists (select from posts b where b.boost_of = p.id and (b.uri is null or b.arrived_at >= %(before)s))
        and not exists (select from posts r where r.reply_to = p.id and r.uri is null)
        and not exists (select from posts o where o.id in (p.boost_of, p.reply_to) and o.uri is null)
        and not exists (select from mentions m join accounts a on a.id = m.account_id where m.post_id = p.id and a.host is null)
        and not exists (select from pins where pins.post_id = p.id)
        and not exists (select from filter_posts f where f.post_id = p.id)
        and not exists (select from polls q join votes v on v.poll_id = q.id join accounts a on a.id = v.account_id
                        where q.post_id = p.id and a.host is null)
        and not exists (select from reports r where r.target_id = p.account_id and p.id = any(r.post_ids))
    for update of p skip locked""")

# Boosts of a post go with it. One by an account of this site would have kept it.
_WITH_BOOSTS = Prepared("""select id from posts where id = any(%(ids)s) union select id from posts where boost_of = any(%(ids)s)""")

_DETACH_REPLIES = Prepared("""update posts r set reply_to_uri = p.uri from posts p
    where p.id = any(%(ids)s) and r.reply_to = p.id and r.reply_to_uri is null and r.id <> all(%(ids)s)""")

_COUNT_AUTHORS = Prepared("""update account_counts c set posts = greatest(0, c.posts - gone.number) from (
        select account_id, count(*) number from posts
        where id = any(%(ids)s) and deleted_at is null and visibility <> 'direct' group by account_id) gone
    where c.account_id = gone.account_id""")

_COUNT_REPLIES = Prepared("""update post_counts c set replies = greatest(0, c.replies - gone.number) from (
        select reply_to, count(*) number from posts
        where id = any(%(ids)s) and deleted_at is null and boost_of is null and visibility in ('public', 'unlisted') group by reply_to) gone
    where c.post_id = gone.reply_to""")

_COUNT_BOOSTS = Prepared("""update post_counts c set boosts = greatest(0, c.boosts - gone.number) from (
        select boost_of, count(*) number from posts
        where id = any(%(ids)s) and deleted_at is null and visibility in ('public', 'unlisted') group by boost_of) gone
    where c.post_id = gone.boost_of""")


def delete_accounts(cursor: Cursor, *, after: str, before: datetime, limit: int) -> Batch:
    """Look at `limit` accounts of other servers; delete those that were not heard of since that time and that nothing refers to.

    Accounts that are suspended, limited or deleted stay, so that they do not come back as if they were new.
    """
    last = fetch_value(cursor, _LAST_ACCOUNT, {"after": after, "limit": limit})
    if last is None:
        return Batch(None, 0)
    unused = " and ".join(f'not exists (select from "{table}" r where r."{column}" = a.id)' for table, column in _references(cursor))
    deleted = execute(
        cursor,
        f"""delete from accounts where id in (
                select a.id from accounts a join remote_actors seen on seen.account_id = a.id
                where a.uri is not null and a.uri > %(after)s and a.uri <= %(last)s and seen.fetched_at < %(before)s
                    and a.suspended_at is null and a.limited_at is null and a.deleted_at is null and {unused}
                for update of a skip locked)""",
        {"after": after, "last": last, "before": before},
    )
    return Batch(str(last), deleted)


_LAST_ACCOUNT = Prepared("""select max(uri) from
    (select uri from accounts where uri is not null and uri > %(after)s order by uri limit %(limit)s) looked_at""")


def _references(cursor: Cursor) -> list[tuple[str, str]]:
    """Return the tables and columns that refer to accounts and keep them, by the catalog: what a later release adds keeps them too."""
    found = fetch_all(cursor, lambda table, column: (str(table), str(column)), _REFERENCES, {})
    return [(table, column) for table, column in found if table not in OWN_TABLES]


_REFERENCES = Prepared("""select t.relname, a.attname from pg_constraint c
    join pg_class t on t.oid = c.conrelid join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
    where c.contype = 'f' and c.confrelid = 'accounts'::regclass order by 1, 2""")
