"""Filters (version 2), with their keywords and statuses."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.filters import FilterDraft, Filters, KeywordDraft
from microblog.model.ids import FilterId, KeywordId, PostId, RelationId
from microblog.render.api.filters import FILTER, FILTER_STATUS, KEYWORD
from microblog.render.api.schemas import EMPTY, FILTER_CONTEXT, FLAG, ID, TEXT, WHOLE, array_of, one_of, record
from microblog.web.http.params import Params
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import Param, RouteDoc

READ = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:filters"})
WRITE = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:filters"})
KEYWORDS = array_of(record({"id": ID, "keyword": TEXT, "whole_word": FLAG, "_destroy": FLAG}, ["id", "keyword", "whole_word", "_destroy"]))
BODY = (
    Param("title", TEXT, "The name of the filter group."),
    Param("context", array_of(FILTER_CONTEXT), "Where the filter should be applied."),
    Param("filter_action", one_of("warn", "hide", "blur"), "The action to be taken when a status matches this filter."),
    Param("expires_in", WHOLE, "How many seconds from now the filter should expire; empty for never."),
    Param("keywords_attributes", KEYWORDS, "Keywords: new ones, and changes to those with an id."),
)
WORD = (
    Param("keyword", TEXT, "The keyword to be added to the filter group."),
    Param("whole_word", FLAG, "Whether the keyword should consider word boundaries."),
)


@frozen
class FilterRoutes:
    """The user's filters."""

    filters: Filters

    @route("GET", "/api/v2/filters", READ, RouteDoc("View all filters", array_of(FILTER)))
    async def all(self, request: Request) -> Response:
        """All filters, oldest first."""
        return Response.json(FILTER.each(await self.filters.of(request.member), None))

    @route("POST", "/api/v2/filters", WRITE, RouteDoc("Create a filter", FILTER, body=BODY, errors=(422,)))
    async def make(self, request: Request) -> Response:
        """Create a filter."""
        return Response.json(FILTER(await self.filters.create(request.member, _draft(request)), None))

    @route("GET", "/api/v2/filters/<id:filter_id>", READ, RouteDoc("View a specific filter", FILTER, errors=(404,)))
    async def show(self, request: Request, filter_id: int) -> Response:
        """One filter by id."""
        return Response.json(FILTER(await self.filters.one(request.member, FilterId(filter_id)), None))

    @route("PUT", "/api/v2/filters/<id:filter_id>", WRITE, RouteDoc("Update a filter", FILTER, body=BODY, errors=(404, 422)))
    @route("PATCH", "/api/v2/filters/<id:filter_id>", WRITE, RouteDoc("Update a filter", FILTER, body=BODY, errors=(404, 422)))
    async def change(self, request: Request, filter_id: int) -> Response:
        """Change the given attributes; others keep their values."""
        return Response.json(FILTER(await self.filters.change(request.member, FilterId(filter_id), _draft(request)), None))

    @route("DELETE", "/api/v2/filters/<id:filter_id>", WRITE, RouteDoc("Delete a filter", EMPTY, errors=(404,)))
    async def delete(self, request: Request, filter_id: int) -> Response:
        """Delete a filter with its keywords and statuses."""
        await self.filters.delete(request.member, FilterId(filter_id))
        return Response.json({})


