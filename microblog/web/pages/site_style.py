"""Style sheets of the site's own: its colours, and the custom CSS of its administrators."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from microblog.model.errors import NotFound
from microblog.render.site_view import SiteView, StyleSheet
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
    async def accents(self, request: Request, name: str) -> Response:
        """Serve the style sheet of the accents."""
        return _sheet(self.current_site().accents, name)

    @route("GET", "/site/custom/<name>.css", RouteOptions(body=0))
    async def custom(self, request: Request, name: str) -> Response:
        """Serve the custom CSS."""
        return _sheet(self.current_site().custom_css, name)

    @route("GET", "/custom.css", RouteOptions(body=0))
    async def custom_at_fixed_address(self, request: Request) -> Response:
        """Serve the custom CSS at Mastodon's address, which has an empty style sheet if there is none."""
        return _response(self.current_site().custom_css, SHORT_CACHE)


def _sheet(sheet: StyleSheet, name: str) -> Response:
    """Return the style sheet at its own address. Raises NotFound if there is none."""
    if not sheet.css:
        raise NotFound("Not Found")
    return _response(sheet, FOR_EVER if name == sheet.hash else SHORT_CACHE)


def _response(sheet: StyleSheet, cache: bytes) -> Response:
    return Response.data(sheet.css.encode("utf-8"), "text/css; charset=utf-8").cached(cache, sheet.hash)
