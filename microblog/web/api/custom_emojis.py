"""Custom emoji of this site."""

from __future__ import annotations

from attrs import define, field

from microblog.domain.custom_emojis import CustomEmojis
from microblog.model.emojis import Emoji
from microblog.render.api.emojis import EMOJI
from microblog.render.api.schemas import array_of
from microblog.render.api.site import SiteUrls
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.http.route_docs import RouteDoc

ANYBODY = RouteOptions(api=True, bearer=False)


@define
class CustomEmojiRoutes:
    """The emoji that everybody here may write."""

    site: SiteUrls
    emojis: CustomEmojis
    _encoded: tuple[tuple[Emoji, ...], Response] | None = field(default=None, init=False)

    @route("GET", "/api/v1/custom_emojis", ANYBODY, RouteDoc("View all custom emoji", array_of(EMOJI)))
    async def index(self, request: Request) -> Response:
        """The enabled emoji that are shown in pickers, ordered by shortcode. Not kept by caches, so that a deleted one is gone at once."""
        del request
        listed = await self.emojis.listed()
        if self._encoded is None or self._encoded[0] is not listed:
            self._encoded = listed, Response.json(EMOJI.each(listed, self.site)).tagged()
        return self._encoded[1]
