"""Suspensions and limits of single accounts of other servers, the search for these accounts, and the end of suspensions here.

An account of another server may be suspended by the moderators, by its own server, or by a rule for its domain. The moderators' decision
replaces the others.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from microblog.model.accounts import Account
from microblog.model.ids import AccountId
from microblog.model.moderation import RemoteAccountQuery
from microblog.model.paging import Page
from microblog.storage.accounts import SELECT, account_from
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one, fetch_value
from microblog.storage.paging import bounds, directed, page_sql

_REMOTE = f"{SELECT} where a.host is not null and a.deleted_at is null"


def by_id(cursor: Cursor, *, id: AccountId) -> Account | None:
    """Return an account of another server; None if there is none or it was deleted."""
    return fetch_one(cursor, account_from, f"{_REMOTE} and a.id = %(id)s", {"id": id})


def search(cursor: Cursor, *, page: Page, query: RemoteAccountQuery) -> list[Account]:
    """Return accounts of other servers that match a moderator's query, newest first."""
    params = bounds(page) | {"state": query.state, "domain": query.domain, "username": query.username, "name": query.display_name}
    return directed(page, fetch_all(cursor, account_from, page_sql(_SEARCH, page), params))


_SEARCH = (
    _REMOTE
    + """ and a.id < %(max_id)s and a.id > %(min_id)s and (%(domain)s = '' or a.host = %(domain)s)
        and case %(state)s when 'active' then a.suspended_at is null
                           when 'silenced' then a.limited_at is not null
                           when 'sensitized' then a.sensitized_at is not null
                           when 'suspended' then a.suspended_at is not null
                           when 'restricted' then a.suspended_at is not null or a.limited_at is not null
                           when '' then true else false end
        and starts_with(lower(a.username), lower(%(username)s)) and starts_with(lower(a.display_name), lower(%(name)s))
        order by a.id desc limit %(limit)s"""
)


def suspend(cursor: Cursor, *, id: AccountId, at: datetime, by_host: bool) -> bool:
    """Suspend the account; False if it is suspended already. A decision of the moderators holds whatever else ends."""
    if not by_host:
        execute(cursor, "update accounts set suspended_by_domain = false where id = %(id)s and suspended_by_domain", {"id": id})
        execute(cursor, "update remote_actors set suspended_by_host = false where account_id = %(id)s and suspended_by_host", {"id": id})
    sql = """update accounts set suspended_at = %(at)s
        where id = %(id)s and host is not null and deleted_at is null and suspended_at is null"""
    suspended = bool(execute(cursor, sql, {"id": id, "at": at}))
    if suspended and by_host:
        execute(cursor, "update remote_actors set suspended_by_host = true where account_id = %(id)s", {"id": id})
    return suspended


def restore(cursor: Cursor, *, id: AccountId, by_host: bool) -> bool:
    """Lift the suspension, unless a rule for the domain causes it; False if nothing changed. Its own server lifts only its own one."""
    sql = """with host as (
            update remote_actors set suspended_by_host = false where account_id = %(id)s and suspended_by_host returning account_id)
        update accounts set suspended_at = null
        where id = %(id)s and host is not null and suspended_at is not null and not suspended_by_domain
            and (not %(by_host)s or id in (select account_id from host))"""
    return bool(execute(cursor, sql, {"id": id, "by_host": by_host}))


def suspended_since(cursor: Cursor, *, id: AccountId) -> datetime | None:
    """Return when the account was suspended, which does not change until the transaction ends; None if it is not."""
    sql = "select suspended_at from accounts where id = %(id)s and host is not null for no key update"
    found: list[datetime | None] = fetch_all(cursor, lambda at: at, sql, {"id": id})
    return found[0] if found else None


_KEPT_UNTIL = "greatest(a.suspended_at + %(kept_for)s, u.kept_until)"


def kept_until(cursor: Cursor, *, id: AccountId, kept_for: timedelta) -> datetime | None:
    """Return when a suspended account of this site is due to be deleted; None if it is not suspended, deleted already, or elsewhere."""
    sql = f"""select {_KEPT_UNTIL} from accounts a join users u on u.account_id = a.id
        where a.id = %(id)s and a.suspended_at is not null and a.deleted_at is null"""
    at: datetime | None = fetch_value(cursor, sql, {"id": id, "kept_for": kept_for})
    return at


def expired(cursor: Cursor, *, now: datetime, kept_for: timedelta, limit: int) -> list[Account]:
    """Lock and return at most `limit` suspended accounts of this site that are due to be deleted; none with an appeal that waits."""
    return fetch_all(cursor, account_from, _EXPIRED, {"now": now, "kept_for": kept_for, "limit": limit})


_EXPIRED = f"""{SELECT} join users u on u.account_id = a.id
    where a.host is null and a.suspended_at is not null and a.deleted_at is null and {_KEPT_UNTIL} <= %(now)s
    and not exists (select from account_warnings w join appeals p on p.warning_id = w.id where w.account_id = a.id and p.decided_at is null)
    order by a.id limit %(limit)s for update of a skip locked"""
