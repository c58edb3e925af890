"""Settings of the site that administrators changed on its pages."""

from __future__ import annotations

from datetime import datetime

from psycopg2.extras import Json

from microblog.model.site_settings import StoredValue
from microblog.storage.database import Cursor, execute, fetch_all, fetch_value


def stored(cursor: Cursor) -> dict[str, StoredValue]:
    """Return the stored values by name."""
    sql = "select name, value, updated_at from site_settings"
    return dict(fetch_all(cursor, lambda name, value, updated_at: (str(name), StoredValue(value, updated_at)), sql))


def lock(cursor: Cursor) -> None:
    """Let nobody else change the settings until this transaction ends."""
    fetch_value(cursor, "select pg_advisory_xact_lock(-7415963103)")


def store(cursor: Cursor, *, name: str, value: str | bool, now: datetime) -> None:
    """Store the value of one setting."""
    execute(
        cursor,
        """insert into site_settings (name, value, updated_at) values (%(name)s, %(value)s, %(now)s)
           on conflict (name) do update set value = excluded.value, updated_at = excluded.updated_at""",
        {"name": name, "value": Json(value), "now": now},
    )
