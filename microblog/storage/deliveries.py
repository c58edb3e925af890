"""Deliveries to the inboxes of other servers, claimed by host.

A host is claimed under a lease, so that one process at a time delivers to it, in the order in which things happened, and a host that does
not respond keeps nobody else waiting.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from attrs import frozen

from microblog.model.deliveries import Delivery, HostState, LocalActor, OutgoingKind
from microblog.model.ids import AccountId
from microblog.storage.database import Cursor, Prepared, execute, execute_deferred, fetch_all, fetch_one, fetch_value, suppress_wakeup

MAX_ERROR_LENGTH = 500  # characters


@frozen
class ClaimedHost:
    """A host that this worker delivers to until the lease ends."""

    host: str
    state: HostState


def next_due(cursor: Cursor) -> datetime | None:
    """Return when the next host can be claimed: its earliest delivery is due, or a lease expires. None if nothing waits."""
    return fetch_value(cursor, _NEXT_DUE)  # type: ignore[no-any-return]  # a column of type timestamptz


_NEXT_DUE = Prepared("""select min(greatest(due_at, paused_until, lease_until)) from hosts
    where due_at is not null and dead_since is null""")


def claim_hosts(cursor: Cursor, *, worker: str, lease_until: datetime, now: datetime, limit: int) -> list[ClaimedHost]:
    """Claim up to `limit` hosts with a delivery that is due, those without failures first. No two workers get the same host."""
    suppress_wakeup(cursor)
    return fetch_all(cursor, _claimed, _CLAIM, {"worker": worker, "lease_until": lease_until, "now": now, "limit": limit})


_CLAIM = Prepared("""update hosts h set lease_until = %(lease_until)s, worker = %(worker)s
    where h.host = any(array(select host from hosts where due_at <= %(now)s and dead_since is null
            and (paused_until is null or paused_until <= %(now)s) and (lease_until is null or lease_until <= %(now)s)
        order by failures > 0, due_at, host limit %(limit)s for update skip locked))
    returning h.host, h.failures, h.failed_days, h.last_error, h.paused_until, h.dead_since""")


def _claimed(
    host: str, failures: int, days: list[date], error: str, paused_until: datetime | None, dead_since: datetime | None
) -> ClaimedHost:
    return ClaimedHost(host, HostState(failures, tuple(days), error, paused_until, dead_since))


def due(cursor: Cursor, *, hosts: Collection[str], now: datetime, limit: int) -> dict[str, list[Delivery]]:
    """Return up to `limit` deliveries to each host that are due, in order.

    There is none of an actor before all earlier ones of that actor are done.
    """
    found: dict[str, list[Delivery]] = {host: [] for host in hosts}
    for host, delivery in fetch_all(cursor, _delivery, _DUE, {"hosts": list(hosts), "now": now, "limit": limit}):
        found[host].append(delivery)
    return found


# Read once for each claim: what an actor did later waits for what is tried again later.
_DUE = Prepared("""select h.host, due.* from unnest(%(hosts)s::text[]) h (host) cross join lateral (
    with delayed as materialized (
        select coalesce(o.account_id, 0) actor, min(d.id) first
        from deliveries d join outgoing_activities o on o.id = d.activity_id
        where d.host = h.host and d.due_at > %(now)s group by 1)
    select d.id, d.activity_id, o.kind, d.inbox, d.tries, o.body, o.followers_only, a.id, a.username, a.deleted_at is not null
    from deliveries d join outgoing_activities o on o.id = d.activity_id left join accounts a on a.id = o.account_id
    left join delayed on delayed.actor = coalesce(o.account_id, 0)
    where d.host = h.host and d.due_at <= %(now)s and (delayed.first is null or d.id < delayed.first)
    order by d.id limit %(limit)s) due""")


def _delivery(host: str, id: int, activity: int, kind: str, *columns: Any) -> tuple[str, Delivery]:
    inbox, tries, body, followers_only, account, username, is_deleted = columns
    actor = None if account is None else LocalActor(AccountId(account), username, is_deleted)
    return host, Delivery(id, activity, actor, OutgoingKind(kind), inbox, tries, body, followers_only)


def delete(cursor: Cursor, *, ids: Collection[int]) -> None:
    """Delete deliveries that arrived or that are given up."""
    suppress_wakeup(cursor)
    execute(cursor, "delete from deliveries where id = any(%(ids)s)", {"ids": list(ids)})


def delete_inbox(cursor: Cursor, *, host: str, inbox: str) -> None:
    """Delete all deliveries to an inbox that is gone."""
    execute(cursor, "delete from deliveries where host = %(host)s and inbox = %(inbox)s", {"host": host, "inbox": inbox})


def retry(cursor: Cursor, *, id: int, due_at: datetime, error: str) -> None:
    """Count a failed try and set the time of the next one."""
    suppress_wakeup(cursor)
    execute(
        cursor,
        "update deliveries set tries = tries + 1, due_at = %(due_at)s, last_error = %(error)s where id = %(id)s",
        {"id": id, "due_at": due_at, "error": error[:MAX_ERROR_LENGTH]},
    )


def extend_lease(cursor: Cursor, *, hosts: Collection[str], worker: str, lease_until: datetime) -> set[str]:
    """Extend the leases of this worker's hosts. Hosts missing from the result were claimed by another worker."""
    suppress_wakeup(cursor)
    return set(
        fetch_all(
            cursor,
            str,
            "update hosts set lease_until = %(until)s where host = any(%(hosts)s) and worker = %(worker)s returning host",
            {"hosts": list(hosts), "worker": worker, "until": lease_until},
        )
    )


