"""The software of other servers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from microblog.model.federation import HostSoftware
from microblog.storage.database import Cursor, execute, fetch_all


def unread(cursor: Cursor, *, hosts: Sequence[str], before: datetime) -> list[str]:
    """Return those of these hosts whose software was not read since `before`."""
    return fetch_all(
        cursor,
        str,
        """select given.host from unnest(%(hosts)s::text[]) given (host)
           where not exists (select from host_software s where s.host = given.host and s.read_at >= %(before)s)""",
        {"hosts": list(hosts), "before": before},
    )


def store(cursor: Cursor, *, host: str, software: HostSoftware | None, now: datetime) -> None:
    """Store the software of a host as read now; None keeps what is known."""
    execute(
        cursor,
        """insert into host_software as s (host, name, version, read_at)
           values (%(host)s, coalesce(%(name)s, ''), coalesce(%(version)s, ''), %(now)s)
           on conflict (host) do update set read_at = excluded.read_at,
               name = coalesce(%(name)s, s.name), version = coalesce(%(version)s, s.version)""",
        {"host": host, "name": software and software.name, "version": software and software.version, "now": now},
    )
