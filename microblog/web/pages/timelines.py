"""Pages that list posts: front, home, local, tags, favourites, bookmarks."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.announcements import Announcements
from microblog.domain.caching.cache_keys import NEVER_CACHED, PUBLIC
from microblog.domain.tags import HashtagService
from microblog.domain.text.post_text import tag_key
from microblog.domain.timelines import MarkedPosts, Timelines
from microblog.model.accounts import Viewer
from microblog.model.filters import FilterContext
from microblog.model.ids import TagId
from microblog.model.paging import Page
from microblog.model.posts import Post, Tag
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import PostListView
from microblog.web.http.request import Request
from microblog.web.http.response import PUBLIC_BRIEFLY, Response
from microblog.web.http.response_cache import CacheableResponse, volatile_parts
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import newer, older, page_of
from microblog.web.pages.post_form import PostForms
from microblog.web.pages.post_renderer import PostRenderer

FRONT_POSTS = 12
START_POSTS = 8


@frozen
class TimelinePages:
    """The lists of posts that do not belong to one person's profile."""

    pages: Pages
    shells: PageContexts
    articles: PostRenderer
    timelines: Timelines
    composers: PostForms
    tags: HashtagService
    announcements: Announcements

    @route("GET", "/", RouteOptions())
    async def front(self, call: Request) -> Response:
        """What this is, for visitors; members are at home."""
        if call.viewer:
            return Response.redirect("/home")
        return await self.articles.answers.get_or_make_page(call, lambda: self._front(call))

    async def _front(self, call: Request) -> CacheableResponse:
        shell = await self.shells.of(call, stream="/live/local", tags=True)
        posts = await self.timelines.public(None, Page(FRONT_POSTS))
        answer = Response.html(self.pages.front(shell, PostListView(await self.articles.of(None, posts)))).cached(PUBLIC_BRIEFLY)
        return CacheableResponse(answer, await self.timelines.basis(None, posts, PUBLIC) | self.shells.basis(shell), volatile_parts(shell))

    @route("GET", "/home", RouteOptions(viewer=AccessLevel.MEMBER))
    async def home(self, call: Request) -> Response:
        """The viewer's timeline; local posts and people to follow for whoever follows nobody yet."""
        return await self.articles.answers.get_or_make_page(call, lambda: self._home(call))

    async def _home(self, call: Request) -> CacheableResponse:
        viewer, page, composer = call.member, page_of(call), self.composers.fresh(call.member)
        shell = await self.shells.of(call, stream="/live/home", people=True, tags=True)
        posts = await self.timelines.home(viewer, page)
        feed = await feed_of(call, self.articles, posts, page, FilterContext.HOME)
        told = await self.announcements.unread(viewer)
        start = await self._start(viewer) if viewer.account.following_count == 0 and page.max_id is None else None
        answer = Response.html(self.pages.home(shell, composer, feed, start=start, announcements=told))
        rests = await self.timelines.home_basis(viewer, posts) | self.shells.basis(shell)
        return CacheableResponse(answer, rests if start is None else NEVER_CACHED, volatile_parts(shell, composer.key))

    async def _start(self, viewer: Viewer) -> PostListView:
        newest = await self.timelines.public(viewer, Page(START_POSTS))
        others = [post for post in newest if post.author.id != viewer.id]  # one's own stand above
        return PostListView(await self.articles.listed(viewer, others, FilterContext.PUBLIC))

    @route("GET", "/local", RouteOptions())
    async def local(self, call: Request) -> Response:
        """All public posts of this site."""
        return await self.articles.answers.get_or_make_page(call, lambda: self._local(call))

    async def _local(self, call: Request) -> CacheableResponse:
        page = page_of(call)
        shell = await self.shells.of(call, stream="/live/local", tags=True)
        posts = await self.timelines.public(call.viewer, page)
        answer = _for(call, self.pages.local(shell, await self._feed(call, posts, page)))
        return CacheableResponse(
            answer, await self.timelines.basis(call.viewer, posts, PUBLIC) | self.shells.basis(shell), volatile_parts(shell)
        )

    @route("GET", "/tags/<name>", RouteOptions())
    async def tag(self, call: Request, name: str) -> Response:
        """Public posts with a tag."""
        page = page_of(call)
        shell = await self.shells.of(call, stream=f"/live/tags/{name}", tags=True)
        feed = await self._feed(call, await self.timelines.tag(call.viewer, name, page), page)
        key = tag_key(name)
        flags = await self.tags.flags(call.viewer, [Tag(TagId(0), key, name)])
        following = flags[key].following if key in flags else None
        return _for(call, self.pages.tag(shell, name, feed, following=following))

    @route("GET", "/favourites", RouteOptions(viewer=AccessLevel.MEMBER))
    async def favourites(self, call: Request) -> Response:
        """What the viewer likes."""
        page = page_of(call)
        shell = await self.shells.of(call)
        feed = await self._marked(call, await self.timelines.favourites(call.member, page), page)
        return Response.html(self.pages.favourites(shell, feed))

    @route("GET", "/bookmarks", RouteOptions(viewer=AccessLevel.MEMBER))
    async def bookmarks(self, call: Request) -> Response:
        """What the viewer keeps for later."""
        page = page_of(call)
        shell = await self.shells.of(call)
        feed = await self._marked(call, await self.timelines.bookmarks(call.member, page), page)
        return Response.html(self.pages.bookmarks(shell, feed))

    async def _feed(self, call: Request, posts: list[Post], page: Page) -> PostListView:
        return await feed_of(call, self.articles, posts, page, FilterContext.PUBLIC)

    async def _marked(self, call: Request, marked: MarkedPosts, page: Page) -> PostListView:
        made = await self.articles.of(call.viewer, marked.posts)
        return PostListView(made, older(call, marked.marks, page), newer(call, marked.marks, page))


async def feed_of(call: Request, articles: PostRenderer, posts: list[Post], page: Page, context: FilterContext) -> PostListView:
    """A page of posts for whoever asks, as their filters want it there, with the ways to the pages around it."""
    ids: list[int] = [post.id for post in posts]
    return PostListView(await articles.listed(call.viewer, posts, context), older(call, ids, page), newer(call, ids, page))


def _for(call: Request, page: bytes) -> Response:
    """What everybody may see is cached for a moment where nobody is logged in."""
    return Response.html(page) if call.viewer else Response.html(page).cached(PUBLIC_BRIEFLY)
