"""Strikes: moderators' decisions as their owners see them, appeals against them, and undoing them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from attrs import frozen

from microblog.domain import audit, reported_posts, validation
from microblog.domain.account_actions import AccountActions
from microblog.domain.email_links import EmailLinks, read
from microblog.domain.email_queue import enqueue
from microblog.domain.staff_emails import StaffEvent, Waiting, email_staff
from microblog.domain.text import post_text
from microblog.model.accounts import Account, Role, Viewer
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.emails import EmailKind
from microblog.model.errors import Conflict, Forbidden, Gone, Invalid, NotFound
from microblog.model.ids import AccountId, PostId, WarningId
from microblog.model.moderation import ModerationAction, Strike, StrikeDetails
from microblog.model.paging import Page
from microblog.storage import users, warnings
from microblog.storage.database import Cursor, Transactions

APPEAL_PERIOD = timedelta(days=20)
UNDO_PERIOD = timedelta(days=30)
MAX_APPEAL = 2_000  # characters
INVALID_LINK = "This link is invalid."
TOO_LATE = "It is too late to appeal this decision"
APPEALED = "This decision was appealed already"
UNDONE = "This decision was undone already."
UNDO_EXPIRED = "Decisions can be undone within 30 days."


@frozen
class Strikes:
    """The commands about strikes. Their owners may read and appeal them without logging in, by the link in the e-mail about it."""

    actions: AccountActions
    links: EmailLinks

    @property
    def database(self) -> Transactions:
        """The database of the moderation actions."""
        return self.actions.database

    @property
    def now(self) -> Callable[[], datetime]:
        """The clock of the moderation actions."""
        return self.actions.now

    # --- For the owner of the account

    async def of(self, account: AccountId, page: Page) -> list[Strike]:
        """Return the strikes against an account, newest first."""
        return await self.database.read(warnings.of_account, account=account, page=page)

    async def one(self, account: AccountId, id: WarningId) -> StrikeDetails:
        """Return one of the strikes against the account with the posts that it is about. Raises NotFound."""
        return await self.database.read(_own_details, account, id)

    def owner(self, id: WarningId, token: str) -> AccountId:
        """Return the account to which the link in the e-mail about this strike was sent. Raises Gone if the token is invalid."""
        claim = read(token)
        if claim is None or not self.links.opens_strike(claim, id):
            raise Gone(INVALID_LINK)
        return claim.account

    async def barring(self, account: Account) -> tuple[Strike, str] | None:
        """Return the decision because of which the owner cannot log in, and the address of its page; None if there is none."""
        action = ModerationAction.DISABLE if account.suspended_at is None else ModerationAction.SUSPEND
        strike = await self.database.read(warnings.in_force, account=account.id, action=action)
        return None if strike is None else (strike, self.links.strike(str(strike.warning.id), account.id, self.now()))

    def can_appeal(self, strike: Strike) -> bool:
        """True if the strike can be appealed now."""
        warning = strike.warning
        return warning.appeal is None and strike.overruled_at is None and self.now() - warning.created_at <= APPEAL_PERIOD

    async def appeal(self, account: AccountId, id: WarningId, text: str) -> None:
        """Appeal a strike: once, within APPEAL_PERIOD. Raises NotFound, and Invalid (field text)."""
        cleaned = validation.limited(text, MAX_APPEAL, "text").strip()
        if post_text.is_blank(cleaned):
            raise Invalid({"text": "Text can't be blank"}, codes={"text": "ERR_BLANK"})
        await self.database.run(self._appeal, account, id, cleaned)

    def _appeal(self, cursor: Cursor, account: AccountId, id: WarningId, text: str) -> None:
        warnings.lock(cursor, id=id)
        strike = _own(cursor, account, id)
        if not self.can_appeal(strike):
            problem = TOO_LATE if strike.warning.appeal is None else APPEALED
            raise Invalid({"text": problem}, codes={"text": "ERR_INVALID"})
        warnings.insert_appeal(cursor, warning=id, text=text, now=self.now())
        waiting = Waiting(StaffEvent.APPEAL, id, strike.account.acct, text, "/admin/appeals")
        email_staff(cursor, waiting, self.now(), excluding=account)

    # --- For moderators

    async def appeals(self, viewer: Viewer, page: Page) -> list[StrikeDetails]:
        """Return the strikes with an appeal that waits, with their posts, newest first. Raises Forbidden for non-moderators."""
        _require_moderator(viewer)
        return await self.database.read(_appeals, viewer, page)

    async def decide(self, viewer: Viewer, id: WarningId, *, approve: bool) -> Strike:
        """Approve an appeal, which undoes the strike, or reject it; its author is told by e-mail.

        Raises NotFound if there is no appeal, Conflict if it was decided before, Forbidden unless the viewer outranks the account.
        """
        _require_moderator(viewer)
        return await self.database.run(self._decide, viewer, id, approve)

    async def undo(self, viewer: Viewer, id: WarningId) -> Strike:
        """Undo a strike within UNDO_PERIOD.

        Raises NotFound, Conflict if it is too late or was undone before, Forbidden unless the viewer outranks the account.
        """
        _require_moderator(viewer)
        return await self.database.run(self._undo, viewer, id)

    def _decide(self, cursor: Cursor, viewer: Viewer, id: WarningId, approve: bool) -> Strike:
        strike = _subordinate(cursor, viewer, id)
        if strike.warning.appeal is None:
            raise NotFound
        if not warnings.decide_appeal(cursor, warning=id, by=viewer.id, approved=approve, now=self.now()):
            raise Conflict("This appeal was decided already.")
        changed = self.actions.undo(cursor, strike) if approve and strike.overruled_at is None else []
        member = users.by_account(cursor, account=strike.account.id)
        if member is not None:
            data = {"decision": "approved" if approve else "rejected", "strike": str(id)}
            enqueue(cursor, EmailKind.APPEAL, member.login, self.now(), **data)
        self._record(cursor, viewer, AuditAction.APPEAL_APPROVE if approve else AuditAction.APPEAL_REJECT, strike, changed)
        return _found(cursor, id)

    def _undo(self, cursor: Cursor, viewer: Viewer, id: WarningId) -> Strike:
        strike = _subordinate(cursor, viewer, id)
        if strike.overruled_at is not None:
            raise Conflict(UNDONE)
        if self.now() - strike.warning.created_at > UNDO_PERIOD:
            raise Conflict(UNDO_EXPIRED)
        self._record(cursor, viewer, AuditAction.STRIKE_UNDO, strike, self.actions.undo(cursor, strike))
        return _found(cursor, id)

    def _record(self, cursor: Cursor, viewer: Viewer, action: AuditAction, strike: Strike, changed: Sequence[PostId]) -> None:
        account, facts = strike.account, dict[str, object]({"action": strike.warning.action})
        if changed:
            facts["posts"] = [str(post) for post in changed]
        audit.record(cursor, AuditEntry(action, viewer.id, account.acct, strike.warning.id, account.id, facts=facts), self.now())


def _found(cursor: Cursor, id: WarningId) -> Strike:
    strike = warnings.by_id(cursor, id=id)
    if strike is None:
        raise NotFound
    return strike


def _own(cursor: Cursor, account: AccountId, id: WarningId) -> Strike:
    strike = _found(cursor, id)
    if strike.account.id != account:
        raise NotFound
    return strike


def _own_details(cursor: Cursor, account: AccountId, id: WarningId) -> StrikeDetails:
    return reported_posts.of_strikes(cursor, [_own(cursor, account, id)], account)[0]


def _appeals(cursor: Cursor, viewer: Viewer, page: Page) -> list[StrikeDetails]:
    return reported_posts.of_strikes(cursor, warnings.appealed(cursor, page=page), viewer.id)


def _subordinate(cursor: Cursor, viewer: Viewer, id: WarningId) -> Strike:
    warnings.lock(cursor, id=id)
    strike = _found(cursor, id)
    role = users.role_of(cursor, account=strike.account.id)
    if role is not None and role.includes(viewer.role):
        raise Forbidden
    return strike


def _require_moderator(viewer: Viewer) -> None:
    if not viewer.role.includes(Role.MODERATOR):
        raise Forbidden
