"""Devices: browsers that somebody has logged in with before. The database has only the hashes of what their cookies say."""

from __future__ import annotations

from datetime import datetime

from microblog.model.ids import AccountId
from microblog.storage.database import Cursor, execute, fetch_value


def any_of(cursor: Cursor, *, account: AccountId) -> bool:
    """True if the account ever logged in with a browser that could be recognised."""
    return bool(fetch_value(cursor, "select exists (select from known_browsers where account_id = %(account)s)", {"account": account}))


def remember(cursor: Cursor, *, account: AccountId, token_hash: bytes, now: datetime) -> bool:
    """Note that the account logged in with it; True if it did so for the first time."""
    return bool(
        fetch_value(
            cursor,
            """insert into known_browsers (account_id, token_hash, seen_at) values (%(account)s, %(token_hash)s, %(now)s)
               on conflict (account_id, token_hash) do update set seen_at = excluded.seen_at returning xmax = 0""",
            {"account": account, "token_hash": token_hash, "now": now},
        )
    )


def keep_newest(cursor: Cursor, *, account: AccountId, keep: int) -> int:
    """Forget all but the `keep` that were seen last; how many went."""
    return execute(
        cursor,
        """delete from known_browsers where account_id = %(account)s and token_hash in (
               select token_hash from known_browsers where account_id = %(account)s order by seen_at desc, token_hash offset %(keep)s)""",
        {"account": account, "keep": keep},
    )


def sweep(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Forget devices that nobody came with since then, at most `limit`; how many went."""
    return execute(
        cursor,
        """delete from known_browsers where (account_id, token_hash) in (
               select account_id, token_hash from known_browsers where seen_at < %(before)s order by seen_at limit %(limit)s)""",
        {"before": before, "limit": limit},
    )
