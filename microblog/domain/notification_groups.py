"""What somebody was told, with likes, boosts and follows that belong together told as one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.domain.notifications import MOST_UNREAD, NotificationQuery, warned
from microblog.model.accounts import RelatedAccount, Viewer
from microblog.model.errors import NotFound
from microblog.model.ids import NotificationId, RelationId
from microblog.model.notifications import NotificationGroup
from microblog.model.paging import Page
from microblog.storage import accounts, notification_groups, notifications, posts
from microblog.storage.database import Cursor, Transactions
from microblog.storage.notification_groups import GroupSelection


@frozen
class GroupPage:
    """A page of groups. `ids` are those by which it was read, also of groups that nothing is shown of: the links go by them."""

    groups: tuple[NotificationGroup, ...] = ()
    ids: tuple[NotificationId, ...] = ()


@frozen
class NotificationGroups:
    """Reads, counts and deletes the viewer's notifications by groups."""

    database: Transactions
    now: Callable[[], datetime]

    async def page(self, viewer: Viewer, asked: NotificationQuery) -> GroupPage:
        """The groups, by their newest members. Page by page, each is there once."""
        return await self.database.read(_page, viewer, asked)

    async def one(self, viewer: Viewer, key: str) -> NotificationGroup:
        """One of the viewer's groups. Raises NotFound."""
        return await self.database.read(_one, viewer, key)

    async def senders(self, viewer: Viewer, key: str, page: Page) -> list[RelatedAccount]:
        """Everybody of a group, the newest first; each has the id of their notification. Raises NotFound."""
        return await self.database.read(_senders, viewer, key, page)

    async def unread(self, viewer: Viewer, asked: NotificationQuery | None = None) -> int:
        """How many groups have something that the viewer has not read; counted no further than the page's limit."""
        asked = asked or NotificationQuery(Page(MOST_UNREAD))
        return await self.database.read(notification_groups.unread, account=viewer.id, limit=asked.page.limit, choice=_choice(asked))

    async def dismiss(self, viewer: Viewer, key: str) -> None:
        """Delete the whole group; one that is gone already stays so."""
        id = notification_groups.alone(key)
        await self.database.run(notifications.dismiss_group, account=viewer.id, key=key, id=id, now=self.now())


def _choice(asked: NotificationQuery) -> GroupSelection:
    return GroupSelection(asked.kinds, asked.without, asked.sender, asked.grouped, asked.filtered)


def _page(cursor: Cursor, viewer: Viewer, asked: NotificationQuery) -> GroupPage:
    rows = notification_groups.page_of(cursor, account=viewer.id, page=asked.page, choice=_choice(asked))
    return GroupPage(_loaded(cursor, viewer, rows), tuple(row.id for row in rows))


def _one(cursor: Cursor, viewer: Viewer, key: str) -> NotificationGroup:
    found = _loaded(cursor, viewer, notification_groups.by_key(cursor, account=viewer.id, key=key))
    if not found:
        raise NotFound
    return found[0]


def _senders(cursor: Cursor, viewer: Viewer, key: str, page: Page) -> list[RelatedAccount]:
    rows = notification_groups.members(cursor, account=viewer.id, key=key, page=page)
    if not rows:
        _one(cursor, viewer, key)
    people = {account.id: account for account in accounts.by_ids(cursor, ids=list({sender for _, sender in rows}))} if rows else {}
    return [RelatedAccount(RelationId(id), people[sender]) for id, sender in rows if sender in people]


def _loaded(cursor: Cursor, viewer: Viewer, rows: list[notification_groups.NotificationGroupRow]) -> tuple[NotificationGroup, ...]:
    """The rows with their accounts and posts. One whose post the viewer may no longer see is left out."""
    if not rows:
        return ()
    people = {one.id: one for one in accounts.by_ids(cursor, ids=list({sender for row in rows for sender in row.senders}))}
    wanted = [row.post for row in rows if row.post is not None]
    found = posts.by_ids(cursor, posts.visible(cursor, ids=wanted, viewer=viewer.id)) if wanted else {}
    said = warned(cursor, rows)
    return tuple(
        NotificationGroup(
            row.key,
            row.kind,
            row.count,
            row.id,
            row.created_at,
            tuple(people[sender] for sender in row.senders),
            found[row.post] if row.post else None,
            row.oldest_here,
            said.get(row.id),
        )
        for row in rows
        if people.keys() >= set(row.senders) and (row.post is None or row.post in found)
    )
