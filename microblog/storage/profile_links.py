"""Links in profile fields that were checked: which of their pages link back to the profile."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import orjson

from microblog.model.ids import AccountId
from microblog.storage.database import Cursor, execute, fetch_value


def has_unchecked(cursor: Cursor, *, account: AccountId, links: Collection[str]) -> bool:
    """True if one of the links on a profile was not checked yet."""
    sql = "select not coalesce(verified_links, '{}') ?& %(links)s::text[] from accounts where id = %(account)s"
    return bool(fetch_value(cursor, sql, {"account": account, "links": list(links)}))


def checked(cursor: Cursor, *, account: AccountId) -> dict[str, datetime | None]:
    """Return the checked links of a profile: when their pages were found to link back, None if they do not."""
    found = fetch_value(cursor, "select verified_links from accounts where id = %(account)s", {"account": account})
    return {link: None if at is None else datetime.fromisoformat(at) for link, at in (found or {}).items()}


def store(cursor: Cursor, *, account: AccountId, links: Mapping[str, datetime | None]) -> None:
    """Replace the checked links of a profile."""
    value = orjson.dumps({link: None if at is None else at.isoformat(timespec="seconds") for link, at in links.items()}).decode()
    execute(
        cursor,
        """update accounts set verified_links = nullif(%(links)s::jsonb, '{}')
           where id = %(account)s and deleted_at is null and verified_links is distinct from nullif(%(links)s::jsonb, '{}')""",
        {"account": account, "links": value},
    )
