"""Blocked e-mail domains, and the sign-ups that they stopped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from microblog.model.email_domain_blocks import EmailDomainBlock
from microblog.model.ids import AccountId, EmailDomainBlockId
from microblog.model.paging import Page
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one, fetch_value
from microblog.storage.paging import bounds, directed, page_sql

_SELECT = "select id, domain, allow_with_approval, created_at from email_domain_blocks"


def _block(id: int, domain: str, allow_with_approval: bool, created_at: datetime) -> EmailDomainBlock:
    return EmailDomainBlock(EmailDomainBlockId(id), domain, allow_with_approval, created_at)


def page_of(cursor: Cursor, *, page: Page) -> list[EmailDomainBlock]:
    """Return blocks, newest first."""
    sql = f"{_SELECT} where id < %(max_id)s and id > %(min_id)s order by id desc limit %(limit)s"
    return directed(page, fetch_all(cursor, _block, page_sql(sql, page), bounds(page)))


def everything(cursor: Cursor) -> list[EmailDomainBlock]:
    """Return all blocks in alphabetical order."""
    return fetch_all(cursor, _block, f"{_SELECT} order by domain")


def by_id(cursor: Cursor, *, id: EmailDomainBlockId) -> EmailDomainBlock | None:
    """Return a block."""
    return fetch_one(cursor, _block, f"{_SELECT} where id = %(id)s", {"id": id})


def of_domains(cursor: Cursor, *, domains: Sequence[str]) -> list[EmailDomainBlock]:
    """Return the blocks of exactly these domains."""
    return fetch_all(cursor, _block, f"{_SELECT} where domain = any(%(domains)s)", {"domains": list(domains)})


def exist(cursor: Cursor) -> bool:
    """True if there is any block."""
    return bool(fetch_value(cursor, "select exists (select from email_domain_blocks)"))


def add(cursor: Cursor, *, domain: str, allow_with_approval: bool, by: AccountId | None, now: datetime) -> EmailDomainBlock | None:
    """Store a new block and return it; None if there is one of this domain."""
    return fetch_one(
        cursor,
        _block,
        """insert into email_domain_blocks (id, domain, allow_with_approval, created_by, created_at)
           values (new_id(%(now)s), %(domain)s, %(allow_with_approval)s, %(by)s, %(now)s)
           on conflict do nothing returning id, domain, allow_with_approval, created_at""",
        {"domain": domain, "allow_with_approval": allow_with_approval, "by": by, "now": now},
    )


def remove(cursor: Cursor, *, id: EmailDomainBlockId) -> EmailDomainBlock | None:
    """Delete a block and return it; None if there is none with this id."""
    return fetch_one(
        cursor,
        _block,
        "delete from email_domain_blocks where id = %(id)s returning id, domain, allow_with_approval, created_at",
        {"id": id},
    )


# --- Attempts


def count_attempt(cursor: Cursor, *, blocks: Sequence[EmailDomainBlockId], day: date, address: str) -> None:
    """Count a sign-up that these blocks stop or let wait."""
    execute(
        cursor,
        """insert into email_domain_attempts (block_id, day, address)
           select id, %(day)s, %(address)s from email_domain_blocks where id = any(%(blocks)s) order by id
           on conflict (block_id, day, address) do update set attempts = email_domain_attempts.attempts + 1""",
        {"blocks": list(blocks), "day": day, "address": address},
    )


def delete_old_attempts(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete at most `limit` counts of days that ended before that time; return how many."""
    return execute(
        cursor,
        """delete from email_domain_attempts where (block_id, day, address) in (
               select block_id, day, address from email_domain_attempts where day < (%(before)s at time zone 'UTC')::date
               order by day limit %(limit)s)""",
        {"before": before, "limit": limit},
    )


def attempts(cursor: Cursor, *, blocks: Sequence[EmailDomainBlockId], since: date) -> list[tuple[int, date, int, int]]:
    """Return block, day, number of addresses and number of attempts, for each block and day with attempts."""
    return fetch_all(
        cursor,
        lambda block, day, addresses, attempts: (int(block), day, int(addresses), int(attempts)),
        """select block_id, day, count(*), sum(attempts) from email_domain_attempts
           where block_id = any(%(blocks)s) and day >= %(since)s group by block_id, day""",
        {"blocks": list(blocks), "since": since},
    )
