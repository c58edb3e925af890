"""Aliases and moves of accounts, in the form that GoToSocial gives them; Mastodon has them on pages only."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.follows import Follows
from microblog.domain.moves import Moves
from microblog.model.errors import Invalid
from microblog.render.api.accounts import CREDENTIAL_ACCOUNT
from microblog.render.api.entities import Entities
from microblog.render.api.schemas import TEXT, TEXTS
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import Param, RouteDoc

WRITE = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:accounts"})
ALIASES = (Param("also_known_as_uris", TEXTS, "Addresses or ids of all other accounts of the user; others are removed."),)
TARGET = (
    Param("moved_to_uri", TEXT, "The address or id of the new account, which has this one as an alias.", required=True),
    Param("password", TEXT, "The password of the user.", required=True),
)
NAMES = {"alias": "also_known_as_uris", "moved_to": "moved_to_uri", "current_password": "password"}


@frozen
class MoveRoutes:
    """The user's aliases, and moving to another account."""

    entities: Entities
    moves: Moves
    follows: Follows

    @route("POST", "/api/v1/accounts/alias", WRITE, RouteDoc("Set aliases of the account", CREDENTIAL_ACCOUNT, body=ALIASES, errors=(422,)))
    async def alias(self, request: Request) -> Response:
        """Replace the aliases: other accounts of the user, which may move to this one."""
        viewer = request.member
        try:
            wanted = [(await self.moves.add_alias(viewer, typed)).id for typed in dict.fromkeys(request.fields.list("also_known_as_uris"))]
        except Invalid as problem:
            raise problem.named(NAMES) from None
        for account in (await self.moves.state(viewer)).aliases:
            if account.id not in wanted:
                await self.moves.remove_alias(viewer, account.id)
        return Response.json(self.entities.credentials(viewer, await self.follows.count_requests(viewer)))

    @route(
        "POST",
        "/api/v1/accounts/move",
        WRITE,
        RouteDoc("Move to another account", {"type": "object"}, body=TARGET, also=((202, {"type": "object"}),), errors=(422,)),
    )
    async def move(self, request: Request) -> Response:
        """Move to another account: the followers follow that one from then on, which takes a while."""
        fields = request.fields
        try:
            await self.moves.move(request.member, fields.password("password"), fields.required("moved_to_uri"), request.network)
        except Invalid as problem:
            raise problem.named(NAMES) from None
        return Response.json({}, 202)
