"""The form to report an account, the moderators' list of reports, and the button to dismiss an announcement."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.accounts import Accounts
from microblog.domain.announcements import Announcements
from microblog.domain.rate_limits import REPORTS
from microblog.domain.reports import ReportDraft, Reports
from microblog.model.errors import Invalid
from microblog.model.ids import AnnouncementId, PostId, ReportId
from microblog.model.reports import ReportCategory, ReportQuery
from microblog.render.html.desk_views import ReportsPage
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
    """The report form and the list of reports."""

    pages: Pages
    contexts: PageContexts
    reports: Reports
    accounts: Accounts

    @route("GET", "/@<username:username>/report", MEMBER)
    async def form(self, request: Request, username: str) -> Response:
        """Show the form to report an account, or one of its posts (`post`)."""
        return await self._form(request, username, None)

    async def _form(self, request: Request, username: str, problem: Invalid | None) -> Response:
        account = await self.accounts.by_acct(username)
        page = self.pages.page(
            "report",
            await self.contexts.of(request),
            PageMetadata(f"Report {account.name}"),
            account=account,
            post=request.fields.id("post"),
            comment=request.fields.text("comment"),
            category=request.fields.value("category") or "other",
            chosen=request.fields.ids("rule_ids"),
            forward=request.fields.flag("forward"),
            errors=problem.fields if problem else {},
        )
        return Response.html(page, status_of(problem) if problem else 200)

    @route("POST", "/@<username:username>/report", RouteOptions(viewer=AccessLevel.MEMBER, rate=REPORTS))
    async def make(self, request: Request, username: str) -> Response:
        """Send a report."""
        account, fields = await self.accounts.by_acct(username), request.fields
        post = fields.id("post")
        posts = [] if post is None else [PostId(post)]
        chosen = fields.ids("rule_ids")
        rules = [rule for rule in self.contexts.site.texts.rules if rule.id in chosen]
        category = ReportCategory.VIOLATION if rules else fields.value("category")
        draft = ReportDraft(account.id, posts, fields.text("comment"), category, rules, forward=fields.flag("forward"))
        try:
            await self.reports.file(request.member, draft)
        except Invalid as problem:
            return await self._form(request, username, problem)
        return Response.redirect(f"/@{account.acct}?notice=reported")

    @route("GET", "/admin/reports", MODERATOR)
    async def waiting(self, request: Request) -> Response:
        """List reports, newest first: open ones (`type` empty), open ones that are `mine` or `unassigned`, or `resolved` ones."""
        page, tab, viewer = page_of(request), request.fields.value("type", max=20), request.member
        query = ReportQuery(tab == "resolved", assigned_to=viewer.id if tab == "mine" else None, unassigned=tab == "unassigned")
        found = tuple(await self.reports.search(viewer, page, query))
        view = ReportsPage(found, tab, older(request, [each.report.id for each in found], page))
        return Response.html(self.pages.page("reports", await self.contexts.of(request), PageMetadata("Reports"), page=view))

    @route("POST", "/admin/reports/<id:report_id>/close", MODERATOR)
    async def close(self, request: Request, report_id: int) -> Response:
        """Mark a report as resolved."""
        await self.reports.close(request.member, ReportId(report_id))
        return Response.redirect(request.next_path("/admin/reports"))


@frozen
class AnnouncementButtons:
    """The button of an announcement."""

    announcements: Announcements

    @route("POST", "/announcements/<id:announcement_id>/dismiss", MEMBER)
    async def dismiss(self, request: Request, announcement_id: int) -> Response:
        """Dismiss an announcement."""
        await self.announcements.dismiss(request.member, AnnouncementId(announcement_id))
        return Response.redirect(request.next_path("/home"))
