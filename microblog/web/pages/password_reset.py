"""Password reset. The pages never reveal whether an account exists."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.password_reset import PasswordReset
from microblog.domain.rate_limits import EMAIL_REQUESTS, SIGN_UP
from microblog.model.errors import Invalid
from microblog.render.html.email_views import ResetForm
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.web.http.cookies import SESSION
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.pages.page_context import PageContexts


@frozen
class PasswordResetPages:
    """Pages to reset a forgotten password."""

    pages: Pages
    contexts: PageContexts
    resets: PasswordReset
    saves_to_files: bool

    @route("GET", "/password/forgot", RouteOptions(keeps_opener=True))
    async def forgotten_form(self, request: Request) -> Response:
        """Show the form for username or e-mail address."""
        return self._forgotten(request, sent=False)

    @route("POST", "/password/forgot", RouteOptions(rate=EMAIL_REQUESTS, keeps_opener=True))
    async def forgotten(self, request: Request) -> Response:
        """Send a reset link, if the account exists."""
        await self.resets.request(request.fields.value("name"))
        return self._forgotten(request, sent=True)

    @route("GET", "/password/reset/<secret:token>", RouteOptions(keeps_opener=True))
    async def reset_form(self, request: Request, token: str) -> Response:
        """Show the form for the new password."""
        return self._reset(request, ResetForm(await self.resets.username(token), token))

    @route("POST", "/password/reset/<secret:token>", RouteOptions(rate=SIGN_UP, keeps_opener=True))
    async def reset(self, request: Request, token: str) -> Response:
        """Set the new password and end all sessions. The user has to log in next."""
        try:
            await self.resets.reset(token, request.fields.password("password"))
        except Invalid as problem:
            form = ResetForm(await self.resets.username(token), token, problem.fields)
            return self._reset(request, form, status_of(problem))
        return Response.redirect("/login?notice=password").without_cookie(SESSION)

    def _forgotten(self, request: Request, *, sent: bool) -> Response:
        context = self.contexts.plain(request, form=True)
        return Response.html(
            self.pages.page("forgot", context, PageMetadata("Forgot password", index=False), sent=sent, saves_to_files=self.saves_to_files)
        )

    def _reset(self, request: Request, form: ResetForm, status: int = 200) -> Response:
        context = self.contexts.plain(request, form=True)
        return Response.html(self.pages.page("reset", context, PageMetadata("New password", index=False), form=form), status)
