"""RSS feeds, the web app manifest and robots.txt."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import orjson
from attrs import frozen

from microblog.domain.accounts import Accounts
from microblog.domain.timelines import Timelines
from microblog.model.paging import Page
from microblog.model.posts import Post, Visibility
from microblog.render.atom import RSS_TYPE, rss_of_account, rss_of_tag
from microblog.render.site_view import SiteView
from microblog.web.http.request import Request
from microblog.web.http.response import PUBLIC_A_WHILE, Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.pages.assets import SHORT_CACHE, Assets

MANIFEST_TYPE = "application/manifest+json; charset=utf-8"
ROBOTS = b"""User-agent: *
Disallow: /api/
Disallow: /live/
Disallow: /oauth/
Disallow: /search
"""
"""Pages that must not be indexed are not listed here: they carry a robots meta tag, which crawlers see only if they may read them."""


@frozen
class FeedRoutes:
    """RSS feeds at Mastodon's addresses: the page's address with `.rss`."""

    accounts: Accounts
    timelines: Timelines
    current_site: Callable[[], SiteView]

    @route("GET", "/@<username:username>.rss", RouteOptions())
    async def account(self, request: Request, username: str) -> Response:
        """Serve an account's public posts, unless the account blocks the viewer."""
        account = await self.accounts.by_username(username)
        posts = await self.timelines.account(request.viewer, account.id, Page(), boosts=False)
        return _feed(request, rss_of_account(account, _public(posts), self.current_site()))

    @route("GET", "/tags/<name>.rss", RouteOptions())
    async def tag(self, request: Request, name: str) -> Response:
        """Serve public posts with a hashtag."""
        posts = await self.timelines.tag(request.viewer, name, Page())
        return _feed(request, rss_of_tag(name, _public(posts), self.current_site()))


def _public(posts: Iterable[Post]) -> list[Post]:
    return [post for post in posts if post.visibility in (Visibility.PUBLIC, Visibility.UNLISTED)]


def _feed(request: Request, feed: bytes) -> Response:
    response = Response.data(feed, RSS_TYPE)
    return response if request.viewer else response.cached(PUBLIC_A_WHILE)


@frozen
class SiteFiles:
    """Files that browsers and crawlers expect at fixed addresses."""

    current_site: Callable[[], SiteView]
    assets: Assets

    @route("GET", "/robots.txt", RouteOptions(body=0))
    async def robots(self, request: Request) -> Response:
        """Serve robots.txt."""
        return Response.data(ROBOTS, "text/plain; charset=utf-8").cached(PUBLIC_A_WHILE)

    @route("GET", "/favicon.ico", RouteOptions(body=0))
    async def favicon(self, request: Request) -> Response:
        """Serve the icon at the default address."""
        site = self.current_site()
        if site.icon is not None:
            return Response.redirect(site.icon.of_width(48).path, 302).cached(SHORT_CACHE)
        return self.assets.response(request, "favicon.ico", SHORT_CACHE)

    @route("GET", "/manifest.json", RouteOptions(body=0))
    async def manifest(self, request: Request) -> Response:
        """Serve the web app manifest."""
        site = self.current_site()
        manifest = {
            "name": site.name,
            "short_name": site.name,
            "description": site.description,
            "id": "/home",
            "start_url": "/home",
            "scope": "/",
            "display": "standalone",
            "icons": [{"src": src, "sizes": sizes, "type": kind} for src, sizes, kind in self._icons(site)],
            "shortcuts": [{"name": "New post", "url": "/compose"}, {"name": "Notifications", "url": "/notifications"}],
        }
        return Response.data(orjson.dumps(manifest), MANIFEST_TYPE).cached(PUBLIC_A_WHILE)

    def _icons(self, site: SiteView) -> Iterable[tuple[str, str, str]]:
        if site.icon is not None:
            return [(file.path, f"{file.size.width}x{file.size.height}", "image/png") for file in site.icon.files]
        icons = [("favicon.svg", "any", "image/svg+xml"), ("touch.png", "180x180", "image/png"), ("card.png", "512x512", "image/png")]
        return [(self.assets.url(name), sizes, kind) for name, sizes, kind in icons]

    @route("GET", "/site.webmanifest", RouteOptions(body=0))
    async def webmanifest(self, request: Request) -> Response:
        """Serve the web app manifest at its other common path."""
        return await self.manifest(request)
