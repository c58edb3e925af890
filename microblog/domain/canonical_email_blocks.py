"""Blocked e-mail addresses: commands of administrators, and what suspensions add. Only hashes of addresses are stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import regex
from attrs import frozen

from microblog.domain import audit, validation
from microblog.model.accounts import Login
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.canonical_email_blocks import CanonicalEmailBlock, canonical_email_hash
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import AccountId, CanonicalEmailBlockId
from microblog.model.paging import Page
from microblog.storage import canonical_email_blocks
from microblog.storage.database import Cursor, Transactions

BLOCKED = "E-mail address is not allowed here"
_HASH = regex.compile(r"[0-9a-f]{64}")


@frozen
class CanonicalEmailBlocks:
    """Lists and changes the blocks. Callers check permissions. `by` is the administrator, None on the command line."""

    database: Transactions
    now: Callable[[], datetime]

    async def page(self, page: Page) -> list[CanonicalEmailBlock]:
        """Return blocks, newest first."""
        return await self.database.read(canonical_email_blocks.page_of, page=page)

    async def everything(self) -> list[CanonicalEmailBlock]:
        """Return all blocks, newest first."""
        return await self.database.read(canonical_email_blocks.everything)

    async def one(self, id: CanonicalEmailBlockId) -> CanonicalEmailBlock:
        """Return a block. Raises NotFound."""
        return await self.database.read(_found, id)

    async def matching(self, email: str) -> list[CanonicalEmailBlock]:
        """Return the blocks of an address. Raises Invalid (field email)."""
        return await self.database.read(canonical_email_blocks.of_hash, hash=canonical_email_hash(validation.email(email)))

    async def add(self, email: str, by: AccountId | None = None) -> CanonicalEmailBlock:
        """Block an address. Raises Invalid (field email), also if it is blocked already."""
        return await self.database.run(self._add, canonical_email_hash(validation.email(email)), "email", by)

    async def add_hash(self, text: str, by: AccountId | None = None) -> CanonicalEmailBlock:
        """Block the address with this hash. Raises Invalid (field canonical_email_hash), also if it is blocked already."""
        return await self.database.run(self._add, _hash(text), "canonical_email_hash", by)

    async def remove(self, id: CanonicalEmailBlockId, by: AccountId | None = None) -> CanonicalEmailBlock:
        """Delete a block and return it. Raises NotFound."""
        return await self.database.run(self._remove, id, by)

    async def remove_address(self, text: str) -> list[CanonicalEmailBlock]:
        """Delete all blocks of an address or hash and return them, for the command line. Raises Invalid or NotFound."""
        hash = canonical_email_hash(validation.email(text)) if "@" in text else _hash(text)
        return await self.database.run(self._remove_address, hash)

    def _add(self, cursor: Cursor, hash: str, field: str, by: AccountId | None) -> CanonicalEmailBlock:
        if canonical_email_blocks.of_hash(cursor, hash=hash):
            label = "E-mail address" if field == "email" else "Canonical email hash"
            raise Invalid({field: f"{label} has already been taken"}, codes={field: "ERR_TAKEN"})
        added = _found(cursor, canonical_email_blocks.add(cursor, hash=hash, by=by, now=self.now()))
        self._record(cursor, AuditAction.CANONICAL_EMAIL_BLOCK_CREATE, by, added)
        return added

    def _remove(self, cursor: Cursor, id: CanonicalEmailBlockId, by: AccountId | None) -> CanonicalEmailBlock:
        removed = _found(cursor, id)
        canonical_email_blocks.remove(cursor, id=id)
        self._record(cursor, AuditAction.CANONICAL_EMAIL_BLOCK_DELETE, by, removed)
        return removed

    def _remove_address(self, cursor: Cursor, hash: str) -> list[CanonicalEmailBlock]:
        found = canonical_email_blocks.of_hash(cursor, hash=hash)
        if not found:
            raise NotFound("This e-mail address is not blocked.")
        return [self._remove(cursor, block.id, None) for block in found]

    def _record(self, cursor: Cursor, action: AuditAction, by: AccountId | None, block: CanonicalEmailBlock) -> None:
        facts = {"suspended": block.suspended}
        audit.record(cursor, AuditEntry(action, by, block.hash, block.id, facts=facts), self.now())


def block_suspended(cursor: Cursor, login: Login, now: datetime) -> None:
    """Block the address of an account that is being suspended."""
    canonical_email_blocks.add_of_account(cursor, hash=canonical_email_hash(login.email), account=login.account_id, now=now)


def unblock_restored(cursor: Cursor, account: AccountId) -> None:
    """Remove the block that the suspension of the account made; blocks of the same address for other reasons stay."""
    canonical_email_blocks.remove_of_account(cursor, account=account)


def is_blocked(cursor: Cursor, email: str) -> bool:
    """True if an address as `validation.email` returns it is blocked; False for an empty one."""
    return bool(email) and bool(canonical_email_blocks.of_hash(cursor, hash=canonical_email_hash(email)))


def _hash(text: str) -> str:
    cleaned = text.strip().lower()
    if not _HASH.fullmatch(cleaned):
        sentence = "is not a SHA-256 hash" if cleaned else "can't be blank"
        code = "ERR_INVALID" if cleaned else "ERR_BLANK"
        raise Invalid({"canonical_email_hash": f"Canonical email hash {sentence}"}, codes={"canonical_email_hash": code})
    return cleaned


def _found(cursor: Cursor, id: CanonicalEmailBlockId) -> CanonicalEmailBlock:
    block = canonical_email_blocks.by_id(cursor, id=id)
    if block is None:
        raise NotFound
    return block
