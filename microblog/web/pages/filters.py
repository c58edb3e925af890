"""Pages to manage filters."""

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
    """The viewer's filters."""

    pages: Pages
    contexts: PageContexts
    filters: Filters

    @route("GET", "/settings/filters", MEMBER)
    async def all(self, request: Request) -> Response:
        """List the filters, with a form for a new one."""
        return await self._all(request, FilterForm())

    async def _all(self, request: Request, form: FilterForm, status: int = 200) -> Response:
        found = tuple(await self.filters.of(request.member))
        return Response.html(filters_page(self.pages, await self.contexts.of(request), found, form), status)

    @route("POST", "/settings/filters", MEMBER)
    async def make(self, request: Request) -> Response:
        """Create a filter."""
        form = _submitted_form(request)
        try:
            await self.filters.create(request.member, _draft(form))
        except Invalid as problem:
            return await self._all(request, evolve(form, errors=_field_errors(problem)), status_of(problem))
        return Response.redirect("/settings/filters?notice=saved")

    @route("GET", "/settings/filters/<id:filter_id>", MEMBER)
    async def show(self, request: Request, filter_id: int) -> Response:
        """Show the form to edit a filter."""
        form = _stored_form(await self.filters.one(request.member, FilterId(filter_id)))
        return Response.html(filter_page(self.pages, await self.contexts.of(request), form))

    @route("POST", "/settings/filters/<id:filter_id>", MEMBER)
    async def save(self, request: Request, filter_id: int) -> Response:
        """Save a filter."""
        stored = await self.filters.one(request.member, FilterId(filter_id))
        form = evolve(_submitted_form(request), stored=stored)
        try:
            await self.filters.change(request.member, stored.id, _draft(form))
        except Invalid as problem:
            form = evolve(form, errors=_field_errors(problem))
            return Response.html(filter_page(self.pages, await self.contexts.of(request), form), status_of(problem))
        return Response.redirect("/settings/filters?notice=saved")

    @route("POST", "/settings/filters/<id:filter_id>/delete", MEMBER)
    async def delete(self, request: Request, filter_id: int) -> Response:
        """Delete a filter."""
        await self.filters.delete(request.member, FilterId(filter_id))
        return Response.redirect("/settings/filters")

    @route("POST", "/settings/filters/<id:filter_id>/posts/<id:chosen_id>/remove", MEMBER)
    async def remove_post(self, request: Request, filter_id: int, chosen_id: int) -> Response:
        """Remove a post from a filter (apps can add posts)."""
        await self.filters.remove_post(request.member, RelationId(chosen_id))
        return Response.redirect(f"/settings/filters/{filter_id}")


def _stored_form(stored: Filter) -> FilterForm:
    return FilterForm(
        stored,
        stored.title,
        "\n".join(keyword.keyword for keyword in stored.keywords),
        all(keyword.whole_word for keyword in stored.keywords),
        stored.contexts,
        stored.action,
        KEEP,
    )


def _submitted_form(request: Request) -> FilterForm:
    fields = request.fields
    return FilterForm(
        title=fields.text("title"),
        keywords=fields.text("keywords"),
        whole_word=fields.flag("whole_word"),
        contexts=tuple(fields.list("contexts", max=20)),
        action=fields.value("action"),
        duration=fields.value("term"),
    )


def _draft(form: FilterForm) -> FilterDraft:
    """Convert the form. Its lines are the complete list of keywords: others are removed."""
    lines = list(dict.fromkeys(line.strip() for line in form.keywords.split("\n") if line.strip()))
    existing = form.stored.keywords if form.stored else ()
    remaining = [KeywordDraft(None, form.whole_word, keyword.id, removed=keyword.keyword not in lines) for keyword in existing]
    new = [KeywordDraft(word, form.whole_word) for word in lines if word not in {keyword.keyword for keyword in existing}]
    return FilterDraft(
        title=form.title.strip() or (lines[0] if lines else ""),
        contexts=form.contexts,
        action=form.action,
        expiry=form.duration != KEEP,
        expires_in=int(form.duration) if form.duration.isascii() and form.duration.isdigit() else None,
        keywords=[*remaining, *new],
    )


def _field_errors(problem: Invalid) -> dict[str, str]:
    """Map the errors to the names of the form's fields."""
    names = {"context": "contexts", "filter_action": "action", "keyword": "keywords", "expires_in": "term", "base": "all"}
    errors = {names.get(name, name): sentence for name, sentence in problem.fields.items()}
    return errors | ({"contexts": "Choose at least one context"} if "contexts" in errors else {})
