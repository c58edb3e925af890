"""Invites: codes that let people sign up."""

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
    """Write an invite."""
    return InviteId(
        fetch_value(
            cursor,
            """insert into invites (id, code, created_by, created_at, expires_at, max_uses)
               values (new_id(%(now)s), %(code)s, %(created_by)s, %(now)s, %(expires_at)s, %(max_uses)s) returning id""",
            {"code": code, "created_by": created_by, "now": now, "expires_at": expires_at, "max_uses": max_uses},
        )
    )


def use(cursor: Cursor, *, code: str, now: datetime) -> InviteId | None:
    """Count one use of the invite; None if there is no such code, or it is used up or expired. Two at once cannot share the last use."""
    id = fetch_value(
        cursor,
        """update invites set uses = uses + 1
           where code = %(code)s and (expires_at is null or expires_at > %(now)s) and (max_uses is null or uses < max_uses)
           returning id""",
        {"code": code, "now": now},
    )
    return None if id is None else InviteId(id)


def usable(cursor: Cursor, *, code: str, now: datetime) -> bool:
    """True if the code would let somebody in now."""
    return bool(
        fetch_value(
            cursor,
            """select exists (select from invites where code = %(code)s and (expires_at is null or expires_at > %(now)s)
                              and (max_uses is null or uses < max_uses))""",
            {"code": code, "now": now},
        )
    )


def newest(cursor: Cursor, *, limit: int, created_by: AccountId | None = None) -> list[Invite]:
    """Invites, the newest first; only those of one account, if asked for."""
    return fetch_all(
        cursor,
        Invite,
        """select id, code, created_by, created_at, expires_at, uses, max_uses from invites
           where %(created_by)s::bigint is null or created_by = %(created_by)s order by id desc limit %(limit)s""",
        {"created_by": created_by, "limit": limit},
    )


def end(cursor: Cursor, *, code: str, now: datetime) -> bool:
    """Let nobody else in by the code; False if there is no such code, or it had ended."""
    return bool(
        execute(
            cursor,
            "update invites set expires_at = %(now)s where code = %(code)s and (expires_at is null or expires_at > %(now)s)",
            {"code": code, "now": now},
        )
    )
