"""The public URL under which the site first federated."""

from __future__ import annotations

from datetime import datetime

from microblog.storage.database import Cursor, fetch_value


def public_url(cursor: Cursor) -> str | None:
    """Return the public URL under which other servers know the site; None if it never federated."""
    found = fetch_value(cursor, "select public_url from federation_start")
    return None if found is None else str(found)


def store(cursor: Cursor, *, public_url: str, now: datetime) -> str:
    """Store the public URL unless there is one already; return the stored one."""
    return str(
        fetch_value(
            cursor,
            """with added as (
                   insert into federation_start (public_url, started_at) values (%(url)s, %(now)s) on conflict do nothing
                   returning public_url)
               select public_url from added union all select public_url from federation_start limit 1""",
            {"url": public_url, "now": now},
        )
    )
