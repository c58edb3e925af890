"""Registration of client apps."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.apps import AppRegistration, Apps
from microblog.domain.rate_limits import APPS
from microblog.model.errors import Invalid
from microblog.render.api import apps as words
from microblog.render.api.entities import Entities
from microblog.render.api.schemas import TEXT, TEXTS
from microblog.web.http.errors import BadToken
from microblog.web.http.params import Params
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import Param, RouteDoc

_FORM = (
    Param("client_name", TEXT, "A name for the application.", required=True),
    Param(
        "redirect_uris",
        {"anyOf": [TEXT, TEXTS]},
        "Where to redirect the user after authorization: one URI per line, or a list. urn:ietf:wg:oauth:2.0:oob shows a code instead.",
        required=True,
    ),
    Param("scopes", TEXT, "Scopes that the app may request, separated by spaces. Defaults to read."),
    Param("website", TEXT, "The URL of the app's home page."),
)


@frozen
class AppRoutes:
    """Endpoints that an app uses before it has a user's token."""

    entities: Entities
    apps: Apps

    @route(
        "POST",
        "/api/v1/apps",
        RouteOptions(api=True, bearer=False, rate=APPS),
        RouteDoc("Create an application", words.CREDENTIAL_APPLICATION, body=_FORM, errors=(422,)),
    )
    async def register(self, request: Request) -> Response:
        """Register a client application and return its credentials for OAuth."""
        fields = request.fields
        form = AppRegistration(
            name=fields.text("client_name"),
            redirect_uris=tuple(dict.fromkeys(one for line in fields.list("redirect_uris") for one in line.split())),
            scopes=_scopes(fields),
            website=fields.value("website"),
        )
        return Response.json(words.CREDENTIAL_APPLICATION(await self.apps.register(form), self.entities))

    @route(
        "GET",
        "/api/v1/apps/verify_credentials",
        RouteOptions(api=True, viewer=AccessLevel.APP),
        RouteDoc("Verify your app works", words.APPLICATION),
    )
    async def verify(self, request: Request) -> Response:
        """The application of the token; user and app tokens are both accepted."""
        if request.access is None:
            raise BadToken
        return Response.json(words.APPLICATION(request.access.app, self.entities))


def _scopes(fields: Params) -> str:
    """The scopes as text; a list is ignored, as on Mastodon."""
    try:
        return fields.value("scopes")
    except Invalid:
        return ""
