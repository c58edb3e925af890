"""What moderators do with people on the site: let applicants in, suspend, invite."""

from __future__ import annotations

from datetime import timedelta

from attrs import frozen

from microblog.domain.members import Members
from microblog.domain.registration import Registrations
from microblog.model.accounts import Invite, Member, Role, Viewer
from microblog.model.errors import Forbidden, NotFound
from microblog.model.paging import Page

NOT_BELOW = "Only somebody with a higher role may do this to them."


@frozen
class Moderation:
    """Commands for moderators and administrators. Each raises Forbidden for others, and NotFound for nobody.

    What is done to somebody needs a higher role than theirs: so nobody does it to themselves, and no moderator to another. The command
    line knows no such limit, for the day when the only administrator is the trouble.
    """

    members: Members
    registrations: Registrations

    async def people(self, viewer: Viewer, page: Page, *, applied: bool = False, suspended: bool = False) -> list[Member]:
        """Members, the newest first; only applicants or only the suspended, if asked for."""
        _moderates(viewer)
        return await self.members.list(page, pending=applied, suspended=suspended)

    async def found(self, viewer: Viewer, name: str) -> list[Member]:
        """Who has this username or e-mail address: one, or nobody."""
        _moderates(viewer)
        try:
            return [await self.members.show(name)]
        except NotFound:
            return []

    async def subject(self, viewer: Viewer, name: str) -> Member:
        """Somebody to whom the viewer may do something."""
        _moderates(viewer)
        member = await self.members.show(name)
        if not may_govern(viewer, member):
            raise Forbidden(NOT_BELOW)
        return member

    async def approve(self, viewer: Viewer, name: str) -> None:
        """Let an applicant in, and write to them."""
        await self.members.approve((await self.subject(viewer, name)).account.id)

    async def reject(self, viewer: Viewer, name: str) -> None:
        """Write to an applicant and erase them. Raises Conflict for somebody who was let in."""
        await self.members.reject((await self.subject(viewer, name)).account.id)

    async def suspend(self, viewer: Viewer, name: str) -> None:
        """Hide the account and all it wrote from everybody, end its sessions, and let it in no more."""
        await self.members.suspend((await self.subject(viewer, name)).account.id)

    async def restore(self, viewer: Viewer, name: str) -> None:
        """Undo a suspension."""
        await self.members.restore((await self.subject(viewer, name)).account.id)

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


def may_govern(viewer: Viewer, member: Member) -> bool:
    """True if the viewer's role is above theirs, and a moderator's at least."""
    return viewer.role.includes(Role.MODERATOR) and not member.login.role.includes(viewer.role)


def _moderates(viewer: Viewer) -> None:
    if not viewer.role.includes(Role.MODERATOR):
        raise Forbidden
