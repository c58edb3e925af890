"""What is talked about."""

from __future__ import annotations

from urllib.parse import urlencode

from attrs import frozen

from microblog.domain.tags import HashtagService
from microblog.domain.trends import Trends
from microblog.model.posts import TagUse
from microblog.render.api.definition import Entity
from microblog.render.api.entities import Entities
from microblog.render.api.schemas import ANY, WHOLE, array_of
from microblog.render.api.statuses import STATUS
from microblog.render.api.tags import TAG, tag_entity
from microblog.web.api.status_serializer import StatusSerializer
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.http.route_docs import LIMIT, Param, RouteDoc

TAGS = RouteOptions(api=True, viewer_scopes={"read:follows"})  # the flag `following` is personal
POSTS = RouteOptions(api=True, viewer_scopes={"read:statuses"})
LINKS = RouteOptions(api=True)
OLD = "@1648598400"  # 2022-03-30, when the newer address came
SLICE = (*LIMIT, Param("offset", WHOLE, "How many to pass over."))


@frozen
class TrendRoutes:
    """Tags and posts, counted from what people do. Pages are turned by offset."""

    entities: Entities
    shown: StatusSerializer
    trends: Trends
    tags: HashtagService

    @route("GET", "/api/v1/trends/tags", TAGS, RouteDoc("Tags that are talked about", array_of(TAG), query=SLICE))
    async def of_tags(self, request: Request) -> Response:
        """Those first that most people used."""
        limit, offset = _slice(request, 10, 20)
        return _linked(request, await self._told(request, await self.trends.tags(limit=limit, offset=offset)), limit, offset)

    @route("GET", "/api/v1/trends", TAGS, RouteDoc("Tags that are talked about, as older programs ask", array_of(TAG), query=SLICE))
    async def old(self, request: Request) -> Response:
        """The same."""
        return (await self.of_tags(request)).with_header("Deprecation", OLD)

    @route("GET", "/api/v1/trends/statuses", POSTS, RouteDoc("Posts that are talked about", array_of(STATUS), query=SLICE))
    async def of_posts(self, request: Request) -> Response:
        """Those first that most people liked or boosted."""
        limit, offset = _slice(request, 20, 40)
        found = await self.trends.posts(request.viewer, limit=limit, offset=offset)
        answer = Response.json(await self.shown.many(request.viewer, found))
        return answer.with_header("Link", _next(request, limit, offset)) if limit and len(found) == limit else answer

    @route("GET", "/api/v1/trends/links", LINKS, RouteDoc("Links that are talked about: none are counted", array_of(ANY), query=SLICE))
    async def of_links(self, request: Request) -> Response:
        """Always none."""
        del request
        return Response.json([])

    async def _told(self, request: Request, uses: list[TagUse]) -> list[Entity]:
        flags = await self.tags.flags(request.viewer, [use.tag for use in uses])
        return [tag_entity(self.entities, use, flags.get(use.tag.key)) for use in uses]


def _slice(request: Request, default: int, most: int) -> tuple[int, int]:
    return request.fields.limit(default, most), request.fields.offset(10_000)


def _linked(request: Request, told: list[Entity], limit: int, offset: int) -> Response:
    answer = Response.json(told)
    return answer.with_header("Link", _next(request, limit, offset)) if limit and len(told) == limit else answer


def _next(request: Request, limit: int, offset: int) -> str:
    kept = list(request.fields.pairs("limit"))
    return f'<{request.url}?{urlencode([*kept, ("offset", str(offset + limit))])}>; rel="next"'
