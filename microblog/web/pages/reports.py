"""Reporting somebody on the site, and the page on which moderators read it."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.accounts import Accounts
from microblog.domain.announcements import Announcements
from microblog.domain.rate_limits import REPORTS
from microblog.domain.reports import Complaint, Reports
from microblog.model.errors import Invalid
from microblog.model.ids import AnnouncementId, PostId, ReportId
from microblog.render.html.page_metadata import Head
from microblog.render.html.pages import Pages
from microblog.web.http.errors import status_of
from microblog.web.http.request import Call
from microblog.web.http.response import Answer
from microblog.web.http.route import Needs, Who, route
from microblog.web.pages.page_context import Shells
from microblog.web.pages.paging import older, page_of

MEMBER = Needs(viewer=Who.MEMBER)
MODERATOR = Needs(viewer=Who.MODERATOR)


@frozen
class ReportPages:
    """The form, and the list of what nobody is done with."""

    pages: Pages
    shells: Shells
    reports: Reports
    accounts: Accounts

    @route("GET", "/@<username:username>/report", MEMBER)
    async def form(self, call: Call, username: str) -> Answer:
        """What is wrong with somebody, or with one of their posts (`post`)."""
        return await self._form(call, username, None)

    async def _form(self, call: Call, username: str, problem: Invalid | None) -> Answer:
        account = await self.accounts.by_username(username)
        page = self.pages.page(
            "report",
            await self.shells.of(call),
            Head(f"Report {account.name}"),
            account=account,
            post=call.fields.id("post"),
            comment=call.fields.text("comment"),
            errors=problem.fields if problem else {},
        )
        return Answer.html(page, status_of(problem) if problem else 200)

    @route("POST", "/@<username:username>/report", Needs(viewer=Who.MEMBER, rate=REPORTS))
    async def make(self, call: Call, username: str) -> Answer:
        """Tell the moderators."""
        account, fields = await self.accounts.by_username(username), call.fields
        post = fields.id("post")
        posts = [] if post is None else [PostId(post)]
        try:
            await self.reports.make(call.member, Complaint(account.id, posts, fields.text("comment"), fields.value("category")))
        except Invalid as problem:
            return await self._form(call, username, problem)
        return Answer.redirect(f"/@{account.username}?notice=reported")

    @route("GET", "/admin/reports", MODERATOR)
    async def waiting(self, call: Call) -> Answer:
        """What nobody is done with, the newest first."""
        page = page_of(call)
        found = await self.reports.waiting(call.member, page)
        further = older(call, [report.id for report, _ in found], page)
        return Answer.html(self.pages.page("reports", await self.shells.of(call), Head("Reports"), reports=found, older=further))

    @route("POST", "/admin/reports/<id:report_id>/close", MODERATOR)
    async def close(self, call: Call, report_id: int) -> Answer:
        """Be done with one."""
        await self.reports.close(call.member, ReportId(report_id))
        return Answer.redirect("/admin/reports")


@frozen
class AnnouncementButtons:
    """What can be done about an announcement."""

    announcements: Announcements

    @route("POST", "/announcements/<id:announcement_id>/dismiss", MEMBER)
    async def dismiss(self, call: Call, announcement_id: int) -> Answer:
        """Show it no more."""
        await self.announcements.dismiss(call.member, AnnouncementId(announcement_id))
        return Answer.redirect(call.next_path("/home"))
