"""Pages for moderators: accounts and invites."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from attrs import frozen

from microblog.domain.account_actions import MAX_TEXT_LENGTH
from microblog.domain.moderation import ModeratedAccount, Moderation, outranks
from microblog.model.accounts import Account, AccountWithLogin, Viewer
from microblog.model.errors import Invalid
from microblog.model.moderation import ModerationAction, RemoteAccountQuery, Sanction
from microblog.model.paging import Page
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
SUSPEND_HERE = (
    "Their profile and posts will be hidden from everyone, and they will be logged out. You can undo this within 30 days. After that, "
    "everything that is stored about the account will be deleted. The username stays taken."
)
SUSPEND_ELSEWHERE = (
    "Their profile and posts will be hidden from everyone here, and all follows between them and people here will end. You can undo this "
    "within 30 days, but the follows won't come back. After that, everything that is stored here about the account will be deleted."
)


@frozen
class PeoplePages:
    """The list of accounts and the moderation actions. Suspending and rejecting ask for confirmation."""

    pages: Pages
    contexts: PageContexts
    moderation: Moderation

    @route("GET", "/admin/people", MODERATOR)
    async def show(self, request: Request) -> Response:
        """List accounts, newest first: all (`type` empty), `applied`, `suspended`, or restricted ones `elsewhere`; or the match for `q`."""
        page, tab, query = page_of(request), request.fields.value("type", max=20), request.fields.text("q", max=320).strip()
        found = await (self.moderation.find(request.member, query, page) if query else self._tab(request.member, page, tab))
        older_url = older(request, [one.id if isinstance(one, Account) else one.account.id for one in found], page)
        rows = tuple((one, outranks(request.member, one)) for one in found if isinstance(one, AccountWithLogin))
        others = tuple(one for one in found if isinstance(one, Account))
        view = MembersPage(rows, tab, query, older_url, others)
        return Response.html(members_page(self.pages, await self.contexts.of(request), view))

    async def _tab(self, viewer: Viewer, page: Page, tab: str) -> Sequence[ModeratedAccount]:
        if tab == "elsewhere":
            return await self.moderation.accounts_elsewhere(viewer, page, RemoteAccountQuery("restricted"))
        return await self.moderation.accounts(viewer, page, pending=tab == "applied", suspended=tab == "suspended")

    @route("POST", "/admin/people/<username:username>/approve", MODERATOR)
    async def approve(self, request: Request, username: str) -> Response:
        """Approve an application."""
        await self.moderation.approve(request.member, username)
        return Response.redirect(request.next_path(APPLICANTS))

    @route("GET", "/admin/people/<username:username>/reject", MODERATOR)
    async def reject_question(self, request: Request, username: str) -> Response:
        """Ask for confirmation before an application is rejected."""
        name = (await self.moderation.subject(request.member, username)).account.username
        sentence = "They will be notified by e-mail. The application is deleted, and the username and address become available again."
        confirm = ConfirmView(f"Reject @{name}?", sentence, f"/admin/people/{name}/reject", "Reject", APPLICANTS)
        return Response.html(self.pages.confirm(await self.contexts.of(request), confirm))

    @route("POST", "/admin/people/<username:username>/reject", MODERATOR)
    async def reject(self, request: Request, username: str) -> Response:
        """Reject an application."""
        await self.moderation.reject(request.member, username)
        return Response.redirect(APPLICANTS)

    @route("GET", "/admin/people/<username:username>/suspend", MODERATOR)
    async def suspend_question(self, request: Request, username: str) -> Response:
        """Ask for confirmation before an account is suspended."""
        if other := await self.moderation.account_elsewhere(request.member, username):
            name, sentence, max_message = other.acct, SUSPEND_ELSEWHERE, None
        else:
            name = (await self.moderation.subject(request.member, username)).account.username
            sentence, max_message = SUSPEND_HERE, MAX_TEXT_LENGTH
        action, back = f"/admin/people/{name}/suspend", f"/admin/people?q={name}"
        confirm = ConfirmView(f"Suspend @{name}?", sentence, action, "Suspend", back, max_message=max_message)
        return Response.html(self.pages.confirm(await self.contexts.of(request), confirm))

    @route("POST", "/admin/people/<username:username>/suspend", MODERATOR)
    async def suspend(self, request: Request, username: str) -> Response:
        """Suspend an account, optionally with a message to its owner."""
        sanction = Sanction(ModerationAction.SUSPEND, request.fields.text("text"), request.fields.flag("notify"))
        await self.moderation.impose(request.member, username, sanction)
        return Response.redirect(f"/admin/people?q={username}")

    @route("POST", "/admin/people/<username:username>/limit", MODERATOR)
    async def limit(self, request: Request, username: str) -> Response:
        """Limit an account, without a message to its owner."""
        await self.moderation.impose(request.member, username, Sanction(ModerationAction.SILENCE, notify=False))
        return Response.redirect(request.next_path(f"/admin/people?q={username}"))

    @route("POST", "/admin/people/<username:username>/unlimit", MODERATOR)
    async def unlimit(self, request: Request, username: str) -> Response:
        """Undo the limit of an account."""
        await self.moderation.unlimit(request.member, username)
        return Response.redirect(request.next_path(f"/admin/people?q={username}"))

    @route("POST", "/admin/people/<username:username>/restore", MODERATOR)
    async def restore(self, request: Request, username: str) -> Response:
        """Unsuspend an account."""
        await self.moderation.restore(request.member, username)
        return Response.redirect(request.next_path(f"/admin/people?q={username}"))


@frozen
class InvitePages:
    """Pages to create, list and deactivate invites."""

    pages: Pages
    contexts: PageContexts
    moderation: Moderation

    @route("GET", "/admin/invites", MODERATOR)
    async def show(self, request: Request) -> Response:
        """List the newest invites, with a form for a new one."""
        return await self._show(request, None)

    @route("POST", "/admin/invites", MODERATOR)
    async def make(self, request: Request) -> Response:
        """Create an invite for at most `uses` sign-ups (empty: unlimited), valid for `days` (0: no expiry)."""
        try:
            uses, days = request.fields.integer("uses"), request.fields.integer("days", 7, min=0, max=3660)
            await self.moderation.invite(request.member, max_uses=uses, lasts=timedelta(days=days) if days else None)
        except Invalid as problem:
            return await self._show(request, problem)
        return Response.redirect("/admin/invites")

    @route("POST", "/admin/invites/end", MODERATOR)
    async def end(self, request: Request) -> Response:
        """Deactivate the invite `code`."""
        await self.moderation.end_invite(request.member, request.fields.value("code", max=100))
        return Response.redirect("/admin/invites")

    async def _show(self, request: Request, problem: Invalid | None) -> Response:
        context, invites = await self.contexts.of(request), tuple(await self.moderation.invites(request.member))
        page = InvitesPage(invites, context.now)
        if problem:
            errors = {name.replace("max_uses", "uses"): sentence for name, sentence in problem.fields.items()}
            page = InvitesPage(invites, context.now, request.fields.value("uses", max=20), request.fields.value("days", max=20), errors)
        return Response.html(invites_page(self.pages, context, page), status_of(problem) if problem else 200)
