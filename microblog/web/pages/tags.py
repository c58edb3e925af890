"""The follow button of a hashtag's page."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.rate_limits import FOLLOWS
from microblog.domain.tags import HashtagService
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route

FOLLOW = RouteOptions(viewer=AccessLevel.MEMBER, rate=FOLLOWS)


@frozen
class TagButtons:
    """The follow button of a hashtag."""

    tags: HashtagService

    @route("POST", "/tags/<name>/follow", FOLLOW)
    async def follow(self, request: Request, name: str) -> Response:
        """Follow a hashtag."""
        await self.tags.follow(request.member, name)
        return Response.redirect(f"/tags/{name}")

    @route("POST", "/tags/<name>/unfollow", FOLLOW)
    async def unfollow(self, request: Request, name: str) -> Response:
        """Unfollow a hashtag."""
        await self.tags.unfollow(request.member, name)
        return Response.redirect(f"/tags/{name}")
