"""Posts that wait for their time, as a page."""

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
    """One's own."""

    pages: Pages
    shells: PageContexts
    schedules: Schedules
    composers: PostForms

    @route("GET", "/scheduled", MEMBER)
    async def show(self, call: Request) -> Response:
        """The newest first, each with what went wrong."""
        page = page_of(call)
        items = await self.schedules.page(call.member, page)
        view = ScheduledPage(tuple(items), call.member.preferences.time_zone, older(call, [one.id for one in items], page))
        return Response.html(self.pages.scheduled(await self.shells.of(call), view))

    @route("POST", "/scheduled/<id:scheduled_id>/cancel", MEMBER)
    async def cancel(self, call: Request, scheduled_id: int) -> Response:
        """Publish it never."""
        await self.schedules.cancel(call.member, ScheduledId(scheduled_id))
        return Response.redirect("/scheduled?notice=cancelled")

    @route("POST", "/scheduled/<id:scheduled_id>/edit", MEMBER)
    async def edit(self, call: Request, scheduled_id: int) -> Response:
        """Take it back into the composer, with all that belongs to it; from there it is published or scheduled anew."""
        planned = await self.schedules.cancel(call.member, ScheduledId(scheduled_id))
        composer = self.composers.of_draft(call.member, planned.draft, planned.media)
        return Response.html(self.pages.compose(await self.shells.of(call), composer))
