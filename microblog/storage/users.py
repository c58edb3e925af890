"""Users: credentials, roles and preferences of accounts."""

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
from microblog.storage import account_addresses, accounts
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one, fetch_value, first_column
from microblog.storage.paging import bounds, directed, page_sql

COLUMNS = """l.account_id, l.email, l.password_hash, l.role, l.created_at, l.confirmed_at, l.approved_at, l.disabled_at, l.reason,
    l.preferences, l.new_email"""
WIDTH = 11
_SELECT = f"select {COLUMNS}, {accounts.COLUMNS} from users l, {accounts.FROM}"
_NOT_DELETED = " where a.id = l.account_id and a.deleted_at is null "


def login_from(*columns: Any) -> Login:
    """Build a user from a row's COLUMNS."""
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
    """Build preferences from a row. Missing ones get their defaults; ones that this version does not know are ignored."""
    known = fields_dict(Preferences)
    return Preferences(**{name: value for name, value in stored.items() if name in known})


def _account_with_login(*columns: Any) -> AccountWithLogin:
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
    address: str = "",
) -> bool:
    """Create the user of an account; return False if the e-mail address is in use. `address`: the client's; empty: unknown."""
    return bool(
        execute(
            cursor,
            """insert into users (account_id, email, password_hash, role, created_at, confirmed_at, approved_at, reason,
                                   preferences, invite_id, app_id, sign_up_address)
               values (%(account)s, %(email)s, %(hash)s, %(role)s, %(now)s, case when %(confirmed)s then %(now)s::timestamptz end,
                       case when %(approved)s then %(now)s::timestamptz end, %(reason)s, %(preferences)s, %(invite)s, %(app)s,
                       inet_or_null(%(address)s))
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
                "address": address,
            },
        )
    )


def _json(preferences: Preferences) -> str:
    return orjson.dumps(asdict(preferences)).decode()


def sign_up_app(cursor: Cursor, *, account: AccountId) -> AppId | None:
    """Return the app that the account signed up with; None for the website, and if unknown."""
    id = fetch_value(cursor, "select app_id from users where account_id = %(account)s", {"account": account})
    return None if id is None else AppId(id)


def by_account(cursor: Cursor, *, account: AccountId) -> AccountWithLogin | None:
    """Return the account with its user; None for accounts without a user and deleted ones."""
    return fetch_one(cursor, _account_with_login, _SELECT + _NOT_DELETED + "and l.account_id = %(account)s", {"account": account})


def by_name(cursor: Cursor, *, name: str, username: str) -> AccountWithLogin | None:
    """Return the user with the e-mail address `name` or, if there is none, with this username; without regard to case."""
    condition = f"""and a.id = coalesce((select account_id from users where lower(email) = lower(%(name)s)),
                        (select a.id from accounts a where lower(a.username) = lower(%(username)s) and {accounts.NAMED_HERE}))"""
    return fetch_one(cursor, _account_with_login, _SELECT + _NOT_DELETED + condition, {"name": name, "username": username})


def email_taken(cursor: Cursor, *, email: str) -> bool:
    """True if a user has the address."""
    return bool(fetch_value(cursor, "select exists (select from users where lower(email) = lower(%(email)s))", {"email": email}))


def page_of(
    cursor: Cursor, *, page: Page, pending: bool = False, role: Role | None = None, suspended: bool = False
) -> list[AccountWithLogin]:
    """Return users, newest first; optionally only applicants with a confirmed address (pending), with a role, or suspended ones."""
    sql = (
        _SELECT
        + _NOT_DELETED
        + """and a.id < %(max_id)s and a.id > %(min_id)s
             and (not %(pending)s or l.approved_at is null and l.confirmed_at is not null) and (%(role)s::text is null or l.role = %(role)s)
             and (not %(suspended)s or a.suspended_at is not null)
             order by a.id desc limit %(limit)s"""
    )
    params = bounds(page) | {"pending": pending, "role": role, "suspended": suspended}
    return directed(page, fetch_all(cursor, _account_with_login, page_sql(sql, page), params))


_SEARCH = (
    _SELECT
    + _NOT_DELETED
    + f"""and a.id < %(max_id)s and a.id > %(min_id)s
         -- State of the account.
         and case %(state)s when 'active' then a.suspended_at is null
                               when 'pending' then a.suspended_at is null and l.approved_at is null
                               when 'disabled' then a.suspended_at is null and l.disabled_at is not null
                               when 'silenced' then a.limited_at is not null
                               when 'sensitized' then a.sensitized_at is not null
                               when 'suspended' then a.suspended_at is not null
                               else true end
         and (not %(staff)s or l.role <> 'user') and (%(roles)s::text[] is null or l.role = any(%(roles)s))
         and (%(invited_by)s::bigint is null or l.invite_id in (select id from invites where created_by = %(invited_by)s))
         -- Used the address, or an address of the network.
         and (%(network)s::inet is null or a.id in (
             select account_id from {account_addresses.USED} used where address <<= %(network)s::inet))
         -- Prefixes of username, display name and e-mail address; empty ones match all.
         and starts_with(lower(a.username), lower(%(username)s)) and starts_with(lower(a.display_name), lower(%(display_name)s))
         and starts_with(lower(l.email), lower(%(email)s))
         order by a.id desc limit %(limit)s"""
)


def search(cursor: Cursor, *, page: Page, query: AccountQuery) -> list[AccountWithLogin]:
    """Return the users that match a moderator's query, newest first."""
    roles = None if query.roles is None else list(query.roles)
    network = None if query.network is None else str(query.network)
    params = bounds(page) | asdict(query) | {"roles": roles, "network": network}
    return directed(page, fetch_all(cursor, _account_with_login, page_sql(_SEARCH, page), params))


def by_accounts(cursor: Cursor, *, accounts: Collection[AccountId]) -> list[AccountWithLogin]:
    """Return the accounts that have a user."""
    return fetch_all(cursor, _account_with_login, _SELECT + _NOT_DELETED + "and a.id = any(%(ids)s)", {"ids": list(accounts)})


def staff(cursor: Cursor) -> list[AccountId]:
    """Return the ids of moderators and administrators."""
    cursor.execute("select account_id from users where role <> 'user'")
    return first_column(cursor.fetchall())


def change_password(cursor: Cursor, *, account: AccountId, password_hash: str, old_hash: str | None = None) -> bool:
    """Store the new password hash if the stored one is still `old_hash` (None: any); return False otherwise."""
    return bool(
        execute(
            cursor,
            """update users set password_hash = %(new)s
               where account_id = %(account)s and (%(old)s::text is null or password_hash = %(old)s)""",
            {"account": account, "new": password_hash, "old": old_hash},
        )
    )


def change_email(cursor: Cursor, *, account: AccountId, email: str, confirmed_at: datetime | None) -> bool:
    """Store the new address and drop an unconfirmed one. Return False if it is in use: then the transaction must be rolled back."""
    try:
        execute(
            cursor,
            "update users set email = %(email)s, confirmed_at = %(confirmed_at)s, new_email = null where account_id = %(account)s",
            {"account": account, "email": email, "confirmed_at": confirmed_at},
        )
    except UniqueViolation:
        return False
    return True


def set_new_email(cursor: Cursor, *, account: AccountId, email: str | None) -> None:
    """Store the address that waits for confirmation; None removes it."""
    execute(cursor, "update users set new_email = %(email)s where account_id = %(account)s", {"account": account, "email": email})


def role_of(cursor: Cursor, *, account: AccountId) -> Role | None:
    """Return the role of an account; None if it has no user."""
    return fetch_one(cursor, Role, "select role from users where account_id = %(account)s", {"account": account})


def change_role(cursor: Cursor, *, account: AccountId, role: Role) -> bool:
    """Store the role; return False if there is no such user."""
    return bool(execute(cursor, "update users set role = %(role)s where account_id = %(account)s", {"account": account, "role": role}))


def change_preferences(cursor: Cursor, *, account: AccountId, preferences: Preferences) -> None:
    """Store all preferences."""
    execute(
        cursor,
        "update users set preferences = %(preferences)s where account_id = %(account)s",
        {"account": account, "preferences": _json(preferences)},
    )


def change_preference(cursor: Cursor, *, account: AccountId, name: str, value: str | bool) -> bool:
    """Store one preference and keep the others; return False if there is no such user."""
    return bool(
        execute(
            cursor,
            "update users set preferences = preferences || %(preference)s where account_id = %(account)s",
            {"account": account, "preference": orjson.dumps({name: value}).decode()},
        )
    )


def approve(cursor: Cursor, *, account: AccountId, now: datetime) -> bool:
    """Approve the sign-up; return False if it was approved before."""
    return bool(
        execute(
            cursor,
            "update users set approved_at = %(now)s where account_id = %(account)s and approved_at is null",
            {"account": account, "now": now},
        )
    )


def confirm(cursor: Cursor, *, account: AccountId, now: datetime) -> bool:
    """Mark the address as confirmed; return False if it was before."""
    return bool(
        execute(
            cursor,
            "update users set confirmed_at = %(now)s where account_id = %(account)s and confirmed_at is null",
            {"account": account, "now": now},
        )
    )


def set_disabled(cursor: Cursor, *, account: AccountId, at: datetime | None) -> bool:
    """Disable the login, or with None enable it; return False if nothing changed."""
    return bool(
        execute(
            cursor,
            """update users set disabled_at = %(at)s
               where account_id = %(account)s and (disabled_at is null) = (%(at)s::timestamptz is not null)""",
            {"account": account, "at": at},
        )
    )


def delete(cursor: Cursor, *, account: AccountId) -> bool:
    """Delete the user, so that the address can be used again; return False if there is none."""
    return bool(execute(cursor, "delete from users where account_id = %(account)s", {"account": account}))
