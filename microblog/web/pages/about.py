"""What the site is and who runs it."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.site_stats import Census
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import About
from microblog.web.http.request import Call
from microblog.web.http.response import Answer
from microblog.web.http.route import Needs, route
from microblog.web.pages.page_context import Shells


@frozen
class AboutPages:
    """The page about the site."""

    pages: Pages
    shells: Shells
    census: Census
    films: bool = False

    @route("GET", "/about", Needs())
    async def show(self, call: Call) -> Answer:
        """Figures, administrators, rules."""
        figures = await self.census.figures()
        about = About(figures.people, figures.posts, figures.admins, films=self.films)
        return Answer.html(self.pages.about(await self.shells.of(call), about))
