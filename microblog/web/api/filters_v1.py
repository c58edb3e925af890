"""Filters (version 1, deprecated): each keyword counts as a filter of its own, as in Mastodon before 4.0."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.filters import FilterDraft, Filters, KeywordDraft
from microblog.model.filters import FilterAction
from microblog.model.ids import KeywordId
from microblog.render.api.filters import V1_FILTER, v1_filter_entity
from microblog.render.api.schemas import EMPTY, FILTER_CONTEXT, FLAG, TEXT, WHOLE, array_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import Param, RouteDoc

READ = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:filters"})
WRITE = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:filters"})
DEPRECATED_SINCE = "@1668384000"  # 2022-11-14, as Mastodon says (RFC 9745)
BODY = (
    Param("phrase", TEXT, "The text to be filtered."),
    Param("context", array_of(FILTER_CONTEXT), "Where the filter should be applied."),
    Param("irreversible", FLAG, "Whether the server should drop matching statuses."),
    Param("whole_word", FLAG, "Whether to consider word boundaries for the filter."),
    Param("expires_in", WHOLE, "How many seconds from now the filter should expire; empty for never."),
)


@frozen
class FilterV1Routes:
    """The user's filters, one per keyword."""

    filters: Filters

    @route("GET", "/api/v1/filters", READ, RouteDoc("View your filters", array_of(V1_FILTER)))
    async def all(self, request: Request) -> Response:
        """Every keyword of every filter."""
        found = await self.filters.of(request.member)
        return _response([v1_filter_entity(group, keyword) for group in found for keyword in group.keywords])

    @route("POST", "/api/v1/filters", WRITE, RouteDoc("Create a filter", V1_FILTER, body=BODY, errors=(422,)))
    async def make(self, request: Request) -> Response:
        """Create a filter with one keyword, which is also its title."""
        group = await self.filters.create(
            request.member, _draft(request, KeywordDraft(request.fields.text("phrase"), _whole_word(request)))
        )
        return _response(v1_filter_entity(group, group.keywords[0]))

    @route("GET", "/api/v1/filters/<id:keyword_id>", READ, RouteDoc("View a single filter", V1_FILTER, errors=(404,)))
    async def show(self, request: Request, keyword_id: int) -> Response:
        """One keyword by id."""
        return _response(v1_filter_entity(*await self.filters.with_keyword(request.member, KeywordId(keyword_id))))

    @route("PUT", "/api/v1/filters/<id:keyword_id>", WRITE, RouteDoc("Update a filter", V1_FILTER, body=BODY, errors=(404, 422)))
    @route("PATCH", "/api/v1/filters/<id:keyword_id>", WRITE, RouteDoc("Update a filter", V1_FILTER, body=BODY, errors=(404, 422)))
    async def change(self, request: Request, keyword_id: int) -> Response:
        """Change the given attributes; others keep their values."""
        id = KeywordId(keyword_id)
        group, _ = await self.filters.with_keyword(request.member, id)
        keyword = KeywordDraft(request.fields.text("phrase", default=None), _whole_word(request), id)
        await self.filters.change(request.member, group.id, _draft(request, keyword), single=True)
        return _response(v1_filter_entity(*await self.filters.with_keyword(request.member, id)))

    @route("DELETE", "/api/v1/filters/<id:keyword_id>", WRITE, RouteDoc("Remove a filter", EMPTY, errors=(404,)))
    async def delete(self, request: Request, keyword_id: int) -> Response:
        """Remove the keyword, and the filter once its last keyword is removed."""
        await self.filters.remove_keyword(request.member, KeywordId(keyword_id), filter_too=True)
        return _response({})


def _response(body: object) -> Response:
    return Response.json(body).with_header("Deprecation", DEPRECATED_SINCE)


def _whole_word(request: Request) -> bool | None:
    return request.fields.flag("whole_word", None)


def _draft(request: Request, keyword: KeywordDraft) -> FilterDraft:
    fields = request.fields
    irreversible = fields.flag("irreversible", None)
    return FilterDraft(
        title=fields.text("phrase", default=None),
        contexts=fields.list("context", max=20) if fields.has("context") else None,
        action=None if irreversible is None else FilterAction.HIDE if irreversible else FilterAction.WARN,
        expiry=fields.has("expires_in"),
        expires_in=fields.integer("expires_in"),
        keywords=(keyword,),
    )
