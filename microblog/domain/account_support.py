"""Account support by moderators: confirmation, e-mail address, password reset, role, and profile images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import evolve, frozen

from microblog.domain import audit, email_policy, profile_images, validation
from microblog.domain.email_queue import check_request_limit, enqueue, enqueue_confirmation, enqueue_notice, is_given_up
from microblog.domain.moderation import Moderation
from microblog.domain.ports import MailHosts
from microblog.domain.registration import EMAIL_TAKEN
from microblog.model.accounts import AccountWithLogin, Login, Role, Viewer
from microblog.model.audit import AuditAction
from microblog.model.emails import EmailKind
from microblog.model.errors import Conflict, Forbidden, Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId
from microblog.storage import events, users
from microblog.storage.database import Cursor, Transactions

BARRED = "The account is suspended or disabled, so it gets no such e-mails."
NO_EMAIL = "This site sends no e-mail."
CONFIRMED = "The e-mail address is already confirmed."
SAME_EMAIL = "This is the e-mail address of the account already"
IMAGE_ACTS = {"avatar": AuditAction.ACCOUNT_REMOVE_AVATAR, "header": AuditAction.ACCOUNT_REMOVE_HEADER}


@frozen
class AccountSupport:
    """Commands about accounts of this site. Each raises Forbidden unless the viewer is a moderator and outranks the account, and NotFound.

    `sends_email`: False if the site has no mail server; new addresses then need no confirmation.
    """

    moderation: Moderation
    mail_hosts: MailHosts | None
    sends_email: bool

    @property
    def database(self) -> Transactions:
        """The database of the moderation."""
        return self.moderation.account_admin.database

    @property
    def now(self) -> Callable[[], datetime]:
        """The clock of the moderation."""
        return self.moderation.account_admin.now

    async def confirm(self, viewer: Viewer, id: AccountId) -> None:
        """Mark the e-mail address as confirmed."""
        await self.moderation.subject(viewer, id)
        await self.moderation.account_admin.confirm(id, viewer.id)

    async def resend_confirmation(self, viewer: Viewer, id: AccountId) -> None:
        """Send the confirmation e-mail again. Raise Conflict if there is nothing to confirm or no e-mail can be sent, and TooMany."""
        await self._act(viewer, id, AuditAction.ACCOUNT_RESEND_CONFIRMATION, self._resend_confirmation)

    async def change_email(self, viewer: Viewer, id: AccountId, email: str) -> None:
        """Change the e-mail address, once its owner confirms the new one; the old one is notified. Raise Invalid (field email), TooMany."""
        address = validation.email(email)
        names = await email_policy.names_with_mail_hosts(self.database, self.mail_hosts, address)

        def change(cursor: Cursor, member: AccountWithLogin) -> None:
            self._change_email(cursor, member.login, address, names)

        await self._act(viewer, id, AuditAction.ACCOUNT_CHANGE_EMAIL, change)

    async def send_password_reset(self, viewer: Viewer, id: AccountId) -> None:
        """Send the owner a link for choosing a new password. Raise Conflict if no e-mail can be sent, and TooMany."""
        await self._act(viewer, id, AuditAction.ACCOUNT_SEND_PASSWORD_RESET, self._send_password_reset)

    async def change_role(self, viewer: Viewer, id: AccountId, role: str) -> None:
        """Change the role of an account, as an administrator. Raise Invalid (field role) for an unknown one."""
        if viewer.role is not Role.ADMIN:
            raise Forbidden
        await self.moderation.subject(viewer, id)
        if role not in set(Role):
            raise Invalid({"role": "Role is not included in the list"}, codes={"role": "ERR_INCLUSION"})
        await self.moderation.account_admin.set_role(id, Role(role), viewer.id)

    async def remove_image(self, viewer: Viewer, id: AccountId, which: str) -> None:
        """Remove the avatar or the header from the profile. Raise NotFound if there is none."""
        if which not in IMAGE_ACTS:
            raise NotFound

        def remove(cursor: Cursor, member: AccountWithLogin) -> None:
            if not profile_images.remove(cursor, member.account.id, which, self.now()):
                raise NotFound

        await self._act(viewer, id, IMAGE_ACTS[which], remove)

    async def _act(self, viewer: Viewer, id: AccountId, action: AuditAction, command: Callable[[Cursor, AccountWithLogin], None]) -> None:
        """Run the command and record it in the audit log."""
        await self.moderation.subject(viewer, id)

        def act(cursor: Cursor) -> None:
            member = users.by_account(cursor, account=id)
            if member is None:
                raise NotFound
            command(cursor, member)
            audit.record(cursor, audit.about(action, viewer.id, member.account), self.now())

        await self.database.run(act)

    def _resend_confirmation(self, cursor: Cursor, member: AccountWithLogin) -> None:
        login = member.login
        self._check_can_be_mailed(cursor, member, EmailKind.CONFIRM)
        if login.confirmed_at is not None and login.new_email is None and not is_given_up(cursor, login, login.email):
            raise Conflict(CONFIRMED)
        enqueue_confirmation(cursor, login, self.now())

    def _send_password_reset(self, cursor: Cursor, member: AccountWithLogin) -> None:
        self._check_can_be_mailed(cursor, member, EmailKind.RESET)
        enqueue(cursor, EmailKind.RESET, member.login, self.now())

    def _check_can_be_mailed(self, cursor: Cursor, member: AccountWithLogin, kind: EmailKind) -> None:
        if not self.sends_email:
            raise Conflict(NO_EMAIL)
        if member.barred:
            raise Conflict(BARRED)
        check_request_limit(cursor, member.account.id, kind, self.now())

    def _change_email(self, cursor: Cursor, login: Login, email: str, names: Sequence[str]) -> None:
        if email.lower() == login.email.lower():
            raise Invalid({"email": SAME_EMAIL}, codes={"email": "ERR_INVALID"})
        email_policy.check(cursor, email, names)
        if users.email_taken(cursor, email=email):
            raise Invalid({"email": EMAIL_TAKEN}, codes={"email": "ERR_TAKEN"})
        waits = self.sends_email and login.confirmed_at is not None
        enqueue_notice(cursor, EmailKind.ADDRESS, login, self.now(), address=email, done="" if waits else "yes")
        if self.sends_email:
            check_request_limit(cursor, login.account_id, EmailKind.CONFIRM, self.now())
            enqueue_confirmation(cursor, evolve(login, new_email=email), self.now())
        if waits:
            users.set_new_email(cursor, account=login.account_id, email=email)
            return
        confirmed_at = None if self.sends_email else login.confirmed_at or self.now()
        if not users.change_email(cursor, account=login.account_id, email=email, confirmed_at=confirmed_at):
            raise Invalid({"email": EMAIL_TAKEN}, codes={"email": "ERR_TAKEN"})
        events.record(cursor, EventKind.ACCOUNT_CHANGED, at=self.now(), account=login.account_id)
