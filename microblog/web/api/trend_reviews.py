"""Review of trends and hashtags by client apps of moderators."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.posts import Posts
from microblog.domain.trend_reviews import TrendReviews
from microblog.domain.trends import Trends
from microblog.model.cards import CardId
from microblog.model.ids import PostId, TagId
from microblog.model.trends import ReviewedTagUse, TagChanges
from microblog.render.api.definition import Entity
from microblog.render.api.entities import Entities
from microblog.render.api.schemas import FLAG, TEXT, Schema, array_of
from microblog.render.api.trends import ADMIN_TAG, ADMIN_TREND_LINK, ADMIN_TREND_STATUS, TagForModerator, with_review
from microblog.web.api.paging import MARKED, page_of, paged
from microblog.web.api.status_serializer import StatusSerializer
from microblog.web.api.trends import SLICE, linked, slice_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

READ = RouteOptions(api=True, viewer=AccessLevel.MODERATOR, scopes={"admin:read"})
WRITE = RouteOptions(api=True, viewer=AccessLevel.MODERATOR, scopes={"admin:write"})
CHANGES = (
    Param("display_name", TEXT, "The hashtag in upper and lower case letters; otherwise it has to stay the same."),
    Param("trendable", FLAG, "Whether the hashtag may trend."),
    Param("usable", FLAG, "Whether people here may use the hashtag in posts."),
    Param("listable", FLAG, "Whether search and autocomplete find the hashtag."),
)
MAX_PAGE_SIZE = 200
DEFAULT_SLICE, MAX_SLICE = 20, 40


def _list(summary: str, schema: Schema) -> RouteDoc:
    return RouteDoc(summary, array_of(schema), query=SLICE)


def _decision(summary: str, schema: Schema) -> RouteDoc:
    return RouteDoc(summary, schema, errors=(404,))


@frozen
class TrendReviewRoutes:
    """Trends with those that are not shown, and decisions about them."""

    entities: Entities
    serializer: StatusSerializer
    trends: Trends
    reviews: TrendReviews
    posts: Posts

    @route("GET", "/api/v1/admin/trends/tags", READ, _list("View trending tags", ADMIN_TAG))
    async def tags(self, request: Request) -> Response:
        """Trending hashtags, also those that were not approved or rejected."""
        limit, offset = slice_of(request, DEFAULT_SLICE, MAX_SLICE)
        found = await self.trends.tags_to_review(limit=limit, offset=offset)
        return linked(request, [self._tag(one) for one in found], limit, offset)

    @route("POST", "/api/v1/admin/trends/tags/<id:tag_id>/approve", WRITE, _decision("Approve a trending tag", ADMIN_TAG))
    async def approve_tag(self, request: Request, tag_id: int) -> Response:
        """Let a hashtag trend."""
        return await self._change_tag(request, tag_id, TagChanges(approved=True))

    @route("POST", "/api/v1/admin/trends/tags/<id:tag_id>/reject", WRITE, _decision("Reject a trending tag", ADMIN_TAG))
    async def reject_tag(self, request: Request, tag_id: int) -> Response:
        """Never let a hashtag trend."""
        return await self._change_tag(request, tag_id, TagChanges(approved=False))

    @route("GET", "/api/v1/admin/trends/statuses", READ, _list("View trending statuses", ADMIN_TREND_STATUS))
    async def statuses(self, request: Request) -> Response:
        """Trending posts, also those that were not approved or rejected."""
        limit, offset = slice_of(request, DEFAULT_SLICE, MAX_SLICE)
        found = await self.trends.posts_to_review(request.member, limit=limit, offset=offset)
        encoded = await self.serializer.each(request.viewer, [one.post for one in found])
        rows = [with_review(status, requires_review=one.approved is None) for status, one in zip(encoded, found, strict=True)]
        return linked(request, rows, limit, offset)

    @route(
        "POST", "/api/v1/admin/trends/statuses/<id:status_id>/approve", WRITE, _decision("Approve a trending status", ADMIN_TREND_STATUS)
    )
    async def approve_status(self, request: Request, status_id: int) -> Response:
        """Let a post trend."""
        return await self._review_status(request, PostId(status_id), approved=True)

    @route("POST", "/api/v1/admin/trends/statuses/<id:status_id>/reject", WRITE, _decision("Reject a trending status", ADMIN_TREND_STATUS))
    async def reject_status(self, request: Request, status_id: int) -> Response:
        """Never let a post trend."""
        return await self._review_status(request, PostId(status_id), approved=False)

    @route("GET", "/api/v1/admin/trends/links", READ, _list("View trending links", ADMIN_TREND_LINK))
    async def links(self, request: Request) -> Response:
        """Trending links, also those that were not approved or rejected."""
        limit, offset = slice_of(request, DEFAULT_SLICE, MAX_SLICE)
        found = await self.trends.links_to_review(limit=limit, offset=offset)
        return linked(request, ADMIN_TREND_LINK.each(found, self.entities), limit, offset)

    @route("POST", "/api/v1/admin/trends/links/<id:link_id>/approve", WRITE, _decision("Approve a trending link", ADMIN_TREND_LINK))
    async def approve_link(self, request: Request, link_id: int) -> Response:
        """Let a link trend."""
        return await self._review_link(request, CardId(link_id), approved=True)

    @route("POST", "/api/v1/admin/trends/links/<id:link_id>/reject", WRITE, _decision("Reject a trending link", ADMIN_TREND_LINK))
    async def reject_link(self, request: Request, link_id: int) -> Response:
        """Never let a link trend."""
        return await self._review_link(request, CardId(link_id), approved=False)

    @route("GET", "/api/v1/admin/tags", READ, RouteDoc("View all tags", array_of(ADMIN_TAG), query=PAGING))
    async def all_tags(self, request: Request) -> Response:
        """All hashtags, newest first."""
        page = page_of(request, 100, MAX_PAGE_SIZE)
        found = await self.reviews.tags(page)
        return paged(request, [self._tag(one) for one in found], [one.use.tag.id for one in found], page, MARKED)

    @route("GET", "/api/v1/admin/tags/<id:tag_id>", READ, _decision("View a tag", ADMIN_TAG))
    async def show_tag(self, request: Request, tag_id: int) -> Response:
        """One hashtag."""
        del request
        return Response.json(self._tag(await self.reviews.tag(TagId(tag_id))))

    @route("PUT", "/api/v1/admin/tags/<id:tag_id>", WRITE, RouteDoc("Update a tag", ADMIN_TAG, body=CHANGES, errors=(404, 422)))
    async def update_tag(self, request: Request, tag_id: int) -> Response:
        """Change a hashtag; attributes that are not sent keep their values."""
        fields = request.fields
        name = fields.text("display_name", default=None, max=1_000)
        flags = {attribute: fields.flag(param, None) for param, attribute in _ATTRIBUTES.items()}
        return await self._change_tag(request, tag_id, TagChanges(name.removeprefix("#") if name else None, **flags))

    async def _change_tag(self, request: Request, id: int, changes: TagChanges) -> Response:
        return Response.json(self._tag(await self.reviews.update_tag(request.member, TagId(id), changes)))

    async def _review_status(self, request: Request, id: PostId, *, approved: bool) -> Response:
        post = await self.posts.one(request.viewer, id)
        await self.reviews.review_posts(request.member, [id], approved=approved)
        status = await self.serializer.one(request.viewer, post)
        return Response.json(with_review(status, requires_review=False))

    async def _review_link(self, request: Request, id: CardId, *, approved: bool) -> Response:
        found = await self.trends.with_days(await self.reviews.review_links(request.member, [id], approved=approved))
        return Response.json(ADMIN_TREND_LINK(found[0], self.entities))

    def _tag(self, found: ReviewedTagUse) -> Entity:
        return ADMIN_TAG(TagForModerator(found, self.trends.is_shown(found.reviewed.approved)), self.entities)


_ATTRIBUTES = {"usable": "usable", "listable": "listable", "trendable": "approved"}
