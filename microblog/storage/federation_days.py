"""Activities received and delivered by day. Deliveries are counted when they are recorded, received activities by a job."""

from __future__ import annotations

from datetime import date, datetime

from microblog.model.federation_statistics import TrafficDay, TrafficTotals
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one, fetch_value

COUNTED = "federation.received"
"""Name of the position up to which received activities were counted."""


def add_deliveries(cursor: Cursor, *, day: date, delivered: int, failed: int) -> None:
    """Count deliveries of a day. Each connection uses one of eight rows, so that processes seldom wait for each other."""
    execute(cursor, _ADD, {"day": day, "delivered": delivered, "failed": failed})


_ADD = Prepared("""insert into federation_days as d (day, slot, delivered, failed)
    values (%(day)s, pg_backend_pid() %% 8, %(delivered)s, %(failed)s)
    on conflict (day, slot) do update set delivered = d.delivered + excluded.delivered, failed = d.failed + excluded.failed""")


def count_received(cursor: Cursor, *, until: datetime) -> int:
    """Count the activities that arrived since the last count, and before `until`; return their number.

    At that time, the transactions that store activities of an earlier time must have ended.
    """
    execute(cursor, "insert into cleanup_positions values (%(kind)s, '-infinity') on conflict do nothing", {"kind": COUNTED})
    position = fetch_value(cursor, "select position from cleanup_positions where kind = %(kind)s for update", {"kind": COUNTED})
    counted = fetch_all(cursor, int, _COUNT_RECEIVED, {"since": position, "until": until})
    sql = "update cleanup_positions set position = %(until)s where kind = %(kind)s and position::timestamptz < %(until)s"
    execute(cursor, sql, {"kind": COUNTED, "until": until.isoformat()})
    return sum(counted)


_COUNT_RECEIVED = Prepared("""with arrived as (
        select (received_at at time zone 'UTC')::date as day, count(*) as number from incoming_activities
        where received_at >= %(since)s::timestamptz and received_at < %(until)s group by 1),
    added as (
        insert into federation_days as d (day, slot, received) select day, 0, number from arrived
        on conflict (day, slot) do update set received = d.received + excluded.received)
    select number from arrived""")


def recent(cursor: Cursor, *, limit: int) -> list[TrafficDay]:
    """Return the last days on which there was anything, newest first."""
    return fetch_all(
        cursor,
        TrafficDay,
        """select day, sum(received)::bigint, sum(delivered)::bigint, sum(failed)::bigint from federation_days
           group by day order by day desc limit %(limit)s""",
        {"limit": limit},
    )


def totals(cursor: Cursor) -> TrafficTotals:
    """Return the numbers of all days."""
    found = fetch_one(
        cursor,
        TrafficTotals,
        """select coalesce(sum(received), 0)::bigint, coalesce(sum(delivered), 0)::bigint, coalesce(sum(failed), 0)::bigint
           from federation_days""",
    )
    assert found is not None
    return found
