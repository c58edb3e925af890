"""The about page."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.site_stats import SiteStats
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import AboutView
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.pages.page_context import PageContexts


@frozen
class AboutPages:
    """The about page."""

    pages: Pages
    contexts: PageContexts
    stats: SiteStats
    video_enabled: bool = False

    @route("GET", "/about", RouteOptions())
    async def show(self, request: Request) -> Response:
        """Show the site's statistics, administrators and rules."""
        numbers = await self.stats.figures()
        about = AboutView(numbers.people, numbers.posts, numbers.admins, video_enabled=self.video_enabled)
        return Response.html(self.pages.about(await self.contexts.of(request), about))
