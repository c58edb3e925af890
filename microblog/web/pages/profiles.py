"""Somebody's page, their feed, who follows them, and the buttons on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from attrs import evolve, frozen

from microblog.domain.accounts import Accounts
from microblog.domain.caching.cache_keys import NEVER_CACHED, of_profile
from microblog.domain.follows import FollowRequestOptions, Follows, NoRequest
from microblog.domain.rate_limits import FOLLOWS
from microblog.domain.relationships import Relationships
from microblog.domain.timelines import Timelines
from microblog.model.accounts import Account, RelatedAccount, Relationship, Viewer
from microblog.model.filters import FilterContext
from microblog.model.ids import AccountId
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.render.atom import CONTENT_TYPE, atom
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import ConfirmView, PeopleView, PersonView, PostListView, ProfileView
from microblog.web.http.request import Request
from microblog.web.http.response import PUBLIC_A_WHILE, PUBLIC_BRIEFLY, Response
from microblog.web.http.response_cache import CacheableResponse, volatile_parts
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import older, page_of
from microblog.web.pages.post_renderer import PostRenderer
from microblog.web.pages.timelines import feed_of

MEMBER = RouteOptions(viewer=AccessLevel.MEMBER)
FOLLOW = RouteOptions(viewer=AccessLevel.MEMBER, rate=FOLLOWS)
PEOPLE_PER_PAGE = 40


@frozen
class PeopleLists:
    """Lists of people, each with how the viewer stands to them."""

    relations: Relationships
    follows: Follows

    async def of(self, viewer: Viewer | None, accounts: Sequence[Account]) -> tuple[PersonView, ...]:
        """The accounts with the viewer's relationship to each but themselves."""
        if viewer is None or not accounts:
            return tuple(PersonView(account) for account in accounts)
        between = {one.id: one for one in await self.relations.between(viewer, [account.id for account in accounts])}
        return tuple(PersonView(account, between.get(account.id) if account.id != viewer.id else None) for account in accounts)

    async def page(self, call: Request, related: Sequence[RelatedAccount], page: Page) -> PeopleView:
        """A page of people, and the way to the next."""
        persons = await self.of(call.viewer, [one.account for one in related])
        return PeopleView(persons, older(call, [one.id for one in related], page))


@frozen
class ProfilePages:
    """Looking at people."""

    pages: Pages
    shells: PageContexts
    articles: PostRenderer
    accounts: Accounts
    timelines: Timelines
    people: PeopleLists

    @route("GET", "/@<username:username>", RouteOptions())
    async def posts(self, call: Request, username: str) -> Response:
        """What somebody posts and boosts, without replies to others."""
        return await self._profile(call, username, "posts")

    @route("GET", "/@<username:username>/with_replies", RouteOptions())
    async def replies(self, call: Request, username: str) -> Response:
        """The same with replies."""
        return await self._profile(call, username, "replies")

    @route("GET", "/@<username:username>/media", RouteOptions())
    async def media(self, call: Request, username: str) -> Response:
        """What they post with pictures, film or sound."""
        return await self._profile(call, username, "media")

    async def _profile(self, call: Request, username: str, tab: str) -> Response:
        return await self.articles.answers.get_or_make_page(call, lambda: self._made(call, username, tab))

    async def _made(self, call: Request, username: str, tab: str) -> CacheableResponse:
        page = page_of(call)
        shell = await self.shells.of(call, stream=f"/live/@{username}" if tab == "posts" else None)
        account = await self.accounts.by_username(username)
        [person] = await self.people.of(call.viewer, [account])
        hidden = _why_hidden(person.relationship)
        profile = ProfileView(person, PostListView(), tab=tab, own=call.viewer is not None and call.viewer.id == account.id, hidden=hidden)
        posts: list[Post] = []
        pinned: list[Post] = []
        if not hidden:
            posts = await self.timelines.account(
                call.viewer, account.id, page, replies=tab != "posts", boosts=tab != "media", media=tab == "media"
            )
            if tab == "posts" and page.max_id is None and page.min_id is None:
                pinned = await self.timelines.pinned(call.viewer, account.id)
            feed = await feed_of(call, self.articles, posts, page, FilterContext.ACCOUNT)
            profile = evolve(profile, feed=feed, pinned=await self.articles.listed(call.viewer, pinned, FilterContext.ACCOUNT))
        answer = Response.html(self.pages.profile(shell, profile))
        if call.viewer:  # how the two stand to each other is not among what is told
            return CacheableResponse(answer, NEVER_CACHED)
        rests = await self.timelines.basis(None, [*posts, *pinned], *of_profile(account.id))
        return CacheableResponse(answer.cached(PUBLIC_BRIEFLY), rests, volatile_parts(shell))

    @route("GET", "/@<username:username>/feed.atom", RouteOptions())
    async def feed(self, call: Request, username: str) -> Response:
        """What everybody may read of somebody, for feed readers."""
        account = await self.accounts.by_username(username)
        posts = await self.timelines.account(None, account.id, Page(), boosts=False)
        return Response.data(atom(account, posts, self.shells.site), CONTENT_TYPE).cached(PUBLIC_A_WHILE)

    @route("GET", "/@<username:username>/followers", RouteOptions())
    async def followers(self, call: Request, username: str) -> Response:
        """Who follows them."""
        return await self._relations(call, username, "followers", self.people.follows.followers)

    @route("GET", "/@<username:username>/following", RouteOptions())
    async def following(self, call: Request, username: str) -> Response:
        """Whom they follow."""
        return await self._relations(call, username, "following", self.people.follows.following)

    async def _relations(
        self, call: Request, username: str, which: str, lister: Callable[[Viewer | None, AccountId, Page], Awaitable[list[RelatedAccount]]]
    ) -> Response:
        account, page = await self.accounts.by_username(username), page_of(call, PEOPLE_PER_PAGE)
        found = await self.people.page(call, await lister(call.viewer, account.id, page), page)
        return Response.html(self.pages.relations(await self.shells.of(call), account, which, found))


