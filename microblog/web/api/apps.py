"""Apps: they register themselves, and ask who they are."""

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
    Param("client_name", TEXT, "What the app is called.", required=True),
    Param(
        "redirect_uris",
        {"anyOf": [TEXT, TEXTS]},
        "Where people may go after they have let the app in, one a line or as a list; urn:ietf:wg:oauth:2.0:oob shows them a code.",
        required=True,
    ),
    Param("scopes", TEXT, "The most that it may ask for, separated by spaces; read if it does not say."),
    Param("website", TEXT, "Where people read about it."),
)


@frozen
class AppRoutes:
    """What an app asks before it asks a person."""

    entities: Entities
    apps: Apps

    @route(
        "POST",
        "/api/v1/apps",
        RouteOptions(api=True, bearer=False, rate=APPS),
        RouteDoc("Register an app", words.CREDENTIAL_APPLICATION, body=_FORM, errors=(422,)),
    )
    async def register(self, request: Request) -> Response:
        """A new app, with its secret."""
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
        RouteDoc("Which app the token belongs to", words.APPLICATION),
    )
    async def verify(self, request: Request) -> Response:
        """The app itself. Any token will do, an app's own too."""
        if request.access is None:
            raise BadToken
        return Response.json(words.APPLICATION(request.access.app, self.entities))


def _scopes(fields: Params) -> str:
    """The scopes as text. A list of them is not looked at, as everywhere."""
    try:
        return fields.value("scopes")
    except Invalid:
        return ""
