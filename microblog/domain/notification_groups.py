"""Grouped notifications: favourites, boosts and follows that belong together are shown as one entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from attrs import frozen

from microblog.domain.notifications import MAX_UNREAD, NotificationQuery, OtherSubjects, other_subjects
from microblog.model.accounts import Account, RelatedAccount, Viewer
from microblog.model.errors import NotFound
from microblog.model.ids import AccountId, NotificationId, PostId, RelationId
from microblog.model.notifications import NotificationGroup
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.storage import accounts, notification_groups, notifications, posts
from microblog.storage.database import Cursor, Transactions
from microblog.storage.notification_groups import GroupSelection


@frozen
class GroupPage:
    """A page of notification groups.

    `ids` are the ids that were read, including groups of which nothing may be shown: pagination links are built from them.
    """

    groups: tuple[NotificationGroup, ...] = ()
    ids: tuple[NotificationId, ...] = ()


@frozen
class NotificationGroups:
    """Read, count and dismiss the viewer's notification groups."""

    database: Transactions
    now: Callable[[], datetime]

    async def page(self, viewer: Viewer, query: NotificationQuery) -> GroupPage:
        """Return a page of groups, ordered by their newest members. Across pages, each group appears once."""
        return await self.database.read(_page, viewer, query)

    async def one(self, viewer: Viewer, key: str) -> NotificationGroup:
        """Return one of the viewer's groups. Raises NotFound."""
        return await self.database.read(_one, viewer, key)

    async def senders(self, viewer: Viewer, key: str, page: Page) -> list[RelatedAccount]:
        """Return all accounts of a group, newest first, each with the id of its notification. Raises NotFound."""
        return await self.database.read(_senders, viewer, key, page)

    async def unread(self, viewer: Viewer, query: NotificationQuery | None = None) -> int:
        """Count the unread groups, up to the limit of the query's page."""
        query = query or NotificationQuery(Page(MAX_UNREAD))
        return await self.database.read(notification_groups.unread, account=viewer.id, limit=query.page.limit, choice=_selection(query))

    async def dismiss(self, viewer: Viewer, key: str) -> None:
        """Delete the whole group. Does nothing if it no longer exists."""
        id = notification_groups.ungrouped_id(key)
        await self.database.run(notifications.dismiss_group, account=viewer.id, key=key, id=id, now=self.now())


def _selection(query: NotificationQuery) -> GroupSelection:
    return GroupSelection(query.kinds, query.without, query.sender, query.grouped, query.filtered)


def _page(cursor: Cursor, viewer: Viewer, query: NotificationQuery) -> GroupPage:
    rows = read_groups(cursor, viewer, query)
    return GroupPage(_loaded(cursor, viewer, rows), tuple(row.id for row in rows))


def read_groups(cursor: Cursor, viewer: Viewer, query: NotificationQuery) -> list[notification_groups.NotificationGroupRow]:
    """Return the rows of a page."""
    return notification_groups.page_of(cursor, account=viewer.id, page=query.page, choice=_selection(query))


def _one(cursor: Cursor, viewer: Viewer, key: str) -> NotificationGroup:
    groups = _loaded(cursor, viewer, notification_groups.by_key(cursor, account=viewer.id, key=key))
    if not groups:
        raise NotFound
    return groups[0]


def _senders(cursor: Cursor, viewer: Viewer, key: str, page: Page) -> list[RelatedAccount]:
    rows = notification_groups.members(cursor, account=viewer.id, key=key, page=page)
    if not rows:
        _one(cursor, viewer, key)  # raises NotFound unless this is just an empty page of an existing group
    accounts_by_id = {account.id: account for account in accounts.by_ids(cursor, ids=list({sender for _, sender in rows}))} if rows else {}
    return [RelatedAccount(RelationId(id), accounts_by_id[sender]) for id, sender in rows if sender in accounts_by_id]


def _loaded(cursor: Cursor, viewer: Viewer, rows: list[notification_groups.NotificationGroupRow]) -> tuple[NotificationGroup, ...]:
    """Load accounts and posts of the rows. Leaves out rows whose post the viewer may no longer see."""
    if not rows:
        return ()
    accounts_by_id = {one.id: one for one in accounts.by_ids(cursor, ids=list({sender for row in rows for sender in row.senders}))}
    post_ids = [row.post for row in rows if row.post is not None]
    posts_by_id = posts.by_ids(cursor, posts.visible(cursor, ids=post_ids, viewer=viewer.id)) if post_ids else {}
    return assembled_groups(rows, accounts_by_id, posts_by_id, other_subjects(cursor, rows))


def assembled_groups(
    rows: Sequence[notification_groups.NotificationGroupRow],
    accounts_by_id: Mapping[AccountId, Account],
    posts_by_id: Mapping[PostId, Post],
    subjects: OtherSubjects,
) -> tuple[NotificationGroup, ...]:
    """Return the groups of those rows of which all senders and the post, if any, are given."""
    return tuple(
        NotificationGroup(
            row.key,
            row.kind,
            row.count,
            row.id,
            row.created_at,
            tuple(accounts_by_id[sender] for sender in row.senders),
            posts_by_id[row.post] if row.post else None,
            row.oldest_on_page,
            subjects.warnings.get(row.id),
            subjects.severances.get(row.id),
        )
        for row in rows
        if accounts_by_id.keys() >= set(row.senders) and (row.post is None or row.post in posts_by_id)
    )
