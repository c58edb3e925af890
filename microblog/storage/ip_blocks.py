"""Blocked IP addresses and networks. Expired blocks are not found, and deleted by the next command."""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_network

from microblog.model.ids import AccountId, IpBlockId
from microblog.model.ip_blocks import IpBlock, IpBlockValues, IpSeverity
from microblog.model.paging import Page
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one
from microblog.storage.paging import bounds, directed, page_sql

_COLUMNS = "id, network::text, severity, comment, expires_at, created_at"
_SELECT = f"select {_COLUMNS} from ip_blocks where (expires_at is null or expires_at > %(now)s)"


def _block(id: int, network: str, severity: str, comment: str, expires_at: datetime | None, created_at: datetime) -> IpBlock:
    return IpBlock(IpBlockId(id), IpBlockValues(ip_network(network), IpSeverity(severity), comment, expires_at), created_at)


def _params(values: IpBlockValues) -> dict[str, object]:
    return {
        "network": str(values.network),
        "severity": values.severity,
        "comment": values.comment,
        "expires_at": values.expires_at,
    }


def page_of(cursor: Cursor, *, page: Page, now: datetime) -> list[IpBlock]:
    """Return blocks, newest first."""
    sql = f"{_SELECT} and id < %(max_id)s and id > %(min_id)s order by id desc limit %(limit)s"
    return directed(page, fetch_all(cursor, _block, page_sql(sql, page), {**bounds(page), "now": now}))


def everything(cursor: Cursor, *, now: datetime) -> list[IpBlock]:
    """Return all blocks, ordered by network."""
    return fetch_all(cursor, _block, f"{_SELECT} order by network", {"now": now})


def by_id(cursor: Cursor, *, id: IpBlockId, now: datetime) -> IpBlock | None:
    """Return a block."""
    return fetch_one(cursor, _block, f"{_SELECT} and id = %(id)s", {"id": id, "now": now})


def by_network(cursor: Cursor, *, network: str, now: datetime) -> IpBlock | None:
    """Return the block of exactly this network."""
    return fetch_one(cursor, _block, f"{_SELECT} and network = %(network)s::cidr", {"network": network, "now": now})


def severities(cursor: Cursor, *, address: str, now: datetime) -> list[IpSeverity]:
    """Return the severities of all blocks that contain the address."""
    sql = "select severity from ip_blocks where network >>= %(address)s::inet and (expires_at is null or expires_at > %(now)s)"
    return fetch_all(cursor, IpSeverity, sql, {"address": address, "now": now})


def add(cursor: Cursor, values: IpBlockValues, *, by: AccountId | None, now: datetime) -> IpBlock | None:
    """Store a new block and return it; None if there is one of this network."""
    return fetch_one(
        cursor,
        _block,
        f"""insert into ip_blocks (id, network, severity, comment, expires_at, created_by, created_at)
            values (new_id(%(now)s), %(network)s::cidr, %(severity)s, %(comment)s, %(expires_at)s, %(by)s, %(now)s)
            on conflict do nothing returning {_COLUMNS}""",
        {**_params(values), "by": by, "now": now},
    )


def replace(cursor: Cursor, values: IpBlockValues, *, id: IpBlockId) -> IpBlock | None:
    """Replace everything of a block and return it; None if there is none, or its new network has another one."""
    return fetch_one(
        cursor,
        _block,
        f"""update ip_blocks set network = %(network)s::cidr, severity = %(severity)s, comment = %(comment)s, expires_at = %(expires_at)s
            where id = %(id)s and not exists (select from ip_blocks other where other.network = %(network)s::cidr and other.id <> %(id)s)
            returning {_COLUMNS}""",
        {**_params(values), "id": id},
    )


def remove(cursor: Cursor, *, id: IpBlockId) -> None:
    """Delete a block."""
    execute(cursor, "delete from ip_blocks where id = %(id)s", {"id": id})


def remove_expired(cursor: Cursor, *, now: datetime) -> None:
    """Delete the blocks that have expired."""
    execute(cursor, "delete from ip_blocks where expires_at <= %(now)s", {"now": now})
