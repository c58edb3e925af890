"""Numbers of deliveries and of the hosts that they go to."""

from __future__ import annotations

from datetime import datetime

from microblog.model.deliveries import DeliveryCounts, HostSummary
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one


def counts(cursor: Cursor) -> DeliveryCounts:
    """Return the numbers of the whole site."""
    found = fetch_one(
        cursor,
        DeliveryCounts,
        """select d.waiting, d.oldest, h.known, h.slow, h.dead
           from (select count(*) waiting, (select o.created_at from deliveries first join outgoing_activities o on o.id = first.activity_id
                                           order by first.id limit 1) oldest from deliveries) d,
                (select count(*) known, count(*) filter (where failures > 0 and dead_since is null) slow,
                        count(*) filter (where dead_since is not null) dead from hosts) h""",
    )
    assert found is not None
    return found


def failing_hosts(cursor: Cursor, *, limit: int) -> list[HostSummary]:
    """Return hosts to which deliveries fail, those with the most failures first."""
    return fetch_all(
        cursor,
        HostSummary,
        """select h.host, (select count(*) from deliveries d where d.host = h.host), h.failures, h.paused_until, h.dead_since, h.last_error
           from hosts h where h.failures > 0 or h.dead_since is not null
           order by h.dead_since is null, h.failures desc, h.host limit %(limit)s""",
        {"limit": limit},
    )


def retry_now(cursor: Cursor, *, host: str, now: datetime) -> int | None:
    """Let everything that waits for a host be tried at once, and a dead host be alive; return how much waits. None for an unknown host."""
    known = execute(
        cursor,
        """update hosts set paused_until = null, dead_since = null, failures = 0, failed_days = '{}',
               due_at = (select %(now)s::timestamptz from deliveries d where d.host = %(host)s limit 1)
           where host = %(host)s""",
        {"host": host, "now": now},
    )
    if not known:
        return None
    return execute(cursor, "update deliveries set due_at = least(due_at, %(now)s) where host = %(host)s", {"host": host, "now": now})
