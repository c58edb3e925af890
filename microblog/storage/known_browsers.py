"""Browsers that an account has logged in with before. The database stores only hashes of their cookies."""

from __future__ import annotations

from datetime import datetime

from microblog.model.ids import AccountId
from microblog.storage.database import Cursor, execute, fetch_value


def has_any(cursor: Cursor, *, account: AccountId) -> bool:
    """True if any browser of the account is known."""
    return bool(fetch_value(cursor, "select exists (select from known_browsers where account_id = %(account)s)", {"account": account}))


def remember(cursor: Cursor, *, account: AccountId, token_hash: bytes, now: datetime) -> bool:
    """Record a login with this browser; return True if it is new."""
    return bool(
        fetch_value(
            cursor,
            """insert into known_browsers (account_id, token_hash, seen_at) values (%(account)s, %(token_hash)s, %(now)s)
               on conflict (account_id, token_hash) do update set seen_at = excluded.seen_at returning xmax = 0""",
            {"account": account, "token_hash": token_hash, "now": now},
        )
    )


def delete_oldest(cursor: Cursor, *, account: AccountId, keep: int) -> int:
    """Delete all but the `keep` most recently used browsers; return their number."""
    return execute(
        cursor,
        """delete from known_browsers where account_id = %(account)s and token_hash in (
               select token_hash from known_browsers where account_id = %(account)s order by seen_at desc, token_hash offset %(keep)s)""",
        {"account": account, "keep": keep},
    )


def delete_old(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete at most `limit` browsers last used before that time; return their number."""
    return execute(
        cursor,
        """delete from known_browsers where (account_id, token_hash) in (
               select account_id, token_hash from known_browsers where seen_at < %(before)s order by seen_at limit %(limit)s)""",
        {"before": before, "limit": limit},
    )
