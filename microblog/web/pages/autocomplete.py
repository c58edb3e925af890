"""What the composer offers while somebody types `@ad` or `#dem`."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.autocomplete import LONGEST_PREFIX, Autocomplete
from microblog.domain.rate_limits import COMPLETING
from microblog.render.html.pages import Pages
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route


@frozen
class AutocompleteRoutes:
    """Asked by our scripts; without them nobody needs it."""

    pages: Pages
    completion: Autocomplete

    @route("GET", "/compose/complete", RouteOptions(viewer=AccessLevel.MEMBER, rate=COMPLETING))
    async def complete(self, call: Request) -> Response:
        """The options of a list as HTML, and how many: for `q`, which begins with `@` or `#`."""
        typed = call.fields.text("q", max=LONGEST_PREFIX)
        mark, prefix = typed[:1], typed[1:]
        people = await self.completion.people(call.member, prefix) if mark == "@" else []
        tags = await self.completion.tags(call.member, prefix) if mark == "#" else []
        return Response.json({"count": len(people) + len(tags), "html": self.pages.part("_completion", people=people, tags=tags)})