@frozen
class FilterPartRoutes:
    """Keywords and statuses of a filter."""

    filters: Filters

    @route(
        "GET",
        "/api/v2/filters/<id:filter_id>/keywords",
        READ,
        RouteDoc("View keywords added to a filter", array_of(KEYWORD), errors=(404,)),
    )
    async def keywords(self, request: Request, filter_id: int) -> Response:
        """All keywords of the filter, oldest first."""
        result = await self.filters.one(request.member, FilterId(filter_id))
        return Response.json(KEYWORD.each(result.keywords, None))

    @route(
        "POST",
        "/api/v2/filters/<id:filter_id>/keywords",
        WRITE,
        RouteDoc("Add a keyword to a filter", KEYWORD, body=WORD, errors=(404, 422)),
    )
    async def add_keyword(self, request: Request, filter_id: int) -> Response:
        """Add a keyword."""
        result = await self.filters.add_keyword(request.member, FilterId(filter_id), _keyword(request.fields))
        return Response.json(KEYWORD(result, None))

    @route("GET", "/api/v2/filters/keywords/<id:keyword_id>", READ, RouteDoc("View a single keyword", KEYWORD, errors=(404,)))
    async def keyword(self, request: Request, keyword_id: int) -> Response:
        """One keyword by id."""
        _, keyword = await self.filters.with_keyword(request.member, KeywordId(keyword_id))
        return Response.json(KEYWORD(keyword, None))

    @route(
        "PUT",
        "/api/v2/filters/keywords/<id:keyword_id>",
        WRITE,
        RouteDoc("Edit a keyword within a filter", KEYWORD, body=WORD, errors=(404, 422)),
    )
    @route(
        "PATCH",
        "/api/v2/filters/keywords/<id:keyword_id>",
        WRITE,
        RouteDoc("Edit a keyword within a filter", KEYWORD, body=WORD, errors=(404, 422)),
    )
    async def change_keyword(self, request: Request, keyword_id: int) -> Response:
        """Change the keyword."""
        result = await self.filters.change_keyword(request.member, KeywordId(keyword_id), _keyword(request.fields))
        return Response.json(KEYWORD(result, None))

    @route("DELETE", "/api/v2/filters/keywords/<id:keyword_id>", WRITE, RouteDoc("Remove keywords from a filter", EMPTY, errors=(404,)))
    async def remove_keyword(self, request: Request, keyword_id: int) -> Response:
        """Remove the keyword; the filter is kept."""
        await self.filters.remove_keyword(request.member, KeywordId(keyword_id))
        return Response.json({})

    @route(
        "GET", "/api/v2/filters/<id:filter_id>/statuses", READ, RouteDoc("View all status filters", array_of(FILTER_STATUS), errors=(404,))
    )
    async def posts(self, request: Request, filter_id: int) -> Response:
        """All statuses of the filter, oldest first."""
        result = await self.filters.one(request.member, FilterId(filter_id))
        return Response.json(FILTER_STATUS.each(result.posts, None))

    @route(
        "POST",
        "/api/v2/filters/<id:filter_id>/statuses",
        WRITE,
        RouteDoc(
            "Add a status to a filter group",
            FILTER_STATUS,
            body=(Param("status_id", ID, "The status to be added.", required=True),),
            errors=(404, 422),
        ),
    )
    async def add_post(self, request: Request, filter_id: int) -> Response:
        """Add a status that the user may see."""
        post = PostId(request.fields.id("status_id") or 0)
        return Response.json(FILTER_STATUS(await self.filters.add_post(request.member, FilterId(filter_id), post), None))

    @route("GET", "/api/v2/filters/statuses/<id:chosen_id>", READ, RouteDoc("View a single status filter", FILTER_STATUS, errors=(404,)))
    async def post(self, request: Request, chosen_id: int) -> Response:
        """One status of a filter, by the id of the entry."""
        _, chosen = await self.filters.with_post(request.member, RelationId(chosen_id))
        return Response.json(FILTER_STATUS(chosen, None))

    @route(
        "DELETE", "/api/v2/filters/statuses/<id:chosen_id>", WRITE, RouteDoc("Remove a status from a filter group", EMPTY, errors=(404,))
    )
    async def remove_post(self, request: Request, chosen_id: int) -> Response:
        """Remove the status; the filter is kept."""
        await self.filters.remove_post(request.member, RelationId(chosen_id))
        return Response.json({})


def _draft(request: Request) -> FilterDraft:
    fields = request.fields
    return FilterDraft(
        title=fields.text("title", default=None),
        contexts=fields.list("context", max=20) if fields.has("context") else None,
        action=fields.value("filter_action") or None,
        expiry=fields.has("expires_in"),
        expires_in=fields.integer("expires_in"),
        keywords=[_keyword(keyword) for keyword in fields.subs("keywords_attributes")],
    )


def _keyword(fields: Params) -> KeywordDraft:
    id = fields.id("id")
    return KeywordDraft(
        keyword=fields.text("keyword", default=None),
        whole_word=fields.flag("whole_word", None),
        id=None if id is None else KeywordId(id),
        removed=fields.flag("_destroy"),
    )
