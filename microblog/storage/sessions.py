"""Login sessions of browsers. Tokens are stored as hashes only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from microblog.model.accounts import Role, Session, Viewer
from microblog.model.ids import AccountId, SessionId
from microblog.storage import accounts
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one, fetch_value, first_column
from microblog.storage.users import preferences_from

COLUMNS = "s.id, s.account_id, s.created_at, s.seen_at, s.expires_at, s.address, s.user_agent"
WIDTH = 7


def open_session(
    cursor: Cursor,
    *,
    account: AccountId,
    token_hash: bytes,
    now: datetime,
    expires_at: datetime,
    address: str,
    user_agent: str,
    verified_hash: str | None,
) -> SessionId | None:
    """Create a session; return None if the account may not log in at this moment.

    `verified_hash`: the password hash that was checked; if it has changed since, no session is created.
    """
    id = fetch_value(
        cursor,
        """insert into sessions (id, token_hash, account_id, created_at, seen_at, expires_at, address, user_agent)
           select new_id(%(now)s), %(token_hash)s, l.account_id, %(now)s, %(now)s, %(expires_at)s, %(address)s, %(user_agent)s
           from (select account_id from users where account_id = %(account)s and disabled_at is null
                 and (%(verified_hash)s::text is null or password_hash = %(verified_hash)s) for share) l
           join (select id from accounts where id = %(account)s and suspended_at is null and deleted_at is null for share) a
                on a.id = l.account_id
           returning id""",
        {
            "account": account,
            "token_hash": token_hash,
            "now": now,
            "expires_at": expires_at,
            "address": address,
            "user_agent": user_agent,
            "verified_hash": verified_hash,
        },
    )
    return None if id is None else SessionId(id)


def by_token(cursor: Cursor, *, token_hash: bytes, now: datetime) -> tuple[Viewer, Session] | None:
    """Return the account and session of this token; None if it has expired or ended, or if the account may not log in."""

    def found(role: str, preferences: dict[str, Any], pending: bool, *columns: Any) -> tuple[Viewer, Session]:
        session = Session(*columns[:WIDTH])
        account = accounts.account_from(*columns[WIDTH:])
        return Viewer(account, Role(role), preferences_from(preferences), session.id, pending), session

    return fetch_one(
        cursor,
        found,
        _BY_TOKEN,
        {"token_hash": token_hash, "now": now},
    )


_BY_TOKEN = Prepared(f"""select l.role, l.preferences, l.approved_at is null or l.confirmed_at is null, {COLUMNS}, {accounts.COLUMNS}
    from sessions s join users l on l.account_id = s.account_id, {accounts.FROM}
    where a.id = s.account_id and s.token_hash = %(token_hash)s and s.expires_at > %(now)s
    and l.disabled_at is null and a.suspended_at is null and a.deleted_at is null""")


def is_unexpired(cursor: Cursor, *, token_hash: bytes, now: datetime) -> bool:
    """True if there is an unexpired session with this token, even if its account may not log in."""
    sql = "select exists (select from sessions where token_hash = %(token_hash)s and expires_at > %(now)s)"
    return bool(fetch_value(cursor, sql, {"token_hash": token_hash, "now": now}))


def of_account(cursor: Cursor, *, account: AccountId, now: datetime) -> list[Session]:
    """Return the account's sessions, newest first."""
    return fetch_all(
        cursor,
        Session,
        """select id, account_id, created_at, seen_at, expires_at, address, user_agent from sessions
           where account_id = %(account)s and expires_at > %(now)s order by id desc""",
        {"account": account, "now": now},
    )


def record_activity(cursor: Cursor, *, id: SessionId, now: datetime, expires_at: datetime) -> None:
    """Record activity in the session and extend it."""
    execute(
        cursor,
        "update sessions set seen_at = %(now)s, expires_at = %(expires_at)s where id = %(id)s",
        {"id": id, "now": now, "expires_at": expires_at},
    )


def end(cursor: Cursor, *, account: AccountId, id: SessionId) -> bool:
    """End this session of the account; return False if there is none."""
    return bool(execute(cursor, "delete from sessions where id = %(id)s and account_id = %(account)s", {"id": id, "account": account}))


def end_by_token(cursor: Cursor, *, token_hash: bytes) -> tuple[AccountId, SessionId] | None:
    """End the session with this token; return its account and id, or None if there is none."""
    return fetch_one(
        cursor,
        lambda account, id: (AccountId(account), SessionId(id)),
        "delete from sessions where token_hash = %(token_hash)s returning account_id, id",
        {"token_hash": token_hash},
    )


def end_all(cursor: Cursor, *, account: AccountId, excluding: SessionId | None = None) -> list[SessionId]:
    """End all sessions of the account except `excluding`; return their ids."""
    cursor.execute(
        "delete from sessions where account_id = %(account)s and id is distinct from %(excluding)s returning id",
        {"account": account, "excluding": excluding},
    )
    return first_column(cursor.fetchall())


def end_oldest(cursor: Cursor, *, account: AccountId, keep: int) -> list[SessionId]:
    """End all but the `keep` most recently used sessions; return their ids."""
    cursor.execute(
        """delete from sessions where id in (
               select id from sessions where account_id = %(account)s order by seen_at desc, id desc offset %(keep)s) returning id""",
        {"account": account, "keep": keep},
    )
    return first_column(cursor.fetchall())


def delete_expired(cursor: Cursor, *, now: datetime, limit: int) -> int:
    """Delete at most `limit` expired sessions; return their number."""
    return execute(
        cursor,
        "delete from sessions where id in (select id from sessions where expires_at <= %(now)s order by expires_at limit %(limit)s)",
        {"now": now, "limit": limit},
    )
