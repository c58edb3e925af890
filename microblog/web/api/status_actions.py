"""What is done to posts: favourite, boost, bookmark, pin, mute the conversation. Each answers the post as it is then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import frozen

from microblog.domain.interactions import Marks
from microblog.domain.rate_limits import DELETING, POSTING
from microblog.domain.timelines import Marked, Timelines
from microblog.model.accounts import Viewer
from microblog.model.ids import PostId
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.render.api.schemas import array_of, one_of
from microblog.render.api.statuses import STATUS
from microblog.web.api.paging import page_of, paged
from microblog.web.api.status_params import visibility_of
from microblog.web.api.status_serializer import Shown
from microblog.web.http.request import Call
from microblog.web.http.response import Answer
from microblog.web.http.route import Needs, Who, route
from microblog.web.http.route_docs import PAGING, Doc, Param

FAVOURITES = Needs(api=True, viewer=Who.MEMBER, scopes={"write:favourites"})
BOOKMARKS = Needs(api=True, viewer=Who.MEMBER, scopes={"write:bookmarks"})
PINS = Needs(api=True, viewer=Who.MEMBER, scopes={"write:accounts"})
MUTES = Needs(api=True, viewer=Who.MEMBER, scopes={"write:mutes"})
BOOST = Needs(api=True, viewer=Who.MEMBER, scopes={"write:statuses"}, rate=POSTING)
UNBOOST = Needs(api=True, viewer=Who.MEMBER, scopes={"write:statuses"}, rate=DELETING)
WIDTH = Param("visibility", one_of("public", "unlisted", "private"), "Who may see the boost.")


def _doc(summary: str, *body: Param) -> Doc:
    return Doc(summary, STATUS, body=body, errors=(404, 422))


@frozen
class MarkRoutes:
    """The buttons under a post."""

    shown: Shown
    marks: Marks

    @route("POST", "/api/v1/statuses/<id:status_id>/favourite", FAVOURITES, _doc("Like a post"))
    async def favourite(self, call: Call, status_id: int) -> Answer:
        """Like."""
        return await self._done(call, self.marks.favourite, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/unfavourite", FAVOURITES, _doc("Like a post no more"))
    async def unfavourite(self, call: Call, status_id: int) -> Answer:
        """Like no more."""
        return await self._done(call, self.marks.unfavourite, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/reblog", BOOST, _doc("Boost a post; the boost", WIDTH))
    async def boost(self, call: Call, status_id: int) -> Answer:
        """Show it to one's followers."""
        boost = await self.marks.boost(call.member, PostId(status_id), visibility_of(call))
        return Answer.json(await self.shown.one(call.viewer, boost))

    @route("POST", "/api/v1/statuses/<id:status_id>/unreblog", UNBOOST, _doc("Take a boost back; the original post"))
    async def unboost(self, call: Call, status_id: int) -> Answer:
        """Take that back."""
        return await self._done(call, self.marks.unboost, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/bookmark", BOOKMARKS, _doc("Keep a post for later"))
    async def bookmark(self, call: Call, status_id: int) -> Answer:
        """Keep it."""
        return await self._done(call, self.marks.bookmark, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/unbookmark", BOOKMARKS, _doc("Keep a post no more"))
    async def unbookmark(self, call: Call, status_id: int) -> Answer:
        """Keep it no more."""
        return await self._done(call, self.marks.unbookmark, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/pin", PINS, _doc("Pin one's own post to one's profile"))
    async def pin(self, call: Call, status_id: int) -> Answer:
        """Show it on top of one's profile."""
        return await self._done(call, self.marks.pin, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/unpin", PINS, _doc("Unpin a post"))
    async def unpin(self, call: Call, status_id: int) -> Answer:
        """Show it there no more."""
        return await self._done(call, self.marks.unpin, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/mute", MUTES, _doc("Be told no more of a conversation"))
    async def mute(self, call: Call, status_id: int) -> Answer:
        """Mute the conversation."""
        return await self._done(call, self.marks.mute_thread, status_id)

    @route("POST", "/api/v1/statuses/<id:status_id>/unmute", MUTES, _doc("Be told of a conversation again"))
    async def unmute(self, call: Call, status_id: int) -> Answer:
        """End that."""
        return await self._done(call, self.marks.unmute_thread, status_id)

    async def _done(self, call: Call, command: Callable[[Viewer, PostId], Awaitable[Post]], status_id: int) -> Answer:
        post = await command(call.member, PostId(status_id))
        return Answer.json(await self.shown.one(call.viewer, post))


@frozen
class MarkedRoutes:
    """One's own lists of posts."""

    shown: Shown
    timelines: Timelines

    @route(
        "GET",
        "/api/v1/favourites",
        Needs(api=True, viewer=Who.MEMBER, scopes={"read:favourites"}),
        Doc("What one likes", array_of(STATUS), query=PAGING),
    )
    async def favourites(self, call: Call) -> Answer:
        """The newest favourite first."""
        return await self._page(call, self.timelines.favourites)

    @route(
        "GET",
        "/api/v1/bookmarks",
        Needs(api=True, viewer=Who.MEMBER, scopes={"read:bookmarks"}),
        Doc("What one keeps for later", array_of(STATUS), query=PAGING),
    )
    async def bookmarks(self, call: Call) -> Answer:
        """The newest bookmark first."""
        return await self._page(call, self.timelines.bookmarks)

    async def _page(self, call: Call, list_of: Callable[[Viewer, Page], Awaitable[Marked]]) -> Answer:
        page = page_of(call)
        marked = await list_of(call.member, page)
        return paged(call, await self.shown.many(call.viewer, marked.posts), marked.marks, page)
