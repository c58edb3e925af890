"""OAuth 2 endpoints that apps call: token, revocation, user info and server metadata.

Responses have the shape and wording of Mastodon's (https://docs.joinmastodon.org/methods/oauth/).
"""

from __future__ import annotations

from attrs import frozen

from microblog.domain import oauth as protocol
from microblog.domain.oauth import OAuth, ProtocolError
from microblog.domain.scopes import ALL
from microblog.render.api import apps
from microblog.render.api.apps import TOKEN
from microblog.render.api.entities import Entities
from microblog.render.api.schemas import EMPTY, TEXT
from microblog.web.http.request import Request
from microblog.web.http.response import NO_STORE, PUBLIC_A_WHILE, Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import Param, RouteDoc

_TOKEN_TYPE_HINT = Param("token_type_hint", TEXT, "Always access_token (RFC 7009); there are no other types.")
_CLIENT = (
    Param("client_id", TEXT, "The client ID, obtained during app registration."),
    Param("client_secret", TEXT, "The client secret. Both may be sent by HTTP Basic authentication instead."),
)


@frozen
class OAuthRoutes:
    """The OAuth endpoints for apps."""

    entities: Entities
    oauth: OAuth

    @route(
        "POST",
        "/oauth/token",
        RouteOptions(api=True, bearer=False),
        RouteDoc(
            "Obtain a token",
            TOKEN,
            body=(
                Param("grant_type", {"type": "string", "enum": list(protocol.GRANTS)}, required=True),
                *_CLIENT,
                Param("code", TEXT, "The authorization code, for grant_type authorization_code."),
                Param("redirect_uri", TEXT, "The redirect URI that the code was requested with."),
                Param("code_verifier", TEXT, "The PKCE code verifier, if the code was requested with a challenge."),
                Param("scope", TEXT, "Requested scopes, separated by spaces, for grant_type client_credentials."),
            ),
            errors=(400, 401),
        ),
    )
    async def token(self, request: Request) -> Response:
        """Exchange a code for a user token, or issue an app token."""
        try:
            issued = await self.oauth.token(_token_params(request), request.header("Authorization") or "")
        except ProtocolError as problem:
            return _error_response(request, problem)
        return Response.json(apps.TOKEN(issued, None)).cached(NO_STORE).with_header("Pragma", "no-cache")

    @route(
        "POST",
        "/oauth/revoke",
        RouteOptions(api=True, bearer=False),
        RouteDoc("Revoke a token", EMPTY, body=(Param("token", TEXT, required=True), _TOKEN_TYPE_HINT, *_CLIENT), errors=(403,)),
    )
    async def revoke(self, request: Request) -> Response:
        """Revoke a token; succeeds for an unknown token too (RFC 7009 section 2.2)."""
        try:
            await self.oauth.revoke(_token_params(request), request.header("Authorization") or "")
        except ProtocolError as problem:
            return _error_response(request, problem)
        return Response.json({}).cached(NO_STORE)

    @route(
        "GET",
        "/oauth/userinfo",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"profile"}),
        RouteDoc("Retrieve user information", apps.USER_INFO),
    )
    @route(
        "POST",
        "/oauth/userinfo",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"profile"}),
        RouteDoc("Retrieve user information", apps.USER_INFO),
    )
    async def user_info(self, request: Request) -> Response:
        """The OpenID Connect claims of the token's user."""
        return Response.json(apps.USER_INFO(request.member.account, self.entities))

    @route(
        "GET",
        "/.well-known/oauth-authorization-server",
        RouteOptions(api=True, bearer=False),
        RouteDoc("Discover OAuth server configuration", apps.SERVER_METADATA),
    )
    async def metadata(self, request: Request) -> Response:
        """Authorization server metadata (RFC 8414)."""
        metadata = apps.SERVER_METADATA(apps.OAuthOptions(ALL, protocol.MODES, protocol.GRANTS), request.origin.url)
        return Response.json(metadata).cached(PUBLIC_A_WHILE)


def _token_params(request: Request) -> dict[str, str]:
    """The parameters of a token request. Raises ProtocolError if one is repeated (RFC 6749 section 3.2)."""
    for name in protocol.TOKEN_PARAMS:
        if request.is_repeated(name):
            raise ProtocolError("invalid_request", protocol.REPEATED.format(name=name))
    return {name: request.fields.value(name) for name in protocol.TOKEN_PARAMS if request.fields.has(name)}


def _error_response(request: Request, problem: ProtocolError) -> Response:
    """An error response (RFC 6749 section 5.2)."""
    status = {"invalid_client": 401, "unauthorized_client": 403}.get(problem.code, 400)
    response = Response.json({"error": problem.code, "error_description": problem.sentence}, status).cached(NO_STORE)
    if status != 401:
        return response
    scheme = "Basic" if (request.header("Authorization") or "")[:6].lower() == "basic " else "Bearer"
    text = f'{scheme} realm="Doorkeeper", error="invalid_client", error_description="{problem.sentence}"'
    return response.with_header("WWW-Authenticate", text)
