"""The search page."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.search import MAX_QUERY_LENGTH, SearchResult, SearchService
from microblog.federation.resolution import Resolution, Unresolved
from microblog.model.accounts import Viewer
from microblog.model.filters import FilterContext
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import SearchView as SearchPage
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import page_of
from microblog.web.pages.post_renderer import PostRenderer
from microblog.web.pages.profiles import PeopleLists
from microblog.web.pages.timelines import feed_of


@frozen
class SearchPages:
    """Search for people, hashtags and posts."""

    pages: Pages
    contexts: PageContexts
    search: SearchService
    people: PeopleLists
    renderer: PostRenderer
    resolution: Resolution | None = None

    @route("GET", "/search", RouteOptions())
    async def show(self, request: Request) -> Response:
        """Show the search field and the results."""
        query, page = request.fields.text("q")[:MAX_QUERY_LENGTH].strip(), page_of(request)
        first = page.max_id is None and page.min_id is None
        found, problem = SearchResult(), ""
        if first:
            found, problem = await self._found(request.viewer, query)
        else:
            here = self.contexts.site.hides_others_from(request.viewer)
            found = SearchResult(posts=await self.search.posts(request.viewer, query, page, here=here))
        posts = await feed_of(request, self.renderer, found.posts, page, FilterContext.PUBLIC)
        shown = SearchPage(query, await self.people.of(request.viewer, found.accounts), tuple(found.tags), posts, problem)
        return Response.html(self.pages.search(await self.contexts.of(request, tags=True, people=not query), shown))

    async def _found(self, viewer: Viewer | None, query: str) -> tuple[SearchResult, str]:
        """Return the results, and why nothing was found elsewhere. Members can search for a handle or URL of another server."""
        if self.resolution is None or viewer is None or not self.resolution.is_remote(query):
            return await self.search.find(viewer, query, here=self.contexts.site.hides_others_from(viewer)), ""
        try:
            resolved = await self.resolution.find(viewer, query)
        except Unresolved as problem:
            return await self.search.find(viewer, query), problem.sentence
        return SearchResult([resolved.account] if resolved.account else [], posts=[resolved.post] if resolved.post else []), ""
