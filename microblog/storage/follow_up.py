"""One query after a commit: the new events, the changed cache keys, and when the next job is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

from microblog.model.events import Event, Position
from microblog.storage import events, invalidation_log, jobs, live_queries
from microblog.storage.database import Cursor, Prepared, fetch_one
from microblog.storage.invalidation_log import InvalidationPosition

MAX_EVENTS = 100  # with more, the log is read as usual
MAX_JOBS = 20  # that are looked at


@frozen
class FollowUpResult:
    """Everything that was committed since two positions.

    `held_back`: an event is committed but unreadable until an older transaction ends. `due`: when the first of the next jobs is due.
    """

    events: Sequence[Event]
    held_back: bool
    log_position: InvalidationPosition
    keys: list[str]
    due: datetime | None

    @property
    def more(self) -> bool:
        """True if there may be more events."""
        return len(self.events) == MAX_EVENTS


def after_commit(
    cursor: Cursor, *, events_after: Position, changed_since: InvalidationPosition, kinds: Sequence[str], soon: datetime
) -> FollowUpResult:
    """Return the events and changes after these positions, and when one of the jobs of these `kinds` is due before `soon`.

    One statement, so one snapshot: the changes include those of all transactions whose events are returned.
    """

    def found(held_back: bool, due: datetime | None, listed: list[Any] | None, *changed: Any) -> FollowUpResult:
        read = [events.event_from(events_after.epoch, *columns, datetime.fromisoformat(at)) for *columns, at in listed or ()]
        return FollowUpResult(read, held_back, *invalidation_log.changes_from(changed_since, *changed), due)

    params = {
        "xid": str(events_after.xid),
        "id": events_after.id,
        "limit": MAX_EVENTS,
        **invalidation_log.params_since(changed_since),
        "kinds": list(kinds),
        "soon": soon,
    }
    result = fetch_one(cursor, found, _AFTER_COMMIT, params)
    assert result is not None
    return result


_AFTER_COMMIT = Prepared(f"""
    with {invalidation_log.CHANGED},
    next as materialized ({events.AFTER})
    select not exists (select from next) and coalesce(({live_queries.HELD_BACK}), false),
           (select min(due_at) from ({jobs.DUE_SOON} limit {MAX_JOBS}) waiting),
           (select json_agg(json_build_array(xid::text, id, kind, account_id, subject_id, post_id, data, at) order by xid, id) from next),
           {invalidation_log.CHANGES}""")
