"""Logins: what belongs to an account and is nobody else's business."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import orjson
from attrs import asdict, fields_dict
from psycopg2.errors import UniqueViolation

from microblog.model.accounts import AccountWithLogin, Login, Preferences, Role
from microblog.model.ids import AccountId, AppId
from microblog.model.moderation import AccountQuery
from microblog.model.paging import Page
from microblog.storage import accounts
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one, fetch_value, first_column
from microblog.storage.paging import bounds, directed, page_sql

COLUMNS = """l.account_id, l.email, l.password_hash, l.role, l.created_at, l.confirmed_at, l.approved_at, l.disabled_at, l.reason,
    l.preferences, l.new_email"""
WIDTH = 11
_MEMBERS = f"select {COLUMNS}, {accounts.COLUMNS} from users l, {accounts.FROM}"
_OF_LOGIN = " where a.id = l.account_id and a.deleted_at is null "


def login_from(*columns: Any) -> Login:
    """The login that a row's COLUMNS hold."""
    account_id, email, password_hash, role, created_at, confirmed_at, approved_at, disabled_at, reason, preferences, new_email = columns
    return Login(
        account_id,
        email,
        password_hash,
        Role(role),
        created_at,
        confirmed_at,
        approved_at,
        disabled_at,
        reason,
        preferences_from(preferences),
        new_email,
    )


def preferences_from(stored: dict[str, Any]) -> Preferences:
    """The preferences that a row holds; what it does not say is as for everybody, and what this version does not know is left out."""
    known = fields_dict(Preferences)
    return Preferences(**{name: value for name, value in stored.items() if name in known})


def _member(*columns: Any) -> AccountWithLogin:
    return AccountWithLogin(accounts.account_from(*columns[WIDTH:]), login_from(*columns[:WIDTH]))


def insert(
    cursor: Cursor,
    *,
    account: AccountId,
    email: str,
    password_hash: str,
    now: datetime,
    role: Role = Role.USER,
    confirmed: bool = True,
    approved: bool = True,
    reason: str = "",
    preferences: Preferences | None = None,
    invite: int | None = None,
    app: int | None = None,
) -> bool:
    """Give the account its login; False if the address is somebody's already."""
    return bool(
        execute(
            cursor,
            """insert into users (account_id, email, password_hash, role, created_at, confirmed_at, approved_at, reason,
                                   preferences, invite_id, app_id)
               values (%(account)s, %(email)s, %(hash)s, %(role)s, %(now)s, case when %(confirmed)s then %(now)s::timestamptz end,
                       case when %(approved)s then %(now)s::timestamptz end, %(reason)s, %(preferences)s, %(invite)s, %(app)s)
               on conflict do nothing""",
            {
                "account": account,
                "email": email,
                "hash": password_hash,
                "role": role,
                "now": now,
                "confirmed": confirmed,
                "approved": approved,
                "reason": reason,
                "preferences": _json(preferences or Preferences()),
                "invite": invite,
                "app": app,
            },
        )
    )


def _json(preferences: Preferences) -> str:
    return orjson.dumps(asdict(preferences)).decode()


def signed_up_with(cursor: Cursor, *, account: AccountId) -> AppId | None:
    """The program that the account was made with; None for the site, and where that is not known any more."""
    id = fetch_value(cursor, "select app_id from users where account_id = %(account)s", {"account": account})
    return None if id is None else AppId(id)


def by_account(cursor: Cursor, *, account: AccountId) -> AccountWithLogin | None:
    """The account's member record; none for bots of the system and for the deleted."""
    return fetch_one(cursor, _member, _MEMBERS + _OF_LOGIN + "and l.account_id = %(account)s", {"account": account})


def by_name(cursor: Cursor, *, name: str, username: str) -> AccountWithLogin | None:
    """Whoever has the e-mail address `name` or, if nobody has, this username; in whatever case they are written."""
    condition = """and a.id = coalesce((select account_id from users where lower(email) = lower(%(name)s)),
                                       (select id from accounts where lower(username) = lower(%(username)s)))"""
    return fetch_one(cursor, _member, _MEMBERS + _OF_LOGIN + condition, {"name": name, "username": username})


def email_taken(cursor: Cursor, *, email: str) -> bool:
    """True if somebody has the address."""
    return bool(fetch_value(cursor, "select exists (select from users where lower(email) = lower(%(email)s))", {"email": email}))


def page_of(
    cursor: Cursor, *, page: Page, pending: bool = False, role: Role | None = None, suspended: bool = False
) -> list[AccountWithLogin]:
    """Members, the newest first; only applicants, only those with a role, only the suspended, if asked for."""
    sql = (
        _MEMBERS
        + _OF_LOGIN
        + """and a.id < %(max_id)s and a.id > %(min_id)s
             and (not %(pending)s or l.approved_at is null) and (%(role)s::text is null or l.role = %(role)s)
             and (not %(suspended)s or a.suspended_at is not null)
             order by a.id desc limit %(limit)s"""
    )
    params = bounds(page) | {"pending": pending, "role": role, "suspended": suspended}
    return directed(page, fetch_all(cursor, _member, page_sql(sql, page), params))


