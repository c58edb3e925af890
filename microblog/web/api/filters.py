"""Filters (v2): whole ones, and their keywords and posts one by one."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.filters import FilterDraft, Filters, KeywordDraft
from microblog.model.ids import FilterId, KeywordId, PostId, RelationId
from microblog.render.api.filters import CHOSEN, FILTER, KEYWORD
from microblog.render.api.schemas import EMPTY, FILTER_CONTEXT, FLAG, ID, TEXT, WHOLE, array_of, one_of, record
from microblog.web.http.params import Fields
from microblog.web.http.request import Call
from microblog.web.http.response import Answer
from microblog.web.http.route import Needs, Who, route
from microblog.web.http.route_docs import Doc, Param

READ = Needs(api=True, viewer=Who.MEMBER, scopes={"read:filters"})
WRITE = Needs(api=True, viewer=Who.MEMBER, scopes={"write:filters"})
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

    @route("GET", "/api/v2/filters", READ, Doc("One's filters", array_of(FILTER)))
    async def all(self, call: Call) -> Answer:
        """All of them, the first first."""
        return Answer.json(FILTER.each(await self.filters.of(call.member), None))

    @route("POST", "/api/v2/filters", WRITE, Doc("Make a filter", FILTER, body=BODY, errors=(422,)))
    async def make(self, call: Call) -> Answer:
        """A new one."""
        return Answer.json(FILTER(await self.filters.make(call.member, _draft(call)), None))

    @route("GET", "/api/v2/filters/<id:filter_id>", READ, Doc("A filter", FILTER, errors=(404,)))
    async def show(self, call: Call, filter_id: int) -> Answer:
        """One of them."""
        return Answer.json(FILTER(await self.filters.one(call.member, FilterId(filter_id)), None))

    @route("PUT", "/api/v2/filters/<id:filter_id>", WRITE, Doc("Change a filter", FILTER, body=BODY, errors=(404, 422)))
    @route("PATCH", "/api/v2/filters/<id:filter_id>", WRITE, Doc("Change a filter", FILTER, body=BODY, errors=(404, 422)))
    async def change(self, call: Call, filter_id: int) -> Answer:
        """What is not sent stays as it is."""
        return Answer.json(FILTER(await self.filters.change(call.member, FilterId(filter_id), _draft(call)), None))

    @route("DELETE", "/api/v2/filters/<id:filter_id>", WRITE, Doc("Delete a filter", EMPTY, errors=(404,)))
    async def delete(self, call: Call, filter_id: int) -> Answer:
        """With all that is in it."""
        await self.filters.delete(call.member, FilterId(filter_id))
        return Answer.json({})


@frozen
class FilterPartRoutes:
    """What is in a filter."""

    filters: Filters

    @route("GET", "/api/v2/filters/<id:filter_id>/keywords", READ, Doc("A filter's keywords", array_of(KEYWORD), errors=(404,)))
    async def keywords(self, call: Call, filter_id: int) -> Answer:
        """All of them, the first first."""
        made = await self.filters.one(call.member, FilterId(filter_id))
        return Answer.json(KEYWORD.each(made.keywords, None))

    @route("POST", "/api/v2/filters/<id:filter_id>/keywords", WRITE, Doc("Add a keyword", KEYWORD, body=WORD, errors=(404, 422)))
    async def add_keyword(self, call: Call, filter_id: int) -> Answer:
        """One more."""
        made = await self.filters.add_keyword(call.member, FilterId(filter_id), _word(call.fields))
        return Answer.json(KEYWORD(made, None))

    @route("GET", "/api/v2/filters/keywords/<id:keyword_id>", READ, Doc("A keyword", KEYWORD, errors=(404,)))
    async def keyword(self, call: Call, keyword_id: int) -> Answer:
        """One of them."""
        _, keyword = await self.filters.with_keyword(call.member, KeywordId(keyword_id))
        return Answer.json(KEYWORD(keyword, None))

    @route("PUT", "/api/v2/filters/keywords/<id:keyword_id>", WRITE, Doc("Change a keyword", KEYWORD, body=WORD, errors=(404, 422)))
    @route("PATCH", "/api/v2/filters/keywords/<id:keyword_id>", WRITE, Doc("Change a keyword", KEYWORD, body=WORD, errors=(404, 422)))
    async def change_keyword(self, call: Call, keyword_id: int) -> Answer:
        """Another word in its place."""
        made = await self.filters.change_keyword(call.member, KeywordId(keyword_id), _word(call.fields))
        return Answer.json(KEYWORD(made, None))

    @route("DELETE", "/api/v2/filters/keywords/<id:keyword_id>", WRITE, Doc("Delete a keyword", EMPTY, errors=(404,)))
    async def remove_keyword(self, call: Call, keyword_id: int) -> Answer:
        """The filter stays."""
        await self.filters.remove_keyword(call.member, KeywordId(keyword_id))
        return Answer.json({})

    @route("GET", "/api/v2/filters/<id:filter_id>/statuses", READ, Doc("A filter's posts", array_of(CHOSEN), errors=(404,)))
    async def posts(self, call: Call, filter_id: int) -> Answer:
        """All of them, the first first."""
        made = await self.filters.one(call.member, FilterId(filter_id))
        return Answer.json(CHOSEN.each(made.posts, None))

    @route(
        "POST",
        "/api/v2/filters/<id:filter_id>/statuses",
        WRITE,
        Doc("Add a post", CHOSEN, body=(Param("status_id", ID, "The post.", required=True),), errors=(404, 422)),
    )
    async def add_post(self, call: Call, filter_id: int) -> Answer:
        """One more, of those that one may see."""
        post = PostId(call.fields.id("status_id") or 0)
        return Answer.json(CHOSEN(await self.filters.add_post(call.member, FilterId(filter_id), post), None))

    @route("GET", "/api/v2/filters/statuses/<id:chosen_id>", READ, Doc("A post of a filter", CHOSEN, errors=(404,)))
    async def post(self, call: Call, chosen_id: int) -> Answer:
        """One of them."""
        _, chosen = await self.filters.with_post(call.member, RelationId(chosen_id))
        return Answer.json(CHOSEN(chosen, None))

    @route("DELETE", "/api/v2/filters/statuses/<id:chosen_id>", WRITE, Doc("Take a post out of a filter", EMPTY, errors=(404,)))
    async def remove_post(self, call: Call, chosen_id: int) -> Answer:
        """The filter stays."""
        await self.filters.remove_post(call.member, RelationId(chosen_id))
        return Answer.json({})


def _draft(call: Call) -> FilterDraft:
    fields = call.fields
    return FilterDraft(
        title=fields.text("title", default=None),
        contexts=fields.list("context", max=20) if fields.has("context") else None,
        action=fields.value("filter_action") or None,
        expiry=fields.has("expires_in"),
        expires_in=fields.integer("expires_in"),
        keywords=[_word(keyword) for keyword in fields.subs("keywords_attributes")],
    )


def _word(fields: Fields) -> KeywordDraft:
    id = fields.id("id")
    return KeywordDraft(
        keyword=fields.text("keyword", default=None),
        whole_word=fields.flag("whole_word", None),
        id=None if id is None else KeywordId(id),
        gone=fields.flag("_destroy"),
    )
