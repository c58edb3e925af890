"""Grouped notifications (version 2)."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from microblog.domain.notification_groups import NotificationGroups
from microblog.model.accounts import Viewer
from microblog.model.errors import Malformed
from microblog.model.notifications import NotificationGroup
from microblog.model.paging import Page
from microblog.render.api.account_json import AccountJsonCache
from microblog.render.api.accounts import ACCOUNT
from microblog.render.api.definition import Entity
from microblog.render.api.entities import Entities
from microblog.render.api.notifications import GROUPS, groups_entity
from microblog.render.api.schemas import COUNT, EMPTY, TEXTS, array_of, one_of, record
from microblog.web.api.notifications import FILTERED, MAX_UNREAD_COUNT, NOTIFICATION_FILTERS, READ, WRITE, NotificationPages, query_of
from microblog.web.api.paging import PEOPLE, PageLinks, page_of, paged
from microblog.web.api.status_serializer import StatusSerializer
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.response_cache import CacheableResponse
from microblog.web.http.route import route
from microblog.web.http.route_docs import LIMIT, PAGING, Param, RouteDoc

TOGETHER = Param("grouped_types", TEXTS, "Restrict which notification types can be grouped. All groupable types if not sent.")
EXPAND = Param(
    "expand_accounts",
    one_of("full", "partial_avatars"),
    "Which attributes to return for accounts other than the most recent of a group: full or partial_avatars.",
)
MAX_KEY_LENGTH = 100


@frozen
class NotificationGroupRoutes:
    """Notifications in groups: favourites and boosts of one post, and follows, of about the same time."""

    entities: Entities
    serializer: StatusSerializer
    pages: NotificationPages
    groups: NotificationGroups
    accounts_json: AccountJsonCache

    @route(
        "GET",
        "/api/v2/notifications",
        READ,
        RouteDoc(
            "Get all grouped notifications", GROUPS, query=(*PAGING, *NOTIFICATION_FILTERS, TOGETHER, EXPAND, FILTERED), errors=(400,)
        ),
    )
    async def page(self, request: Request) -> Response:
        """Groups ordered by their newest notification, newest first. A group is on one page only."""
        return await self.pages.responses.get_or_make(request, lambda: self._page(request))

    async def _page(self, request: Request) -> CacheableResponse:
        page, expand = page_of(request, 40, 80), request.fields.value("expand_accounts", default="full")
        if expand not in ("full", "partial_avatars"):
            raise Malformed("Invalid value for 'expand_accounts', allowed values are 'full' and 'partial_avatars'")
        found = await self.pages.cache.groups(request.member, query_of(request, page))
        body = await self._entity(request.member, found.groups, listed=True, partial=expand != "full")
        link_params = (*(param.name for param in NOTIFICATION_FILTERS), TOGETHER.name, EXPAND.name, FILTERED.name)
        response = paged(request, body, found.ids, page, PageLinks(link_params, timeline=True))
        return CacheableResponse(response, await self.pages.dependencies(request.member, found.groups))

    @route(
        "GET",
        "/api/v2/notifications/unread_count",
        READ,
        RouteDoc(
            "Get the number of unread notifications", record({"count": COUNT}), query=(*LIMIT, *NOTIFICATION_FILTERS, TOGETHER, FILTERED)
        ),
    )
    async def unread(self, request: Request) -> Response:
        """Number of groups with a notification above the user's read marker, counted up to the limit."""
        return await self.pages.responses.get_or_make(request, lambda: self._unread(request))

    async def _unread(self, request: Request) -> CacheableResponse:
        page = Page(request.fields.limit(100, MAX_UNREAD_COUNT))
        count = await self.groups.unread(request.member, query_of(request, page))
        return CacheableResponse(Response.json({"count": count}), self.pages.count_dependencies(request.member))

    @route("GET", "/api/v2/notifications/<group_key>", READ, RouteDoc("Get a single notification group", GROUPS, errors=(404,)))
    async def show(self, request: Request, group_key: str) -> Response:
        """One of the user's notification groups."""
        found = await self.groups.one(request.member, group_key[:MAX_KEY_LENGTH])
        return Response.json(await self._entity(request.member, [found], listed=False))

    @route("POST", "/api/v2/notifications/<group_key>/dismiss", WRITE, RouteDoc("Dismiss a single notification group", EMPTY))
    async def dismiss(self, request: Request, group_key: str) -> Response:
        """Delete all notifications of the group."""
        await self.groups.dismiss(request.member, group_key[:MAX_KEY_LENGTH])
        return Response.json({})

    @route(
        "GET",
        "/api/v2/notifications/<group_key>/accounts",
        READ,
        RouteDoc("Get accounts of all notifications in a notification group", array_of(ACCOUNT), query=PAGING, errors=(404,)),
    )
    async def accounts(self, request: Request, group_key: str) -> Response:
        """Accounts that caused the notifications, most recent first."""
        page = page_of(request, 40, 80)
        found = await self.groups.senders(request.member, group_key[:MAX_KEY_LENGTH], page)
        return paged(request, self.entities.related(found), [one.id for one in found], page, PEOPLE)

    async def _entity(self, viewer: Viewer, groups: Sequence[NotificationGroup], *, listed: bool, partial: bool = False) -> Entity:
        posts = {group.post.id: group.post for group in groups if group.post is not None}
        statuses = dict(zip(posts, await self.serializer.each(viewer, list(posts.values())), strict=True))
        return groups_entity(self.accounts_json, groups, statuses, listed=listed, partial=partial)