@frozen
class ProfileButtons:
    """What can be done about somebody. Each answers a script with the new relationship, and a form by going back to where it was."""

    pages: Pages
    shells: PageContexts
    accounts: Accounts
    follows: Follows
    relations: Relationships

    @route("POST", "/@<username:username>/follow", FOLLOW)
    async def follow(self, call: Request, username: str) -> Response:
        """Follow, or ask to."""
        return await self._done(call, username, self.follows.follow)

    @route("POST", "/@<username:username>/unfollow", MEMBER)
    async def unfollow(self, call: Request, username: str) -> Response:
        """Follow no more."""
        return await self._done(call, username, self.follows.unfollow)

    @route("POST", "/@<username:username>/show-boosts", FOLLOW)
    async def show_boosts(self, call: Request, username: str) -> Response:
        """See their boosts at home."""
        return await self._done(call, username, lambda viewer, id: self.follows.follow(viewer, id, FollowRequestOptions(boosts=True)))

    @route("POST", "/@<username:username>/hide-boosts", FOLLOW)
    async def hide_boosts(self, call: Request, username: str) -> Response:
        """See only what they write themselves."""
        return await self._done(call, username, lambda viewer, id: self.follows.follow(viewer, id, FollowRequestOptions(boosts=False)))

    @route("POST", "/@<username:username>/accept", MEMBER)
    async def accept(self, call: Request, username: str) -> Response:
        """Let them follow. Where they do not ask any more, the page shows how things are."""
        return await self._settle(call, username, self.follows.accept)

    @route("POST", "/@<username:username>/reject", MEMBER)
    async def reject(self, call: Request, username: str) -> Response:
        """Refuse that. Where they do not ask any more, the page shows how things are."""
        return await self._settle(call, username, self.follows.reject)

    async def _settle(self, call: Request, username: str, command: Callable[[Viewer, AccountId], Awaitable[Relationship]]) -> Response:
        async def settled(viewer: Viewer, id: AccountId) -> Relationship:
            try:
                return await command(viewer, id)
            except NoRequest:
                return (await self.relations.between(viewer, [id]))[0]

        return await self._done(call, username, settled)

    @route("GET", "/@<username:username>/block", MEMBER)
    async def block_question(self, call: Request, username: str) -> Response:
        """Ask before somebody is blocked."""
        account = await self.accounts.by_username(username)
        confirm = ConfirmView(
            title=f"Block {account.name}?",
            sentence="You won't see each other's posts, and neither of you will follow the other. They won't be notified.",
            action=f"/@{account.username}/block",
            button="Block",
            cancel=f"/@{account.username}",
        )
        return Response.html(self.pages.confirm(await self.shells.of(call), confirm))

    @route("POST", "/@<username:username>/block", MEMBER)
    async def block(self, call: Request, username: str) -> Response:
        """Block."""
        return await self._done(call, username, self.relations.block)

    @route("POST", "/@<username:username>/unblock", MEMBER)
    async def unblock(self, call: Request, username: str) -> Response:
        """End the block."""
        return await self._done(call, username, self.relations.unblock)

    @route("POST", "/@<username:username>/mute", MEMBER)
    async def mute(self, call: Request, username: str) -> Response:
        """Mute."""
        return await self._done(call, username, self.relations.mute)

    @route("POST", "/@<username:username>/unmute", MEMBER)
    async def unmute(self, call: Request, username: str) -> Response:
        """End the mute."""
        return await self._done(call, username, self.relations.unmute)

    async def _done(self, call: Request, username: str, command: Callable[[Viewer, AccountId], Awaitable[Relationship]]) -> Response:
        account = await self.accounts.by_username(username)
        relationship = await command(call.member, account.id)
        if call.wants_json:
            return Response.json(
                {
                    "id": str(account.id),
                    "following": relationship.following,
                    "requested": relationship.requested,
                    "blocking": relationship.blocking,
                    "muting": relationship.muting,
                }
            )
        return Response.redirect(call.next_path(f"/@{account.username}"))


def _why_hidden(relationship: Relationship | None) -> str:
    if relationship and relationship.blocked_by:
        return "You can't see their posts."
    return "You have blocked this user. Unblock them to see their posts." if relationship and relationship.blocking else ""
