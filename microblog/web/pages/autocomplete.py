"""Autocomplete of mentions, hashtags and custom emoji in the composer."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.autocomplete import MAX_PREFIX_LENGTH, MAX_SUGGESTIONS, Autocomplete
from microblog.domain.custom_emojis import CustomEmojis
from microblog.domain.rate_limits import AUTOCOMPLETE
from microblog.render.html.pages import Pages
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route


@frozen
class AutocompleteRoutes:
    """The endpoint that the composer's script calls."""

    pages: Pages
    autocomplete: Autocomplete
    emojis: CustomEmojis

    @route("GET", "/compose/complete", RouteOptions(viewer=AccessLevel.MEMBER, rate=AUTOCOMPLETE))
    async def complete(self, request: Request) -> Response:
        """Return the options for `q`, which begins with `@`, `#` or `:`: their count, and HTML list items."""
        typed = request.fields.text("q", max=MAX_PREFIX_LENGTH)
        sigil, prefix = typed[:1], typed[1:]
        people = await self.autocomplete.people(request.member, prefix) if sigil == "@" else []
        tags = await self.autocomplete.tags(request.member, prefix) if sigil == "#" else []
        emojis = await self.emojis.suggestions(prefix, MAX_SUGGESTIONS) if sigil == ":" else []
        html = self.pages.part("_autocomplete", people=people, tags=tags, emojis=emojis)
        return Response.json({"count": len(people) + len(tags) + len(emojis), "html": html})
