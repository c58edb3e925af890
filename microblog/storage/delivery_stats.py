"""Numbers of deliveries and of the hosts that they go to."""

from __future__ import annotations

from datetime import datetime

from microblog.model.deliveries import DeliveryCounts, HostDetails, HostFilter, HostSummary
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one

# One index look-up for each host. The last row is null.
_HOSTS_OF_ACCOUNTS = """theirs as (
                (select host from accounts where host is not null order by host limit 1)
                union all
                select (select a.host from accounts a where a.host > t.host order by a.host limit 1)
                from theirs t where t.host is not null)"""


def counts(cursor: Cursor) -> DeliveryCounts:
    """Return the numbers of the whole site."""
    found = fetch_one(
        cursor,
        DeliveryCounts,
        f"""with recursive {_HOSTS_OF_ACCOUNTS}
           select d.waiting, d.oldest,
                  h.contacted + (select count(*) from theirs t where t.host is not null
                                 and not exists (select from hosts h where h.host = t.host)) known, h.slow, h.dead
           from (select count(*) waiting, (select o.created_at from deliveries first join outgoing_activities o on o.id = first.activity_id
                                           order by first.id limit 1) oldest from deliveries) d,
                (select count(*) contacted, count(*) filter (where failures > 0 and dead_since is null) slow,
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


_CONDITIONS = {
    HostFilter.ALL: "true",
    HostFilter.RULES: "exists (select from domain_rules r where r.domain = l.host)",
    HostFilter.ALLOWED: "exists (select from allowed_domains w where w.domain = l.host)",
    HostFilter.SLOW: "h.failures > 0 and h.dead_since is null",
    HostFilter.DEAD: "h.dead_since is not null",
    HostFilter.WAITING: "h.due_at is not null",
}


def hosts(cursor: Cursor, *, filter: HostFilter, query: str, after: str, limit: int) -> list[HostDetails]:
    """Return hosts whose name contains `query`, in alphabetical order after the name `after`: known ones, and domains with a rule."""
    return fetch_all(
        cursor,
        HostDetails,
        f"""with recursive {_HOSTS_OF_ACCOUNTS},
            listed as (
                select host from theirs where host is not null union select h.host from hosts h
                union select r.domain from domain_rules r union select w.domain from allowed_domains w),
            page as materialized (
                select l.host, h.seen_at, coalesce(h.failures, 0) failures, h.paused_until, h.dead_since, coalesce(h.last_error, '') error
                from listed l left join hosts h on h.host = l.host
                where l.host > %(after)s and strpos(l.host, %(query)s) > 0 and {_CONDITIONS[filter]} order by l.host limit %(limit)s)
            select p.host, (select count(*) from accounts a where a.host = p.host and a.deleted_at is null),
                   (select count(*) from deliveries d where d.host = p.host),
                   (select o.created_at from deliveries d join outgoing_activities o on o.id = d.activity_id where d.host = p.host
                    order by d.id limit 1),
                   p.seen_at, p.failures, p.paused_until, p.dead_since, p.error,
                   exists (select from allowed_domains w where w.domain = p.host),
                   coalesce((select trim(s.name || ' ' || s.version) from host_software s where s.host = p.host), '')
            from page p order by p.host""",
        {"after": after, "query": query, "limit": limit},
    )
