"""The viewer's scheduled posts."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.scheduled import Schedules
from microblog.model.ids import ScheduledId
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import ScheduledPage
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import older, page_of
from microblog.web.pages.post_form import PostForms

MEMBER = RouteOptions(viewer=AccessLevel.MEMBER)


@frozen
class ScheduledPages:
    """The list of scheduled posts, and its buttons."""

    pages: Pages
    contexts: PageContexts
    schedules: Schedules
    forms: PostForms

    @route("GET", "/scheduled", MEMBER)
    async def show(self, request: Request) -> Response:
        """List scheduled posts, newest first, with the error of those that failed."""
        page = page_of(request)
        items = await self.schedules.page(request.member, page)
        view = ScheduledPage(tuple(items), request.member.preferences.time_zone, older(request, [one.id for one in items], page))
        return Response.html(self.pages.scheduled(await self.contexts.of(request), view))

    @route("POST", "/scheduled/<id:scheduled_id>/cancel", MEMBER)
    async def cancel(self, request: Request, scheduled_id: int) -> Response:
        """Delete a scheduled post."""
        await self.schedules.cancel(request.member, ScheduledId(scheduled_id))
        return Response.redirect("/scheduled?notice=cancelled")

    @route("POST", "/scheduled/<id:scheduled_id>/edit", MEMBER)
    async def edit(self, request: Request, scheduled_id: int) -> Response:
        """Unschedule a post and open it in the composer."""
        planned = await self.schedules.cancel(request.member, ScheduledId(scheduled_id))
        composer = self.forms.of_draft(request.member, planned.draft, planned.media)
        return Response.html(self.pages.compose(await self.contexts.of(request), composer))
