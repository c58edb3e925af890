"""Lists of posts: home, everybody's public ones, those with a tag."""

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
ORIGIN = (Param("local", FLAG, "Only posts of this site."), Param("remote", FLAG, "Only posts of other sites: there are none."))
WITH_MEDIA = Param("only_media", FLAG, "Only posts with media.")
TAGS = (
    Param("any", TEXTS, "Posts with one of these tags too."),
    Param("all", TEXTS, "Only posts that have each of these tags too."),
    Param("none", TEXTS, "Only posts that have none of these tags."),
)


@frozen
class TimelineRoutes:
    """The timelines that everybody has."""

    shown: StatusSerializer
    timelines: Timelines
    answers: ResponseCache

    @route(
        "GET",
        "/api/v1/timelines/home",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:statuses"}),
        RouteDoc("What oneself and those whom one follows post", array_of(STATUS), query=PAGING),
    )
    async def home(self, request: Request) -> Response:
        """Newest first."""
        return await self.answers.get_or_make(request, lambda: self._home(request))

    async def _home(self, request: Request) -> CacheableResponse:
        page = page_of(request)
        posts = await self.timelines.home(request.member, page)
        return CacheableResponse(await self._page(request, posts, page), await self.timelines.home_basis(request.member, posts))

    @route(
        "GET",
        "/api/v1/timelines/public",
        OPEN,
        RouteDoc("What everybody posts in public", array_of(STATUS), query=(*PAGING, *ORIGIN, WITH_MEDIA)),
    )
    async def public(self, request: Request) -> Response:
        """Newest first, without boosts and without replies to others."""
        return await self.answers.get_or_make(request, lambda: self._public(request))

    async def _public(self, request: Request) -> CacheableResponse:
        page = page_of(request)
        posts = [] if only_remote(request) else await self.timelines.public(request.viewer, page, media=request.fields.flag("only_media"))
        answer = await self._page(request, posts, page, "local", "remote", "only_media")
        return CacheableResponse(answer, await self.timelines.basis(request.viewer, posts, PUBLIC))

    @route(
        "GET",
        "/api/v1/timelines/tag/<name>",
        OPEN,
        RouteDoc("Public posts with a tag", array_of(STATUS), query=(*PAGING, *TAGS, *ORIGIN, WITH_MEDIA)),
    )
    async def tag(self, request: Request, name: str) -> Response:
        """Newest first, replies too."""
        page, fields = page_of(request), request.fields
        posts: Sequence[Post] = ()
        if not only_remote(request):
            posts = await self.timelines.tag(
                request.viewer,
                name,
                page,
                any=fields.list("any"),
                all=fields.list("all"),
                none=fields.list("none"),
                media=fields.flag("only_media"),
            )
        return await self._page(request, posts, page, "local", "remote", "only_media", "any", "all", "none")

    async def _page(self, request: Request, posts: Sequence[Post], page: Page, *kept: str) -> Response:
        body = await self.shown.many(request.viewer, posts)
        return paged(request, body, [post.id for post in posts], page, PageLinks(kept, timeline=True))


def only_remote(request: Request) -> bool:
    """True if only posts of other sites are wanted. Whoever wants both kinds alone gets those of here."""
    return request.fields.flag("remote") and not request.fields.flag("local")
