"""Filters as clients before 4.0 know them: each keyword is one."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.filters import FilterDraft, Filters, KeywordDraft
from microblog.model.filters import Action
from microblog.model.ids import KeywordId
from microblog.render.api.filters import V1_FILTER, old_entity
from microblog.render.api.schemas import EMPTY, FILTER_CONTEXT, FLAG, TEXT, WHOLE, array_of
from microblog.web.http.request import Call
from microblog.web.http.response import Answer
from microblog.web.http.route import Needs, Who, route
from microblog.web.http.route_docs import Doc, Param

READ = Needs(api=True, viewer=Who.MEMBER, scopes={"read:filters"})
WRITE = Needs(api=True, viewer=Who.MEMBER, scopes={"write:filters"})
DEPRECATED_SINCE = "@1668384000"  # 2022-11-14, as Mastodon says (RFC 9745)
BODY = (
    Param("phrase", TEXT, "A word or phrase."),
    Param("context", array_of(FILTER_CONTEXT), "Where it counts."),
    Param("irreversible", FLAG, "Leave posts out altogether."),
    Param("whole_word", FLAG, "Not as a part of longer words."),
    Param("expires_in", WHOLE, "For how many seconds it counts; empty for ever."),
)


@frozen
class OldFilterRoutes:
    """One's own filters, keyword by keyword."""

    filters: Filters

    @route("GET", "/api/v1/filters", READ, Doc("One's filters", array_of(V1_FILTER)))
    async def all(self, call: Call) -> Answer:
        """Every keyword of every filter."""
        found = await self.filters.of(call.member)
        return _told([old_entity(made, keyword) for made in found for keyword in made.keywords])

    @route("POST", "/api/v1/filters", WRITE, Doc("Make a filter", V1_FILTER, body=BODY, errors=(422,)))
    async def make(self, call: Call) -> Answer:
        """A filter of one keyword, which is its title too."""
        made = await self.filters.make(call.member, _draft(call, KeywordDraft(call.fields.text("phrase"), _whole(call))))
        return _told(old_entity(made, made.keywords[0]))

    @route("GET", "/api/v1/filters/<id:keyword_id>", READ, Doc("A filter", V1_FILTER, errors=(404,)))
    async def show(self, call: Call, keyword_id: int) -> Answer:
        """One keyword, by its id."""
        return _told(old_entity(*await self.filters.with_keyword(call.member, KeywordId(keyword_id))))

    @route("PUT", "/api/v1/filters/<id:keyword_id>", WRITE, Doc("Change a filter", V1_FILTER, body=BODY, errors=(404, 422)))
    @route("PATCH", "/api/v1/filters/<id:keyword_id>", WRITE, Doc("Change a filter", V1_FILTER, body=BODY, errors=(404, 422)))
    async def change(self, call: Call, keyword_id: int) -> Answer:
        """What is not sent stays as it is."""
        id = KeywordId(keyword_id)
        made, _ = await self.filters.with_keyword(call.member, id)
        word = KeywordDraft(call.fields.text("phrase", default=None), _whole(call), id)
        await self.filters.change(call.member, made.id, _draft(call, word), alone=True)
        return _told(old_entity(*await self.filters.with_keyword(call.member, id)))

    @route("DELETE", "/api/v1/filters/<id:keyword_id>", WRITE, Doc("Delete a filter", EMPTY, errors=(404,)))
    async def delete(self, call: Call, keyword_id: int) -> Answer:
        """The keyword, and the filter with its last one."""
        await self.filters.remove_keyword(call.member, KeywordId(keyword_id), filter_too=True)
        return _told({})


def _told(body: object) -> Answer:
    return Answer.json(body).with_header("Deprecation", DEPRECATED_SINCE)


def _whole(call: Call) -> bool | None:
    return call.fields.flag("whole_word", None)


def _draft(call: Call, word: KeywordDraft) -> FilterDraft:
    fields = call.fields
    irreversible = fields.flag("irreversible", None)
    return FilterDraft(
        title=fields.text("phrase", default=None),
        contexts=fields.list("context", max=20) if fields.has("context") else None,
        action=None if irreversible is None else Action.HIDE if irreversible else Action.WARN,
        expiry=fields.has("expires_in"),
        expires_in=fields.integer("expires_in"),
        keywords=(word,),
    )
