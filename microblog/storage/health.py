"""The state of the site for health checks: one statement that reads a few entries of indexes."""

from __future__ import annotations

from collections.abc import Sequence

from microblog.model.health import SiteState
from microblog.storage.database import Cursor, Prepared, fetch_one
from microblog.storage.jobs import NEXT_DUE


def site_state(cursor: Cursor, *, kinds: Sequence[str]) -> SiteState:
    """Return the state of the site. `kinds`: the jobs that count."""
    found = fetch_one(cursor, SiteState, _SITE_STATE, {"kinds": list(kinds)})
    assert found is not None
    return found


# An e-mail that waits although a newer one was accepted has a problem with its recipient, which is not one of the site. Each state by
# itself, as a constant: else PostgreSQL looks for the state along the ids, through all e-mails.
_SITE_STATE = Prepared(
    f"""select clock_timestamp(), ({NEXT_DUE}),
        least((select e.created_at from emails e where e.state = 'waiting' and e.id > accepted.id order by e.id limit 1),
              (select e.created_at from emails e where e.state = 'deferred' and e.id > accepted.id order by e.id limit 1)),
        (select min(at) from events where xid >= pg_snapshot_xmin(pg_current_snapshot())),
        (select coalesce(array_agg(name order by number), '{{}}') from migrations)
    from (select greatest(0, (select id from emails where state = 'sent' order by id desc limit 1),
                          (select id from emails where state = 'kept' order by id desc limit 1)) id) accepted"""
)
