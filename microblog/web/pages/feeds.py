"""Files about the site for other programs than browsers: RSS feeds, the manifest of the installed site, robots.txt."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import orjson
from attrs import frozen

from microblog.domain.accounts import Accounts
from microblog.domain.timelines import Timelines
from microblog.model.paging import Page
from microblog.model.posts import Post, Visibility
from microblog.render.atom import RSS_TYPE, rss_of_account, rss_of_tag
from microblog.render.html.view_models import SiteView
from microblog.web.http.request import Request
from microblog.web.http.response import PUBLIC_A_WHILE, Response
from microblog.web.http.route import RouteOptions, route

MANIFEST_TYPE = "application/manifest+json; charset=utf-8"
ROBOTS = b"""User-agent: *
Disallow: /api/
Disallow: /live/
Disallow: /oauth/
Disallow: /search
"""
"""What no crawler needs. Pages that are not for search engines say so themselves, and can do so only if they are read."""


@frozen
class FeedRoutes:
    """RSS by the addresses that Mastodon has: those of the pages, with `.rss`."""

    accounts: Accounts
    timelines: Timelines
    site: SiteView

    @route("GET", "/@<username:username>.rss", RouteOptions())
    async def account(self, call: Request, username: str) -> Response:
        """What everybody may read of somebody, unless they block whoever is logged in."""
        account = await self.accounts.by_username(username)
        posts = await self.timelines.account(call.viewer, account.id, Page(), boosts=False)
        return _feed(call, rss_of_account(account, _public(posts), self.site))

    @route("GET", "/tags/<name>.rss", RouteOptions())
    async def tag(self, call: Request, name: str) -> Response:
        """Public posts with a tag."""
        posts = await self.timelines.tag(call.viewer, name, Page())
        return _feed(call, rss_of_tag(name, _public(posts), self.site))


def _public(posts: Iterable[Post]) -> list[Post]:
    return [post for post in posts if post.visibility in (Visibility.PUBLIC, Visibility.UNLISTED)]


def _feed(call: Request, feed: bytes) -> Response:
    answer = Response.data(feed, RSS_TYPE)
    return answer if call.viewer else answer.cached(PUBLIC_A_WHILE)


@frozen
class SiteFiles:
    """What browsers and crawlers look for at fixed addresses. `asset` gives the address of a picture."""

    site: SiteView
    asset: Callable[[str], str]

    @route("GET", "/robots.txt", RouteOptions(body=0))
    async def robots(self, call: Request) -> Response:
        """What crawlers leave alone."""
        return Response.data(ROBOTS, "text/plain; charset=utf-8").cached(PUBLIC_A_WHILE)

    @route("GET", "/manifest.json", RouteOptions(body=0))
    async def manifest(self, call: Request) -> Response:
        """How the site looks where it is installed as an app."""
        icons = [("favicon.svg", "any", "image/svg+xml"), ("touch.png", "180x180", "image/png"), ("card.png", "512x512", "image/png")]
        made = {
            "name": self.site.name,
            "short_name": self.site.name,
            "description": self.site.description,
            "id": "/home",
            "start_url": "/home",
            "scope": "/",
            "display": "standalone",
            "icons": [{"src": self.asset(name), "sizes": sizes, "type": kind} for name, sizes, kind in icons],
            "shortcuts": [{"name": "New post", "url": "/compose"}, {"name": "Notifications", "url": "/notifications"}],
        }
        return Response.data(orjson.dumps(made), MANIFEST_TYPE).cached(PUBLIC_A_WHILE)

    @route("GET", "/site.webmanifest", RouteOptions(body=0))
    async def webmanifest(self, call: Request) -> Response:
        """The same by its other usual name."""
        return await self.manifest(call)
