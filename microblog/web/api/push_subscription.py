"""The push subscription of a token: one for each program that is signed in."""

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

NEEDS = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"push"})
PATH = "/api/v1/push/subscription"
CHOICE = (
    *(Param(f"data[alerts][{kind}]", FLAG, "Whether such notifications are pushed.") for kind in ALERTS),
    Param("data[policy]", one_of(*PushPolicy), "Whose doings are pushed; everybody's if it is not sent."),
)
BODY = (
    Param("subscription[endpoint]", TEXT, "Where messages are posted: an https address.", required=True),
    Param("subscription[keys][p256dh]", TEXT, "The program's public key: an uncompressed point on P-256, in base64.", required=True),
    Param("subscription[keys][auth]", TEXT, "The secret that it shares with the site: 16 bytes in base64.", required=True),
    Param("subscription[standard]", FLAG, "True for messages by RFC 8291 and RFC 8292, false for those by the drafts before them."),
    *CHOICE,
)


@frozen
class PushSubscriptionRoutes:
    """Subscribing, and what one is told of."""

    entities: Entities
    pushes: PushNotifications

    @route("POST", PATH, NEEDS, RouteDoc("Be told by push messages", SUBSCRIPTION, body=BODY, errors=(422,)))
    async def subscribe(self, request: Request) -> Response:
        """In place of what the token had."""
        fields = request.fields
        asked = SubscriptionRequest(
            fields.value("subscription[endpoint]"),
            fields.value("subscription[keys][p256dh]"),
            fields.value("subscription[keys][auth]"),
            fields.flag("subscription[standard]"),
        )
        made = await self.pushes.subscribe(request.member, _token(request), asked, _choice(request))
        return Response.json(SUBSCRIPTION(made, self.entities))

    @route("GET", PATH, NEEDS, RouteDoc("The token's push subscription", SUBSCRIPTION, errors=(404,)))
    async def show(self, request: Request) -> Response:
        """If it has one."""
        return Response.json(SUBSCRIPTION(await self.pushes.of(_token(request)), self.entities))

    @route("PUT", PATH, NEEDS, RouteDoc("Change what is pushed", SUBSCRIPTION, body=CHOICE, errors=(404, 422)))
    async def change(self, request: Request) -> Response:
        """All of it: what is not sent is not pushed."""
        return Response.json(SUBSCRIPTION(await self.pushes.change(_token(request), _choice(request)), self.entities))

    @route("DELETE", PATH, NEEDS, RouteDoc("Be told nothing more", EMPTY))
    async def end(self, request: Request) -> Response:
        """Also where there was nothing."""
        await self.pushes.unsubscribe(_token(request))
        return Response.json({})


def _token(request: Request) -> TokenId:
    assert request.access is not None  # the routes are for members, and for tokens alone
    return request.access.id


def _choice(request: Request) -> PushChoice:
    """What is wanted. The policy stands beside the alerts; Mastodon.py sends it outside of them."""
    fields = request.fields
    alerts = [kind for kind in ALERTS if fields.flag(f"data[alerts][{kind}]")]
    return choice_of(alerts, fields.value("data[policy]") or fields.value("policy"))
