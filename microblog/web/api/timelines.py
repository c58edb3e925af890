"""The home, public and hashtag timelines."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from microblog.domain.caching.cache_keys import PUBLIC
from microblog.domain.timelines import Timelines
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.render.api.schemas import FLAG, TEXTS, array_of
from microblog.render.api.statuses import STATUS
from microblog.web.api.paging import PageLinks, page_of, paged
from microblog.web.api.status_serializer import StatusSerializer
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.response_cache import CacheableResponse, ResponseCache
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

OPEN = RouteOptions(api=True, scopes={"read:statuses"})
ORIGIN = (Param("local", FLAG, "Show only local statuses?"), Param("remote", FLAG, "Show only remote statuses?"))
WITH_MEDIA = Param("only_media", FLAG, "Show only statuses with media attached?")
TAGS = (
    Param("any", TEXTS, "Return statuses that contain any of these additional tags."),
    Param("all", TEXTS, "Return statuses that contain all of these additional tags."),
    Param("none", TEXTS, "Return statuses that contain none of these additional tags."),
)


@frozen
class TimelineRoutes:
    """Timeline endpoints."""

    serializer: StatusSerializer
    timelines: Timelines
    cache: ResponseCache

    @route(
        "GET",
        "/api/v1/timelines/home",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:statuses"}),
        RouteDoc("View home timeline", array_of(STATUS), query=PAGING),
    )
    async def home(self, request: Request) -> Response:
        """Posts of the user, followed accounts and followed tags, newest first."""
        return await self.cache.get_or_make(request, lambda: self._home(request))

    async def _home(self, request: Request) -> CacheableResponse:
        page = page_of(request)
        posts = await self.timelines.home(request.member, page)
        return CacheableResponse(await self._page(request, posts, page), await self.timelines.home_dependencies(request.member, posts))

    @route(
        "GET",
        "/api/v1/timelines/public",
        OPEN,
        RouteDoc("View public timeline", array_of(STATUS), query=(*PAGING, *ORIGIN, WITH_MEDIA)),
    )
    async def public(self, request: Request) -> Response:
        """Public posts, newest first, without boosts and without replies to others."""
        return await self.cache.get_or_make(request, lambda: self._public(request))

    async def _public(self, request: Request) -> CacheableResponse:
        page = page_of(request)
        posts = await self.timelines.public(request.viewer, page, media=request.fields.flag("only_media"), here=_here(request))
        response = await self._page(request, posts, page, "local", "remote", "only_media")
        return CacheableResponse(response, await self.timelines.dependencies(request.viewer, posts, PUBLIC))

    @route(
        "GET",
        "/api/v1/timelines/tag/<name>",
        OPEN,
        RouteDoc("View hashtag timeline", array_of(STATUS), query=(*PAGING, *TAGS, *ORIGIN, WITH_MEDIA)),
    )
    async def tag(self, request: Request, name: str) -> Response:
        """Public posts with the tag, newest first, including replies."""
        return await self.cache.get_or_make(request, lambda: self._tag(request, name))

    async def _tag(self, request: Request, name: str) -> CacheableResponse:
        page, fields = page_of(request), request.fields
        posts = await self.timelines.tag(
            request.viewer,
            name,
            page,
            any=fields.list("any"),
            all=fields.list("all"),
            none=fields.list("none"),
            media=fields.flag("only_media"),
            here=_here(request),
        )
        response = await self._page(request, posts, page, "local", "remote", "only_media", "any", "all", "none")
        return CacheableResponse(response, await self.timelines.dependencies(request.viewer, posts, PUBLIC))

    async def _page(self, request: Request, posts: Sequence[Post], page: Page, *link_params: str) -> Response:
        body = await self.serializer.many(request.viewer, posts)
        return paged(request, body, [post.id for post in posts], page, PageLinks(link_params, timeline=True))


def _here(request: Request) -> bool | None:
    """True if only posts of this site are requested, False for only remote ones, None for both. `local` wins over `remote`."""
    if request.fields.flag("local"):
        return True
    return False if request.fields.flag("remote") else None
