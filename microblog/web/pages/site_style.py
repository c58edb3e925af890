"""Style sheets of the site's own: its colours, and the custom CSS of its administrators."""

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
    """Serves the style sheets from memory. Their addresses have a hash of the content, so that they are cached for ever.

    With another hash, the sheet in force is served.
    """

    current_site: Callable[[], SiteView]

    @route("GET", "/site/<name>.css", RouteOptions(body=0))
    async def colours(self, request: Request, name: str) -> Response:
        """Serve the style sheet of the accents."""
        site = self.current_site()
        if not site.style:
            raise NotFound("Not Found")
        return _sheet(site.style, site.style_hash, FOR_EVER if name == site.style_hash else SHORT_CACHE)

    @route("GET", "/site/custom/<name>.css", RouteOptions(body=0))
    async def custom(self, request: Request, name: str) -> Response:
        """Serve the custom CSS."""
        site = self.current_site()
        if not site.custom_css:
            raise NotFound("Not Found")
        return _sheet(site.custom_css, site.custom_css_hash, FOR_EVER if name == site.custom_css_hash else SHORT_CACHE)

    @route("GET", "/custom.css", RouteOptions(body=0))
    async def custom_at_fixed_address(self, request: Request) -> Response:
        """Serve the custom CSS at Mastodon's address, which has an empty style sheet if there is none."""
        site = self.current_site()
        return _sheet(site.custom_css, site.custom_css_hash, SHORT_CACHE)


def _sheet(css: str, content_hash: str, cache: bytes) -> Response:
    return Response.data(css.encode("utf-8"), "text/css; charset=utf-8").cached(cache, content_hash)
