"""Removal of the user's avatar and header image. They are set with the rest of the profile."""

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
    """Avatar and header image of the user."""

    entities: Entities
    profile_images: ProfileImages
    follows: Follows

    @route("DELETE", "/api/v1/profile/avatar", WRITE, RouteDoc("Delete profile avatar", CREDENTIAL_ACCOUNT))
    async def delete_avatar(self, request: Request) -> Response:
        """Remove the avatar; the default one is shown."""
        return await self._response(request, await self.profile_images.remove_avatar(request.member))

    @route("DELETE", "/api/v1/profile/header", WRITE, RouteDoc("Delete profile header", CREDENTIAL_ACCOUNT))
    async def delete_header(self, request: Request) -> Response:
        """Remove the header image; the default one is shown."""
        return await self._response(request, await self.profile_images.remove_header(request.member))

    async def _response(self, request: Request, account: Account) -> Response:
        requests = await self.follows.count_requests(request.member)
        return Response.json(self.entities.credentials(evolve(request.member, account=account), requests))
