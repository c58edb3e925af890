"""What is done to posts: favourite, boost, bookmark, pin, mute the conversation. Each answers the post as it is then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import frozen

from microblog.domain.interactions import Interactions
from microblog.domain.rate_limits import DELETING, POSTING
from microblog.domain.timelines import MarkedPosts, Timelines
from microblog.model.accounts import Viewer
from microblog.model.ids import PostId
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.render.api.schemas import array_of, one_of
from microblog.render.api.statuses import STATUS
from microblog.web.api.paging import page_of, paged
from microblog.web.api.status_params import visibility_of
from microblog.web.api.status_serializer import StatusSerializer
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

FAVOURITES = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:favourites"})
BOOKMARKS = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:bookmarks"})
PINS = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:accounts"})
MUTES = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:mutes"})
BOOST = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:statuses"}, rate=POSTING)
UNBOOST = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:statuses"}, rate=DELETING)
WIDTH = Param("visibility", one_of("public", "unlisted", "private"), "Who may see the boost.")


def _doc(summary: str, *body: Param) -> RouteDoc:
    return RouteDoc(summary, STATUS, body=body, errors=(404, 422))


@frozen
class StatusActionRoutes:
    """The buttons under a post."""

    shown: StatusSerializer
    marks: Interactions

    @route("POST", "/api/v1/statuses/<id:status_id>/favourite", FAVOURITES, _doc("Like a post"))
    async def favourite(self, request: Request, status_id: int) -> Response:
        """Like."""
        return await self._done(request, self.marks.favourite, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/unfavourite", FAVOURITES, _doc("Like a post no more"))
    async def unfavourite(self, request: Request, status_id: int) -> Response:
        """Like no more."""
        return await self._done(request, self.marks.unfavourite, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/reblog", BOOST, _doc("Boost a post; the boost", WIDTH))
    async def boost(self, request: Request, status_id: int) -> Response:
        """Show it to one's followers."""
        boost = await self.marks.boost(request.member, PostId(status_id), visibility_of(request))
        return Response.json(await self.shown.one(request.viewer, boost))

    @route("POST", "/api/v1/statuses/<id:status_id>/unreblog", UNBOOST, _doc("Take a boost back; the original post"))
    async def unboost(self, request: Request, status_id: int) -> Response:
        """Take that back."""
        return await self._done(request, self.marks.unboost, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/bookmark", BOOKMARKS, _doc("Keep a post for later"))
    async def bookmark(self, request: Request, status_id: int) -> Response:
        """Keep it."""
        return await self._done(request, self.marks.bookmark, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/unbookmark", BOOKMARKS, _doc("Keep a post no more"))
    async def unbookmark(self, request: Request, status_id: int) -> Response:
        """Keep it no more."""
        return await self._done(request, self.marks.unbookmark, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/pin", PINS, _doc("Pin one's own post to one's profile"))
    async def pin(self, request: Request, status_id: int) -> Response:
        """Show it on top of one's profile."""
        return await self._done(request, self.marks.pin, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/unpin", PINS, _doc("Unpin a post"))
    async def unpin(self, request: Request, status_id: int) -> Response:
        """Show it there no more."""
        return await self._done(request, self.marks.unpin, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/mute", MUTES, _doc("Be told no more of a conversation"))
    async def mute(self, request: Request, status_id: int) -> Response:
        """Mute the conversation."""
        return await self._done(request, self.marks.mute_thread, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/unmute", MUTES, _doc("Be told of a conversation again"))
    async def unmute(self, request: Request, status_id: int) -> Response:
        """End that."""
        return await self._done(request, self.marks.unmute_thread, status_id)

    async def _done(self, request: Request, command: Callable[[Viewer, PostId], Awaitable[Post]], status_id: int) -> Response:
        post = await command(request.member, PostId(status_id))
        return Response.json(await self.shown.one(request.viewer, post))


@frozen
class MarkedStatusRoutes:
    """One's own lists of posts."""

    shown: StatusSerializer
    timelines: Timelines

    @route(
        "GET",
        "/api/v1/favourites",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:favourites"}),
        RouteDoc("What one likes", array_of(STATUS), query=PAGING),
    )
    async def favourites(self, request: Request) -> Response:
        """The newest favourite first."""
        return await self._page(request, self.timelines.favourites)

    @route(
        "GET",
        "/api/v1/bookmarks",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:bookmarks"}),
        RouteDoc("What one keeps for later", array_of(STATUS), query=PAGING),
    )
    async def bookmarks(self, request: Request) -> Response:
        """The newest bookmark first."""
        return await self._page(request, self.timelines.bookmarks)

    async def _page(self, request: Request, list_of: Callable[[Viewer, Page], Awaitable[MarkedPosts]]) -> Response:
        page = page_of(request)
        marked = await list_of(request.member, page)
        return paged(request, await self.shown.many(request.viewer, marked.posts), marked.marks, page)
