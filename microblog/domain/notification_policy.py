"""Notification policies (which senders may notify an account), and requests for the notifications that they filter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from attrs import evolve, frozen

from microblog.model.accounts import RelatedAccount, Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, PostId, RelationId
from microblog.model.notification_policy import FILTERABLE, NotificationRequest, PendingCounts, Policy, Treatment, treatment
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.storage import accounts, conversations, events, notification_policy, posts
from microblog.storage.database import Cursor, Transactions

MAX_PENDING = notification_policy.MAX_COUNTED


def treatments_of(
    cursor: Cursor,
    recipients: Collection[AccountId],
    kind: NotificationKind,
    sender: AccountId,
    *,
    post: PostId | None,
    now: datetime,
) -> Mapping[AccountId, Treatment]:
    """Map each recipient that does not simply accept the notification to its treatment."""
    if kind not in FILTERABLE or not recipients:
        return {}
    relations = notification_policy.sender_relation(
        cursor, accounts=recipients, sender=sender, post=post if kind is NotificationKind.MENTION else None
    )
    return {one.account: result for one in relations if (result := treatment(one.policy, one.category, kind, now)) is not Treatment.ACCEPT}


@frozen
class NotificationPolicies:
    """Read and change the viewer's notification policy, and settle the resulting notification requests."""

    database: Transactions
    now: Callable[[], datetime]

    async def of(self, viewer: Viewer) -> tuple[Policy, PendingCounts]:
        """Return the viewer's policy and the number of pending requests and notifications."""
        return await self.database.read(_of, viewer)

    async def pending(self, viewer: Viewer) -> PendingCounts:
        """Return how many requests and notifications the viewer's policy filters."""
        return await self.database.read(notification_policy.pending, account=viewer.id)

    async def change(self, viewer: Viewer, changes: Mapping[str, str]) -> tuple[Policy, PendingCounts]:
        """Change the fields of `Policy` named in `changes`; the others stay. Raises Invalid.

        The change does not apply to earlier notifications.
        """
        return await self.database.run(_change, viewer, changes)

    async def requests(self, viewer: Viewer, page: Page) -> list[NotificationRequest]:
        """Return the viewer's notification requests, newest first."""
        return await self.database.read(_requests, viewer, page)

    async def request(self, viewer: Viewer, id: int) -> NotificationRequest:
        """Return one notification request. Raises NotFound."""
        return await self.database.read(_request, viewer, id)

    async def accept(self, viewer: Viewer, ids: Sequence[int]) -> int:
        """Accept the requests: deliver what was filtered and let these senders through from now on. Returns how many requests existed."""
        return await self.database.run(self._accept, viewer, ids)

    async def dismiss(self, viewer: Viewer, ids: Sequence[int]) -> int:
        """Delete the requests and the filtered notifications. Returns how many requests existed."""
        return await self.database.run(_dismiss, viewer, ids)

    async def permitted(self, viewer: Viewer, page: Page) -> list[RelatedAccount]:
        """Return the accounts that the viewer lets through because a request was accepted. Paged by account id."""
        return await self.database.read(_permitted, viewer, page)

    async def forbid(self, viewer: Viewer, sender: AccountId) -> None:
        """Revoke the permission of an accepted sender, so that the policy applies again. Raises NotFound if there was none.

        Notifications that were delivered meanwhile stay.
        """
        if not await self.database.run(notification_policy.revoke_permission, account=viewer.id, sender=sender):
            raise NotFound

    def _accept(self, cursor: Cursor, viewer: Viewer, ids: Sequence[int]) -> int:
        senders = notification_policy.delete_requests(cursor, account=viewer.id, ids=ids)
        if senders:
            notification_policy.permit(cursor, account=viewer.id, senders=senders)
            conversations.deliver_filtered(cursor, account=viewer.id, senders=senders, now=self.now())
            notification_policy.release(cursor, account=viewer.id, senders=senders)
            for kind in (EventKind.NOTIFICATIONS_MERGED, EventKind.BADGES_CHANGED):
                events.record(cursor, kind, at=self.now(), account=viewer.id)
        return len(senders)


def _of(cursor: Cursor, viewer: Viewer) -> tuple[Policy, PendingCounts]:
    return notification_policy.of_account(cursor, account=viewer.id), notification_policy.pending(cursor, account=viewer.id)


def _change(cursor: Cursor, viewer: Viewer, changes: Mapping[str, str]) -> tuple[Policy, PendingCounts]:
    known = set(Treatment)
    if wrong := [name for name, value in changes.items() if value not in known]:
        raise Invalid({name: f"For {name.replace('_', ' ')} is not included in the list" for name in wrong})
    before = notification_policy.of_account(cursor, account=viewer.id)
    after = evolve(before, **{name: Treatment(value) for name, value in changes.items()})
    notification_policy.change(cursor, account=viewer.id, policy=after)
    return after, notification_policy.pending(cursor, account=viewer.id)


def _permitted(cursor: Cursor, viewer: Viewer, page: Page) -> list[RelatedAccount]:
    ids = notification_policy.permitted(cursor, account=viewer.id, page=page)
    accounts_by_id = {account.id: account for account in accounts.by_ids(cursor, ids=ids)} if ids else {}
    return [RelatedAccount(RelationId(id), accounts_by_id[id]) for id in ids if id in accounts_by_id]


def _dismiss(cursor: Cursor, viewer: Viewer, ids: Sequence[int]) -> int:
    senders = notification_policy.delete_requests(cursor, account=viewer.id, ids=ids)
    if senders:
        notification_policy.delete_filtered(cursor, account=viewer.id, senders=senders)
    return len(senders)


def _requests(cursor: Cursor, viewer: Viewer, page: Page) -> list[NotificationRequest]:
    return _loaded(cursor, viewer, notification_policy.requests(cursor, account=viewer.id, page=page))


def _request(cursor: Cursor, viewer: Viewer, id: int) -> NotificationRequest:
    found = _loaded(cursor, viewer, notification_policy.requests_by_ids(cursor, account=viewer.id, ids=[id]))
    if not found:
        raise NotFound
    return found[0]


def _loaded(cursor: Cursor, viewer: Viewer, rows: list[notification_policy.NotificationRequestRow]) -> list[NotificationRequest]:
    if not rows:
        return []
    accounts_by_id = {account.id: account for account in accounts.by_ids(cursor, ids=[row.sender for row in rows])}
    post_ids = [row.post for row in rows if row.post is not None]
    posts_by_id = posts.by_ids(cursor, posts.visible(cursor, ids=post_ids, viewer=viewer.id)) if post_ids else {}
    return [
        NotificationRequest(
            row.id,
            accounts_by_id[row.sender],
            row.created_at,
            row.updated_at,
            row.count,
            posts_by_id.get(row.post) if row.post is not None else None,
        )
        for row in rows
        if row.sender in accounts_by_id
    ]
