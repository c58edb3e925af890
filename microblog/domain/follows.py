"""Follows and follow requests.

Each command first locks both accounts (`accounts.lock`), so that what it reads stays true until it commits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from itertools import chain

from attrs import frozen

from microblog.domain import notify
from microblog.model.accounts import Account, RelatedAccount, Relationship, Viewer
from microblog.model.errors import Forbidden, Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, RelationId
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.storage import accounts, events, follows, lists, moves, notifications, received_actions, relationships
from microblog.storage.database import Cursor, Transactions
from microblog.storage.follows import DeletedFollow, FollowOptions
from microblog.storage.received_actions import Action, ActionKind

OWN = "Following your own account is not allowed"
BLOCKED = "You can't follow each other because one of you blocks the other."
MOVED = "This account has moved and can't be followed any more."
MAX_LANGUAGES = 20
END_BATCH = 50  # follows in each direction that one transaction ends


class NoRequest(NotFound):
    """There is no follow request, or it was already accepted, rejected or withdrawn."""


@frozen
class FollowRequestOptions:
    """Requested options of a follow. None keeps the current or default value; empty `languages` mean all languages."""

    boosts: bool | None = None
    notify: bool | None = None
    languages: tuple[str, ...] | None = None

    def applied_to(self, before: FollowOptions | None) -> FollowOptions:
        """Return the options with these changes. Raise Invalid for invalid language codes."""
        current = before or FollowOptions()
        return FollowOptions(
            current.boosts if self.boosts is None else self.boosts,
            current.notify if self.notify is None else self.notify,
            current.languages if self.languages is None else _languages(self.languages),
        )


def _languages(languages: tuple[str, ...]) -> tuple[str, ...] | None:
    codes = tuple(dict.fromkeys(code.strip().lower() for code in languages))
    if len(codes) > MAX_LANGUAGES or not all(code.isascii() and code.isalpha() and len(code) in (2, 3) for code in codes):
        raise Invalid({"languages": "Languages are not included in the list"}, codes={"languages": "ERR_INCLUSION"})
    return codes or None


def require_account(cursor: Cursor, id: AccountId) -> Account:
    """Return the account, suspended or not. Raise NotFound if it does not exist or is deleted."""
    account = accounts.by_id(cursor, id=id)
    if account is None:
        raise NotFound
    return account


def relationship(cursor: Cursor, viewer: Viewer, id: AccountId, now: datetime) -> Relationship:
    """Return the viewer's relationship to the account. Raise NotFound if there is no such account."""
    found = relationships.relationships(cursor, viewer=viewer.id, ids=[id], now=now)
    if not found:
        raise NotFound
    return found[0]


def create_follow(
    cursor: Cursor, follower: AccountId, followee: AccountId, options: FollowOptions, now: datetime, *, id: RelationId | None = None
) -> bool:
    """Create or update the follow in the running transaction; both accounts must be locked. False if it existed."""
    created = follows.follow(cursor, follower=follower, followee=followee, options=options, now=now, id=id)
    if created:
        accounts.count_follow(cursor, follower=follower, followee=followee, by=1)
    data = {"boosts": options.boosts, "languages": options.params()["languages"]}
    events.record(cursor, EventKind.FOLLOWED, at=now, account=follower, subject=followee, data=data)
    return created


def remove_follow(cursor: Cursor, follower: AccountId, followee: AccountId, now: datetime, *, ended_by: AccountId | None = None) -> None:
    """Remove the follow and the follow request, if any, in the running transaction; both accounts must be locked.

    If the followee ended it (`ended_by`), the server of a follower elsewhere is told, else the server of a followee elsewhere.
    """
    follow = follows.unfollow(cursor, follower=follower, followee=followee)
    if follow:
        accounts.count_follow(cursor, follower=follower, followee=followee, by=-1)
        events.record(cursor, EventKind.UNFOLLOWED, at=now, account=follower, subject=followee)
        notifications.withdraw(cursor, account=followee, kind=NotificationKind.FOLLOW, sender=follower)
    request = follows.cancel_request(cursor, follower=follower, followee=followee)
    if request:
        notifications.withdraw(cursor, account=followee, kind=NotificationKind.FOLLOW_REQUEST, sender=follower)
    ended = follow or request
    if ended and ended_by == followee:
        record_rejection(cursor, follower, followee, ended, now)
    elif ended and ended.is_elsewhere:
        events.record(cursor, EventKind.FOLLOW_WITHDRAWN, at=now, account=follower, subject=followee, data={"follow": str(ended.id)})


