"""Follows that are cut: each account of this site is notified once of what it lost by an event, and can export it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from attrs import frozen

from microblog.domain.follows import end_some, remove_follow
from microblog.domain.notify import notify
from microblog.model.accounts import Viewer
from microblog.model.errors import NotFound
from microblog.model.ids import AccountId, SeveranceEventId
from microblog.model.notifications import NotificationKind
from microblog.model.severances import Severance, SeveranceKind, SeveredFollow
from microblog.storage import severances
from microblog.storage.database import Cursor, Transactions

NOTIFY_BATCH = 200
MAX_EVENTS = 200


def begin(cursor: Cursor, kind: SeveranceKind, target_name: str, now: datetime) -> SeveranceEventId:
    """Store an event that ends follows, in the running transaction."""
    return severances.insert_event(cursor, kind=kind, target_name=target_name, now=now)


def sever_some(cursor: Cursor, event: SeveranceEventId, account: AccountId, now: datetime, *, tells_server: bool = False) -> bool:
    """End some follows between people here and an account of another server, and note them for the people here; False if none is left.

    With `tells_server`, the account's server is told that people here ended them.
    """

    def end(pairs: Sequence[tuple[AccountId, AccountId]]) -> None:
        note(cursor, event, pairs, now)
        for follower, followee in pairs:
            ended_by = None if not tells_server else follower if followee == account else followee
            remove_follow(cursor, follower, followee, now, ended_by=ended_by)

    return end_some(cursor, account, end)


def note(cursor: Cursor, event: SeveranceEventId, pairs: Sequence[tuple[AccountId, AccountId]], now: datetime) -> None:
    """Note those of the follows that exist for the accounts here, which the caller ends afterwards; both accounts must be locked."""
    if pairs:
        severances.add(cursor, event=event, pairs=pairs, now=now)


def notify_some(cursor: Cursor, event: SeveranceEventId, now: datetime) -> bool:
    """Notify a batch of the accounts that lost something by the event; False if there are no more. An event without losses is deleted."""
    waiting = severances.not_notified(cursor, event=event, limit=NOTIFY_BATCH)
    for account, id in waiting:
        kind = NotificationKind.SEVERED_RELATIONSHIPS
        notify(cursor, accounts=[account], kind=kind, sender=account, now=now, severance=id)
    if not waiting:
        severances.delete_if_empty(cursor, event=event)
    return bool(waiting)


@frozen
class Severances:
    """Lists of the follows that accounts lost, for their owners."""

    database: Transactions

    async def page(self, viewer: Viewer) -> list[Severance]:
        """Return the newest events by which the viewer lost follows."""
        return await self.database.read(severances.of_account, account=viewer.id, limit=MAX_EVENTS)

    async def follows(self, viewer: Viewer, event: SeveranceEventId, *, followers: bool) -> tuple[Severance, list[SeveredFollow]]:
        """Return the followers that the viewer lost by an event, or else the accounts that they followed. Raises NotFound."""
        found = await self.database.read(severances.by_event, account=viewer.id, event=event)
        if found is None:
            raise NotFound
        return found, await self.database.read(severances.follows, account=viewer.id, event=event, followers=followers)
