"""Invites: codes that allow people to sign up."""

from __future__ import annotations

from datetime import datetime

from microblog.model.accounts import Invite
from microblog.model.ids import AccountId, InviteId
from microblog.storage.database import Cursor, execute, fetch_all, fetch_value


def insert(
    cursor: Cursor,
    *,
    code: str,
    created_by: AccountId | None,
    now: datetime,
    expires_at: datetime | None = None,
    max_uses: int | None = None,
) -> InviteId:
    """Store an invite."""
    return InviteId(
        fetch_value(
            cursor,
            """insert into invites (id, code, created_by, created_at, expires_at, max_uses)
               values (new_id(%(now)s), %(code)s, %(created_by)s, %(now)s, %(expires_at)s, %(max_uses)s) returning id""",
            {"code": code, "created_by": created_by, "now": now, "expires_at": expires_at, "max_uses": max_uses},
        )
    )


def use(cursor: Cursor, *, code: str, now: datetime) -> InviteId | None:
    """Use the invite once; return None if the code is unknown, used up or expired. Concurrent sign-ups cannot share the last use."""
    id = fetch_value(
        cursor,
        """update invites set uses = uses + 1
           where code = %(code)s and (expires_at is null or expires_at > %(now)s) and (max_uses is null or uses < max_uses)
           returning id""",
        {"code": code, "now": now},
    )
    return None if id is None else InviteId(id)


def usable(cursor: Cursor, *, code: str, now: datetime) -> bool:
    """True if the code allows a sign-up now."""
    return bool(
        fetch_value(
            cursor,
            """select exists (select from invites where code = %(code)s and (expires_at is null or expires_at > %(now)s)
                              and (max_uses is null or uses < max_uses))""",
            {"code": code, "now": now},
        )
    )


def newest(cursor: Cursor, *, limit: int, created_by: AccountId | None = None) -> list[Invite]:
    """Return invites, newest first; optionally only those that one account created."""
    return fetch_all(
        cursor,
        Invite,
        """select id, code, created_by, created_at, expires_at, uses, max_uses from invites
           where %(created_by)s::bigint is null or created_by = %(created_by)s order by id desc limit %(limit)s""",
        {"created_by": created_by, "limit": limit},
    )


def revoke(cursor: Cursor, *, code: str, now: datetime) -> bool:
    """Revoke the invite; return False if there is no such code or it has ended."""
    return bool(
        execute(
            cursor,
            "update invites set expires_at = %(now)s where code = %(code)s and (expires_at is null or expires_at > %(now)s)",
            {"code": code, "now": now},
        )
    )
