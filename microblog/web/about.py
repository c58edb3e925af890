"""What the site is and who runs it."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.census import Census
from microblog.render.pages import Pages
from microblog.render.views import About
from microblog.web.answer import Answer
from microblog.web.call import Call
from microblog.web.needs import Needs, route
from microblog.web.shells import Shells


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
