"""Blocked IP addresses and networks: commands of administrators, and the check of sign-ups."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from ipaddress import IPv6Network, ip_address, ip_network

from attrs import frozen

from microblog.domain import audit
from microblog.domain.validation import limited
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, IpBlockId
from microblog.model.ip_blocks import IpBlock, IpBlockValues, IpSeverity, Network
from microblog.model.paging import Page
from microblog.storage import events, ip_blocks
from microblog.storage.database import Cursor, Transactions

BLOCKED = "Sign-ups from your network are not allowed here."
MAX_COMMENT = 2_000
MAX_DURATION_S = 100 * 366 * 86_400
_MAPPED_BITS = 96  # ::ffff:0:0/96, RFC 4291, section 2.5.5.2


@frozen
class IpBlockDraft:
    """A block as it was typed. `expires_in` counts seconds from now; None: it does not expire.

    `address`: the administrator's own address, which must keep its access; empty on the command line.
    """

    network: str
    severity: str
    comment: str = ""
    expires_in: int | None = None
    address: str = ""


@frozen
class IpBlocks:
    """Lists and changes the blocks. Callers check permissions. `by` is the administrator, None on the command line."""

    database: Transactions
    now: Callable[[], datetime]

    async def page(self, page: Page) -> list[IpBlock]:
        """Return blocks, newest first."""
        return await self.database.read(ip_blocks.page_of, page=page, now=self.now())

    async def everything(self) -> list[IpBlock]:
        """Return all blocks, ordered by network."""
        return await self.database.read(ip_blocks.everything, now=self.now())

    async def one(self, id: IpBlockId) -> IpBlock:
        """Return a block. Raises NotFound."""
        return _found(await self.database.read(ip_blocks.by_id, id=id, now=self.now()))

    async def add(self, draft: IpBlockDraft, by: AccountId | None = None) -> IpBlock:
        """Add a block. Raises Invalid (fields ip, severity, comment, expires_in), also if there is one of this network."""
        return await self.database.run(self._add, self._checked(draft), by)

    async def change(self, id: IpBlockId, draft: IpBlockDraft, by: AccountId | None = None, *, keep_expiry: bool = False) -> IpBlock:
        """Replace everything of a block; with `keep_expiry` all but its end. Raises NotFound, and Invalid as `add` does."""
        return await self.database.run(self._change, id, self._checked(draft), by, keep_expiry)

    async def remove(self, id: IpBlockId, by: AccountId | None = None) -> IpBlock:
        """Delete a block and return it. Raises NotFound."""
        return await self.database.run(self._remove, id, by)

    async def remove_network(self, text: str) -> IpBlock:
        """Delete the block of exactly this network, for the command line. Raises Invalid or NotFound."""
        network = parse_network(text)
        found = await self.database.read(ip_blocks.by_network, network=str(network), now=self.now())
        if found is None:
            raise NotFound(f"The network {network} is not blocked.")
        return await self.remove(found.id)

    def _checked(self, draft: IpBlockDraft) -> IpBlockValues:
        network = parse_network(draft.network)
        if draft.severity not in set(IpSeverity):
            code = "ERR_INCLUSION" if draft.severity else "ERR_BLANK"
            raise Invalid({"severity": "Severity is not included in the list"}, codes={"severity": code})
        severity = IpSeverity(draft.severity)
        if severity is IpSeverity.NO_ACCESS and draft.address and ip_address(draft.address) in network:
            raise Invalid({"ip": "IP address includes your own, so you would lock yourself out"}, codes={"ip": "ERR_INVALID"})
        if draft.expires_in is not None and not 0 < draft.expires_in <= MAX_DURATION_S:
            raise Invalid({"expires_in": "Expires in must be a number of seconds above 0"}, codes={"expires_in": "ERR_INVALID"})
        expires_at = None if draft.expires_in is None else self.now() + timedelta(seconds=draft.expires_in)
        return IpBlockValues(network, severity, limited(draft.comment, MAX_COMMENT, "comment").strip(), expires_at)

    def _add(self, cursor: Cursor, values: IpBlockValues, by: AccountId | None) -> IpBlock:
        ip_blocks.remove_expired(cursor, now=self.now())
        added = ip_blocks.add(cursor, values, by=by, now=self.now())
        if added is None:
            raise _taken()
        self._record(cursor, AuditAction.IP_BLOCK_CREATE, by, added)
        return added

    def _change(self, cursor: Cursor, id: IpBlockId, values: IpBlockValues, by: AccountId | None, keep_expiry: bool) -> IpBlock:
        before = _found(ip_blocks.by_id(cursor, id=id, now=self.now()))
        ip_blocks.remove_expired(cursor, now=self.now())
        expires_at = before.values.expires_at if keep_expiry else values.expires_at
        changed = ip_blocks.replace(cursor, IpBlockValues(values.network, values.severity, values.comment, expires_at), id=id)
        if changed is None:
            raise _taken()
        self._record(cursor, AuditAction.IP_BLOCK_UPDATE, by, before)
        return changed

    def _remove(self, cursor: Cursor, id: IpBlockId, by: AccountId | None) -> IpBlock:
        removed = _found(ip_blocks.by_id(cursor, id=id, now=self.now()))
        ip_blocks.remove(cursor, id=id)
        self._record(cursor, AuditAction.IP_BLOCK_DELETE, by, removed)
        return removed

    def _record(self, cursor: Cursor, action: AuditAction, by: AccountId | None, block: IpBlock) -> None:
        """Record an act in the audit log, with the block as it was before, or as it was made, and tell all processes of the change."""
        values, expires_at = block.values, block.values.expires_at
        facts = {"severity": values.severity, "comment": values.comment, "expires_at": expires_at and expires_at.isoformat()}
        audit.record(cursor, AuditEntry(action, by, str(values.network), block.id, facts=facts), self.now())
        events.record(cursor, EventKind.IP_BLOCKS_CHANGED, at=self.now())


def parse_network(text: str) -> Network:
    """Return a network from an address, or an address and a prefix length. Bits after the prefix are ignored. Raises Invalid (field ip)."""
    cleaned = text.strip()
    if not cleaned:
        raise Invalid({"ip": "IP address can't be blank"}, codes={"ip": "ERR_BLANK"})
    try:
        network = ip_network(cleaned, strict=False)
        mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
        return ip_network((mapped, network.prefixlen - _MAPPED_BITS)) if mapped and network.prefixlen >= _MAPPED_BITS else network
    except ValueError as problem:
        raise Invalid({"ip": "IP address is not a valid address or network"}, codes={"ip": "ERR_INVALID"}) from problem


def strictest(cursor: Cursor, address: str, now: datetime) -> IpSeverity | None:
    """Return the strictest effect of all blocks that contain the address; None if there are none, or the address is empty."""
    found = ip_blocks.severities(cursor, address=address, now=now) if address else []
    return max(found, key=list(IpSeverity).index, default=None)


def _taken() -> Invalid:
    return Invalid({"ip": "IP address has already been taken"}, codes={"ip": "ERR_TAKEN"})


def _found(block: IpBlock | None) -> IpBlock:
    if block is None:
        raise NotFound
    return block
