"""Endorsed accounts, familiar followers, the profile directory and follow suggestions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import frozen

from microblog.domain.follows import relationship, require_account
from microblog.model.accounts import Account, RelatedAccount, Relationship, Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import AccountId
from microblog.model.paging import Page
from microblog.storage import accounts, follows, suggestions
from microblog.storage.database import Cursor, Transactions

NOT_FOLLOWED = "You must be already following the person you want to endorse"
FAMILIAR = 10


@frozen
class Suggestions:
    """Lists of accounts other than follows and searches. `has_directory` returns whether the site has a profile directory now."""

    database: Transactions
    now: Callable[[], datetime]
    has_directory: Callable[[], bool] = lambda: True

    async def endorse(self, viewer: Viewer, id: AccountId) -> Relationship:
        """Feature an account that the viewer follows on the viewer's profile. Raises NotFound, and Invalid if not followed."""
        return await self.database.run(self._endorse, viewer, id)

    async def unendorse(self, viewer: Viewer, id: AccountId) -> Relationship:
        """Stop featuring the account. Raises NotFound."""
        return await self.database.run(self._unendorse, viewer, id)

    async def endorsed(self, viewer: Viewer | None, account: AccountId, page: Page) -> list[RelatedAccount]:
        """Return the accounts featured on a profile, newest first. Raises NotFound."""
        return await self.database.read(_endorsed, viewer, account, page)

    async def familiar(self, viewer: Viewer, ids: Sequence[AccountId]) -> list[tuple[AccountId, list[Account]]]:
        """Return, for each of the accounts, its followers that the viewer follows."""
        found = await self.database.read(suggestions.familiar, viewer=viewer.id, ids=ids, limit=FAMILIAR) if ids else []
        return [(id, [account for known, account in found if known == id]) for id in dict.fromkeys(ids)]

    async def directory(self, viewer: Viewer | None, *, newest: bool, limit: int, offset: int) -> list[Account]:
        """Return the profile directory: accounts that opted in, by creation (`newest`) or by their last post. Raises NotFound."""
        if not self.has_directory():
            raise NotFound
        lister = suggestions.newest if newest else suggestions.active
        return await self.database.read(lister, viewer=viewer.id if viewer else None, limit=limit, offset=offset)

    async def suggested(self, viewer: Viewer, limit: int, offset: int = 0) -> list[Account]:
        """Return the most followed accounts that the viewer has no relationship with and has not dismissed."""
        return await self.database.read(accounts.suggested, viewer=viewer.id, limit=limit, offset=offset)

    async def dismiss(self, viewer: Viewer, id: AccountId) -> None:
        """Do not suggest the account any more."""
        await self.database.run(suggestions.dismiss, account=viewer.id, target=id)

    def _endorse(self, cursor: Cursor, viewer: Viewer, id: AccountId) -> Relationship:
        require_account(cursor, id)
        endorsed = suggestions.endorse(cursor, account=viewer.id, target=id, now=self.now())
        if not endorsed and follows.follow_options(cursor, follower=viewer.id, followee=id) is None:
            raise Invalid({"base": NOT_FOLLOWED})
        return relationship(cursor, viewer, id, self.now())

    def _unendorse(self, cursor: Cursor, viewer: Viewer, id: AccountId) -> Relationship:
        require_account(cursor, id)
        suggestions.unendorse(cursor, account=viewer.id, target=id)
        return relationship(cursor, viewer, id, self.now())


def _endorsed(cursor: Cursor, viewer: Viewer | None, account: AccountId, page: Page) -> list[RelatedAccount]:
    if require_account(cursor, account).suspended_at:
        return []
    return suggestions.endorsed(cursor, account=account, viewer=viewer.id if viewer else None, page=page)
