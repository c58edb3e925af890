"""Notifications (version 1) and read markers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import frozen

from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.notification_cache import NotificationCache
from microblog.domain.notifications import NotificationQuery, Notifications
from microblog.domain.read_markers import ReadMarkers
from microblog.domain.timelines import Timelines
from microblog.model.accounts import Viewer
from microblog.model.ids import AccountId, NotificationId
from microblog.model.markers import TIMELINES
from microblog.model.notifications import GROUPED, Notification, NotificationGroup, NotificationKind
from microblog.model.paging import Page
from microblog.render.api.account_json import AccountJsonCache
from microblog.render.api.definition import Entity
from microblog.render.api.entities import Entities
from microblog.render.api.markers import MARKERS, markers_entity
from microblog.render.api.notifications import NOTIFICATION, NotificationWithStatus
from microblog.render.api.schemas import COUNT, EMPTY, FLAG, ID, TEXTS, array_of, record
from microblog.web.api.paging import PageLinks, page_of, paged
from microblog.web.api.status_serializer import StatusSerializer
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.response_cache import CacheableResponse, ResponseCache
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import LIMIT, PAGING, Param, RouteDoc

READ = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:notifications"})
WRITE = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:notifications"})
NOTIFICATION_FILTERS = (
    Param("types", TEXTS, "Types to include; unknown types are ignored."),
    Param("exclude_types", TEXTS, "Types to exclude."),
    Param("account_id", ID, "Return only notifications received from the specified account."),
)
FILTERED = Param("include_filtered", FLAG, "Whether to include notifications filtered by the user's notification policy.")
KINDS = frozenset(NotificationKind)
MAX_UNREAD_COUNT = 1_000


@frozen
class NotificationPages:
    """Cached pages of notifications, and responses made of them."""

    cache: NotificationCache
    timelines: Timelines
    responses: ResponseCache
    expiry: Callable[[Viewer], datetime]

    def count_dependencies(self, viewer: Viewer) -> CacheDependencies:
        """The cache dependencies of a number of unread notifications, as of the numbers in the navigation of pages."""
        keys = cache_keys.of_notifications(viewer.id), cache_keys.of_viewer_state(viewer.id)
        return CacheDependencies(frozenset(keys), self.expiry(viewer))

    async def dependencies(self, viewer: Viewer, groups: Sequence[NotificationGroup]) -> CacheDependencies:
        """The cache dependencies of a page with these notifications."""
        senders = {sender for group in groups for sender in group.senders}
        accounts = cache_keys.of_accounts(senders)
        posts = {group.post.id: group.post for group in groups if group.post is not None}
        return await self.timelines.dependencies(viewer, list(posts.values()), cache_keys.of_notifications(viewer.id), *accounts)


@frozen
class NotificationRoutes:
    """Notifications, not grouped."""

    entities: Entities
    serializer: StatusSerializer
    notifications: Notifications
    pages: NotificationPages
    accounts_json: AccountJsonCache

    @route(
        "GET",
        "/api/v1/notifications",
        READ,
        RouteDoc("Get all notifications", array_of(NOTIFICATION), query=(*PAGING, *NOTIFICATION_FILTERS, FILTERED)),
    )
    async def page(self, request: Request) -> Response:
        """Notifications, newest first."""
        return await self.pages.responses.get_or_make(request, lambda: self._page(request))

    async def _page(self, request: Request) -> CacheableResponse:
        page = page_of(request, 40, 80)
        found = await self.pages.cache.page(request.member, query_of(request, page))
        links = PageLinks((*(param.name for param in NOTIFICATION_FILTERS), FILTERED.name), timeline=True)
        response = paged(request, await self._entities(request.member, found), [one.id for one in found], page, links)
        return CacheableResponse(response, await self.pages.dependencies(request.member, [one.alone() for one in found]))

    @route("GET", "/api/v1/notifications/<id:notification_id>", READ, RouteDoc("Get a single notification", NOTIFICATION, errors=(404,)))
    async def show(self, request: Request, notification_id: int) -> Response:
        """One of the user's notifications."""
        found = await self.notifications.one(request.member, NotificationId(notification_id))
        return Response.json((await self._entities(request.member, [found]))[0])

    @route(
        "GET",
        "/api/v1/notifications/unread_count",
        READ,
        RouteDoc("Get the number of unread notifications", record({"count": COUNT}), query=(*LIMIT, *NOTIFICATION_FILTERS, FILTERED)),
    )
    async def unread(self, request: Request) -> Response:
        """Number of notifications above the user's read marker, counted up to the limit."""
        return await self.pages.responses.get_or_make(request, lambda: self._unread(request))

    async def _unread(self, request: Request) -> CacheableResponse:
        page = Page(request.fields.limit(100, MAX_UNREAD_COUNT))
        count = await self.notifications.unread(request.member, query_of(request, page))
        return CacheableResponse(Response.json({"count": count}), self.pages.count_dependencies(request.member))

    @route("POST", "/api/v1/notifications/clear", WRITE, RouteDoc("Dismiss all notifications", EMPTY))
    @route("POST", "/api/v2/notifications/clear", WRITE, RouteDoc("Dismiss all notifications", EMPTY))
    async def clear(self, request: Request) -> Response:
        """Delete all of the user's notifications."""
        await self.notifications.clear(request.member)
        return Response.json({})

    @route(
        "POST", "/api/v1/notifications/<id:notification_id>/dismiss", WRITE, RouteDoc("Dismiss a single notification", EMPTY, errors=(404,))
    )
    async def dismiss(self, request: Request, notification_id: int) -> Response:
        """Delete one notification."""
        await self.notifications.dismiss(request.member, NotificationId(notification_id))
        return Response.json({})

    async def _entities(self, viewer: Viewer, found: list[Notification]) -> list[Entity]:
        with_posts = [one for one in found if one.post is not None]
        encoded = await self.serializer.each(viewer, [one.post for one in with_posts if one.post])
        statuses = {one.id: status for one, status in zip(with_posts, encoded, strict=True)}
        encode = self.accounts_json.encoded
        return [NOTIFICATION(NotificationWithStatus(one, statuses.get(one.id), encode(one.account)), self.entities) for one in found]


