"""Page for moderators: review of trending hashtags, posts and links, several at a time."""

from __future__ import annotations

from attrs import evolve, frozen

from microblog.domain.trend_reviews import TrendReviews
from microblog.domain.trends import MAX_TRENDS, Trends
from microblog.model.cards import CardId
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import PostId, TagId
from microblog.model.trends import TagChanges
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.trend_views import TABS, TrendsPage
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts

MODERATOR = RouteOptions(viewer=AccessLevel.MODERATOR)
PATH = "/admin/trends"
ACTS = {
    "approve": TagChanges(approved=True),
    "reject": TagChanges(approved=False),
    "allow": TagChanges(usable=True),
    "disallow": TagChanges(usable=False),
    "list": TagChanges(listable=True),
    "unlist": TagChanges(listable=False),
}
MAX_QUERY = 200


@frozen
class TrendReviewPages:
    """The review of trends."""

    pages: Pages
    contexts: PageContexts
    trends: Trends
    reviews: TrendReviews

    @route("GET", PATH, MODERATOR)
    async def show(self, request: Request) -> Response:
        """List trends, also those that are not shown. `of` chooses hashtags, posts or links; `q` finds any hashtag by its name."""
        tab = request.fields.value("of")
        return await self._show(request, tab if tab in TABS else "tags")

    @route("POST", f"{PATH}/tags", MODERATOR)
    async def review_tags(self, request: Request) -> Response:
        """Carry out `act` on the hashtags `ids`."""
        try:
            act = _act(request, *ACTS)
            await self.reviews.review_tags(request.member, [TagId(id) for id in _ids(request)], ACTS[act])
        except Invalid as problem:
            return await self._show(request, "tags", problem)
        return Response.redirect(request.next_path(PATH))

    @route("POST", f"{PATH}/posts", MODERATOR)
    async def review_posts(self, request: Request) -> Response:
        """Approve or reject the posts `ids`."""
        try:
            approved = _act(request, "approve", "reject") == "approve"
            await self.reviews.review_posts(request.member, [PostId(id) for id in _ids(request)], approved=approved)
        except Invalid as problem:
            return await self._show(request, "posts", problem)
        return Response.redirect(f"{PATH}?of=posts")

    @route("POST", f"{PATH}/links", MODERATOR)
    async def review_links(self, request: Request) -> Response:
        """Approve or reject the links `ids`."""
        try:
            approved = _act(request, "approve", "reject") == "approve"
            await self.reviews.review_links(request.member, [CardId(id) for id in _ids(request)], approved=approved)
        except Invalid as problem:
            return await self._show(request, "links", problem)
        return Response.redirect(f"{PATH}?of=links")

    async def _show(self, request: Request, tab: str, problem: Invalid | None = None) -> Response:
        view = await self._view(request, tab)
        if problem:
            view = evolve(view, error=next(iter(problem.fields.values())))
        html = self.pages.page("trends", await self.contexts.of(request), PageMetadata("Trends"), page=view)
        return Response.html(html, status_of(problem) if problem else 200)

    async def _view(self, request: Request, tab: str) -> TrendsPage:
        query = request.fields.text("q", max=MAX_QUERY).strip()
        view = TrendsPage(tab, self.trends.mode(), query=query)
        if tab == "posts":
            return evolve(view, posts=tuple(await self.trends.posts_to_review(request.member, limit=MAX_TRENDS)))
        if tab == "links":
            return evolve(view, links=tuple(await self.trends.links_to_review(limit=MAX_TRENDS)))
        if not query:
            return evolve(view, tags=tuple(await self.trends.tags_to_review(limit=MAX_TRENDS)))
        try:
            return evolve(view, tags=(await self.reviews.tag_named(query),))
        except NotFound:
            return view


def _act(request: Request, *allowed: str) -> str:
    act = request.fields.value("act")
    if act not in allowed:
        raise Invalid({"act": "Choose one of the actions"})
    return act


def _ids(request: Request) -> list[int]:
    ids = request.fields.ids("ids", max=MAX_TRENDS)
    if not ids:
        raise Invalid({"ids": "Choose at least one entry of the list"})
    return ids
