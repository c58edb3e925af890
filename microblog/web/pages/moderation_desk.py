"""The moderators' pages about one account and about one report: their past, notes and acts."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from microblog.domain.moderation import Moderation, outranks
from microblog.domain.moderation_desk import ModerationDesk
from microblog.domain.ports import FileStore
from microblog.model.accounts import Account, AccountWithLogin, Role
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import AccountId, MediaId, ModerationNoteId, ReportId
from microblog.model.moderation import ModerationAction, Sanction
from microblog.render.html.desk_views import ROLE_LABELS, AccountPage, ActForm, ReportPage, SupportForm, act_form, acts_in_force
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.media_files import served
from microblog.web.pages.page_context import PageContexts

MODERATOR = RouteOptions(viewer=AccessLevel.MODERATOR)


@frozen
class AccountDeskPages:
    """The page about one account, and what moderators do there."""

    pages: Pages
    contexts: PageContexts
    desk: ModerationDesk
    sends_email: bool

    @property
    def moderation(self) -> Moderation:
        """The commands about accounts."""
        return self.desk.moderation

    @route("GET", "/admin/accounts/<id:account_id>", MODERATOR)
    async def show(self, request: Request, account_id: int) -> Response:
        """Show an account with its history."""
        return await self.response(request, AccountId(account_id))

    async def response(self, request: Request, id: AccountId, problem: Invalid | None = None) -> Response:
        """Return the page, with what was typed and the errors if there is a problem."""
        found, history = await self.desk.account(request.member, id)
        account, login = (found, None) if isinstance(found, Account) else (found.account, found.login)
        support = None
        if isinstance(found, AccountWithLogin) and outranks(request.member, found):
            roles = ROLE_LABELS if request.member.role is Role.ADMIN else {}
            support = SupportForm(self.sends_email, request.fields.value("email", max=320) if problem else "", roles)
        view = AccountPage(
            account,
            login,
            found.state if isinstance(found, AccountWithLogin) else "",
            history,
            not isinstance(found, AccountWithLogin) or outranks(request.member, found),
            _filled(act_form(here=login is not None, has_posts=False), request, problem),
            acts_in_force(account, login),
            request.fields.text("note") if problem else "",
            problem.fields if problem else {},
            support,
        )
        html = self.pages.page("admin_account", await self.contexts.of(request), PageMetadata(f"@{account.acct}", index=False), page=view)
        return Response.html(html, status_of(problem) if problem else 200)

    @route("POST", "/admin/accounts/<id:account_id>/action", MODERATOR)
    async def act(self, request: Request, account_id: int) -> Response:
        """Take a moderation action."""
        id = AccountId(account_id)
        try:
            await self.moderation.impose(request.member, id, _sanction(request))
        except Invalid as problem:
            return await self.response(request, id, problem)
        return Response.redirect(f"/admin/accounts/{id}")

    @route("POST", "/admin/accounts/<id:account_id>/undo", MODERATOR)
    async def undo(self, request: Request, account_id: int) -> Response:
        """End the restriction `type`: unsuspend, unsilence, unsensitive or enable."""
        viewer, id = request.member, AccountId(account_id)
        match request.fields.value("type", max=20):
            case "unsuspend":
                await self.moderation.restore(viewer, id)
            case "unsilence":
                await self.moderation.unlimit(viewer, id)
            case "unsensitive":
                await self.moderation.unmark_sensitive(viewer, id)
            case "enable":
                await self.moderation.enable(viewer, id)
            case _:
                raise NotFound
        return Response.redirect(f"/admin/accounts/{id}")

    @route("POST", "/admin/accounts/<id:account_id>/notes", MODERATOR)
    async def add_note(self, request: Request, account_id: int) -> Response:
        """Keep a note about the account."""
        id = AccountId(account_id)
        try:
            await self.desk.add_note(request.member, request.fields.text("note"), id)
        except Invalid as problem:
            return await self.response(request, id, problem)
        return Response.redirect(f"/admin/accounts/{id}")

    @route("POST", "/admin/notes/<id:note_id>/delete", MODERATOR)
    async def delete_note(self, request: Request, note_id: int) -> Response:
        """Delete a note."""
        note = await self.desk.delete_note(request.member, ModerationNoteId(note_id))
        return Response.redirect(f"/admin/reports/{note.report}" if note.report else f"/admin/accounts/{note.account}")


@frozen
class ReportDeskPages:
    """The page about one report, and what moderators do there."""

    pages: Pages
    contexts: PageContexts
    desk: ModerationDesk
    files: FileStore

    @route("GET", "/admin/reports/<id:report_id>", MODERATOR)
    async def show(self, request: Request, report_id: int) -> Response:
        """Show a report with its posts and the past of both sides."""
        return await self._show(request, ReportId(report_id))

    async def _show(self, request: Request, id: ReportId, problem: Invalid | None = None) -> Response:
        file = await self.desk.report(request.member, id)
        report, members = file.details.report, file.details.members
        names: Mapping[AccountId | None, str] = {key: member.account.username for key, member in members.items()}
        target = members.get(report.target.id)
        view = ReportPage(
            file.details,
            file.notes,
            file.reporter,
            file.target,
            file.by_reporter,
            file.about_target,
            file.strikes,
            target is None or outranks(request.member, target),
            _filled(act_form(here=report.target.host is None, has_posts=bool(report.posts)), request, problem),
            names.get(report.assigned_to, ""),
            names.get(report.closed_by, ""),
            request.fields.text("note") if problem else "",
            problem.fields if problem else {},
        )
        html = self.pages.page("admin_report", await self.contexts.of(request), PageMetadata("Report", index=False), page=view)
        return Response.html(html, status_of(problem) if problem else 200)

    @route("GET", "/admin/reports/<id:report_id>/media/<id:media_id>/<variant>", RouteOptions(viewer=AccessLevel.MODERATOR, body=0))
    async def media(self, request: Request, report_id: int, media_id: int, variant: str) -> Response:
        """Serve an attachment of a reported post, or a small picture of it, also after the post was deleted or its author suspended."""
        media = await self.desk.report_media(request.member, ReportId(report_id), MediaId(media_id))
        name = None if media.rendition is None else {"original": media.rendition.original, "small": media.rendition.preview}.get(variant)
        if not name or media.remote is not None:
            raise NotFound
        return await served(request, self.files, name, is_open=False)

    @route("POST", "/admin/reports/<id:report_id>/assign", MODERATOR)
    async def assign(self, request: Request, report_id: int) -> Response:
        """Assign the report to the viewer, unless another moderator works on it, or with `unassign` to nobody."""
        if request.fields.flag("unassign"):
            await self.desk.reports.assign(request.member, ReportId(report_id), None)
        else:
            await self.desk.reports.claim(request.member, ReportId(report_id))
        return Response.redirect(f"/admin/reports/{report_id}")

    @route("POST", "/admin/reports/<id:report_id>/reopen", MODERATOR)
    async def reopen(self, request: Request, report_id: int) -> Response:
        """Reopen the report."""
        await self.desk.reports.reopen(request.member, ReportId(report_id))
        return Response.redirect(f"/admin/reports/{report_id}")

    @route("POST", "/admin/reports/<id:report_id>/action", MODERATOR)
    async def act(self, request: Request, report_id: int) -> Response:
        """Take a moderation action against the reported account, which resolves the report."""
        id = ReportId(report_id)
        target = (await self.desk.reports.one(request.member, id)).report.target
        try:
            await self.desk.moderation.impose(request.member, target.id, _sanction(request, id))
        except Invalid as problem:
            return await self._show(request, id, problem)
        return Response.redirect(f"/admin/reports/{id}")

    @route("POST", "/admin/reports/<id:report_id>/notes", MODERATOR)
    async def add_note(self, request: Request, report_id: int) -> Response:
        """Keep a note about the report."""
        id = ReportId(report_id)
        target = (await self.desk.reports.one(request.member, id)).report.target
        try:
            await self.desk.add_note(request.member, request.fields.text("note"), target.id, id)
        except Invalid as problem:
            return await self._show(request, id, problem)
        return Response.redirect(f"/admin/reports/{id}")


def _filled(form: ActForm, request: Request, problem: Invalid | None) -> ActForm:
    """Return the form with what was entered in it, if that has a problem."""
    fields, chosen = request.fields, request.fields.value("type", max=50)
    return evolve(form, chosen=chosen, text=fields.text("text"), notify=fields.flag("notify")) if problem and chosen else form


def _sanction(request: Request, report: ReportId | None = None) -> Sanction:
    """Return the submitted action. Raises Invalid (field type)."""
    kind = request.fields.value("type", max=50)
    if kind not in set(ModerationAction):
        raise Invalid({"type": "Choose an action"})
    return Sanction(ModerationAction(kind), request.fields.text("text"), request.fields.flag("notify"), report)