def end_some(cursor: Cursor, account: AccountId, end: Callable[[Sequence[tuple[AccountId, AccountId]]], None]) -> bool:
    """Call `end` with some follows by and of an account, as (follower, followee), all of them locked; False if none is left afterwards.

    A follow that another transaction is beginning at this moment counts as one that is left.
    """
    pairs = follows.of_account(cursor, account=account, limit=END_BATCH)
    accounts.lock(cursor, ids=sorted({account, *chain.from_iterable(pairs)}))
    end(pairs)
    return bool(follows.of_account(cursor, account=account, limit=1))


def record_rejection(cursor: Cursor, follower: AccountId, followee: AccountId, ended: DeletedFollow, now: datetime) -> None:
    """Record for the follower's server that the followee ended the follow or rejected the request.

    What led to it does not go on when a later follow is undone.
    """
    if ended.activity_uri is not None:
        received_actions.forget_all(cursor, actor=follower, action=Action(ActionKind.FOLLOW, followee))
        data = {"follow": str(ended.id), "activity_uri": ended.activity_uri}
        events.record(cursor, EventKind.FOLLOW_REJECTED, at=now, account=follower, subject=followee, data=data)


def confirm_follow(cursor: Cursor, follower: AccountId, followee: AccountId, now: datetime) -> bool:
    """Turn the request to follow an account elsewhere into a follow, under the same id; both accounts must be locked.

    False if there is no request. The account's server accepted it.
    """
    options = follows.request_options(cursor, follower=follower, followee=followee)
    wanted = moves.requested_lists(cursor, follower=follower, followee=followee)
    request = follows.cancel_request(cursor, follower=follower, followee=followee)
    if options is None or request is None:
        return False
    created = create_follow(cursor, follower, followee, options, now, id=request.id)
    add_to_lists(cursor, follower, followee, wanted, now)
    return created


def add_to_lists(cursor: Cursor, follower: AccountId, followee: AccountId, ids: Collection[int], now: datetime) -> None:
    """Put a followee on some of the follower's lists, in the running transaction."""
    for id in ids:
        owned = lists.by_id(cursor, account=follower, id=id)
        if owned is not None and lists.add(cursor, account=follower, id=owned.id, members=[followee], now=now):
            data = {"list": str(owned.id), "policy": owned.replies, "exclusive": owned.exclusive, "added": [followee], "removed": []}
            events.record(cursor, EventKind.LIST_CHANGED, at=now, account=follower, data=data)


def accept_request(cursor: Cursor, follower: AccountId, followee: AccountId, now: datetime) -> bool:
    """Turn the request into a follow in the running transaction; both accounts must be locked. False if there is no request.

    The notification of the request is replaced by one of the follow.
    """
    options = follows.request_options(cursor, follower=follower, followee=followee)
    if options is None:
        return False
    request = follows.cancel_request(cursor, follower=follower, followee=followee)
    notifications.withdraw(cursor, account=followee, kind=NotificationKind.FOLLOW_REQUEST, sender=follower)
    create_follow(cursor, follower, followee, options, now)
    if request and request.activity_uri is not None:
        follows.set_activity_uri(cursor, follower=follower, followee=followee, uri=request.activity_uri)
    notify.notify(cursor, accounts=[followee], kind=NotificationKind.FOLLOW, sender=follower, now=now)
    return True


def _needs_consent(follower: Account, target: Account) -> bool:
    """True if a follow begins as a request: to locked accounts, to those of other servers, and by limited ones of other servers."""
    return target.locked or target.host is not None or (follower.host is not None and follower.limited_at is not None)


