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
    shells: PageContexts
    census: SiteStats
    films: bool = False

    @route("GET", "/about", RouteOptions())
    async def show(self, request: Request) -> Response:
        """Show the site's statistics, administrators and rules."""
        figures = await self.census.figures()
        about = AboutView(figures.people, figures.posts, figures.admins, films=self.films)
        return Response.html(self.pages.about(await self.shells.of(request), about))
