"""Blocked e-mail addresses, as hashes."""

from __future__ import annotations

from datetime import datetime

from microblog.model.canonical_email_blocks import CanonicalEmailBlock
from microblog.model.ids import AccountId, CanonicalEmailBlockId
from microblog.model.paging import Page
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one, fetch_value
from microblog.storage.paging import bounds, directed, page_sql

_SELECT = """select b.id, b.hash, b.created_at, (select a.username from accounts a where a.id = b.account_id)
    from canonical_email_blocks b"""


def _block(id: int, hash: str, created_at: datetime, suspended: str | None) -> CanonicalEmailBlock:
    return CanonicalEmailBlock(CanonicalEmailBlockId(id), hash, created_at, suspended)


def page_of(cursor: Cursor, *, page: Page) -> list[CanonicalEmailBlock]:
    """Return blocks, newest first."""
    sql = f"{_SELECT} where b.id < %(max_id)s and b.id > %(min_id)s order by b.id desc limit %(limit)s"
    return directed(page, fetch_all(cursor, _block, page_sql(sql, page), bounds(page)))


def everything(cursor: Cursor) -> list[CanonicalEmailBlock]:
    """Return all blocks, newest first."""
    return fetch_all(cursor, _block, f"{_SELECT} order by b.id desc")


def by_id(cursor: Cursor, *, id: CanonicalEmailBlockId) -> CanonicalEmailBlock | None:
    """Return a block."""
    return fetch_one(cursor, _block, f"{_SELECT} where b.id = %(id)s", {"id": id})


def of_hash(cursor: Cursor, *, hash: str) -> list[CanonicalEmailBlock]:
    """Return the blocks of this address, newest first: one made by an administrator, and one for each suspended account."""
    return fetch_all(cursor, _block, f"{_SELECT} where b.hash = %(hash)s order by b.id desc", {"hash": hash})


def add(cursor: Cursor, *, hash: str, by: AccountId | None, now: datetime) -> CanonicalEmailBlockId:
    """Store a block and return its id."""
    sql = """insert into canonical_email_blocks (id, hash, created_by, created_at)
        values (new_id(%(now)s), %(hash)s, %(by)s, %(now)s) returning id"""
    return CanonicalEmailBlockId(fetch_value(cursor, sql, {"hash": hash, "by": by, "now": now}))


def add_of_account(cursor: Cursor, *, hash: str, account: AccountId, now: datetime) -> None:
    """Store the block that the suspension of an account makes, unless it is there already."""
    sql = """insert into canonical_email_blocks (id, hash, account_id, created_at)
        values (new_id(%(now)s), %(hash)s, %(account)s, %(now)s) on conflict (account_id) do nothing"""
    execute(cursor, sql, {"hash": hash, "account": account, "now": now})


def remove(cursor: Cursor, *, id: CanonicalEmailBlockId) -> None:
    """Delete a block."""
    execute(cursor, "delete from canonical_email_blocks where id = %(id)s", {"id": id})


def remove_of_account(cursor: Cursor, *, account: AccountId) -> None:
    """Delete the block that the suspension of this account made."""
    execute(cursor, "delete from canonical_email_blocks where account_id = %(account)s", {"account": account})
