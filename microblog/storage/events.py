"""The event log in PostgreSQL: written in the command's own transaction, read in commit order.

The position of an event is (xid, id). Only events below the oldest running transaction are read, so no event can be committed behind a
reader's position. A slow writing transaction (anywhere in the cluster) delays all later events; the pool's time-outs limit this.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

import orjson

from microblog.model.events import Event, EventKind, Position
from microblog.storage.database import Cursor, Prepared, execute, execute_deferred, fetch_all, fetch_one, fetch_value

_KINDS = {str(kind): kind for kind in EventKind}


def record(
    cursor: Cursor,
    kind: EventKind,
    *,
    at: datetime,
    account: int | None = None,
    subject: int | None = None,
    post: int | None = None,
    data: Mapping[str, object] | None = None,
) -> None:
    """Write the event in the transaction that causes it, with its next statement."""
    execute_deferred(
        cursor,
        _RECORD,
        {
            "kind": kind,
            "account": account,
            "subject": subject,
            "post": post,
            "data": orjson.dumps(data or {}).decode(),
            "at": at,
        },
    )


_RECORD = Prepared("""insert into events (kind, account_id, subject_id, post_id, data, at)
           values (%(kind)s, %(account)s, %(subject)s, %(post)s, %(data)s, %(at)s)""")


# End of a statement that writes an event for each account whose unread counts change at %(now)s. A query of `account_id` follows.
BADGES_CHANGED = f"insert into events (kind, account_id, at) select '{EventKind.BADGES_CHANGED}', account_id, %(now)s::timestamptz"


def after(cursor: Cursor, epoch: str, *, xid: int, id: int, limit: int) -> list[Event]:
    """Return the next events in commit order, at most `limit`. Kinds that only a newer version knows are returned as UNKNOWN.

    Ordered by `e.xid`, a number: `xid` alone would mean the selected text, in which "1000" sorts before "999".
    """
    return fetch_all(
        cursor,
        partial(event_from, epoch),
        _AFTER,
        {"xid": str(xid), "id": id, "limit": limit},
    )


def event_from(epoch: str, xid: str, id: int, kind: str, *columns: Any) -> Event:
    """Return the event of a row."""
    return Event(Position(epoch, int(xid), id), _KINDS.get(kind, EventKind.UNKNOWN), *columns)


AFTER = """select e.xid, e.id, e.kind, e.account_id, e.subject_id, e.post_id, e.data, e.at from events e
           where (e.xid, e.id) > (%(xid)s::text::xid8, %(id)s) and e.xid < pg_snapshot_xmin(pg_current_snapshot())
           order by e.xid, e.id limit %(limit)s"""
_AFTER = Prepared(AFTER.replace("select e.xid,", "select e.xid::text,"))


def oldest(cursor: Cursor) -> tuple[int, int] | None:
    """Return the position of the oldest event, or None if the log is empty."""
    return fetch_one(cursor, lambda xid, id: (int(xid), int(id)), "select e.xid::text, e.id from events e order by e.xid, e.id limit 1")


def open_log(cursor: Cursor, fresh_epoch: str) -> str:
    """Return the log's epoch. If the database comes from another cluster, start a new epoch and delete the old events.

    Transaction ids mean nothing outside their cluster, so after a restore elsewhere the old positions must not be compared with new ones.
    """
    execute(
        cursor,
        """insert into event_log (epoch, cluster)
           select %(fresh)s, system_identifier from pg_control_system() on conflict do nothing""",
        {"fresh": fresh_epoch},
    )
    moved = execute(
        cursor,
        """update event_log set epoch = %(fresh)s, cluster = system_identifier
           from pg_control_system() where cluster <> system_identifier""",
        {"fresh": fresh_epoch},
    )
    if moved:
        execute(cursor, "delete from events")
    return str(fetch_value(cursor, "select epoch from event_log"))


def log_secret(cursor: Cursor) -> bytes:
    """Return the key that encrypts positions. The log must be open."""
    return str(fetch_value(cursor, "select secret from event_log")).encode("ascii")


# Rows by their place (`ctid`): to plan a join by the key, PostgreSQL looks for the key's least value, past all deleted entries.
def delete_old(cursor: Cursor, *, since: datetime, before: datetime, limit: int) -> datetime | None:
    """Delete at most `limit` events from before that time and not from before `since`, the oldest first.

    Return the time of the newest of them if there may be more, else None. The newest one of all always stays: it marks the log's end.
    """
    until: datetime | None = fetch_value(
        cursor,
        """with deleted as (
               delete from events where ctid = any(array(
                   select ctid from events where at >= %(since)s and at < %(before)s
                   and (xid, id) < (select xid, id from events order by xid desc, id desc limit 1)
                   order by at limit %(limit)s))
               returning at)
           select max(at) from deleted having count(*) = %(limit)s""",
        {"since": since, "before": before, "limit": limit},
    )
    return until
