"""Pages that list posts: front page, home, local timeline, hashtags, favourites and bookmarks."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.caching.cache_keys import NEVER_CACHED, PUBLIC
from microblog.domain.text.post_text import tag_key
from microblog.domain.timelines import MarkedPosts, Timelines
from microblog.model.accounts import Viewer
from microblog.model.filters import FilterContext
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.model.site_settings import LandingPage
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import PostListView
from microblog.web.http.request import Request
from microblog.web.http.response import PUBLIC_BRIEFLY, Response
from microblog.web.http.response_cache import CacheableResponse
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import newer, older, page_of
from microblog.web.pages.post_form import PostForms
from microblog.web.pages.post_renderer import PostRenderer
from microblog.web.streaming.sse import check_federated

FRONT_POSTS = 12
START_POSTS = 8


@frozen
class TimelinePages:
    """Timelines, hashtag pages, favourites and bookmarks."""

    pages: Pages
    contexts: PageContexts
    renderer: PostRenderer
    timelines: Timelines
    forms: PostForms

    @route("GET", "/", RouteOptions())
    async def front(self, request: Request) -> Response:
        """Show the front page to visitors, or redirect them to the chosen landing page. Redirect members to their home timeline."""
        if request.viewer:
            return Response.redirect("/home")
        landing = self.contexts.site.landing
        if landing is not LandingPage.FRONT:
            return Response.redirect(f"/{landing}", 302)
        return await self.renderer.responses.get_or_make_page(request, lambda: self._front(request))

    async def _front(self, request: Request) -> CacheableResponse:
        context = await self.contexts.of(request, stream="/live/local", tags=True)
        posts = await self.timelines.public(None, Page(FRONT_POSTS), here=True)
        html = self.pages.front(context, PostListView(await self.renderer.of(None, posts)))
        dependencies = await self.timelines.dependencies(None, posts, PUBLIC) | self.contexts.dependencies(context)
        return CacheableResponse(_cacheable(request, bytes(html)), dependencies, html)

    @route("GET", "/home", RouteOptions(viewer=AccessLevel.MEMBER))
    async def home(self, request: Request) -> Response:
        """Show the home timeline, with local posts and suggestions if the viewer follows no one."""
        return await self.renderer.responses.get_or_make_page(request, lambda: self._home(request))

    async def _home(self, request: Request) -> CacheableResponse:
        viewer, page, composer = request.member, page_of(request), self.forms.new(request.member)
        context = await self.contexts.of(request, stream="/live/home", people=True, tags=True)
        posts = await self.timelines.home(viewer, page)
        feed = await feed_of(request, self.renderer, posts, page, FilterContext.HOME)
        unread = await self.contexts.sidebar.announcements(viewer)
        start = await self._start(viewer) if viewer.account.following_count == 0 and page.max_id is None else None
        html = self.pages.home(context, composer, feed, start=start, announcements=unread)
        dependencies = await self.timelines.home_dependencies(viewer, posts) | self.contexts.dependencies(context)
        return CacheableResponse(Response.html(bytes(html)), dependencies if start is None else NEVER_CACHED, html)

    async def _start(self, viewer: Viewer) -> PostListView:
        newest = await self.timelines.public(viewer, Page(START_POSTS), here=True)
        others = [post for post in newest if post.author.id != viewer.id]  # the viewer's own posts are in the timeline above
        return PostListView(await self.renderer.filtered(viewer, others, FilterContext.PUBLIC))

    @route("GET", "/local", RouteOptions())
    async def local(self, request: Request) -> Response:
        """Show the local timeline."""
        return await self.renderer.responses.get_or_make_page(request, lambda: self._local(request))

    async def _local(self, request: Request) -> CacheableResponse:
        page = page_of(request)
        context = await self.contexts.of(request, stream="/live/local", tags=True)
        posts = await self.timelines.public(request.viewer, page, here=True)
        html = self.pages.local(context, await self._feed(request, posts, page))
        dependencies = await self.timelines.dependencies(request.viewer, posts, PUBLIC) | self.contexts.dependencies(context)
        return CacheableResponse(_cacheable(request, bytes(html)), dependencies, html)

    @route("GET", "/federated", RouteOptions())
    async def federated(self, request: Request) -> Response:
        """Show the federated timeline: all public posts that are known, of this site and of others."""
        check_federated(self.contexts.site, request)
        return await self.renderer.responses.get_or_make_page(request, lambda: self._federated(request))

    async def _federated(self, request: Request) -> CacheableResponse:
        page = page_of(request)
        context = await self.contexts.of(request, stream="/live/federated", tags=True)
        posts = await self.timelines.public(request.viewer, page)
        html = self.pages.federated(context, await self._feed(request, posts, page))
        dependencies = await self.timelines.dependencies(request.viewer, posts, PUBLIC) | self.contexts.dependencies(context)
        return CacheableResponse(_cacheable(request, bytes(html)), dependencies, html)

    @route("GET", "/tags/<name>", RouteOptions())
    async def tag(self, request: Request, name: str) -> Response:
        """Show public posts with a hashtag."""
        return await self.renderer.responses.get_or_make_page(request, lambda: self._tag(request, name))

    async def _tag(self, request: Request, name: str) -> CacheableResponse:
        page, viewer = page_of(request), request.viewer
        context = await self.contexts.of(request, stream=f"/live/tags/{name}", tags=True)
        here = True if self.contexts.site.hides_others_from(viewer) else None
        posts = await self.timelines.tag(viewer, name, page, here=here)
        following = None if viewer is None else tag_key(name) in (await self.timelines.viewer_cache.of(viewer)).tags
        html = self.pages.tag(context, name, await self._feed(request, posts, page), following=following)
        dependencies = await self.timelines.dependencies(viewer, posts, PUBLIC) | self.contexts.dependencies(context)
        return CacheableResponse(_cacheable(request, bytes(html)), dependencies, html)

    @route("GET", "/favourites", RouteOptions(viewer=AccessLevel.MEMBER))
    async def favourites(self, request: Request) -> Response:
        """Show the viewer's favourites."""
        page = page_of(request)
        context = await self.contexts.of(request)
        feed = await self._interactions(request, await self.timelines.favourites(request.member, page), page)
        return Response.html(bytes(self.pages.favourites(context, feed)))

    @route("GET", "/bookmarks", RouteOptions(viewer=AccessLevel.MEMBER))
    async def bookmarks(self, request: Request) -> Response:
        """Show the viewer's bookmarks."""
        page = page_of(request)
        context = await self.contexts.of(request)
        feed = await self._interactions(request, await self.timelines.bookmarks(request.member, page), page)
        return Response.html(bytes(self.pages.bookmarks(context, feed)))

    async def _feed(self, request: Request, posts: list[Post], page: Page) -> PostListView:
        return await feed_of(request, self.renderer, posts, page, FilterContext.PUBLIC)

    async def _interactions(self, request: Request, marked: MarkedPosts, page: Page) -> PostListView:
        rendered = await self.renderer.of(request.viewer, marked.posts)
        return PostListView(rendered, older(request, marked.marks, page), newer(request, marked.marks, page))


async def feed_of(request: Request, articles: PostRenderer, posts: list[Post], page: Page, context: FilterContext) -> PostListView:
    """Build a page of posts with the viewer's filters applied, and links to the pages before and after."""
    ids: list[int] = [post.id for post in posts]
    return PostListView(await articles.filtered(request.viewer, posts, context), older(request, ids, page), newer(request, ids, page))


def _cacheable(request: Request, page: bytes) -> Response:
    """Let shared caches keep anonymous pages for a moment."""
    return Response.html(page) if request.viewer else Response.html(page).cached(PUBLIC_BRIEFLY)
