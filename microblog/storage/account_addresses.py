"""Network addresses of accounts: of sessions, of the last use of access tokens, and of sign-ups."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from microblog.model.account_origins import AccountAddress, AccountOrigin, AddressSource
from microblog.model.ids import AccountId, AppId
from microblog.storage.database import Cursor, execute, fetch_all

MAX_ADDRESSES = 50  # of one account; the most recently used

USED = """(select account_id, inet_or_null(address) as address, seen_at as used_at, 'session' as source from sessions
    union all select account_id, address, used_at, 'app' from tokens where address is not null
    union all select account_id, sign_up_address, created_at, 'sign_up' from users where sign_up_address is not null)"""
"""All uses of addresses: account_id, address, used_at, source. The address may be null."""


def of_accounts(cursor: Cursor, *, accounts: Collection[AccountId]) -> dict[AccountId, list[AccountAddress]]:
    """Return the addresses of each of these accounts that has any, the most recently used first, at most MAX_ADDRESSES of each."""

    def row(account: int, address: str, used_at: datetime, sources: Sequence[str]) -> tuple[AccountId, AccountAddress]:
        return AccountId(account), AccountAddress(address, used_at, tuple(AddressSource(source) for source in sources))

    found: dict[AccountId, list[AccountAddress]] = {}
    for account, address in fetch_all(cursor, row, _OF_ACCOUNTS, {"accounts": list(accounts), "limit": MAX_ADDRESSES}):
        found.setdefault(account, []).append(address)
    return found


_OF_ACCOUNTS = f"""select id, host(u.address), u.used_at, u.sources from unnest(%(accounts)s::bigint[]) id, lateral (
        select address, max(used_at) as used_at, array_agg(distinct source order by source) as sources from {USED} used
        where account_id = id and address is not null group by address order by max(used_at) desc, address limit %(limit)s) u
    order by id, u.used_at desc, u.address"""


def sign_ups(cursor: Cursor, *, accounts: Collection[AccountId]) -> list[tuple[AccountId, AccountOrigin]]:
    """Return how those of these accounts that have a user signed up, without addresses."""

    def row(account: int, inviter: int | None, name: str | None, app: int | None, app_name: str | None) -> tuple[AccountId, AccountOrigin]:
        by = None if inviter is None else AccountId(inviter)
        return AccountId(account), AccountOrigin((), by, name or "", None if app is None else AppId(app), app_name or "")

    return fetch_all(
        cursor,
        row,
        """select u.account_id, i.created_by, c.username, u.app_id, p.name from users u left join apps p on p.id = u.app_id
           left join invites i on i.id = u.invite_id left join accounts c on c.id = i.created_by and c.deleted_at is null
           where u.account_id = any(%(accounts)s)""",
        {"accounts": list(accounts)},
    )


def forget_of_tokens(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete at most `limit` addresses of tokens that were last used before that time; return their number."""
    return execute(
        cursor,
        """update tokens set address = null where id in (
               select id from tokens where address is not null and used_at < %(before)s order by used_at limit %(limit)s)""",
        {"before": before, "limit": limit},
    )


def forget_of_sign_ups(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete at most `limit` addresses of sign-ups before that time; return their number."""
    return execute(
        cursor,
        """update users set sign_up_address = null where account_id in (
               select account_id from users where sign_up_address is not null and created_at < %(before)s
               order by created_at limit %(limit)s)""",
        {"before": before, "limit": limit},
    )
