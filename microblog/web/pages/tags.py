"""The button of a tag's page."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.rate_limits import FOLLOWS
from microblog.domain.tags import Tags
from microblog.web.http.request import Call
from microblog.web.http.response import Answer
from microblog.web.http.route import Needs, Who, route

FOLLOW = Needs(viewer=Who.MEMBER, rate=FOLLOWS)


@frozen
class TagButtons:
    """What can be done about a tag."""

    tags: Tags

    @route("POST", "/tags/<name>/follow", FOLLOW)
    async def follow(self, call: Call, name: str) -> Answer:
        """See it at home."""
        await self.tags.follow(call.member, name)
        return Answer.redirect(f"/tags/{name}")

    @route("POST", "/tags/<name>/unfollow", FOLLOW)
    async def unfollow(self, call: Call, name: str) -> Answer:
        """See it there no more."""
        await self.tags.unfollow(call.member, name)
        return Answer.redirect(f"/tags/{name}")
