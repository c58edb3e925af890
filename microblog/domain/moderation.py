"""Moderation: list, approve, restrict and suspend accounts; manage invites."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from attrs import frozen

from microblog.domain.account_actions import AccountActions
from microblog.domain.account_admin import AccountAdmin
from microblog.domain.ip_blocks import parse_network
from microblog.domain.registration import Registrations
from microblog.domain.remote_account_admin import RemoteAccountAdmin
from microblog.model.account_origins import AccountOrigin
from microblog.model.accounts import Account, AccountWithLogin, Invite, Role, Viewer
from microblog.model.errors import Forbidden, Invalid, NotFound
from microblog.model.ids import AccountId
from microblog.model.ip_blocks import Network
from microblog.model.moderation import AccountQuery, RemoteAccountQuery, Sanction
from microblog.model.paging import Page

AccountRef = str | AccountId
"""Username, e-mail address or address on another server, or account id."""
ModeratedAccount = AccountWithLogin | Account
"""An account of this site with its login, or one of another server."""

INSUFFICIENT_ROLE = "You can only moderate accounts with a lower role than your own."


@frozen
class Moderation:
    """Commands for moderators and administrators. Each raises Forbidden for others, and NotFound for an unknown account.

    The target must have a lower role than the viewer, so nobody can act on themselves and no moderator on another. The command line has no
    such limit, for the case that the only administrator account is compromised.
    """

    account_admin: AccountAdmin
    registrations: Registrations
    sanctions: AccountActions

    @property
    def elsewhere(self) -> RemoteAccountAdmin:
        """The commands about accounts of other servers."""
        return self.sanctions.elsewhere

    async def accounts(self, viewer: Viewer, page: Page, *, pending: bool = False, suspended: bool = False) -> list[AccountWithLogin]:
        """Return accounts, newest first; optionally only applicants or suspended ones."""
        _require_moderator(viewer)
        return await self.account_admin.list(page, pending=pending, suspended=suspended)

    async def find(self, viewer: Viewer, name: str, page: Page) -> Sequence[ModeratedAccount]:
        """Return the accounts with this username, e-mail address or address on another server.

        For a network address, or a network such as 192.0.2.0/24, return those that used it, newest first.
        """
        _require_moderator(viewer)
        if (network := network_named(name)) is not None:
            return await self.search(viewer, page, AccountQuery(network=network))
        found: list[ModeratedAccount] = []
        try:
            found.append(await self.account_admin.by_name(name))
        except NotFound:
            pass
        other = await self.elsewhere.by_acct(name)
        return found if other is None else [*found, other]

    async def accounts_elsewhere(self, viewer: Viewer, page: Page, query: RemoteAccountQuery) -> Sequence[Account]:
        """Return accounts of other servers that match the query, newest first."""
        _require_moderator(viewer)
        return await self.elsewhere.search(page, query)

    async def account_elsewhere(self, viewer: Viewer, target: AccountRef) -> Account | None:
        """Return an account of another server; None if there is none with this id or address."""
        _require_moderator(viewer)
        return await (self.elsewhere.by_acct(target) if isinstance(target, str) else self.elsewhere.by_id(target))

    async def search(self, viewer: Viewer, page: Page, query: AccountQuery) -> Sequence[AccountWithLogin]:
        """Return accounts that match the query, newest first."""
        _require_moderator(viewer)
        return await self.account_admin.search(page, query)

    async def account(self, viewer: Viewer, id: AccountId) -> ModeratedAccount:
        """Return one account."""
        return await self.account_elsewhere(viewer, id) or await self.account_admin.by_id(id)

    async def origins(self, viewer: Viewer, accounts: Iterable[ModeratedAccount]) -> Mapping[AccountId, AccountOrigin]:
        """Return where those of the accounts that have a login here come from."""
        _require_moderator(viewer)
        return await self.account_admin.origins([one.account.id for one in accounts if isinstance(one, AccountWithLogin)])

    async def subject(self, viewer: Viewer, target: AccountRef) -> AccountWithLogin:
        """Return an account that the viewer may act on."""
        _require_moderator(viewer)
        member = await (self.account_admin.by_name(target) if isinstance(target, str) else self.account_admin.by_id(target))
        if not outranks(viewer, member):
            raise Forbidden(INSUFFICIENT_ROLE)
        return member

    async def approve(self, viewer: Viewer, target: AccountRef) -> AccountWithLogin:
        """Approve an applicant and notify them by e-mail."""
        return await self.account_admin.approve((await self.subject(viewer, target)).account.id, viewer.id)

    async def reject(self, viewer: Viewer, target: AccountRef) -> None:
        """Notify an applicant and delete the account. Raise Conflict if it is already approved."""
        await self.account_admin.reject((await self.subject(viewer, target)).account.id, viewer.id)

    async def restore(self, viewer: Viewer, target: AccountRef) -> ModeratedAccount:
        """Undo a suspension."""
        if other := await self.account_elsewhere(viewer, target):
            return await self.elsewhere.restore(other.id, viewer.id)
        return await self.account_admin.restore((await self.subject(viewer, target)).account.id, viewer.id)

    async def unlimit(self, viewer: Viewer, target: AccountRef) -> ModeratedAccount:
        """Undo a limit."""
        if other := await self.account_elsewhere(viewer, target):
            return await self.elsewhere.unlimit(other.id, viewer.id)
        return await self.account_admin.unlimit((await self.subject(viewer, target)).account.id, viewer.id)

    async def unmark_sensitive(self, viewer: Viewer, target: AccountRef) -> ModeratedAccount:
        """Let the media of the account be as sensitive as their authors say."""
        if other := await self.account_elsewhere(viewer, target):
            return await self.elsewhere.unmark_sensitive(other.id, viewer.id)
        return await self.account_admin.unmark_sensitive((await self.subject(viewer, target)).account.id, viewer.id)

    async def delete(self, viewer: Viewer, target: AccountRef) -> AccountWithLogin:
        """Delete the data of a suspended account for good. Raise Forbidden if it is not suspended."""
        found = await self.subject(viewer, target)
        if found.account.suspended_at is None:
            raise Forbidden
        await self.account_admin.delete(found.account.id, viewer.id)
        return found

    async def enable(self, viewer: Viewer, target: AccountRef) -> AccountWithLogin:
        """Undo `disable`."""
        return await self.account_admin.enable((await self.subject(viewer, target)).account.id, viewer.id)

    async def impose(self, viewer: Viewer, target: AccountRef, sanction: Sanction) -> ModeratedAccount:
        """Apply a moderation action, notify the owner if that is somebody here, and resolve the reports about the account.

        Raise NotFound for an unknown report and Invalid (fields text, type), before anything is changed.
        """
        if other := await self.account_elsewhere(viewer, target):
            return await self.sanctions.impose_elsewhere(viewer.id, other.id, sanction)
        target = (await self.subject(viewer, target)).account.id
        return await self.sanctions.impose(viewer.id, target, sanction)

    async def invites(self, viewer: Viewer) -> list[Invite]:
        """Return the newest invites of all moderators."""
        _require_moderator(viewer)
        return await self.registrations.invites()

    async def invite(self, viewer: Viewer, *, max_uses: int | None, lasts: timedelta | None) -> Invite:
        """Create an invite. Raise Invalid (fields max_uses, lasts)."""
        _require_moderator(viewer)
        return await self.registrations.invite(viewer, max_uses=max_uses, lasts=lasts)

    async def end_invite(self, viewer: Viewer, code: str) -> None:
        """Deactivate an invite."""
        _require_moderator(viewer)
        await self.registrations.end_invite(code, viewer)


def network_named(text: str) -> Network | None:
    """Return the network that a search text names; None if it is something else."""
    try:
        return parse_network(text)
    except Invalid:
        return None


def outranks(viewer: Viewer, member: AccountWithLogin) -> bool:
    """True if the viewer is at least a moderator and has a higher role than the account."""
    return viewer.role.includes(Role.MODERATOR) and not member.login.role.includes(viewer.role)


def _require_moderator(viewer: Viewer) -> None:
    if not viewer.role.includes(Role.MODERATOR):
        raise Forbidden
