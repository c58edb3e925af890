"""Statistics of the people of this site."""

from __future__ import annotations

from datetime import datetime

from microblog.model.accounts import Account, Role
from microblog.storage import accounts
from microblog.storage.database import Cursor, fetch_all, fetch_one, fetch_value


def totals(cursor: Cursor) -> tuple[int, int]:
    """Return the number of accounts and of their posts. The latter is the sum of the counters, so only accounts are scanned.

    Pending sign-ups and direct messages are not counted.
    """
    found = fetch_one(
        cursor,
        lambda accounts, posts: (int(accounts), int(posts)),
        f"""select count(*), coalesce(sum(c.posts), 0) from accounts a join account_counts c on c.account_id = a.id
            where {accounts.HERE} and a.deleted_at is null and a.suspended_at is null and {accounts.APPROVED}""",
    )
    return found or (0, 0)


def active(cursor: Cursor, *, since: datetime) -> int:
    """Count the accounts active since then: they used a browser session or posted."""
    return int(
        fetch_value(
            cursor,
            f"""select count(*) from accounts a
               where {accounts.HERE} and a.deleted_at is null and a.suspended_at is null and {accounts.APPROVED}
               and (exists (select from sessions s where s.account_id = a.id and s.seen_at >= %(since)s)
                    or exists (select from account_counts c where c.account_id = a.id and c.last_post_on >= %(since)s::date))""",
            {"since": since},
        )
    )


def peers(cursor: Cursor) -> list[str]:
    """Return the hosts of the known accounts of other servers, in alphabetical order. Reads all of these accounts."""
    return fetch_all(
        cursor,
        str,
        """select distinct host from accounts where host is not null and deleted_at is null and suspended_at is null order by host""",
    )


def staff(cursor: Cursor) -> list[Account]:
    """Return the site's administrators, oldest account first."""
    sql = f"""select {accounts.COLUMNS} from {accounts.FROM} join users l on l.account_id = a.id
              where l.role = %(role)s and a.deleted_at is null and a.suspended_at is null order by a.id"""
    return fetch_all(cursor, accounts.account_from, sql, {"role": Role.ADMIN})
