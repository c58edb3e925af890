"""Blocked usernames: commands of administrators, and the blocks that hold for the name of a sign-up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import frozen

from microblog.domain import audit
from microblog.domain.text import post_text
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import AccountId, UsernameBlockId
from microblog.model.paging import Page
from microblog.model.username_blocks import NameComparison, UsernameBlock, normalized
from microblog.storage import username_blocks
from microblog.storage.database import Cursor, Transactions

RESERVED = "Username is reserved"


@frozen
class UsernameBlockDraft:
    """A block as it was typed."""

    username: str
    comparison: str = NameComparison.EQUALS
    allow_with_approval: bool = False


@frozen
class UsernameBlocks:
    """Lists and changes the blocks. Callers check permissions. `by` is the administrator, None on the command line."""

    database: Transactions
    now: Callable[[], datetime]

    async def page(self, page: Page) -> list[UsernameBlock]:
        """Return blocks, newest first."""
        return await self.database.read(username_blocks.page_of, page=page)

    async def everything(self) -> list[UsernameBlock]:
        """Return all blocks in alphabetical order."""
        return await self.database.read(username_blocks.everything)

    async def add(self, draft: UsernameBlockDraft, by: AccountId | None = None) -> UsernameBlock:
        """Block a username, or all that contain it. Raises Invalid (fields username, comparison), also if that is blocked already."""
        username = post_text.username(draft.username, ())
        if draft.comparison not in set(NameComparison):
            code = "ERR_INCLUSION" if draft.comparison else "ERR_BLANK"
            raise Invalid({"comparison": "Comparison is not included in the list"}, codes={"comparison": code})
        return await self.database.run(self._add, username, NameComparison(draft.comparison), draft.allow_with_approval, by)

    async def remove(self, id: UsernameBlockId, by: AccountId | None = None) -> UsernameBlock:
        """Delete a block and return it. Raises NotFound."""
        return await self.database.run(self._remove, id, by)

    async def remove_name(self, text: str) -> list[UsernameBlock]:
        """Delete the blocks of exactly this name and return them, for the command line. Raises NotFound."""
        return await self.database.run(self._remove_name, normalized(text.strip()))

    def _add(
        self, cursor: Cursor, username: str, comparison: NameComparison, allow_with_approval: bool, by: AccountId | None
    ) -> UsernameBlock:
        added = username_blocks.add(
            cursor,
            username=username,
            normalized=normalized(username),
            exact=comparison is NameComparison.EQUALS,
            allow_with_approval=allow_with_approval,
            by=by,
            now=self.now(),
        )
        if added is None:
            raise Invalid({"username": "Username has already been taken"}, codes={"username": "ERR_TAKEN"})
        self._record(cursor, AuditAction.USERNAME_BLOCK_CREATE, by, added)
        return added

    def _remove(self, cursor: Cursor, id: UsernameBlockId, by: AccountId | None) -> UsernameBlock:
        removed = username_blocks.by_id(cursor, id=id)
        if removed is None:
            raise NotFound
        username_blocks.remove(cursor, id=id)
        self._record(cursor, AuditAction.USERNAME_BLOCK_DELETE, by, removed)
        return removed

    def _remove_name(self, cursor: Cursor, normalized: str) -> list[UsernameBlock]:
        found = username_blocks.of_name(cursor, normalized=normalized)
        if not found:
            raise NotFound("This username is not blocked.")
        return [self._remove(cursor, block.id, None) for block in found]

    def _record(self, cursor: Cursor, action: AuditAction, by: AccountId | None, block: UsernameBlock) -> None:
        facts = {"comparison": block.comparison, "allow_with_approval": block.allow_with_approval}
        audit.record(cursor, AuditEntry(action, by, block.username, block.id, facts=facts), self.now())


def matching(cursor: Cursor, username: str) -> list[UsernameBlock]:
    """Return the blocks that hold for a username; none for an empty one."""
    return username_blocks.matching(cursor, normalized=normalized(username)) if username else []


def refuses(blocks: Sequence[UsernameBlock]) -> bool:
    """True if the blocks that hold for a username refuse it; False if a sign-up has to be approved, or there are none."""
    return any(not block.allow_with_approval for block in blocks)
