"""Filters (v2): whole ones, and their keywords and posts one by one."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.filters import FilterDraft, Filters, KeywordDraft
from microblog.model.ids import FilterId, KeywordId, PostId, RelationId
from microblog.render.api.filters import CHOSEN, FILTER, KEYWORD
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
    Param("title", TEXT, "What it is called."),
    Param("context", array_of(FILTER_CONTEXT), "Where it counts."),
    Param("filter_action", one_of("warn", "hide", "blur"), "What becomes of a post that falls under it."),
    Param("expires_in", WHOLE, "For how many seconds it counts; empty for ever."),
    Param("keywords_attributes", KEYWORDS, "Its keywords: new ones, and changes to those that have an id."),
)
WORD = (Param("keyword", TEXT, "A word or phrase."), Param("whole_word", FLAG, "Not as a part of longer words."))


@frozen
class FilterRoutes:
    """One's own filters."""

    filters: Filters

    @route("GET", "/api/v2/filters", READ, RouteDoc("One's filters", array_of(FILTER)))
    async def all(self, request: Request) -> Response:
        """All of them, the first first."""
        return Response.json(FILTER.each(await self.filters.of(request.member), None))

    @route("POST", "/api/v2/filters", WRITE, RouteDoc("Make a filter", FILTER, body=BODY, errors=(422,)))
    async def make(self, request: Request) -> Response:
        """A new one."""
        return Response.json(FILTER(await self.filters.create(request.member, _draft(request)), None))

    @route("GET", "/api/v2/filters/<id:filter_id>", READ, RouteDoc("A filter", FILTER, errors=(404,)))
    async def show(self, request: Request, filter_id: int) -> Response:
        """One of them."""
        return Response.json(FILTER(await self.filters.one(request.member, FilterId(filter_id)), None))

    @route("PUT", "/api/v2/filters/<id:filter_id>", WRITE, RouteDoc("Change a filter", FILTER, body=BODY, errors=(404, 422)))
    @route("PATCH", "/api/v2/filters/<id:filter_id>", WRITE, RouteDoc("Change a filter", FILTER, body=BODY, errors=(404, 422)))
    async def change(self, request: Request, filter_id: int) -> Response:
        """What is not sent stays as it is."""
        return Response.json(FILTER(await self.filters.change(request.member, FilterId(filter_id), _draft(request)), None))

    @route("DELETE", "/api/v2/filters/<id:filter_id>", WRITE, RouteDoc("Delete a filter", EMPTY, errors=(404,)))
    async def delete(self, request: Request, filter_id: int) -> Response:
        """With all that is in it."""
        await self.filters.delete(request.member, FilterId(filter_id))
        return Response.json({})


@frozen
class FilterPartRoutes:
    """What is in a filter."""

    filters: Filters

    @route("GET", "/api/v2/filters/<id:filter_id>/keywords", READ, RouteDoc("A filter's keywords", array_of(KEYWORD), errors=(404,)))
    async def keywords(self, request: Request, filter_id: int) -> Response:
        """All of them, the first first."""
        made = await self.filters.one(request.member, FilterId(filter_id))
        return Response.json(KEYWORD.each(made.keywords, None))

    @route("POST", "/api/v2/filters/<id:filter_id>/keywords", WRITE, RouteDoc("Add a keyword", KEYWORD, body=WORD, errors=(404, 422)))
    async def add_keyword(self, request: Request, filter_id: int) -> Response:
        """One more."""
        made = await self.filters.add_keyword(request.member, FilterId(filter_id), _word(request.fields))
        return Response.json(KEYWORD(made, None))

    @route("GET", "/api/v2/filters/keywords/<id:keyword_id>", READ, RouteDoc("A keyword", KEYWORD, errors=(404,)))
    async def keyword(self, request: Request, keyword_id: int) -> Response:
        """One of them."""
        _, keyword = await self.filters.with_keyword(request.member, KeywordId(keyword_id))
        return Response.json(KEYWORD(keyword, None))

    @route("PUT", "/api/v2/filters/keywords/<id:keyword_id>", WRITE, RouteDoc("Change a keyword", KEYWORD, body=WORD, errors=(404, 422)))
    @route("PATCH", "/api/v2/filters/keywords/<id:keyword_id>", WRITE, RouteDoc("Change a keyword", KEYWORD, body=WORD, errors=(404, 422)))
    async def change_keyword(self, request: Request, keyword_id: int) -> Response:
        """Another word in its place."""
        made = await self.filters.change_keyword(request.member, KeywordId(keyword_id), _word(request.fields))
        return Response.json(KEYWORD(made, None))

    @route("DELETE", "/api/v2/filters/keywords/<id:keyword_id>", WRITE, RouteDoc("Delete a keyword", EMPTY, errors=(404,)))
    async def remove_keyword(self, request: Request, keyword_id: int) -> Response:
        """The filter stays."""
        await self.filters.remove_keyword(request.member, KeywordId(keyword_id))
        return Response.json({})

    @route("GET", "/api/v2/filters/<id:filter_id>/statuses", READ, RouteDoc("A filter's posts", array_of(CHOSEN), errors=(404,)))
    async def posts(self, request: Request, filter_id: int) -> Response:
        """All of them, the first first."""
        made = await self.filters.one(request.member, FilterId(filter_id))
        return Response.json(CHOSEN.each(made.posts, None))

    @route(
        "POST",
        "/api/v2/filters/<id:filter_id>/statuses",
        WRITE,
        RouteDoc("Add a post", CHOSEN, body=(Param("status_id", ID, "The post.", required=True),), errors=(404, 422)),
    )
    async def add_post(self, request: Request, filter_id: int) -> Response:
        """One more, of those that one may see."""
        post = PostId(request.fields.id("status_id") or 0)
        return Response.json(CHOSEN(await self.filters.add_post(request.member, FilterId(filter_id), post), None))

    @route("GET", "/api/v2/filters/statuses/<id:chosen_id>", READ, RouteDoc("A post of a filter", CHOSEN, errors=(404,)))
    async def post(self, request: Request, chosen_id: int) -> Response:
        """One of them."""
        _, chosen = await self.filters.with_post(request.member, RelationId(chosen_id))
        return Response.json(CHOSEN(chosen, None))

    @route("DELETE", "/api/v2/filters/statuses/<id:chosen_id>", WRITE, RouteDoc("Take a post out of a filter", EMPTY, errors=(404,)))
    async def remove_post(self, request: Request, chosen_id: int) -> Response:
        """The filter stays."""
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
        keywords=[_word(keyword) for keyword in fields.subs("keywords_attributes")],
    )


def _word(fields: Params) -> KeywordDraft:
    id = fields.id("id")
    return KeywordDraft(
        keyword=fields.text("keyword", default=None),
        whole_word=fields.flag("whole_word", None),
        id=None if id is None else KeywordId(id),
        gone=fields.flag("_destroy"),
    )
