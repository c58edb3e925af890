"""The button of a tag's page."""

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
    """What can be done about a tag."""

    tags: HashtagService

    @route("POST", "/tags/<name>/follow", FOLLOW)
    async def follow(self, call: Request, name: str) -> Response:
        """See it at home."""
        await self.tags.follow(call.member, name)
        return Response.redirect(f"/tags/{name}")

    @route("POST", "/tags/<name>/unfollow", FOLLOW)
    async def unfollow(self, call: Request, name: str) -> Response:
        """See it there no more."""
        await self.tags.unfollow(call.member, name)
        return Response.redirect(f"/tags/{name}")
