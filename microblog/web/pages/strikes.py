"""Strikes: pages for the owner of an account, also by the link in an e-mail, and the moderators' queue of appeals."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.rate_limits import REPORTS
from microblog.domain.strikes import APPEAL_PERIOD, Strikes
from microblog.model.errors import Invalid
from microblog.model.ids import AccountId, WarningId
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.strike_views import AppealsPage, StrikePage, StrikesPage
from microblog.render.html.view_models import PageContext
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import older, page_of

MEMBER = RouteOptions(viewer=AccessLevel.MEMBER)
MODERATOR = RouteOptions(viewer=AccessLevel.MODERATOR)


@frozen
class StrikePages:
    """Strikes for the owner of the account. Who cannot log in opens one by the link in the e-mail about it."""

    pages: Pages
    contexts: PageContexts
    strikes: Strikes

    @route("GET", "/disputes/strikes", MEMBER)
    async def all(self, request: Request) -> Response:
        """List the viewer's strikes, newest first."""
        page = page_of(request)
        found = tuple(await self.strikes.of(request.member.id, page))
        view = StrikesPage(found, older(request, [each.warning.id for each in found], page))
        context = await self.contexts.of(request)
        return Response.html(self.pages.page("strikes", context, PageMetadata("Moderation decisions", index=False), page=view))

    @route("GET", "/disputes/strikes/<id:strike_id>", MEMBER)
    async def show(self, request: Request, strike_id: int) -> Response:
        """Show one of the viewer's strikes, with the form of an appeal."""
        return await self._show(request, await self.contexts.of(request), request.member.id, WarningId(strike_id))

    @route("POST", "/disputes/strikes/<id:strike_id>/appeal", RouteOptions(viewer=AccessLevel.MEMBER, rate=REPORTS))
    async def appeal(self, request: Request, strike_id: int) -> Response:
        """Appeal a strike."""
        account, id = request.member.id, WarningId(strike_id)
        try:
            await self.strikes.appeal(account, id, request.fields.text("text"))
        except Invalid as problem:
            return await self._show(request, await self.contexts.of(request), account, id, problem)
        return Response.redirect(f"/disputes/strikes/{id}")

    @route("GET", "/disputes/strikes/<id:strike_id>/<secret:token>", RouteOptions())
    async def show_by_link(self, request: Request, strike_id: int, token: str) -> Response:
        """Show a strike to whom the link was sent."""
        id = WarningId(strike_id)
        return await self._show(request, self.contexts.plain(request, form=True), self.strikes.owner(id, token), id)

    @route("POST", "/disputes/strikes/<id:strike_id>/<secret:token>", RouteOptions(rate=REPORTS))
    async def appeal_by_link(self, request: Request, strike_id: int, token: str) -> Response:
        """Appeal a strike by the link."""
        id = WarningId(strike_id)
        account = self.strikes.owner(id, token)
        try:
            await self.strikes.appeal(account, id, request.fields.text("text"))
        except Invalid as problem:
            return await self._show(request, self.contexts.plain(request, form=True), account, id, problem)
        return Response.redirect(request.path)

    async def _show(
        self, request: Request, context: PageContext, account: AccountId, id: WarningId, problem: Invalid | None = None
    ) -> Response:
        details = await self.strikes.one(account, id)
        strike, action = details.strike, ""
        if self.strikes.can_appeal(strike):
            action = f"/disputes/strikes/{id}/appeal" if request.viewer and request.viewer.id == account else request.path
        deadline = strike.warning.created_at + APPEAL_PERIOD
        view = StrikePage(details, action, deadline, request.fields.text("text") if problem else "", problem.fields if problem else {})
        html = self.pages.page("strike", context, PageMetadata("Moderation decision", index=False), page=view)
        return Response.html(html, status_of(problem) if problem else 200)


@frozen
class AppealPages:
    """The moderators' queue of appeals."""

    pages: Pages
    contexts: PageContexts
    strikes: Strikes

    @route("GET", "/admin/appeals", MODERATOR)
    async def show(self, request: Request) -> Response:
        """List the appeals that wait, newest first."""
        page = page_of(request)
        found = tuple(await self.strikes.appeals(request.member, page))
        view = AppealsPage(found, older(request, [each.strike.warning.id for each in found], page))
        return Response.html(self.pages.page("appeals", await self.contexts.of(request), PageMetadata("Appeals"), page=view))

    @route("POST", "/admin/appeals/<id:strike_id>/approve", MODERATOR)
    async def approve(self, request: Request, strike_id: int) -> Response:
        """Approve an appeal, which undoes the strike."""
        await self.strikes.decide(request.member, WarningId(strike_id), approve=True)
        return Response.redirect(request.next_path("/admin/appeals"))

    @route("POST", "/admin/appeals/<id:strike_id>/reject", MODERATOR)
    async def reject(self, request: Request, strike_id: int) -> Response:
        """Reject an appeal."""
        await self.strikes.decide(request.member, WarningId(strike_id), approve=False)
        return Response.redirect(request.next_path("/admin/appeals"))

    @route("POST", "/admin/strikes/<id:strike_id>/undo", MODERATOR)
    async def undo(self, request: Request, strike_id: int) -> Response:
        """Undo a strike."""
        strike = await self.strikes.undo(request.member, WarningId(strike_id))
        return Response.redirect(request.next_path(f"/admin/people?q={strike.account.acct}"))
