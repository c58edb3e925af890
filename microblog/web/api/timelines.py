"""Lists of posts: home, everybody's public ones, those with a tag."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from microblog.domain.caching.cache_keys import PUBLIC
from microblog.domain.timelines import Timelines
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.render.api.schemas import FLAG, TEXTS, array_of
from microblog.render.api.statuses import STATUS
from microblog.web.api.paging import Links, page_of, paged
from microblog.web.api.status_serializer import Shown
from microblog.web.http.request import Call
from microblog.web.http.response import Answer
from microblog.web.http.response_cache import Answers, Made
from microblog.web.http.route import Needs, Who, route
from microblog.web.http.route_docs import PAGING, Doc, Param

OPEN = Needs(api=True, scopes={"read:statuses"})
ORIGIN = (Param("local", FLAG, "Only posts of this site."), Param("remote", FLAG, "Only posts of other sites: there are none."))
WITH_MEDIA = Param("only_media", FLAG, "Only posts with media.")
TAGS = (
    Param("any", TEXTS, "Posts with one of these tags too."),
    Param("all", TEXTS, "Only posts that have each of these tags too."),
    Param("none", TEXTS, "Only posts that have none of these tags."),
)


@frozen
class TimelineRoutes:
    """The timelines that everybody has."""

    shown: Shown
    timelines: Timelines
    answers: Answers

    @route(
        "GET",
        "/api/v1/timelines/home",
        Needs(api=True, viewer=Who.MEMBER, scopes={"read:statuses"}),
        Doc("What oneself and those whom one follows post", array_of(STATUS), query=PAGING),
    )
    async def home(self, call: Call) -> Answer:
        """Newest first."""
        return await self.answers.of(call, lambda: self._home(call))

    async def _home(self, call: Call) -> Made:
        page = page_of(call)
        posts = await self.timelines.home(call.member, page)
        return Made(await self._page(call, posts, page), await self.timelines.home_basis(call.member, posts))

    @route(
        "GET",
        "/api/v1/timelines/public",
        OPEN,
        Doc("What everybody posts in public", array_of(STATUS), query=(*PAGING, *ORIGIN, WITH_MEDIA)),
    )
    async def public(self, call: Call) -> Answer:
        """Newest first, without boosts and without replies to others."""
        return await self.answers.of(call, lambda: self._public(call))

    async def _public(self, call: Call) -> Made:
        page = page_of(call)
        posts = [] if only_remote(call) else await self.timelines.public(call.viewer, page, media=call.fields.flag("only_media"))
        answer = await self._page(call, posts, page, "local", "remote", "only_media")
        return Made(answer, await self.timelines.basis(call.viewer, posts, PUBLIC))

    @route(
        "GET",
        "/api/v1/timelines/tag/<name>",
        OPEN,
        Doc("Public posts with a tag", array_of(STATUS), query=(*PAGING, *TAGS, *ORIGIN, WITH_MEDIA)),
    )
    async def tag(self, call: Call, name: str) -> Answer:
        """Newest first, replies too."""
        page, fields = page_of(call), call.fields
        posts: Sequence[Post] = ()
        if not only_remote(call):
            posts = await self.timelines.tag(
                call.viewer,
                name,
                page,
                any=fields.list("any"),
                all=fields.list("all"),
                none=fields.list("none"),
                media=fields.flag("only_media"),
            )
        return await self._page(call, posts, page, "local", "remote", "only_media", "any", "all", "none")

    async def _page(self, call: Call, posts: Sequence[Post], page: Page, *kept: str) -> Answer:
        body = await self.shown.many(call.viewer, posts)
        return paged(call, body, [post.id for post in posts], page, Links(kept, timeline=True))


def only_remote(call: Call) -> bool:
    """True if only posts of other sites are wanted. Whoever wants both kinds alone gets those of here."""
    return call.fields.flag("remote") and not call.fields.flag("local")
