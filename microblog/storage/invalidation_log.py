"""Keys of cached data that changed, written by triggers in the changing transaction. The initial migration lists the keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from attrs import frozen

from microblog.storage.database import Cursor, Prepared, fetch_one, fetch_value

EVERYTHING = "*"
MAX_KEYS = 20_000
RETENTION = timedelta(hours=1)
MAX_ABSENCE = timedelta(minutes=30)  # by PostgreSQL's clock; less than RETENTION, so that no row was deleted in the meantime


@frozen
class InvalidationPosition:
    """A position in the log: a PostgreSQL snapshot. `own`: the id of the last row that the reading transaction itself had written."""

    snapshot: str
    at: datetime
    own: int = 0

    @property
    def xmin(self) -> int:
        """The oldest transaction that may not have ended."""
        return int(self.snapshot.partition(":")[0])


def current_position(cursor: Cursor) -> InvalidationPosition:
    """Return the current position; `changed_since` returns everything committed after it."""
    found = fetch_one(cursor, InvalidationPosition, "select pg_current_snapshot()::text, now()")
    assert found is not None
    return found


def changed_since(cursor: Cursor, *, since: InvalidationPosition) -> tuple[InvalidationPosition, list[str]]:
    """Return the keys committed since that position, in the order in which they were written. Too many keys become EVERYTHING.

    Transactions that change the same row wait for each other, so the last value of a key is the current one. One statement, so one
    snapshot. A transaction that calls this sees its own changes too, each of them once.
    """
    changed = fetch_one(cursor, partial(changes_from, since), _CHANGED_SINCE, params_since(since))
    assert changed is not None
    return changed


def params_since(since: InvalidationPosition) -> dict[str, object]:
    """Return the parameters of CHANGED and CHANGES."""
    return {"snapshot": since.snapshot, "own": since.own, "most": MAX_KEYS + 1}


def changes_from(
    since: InvalidationPosition, snapshot: str, at: datetime, own: int | None, keys: list[str]
) -> tuple[InvalidationPosition, list[str]]:
    """Return the position and the keys of a row with the columns CHANGES."""
    known = at - since.at < MAX_ABSENCE and len(keys) <= MAX_KEYS
    return InvalidationPosition(snapshot, at, since.own if own is None else own), keys if known else [EVERYTHING]


CHANGED = """changed as materialized (
        -- Rows of this transaction itself are all visible: of these, the ones after its last call. Of others, the ones committed since.
        select c.xid, c.id, c.keys from invalidation_log c
        where c.xid >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
        and case when c.xid = pg_current_xact_id_if_assigned() then c.id > %(own)s
                 else not pg_visible_in_snapshot(c.xid, %(snapshot)s::pg_snapshot) end)"""
CHANGES = """pg_current_snapshot()::text, now(), (select max(id) from changed where xid = pg_current_xact_id_if_assigned()),
           array(select key from changed, unnest(changed.keys) key
               where key <> '*' or cardinality(changed.keys) = 1  -- beside other keys it is for the previous release
               order by changed.id limit %(most)s)"""
_CHANGED_SINCE = Prepared(f"with {CHANGED} select {CHANGES}")


def delete_old(cursor: Cursor, *, since: datetime, before: datetime, limit: int) -> datetime | None:
    """Delete at most `limit` rows from before that time and not from before `since`, the oldest first.

    Return the time of the newest of them if there may be more, else None.
    """
    until: datetime | None = fetch_value(
        cursor,
        """with deleted as (
               delete from invalidation_log where ctid = any(array(
                   select ctid from invalidation_log where at >= %(since)s and at < %(before)s order by at limit %(limit)s))
               returning at)
           select max(at) from deleted having count(*) = %(limit)s""",
        {"since": since, "before": before, "limit": limit},
    )
    return until