def query_of(request: Request, page: Page) -> NotificationQuery:
    """The query of a request. Unknown types match nothing and exclude nothing."""
    fields = request.fields
    types, sender = fields.list("types"), fields.id("account_id")
    return NotificationQuery(
        page,
        kinds=tuple(type for type in types if type in KINDS) if types else None,
        without=tuple(type for type in fields.list("exclude_types") if type in KINDS),
        sender=None if sender is None else AccountId(sender),
        filtered=fields.flag("include_filtered"),
        grouped=GROUPED.intersection(fields.list("grouped_types")) if fields.list("grouped_types") else GROUPED,
    )


@frozen
class MarkerRoutes:
    """Read positions, shared by all clients of a user."""

    markers: ReadMarkers
    cache: ResponseCache

    @route(
        "GET",
        "/api/v1/markers",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:statuses"}),
        RouteDoc(
            "Get saved timeline positions",
            MARKERS,
            query=(Param("timeline", TEXTS, "Timelines to fetch markers for: home, notifications."),),
        ),
    )
    async def show(self, request: Request) -> Response:
        """Markers of the requested timelines; a timeline without a marker is left out."""
        return await self.cache.get_or_make(request, lambda: self._markers(request.member, request.fields.list("timeline")))

    async def _markers(self, viewer: Viewer, timelines: Sequence[str]) -> CacheableResponse:
        response = Response.json(markers_entity(await self.markers.of(viewer, timelines)))
        return CacheableResponse(response, cache_keys.of_keys(cache_keys.of_notifications(viewer.id)))

    @route(
        "POST",
        "/api/v1/markers",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:statuses"}),
        RouteDoc(
            "Save your position in a timeline",
            MARKERS,
            body=tuple(Param(f"{name}[last_read_id]", ID, f"ID of the last read item in {name}.") for name in TIMELINES),
        ),
    )
    async def move(self, request: Request) -> Response:
        """Move the markers and return those that were changed."""
        read = {name: request.fields.id(f"{name}[last_read_id]") for name in TIMELINES}
        moved = await self.markers.move(request.member, {name: id for name, id in read.items() if id is not None})
        return Response.json(markers_entity(moved))
