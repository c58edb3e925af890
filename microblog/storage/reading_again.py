"""Pinned posts and polls of other servers, and when they were last read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from microblog.model.ids import AccountId, PollId, PostId
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_value


def featured_of(cursor: Cursor, *, account: AccountId) -> str:
    """Return the collection of the pinned posts of an account of another server; empty if it is not known."""
    return fetch_value(cursor, _FEATURED, {"account": account}) or ""


_FEATURED = Prepared("select featured from remote_actors where account_id = %(account)s")


def are_pins_old(cursor: Cursor, *, account: AccountId, before: datetime) -> bool:
    """True if the pinned posts of an account were last read before that time, or never."""
    return fetch_value(cursor, _ARE_PINS_OLD, {"account": account, "before": before}) is not None


_ARE_PINS_OLD = Prepared("""select 1 from remote_actors where account_id = %(account)s and featured <> ''
    and (featured_fetched_at is null or featured_fetched_at < %(before)s)""")


def set_pins_read(cursor: Cursor, *, account: AccountId, now: datetime) -> None:
    """Note that the pinned posts of an account are read now."""
    execute(
        cursor, "update remote_actors set featured_fetched_at = %(now)s where account_id = %(account)s", {"account": account, "now": now}
    )


def set_poll_read(cursor: Cursor, *, poll: PollId, now: datetime) -> None:
    """Note that a poll is read now, unless it does not exist any more."""
    execute(cursor, _SET_POLL_READ, {"poll": poll, "now": now})


_SET_POLL_READ = Prepared("""insert into poll_fetches (poll_id, fetched_at) select id, %(now)s from polls where id = %(poll)s
    on conflict (poll_id) do update set fetched_at = excluded.fetched_at""")


def is_poll_old(cursor: Cursor, *, poll: PollId, before: datetime) -> bool:
    """True if a poll was last read before that time and before its end, or never."""
    return fetch_value(cursor, _IS_POLL_OLD, {"poll": poll, "before": before}) is not None


_IS_POLL_OLD = Prepared("""select 1 from polls q left join poll_fetches f on f.poll_id = q.id
    where q.id = %(poll)s and (f.fetched_at is null or (f.fetched_at < %(before)s and f.fetched_at < q.expires_at))""")


def pinned(cursor: Cursor, *, account: AccountId) -> list[PostId]:
    """Return the pinned posts of an account, the last one first."""
    return fetch_all(cursor, PostId, _PINNED, {"account": account})


_PINNED = Prepared("select post_id from pins where account_id = %(account)s order by id desc")


def set_pins(cursor: Cursor, *, account: AccountId, posts: Sequence[PostId], now: datetime) -> None:
    """Set the pinned posts of an account to exactly these of its posts, the last one first."""
    params = {"account": account, "posts": list(reversed(posts)), "now": now}
    execute(cursor, "delete from pins where account_id = %(account)s", params)
    execute(cursor, _SET_PINS, params)


_SET_PINS = Prepared("""insert into pins (id, account_id, post_id, created_at)
    select new_id(%(now)s), %(account)s, p.id, %(now)s
    from unnest(%(posts)s::bigint[]) with ordinality given (id, place) join posts p on p.id = given.id
    where p.account_id = %(account)s and p.deleted_at is null and p.boost_of is null order by given.place""")