_SOUGHT = (
    _MEMBERS
    + _OF_LOGIN
    + """and a.id < %(max_id)s and a.id > %(min_id)s
         and case %(state)s when 'active' then a.suspended_at is null
                               when 'pending' then a.suspended_at is null and l.approved_at is null
                               when 'disabled' then a.suspended_at is null and l.disabled_at is not null
                               when 'silenced' then a.limited_at is not null
                               when 'suspended' then a.suspended_at is not null
                               else true end
         and (not %(staff)s or l.role <> 'user')
         and starts_with(lower(a.username), lower(%(username)s)) and starts_with(lower(a.display_name), lower(%(display_name)s))
         and starts_with(lower(l.email), lower(%(email)s))
         order by a.id desc limit %(limit)s"""
)


def sought(cursor: Cursor, *, page: Page, wanted: AccountQuery) -> list[AccountWithLogin]:
    """Those members that a moderator looks for, the newest first."""
    return directed(page, fetch_all(cursor, _member, page_sql(_SOUGHT, page), bounds(page) | asdict(wanted)))


def by_accounts(cursor: Cursor, *, accounts: Collection[AccountId]) -> list[AccountWithLogin]:
    """Those of the accounts that have a login."""
    return fetch_all(cursor, _member, _MEMBERS + _OF_LOGIN + "and a.id = any(%(ids)s)", {"ids": list(accounts)})


def staff(cursor: Cursor) -> list[AccountId]:
    """Moderators and administrators."""
    cursor.execute("select account_id from users where role <> 'user'")
    return first_column(cursor.fetchall())


def change_password(cursor: Cursor, *, account: AccountId, password_hash: str, old_hash: str | None = None) -> bool:
    """Write the new hash, if (where that is given) the old one is still there; False if not."""
    return bool(
        execute(
            cursor,
            """update users set password_hash = %(new)s
               where account_id = %(account)s and (%(old)s::text is null or password_hash = %(old)s)""",
            {"account": account, "new": password_hash, "old": old_hash},
        )
    )


def change_email(cursor: Cursor, *, account: AccountId, email: str, confirmed_at: datetime | None) -> bool:
    """Write the new address, instead of any that waits; False if it is somebody else's, and then the transaction can only be given up."""
    try:
        execute(
            cursor,
            "update users set email = %(email)s, confirmed_at = %(confirmed_at)s, new_email = null where account_id = %(account)s",
            {"account": account, "email": email, "confirmed_at": confirmed_at},
        )
    except UniqueViolation:
        return False
    return True


def propose_email(cursor: Cursor, *, account: AccountId, email: str | None) -> None:
    """Write down which address is to be the new one, once it is proved; None for no other."""
    execute(cursor, "update users set new_email = %(email)s where account_id = %(account)s", {"account": account, "email": email})


def role_of(cursor: Cursor, *, account: AccountId) -> Role | None:
    """The role of an account; None for one without a login."""
    return fetch_one(cursor, Role, "select role from users where account_id = %(account)s", {"account": account})


def change_role(cursor: Cursor, *, account: AccountId, role: Role) -> bool:
    """Write the new role; False if there is no such login."""
    return bool(execute(cursor, "update users set role = %(role)s where account_id = %(account)s", {"account": account, "role": role}))


def change_preferences(cursor: Cursor, *, account: AccountId, preferences: Preferences) -> None:
    """Write all preferences."""
    execute(
        cursor,
        "update users set preferences = %(preferences)s where account_id = %(account)s",
        {"account": account, "preferences": _json(preferences)},
    )


def change_preference(cursor: Cursor, *, account: AccountId, name: str, value: str | bool) -> bool:
    """Write one preference and leave the others; False if there is no such login."""
    return bool(
        execute(
            cursor,
            "update users set preferences = preferences || %(one)s where account_id = %(account)s",
            {"account": account, "one": orjson.dumps({name: value}).decode()},
        )
    )


def approve(cursor: Cursor, *, account: AccountId, now: datetime) -> bool:
    """Let the applicant in; False if that was done before."""
    return bool(
        execute(
            cursor,
            "update users set approved_at = %(now)s where account_id = %(account)s and approved_at is null",
            {"account": account, "now": now},
        )
    )


def confirm(cursor: Cursor, *, account: AccountId, now: datetime) -> bool:
    """The address is proved to be theirs; False if it was before."""
    return bool(
        execute(
            cursor,
            "update users set confirmed_at = %(now)s where account_id = %(account)s and confirmed_at is null",
            {"account": account, "now": now},
        )
    )


def set_disabled(cursor: Cursor, *, account: AccountId, at: datetime | None) -> bool:
    """Shut the login, or with None open it again; False if it was so already."""
    return bool(
        execute(
            cursor,
            """update users set disabled_at = %(at)s
               where account_id = %(account)s and (disabled_at is null) = (%(at)s::timestamptz is not null)""",
            {"account": account, "at": at},
        )
    )


def delete(cursor: Cursor, *, account: AccountId) -> bool:
    """The account has no login any more, and its address is free again."""
    return bool(execute(cursor, "delete from users where account_id = %(account)s", {"account": account}))
