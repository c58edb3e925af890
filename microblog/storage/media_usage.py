"""Numbers of attachments, for administrators. Each reads the whole table."""

from __future__ import annotations

from microblog.model.media import MediaKind
from microblog.storage.database import Cursor, fetch_all, fetch_value


def attachments_by_kind(cursor: Cursor) -> dict[MediaKind, int]:
    """Count the attachments that people here uploaded."""
    sql = "select kind, count(*)::int from media where remote_url is null group by kind order by kind"
    return dict(fetch_all(cursor, lambda kind, number: (MediaKind(kind), int(number)), sql))


def unattached(cursor: Cursor) -> int:
    """Count the uploads that nothing uses at the moment."""
    return int(fetch_value(cursor, "select count(*) from media where unattached_since is not null"))