@frozen
class Follows:
    """Commands about follows and follow requests, and lists of followers. Commands return the new relationship."""

    database: Transactions
    now: Callable[[], datetime]

    async def follow(self, viewer: Viewer, id: AccountId, requested: FollowRequestOptions | None = None) -> Relationship:
        """Follow the account, or request to if it is locked or on another server. Repeating it changes the options.

        Raise NotFound, Forbidden (own account, a block between the two, or an account that moved), Invalid (languages).
        """
        return await self.database.run(self.follow_within, viewer, id, requested or FollowRequestOptions())

    async def unfollow(self, viewer: Viewer, id: AccountId) -> Relationship:
        """Unfollow the account and withdraw the follow request."""
        return await self.database.run(self._end_follow, viewer, id, viewer.id, id)

    async def remove_follower(self, viewer: Viewer, id: AccountId) -> Relationship:
        """Remove the account from the viewer's followers."""
        return await self.database.run(self._end_follow, viewer, id, id, viewer.id)

    async def accept(self, viewer: Viewer, id: AccountId) -> Relationship:
        """Accept the account's follow request. Raise NoRequest if there is none."""
        return await self.database.run(self._accept, viewer, id)

    async def reject(self, viewer: Viewer, id: AccountId) -> Relationship:
        """Reject the account's follow request. Raise NoRequest if there is none."""
        return await self.database.run(self._reject, viewer, id)

    async def requests(self, viewer: Viewer, page: Page) -> list[RelatedAccount]:
        """Return the viewer's follow requests, newest first."""
        return await self.database.read(follows.requests, account=viewer.id, page=page)

    async def count_requests(self, viewer: Viewer) -> int:
        """Return the number of the viewer's follow requests."""
        return await self.database.read(follows.count_requests, followee=viewer.id)

    async def followers(self, viewer: Viewer | None, id: AccountId, page: Page) -> list[RelatedAccount]:
        """Return the account's followers, newest first. Empty if it hides them, is suspended or blocks the viewer. Raise NotFound."""
        return await self.database.read(self._related_accounts, follows.followers, viewer, id, page)

    async def following(self, viewer: Viewer | None, id: AccountId, page: Page) -> list[RelatedAccount]:
        """Return the accounts that it follows, newest first. Empty if it hides them, is suspended or blocks the viewer. Raise NotFound."""
        return await self.database.read(self._related_accounts, follows.following, viewer, id, page)

    def follow_within(self, cursor: Cursor, viewer: Viewer, id: AccountId, requested: FollowRequestOptions) -> Relationship:
        """Do what `follow` does in the running transaction."""
        if id == viewer.id:
            raise Forbidden(OWN)
        accounts.lock(cursor, ids=[viewer.id, id])
        target = require_account(cursor, id)
        if target.suspended_at:
            raise NotFound
        state = follows.state(cursor, follower=viewer.id, followee=id)
        if state.blocked:
            raise Forbidden(BLOCKED)
        if state.follow is None and target.moved_to is not None:
            raise Forbidden(MOVED)
        if state.follow is None and _needs_consent(viewer.account, target):
            self._request(cursor, viewer, target, requested.applied_to(state.request))
        elif state.follow is None:
            if state.request is not None:  # from when the account was locked
                remove_follow(cursor, viewer.id, id, self.now())
            self._begin(cursor, viewer, id, requested.applied_to(state.request))
        elif (options := requested.applied_to(state.follow)) != state.follow:
            create_follow(cursor, viewer.id, id, options, self.now())
        return relationship(cursor, viewer, id, self.now())

    def _request(self, cursor: Cursor, viewer: Viewer, target: Account, options: FollowOptions) -> None:
        request = follows.request(cursor, follower=viewer.id, followee=target.id, options=options, now=self.now())
        if request is None:
            return
        if target.host is None:
            notify.notify(cursor, accounts=[target.id], kind=NotificationKind.FOLLOW_REQUEST, sender=viewer.id, now=self.now())
        else:
            data = {"follow": str(request)}
            events.record(cursor, EventKind.FOLLOW_REQUESTED, at=self.now(), account=viewer.id, subject=target.id, data=data)

    def _begin(self, cursor: Cursor, viewer: Viewer, id: AccountId, options: FollowOptions) -> None:
        create_follow(cursor, viewer.id, id, options, self.now())
        notify.notify(cursor, accounts=[id], kind=NotificationKind.FOLLOW, sender=viewer.id, now=self.now())

    def _end_follow(self, cursor: Cursor, viewer: Viewer, id: AccountId, follower: AccountId, followee: AccountId) -> Relationship:
        accounts.lock(cursor, ids=[viewer.id, id])
        remove_follow(cursor, follower, followee, self.now(), ended_by=viewer.id)
        return relationship(cursor, viewer, id, self.now())

    def _accept(self, cursor: Cursor, viewer: Viewer, id: AccountId) -> Relationship:
        accounts.lock(cursor, ids=[viewer.id, id])
        if require_account(cursor, id).suspended_at:
            raise NotFound
        if not accept_request(cursor, id, viewer.id, self.now()):
            raise NoRequest
        return relationship(cursor, viewer, id, self.now())

    def _reject(self, cursor: Cursor, viewer: Viewer, id: AccountId) -> Relationship:
        accounts.lock(cursor, ids=[viewer.id, id])
        request = follows.cancel_request(cursor, follower=id, followee=viewer.id)
        if request is None:
            raise NoRequest
        notifications.withdraw(cursor, account=viewer.id, kind=NotificationKind.FOLLOW_REQUEST, sender=id)
        record_rejection(cursor, id, viewer.id, request, self.now())
        return relationship(cursor, viewer, id, self.now())

    def _related_accounts(
        self, cursor: Cursor, list_of: Callable[..., list[RelatedAccount]], viewer: Viewer | None, id: AccountId, page: Page
    ) -> list[RelatedAccount]:
        account = require_account(cursor, id)
        own = viewer is not None and viewer.id == id
        if account.suspended_at or (account.hide_relations and not own):
            return []
        if viewer and relationships.blocks(cursor, account=id, target=viewer.id):
            return []
        return list_of(cursor, account=id, viewer=viewer.id if viewer else None, page=page)
