"""Idempotency keys: a client's names for its requests, so that repeating one publishes once."""

from __future__ import annotations

from datetime import datetime

from microblog.model.ids import AccountId, PostId
from microblog.storage.database import Cursor, Prepared, execute_deferred, fetch_one, fetch_value


def post_of(cursor: Cursor, *, account: AccountId, key: str) -> PostId | None:
    """Return the post of the idempotency key unless it was deleted since. Concurrent requests with the same key wait for each other."""
    execute_deferred(cursor, _LOCK_KEY, {"account": account, "key": key})
    return fetch_one(cursor, PostId, _BY_KEY, {"account": account, "key": key})


_LOCK_KEY = Prepared("select pg_advisory_xact_lock(hashtextextended(%(account)s::text || ' ' || %(key)s, 0))")
_BY_KEY = Prepared("""select k.post_id from idempotency_keys k join posts p on p.id = k.post_id and p.deleted_at is null
    where k.account_id = %(account)s and k.key = %(key)s""")


def store(cursor: Cursor, *, account: AccountId, key: str, post: PostId, now: datetime) -> None:
    """Store the post as the result for this idempotency key."""
    execute_deferred(cursor, _STORE_KEY, {"account": account, "key": key, "post": post, "now": now})


_STORE_KEY = Prepared("""insert into idempotency_keys (account_id, key, post_id, created_at)
    values (%(account)s, %(key)s, %(post)s, %(now)s)
    on conflict (account_id, key) do update set post_id = excluded.post_id, created_at = excluded.created_at""")


def delete_old(cursor: Cursor, *, since: datetime, before: datetime, limit: int) -> datetime | None:
    """Delete at most `limit` idempotency keys from before that time and not from before `since`, the oldest first.

    Return the time of the newest of them if there may be more, else None.
    """
    until: datetime | None = fetch_value(
        cursor,
        """with deleted as (
               delete from idempotency_keys where ctid = any(array(
                   select ctid from idempotency_keys where created_at >= %(since)s and created_at < %(before)s
                   order by created_at limit %(limit)s))
               returning created_at)
           select max(created_at) from deleted having count(*) = %(limit)s""",
        {"since": since, "before": before, "limit": limit},
    )
    return until
