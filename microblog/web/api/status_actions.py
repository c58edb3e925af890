"""Actions on posts: favourite, boost, bookmark, pin, mute the conversation. Each returns the changed post."""

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
BOOST_VISIBILITY = Param("visibility", one_of("public", "unlisted", "private"), "The visibility of the boost.")


def _doc(summary: str, *body: Param) -> RouteDoc:
    return RouteDoc(summary, STATUS, body=body, errors=(404, 422))


@frozen
class StatusActionRoutes:
    """Actions on one post."""

    serializer: StatusSerializer
    interactions: Interactions

    @route("POST", "/api/v1/statuses/<id:status_id>/favourite", FAVOURITES, _doc("Favourite a status"))
    async def favourite(self, request: Request, status_id: int) -> Response:
        """Add the post to the user's favourites."""
        return await self._done(request, self.interactions.favourite, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/unfavourite", FAVOURITES, _doc("Undo favourite of a status"))
    async def unfavourite(self, request: Request, status_id: int) -> Response:
        """Remove the post from the user's favourites."""
        return await self._done(request, self.interactions.unfavourite, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/reblog", BOOST, _doc("Boost a status", BOOST_VISIBILITY))
    async def boost(self, request: Request, status_id: int) -> Response:
        """Boost the post to the user's followers, and return the boost."""
        boost = await self.interactions.boost(request.member, PostId(status_id), visibility_of(request))
        return Response.json(await self.serializer.one(request.viewer, boost))

    @route("POST", "/api/v1/statuses/<id:status_id>/unreblog", UNBOOST, _doc("Undo boost of a status"))
    async def unboost(self, request: Request, status_id: int) -> Response:
        """Undo the boost, and return the original post."""
        return await self._done(request, self.interactions.unboost, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/bookmark", BOOKMARKS, _doc("Bookmark a status"))
    async def bookmark(self, request: Request, status_id: int) -> Response:
        """Add the post to the user's bookmarks."""
        return await self._done(request, self.interactions.bookmark, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/unbookmark", BOOKMARKS, _doc("Undo bookmark of a status"))
    async def unbookmark(self, request: Request, status_id: int) -> Response:
        """Remove the post from the user's bookmarks."""
        return await self._done(request, self.interactions.unbookmark, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/pin", PINS, _doc("Pin status to profile"))
    async def pin(self, request: Request, status_id: int) -> Response:
        """Feature one of the user's own posts at the top of their profile."""
        return await self._done(request, self.interactions.pin, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/unpin", PINS, _doc("Unpin status from profile"))
    async def unpin(self, request: Request, status_id: int) -> Response:
        """Remove the post from the top of the profile."""
        return await self._done(request, self.interactions.unpin, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/mute", MUTES, _doc("Mute a conversation"))
    async def mute(self, request: Request, status_id: int) -> Response:
        """Stop notifications from the thread of this post."""
        return await self._done(request, self.interactions.mute_thread, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/unmute", MUTES, _doc("Unmute a conversation"))
    async def unmute(self, request: Request, status_id: int) -> Response:
        """Resume notifications from the thread of this post."""
        return await self._done(request, self.interactions.unmute_thread, status_id)

    async def _done(self, request: Request, command: Callable[[Viewer, PostId], Awaitable[Post]], status_id: int) -> Response:
        post = await command(request.member, PostId(status_id))
        return Response.json(await self.serializer.one(request.viewer, post))


@frozen
class MarkedStatusRoutes:
    """The user's favourites and bookmarks."""

    serializer: StatusSerializer
    timelines: Timelines

    @route(
        "GET",
        "/api/v1/favourites",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:favourites"}),
        RouteDoc("View favourited statuses", array_of(STATUS), query=PAGING),
    )
    async def favourites(self, request: Request) -> Response:
        """Favourited posts, most recently favourited first."""
        return await self._page(request, self.timelines.favourites)

    @route(
        "GET",
        "/api/v1/bookmarks",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:bookmarks"}),
        RouteDoc("View bookmarked statuses", array_of(STATUS), query=PAGING),
    )
    async def bookmarks(self, request: Request) -> Response:
        """Bookmarked posts, most recently bookmarked first."""
        return await self._page(request, self.timelines.bookmarks)

    async def _page(self, request: Request, list_of: Callable[[Viewer, Page], Awaitable[MarkedPosts]]) -> Response:
        page = page_of(request)
        marked = await list_of(request.member, page)
        return paged(request, await self.serializer.many(request.viewer, marked.posts), marked.marks, page)
