"""Reporting somebody on the site, and the page on which moderators read it."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.accounts import Accounts
from microblog.domain.announcements import Announcements
from microblog.domain.rate_limits import REPORTS
from microblog.domain.reports import ReportDraft, Reports
from microblog.model.errors import Invalid
from microblog.model.ids import AnnouncementId, PostId, ReportId
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import older, page_of

MEMBER = RouteOptions(viewer=AccessLevel.MEMBER)
MODERATOR = RouteOptions(viewer=AccessLevel.MODERATOR)


@frozen
class ReportPages:
    """The form, and the list of what nobody is done with."""

    pages: Pages
    shells: PageContexts
    reports: Reports
    accounts: Accounts

    @route("GET", "/@<username:username>/report", MEMBER)
    async def form(self, call: Request, username: str) -> Response:
        """What is wrong with somebody, or with one of their posts (`post`)."""
        return await self._form(call, username, None)

    async def _form(self, call: Request, username: str, problem: Invalid | None) -> Response:
        account = await self.accounts.by_username(username)
        page = self.pages.page(
            "report",
            await self.shells.of(call),
            PageMetadata(f"Report {account.name}"),
            account=account,
            post=call.fields.id("post"),
            comment=call.fields.text("comment"),
            errors=problem.fields if problem else {},
        )
        return Response.html(page, status_of(problem) if problem else 200)

    @route("POST", "/@<username:username>/report", RouteOptions(viewer=AccessLevel.MEMBER, rate=REPORTS))
    async def make(self, call: Request, username: str) -> Response:
        """Tell the moderators."""
        account, fields = await self.accounts.by_username(username), call.fields
        post = fields.id("post")
        posts = [] if post is None else [PostId(post)]
        try:
            await self.reports.make(call.member, ReportDraft(account.id, posts, fields.text("comment"), fields.value("category")))
        except Invalid as problem:
            return await self._form(call, username, problem)
        return Response.redirect(f"/@{account.username}?notice=reported")

    @route("GET", "/admin/reports", MODERATOR)
    async def waiting(self, call: Request) -> Response:
        """What nobody is done with, the newest first."""
        page = page_of(call)
        found = await self.reports.waiting(call.member, page)
        further = older(call, [report.id for report, _ in found], page)
        return Response.html(self.pages.page("reports", await self.shells.of(call), PageMetadata("Reports"), reports=found, older=further))

    @route("POST", "/admin/reports/<id:report_id>/close", MODERATOR)
    async def close(self, call: Request, report_id: int) -> Response:
        """Be done with one."""
        await self.reports.close(call.member, ReportId(report_id))
        return Response.redirect("/admin/reports")


@frozen
class AnnouncementButtons:
    """What can be done about an announcement."""

    announcements: Announcements

    @route("POST", "/announcements/<id:announcement_id>/dismiss", MEMBER)
    async def dismiss(self, call: Request, announcement_id: int) -> Response:
        """Show it no more."""
        await self.announcements.dismiss(call.member, AnnouncementId(announcement_id))
        return Response.redirect(call.next_path("/home"))
