"""Confirmation of a new account's e-mail address, for the app that signed the user up."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.email_confirmation import EmailConfirmation
from microblog.domain.rate_limits import SIGN_UP
from microblog.model.accounts import Viewer
from microblog.model.errors import Forbidden
from microblog.render.api.schemas import EMPTY, FLAG, TEXT
from microblog.web.http.errors import NeedsUser
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import Param, RouteDoc

OTHER_APP = "This method is only available to the application the user originally signed-up with"
ALREADY_CONFIRMED = "This method is only available while the e-mail is awaiting confirmation"


@frozen
class EmailConfirmationRoutes:
    """Endpoints that are also open to users whose address is not confirmed yet."""

    email_confirmation: EmailConfirmation

    @route(
        "GET",
        "/api/v1/emails/check_confirmation",
        RouteOptions(api=True, viewer=AccessLevel.APP, pending=True, scopes={"read:accounts"}),
        RouteDoc("Check if the e-mail address is confirmed", FLAG, errors=(422,)),
    )
    async def check(self, request: Request) -> Response:
        """True if the user's address is confirmed, else false."""
        return Response.json(await self.email_confirmation.is_confirmed(_viewer(request)))

    @route(
        "POST",
        "/api/v1/emails/confirmations",
        RouteOptions(api=True, viewer=AccessLevel.APP, pending=True, scopes={"write:accounts"}, rate=SIGN_UP),
        RouteDoc(
            "Resend confirmation e-mail",
            EMPTY,
            body=(Param("email", TEXT, "If provided, updates the unconfirmed user's e-mail address first."),),
            errors=(403, 409, 422),
        ),
    )
    async def resend(self, request: Request) -> Response:
        """Send the confirmation e-mail again, to the new address if one is given."""
        viewer = _viewer(request)
        signup_app = await self.email_confirmation.signup_app(viewer)
        if signup_app is None or request.access is None or signup_app != request.access.app.id:
            raise Forbidden(OTHER_APP)
        if await self.email_confirmation.is_confirmed(viewer):
            raise Forbidden(ALREADY_CONFIRMED)
        if email := request.fields.value("email").strip():
            await self.email_confirmation.correct(viewer, email)
        else:
            await self.email_confirmation.resend(viewer)
        return Response.json({})


def _viewer(request: Request) -> Viewer:
    if request.viewer is None:
        raise NeedsUser
    return request.viewer
