"""Notifications of an account, and its read position."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from attrs import field, frozen

from microblog.model.accounts import Account, Viewer
from microblog.model.errors import NotFound
from microblog.model.ids import AccountId, NotificationId, PostId
from microblog.model.moderation import AccountWarning
from microblog.model.notifications import GROUPED, Notification, NotificationKind
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.model.severances import Severance
from microblog.storage import accounts, notifications, posts, severances, warnings
from microblog.storage.database import Cursor, Transactions
from microblog.storage.notifications import UnreadCounts

MAX_UNREAD = 100


@frozen
class NotificationQuery:
    """Selection of notifications. `kinds` None means all; `without` is excluded; `sender` restricts to one account.

    `grouped`: kinds that are combined into groups where groups are read. `filtered`: include what the viewer's policy filters.
    """

    page: Page
    kinds: Sequence[str] | None = None
    without: Sequence[str] = ()
    sender: AccountId | None = None
    grouped: Collection[str] = GROUPED
    filtered: bool = False


@frozen
class Notifications:
    """Read, count, mark as read and delete the viewer's notifications."""

    database: Transactions
    now: Callable[[], datetime]

    async def page(self, viewer: Viewer, query: NotificationQuery) -> list[Notification]:
        """Return a page of notifications, newest first."""
        return await self.database.read(_page, viewer, query)

    async def one(self, viewer: Viewer, id: NotificationId) -> Notification:
        """Return one of the viewer's notifications. Raises NotFound."""
        return await self.database.read(_one, viewer, id)

    async def unread(self, viewer: Viewer, query: NotificationQuery | None = None) -> int:
        """Count the unread notifications, up to the limit of the query's page."""
        query = query or NotificationQuery(Page(MAX_UNREAD))
        return await self.database.read(
            notifications.unread,
            account=viewer.id,
            limit=query.page.limit,
            kinds=query.kinds,
            without=query.without,
            sender=query.sender,
        )

    async def badges(self, viewer: Viewer) -> UnreadCounts:
        """Return the unread counts shown in the navigation."""
        return await self.database.read(notifications.unread_counts, account=viewer.id, limit=MAX_UNREAD)

    async def read_up_to(self, viewer: Viewer) -> int:
        """Return the id of the newest notification that the viewer has read; 0 if none."""
        return await self.database.read(notifications.read_up_to, account=viewer.id)

    async def mark_read(self, viewer: Viewer, up_to: NotificationId) -> None:
        """Mark all notifications up to this id as read."""
        await self.database.run(notifications.mark_read, account=viewer.id, up_to=up_to, now=self.now())

    async def dismiss(self, viewer: Viewer, id: NotificationId) -> None:
        """Delete one notification. Raises NotFound."""
        if not await self.database.run(notifications.dismiss, account=viewer.id, id=id, now=self.now()):
            raise NotFound

    async def clear(self, viewer: Viewer) -> None:
        """Delete all notifications."""
        await self.database.run(notifications.clear, account=viewer.id, now=self.now())


def _page(cursor: Cursor, viewer: Viewer, query: NotificationQuery) -> list[Notification]:
    return load_notifications(cursor, viewer, read_rows(cursor, viewer, query))


def read_rows(cursor: Cursor, viewer: Viewer, query: NotificationQuery) -> list[notifications.NotificationRow]:
    """Return the rows of a page."""
    return notifications.page_of(
        cursor,
        account=viewer.id,
        page=query.page,
        kinds=query.kinds,
        without=query.without,
        sender=query.sender,
        filtered=query.filtered,
    )


def _one(cursor: Cursor, viewer: Viewer, id: NotificationId) -> Notification:
    found = load_notifications(cursor, viewer, notifications.by_id(cursor, account=viewer.id, id=id))
    if not found:
        raise NotFound
    return found[0]


def load_notifications(cursor: Cursor, viewer: Viewer, rows: list[notifications.NotificationRow]) -> list[Notification]:
    """Load accounts and posts of the rows. Leaves out rows whose post the viewer may no longer see."""
    senders = {account.id: account for account in accounts.by_ids(cursor, ids=list({row.sender for row in rows}))}
    post_ids = [row.post for row in rows if row.post is not None]
    posts_by_id = posts.by_ids(cursor, posts.visible(cursor, ids=post_ids, viewer=viewer.id)) if post_ids else {}
    return assembled(rows, senders, posts_by_id, other_subjects(cursor, rows))


def assembled(
    rows: Sequence[notifications.NotificationRow],
    senders: Mapping[AccountId, Account],
    posts_by_id: Mapping[PostId, Post],
    subjects: OtherSubjects,
) -> list[Notification]:
    """Return the notifications of those rows of which the sender and the post, if any, are given."""
    return [
        Notification(
            row.id,
            row.kind,
            row.created_at,
            senders[row.sender],
            posts_by_id[row.post] if row.post else None,
            row.group_key,
            row.filtered,
            subjects.warnings.get(row.id),
            subjects.severances.get(row.id),
        )
        for row in rows
        if row.sender in senders and (row.post is None or row.post in posts_by_id)
    ]


class NotificationLike(Protocol):
    """Row of a notification or of a notification group."""

    @property
    def id(self) -> NotificationId:
        """The notification's id."""

    @property
    def kind(self) -> NotificationKind:
        """The notification's kind."""


@frozen
class OtherSubjects:
    """Subjects of notifications other than posts: moderation warnings, and lost follows."""

    warnings: Mapping[NotificationId, AccountWarning] = field(factory=dict)
    severances: Mapping[NotificationId, Severance] = field(factory=dict)


def other_subjects(cursor: Cursor, rows: Sequence[NotificationLike]) -> OtherSubjects:
    """Return the warnings and lost follows that those rows are about."""
    warned = [row.id for row in rows if row.kind is NotificationKind.WARNING]
    severed = [row.id for row in rows if row.kind is NotificationKind.SEVERED_RELATIONSHIPS]
    return OtherSubjects(
        warnings.of_notifications(cursor, ids=warned) if warned else {}, severances.of_notifications(cursor, ids=severed) if severed else {}
    )
