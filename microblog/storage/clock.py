"""The database's clock: the upper bound for the time in new ids."""

from __future__ import annotations

from datetime import datetime

from microblog.model.ids import PostId
from microblog.storage.database import Cursor, fetch_one


def read_clock(cursor: Cursor) -> tuple[datetime, PostId | None]:
    """Return the time of the database's clock and the highest post id."""
    found = fetch_one(cursor, lambda now, newest: (now, newest), "select clock_timestamp(), (select max(id) from posts)")
    assert found is not None
    return found
