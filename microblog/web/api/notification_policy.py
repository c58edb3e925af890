"""Who may notify one, and what was kept back."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import fields, frozen

from microblog.domain.notification_policy import NotificationPolicies
from microblog.model.accounts import Viewer
from microblog.model.errors import NotFound
from microblog.model.notification_policy import NotificationRequest, Policy, Treatment
from microblog.render.api.definition import Entity
from microblog.render.api.entities import Entities
from microblog.render.api.notifications import OLD_POLICY, OLD_REASONS, POLICY, REQUEST, old_policy_entity, policy_entity, request_entity
from microblog.render.api.schemas import EMPTY, FLAG, IDS, array_of, one_of, record
from microblog.web.api.notifications import READ, WRITE
from microblog.web.api.paging import MARKED, page_of, paged
from microblog.web.api.status_serializer import StatusSerializer
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

MEANINGS = {
    "not_following": "From people whom one does not follow.",
    "not_followers": "From people who do not follow one, or for less than three days.",
    "new_accounts": "From accounts that are younger than 30 days.",
    "private_mentions": "Private mentions by strangers that answer nothing private.",
    "limited_accounts": "From accounts that moderators have limited.",
}
BODY = tuple(Param(f"for_{name}", one_of(*Treatment), meaning) for name, meaning in MEANINGS.items())
OLD_BODY = tuple(Param(f"filter_{name}", FLAG, MEANINGS[name]) for name in OLD_REASONS)
SEVERAL = (Param("id", IDS, "Which ones; those that there are not are passed over."),)


@frozen
class NotificationPolicyRoutes:
    """The policy, in the words of today and in those of before."""

    policies: NotificationPolicies

    @route("GET", "/api/v2/notifications/policy", READ, RouteDoc("Who may notify one", POLICY))
    async def show(self, request: Request) -> Response:
        """The policy, and how much it keeps back."""
        return Response.json(policy_entity(*await self.policies.of(request.member)))

    @route("PATCH", "/api/v2/notifications/policy", WRITE, RouteDoc("Change who may notify one", POLICY, body=BODY, errors=(422,)))
    @route("PUT", "/api/v2/notifications/policy", WRITE, RouteDoc("Change who may notify one", POLICY, body=BODY, errors=(422,)))
    async def change(self, request: Request) -> Response:
        """What is not sent stays as it is."""
        names = [one.name for one in fields(Policy) if request.fields.has(f"for_{one.name}")]
        wanted = {name: request.fields.value(f"for_{name}") for name in names}
        return Response.json(policy_entity(*await self.policies.change(request.member, wanted)))

    @route("GET", "/api/v1/notifications/policy", READ, RouteDoc("Who may notify one, as flags", OLD_POLICY))
    async def show_flags(self, request: Request) -> Response:
        """True is whatever is not accepted."""
        return Response.json(old_policy_entity(*await self.policies.of(request.member)))

    @route("PATCH", "/api/v1/notifications/policy", WRITE, RouteDoc("Change who may notify one, by flags", OLD_POLICY, body=OLD_BODY))
    @route("PUT", "/api/v1/notifications/policy", WRITE, RouteDoc("Change who may notify one, by flags", OLD_POLICY, body=OLD_BODY))
    async def change_flags(self, request: Request) -> Response:
        """What is not sent stays as it is."""
        sent = {name: request.fields.flag(f"filter_{name}") for name in OLD_REASONS if request.fields.has(f"filter_{name}")}
        wanted = {name: Treatment.FILTER if held else Treatment.ACCEPT for name, held in sent.items()}
        return Response.json(old_policy_entity(*await self.policies.change(request.member, wanted)))


@frozen
class NotificationRequestRoutes:
    """People whose mentions are kept back."""

    entities: Entities
    shown: StatusSerializer
    policies: NotificationPolicies

    @route("GET", "/api/v1/notifications/requests", READ, RouteDoc("Whose mentions are kept back", array_of(REQUEST), query=PAGING))
    async def page(self, request: Request) -> Response:
        """Newest first."""
        page = page_of(request, 40, 80)
        found = await self.policies.requests(request.member, page)
        return paged(request, await self._told(request.member, found), [one.id for one in found], page, MARKED)

    @route("GET", "/api/v1/notifications/requests/<id:request_id>", READ, RouteDoc("One of them", REQUEST, errors=(404,)))
    async def show(self, request: Request, request_id: int) -> Response:
        """One of one's own."""
        found = await self.policies.request(request.member, request_id)
        return Response.json((await self._told(request.member, [found]))[0])

    @route("POST", "/api/v1/notifications/requests/<id:request_id>/accept", WRITE, RouteDoc("Let somebody through", EMPTY, errors=(404,)))
    async def accept(self, request: Request, request_id: int) -> Response:
        """From now on, and with what was kept back."""
        if not await self.policies.accept(request.member, [request_id]):
            raise NotFound
        return Response.json({})

    @route("POST", "/api/v1/notifications/requests/<id:request_id>/dismiss", WRITE, RouteDoc("Delete a request", EMPTY, errors=(404,)))
    async def dismiss(self, request: Request, request_id: int) -> Response:
        """With what was kept back."""
        if not await self.policies.dismiss(request.member, [request_id]):
            raise NotFound
        return Response.json({})

    @route("POST", "/api/v1/notifications/requests/accept", WRITE, RouteDoc("Let several people through", EMPTY, body=SEVERAL))
    async def accept_several(self, request: Request) -> Response:
        """As for one of them."""
        await self.policies.accept(request.member, request.fields.ids("id"))
        return Response.json({})

    @route("POST", "/api/v1/notifications/requests/dismiss", WRITE, RouteDoc("Delete several requests", EMPTY, body=SEVERAL))
    async def dismiss_several(self, request: Request) -> Response:
        """As for one of them."""
        await self.policies.dismiss(request.member, request.fields.ids("id"))
        return Response.json({})

    @route("GET", "/api/v1/notifications/requests/merged", READ, RouteDoc("Whether what was let through is told", record({"merged": FLAG})))
    async def merged(self, request: Request) -> Response:
        """Always: letting through is done once it is answered."""
        return Response.json({"merged": True})

    async def _told(self, viewer: Viewer, found: Sequence[NotificationRequest]) -> list[Entity]:
        posts = [one.post for one in found if one.post is not None]
        statuses = {post.id: status for post, status in zip(posts, await self.shown.each(viewer, posts), strict=True)}
        return [request_entity(self.entities, one, statuses[one.post.id] if one.post is not None else None) for one in found]
