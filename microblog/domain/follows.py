"""Following: who sees whose posts at home, and who asks to.

Each command first locks the two accounts (`accounts.lock`), so what it finds stays true until its end.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.domain import notify
from microblog.model.accounts import Account, RelatedAccount, Relationship, Viewer
from microblog.model.errors import Forbidden, Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.storage import accounts, events, follows, notifications, relationships
from microblog.storage.database import Cursor, Transactions
from microblog.storage.follows import FollowOptions

OWN = "Following your own account is not allowed"
BLOCKED = "You cannot follow each other: one of you blocks the other."
MOST_LANGUAGES = 20


class NoRequest(NotFound):
    """Nobody asks to follow, or not any more: the request was settled or withdrawn."""


@frozen
class FollowRequestOptions:
    """What a follower asks for. None leaves it as it is, or as usual for a new follow; no languages at all means every language."""

    boosts: bool | None = None
    notify: bool | None = None
    languages: tuple[str, ...] | None = None

    def over(self, before: FollowOptions | None) -> FollowOptions:
        """These wishes, over what was wanted before. Raises Invalid for what is no language."""
        base = before or FollowOptions()
        return FollowOptions(
            base.boosts if self.boosts is None else self.boosts,
            base.notify if self.notify is None else self.notify,
            base.languages if self.languages is None else _languages(self.languages),
        )


def _languages(given: tuple[str, ...]) -> tuple[str, ...] | None:
    tidy = tuple(dict.fromkeys(code.strip().lower() for code in given))
    if len(tidy) > MOST_LANGUAGES or not all(code.isascii() and code.isalpha() and len(code) in (2, 3) for code in tidy):
        raise Invalid({"languages": "Languages are not included in the list"}, codes={"languages": "ERR_INCLUSION"})
    return tidy or None


def require_account(cursor: Cursor, id: AccountId) -> Account:
    """The account, be it suspended. Raises NotFound if there is none (any more)."""
    account = accounts.by_id(cursor, id=id)
    if account is None:
        raise NotFound
    return account


def relationship(cursor: Cursor, viewer: Viewer, id: AccountId, now: datetime) -> Relationship:
    """How the viewer stands to the account now. Raises NotFound if there is no such account."""
    found = relationships.relationships(cursor, viewer=viewer.id, ids=[id], now=now)
    if not found:
        raise NotFound
    return found[0]


def create_follow(cursor: Cursor, follower: AccountId, followee: AccountId, options: FollowOptions, now: datetime) -> bool:
    """Let the one follow the other in the running transaction, both being locked; False if they did already."""
    made = follows.follow(cursor, follower=follower, followee=followee, options=options, now=now)
    if made:
        accounts.count_follow(cursor, follower=follower, followee=followee, by=1)
    data = {"boosts": options.boosts, "languages": options.params()["languages"]}
    events.record(cursor, EventKind.FOLLOWED, at=now, account=follower, subject=followee, data=data)
    return made


def remove_follow(cursor: Cursor, follower: AccountId, followee: AccountId, now: datetime) -> None:
    """End the follow and the request of the one for the other, if there are any, in the running transaction, both being locked."""
    if follows.unfollow(cursor, follower=follower, followee=followee):
        accounts.count_follow(cursor, follower=follower, followee=followee, by=-1)
        events.record(cursor, EventKind.UNFOLLOWED, at=now, account=follower, subject=followee)
        notifications.take_back(cursor, account=followee, kind=NotificationKind.FOLLOW, sender=follower)
    if follows.withdraw(cursor, follower=follower, followee=followee):
        notifications.take_back(cursor, account=followee, kind=NotificationKind.FOLLOW_REQUEST, sender=follower)


def accept_request(cursor: Cursor, follower: AccountId, followee: AccountId, now: datetime) -> bool:
    """Turn the request of the one into a follow in the running transaction, both being locked; False if there is none.

    The notification of the request gives way to one of the follow, so that a trace of it stays.
    """
    wanted = follows.requested(cursor, follower=follower, followee=followee)
    if wanted is None:
        return False
    follows.withdraw(cursor, follower=follower, followee=followee)
    notifications.take_back(cursor, account=followee, kind=NotificationKind.FOLLOW_REQUEST, sender=follower)
    create_follow(cursor, follower, followee, wanted, now)
    notify.notify(cursor, accounts=[followee], kind=NotificationKind.FOLLOW, sender=follower, now=now)
    return True


@frozen
class Follows:
    """The commands about follows and requests, and the lists of people that come of them. Each command gives the new relationship."""

    database: Transactions
    now: Callable[[], datetime]

    async def follow(self, viewer: Viewer, id: AccountId, wanted: FollowRequestOptions | None = None) -> Relationship:
        """Follow the account, or ask to if it is locked; once more changes what is wanted.

        Raises NotFound, Forbidden (oneself, or a block between the two), Invalid (languages).
        """
        return await self.database.run(self._follow, viewer, id, wanted or FollowRequestOptions())

    async def unfollow(self, viewer: Viewer, id: AccountId) -> Relationship:
        """Follow the account no more, and ask no more to."""
        return await self.database.run(self._sever, viewer, id, viewer.id, id)

    async def remove_follower(self, viewer: Viewer, id: AccountId) -> Relationship:
        """Let the account follow the viewer no more."""
        return await self.database.run(self._sever, viewer, id, id, viewer.id)

    async def accept(self, viewer: Viewer, id: AccountId) -> Relationship:
        """Let the account, which asked, follow the viewer. Raises NoRequest if it does not ask (any more)."""
        return await self.database.run(self._accept, viewer, id)

    async def reject(self, viewer: Viewer, id: AccountId) -> Relationship:
        """Refuse what the account asked. Raises NoRequest if it does not ask (any more)."""
        return await self.database.run(self._reject, viewer, id)

    async def requests(self, viewer: Viewer, page: Page) -> list[RelatedAccount]:
        """Who asks to follow the viewer, the newest first."""
        return await self.database.read(follows.requests, account=viewer.id, page=page)

    async def count_requests(self, viewer: Viewer) -> int:
        """How many ask to follow the viewer."""
        return await self.database.read(follows.count_requests, followee=viewer.id)

    async def followers(self, viewer: Viewer | None, id: AccountId, page: Page) -> list[RelatedAccount]:
        """Who follows the account, the newest first; nobody where it hides that, is suspended or blocks the viewer. Raises NotFound."""
        return await self.database.read(self._people, follows.followers, viewer, id, page)

    async def following(self, viewer: Viewer | None, id: AccountId, page: Page) -> list[RelatedAccount]:
        """Whom the account follows, the newest first; nobody where it hides that, is suspended or blocks the viewer. Raises NotFound."""
        return await self.database.read(self._people, follows.following, viewer, id, page)

    def _follow(self, cursor: Cursor, viewer: Viewer, id: AccountId, wanted: FollowRequestOptions) -> Relationship:
        if id == viewer.id:
            raise Forbidden(OWN)
        accounts.lock(cursor, ids=[viewer.id, id])
        target = require_account(cursor, id)
        if target.suspended_at:
            raise NotFound
        if relationships.blocked_between(cursor, one=viewer.id, other=id):
            raise Forbidden(BLOCKED)
        before = follows.follow_options(cursor, follower=viewer.id, followee=id)
        if before is None and target.locked:
            self._ask(cursor, viewer, id, wanted)
        elif before is None:
            self._begin(cursor, viewer, id, wanted)
        elif (options := wanted.over(before)) != before:
            create_follow(cursor, viewer.id, id, options, self.now())
        return relationship(cursor, viewer, id, self.now())

    def _ask(self, cursor: Cursor, viewer: Viewer, id: AccountId, wanted: FollowRequestOptions) -> None:
        options = wanted.over(follows.requested(cursor, follower=viewer.id, followee=id))
        if follows.ask(cursor, follower=viewer.id, followee=id, options=options, now=self.now()):
            notify.notify(cursor, accounts=[id], kind=NotificationKind.FOLLOW_REQUEST, sender=viewer.id, now=self.now())

    def _begin(self, cursor: Cursor, viewer: Viewer, id: AccountId, wanted: FollowRequestOptions) -> None:
        options = wanted.over(follows.requested(cursor, follower=viewer.id, followee=id))
        remove_follow(cursor, viewer.id, id, self.now())  # what was asked while the account was locked
        create_follow(cursor, viewer.id, id, options, self.now())
        notify.notify(cursor, accounts=[id], kind=NotificationKind.FOLLOW, sender=viewer.id, now=self.now())

    def _sever(self, cursor: Cursor, viewer: Viewer, id: AccountId, follower: AccountId, followee: AccountId) -> Relationship:
        accounts.lock(cursor, ids=[viewer.id, id])
        remove_follow(cursor, follower, followee, self.now())
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
        if not follows.withdraw(cursor, follower=id, followee=viewer.id):
            raise NoRequest
        notifications.take_back(cursor, account=viewer.id, kind=NotificationKind.FOLLOW_REQUEST, sender=id)
        return relationship(cursor, viewer, id, self.now())

    def _people(
        self, cursor: Cursor, list_of: Callable[..., list[RelatedAccount]], viewer: Viewer | None, id: AccountId, page: Page
    ) -> list[RelatedAccount]:
        account = require_account(cursor, id)
        own = viewer is not None and viewer.id == id
        if account.suspended_at or (account.hide_relations and not own):
            return []
        if viewer and relationships.blocks(cursor, account=id, target=viewer.id):
            return []
        return list_of(cursor, account=id, viewer=viewer.id if viewer else None, page=page)
