"""Pages that list posts: front, home, local, tags, favourites, bookmarks."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.announcements import Announcements
from microblog.domain.caching.cache_keys import NEVER_KEPT, PUBLIC
from microblog.domain.tags import Tags
from microblog.domain.text.post_text import tag_key
from microblog.domain.timelines import Marked, Timelines
from microblog.model.accounts import Viewer
from microblog.model.filters import Context
from microblog.model.ids import TagId
from microblog.model.paging import Page
from microblog.model.posts import Post, Tag
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import Feed
from microblog.web.http.request import Call
from microblog.web.http.response import PUBLIC_BRIEFLY, Answer
from microblog.web.http.response_cache import Made, once
from microblog.web.http.route import Needs, Who, route
from microblog.web.pages.page_context import Shells
from microblog.web.pages.paging import newer, older, page_of
from microblog.web.pages.post_form import Composers
from microblog.web.pages.post_renderer import Articles

FRONT_POSTS = 12
START_POSTS = 8


@frozen
class TimelinePages:
    """The lists of posts that do not belong to one person's profile."""

    pages: Pages
    shells: Shells
    articles: Articles
    timelines: Timelines
    composers: Composers
    tags: Tags
    announcements: Announcements

    @route("GET", "/", Needs())
    async def front(self, call: Call) -> Answer:
        """What this is, for visitors; members are at home."""
        if call.viewer:
            return Answer.redirect("/home")
        return await self.articles.answers.page(call, lambda: self._front(call))

    async def _front(self, call: Call) -> Made:
        shell = await self.shells.of(call, stream="/live/local", tags=True)
        posts = await self.timelines.public(None, Page(FRONT_POSTS))
        answer = Answer.html(self.pages.front(shell, Feed(await self.articles.of(None, posts)))).cached(PUBLIC_BRIEFLY)
        return Made(answer, await self.timelines.basis(None, posts, PUBLIC) | self.shells.basis(shell), once(shell))

    @route("GET", "/home", Needs(viewer=Who.MEMBER))
    async def home(self, call: Call) -> Answer:
        """The viewer's timeline; local posts and people to follow for whoever follows nobody yet."""
        return await self.articles.answers.page(call, lambda: self._home(call))

    async def _home(self, call: Call) -> Made:
        viewer, page, composer = call.member, page_of(call), self.composers.fresh(call.member)
        shell = await self.shells.of(call, stream="/live/home", people=True, tags=True)
        posts = await self.timelines.home(viewer, page)
        feed = await feed_of(call, self.articles, posts, page, Context.HOME)
        told = await self.announcements.unread(viewer)
        start = await self._start(viewer) if viewer.account.following_count == 0 and page.max_id is None else None
        answer = Answer.html(self.pages.home(shell, composer, feed, start=start, announcements=told))
        rests = await self.timelines.home_basis(viewer, posts) | self.shells.basis(shell)
        return Made(answer, rests if start is None else NEVER_KEPT, once(shell, composer.key))

    async def _start(self, viewer: Viewer) -> Feed:
        newest = await self.timelines.public(viewer, Page(START_POSTS))
        others = [post for post in newest if post.author.id != viewer.id]  # one's own stand above
        return Feed(await self.articles.listed(viewer, others, Context.PUBLIC))

    @route("GET", "/local", Needs())
    async def local(self, call: Call) -> Answer:
        """All public posts of this site."""
        return await self.articles.answers.page(call, lambda: self._local(call))

    async def _local(self, call: Call) -> Made:
        page = page_of(call)
        shell = await self.shells.of(call, stream="/live/local", tags=True)
        posts = await self.timelines.public(call.viewer, page)
        answer = _for(call, self.pages.local(shell, await self._feed(call, posts, page)))
        return Made(answer, await self.timelines.basis(call.viewer, posts, PUBLIC) | self.shells.basis(shell), once(shell))

    @route("GET", "/tags/<name>", Needs())
    async def tag(self, call: Call, name: str) -> Answer:
        """Public posts with a tag."""
        page = page_of(call)
        shell = await self.shells.of(call, stream=f"/live/tags/{name}", tags=True)
        feed = await self._feed(call, await self.timelines.tag(call.viewer, name, page), page)
        key = tag_key(name)
        flags = await self.tags.flags(call.viewer, [Tag(TagId(0), key, name)])
        following = flags[key].following if key in flags else None
        return _for(call, self.pages.tag(shell, name, feed, following=following))

    @route("GET", "/favourites", Needs(viewer=Who.MEMBER))
    async def favourites(self, call: Call) -> Answer:
        """What the viewer likes."""
        page = page_of(call)
        shell = await self.shells.of(call)
        feed = await self._marked(call, await self.timelines.favourites(call.member, page), page)
        return Answer.html(self.pages.favourites(shell, feed))

    @route("GET", "/bookmarks", Needs(viewer=Who.MEMBER))
    async def bookmarks(self, call: Call) -> Answer:
        """What the viewer keeps for later."""
        page = page_of(call)
        shell = await self.shells.of(call)
        feed = await self._marked(call, await self.timelines.bookmarks(call.member, page), page)
        return Answer.html(self.pages.bookmarks(shell, feed))

    async def _feed(self, call: Call, posts: list[Post], page: Page) -> Feed:
        return await feed_of(call, self.articles, posts, page, Context.PUBLIC)

    async def _marked(self, call: Call, marked: Marked, page: Page) -> Feed:
        made = await self.articles.of(call.viewer, marked.posts)
        return Feed(made, older(call, marked.marks, page), newer(call, marked.marks, page))


async def feed_of(call: Call, articles: Articles, posts: list[Post], page: Page, context: Context) -> Feed:
    """A page of posts for whoever asks, as their filters want it there, with the ways to the pages around it."""
    ids: list[int] = [post.id for post in posts]
    return Feed(await articles.listed(call.viewer, posts, context), older(call, ids, page), newer(call, ids, page))


def _for(call: Call, page: bytes) -> Answer:
    """What everybody may see is cached for a moment where nobody is logged in."""
    return Answer.html(page) if call.viewer else Answer.html(page).cached(PUBLIC_BRIEFLY)
