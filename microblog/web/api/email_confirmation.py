"""The address of a new account, for programs that signed somebody up: is it proved, and send the letter once more."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.email_confirmation import EmailConfirmation
from microblog.domain.rate_limits import SIGN_UP
from microblog.model.accounts import Viewer
from microblog.model.errors import Forbidden
from microblog.render.api.schemas import EMPTY, FLAG, TEXT
from microblog.web.http.errors import NeedsPerson
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import Param, RouteDoc

ANOTHER_PROGRAM = "This method is only available to the application the user originally signed-up with"
NOT_WAITING = "This method is only available while the e-mail is awaiting confirmation"


@frozen
class EmailConfirmationRoutes:
    """Open to people whose address is not proved yet, where nothing else is."""

    confirmations: EmailConfirmation

    @route(
        "GET",
        "/api/v1/emails/check_confirmation",
        RouteOptions(api=True, viewer=AccessLevel.APP, pending=True, scopes={"read:accounts"}),
        RouteDoc("Whether one's address is proved", FLAG, errors=(422,)),
    )
    async def check(self, request: Request) -> Response:
        """True or false, as JSON."""
        return Response.json(await self.confirmations.is_confirmed(_person(request)))

    @route(
        "POST",
        "/api/v1/emails/confirmations",
        RouteOptions(api=True, viewer=AccessLevel.APP, pending=True, scopes={"write:accounts"}, rate=SIGN_UP),
        RouteDoc(
            "Send the letter that proves one's address once more",
            EMPTY,
            body=(Param("email", TEXT, "Another address, where the first was wrong."),),
            errors=(403, 409, 422),
        ),
    )
    async def resend(self, request: Request) -> Response:
        """To another address, if one is given."""
        viewer = _person(request)
        made_with = await self.confirmations.signup_app(viewer)
        if made_with is None or request.access is None or made_with != request.access.app.id:
            raise Forbidden(ANOTHER_PROGRAM)
        if await self.confirmations.is_confirmed(viewer):
            raise Forbidden(NOT_WAITING)
        if email := request.fields.value("email").strip():
            await self.confirmations.correct(viewer, email)
        else:
            await self.confirmations.resend(viewer)
        return Response.json({})


def _person(request: Request) -> Viewer:
    if request.viewer is None:
        raise NeedsPerson
    return request.viewer
