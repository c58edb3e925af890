"""Who may notify somebody, and what was kept back of people who may not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from attrs import evolve, frozen

from microblog.model.accounts import RelatedAccount, Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, PostId, RelationId
from microblog.model.notification_policy import HELD, NotificationRequest, PendingCounts, Policy, Treatment, treatment
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.storage import accounts, conversations, events, notification_policy, posts
from microblog.storage.database import Cursor, Transactions

MOST_HELD = notification_policy.MOST_COUNTED


def treated(
    cursor: Cursor,
    whom: Collection[AccountId],
    kind: NotificationKind,
    sender: AccountId,
    *,
    post: PostId | None,
    now: datetime,
) -> Mapping[AccountId, Treatment]:
    """What becomes of one notification for each of them who does not simply accept it."""
    if kind not in HELD or not whom:
        return {}
    asked = notification_policy.sender_relation(
        cursor, accounts=whom, sender=sender, post=post if kind is NotificationKind.MENTION else None
    )
    return {one.account: said for one in asked if (said := treatment(one.policy, one.standing, kind, now)) is not Treatment.ACCEPT}


@frozen
class NotificationPolicies:
    """Reads and changes the viewer's policy, and settles the requests that come of it."""

    database: Transactions
    now: Callable[[], datetime]

    async def of(self, viewer: Viewer) -> tuple[Policy, PendingCounts]:
        """The viewer's policy, and how much it keeps back."""
        return await self.database.read(_of, viewer)

    async def pending(self, viewer: Viewer) -> PendingCounts:
        """How much the viewer's policy keeps back."""
        return await self.database.read(notification_policy.pending, account=viewer.id)

    async def change(self, viewer: Viewer, wanted: Mapping[str, str]) -> tuple[Policy, PendingCounts]:
        """Change what is `wanted`, by the names of `Policy`; the rest stays. Raises Invalid. What came before is left as it is."""
        return await self.database.run(_change, viewer, wanted)

    async def requests(self, viewer: Viewer, page: Page) -> list[NotificationRequest]:
        """Whose mentions are kept back, the newest first."""
        return await self.database.read(_requests, viewer, page)

    async def request(self, viewer: Viewer, id: int) -> NotificationRequest:
        """One of them. Raises NotFound."""
        return await self.database.read(_request, viewer, id)

    async def accept(self, viewer: Viewer, ids: Sequence[int]) -> int:
        """Tell what was kept back of those requests, and let these people through from now on; how many requests there were."""
        return await self.database.run(self._accept, viewer, ids)

    async def dismiss(self, viewer: Viewer, ids: Sequence[int]) -> int:
        """Delete what was kept back of those requests; how many there were."""
        return await self.database.run(_dismiss, viewer, ids)

    async def permitted(self, viewer: Viewer, page: Page) -> list[RelatedAccount]:
        """Whom the viewer lets through since their request was accepted. Pages go by the accounts' ids."""
        return await self.database.read(_permitted, viewer, page)

    async def forbid(self, viewer: Viewer, sender: AccountId) -> None:
        """Let somebody through no more than the policy does. What was told of them stays. Raises NotFound if they were not let through."""
        if not await self.database.run(notification_policy.forbid, account=viewer.id, sender=sender):
            raise NotFound

    def _accept(self, cursor: Cursor, viewer: Viewer, ids: Sequence[int]) -> int:
        senders = notification_policy.end_requests(cursor, account=viewer.id, ids=ids)
        if senders:
            notification_policy.permit(cursor, account=viewer.id, senders=senders)
            conversations.deliver_held(cursor, account=viewer.id, senders=senders, now=self.now())
            notification_policy.release(cursor, account=viewer.id, senders=senders)
            for kind in (EventKind.NOTIFICATIONS_MERGED, EventKind.BADGES_CHANGED):
                events.record(cursor, kind, at=self.now(), account=viewer.id)
        return len(senders)


def _of(cursor: Cursor, viewer: Viewer) -> tuple[Policy, PendingCounts]:
    return notification_policy.of_account(cursor, account=viewer.id), notification_policy.pending(cursor, account=viewer.id)


def _change(cursor: Cursor, viewer: Viewer, wanted: Mapping[str, str]) -> tuple[Policy, PendingCounts]:
    known = set(Treatment)
    if wrong := [name for name, said in wanted.items() if said not in known]:
        raise Invalid({name: f"For {name.replace('_', ' ')} is not included in the list" for name in wrong})
    before = notification_policy.of_account(cursor, account=viewer.id)
    after = evolve(before, **{name: Treatment(said) for name, said in wanted.items()})
    notification_policy.change(cursor, account=viewer.id, policy=after)
    return after, notification_policy.pending(cursor, account=viewer.id)


def _permitted(cursor: Cursor, viewer: Viewer, page: Page) -> list[RelatedAccount]:
    ids = notification_policy.permitted(cursor, account=viewer.id, page=page)
    people = {account.id: account for account in accounts.by_ids(cursor, ids=ids)} if ids else {}
    return [RelatedAccount(RelationId(id), people[id]) for id in ids if id in people]


def _dismiss(cursor: Cursor, viewer: Viewer, ids: Sequence[int]) -> int:
    senders = notification_policy.end_requests(cursor, account=viewer.id, ids=ids)
    if senders:
        notification_policy.forget(cursor, account=viewer.id, senders=senders)
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
    people = {account.id: account for account in accounts.by_ids(cursor, ids=[row.sender for row in rows])}
    wanted = [row.post for row in rows if row.post is not None]
    found = posts.by_ids(cursor, posts.visible(cursor, ids=wanted, viewer=viewer.id)) if wanted else {}
    return [
        NotificationRequest(
            row.id, people[row.sender], row.created_at, row.updated_at, row.count, found.get(row.post) if row.post is not None else None
        )
        for row in rows
        if row.sender in people
    ]
