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
    async def no_avatar(self, request: Request) -> Response:
        """The usual one is shown."""
        return await self._told(request, await self.pictures.remove_avatar(request.member))

    @route("DELETE", "/api/v1/profile/header", WRITE, RouteDoc("Have no header", CREDENTIAL_ACCOUNT))
    async def no_header(self, request: Request) -> Response:
        """The usual one is shown."""
        return await self._told(request, await self.pictures.remove_header(request.member))

    async def _told(self, request: Request, account: Account) -> Response:
        requests = await self.follows.count_requests(request.member)
        return Response.json(self.entities.credentials(evolve(request.member, account=account), requests))
