"""What moderators do with people on the site: let applicants in, suspend, invite."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from attrs import frozen

from microblog.domain.account_actions import AccountActions
from microblog.domain.account_admin import AccountAdmin
from microblog.domain.registration import Registrations
from microblog.model.accounts import AccountWithLogin, Invite, Role, Viewer
from microblog.model.errors import Forbidden, NotFound
from microblog.model.ids import AccountId
from microblog.model.moderation import AccountQuery, Sanction
from microblog.model.paging import Page

AccountRef = str | AccountId
"""Somebody by username or e-mail address, or by account."""

NOT_BELOW = "Only somebody with a higher role may do this to them."


@frozen
class Moderation:
    """Commands for moderators and administrators. Each raises Forbidden for others, and NotFound for nobody.

    What is done to somebody needs a higher role than theirs: so nobody does it to themselves, and no moderator to another. The command
    line knows no such limit, for the day when the only administrator is the trouble.
    """

    account_admin: AccountAdmin
    registrations: Registrations
    sanctions: AccountActions

    async def accounts(self, viewer: Viewer, page: Page, *, applied: bool = False, suspended: bool = False) -> list[AccountWithLogin]:
        """Members, the newest first; only applicants or only the suspended, if asked for."""
        _moderates(viewer)
        return await self.account_admin.list(page, pending=applied, suspended=suspended)

    async def find(self, viewer: Viewer, name: str) -> list[AccountWithLogin]:
        """Who has this username or e-mail address: one, or nobody."""
        _moderates(viewer)
        try:
            return [await self.account_admin.by_name(name)]
        except NotFound:
            return []

    async def search(self, viewer: Viewer, page: Page, wanted: AccountQuery) -> Sequence[AccountWithLogin]:
        """Those whom the viewer looks for, the newest first."""
        _moderates(viewer)
        return await self.account_admin.search(page, wanted)

    async def account(self, viewer: Viewer, id: AccountId) -> AccountWithLogin:
        """Whose account this is."""
        _moderates(viewer)
        return await self.account_admin.by_id(id)

    async def subject(self, viewer: Viewer, who: AccountRef) -> AccountWithLogin:
        """Somebody to whom the viewer may do something."""
        _moderates(viewer)
        member = await (self.account_admin.by_name(who) if isinstance(who, str) else self.account_admin.by_id(who))
        if not may_govern(viewer, member):
            raise Forbidden(NOT_BELOW)
        return member

    async def approve(self, viewer: Viewer, who: AccountRef) -> AccountWithLogin:
        """Let an applicant in, and write to them."""
        return await self.account_admin.approve((await self.subject(viewer, who)).account.id)

    async def reject(self, viewer: Viewer, who: AccountRef) -> None:
        """Write to an applicant and erase them. Raises Conflict for somebody who was let in."""
        await self.account_admin.reject((await self.subject(viewer, who)).account.id)

    async def restore(self, viewer: Viewer, who: AccountRef) -> AccountWithLogin:
        """Undo a suspension."""
        return await self.account_admin.restore((await self.subject(viewer, who)).account.id)

    async def unlimit(self, viewer: Viewer, who: AccountRef) -> AccountWithLogin:
        """Undo that."""
        return await self.account_admin.unlimit((await self.subject(viewer, who)).account.id)

    async def enable(self, viewer: Viewer, who: AccountRef) -> AccountWithLogin:
        """Let somebody who was disabled in again."""
        return await self.account_admin.enable((await self.subject(viewer, who)).account.id)

    async def impose(self, viewer: Viewer, who: AccountRef, sanction: Sanction) -> AccountWithLogin:
        """Carry out a decision about the account, tell its owner, and settle the reports about it.

        Raises NotFound where there is no such report, and Invalid (field text), before anything is done.
        """
        target = (await self.subject(viewer, who)).account.id
        return await self.sanctions.impose(viewer.id, target, sanction)

    async def invites(self, viewer: Viewer) -> list[Invite]:
        """The newest invites, whoever made them."""
        _moderates(viewer)
        return await self.registrations.invites()

    async def invite(self, viewer: Viewer, *, max_uses: int | None, lasts: timedelta | None) -> Invite:
        """A new one. Raises Invalid (fields max_uses, lasts)."""
        _moderates(viewer)
        return await self.registrations.invite(viewer, max_uses=max_uses, lasts=lasts)

    async def end_invite(self, viewer: Viewer, code: str) -> None:
        """Let nobody else in by it."""
        _moderates(viewer)
        await self.registrations.end_invite(code)


def may_govern(viewer: Viewer, member: AccountWithLogin) -> bool:
    """True if the viewer's role is above theirs, and a moderator's at least."""
    return viewer.role.includes(Role.MODERATOR) and not member.login.role.includes(viewer.role)


def _moderates(viewer: Viewer) -> None:
    if not viewer.role.includes(Role.MODERATOR):
        raise Forbidden
