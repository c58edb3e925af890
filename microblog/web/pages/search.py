"""The search page."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.search import LONGEST_QUERY, Found, Search
from microblog.model.filters import Context
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import Search as SearchPage
from microblog.web.http.request import Call
from microblog.web.http.response import Answer
from microblog.web.http.route import Needs, route
from microblog.web.pages.page_context import Shells
from microblog.web.pages.paging import page_of
from microblog.web.pages.post_renderer import Articles
from microblog.web.pages.profiles import PeopleLists
from microblog.web.pages.timelines import feed_of


@frozen
class SearchPages:
    """Finding people, tags and posts."""

    pages: Pages
    shells: Shells
    search: Search
    people: PeopleLists
    articles: Articles

    @route("GET", "/search", Needs())
    async def show(self, call: Call) -> Answer:
        """The field, and what was found."""
        query, page = call.fields.text("q")[:LONGEST_QUERY].strip(), page_of(call)
        first = page.max_id is None and page.min_id is None
        found = await self.search.find(call.viewer, query) if first else Found(posts=await self.search.posts(call.viewer, query, page))
        posts = await feed_of(call, self.articles, found.posts, page, Context.PUBLIC)
        shown = SearchPage(query, await self.people.of(call.viewer, found.accounts), tuple(found.tags), posts)
        return Answer.html(self.pages.search(await self.shells.of(call, tags=True, people=not query), shown))
