"""E-mail confirmation, e-mail settings and unsubscribing.

Links in e-mails open a page with a button and change nothing by themselves, because mail programs and virus scanners prefetch links.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

from microblog.domain.account_security import AccountSecurity
from microblog.domain.accounts import Accounts
from microblog.domain.email_confirmation import EmailConfirmation
from microblog.domain.email_queue import EmailOutbox
from microblog.domain.email_unsubscribe import EmailUnsubscribe
from microblog.domain.rate_limits import EMAIL_REQUESTS
from microblog.model.emails import NEVER, PREFERENCE_FIELDS, EmailKind
from microblog.model.errors import Invalid
from microblog.render.html.email_views import UNSUBSCRIBED, EmailActionPage, EmailForm, is_offered
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
    """Confirmation of e-mail addresses. Available to pending accounts."""

    pages: Pages
    contexts: PageContexts
    confirmations: EmailConfirmation
    security: AccountSecurity
    outbox: EmailOutbox

    @route("GET", "/pending", RouteOptions(keeps_opener=True))
    async def pending(self, request: Request) -> Response:
        """Show what a pending account is waiting for."""
        if request.viewer is None or not request.viewer.pending:
            return Response.redirect("/home")
        login = await self.security.login(request.viewer)
        rejection = await self.outbox.address_rejection(request.viewer, login.email)
        error = f"The mail server rejected our e-mail: {rejection.response}" if rejection else ""
        view = PendingView("confirmation" if login.confirmed_at is None else "approval", login.email, error)
        return Response.html(self.pages.pending(self.contexts.plain(request), view))

    @route("GET", "/confirm/<secret:token>", RouteOptions(keeps_opener=True))
    async def question(self, request: Request, token: str) -> Response:
        """Ask to confirm the address of a confirmation link."""
        address = await self.confirmations.address(token)
        page = EmailActionPage(
            "Confirm your e-mail address", f"Use {address} as the e-mail address of your account?", "Confirm", request.path
        )
        return Response.html(
            self.pages.page("question", self.contexts.plain(request, form=True), PageMetadata(page.title, index=False), question=page)
        )

    @route("POST", "/confirm/<secret:token>", RouteOptions(keeps_opener=True))
    async def confirm(self, request: Request, token: str) -> Response:
        """Confirm the address."""
        await self.confirmations.confirm(token)
        return Response.redirect("/home?notice=confirmed" if request.viewer else "/login?notice=confirmed")

    @route("POST", "/confirm/resend", RouteOptions(rate=EMAIL_REQUESTS, keeps_opener=True))
    async def resend(self, request: Request) -> Response:
        """Resend the confirmation e-mail."""
        await self.confirmations.resend(request.member)
        return Response.redirect("/pending?notice=sent" if request.member.pending else "/settings/account?notice=sent")

    @route("POST", "/confirm/email", RouteOptions(rate=EMAIL_REQUESTS, keeps_opener=True))
    async def correct(self, request: Request) -> Response:
        """Correct a mistyped address and resend the confirmation e-mail."""
        address = request.fields.value("email")
        try:
            await self.confirmations.correct(request.member, address)
        except Invalid as problem:
            view = PendingView("confirmation", address, problem.fields.get("email", problem.sentence))
            return Response.html(self.pages.pending(self.contexts.plain(request), view), status_of(problem))
        return Response.redirect("/pending?notice=sent")

    @route("POST", "/settings/email/withdraw", MEMBER)
    async def withdraw(self, request: Request) -> Response:
        """Cancel the change of the address."""
        await self.confirmations.withdraw(request.member)
        return Response.redirect("/settings/account?notice=saved")


@frozen
class EmailSettingsPages:
    """The viewer's e-mail settings."""

    pages: Pages
    contexts: PageContexts
    accounts: Accounts
    security: AccountSecurity
    outbox: EmailOutbox

    @route("GET", "/settings/mail", MEMBER)
    async def form(self, request: Request) -> Response:
        """Show the settings."""
        login = await self.security.login(request.member)
        rejection = await self.outbox.address_rejection(request.member, login.email)
        return await self._form(request, EmailForm(login, request.member.role, rejection, self.outbox.directory is not None))

    @route("POST", "/settings/mail", MEMBER)
    async def save(self, request: Request) -> Response:
        """Save the settings."""
        role = request.member.role
        names = [name for kind, name in PREFERENCE_FIELDS.items() if kind is not EmailKind.DIGEST and is_offered(kind, role)]
        flags: dict[str, Any] = {name: request.fields.flag(name) for name in names}
        preferences = evolve(request.member.preferences, mail_digest=request.fields.value("mail_digest", default=NEVER), **flags)
        try:
            await self.accounts.set_preferences(request.member, preferences)
        except Invalid as problem:
            login = evolve(await self.security.login(request.member), preferences=preferences)
            return await self._form(request, EmailForm(login, role, errors=problem.fields), status_of(problem))
        return Response.redirect("/settings/mail?notice=saved")

    async def _form(self, request: Request, form: EmailForm, status: int = 200) -> Response:
        return Response.html(
            self.pages.page("settings_mail", await self.contexts.of(request), PageMetadata("E-mail settings"), form=form), status
        )


@frozen
class UnsubscribePages:
    """Unsubscribing by the link in an e-mail, without a login (RFC 8058)."""

    pages: Pages
    contexts: PageContexts
    unsubscriptions: EmailUnsubscribe

    @route("GET", "/mail/unsubscribe/<secret:token>", RouteOptions())
    async def question(self, request: Request, token: str) -> Response:
        """Ask for confirmation."""
        emails = UNSUBSCRIBED[self.unsubscriptions.kind(token)]
        return self._page(request, EmailActionPage("Unsubscribe?", f"You will no longer receive {emails}.", "Unsubscribe", request.path))

    # Mail programs send this request without cookies; the token in the address authorizes it.
    @route("POST", "/mail/unsubscribe/<secret:token>", RouteOptions(csrf=False))
    async def stop(self, request: Request, token: str) -> Response:
        """Unsubscribe from a kind of e-mails."""
        emails = UNSUBSCRIBED[await self.unsubscriptions.stop(token)]
        return self._page(
            request, EmailActionPage("Unsubscribed", f"You will no longer receive {emails}. You can turn them back on in your settings.")
        )

    def _page(self, request: Request, page: EmailActionPage) -> Response:
        return Response.html(
            self.pages.page("question", self.contexts.plain(request), PageMetadata(page.title, index=False), question=page)
        )
