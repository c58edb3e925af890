"""What somebody was told, and how far they have read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from attrs import frozen

from microblog.model.accounts import Viewer
from microblog.model.errors import NotFound
from microblog.model.ids import AccountId, NotificationId
from microblog.model.moderation import AccountWarning
from microblog.model.notifications import GROUPED, Notification, NotificationKind
from microblog.model.paging import Page
from microblog.storage import accounts, notifications, posts, warnings
from microblog.storage.database import Cursor, Transactions
from microblog.storage.notifications import UnreadCounts

MOST_UNREAD = 100


@frozen
class NotificationQuery:
    """Which notifications are wanted: `kinds` None means all, `without` is taken off. With a `sender`, only what that account did.

    Where several are told as one, those of the `grouped` kinds are. `filtered`: with what the viewer's policy keeps back.
    """

    page: Page
    kinds: Sequence[str] | None = None
    without: Sequence[str] = ()
    sender: AccountId | None = None
    grouped: Collection[str] = GROUPED
    filtered: bool = False


@frozen
class Notifications:
    """Reads, counts, marks and deletes the viewer's notifications."""

    database: Transactions
    now: Callable[[], datetime]

    async def page(self, viewer: Viewer, asked: NotificationQuery) -> list[Notification]:
        """What the viewer was told, newest first."""
        return await self.database.read(_page, viewer, asked)

    async def one(self, viewer: Viewer, id: NotificationId) -> Notification:
        """One of the viewer's notifications. Raises NotFound."""
        return await self.database.read(_one, viewer, id)

    async def unread(self, viewer: Viewer, asked: NotificationQuery | None = None) -> int:
        """How many of what is asked for the viewer has not read; counted no further than the page's limit."""
        asked = asked or NotificationQuery(Page(MOST_UNREAD))
        return await self.database.read(
            notifications.unread,
            account=viewer.id,
            limit=asked.page.limit,
            kinds=asked.kinds,
            without=asked.without,
            sender=asked.sender,
        )

    async def badges(self, viewer: Viewer) -> UnreadCounts:
        """The small numbers in the navigation."""
        return await self.database.read(notifications.unread_counts, account=viewer.id, limit=MOST_UNREAD)

    async def read_up_to(self, viewer: Viewer) -> int:
        """The id of the newest notification that the viewer has seen; 0 if none."""
        return await self.database.read(notifications.read_up_to, account=viewer.id)

    async def mark_read(self, viewer: Viewer, up_to: NotificationId) -> None:
        """The viewer has read all up to that one; nothing that is yet to come."""
        await self.database.run(notifications.mark_read, account=viewer.id, up_to=up_to, now=self.now())

    async def dismiss(self, viewer: Viewer, id: NotificationId) -> None:
        """Delete one. Raises NotFound."""
        if not await self.database.run(notifications.dismiss, account=viewer.id, id=id, now=self.now()):
            raise NotFound

    async def clear(self, viewer: Viewer) -> None:
        """Delete all."""
        await self.database.run(notifications.clear, account=viewer.id, now=self.now())


def _page(cursor: Cursor, viewer: Viewer, asked: NotificationQuery) -> list[Notification]:
    rows = notifications.page_of(
        cursor,
        account=viewer.id,
        page=asked.page,
        kinds=asked.kinds,
        without=asked.without,
        sender=asked.sender,
        filtered=asked.filtered,
    )
    return loaded(cursor, viewer, rows)


def _one(cursor: Cursor, viewer: Viewer, id: NotificationId) -> Notification:
    found = loaded(cursor, viewer, notifications.by_id(cursor, account=viewer.id, id=id))
    if not found:
        raise NotFound
    return found[0]


def loaded(cursor: Cursor, viewer: Viewer, rows: list[notifications.NotificationRow]) -> list[Notification]:
    """The rows with their accounts and posts. One whose post the viewer may no longer see is left out."""
    senders = {account.id: account for account in accounts.by_ids(cursor, ids=list({row.sender for row in rows}))}
    wanted = [row.post for row in rows if row.post is not None]
    found = posts.by_ids(cursor, posts.visible(cursor, ids=wanted, viewer=viewer.id)) if wanted else {}
    about = {row.id: found.get(row.post) if row.post else None for row in rows}
    said = warned(cursor, rows)
    return [
        Notification(row.id, row.kind, row.created_at, senders[row.sender], about[row.id], row.group_key, row.filtered, said.get(row.id))
        for row in rows
        if row.sender in senders and (row.post is None or row.post in found)
    ]


class Told(Protocol):
    """A row of a notification, or of a group of them."""

    @property
    def id(self) -> NotificationId:
        """Its id."""

    @property
    def kind(self) -> NotificationKind:
        """What it tells of."""


def warned(cursor: Cursor, rows: Sequence[Told]) -> Mapping[NotificationId, AccountWarning]:
    """What moderators decided, for those of the rows that tell of it."""
    ids = [row.id for row in rows if row.kind is NotificationKind.WARNING]
    return warnings.of_notifications(cursor, ids=ids) if ids else {}
