"""Web Push subscriptions: one for each access token."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.push.notifications import PushNotifications, SubscriptionRequest, choice_of
from microblog.model.ids import TokenId
from microblog.model.push import ALERTS, PushChoice, PushPolicy
from microblog.render.api.entities import Entities
from microblog.render.api.push import SUBSCRIPTION
from microblog.render.api.schemas import EMPTY, FLAG, TEXT, one_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import Param, RouteDoc

OPTIONS = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"push"})
PATH = "/api/v1/push/subscription"
CHOICE = (
    *(Param(f"data[alerts][{kind}]", FLAG, "Receive notifications of this type?") for kind in ALERTS),
    Param(
        "data[policy]",
        one_of(*PushPolicy),
        "Which accounts to receive notifications from: all, followed, follower or none. Defaults to all.",
    ),
)
BODY = (
    Param("subscription[endpoint]", TEXT, "The endpoint URL that is called when a notification event occurs.", required=True),
    Param("subscription[keys][p256dh]", TEXT, "User agent public key: an uncompressed P-256 point, base64url encoded.", required=True),
    Param("subscription[keys][auth]", TEXT, "Auth secret: 16 bytes of random data, base64url encoded.", required=True),
    Param("subscription[standard]", FLAG, "Follow standardized Web Push (RFC 8291, RFC 8292) if true, else the legacy drafts."),
    *CHOICE,
)


@frozen
class PushSubscriptionRoutes:
    """The Web Push subscription of the access token."""

    entities: Entities
    push_notifications: PushNotifications

    @route("POST", PATH, OPTIONS, RouteDoc("Subscribe to push notifications", SUBSCRIPTION, body=BODY, errors=(422,)))
    async def subscribe(self, request: Request) -> Response:
        """Subscribe; this replaces an earlier subscription of the token."""
        fields = request.fields
        subscription = SubscriptionRequest(
            fields.value("subscription[endpoint]"),
            fields.value("subscription[keys][p256dh]"),
            fields.value("subscription[keys][auth]"),
            fields.flag("subscription[standard]"),
        )
        created = await self.push_notifications.subscribe(request.member, _token(request), subscription, _choice(request))
        return Response.json(SUBSCRIPTION(created, self.entities))

    @route("GET", PATH, OPTIONS, RouteDoc("Get current subscription", SUBSCRIPTION, errors=(404,)))
    async def show(self, request: Request) -> Response:
        """The subscription of the token."""
        return Response.json(SUBSCRIPTION(await self.push_notifications.of(_token(request)), self.entities))

    @route("PUT", PATH, OPTIONS, RouteDoc("Change types of notifications", SUBSCRIPTION, body=CHOICE, errors=(404, 422)))
    async def change(self, request: Request) -> Response:
        """Replace all alerts: types that are not sent are switched off."""
        return Response.json(SUBSCRIPTION(await self.push_notifications.change(_token(request), _choice(request)), self.entities))

    @route("DELETE", PATH, OPTIONS, RouteDoc("Remove current subscription", EMPTY))
    async def unsubscribe(self, request: Request) -> Response:
        """Remove the subscription; succeeds without one too."""
        await self.push_notifications.unsubscribe(_token(request))
        return Response.json({})


def _token(request: Request) -> TokenId:
    assert request.access is not None  # the routes are for members, and for tokens alone
    return request.access.id


def _choice(request: Request) -> PushChoice:
    """The chosen types and policy. Mastodon.py sends the policy outside of `data`."""
    fields = request.fields
    alerts = [kind for kind in ALERTS if fields.flag(f"data[alerts][{kind}]")]
    return choice_of(alerts, fields.value("data[policy]") or fields.value("policy"))
