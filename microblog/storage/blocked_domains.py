"""Domains that an account blocks, and what ties the account to people there."""

from __future__ import annotations

from datetime import datetime

from microblog.model.ids import AccountId
from microblog.model.paging import Page
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_value
from microblog.storage.paging import bounds, directed, page_sql


def add(cursor: Cursor, *, account: AccountId, domain: str, now: datetime) -> bool:
    """Block the domain; return False if it is blocked already."""
    return bool(
        execute(
            cursor,
            """insert into domain_blocks (id, account_id, domain, created_at) values (new_id(%(now)s), %(account)s, %(domain)s, %(now)s)
               on conflict do nothing""",
            {"account": account, "domain": domain, "now": now},
        )
    )


def delete(cursor: Cursor, *, account: AccountId, domain: str) -> bool:
    """Unblock the domain; return False if it was not blocked."""
    return bool(
        execute(
            cursor,
            "delete from domain_blocks where account_id = %(account)s and domain = %(domain)s",
            {"account": account, "domain": domain},
        )
    )


def is_blocked(cursor: Cursor, *, account: AccountId, domain: str) -> bool:
    """True if the account blocks the domain."""
    sql = "select 1 from domain_blocks where account_id = %(account)s and domain = %(domain)s"
    return fetch_value(cursor, sql, {"account": account, "domain": domain}) is not None


_DOMAINS = """select id, domain from domain_blocks where account_id = %(account)s and id < %(max_id)s and id > %(min_id)s
    order by id desc limit %(limit)s"""


def page_of(cursor: Cursor, *, account: AccountId, page: Page) -> list[tuple[int, str]]:
    """Return (id of the block, domain) of the account's blocked domains, newest first."""
    return directed(page, fetch_all(cursor, lambda id, domain: (id, domain), page_sql(_DOMAINS, page), bounds(page) | {"account": account}))


def related(cursor: Cursor, *, account: AccountId, domain: str, limit: int) -> list[AccountId]:
    """Return accounts of the domain that follow the account, are followed by it, or asked for that; at most `limit`."""
    return fetch_all(cursor, AccountId, _RELATED, {"account": account, "domain": domain, "limit": limit})


_RELATED = Prepared("""select a.id from (
        select follower_id as id from follows where followee_id = %(account)s
        union select followee_id from follows where follower_id = %(account)s
        union select follower_id from follow_requests where followee_id = %(account)s
        union select followee_id from follow_requests where follower_id = %(account)s) r
    join accounts a on a.id = r.id where a.host = %(domain)s order by a.id limit %(limit)s""")


def delete_notifications(cursor: Cursor, *, account: AccountId, domain: str) -> int:
    """Delete the account's notifications from the domain, its requests and acceptances; return the number of notifications."""
    return execute(cursor, _DELETE_NOTIFICATIONS, {"account": account, "domain": domain})


_DELETE_NOTIFICATIONS = Prepared("""with requests as (
        delete from notification_requests r using accounts a
        where r.account_id = %(account)s and a.id = r.from_account_id and a.host = %(domain)s),
    permitted as (
        delete from notification_permissions r using accounts a
        where r.account_id = %(account)s and a.id = r.from_account_id and a.host = %(domain)s)
    delete from notifications n using accounts a
    where n.account_id = %(account)s and a.id = n.from_account_id and a.host = %(domain)s""")
