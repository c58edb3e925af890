"""Blocks, mutes and private notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from attrs import frozen

from microblog.domain import validation
from microblog.domain.follows import relationship, remove_follow, require_account
from microblog.model.accounts import RelatedAccount, Relationship, Viewer
from microblog.model.errors import Forbidden, Invalid
from microblog.model.events import EventKind
from microblog.model.ids import AccountId
from microblog.model.paging import Page
from microblog.storage import accounts, conversations, events, relationships
from microblog.storage.database import Cursor, Transactions

MAX_NOTE_LENGTH = 2000
FOR_EVER = timedelta(days=36500)


@frozen
class Relationships:
    """The commands about blocks, mutes and notes. Each returns the new relationship, and raises NotFound for an unknown account."""

    database: Transactions
    now: Callable[[], datetime]

    async def between(self, viewer: Viewer, ids: Sequence[AccountId], *, suspended: bool = False) -> list[Relationship]:
        """Return the viewer's relationships to the existing ones of the accounts, in the order of `ids`.

        Suspended accounts are left out unless `suspended`.
        """
        if not ids:
            return []
        return await self.database.read(relationships.relationships, viewer=viewer.id, ids=ids, now=self.now(), suspended=suspended)

    async def block(self, viewer: Viewer, id: AccountId) -> Relationship:
        """Block the account: hides both from each other, and deletes follows, requests and notifications between them.

        Raises Forbidden for the viewer's own account.
        """
        return await self.database.run(self.block_within, viewer, id)

    async def unblock(self, viewer: Viewer, id: AccountId) -> Relationship:
        """Remove the block. Follows that it ended are not restored."""
        return await self.database.run(self.unblock_within, viewer, id)

    async def mute(self, viewer: Viewer, id: AccountId, *, notifications: bool = True, duration: timedelta = timedelta(0)) -> Relationship:
        """Hide the account's posts from the viewer, and with `notifications` its notifications, for `duration` (0: for ever).

        Raises Forbidden for the viewer's own account, Invalid for a negative duration.
        """
        if duration < timedelta(0):
            raise Invalid({"duration": "Duration must not be negative"}, codes={"duration": "ERR_INVALID"})
        until = self.now() + duration if timedelta(0) < duration < FOR_EVER else None
        return await self.database.run(self._mute, viewer, id, notifications, until)

    async def unmute(self, viewer: Viewer, id: AccountId) -> Relationship:
        """Remove the mute."""
        return await self.database.run(self._unmute, viewer, id)

    async def note(self, viewer: Viewer, id: AccountId, note: str) -> Relationship:
        """Set the viewer's private note about the account; an empty one deletes it. Raises Invalid if it is too long."""
        return await self.database.run(self._note, viewer, id, validation.limited(note, MAX_NOTE_LENGTH, "comment"))

    async def blocked(self, viewer: Viewer, page: Page) -> list[RelatedAccount]:
        """Return the accounts that the viewer blocks, newest first."""
        return await self.database.read(relationships.blocked, account=viewer.id, page=page)

    async def muted(self, viewer: Viewer, page: Page) -> list[RelatedAccount]:
        """Return the accounts that the viewer mutes, newest first."""
        return await self.database.read(relationships.muted, account=viewer.id, page=page, now=self.now())

    async def end_mutes(self) -> int:
        """Record the end of expired mutes (which have had no effect since); returns how many."""
        return await self.database.run(self._end_mutes)

    def block_within(self, cursor: Cursor, viewer: Viewer, id: AccountId) -> Relationship:
        """Do what `block` does in the running transaction."""
        if id == viewer.id:
            raise Forbidden("Blocking your own account is not allowed")
        accounts.lock(cursor, ids=[viewer.id, id])
        require_account(cursor, id)
        now = self.now()
        if relationships.block(cursor, account=viewer.id, target=id, now=now):
            remove_follow(cursor, viewer.id, id, now)
            remove_follow(cursor, id, viewer.id, now, ended_by=viewer.id)
            relationships.delete_notifications(cursor, account=viewer.id, sender=id)
            relationships.delete_notifications(cursor, account=id, sender=viewer.id)
            conversations.delete_with(cursor, account=viewer.id, other=id, now=now)
            events.record(cursor, EventKind.BLOCKED, at=now, account=viewer.id, subject=id)
        return relationship(cursor, viewer, id, now)

    def unblock_within(self, cursor: Cursor, viewer: Viewer, id: AccountId) -> Relationship:
        """Do what `unblock` does in the running transaction."""
        block = relationships.unblock(cursor, account=viewer.id, target=id)
        if block is not None:
            data = {"block": str(block.id), "told": block.is_known_elsewhere}
            events.record(cursor, EventKind.UNBLOCKED, at=self.now(), account=viewer.id, subject=id, data=data)
        return relationship(cursor, viewer, id, self.now())

    def _mute(self, cursor: Cursor, viewer: Viewer, id: AccountId, notifications: bool, until: datetime | None) -> Relationship:
        if id == viewer.id:
            raise Forbidden("Muting your own account is not allowed")
        require_account(cursor, id)
        now = self.now()
        if relationships.mute(cursor, account=viewer.id, target=id, notifications=notifications, until=until, now=now):
            if notifications:
                conversations.delete_with(cursor, account=viewer.id, other=id, now=now)
            data = {"until": until.isoformat()} if until else {}
            events.record(cursor, EventKind.MUTED, at=now, account=viewer.id, subject=id, data=data)
        return relationship(cursor, viewer, id, now)

    def _unmute(self, cursor: Cursor, viewer: Viewer, id: AccountId) -> Relationship:
        if relationships.unmute(cursor, account=viewer.id, target=id):
            events.record(cursor, EventKind.UNMUTED, at=self.now(), account=viewer.id, subject=id)
        return relationship(cursor, viewer, id, self.now())

    def _note(self, cursor: Cursor, viewer: Viewer, id: AccountId, note: str) -> Relationship:
        require_account(cursor, id)
        if note:
            relationships.set_note(cursor, account=viewer.id, target=id, note=note)
        else:
            relationships.clear_note(cursor, account=viewer.id, target=id)
        return relationship(cursor, viewer, id, self.now())

    def _end_mutes(self, cursor: Cursor) -> int:
        expired = relationships.end_mutes(cursor, now=self.now())
        for account, target in expired:
            events.record(cursor, EventKind.UNMUTED, at=self.now(), account=account, subject=target)
        return len(expired)
