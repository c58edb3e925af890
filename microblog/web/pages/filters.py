"""Filters on the site."""

from __future__ import annotations

from attrs import evolve, frozen

from microblog.domain.filters import FilterDraft, Filters, KeywordDraft
from microblog.model.errors import Invalid
from microblog.model.filters import Filter
from microblog.model.ids import FilterId, RelationId
from microblog.render.html.filter_views import KEEP, FilterForm, filter_page, filters_page
from microblog.render.html.pages import Pages
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts

MEMBER = RouteOptions(viewer=AccessLevel.MEMBER)


@frozen
class FilterPages:
    """What the viewer does not want to see unasked."""

    pages: Pages
    shells: PageContexts
    filters: Filters

    @route("GET", "/settings/filters", MEMBER)
    async def all(self, call: Request) -> Response:
        """All of them, and the form for one more."""
        return await self._all(call, FilterForm())

    async def _all(self, call: Request, form: FilterForm, status: int = 200) -> Response:
        found = tuple(await self.filters.of(call.member))
        return Response.html(filters_page(self.pages, await self.shells.of(call), found, form), status)

    @route("POST", "/settings/filters", MEMBER)
    async def make(self, call: Request) -> Response:
        """One more."""
        form = _typed(call)
        try:
            await self.filters.create(call.member, _draft(form))
        except Invalid as problem:
            return await self._all(call, evolve(form, errors=_beside(problem)), status_of(problem))
        return Response.redirect("/settings/filters?notice=saved")

    @route("GET", "/settings/filters/<id:filter_id>", MEMBER)
    async def show(self, call: Request, filter_id: int) -> Response:
        """One of them, to be changed."""
        form = _form(await self.filters.one(call.member, FilterId(filter_id)))
        return Response.html(filter_page(self.pages, await self.shells.of(call), form))

    @route("POST", "/settings/filters/<id:filter_id>", MEMBER)
    async def save(self, call: Request, filter_id: int) -> Response:
        """Change it."""
        made = await self.filters.one(call.member, FilterId(filter_id))
        form = evolve(_typed(call), made=made)
        try:
            await self.filters.change(call.member, made.id, _draft(form))
        except Invalid as problem:
            form = evolve(form, errors=_beside(problem))
            return Response.html(filter_page(self.pages, await self.shells.of(call), form), status_of(problem))
        return Response.redirect("/settings/filters?notice=saved")

    @route("POST", "/settings/filters/<id:filter_id>/delete", MEMBER)
    async def delete(self, call: Request, filter_id: int) -> Response:
        """Delete it."""
        await self.filters.delete(call.member, FilterId(filter_id))
        return Response.redirect("/settings/filters")

    @route("POST", "/settings/filters/<id:filter_id>/posts/<id:chosen_id>/remove", MEMBER)
    async def remove_post(self, call: Request, filter_id: int, chosen_id: int) -> Response:
        """Show a post again that a program put into it."""
        await self.filters.remove_post(call.member, RelationId(chosen_id))
        return Response.redirect(f"/settings/filters/{filter_id}")


def _form(made: Filter) -> FilterForm:
    return FilterForm(
        made,
        made.title,
        "\n".join(keyword.keyword for keyword in made.keywords),
        all(keyword.whole_word for keyword in made.keywords),
        made.contexts,
        made.action,
        KEEP,
    )


def _typed(call: Request) -> FilterForm:
    fields = call.fields
    return FilterForm(
        title=fields.text("title"),
        keywords=fields.text("keywords"),
        whole_word=fields.flag("whole_word"),
        contexts=tuple(fields.list("contexts", max=20)),
        action=fields.value("action"),
        term=fields.value("term"),
    )


def _draft(form: FilterForm) -> FilterDraft:
    """What the form asks for: its lines are all keywords that the filter is to have."""
    wanted = list(dict.fromkeys(line.strip() for line in form.keywords.split("\n") if line.strip()))
    there = form.made.keywords if form.made else ()
    kept = [KeywordDraft(None, form.whole_word, one.id, removed=one.keyword not in wanted) for one in there]
    new = [KeywordDraft(word, form.whole_word) for word in wanted if word not in {one.keyword for one in there}]
    return FilterDraft(
        title=form.title.strip() or (wanted[0] if wanted else ""),
        contexts=form.contexts,
        action=form.action,
        expiry=form.term != KEEP,
        expires_in=int(form.term) if form.term.isascii() and form.term.isdigit() else None,
        keywords=[*kept, *new],
    )


def _beside(problem: Invalid) -> dict[str, str]:
    """What is wrong, by the fields of the form."""
    names = {"context": "contexts", "filter_action": "action", "keyword": "keywords", "expires_in": "term", "base": "all"}
    told = {names.get(name, name): sentence for name, sentence in problem.fields.items()}
    return told | ({"contexts": "Choose at least one context"} if "contexts" in told else {})
