"""Trending hashtags, posts and links."""

from __future__ import annotations

from urllib.parse import urlencode

import orjson
from attrs import frozen

from microblog.domain.tags import HashtagService
from microblog.domain.trends import Trends
from microblog.model.posts import TagUse
from microblog.render.api.definition import Entity
from microblog.render.api.entities import Entities
from microblog.render.api.schemas import WHOLE, array_of
from microblog.render.api.status_json import json_array
from microblog.render.api.statuses import STATUS
from microblog.render.api.tags import TAG, tag_entity
from microblog.render.api.trends import TREND_LINK
from microblog.web.api.status_serializer import StatusSerializer
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.http.route_docs import LIMIT, Param, RouteDoc

TAGS = RouteOptions(api=True, viewer_scopes={"read:follows"})  # the flag `following` is personal
POSTS = RouteOptions(api=True, viewer_scopes={"read:statuses"})
LINKS = RouteOptions(api=True)
OLD = "@1648598400"  # 2022-03-30, when the newer path was added
SLICE = (*LIMIT, Param("offset", WHOLE, "Skip the first n results."))


@frozen
class TrendRoutes:
    """Trends, computed from recent activity and paginated by offset."""

    entities: Entities
    serializer: StatusSerializer
    trends: Trends
    tags: HashtagService

    @route("GET", "/api/v1/trends/tags", TAGS, RouteDoc("View trending tags", array_of(TAG), query=SLICE))
    async def of_tags(self, request: Request) -> Response:
        """Tags that were used by most accounts recently."""
        limit, offset = slice_of(request, 10, 20)
        return linked(request, await self._entities(request, await self.trends.tags(limit=limit, offset=offset)), limit, offset)

    @route("GET", "/api/v1/trends", TAGS, RouteDoc("View trending tags (deprecated path)", array_of(TAG), query=SLICE))
    async def old(self, request: Request) -> Response:
        """The same as `GET /api/v1/trends/tags`."""
        return (await self.of_tags(request)).with_header("Deprecation", OLD)

    @route("GET", "/api/v1/trends/statuses", POSTS, RouteDoc("View trending statuses", array_of(STATUS), query=SLICE))
    async def of_posts(self, request: Request) -> Response:
        """Posts that were favourited or boosted most recently by most accounts."""
        limit, offset = slice_of(request, 20, 40)
        found = await self.trends.posts(request.viewer, limit=limit, offset=offset)
        response = Response.json(await self.serializer.many(request.viewer, found))
        return response.with_header("Link", _next(request, limit, offset)) if limit and len(found) == limit else response

    @route("GET", "/api/v1/trends/links", LINKS, RouteDoc("View trending links", array_of(TREND_LINK), query=SLICE))
    async def of_links(self, request: Request) -> Response:
        """Links that most accounts shared recently, with their previews."""
        limit, offset = slice_of(request, 10, 20)
        return linked(request, TREND_LINK.each(await self.trends.links(limit=limit, offset=offset), self.entities), limit, offset)

    async def _entities(self, request: Request, uses: list[TagUse]) -> list[Entity]:
        flags = await self.tags.flags(request.viewer, [use.tag for use in uses])
        return [tag_entity(self.entities, use, flags.get(use.tag.key)) for use in uses]


def slice_of(request: Request, default: int, max_limit: int) -> tuple[int, int]:
    """Return the limit and the offset of a list."""
    return request.fields.limit(default, max_limit), request.fields.offset(10_000)


def linked(request: Request, entities: list[Entity] | list[bytes], limit: int, offset: int) -> Response:
    """Return a list, of entities or of their JSON, with a link to what follows if it is full."""
    encoded = json_array([one if isinstance(one, bytes) else orjson.dumps(one) for one in entities])
    response = Response.json(encoded)
    return response.with_header("Link", _next(request, limit, offset)) if limit and len(entities) == limit else response


def _next(request: Request, limit: int, offset: int) -> str:
    link_params = list(request.fields.pairs("limit"))
    return f'<{request.url}?{urlencode([*link_params, ("offset", str(offset + limit))])}>; rel="next"'
