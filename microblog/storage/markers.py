"""Read positions: one row for each account and timeline."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from microblog.model.ids import AccountId
from microblog.model.markers import Marker
from microblog.storage.database import Cursor, fetch_all
from microblog.storage.events import BADGES_CHANGED


def of_account(cursor: Cursor, *, account: AccountId, timelines: Collection[str]) -> list[Marker]:
    """Return the account's markers of these timelines, where there are any."""
    return fetch_all(
        cursor,
        Marker,
        """select timeline, last_read_id, version, updated_at from markers
           where account_id = %(account)s and timeline = any(%(timelines)s) order by timeline""",
        {"account": account, "timelines": list(timelines)},
    )


def put(cursor: Cursor, *, account: AccountId, timeline: str, last_read_id: int, now: datetime) -> list[Marker]:
    """Set a marker, also backwards; return it."""
    return fetch_all(
        cursor,
        Marker,
        f"""with moved as (
               insert into markers (account_id, timeline, last_read_id, updated_at) values (%(account)s, %(timeline)s, %(id)s, %(now)s)
               on conflict (account_id, timeline) do update
               set last_read_id = excluded.last_read_id, version = markers.version + 1, updated_at = excluded.updated_at
               returning account_id, timeline, last_read_id, version, updated_at),
           notified as ({BADGES_CHANGED} from moved where timeline = 'notifications')
           select timeline, last_read_id, version, updated_at from moved""",
        {"account": account, "timeline": timeline, "id": last_read_id, "now": now},
    )
