"""Taking one's own pictures away. They are set with the rest of the profile."""

from __future__ import annotations

from attrs import evolve, frozen

from microblog.domain.follows import Follows
from microblog.domain.profile_images import ProfileImages
from microblog.model.accounts import Account
from microblog.render.api.accounts import CREDENTIAL_ACCOUNT
from microblog.render.api.entities import Entities
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import RouteDoc

WRITE = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:accounts"})


@frozen
class ProfileImageRoutes:
    """Of oneself."""

    entities: Entities
    pictures: ProfileImages
    follows: Follows

    @route("DELETE", "/api/v1/profile/avatar", WRITE, RouteDoc("Have no avatar", CREDENTIAL_ACCOUNT))
    async def no_avatar(self, call: Request) -> Response:
        """The usual one is shown."""
        return await self._told(call, await self.pictures.remove_avatar(call.member))

    @route("DELETE", "/api/v1/profile/header", WRITE, RouteDoc("Have no header", CREDENTIAL_ACCOUNT))
    async def no_header(self, call: Request) -> Response:
        """The usual one is shown."""
        return await self._told(call, await self.pictures.remove_header(call.member))

    async def _told(self, call: Request, account: Account) -> Response:
        requests = await self.follows.count_requests(call.member)
        return Response.json(self.entities.credentials(evolve(call.member, account=account), requests))
