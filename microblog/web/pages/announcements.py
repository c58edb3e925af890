"""Pages for administrators: announcements, from the draft to the end."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime

from attrs import evolve, frozen

from microblog.domain.announcement_desk import AnnouncementDesk, DraftOptions
from microblog.model.announcements import AnnouncementContent
from microblog.model.errors import Invalid
from microblog.model.ids import AnnouncementDraftId, AnnouncementId
from microblog.render.html.announcement_views import PATH, AnnouncementForm, AnnouncementsPage
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.web.http.errors import status_of
from microblog.web.http.params import Params
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts

ADMIN = RouteOptions(viewer=AccessLevel.ADMIN)
LISTED = 100
_DRAFT = PATH + "/drafts/<id:draft_id>"
_PUBLISHED = PATH + "/<id:announcement_id>"


@frozen
class AnnouncementPages:
    """The list of announcements, and the form of each."""

    pages: Pages
    contexts: PageContexts
    desk: AnnouncementDesk

    @route("GET", PATH, ADMIN)
    async def all(self, request: Request) -> Response:
        """List drafts and announcements, newest first."""
        published = await self.desk.announcements.newest(LISTED)
        page = AnnouncementsPage(tuple(await self.desk.drafts()), tuple(published), self.desk.now())
        context = await self.contexts.of(request)
        return Response.html(self.pages.page("announcements", context, PageMetadata("Announcements"), page=page))

    @route("GET", f"{PATH}/new", ADMIN)
    async def new(self, request: Request) -> Response:
        """Show the form of a new announcement."""
        return await self._form(request, AnnouncementForm())

    @route("POST", PATH, ADMIN)
    async def make(self, request: Request) -> Response:
        """Save a new announcement as a draft, schedule or publish it, as `act` says."""
        return await self._draft(request, AnnouncementForm(), None)

    @route("GET", _DRAFT, ADMIN)
    async def draft(self, request: Request, draft_id: int) -> Response:
        """Show the form of a draft."""
        draft = await self.desk.draft(AnnouncementDraftId(draft_id))
        return await self._form(request, AnnouncementForm.of_draft(draft, f"{PATH}/drafts/{draft_id}"))

    @route("POST", _DRAFT, ADMIN)
    async def change_draft(self, request: Request, draft_id: int) -> Response:
        """Save, schedule or publish a draft, as `act` says."""
        return await self._draft(request, AnnouncementForm(f"{PATH}/drafts/{draft_id}"), AnnouncementDraftId(draft_id))

    @route("POST", f"{_DRAFT}/delete", ADMIN)
    async def delete_draft(self, request: Request, draft_id: int) -> Response:
        """Delete a draft."""
        await self.desk.delete_draft(AnnouncementDraftId(draft_id), request.member)
        return Response.redirect(PATH)

    @route("GET", _PUBLISHED, ADMIN)
    async def show(self, request: Request, announcement_id: int) -> Response:
        """Show the form of a published announcement."""
        found = await self.desk.one(AnnouncementId(announcement_id))
        return await self._form(request, AnnouncementForm.of_content(found.content, f"{PATH}/{announcement_id}"))

    @route("POST", _PUBLISHED, ADMIN)
    async def change(self, request: Request, announcement_id: int) -> Response:
        """Change a published announcement."""
        id, form = AnnouncementId(announcement_id), AnnouncementForm(f"{PATH}/{announcement_id}", published=True)
        return await self._carried_out(request, form, self._change(request, id))

    @route("POST", f"{_PUBLISHED}/unpublish", ADMIN)
    async def unpublish(self, request: Request, announcement_id: int) -> Response:
        """Turn a published announcement into a draft."""
        await self.desk.unpublish(AnnouncementId(announcement_id), request.member)
        return Response.redirect(PATH)

    @route("POST", f"{_PUBLISHED}/delete", ADMIN)
    async def delete(self, request: Request, announcement_id: int) -> Response:
        """Delete a published announcement."""
        await self.desk.announcements.withdraw(AnnouncementId(announcement_id), request.member.id)
        return Response.redirect(PATH)

    async def _draft(self, request: Request, form: AnnouncementForm, id: AnnouncementDraftId | None) -> Response:
        return await self._carried_out(request, form, self._save(request, id))

    async def _save(self, request: Request, id: AnnouncementDraftId | None) -> None:
        content, fields, by = _content(request.fields), request.fields, request.member
        act, email = fields.value("act", max=20), fields.flag("email")
        if act == "publish":
            await self.desk.publish(content, DraftOptions(email=email), by, id)
            return
        scheduled_at = _time(fields, "scheduled_at") if act == "schedule" else None
        if act == "schedule" and scheduled_at is None:
            raise Invalid({"scheduled_at": "Time of publication can't be blank"}, codes={"scheduled_at": "ERR_BLANK"})
        await self.desk.save(content, DraftOptions(scheduled_at, email), by, id)

    async def _change(self, request: Request, id: AnnouncementId) -> None:
        await self.desk.change(id, _content(request.fields), request.member)

    async def _carried_out(self, request: Request, form: AnnouncementForm, command: Awaitable[None]) -> Response:
        """Redirect to the list after the command; show the form as it was sent if it was refused."""
        try:
            await command
        except Invalid as problem:
            return await self._form(request, _submitted(request.fields, form, problem), status_of(problem))
        return Response.redirect(f"{PATH}?notice=saved")

    async def _form(self, request: Request, form: AnnouncementForm, status: int = 200) -> Response:
        title = "Edit announcement" if form.action != PATH else "New announcement"
        return Response.html(self.pages.page("announcement", await self.contexts.of(request), PageMetadata(title), form=form), status)


def _content(fields: Params) -> AnnouncementContent:
    """Return the content as submitted. Raises Invalid for a text that is no time."""
    return AnnouncementContent(fields.text("text"), _time(fields, "starts_at"), _time(fields, "ends_at"), fields.flag("all_day"))


def _time(fields: Params, name: str) -> datetime | None:
    typed = fields.value(name, max=30).strip()
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=UTC) if typed else None
    except ValueError as problem:
        raise Invalid({name: "This is not a time such as 2026-12-31T18:00"}, codes={name: "ERR_INVALID"}) from problem


def _submitted(fields: Params, form: AnnouncementForm, problem: Invalid) -> AnnouncementForm:
    starts_at, ends_at, scheduled_at = (fields.value(name, max=30) for name in ("starts_at", "ends_at", "scheduled_at"))
    all_day, email = fields.flag("all_day"), fields.flag("email")
    typed = evolve(form, text=fields.text("text"), starts_at=starts_at, ends_at=ends_at, all_day=all_day)
    return evolve(typed, scheduled_at=scheduled_at, email=email, errors=problem.fields)