def release(cursor: Cursor, *, host: str, worker: str, state: HostState) -> None:
    """End the claim of a host: store how deliveries went, and when the next one is due. A dead host loses all that waits for it."""
    suppress_wakeup(cursor)
    # A lock first, so that the next statement sees deliveries that were written with the row's last version.
    fetch_value(cursor, "select host from hosts where host = %(host)s for update", {"host": host})
    if state.dead_since is not None:
        execute(cursor, "delete from deliveries where host = %(host)s", {"host": host})
    execute(
        cursor,
        _RELEASE,
        {
            "host": host,
            "worker": worker,
            "failures": state.failures,
            "days": list(state.failed_days),
            "error": state.last_error[:MAX_ERROR_LENGTH],
            "paused_until": state.paused_until,
            "dead_since": state.dead_since,
        },
    )


_RELEASE = Prepared("""update hosts set lease_until = null, worker = null, failures = %(failures)s, failed_days = %(days)s::date[],
    last_error = %(error)s, paused_until = %(paused_until)s, dead_since = %(dead_since)s,
    due_at = (select min(due_at) from deliveries where host = %(host)s)
    where host = %(host)s and worker = %(worker)s""")


def lock(cursor: Cursor, *, hosts: Collection[str]) -> None:
    """Lock hosts that are about to be released, in the order in which other transactions lock them too."""
    suppress_wakeup(cursor)
    execute(cursor, "select from hosts where host = any(%(hosts)s) order by host for update", {"hosts": list(hosts)})


def release_healthy(cursor: Cursor, *, hosts: Collection[str], worker: str) -> None:
    """Release hosts, which must be locked, to which everything was delivered without a failure."""
    execute(cursor, _RELEASE_HEALTHY, {"hosts": list(hosts), "worker": worker})


_RELEASE_HEALTHY = Prepared("""update hosts h set lease_until = null, worker = null, failures = 0, failed_days = '{}', last_error = '',
    paused_until = null, dead_since = null, due_at = (select min(d.due_at) from deliveries d where d.host = h.host)
    where h.host = any(%(hosts)s) and h.worker = %(worker)s""")


def seen(cursor: Cursor, *, host: str, now: datetime) -> None:
    """Note that an activity with a valid signature arrived from the host: a dead host is alive again."""
    execute_deferred(cursor, _SEEN, {"host": host, "now": now})


# At most once a minute, so that a flood of activities does not write the same row each time.
_SEEN = Prepared("""insert into hosts as h (host, seen_at) values (%(host)s, %(now)s) on conflict (host) do update
    set seen_at = excluded.seen_at, dead_since = null, paused_until = null, failed_days = '{}', failures = 0
    where h.dead_since is not null or h.seen_at is null or h.seen_at < excluded.seen_at - interval '1 minute'""")


def waiting(cursor: Cursor, *, host: str) -> int:
    """Return the number of deliveries that wait for a host."""
    return int(fetch_value(cursor, "select count(*) from deliveries where host = %(host)s", {"host": host}))


def state(cursor: Cursor, *, host: str) -> HostState | None:
    """Return how deliveries to a host went; None for an unknown host."""
    found = fetch_one(
        cursor,
        _claimed,
        "select host, failures, failed_days, last_error, paused_until, dead_since from hosts where host = %(host)s",
        {"host": host},
    )
    return None if found is None else found.state
