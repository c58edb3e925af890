"""What moderators do with people: the list of them, and invitations."""

from __future__ import annotations

from datetime import timedelta

from attrs import frozen

from microblog.domain.account_actions import LONGEST_TEXT
from microblog.domain.moderation import Moderation, outranks
from microblog.model.errors import Invalid
from microblog.model.moderation import ModerationAction, Sanction
from microblog.render.html.moderation_views import InvitesPage, MembersPage, invites_page, members_page
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import ConfirmView
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import older, page_of

MODERATOR = RouteOptions(viewer=AccessLevel.MODERATOR)
APPLICANTS = "/admin/people?type=applied"


@frozen
class PeoplePages:
    """People as moderators see them, and what is done to them. What hides or erases somebody is asked first."""

    pages: Pages
    shells: PageContexts
    moderation: Moderation

    @route("GET", "/admin/people", MODERATOR)
    async def show(self, call: Request) -> Response:
        """Members, the newest first: all (`type` empty), `applied` or `suspended`; or whom `q` names."""
        page, which, query = page_of(call), call.fields.value("type", max=20), call.fields.text("q", max=320).strip()
        if query:
            found, further = await self.moderation.find(call.member, query), None
        else:
            only = {"applied": which == "applied", "suspended": which == "suspended"}
            found = await self.moderation.accounts(call.member, page, **only)
            further = older(call, [one.account.id for one in found], page)
        rows = tuple((one, outranks(call.member, one)) for one in found)
        view = MembersPage(rows, which, query, further)
        return Response.html(members_page(self.pages, await self.shells.of(call), view))

    @route("POST", "/admin/people/<username:username>/approve", MODERATOR)
    async def approve(self, call: Request, username: str) -> Response:
        """Let an applicant in."""
        await self.moderation.approve(call.member, username)
        return Response.redirect(call.next_path(APPLICANTS))

    @route("GET", "/admin/people/<username:username>/reject", MODERATOR)
    async def reject_question(self, call: Request, username: str) -> Response:
        """Ask before somebody is turned away."""
        name = (await self.moderation.subject(call.member, username)).account.username
        sentence = "They will be notified by e-mail. The application is deleted, and the username and address become available again."
        confirm = ConfirmView(f"Reject @{name}?", sentence, f"/admin/people/{name}/reject", "Reject", APPLICANTS)
        return Response.html(self.pages.confirm(await self.shells.of(call), confirm))

    @route("POST", "/admin/people/<username:username>/reject", MODERATOR)
    async def reject(self, call: Request, username: str) -> Response:
        """Turn an applicant away."""
        await self.moderation.reject(call.member, username)
        return Response.redirect(APPLICANTS)

    @route("GET", "/admin/people/<username:username>/suspend", MODERATOR)
    async def suspend_question(self, call: Request, username: str) -> Response:
        """Ask before somebody is suspended."""
        name = (await self.moderation.subject(call.member, username)).account.username
        sentence = "Their profile and posts will be hidden from everyone, and they will be logged out. You can undo this at any time."
        action, back = f"/admin/people/{name}/suspend", f"/admin/people?q={name}"
        confirm = ConfirmView(f"Suspend @{name}?", sentence, action, "Suspend", back, message=LONGEST_TEXT)
        return Response.html(self.pages.confirm(await self.shells.of(call), confirm))

    @route("POST", "/admin/people/<username:username>/suspend", MODERATOR)
    async def suspend(self, call: Request, username: str) -> Response:
        """Suspend somebody, and tell them why."""
        sanction = Sanction(ModerationAction.SUSPEND, call.fields.text("text"), call.fields.flag("tell"))
        await self.moderation.impose(call.member, username, sanction)
        return Response.redirect(f"/admin/people?q={username}")

    @route("POST", "/admin/people/<username:username>/restore", MODERATOR)
    async def restore(self, call: Request, username: str) -> Response:
        """Undo it."""
        await self.moderation.restore(call.member, username)
        return Response.redirect(call.next_path(f"/admin/people?q={username}"))


@frozen
class InvitePages:
    """Invitations: made, passed on as a link, ended."""

    pages: Pages
    shells: PageContexts
    moderation: Moderation

    @route("GET", "/admin/invites", MODERATOR)
    async def show(self, call: Request) -> Response:
        """The newest, and the form for one more."""
        return await self._show(call, None)

    @route("POST", "/admin/invites", MODERATOR)
    async def make(self, call: Request) -> Response:
        """One more: for `uses` people (empty: as many as like to) and `days` (0: until it is ended)."""
        try:
            uses, days = call.fields.integer("uses"), call.fields.integer("days", 7, min=0, max=3660)
            await self.moderation.invite(call.member, max_uses=uses, lasts=timedelta(days=days) if days else None)
        except Invalid as problem:
            return await self._show(call, problem)
        return Response.redirect("/admin/invites")

    @route("POST", "/admin/invites/end", MODERATOR)
    async def end(self, call: Request) -> Response:
        """Let nobody else in by `code`."""
        await self.moderation.end_invite(call.member, call.fields.value("code", max=100))
        return Response.redirect("/admin/invites")

    async def _show(self, call: Request, problem: Invalid | None) -> Response:
        shell, found = await self.shells.of(call), tuple(await self.moderation.invites(call.member))
        page = InvitesPage(found, shell.now)
        if problem:
            errors = {name.replace("max_uses", "uses"): sentence for name, sentence in problem.fields.items()}
            page = InvitesPage(found, shell.now, call.fields.value("uses", max=20), call.fields.value("days", max=20), errors)
        return Response.html(invites_page(self.pages, shell, page), status_of(problem) if problem else 200)
