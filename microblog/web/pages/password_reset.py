"""A forgotten password. The pages say the same whether somebody has an account or not."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.password_reset import PasswordReset
from microblog.domain.rate_limits import LETTERS, SIGN_UP
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
    """The way back in."""

    pages: Pages
    shells: PageContexts
    recoveries: PasswordReset
    kept: bool

    @route("GET", "/password/forgot", RouteOptions(keeps_opener=True))
    async def forgotten_form(self, call: Request) -> Response:
        """Ask for the name or the address."""
        return self._forgotten(call, asked=False)

    @route("POST", "/password/forgot", RouteOptions(rate=LETTERS, keeps_opener=True))
    async def forgotten(self, call: Request) -> Response:
        """Have a letter sent, if there is somebody."""
        await self.recoveries.forgotten(call.fields.value("name"))
        return self._forgotten(call, asked=True)

    @route("GET", "/password/reset/<secret:token>", RouteOptions(keeps_opener=True))
    async def reset_form(self, call: Request, token: str) -> Response:
        """Ask for the new password."""
        return self._reset(call, ResetForm(await self.recoveries.username(token), token))

    @route("POST", "/password/reset/<secret:token>", RouteOptions(rate=SIGN_UP, keeps_opener=True))
    async def reset(self, call: Request, token: str) -> Response:
        """Write it. Whoever knows it logs in next; all sessions of before are over."""
        try:
            await self.recoveries.reset(token, call.fields.password("password"))
        except Invalid as problem:
            form = ResetForm(await self.recoveries.username(token), token, problem.fields)
            return self._reset(call, form, status_of(problem))
        return Response.redirect("/login?notice=password").without_cookie(SESSION)

    def _forgotten(self, call: Request, *, asked: bool) -> Response:
        shell = self.shells.plain(call, form=True)
        return Response.html(self.pages.page("forgot", shell, PageMetadata("Forgot password", index=False), asked=asked, kept=self.kept))

    def _reset(self, call: Request, form: ResetForm, status: int = 200) -> Response:
        shell = self.shells.plain(call, form=True)
        return Response.html(self.pages.page("reset", shell, PageMetadata("New password", index=False), form=form), status)
