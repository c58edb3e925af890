"""Taking one's own pictures away. They are set with the rest of the profile."""

from __future__ import annotations

from attrs import evolve, frozen

from microblog.domain.follows import Follows
from microblog.domain.profile_images import Pictures
from microblog.model.accounts import Account
from microblog.render.api.accounts import CREDENTIAL_ACCOUNT
from microblog.render.api.entities import Entities
from microblog.web.http.request import Call
from microblog.web.http.response import Answer
from microblog.web.http.route import Needs, Who, route
from microblog.web.http.route_docs import Doc

WRITE = Needs(api=True, viewer=Who.MEMBER, scopes={"write:accounts"})


@frozen
class PictureRoutes:
    """Of oneself."""

    entities: Entities
    pictures: Pictures
    follows: Follows

    @route("DELETE", "/api/v1/profile/avatar", WRITE, Doc("Have no avatar", CREDENTIAL_ACCOUNT))
    async def no_avatar(self, call: Call) -> Answer:
        """The usual one is shown."""
        return await self._told(call, await self.pictures.remove_avatar(call.member))

    @route("DELETE", "/api/v1/profile/header", WRITE, Doc("Have no header", CREDENTIAL_ACCOUNT))
    async def no_header(self, call: Call) -> Answer:
        """The usual one is shown."""
        return await self._told(call, await self.pictures.remove_header(call.member))

    async def _told(self, call: Call, account: Account) -> Answer:
        requests = await self.follows.count_requests(call.member)
        return Answer.json(self.entities.credentials(evolve(call.member, account=account), requests))
