"""Addresses and letters: what the links in letters open, and which letters somebody gets.

A link only shows a page, whose button does what it is about: mail programs and virus scanners open every link in advance.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

from microblog.domain.account_security import AccountSecurity
from microblog.domain.accounts import Accounts
from microblog.domain.email_confirmation import EmailConfirmation
from microblog.domain.email_queue import EmailOutbox
from microblog.domain.email_unsubscribe import EmailUnsubscribe
from microblog.domain.rate_limits import LETTERS
from microblog.model.accounts import Role
from microblog.model.emails import NEVER, SWITCHED, EmailKind
from microblog.model.errors import Invalid
from microblog.render.html.email_views import STOPPED, EmailActionPage, MailForm
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import PendingView
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts

MEMBER = RouteOptions(viewer=AccessLevel.MEMBER)


@frozen
class AddressPages:
    """Proving an address. Who is pending may do this, and nothing else."""

    pages: Pages
    shells: PageContexts
    confirmations: EmailConfirmation
    credentials: AccountSecurity
    outbox: EmailOutbox

    @route("GET", "/pending", RouteOptions(keeps_opener=True))
    async def pending(self, call: Request) -> Response:
        """What an account waits for that cannot be used yet."""
        if call.viewer is None or not call.viewer.pending:
            return Response.redirect("/home")
        login = await self.credentials.login(call.viewer)
        refused = await self.outbox.address_rejection(call.viewer, login.email)
        error = f"The mail server rejected our e-mail: {refused.answer}" if refused else ""
        shown = PendingView("confirmation" if login.confirmed_at is None else "approval", login.email, error)
        return Response.html(self.pages.pending(self.shells.plain(call), shown))

    @route("GET", "/confirm/<secret:token>", RouteOptions(keeps_opener=True))
    async def question(self, call: Request, token: str) -> Response:
        """Show which address the link in a letter is about."""
        address = await self.confirmations.address(token)
        asked = EmailActionPage(
            "Confirm your e-mail address", f"Use {address} as the e-mail address of your account?", "Confirm", call.path
        )
        return Response.html(
            self.pages.page("question", self.shells.plain(call, form=True), PageMetadata(asked.title, index=False), question=asked)
        )

    @route("POST", "/confirm/<secret:token>", RouteOptions(keeps_opener=True))
    async def confirm(self, call: Request, token: str) -> Response:
        """Take it as proved."""
        await self.confirmations.confirm(token)
        return Response.redirect("/home?notice=confirmed" if call.viewer else "/login?notice=confirmed")

    @route("POST", "/confirm/resend", RouteOptions(rate=LETTERS, keeps_opener=True))
    async def resend(self, call: Request) -> Response:
        """Send the letter once more."""
        await self.confirmations.resend(call.member)
        return Response.redirect("/pending?notice=letter" if call.member.pending else "/settings/account?notice=letter")

    @route("POST", "/confirm/email", RouteOptions(rate=LETTERS, keeps_opener=True))
    async def correct(self, call: Request) -> Response:
        """Send it to another address: the one that was given at first may be mistyped."""
        given = call.fields.value("email")
        try:
            await self.confirmations.correct(call.member, given)
        except Invalid as problem:
            shown = PendingView("confirmation", given, problem.fields.get("email", problem.sentence))
            return Response.html(self.pages.pending(self.shells.plain(call), shown), status_of(problem))
        return Response.redirect("/pending?notice=letter")

    @route("POST", "/settings/email/withdraw", MEMBER)
    async def withdraw(self, call: Request) -> Response:
        """Keep the address after all."""
        await self.confirmations.withdraw(call.member)
        return Response.redirect("/settings/account?notice=saved")


@frozen
class EmailSettingsPages:
    """Which letters the viewer gets."""

    pages: Pages
    shells: PageContexts
    accounts: Accounts
    credentials: AccountSecurity
    outbox: EmailOutbox

    @route("GET", "/settings/mail", MEMBER)
    async def form(self, call: Request) -> Response:
        """The switches."""
        login = await self.credentials.login(call.member)
        refused = await self.outbox.address_rejection(call.member, login.email)
        is_admin = call.member.role is Role.ADMIN
        return await self._form(call, MailForm(login, is_admin, refused, self.outbox.directory is not None))

    @route("POST", "/settings/mail", MEMBER)
    async def save(self, call: Request) -> Response:
        """Write them."""
        is_admin = call.member.role is Role.ADMIN
        names = [name for kind, name in SWITCHED.items() if kind is not EmailKind.DIGEST and (is_admin or kind is not EmailKind.REPORT)]
        switched: dict[str, Any] = {name: call.fields.flag(name) for name in names}
        preferences = evolve(call.member.preferences, mail_digest=call.fields.value("mail_digest", default=NEVER), **switched)
        try:
            await self.accounts.set_preferences(call.member, preferences)
        except Invalid as problem:
            login = evolve(await self.credentials.login(call.member), preferences=preferences)
            return await self._form(call, MailForm(login, is_admin, errors=problem.fields), status_of(problem))
        return Response.redirect("/settings/mail?notice=saved")

    async def _form(self, call: Request, form: MailForm, status: int = 200) -> Response:
        return Response.html(
            self.pages.page("settings_mail", await self.shells.of(call), PageMetadata("E-mail settings"), form=form), status
        )


@frozen
class UnsubscribePages:
    """Stopping letters by the link in one of them (RFC 8058): nobody has to log in for that."""

    pages: Pages
    shells: PageContexts
    subscriptions: EmailUnsubscribe

    @route("GET", "/mail/unsubscribe/<secret:token>", RouteOptions())
    async def question(self, call: Request, token: str) -> Response:
        """Ask whether they are to stop."""
        what = STOPPED[self.subscriptions.kind(token)]
        return self._page(call, EmailActionPage("Unsubscribe?", f"You will no longer receive {what}.", "Unsubscribe", call.path))

    # Mail programs call this by themselves, without cookies: the token in the address is the proof.
    @route("POST", "/mail/unsubscribe/<secret:token>", RouteOptions(csrf=False))
    async def stop(self, call: Request, token: str) -> Response:
        """Stop them."""
        what = STOPPED[await self.subscriptions.stop(token)]
        return self._page(
            call, EmailActionPage("Unsubscribed", f"You will no longer receive {what}. You can turn them back on in your settings.")
        )

    def _page(self, call: Request, asked: EmailActionPage) -> Response:
        return Response.html(self.pages.page("question", self.shells.plain(call), PageMetadata(asked.title, index=False), question=asked))
