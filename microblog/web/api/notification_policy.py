"""Notification policy, and requests: mentions that the policy filtered."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import fields, frozen

from microblog.domain.notification_policy import NotificationPolicies
from microblog.model.accounts import Viewer
from microblog.model.errors import NotFound
from microblog.model.notification_policy import NotificationRequest, Policy, Treatment
from microblog.render.api.definition import Entity
from microblog.render.api.entities import Entities
from microblog.render.api.notifications import POLICY, REQUEST, V1_POLICY, V1_REASONS, policy_entity, request_entity, v1_policy_entity
from microblog.render.api.schemas import EMPTY, FLAG, IDS, array_of, one_of, record
from microblog.web.api.notifications import READ, WRITE
from microblog.web.api.paging import MARKED, page_of, paged
from microblog.web.api.status_serializer import StatusSerializer
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

DESCRIPTIONS = {
    "not_following": "Notifications from accounts the user is not following.",
    "not_followers": "Notifications from accounts that are not following the user, or for less than three days.",
    "new_accounts": "Notifications from accounts created in the past 30 days.",
    "private_mentions": "Unsolicited private mentions from accounts the user does not follow.",
    "limited_accounts": "Notifications from accounts that were limited by a moderator.",
}
BODY = tuple(Param(f"for_{name}", one_of(*Treatment), description) for name, description in DESCRIPTIONS.items())
OLD_BODY = tuple(Param(f"filter_{name}", FLAG, DESCRIPTIONS[name]) for name in V1_REASONS)
REQUEST_IDS = (Param("id", IDS, "The IDs of the notification requests; unknown ones are ignored."),)


@frozen
class NotificationPolicyRoutes:
    """The notification policy: version 2 with three treatments, version 1 with flags."""

    policies: NotificationPolicies

    @route("GET", "/api/v2/notifications/policy", READ, RouteDoc("Get the filtering policy for notifications", POLICY))
    async def show(self, request: Request) -> Response:
        """The policy, with the number of notifications that it filters."""
        return Response.json(policy_entity(*await self.policies.of(request.member)))

    @route(
        "PATCH",
        "/api/v2/notifications/policy",
        WRITE,
        RouteDoc("Update the filtering policy for notifications", POLICY, body=BODY, errors=(422,)),
    )
    @route(
        "PUT",
        "/api/v2/notifications/policy",
        WRITE,
        RouteDoc("Update the filtering policy for notifications", POLICY, body=BODY, errors=(422,)),
    )
    async def change(self, request: Request) -> Response:
        """Change the given attributes; others keep their values."""
        names = [one.name for one in fields(Policy) if request.fields.has(f"for_{one.name}")]
        wanted = {name: request.fields.value(f"for_{name}") for name in names}
        return Response.json(policy_entity(*await self.policies.change(request.member, wanted)))

    @route("GET", "/api/v1/notifications/policy", READ, RouteDoc("Get the filtering policy for notifications (v1)", V1_POLICY))
    async def show_flags(self, request: Request) -> Response:
        """The policy as flags; true for each kind that is not accepted."""
        return Response.json(v1_policy_entity(*await self.policies.of(request.member)))

    @route(
        "PATCH",
        "/api/v1/notifications/policy",
        WRITE,
        RouteDoc("Update the filtering policy for notifications (v1)", V1_POLICY, body=OLD_BODY),
    )
    @route(
        "PUT",
        "/api/v1/notifications/policy",
        WRITE,
        RouteDoc("Update the filtering policy for notifications (v1)", V1_POLICY, body=OLD_BODY),
    )
    async def change_flags(self, request: Request) -> Response:
        """Change the given attributes; others keep their values."""
        sent = {name: request.fields.flag(f"filter_{name}") for name in V1_REASONS if request.fields.has(f"filter_{name}")}
        wanted = {name: Treatment.FILTER if filtered else Treatment.ACCEPT for name, filtered in sent.items()}
        return Response.json(v1_policy_entity(*await self.policies.change(request.member, wanted)))


@frozen
class NotificationRequestRoutes:
    """Notification requests: accounts whose mentions are filtered."""

    entities: Entities
    serializer: StatusSerializer
    policies: NotificationPolicies

    @route("GET", "/api/v1/notifications/requests", READ, RouteDoc("Get all notification requests", array_of(REQUEST), query=PAGING))
    async def page(self, request: Request) -> Response:
        """The user's notification requests, newest first."""
        page = page_of(request, 40, 80)
        found = await self.policies.requests(request.member, page)
        return paged(request, await self._entities(request.member, found), [one.id for one in found], page, MARKED)

    @route(
        "GET", "/api/v1/notifications/requests/<id:request_id>", READ, RouteDoc("Get a single notification request", REQUEST, errors=(404,))
    )
    async def show(self, request: Request, request_id: int) -> Response:
        """One of the user's notification requests."""
        found = await self.policies.request(request.member, request_id)
        return Response.json((await self._entities(request.member, [found]))[0])

    @route(
        "POST",
        "/api/v1/notifications/requests/<id:request_id>/accept",
        WRITE,
        RouteDoc("Accept a single notification request", EMPTY, errors=(404,)),
    )
    async def accept(self, request: Request, request_id: int) -> Response:
        """Accept notifications from the account, including those that were filtered."""
        if not await self.policies.accept(request.member, [request_id]):
            raise NotFound
        return Response.json({})

    @route(
        "POST",
        "/api/v1/notifications/requests/<id:request_id>/dismiss",
        WRITE,
        RouteDoc("Dismiss a single notification request", EMPTY, errors=(404,)),
    )
    async def dismiss(self, request: Request, request_id: int) -> Response:
        """Delete the request and its filtered notifications."""
        if not await self.policies.dismiss(request.member, [request_id]):
            raise NotFound
        return Response.json({})

    @route(
        "POST", "/api/v1/notifications/requests/accept", WRITE, RouteDoc("Accept multiple notification requests", EMPTY, body=REQUEST_IDS)
    )
    async def accept_several(self, request: Request) -> Response:
        """Accept each of the requests."""
        await self.policies.accept(request.member, request.fields.ids("id"))
        return Response.json({})

    @route(
        "POST", "/api/v1/notifications/requests/dismiss", WRITE, RouteDoc("Dismiss multiple notification requests", EMPTY, body=REQUEST_IDS)
    )
    async def dismiss_several(self, request: Request) -> Response:
        """Dismiss each of the requests."""
        await self.policies.dismiss(request.member, request.fields.ids("id"))
        return Response.json({})

    @route(
        "GET",
        "/api/v1/notifications/requests/merged",
        READ,
        RouteDoc("Check if accepted notification requests have been merged", record({"merged": FLAG})),
    )
    async def merged(self, request: Request) -> Response:
        """Always true: accepting is complete once its response is sent."""
        return Response.json({"merged": True})

    async def _entities(self, viewer: Viewer, found: Sequence[NotificationRequest]) -> list[Entity]:
        posts = [one.post for one in found if one.post is not None]
        statuses = {post.id: status for post, status in zip(posts, await self.serializer.each(viewer, posts), strict=True)}
        return [request_entity(self.entities, one, statuses[one.post.id] if one.post is not None else None) for one in found]
