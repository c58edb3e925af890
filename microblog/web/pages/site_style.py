"""The style sheet of the site's own colours."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from microblog.model.errors import NotFound
from microblog.render.site_view import SiteView
from microblog.web.http.request import Request
from microblog.web.http.response import FOR_EVER, Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.pages.assets import SHORT_CACHE


@frozen
class SiteStyle:
    """Serves the style sheet from memory. Its address has a hash of its content, so that it is cached for ever."""

    current_site: Callable[[], SiteView]

    @route("GET", "/site/<name>.css", RouteOptions(body=0))
    async def show(self, request: Request, name: str) -> Response:
        """Serve the style sheet; with another hash, the one in force."""
        site = self.current_site()
        if not site.style:
            raise NotFound("Not Found")
        cache = FOR_EVER if name == site.style_hash else SHORT_CACHE
        return Response.data(site.style.encode("utf-8"), "text/css; charset=utf-8").cached(cache, site.style_hash)
