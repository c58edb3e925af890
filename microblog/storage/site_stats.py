"""The site in figures."""

from __future__ import annotations

from datetime import datetime

from microblog.model.accounts import Account, Role
from microblog.storage import accounts
from microblog.storage.database import Cursor, fetch_all, fetch_one, fetch_value


def totals(cursor: Cursor) -> tuple[int, int]:
    """How many people are here, and how many posts they wrote: from the counters, so that nothing is scanned but accounts.

    Applicants and direct posts do not count.
    """
    found = fetch_one(
        cursor,
        lambda people, posts: (int(people), int(posts)),
        f"""select count(*), coalesce(sum(c.posts), 0) from accounts a join account_counts c on c.account_id = a.id
            where a.deleted_at is null and a.suspended_at is null and {accounts.ADMITTED}""",
    )
    return found or (0, 0)


def active(cursor: Cursor, *, since: datetime) -> int:
    """How many people were here since then: logged in with a browser, or posted."""
    return int(
        fetch_value(
            cursor,
            f"""select count(*) from accounts a where a.deleted_at is null and a.suspended_at is null and {accounts.ADMITTED}
               and (exists (select from sessions s where s.account_id = a.id and s.seen_at >= %(since)s)
                    or exists (select from account_counts c where c.account_id = a.id and c.last_post_on >= %(since)s::date))""",
            {"since": since},
        )
    )


def staff(cursor: Cursor) -> list[Account]:
    """Who runs the site: its administrators, the first first."""
    sql = f"""select {accounts.COLUMNS} from {accounts.FROM} join users l on l.account_id = a.id
              where l.role = %(role)s and a.deleted_at is null and a.suspended_at is null order by a.id"""
    return fetch_all(cursor, accounts.account_from, sql, {"role": Role.ADMIN})
