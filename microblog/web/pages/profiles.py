"""Profiles, their Atom feeds, followers, and the buttons on a profile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from attrs import evolve, frozen

from microblog.domain.accounts import Accounts
from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import CacheDependencies, of_profile
from microblog.domain.follows import FollowRequestOptions, Follows, NoRequest
from microblog.domain.profile_cache import ProfileCache, of_relationship
from microblog.domain.rate_limits import FOLLOWS
from microblog.domain.relationships import Relationships
from microblog.domain.remote_views import RemoteViews
from microblog.domain.timelines import Timelines
from microblog.model.accounts import Account, RelatedAccount, Relationship, Viewer
from microblog.model.errors import NotFound
from microblog.model.filters import FilterContext
from microblog.model.ids import AccountId
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.render.atom import CONTENT_TYPE, atom
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import ConfirmView, PeopleView, PersonView, PostListView, ProfileView
from microblog.web.http.request import Request
from microblog.web.http.response import PUBLIC_A_WHILE, PUBLIC_BRIEFLY, Response
from microblog.web.http.response_cache import CacheableResponse
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
    """Lists of accounts, each with the viewer's relationship."""

    profiles: ProfileCache

    async def of(self, viewer: Viewer | None, accounts: Sequence[Account]) -> tuple[PersonView, ...]:
        """Add the viewer's relationship to each account but their own."""
        if viewer is None or not accounts:
            return tuple(PersonView(account) for account in accounts)
        between = {one.id: one for one in await self.profiles.between(viewer, [account.id for account in accounts])}
        return tuple(PersonView(account, between.get(account.id) if account.id != viewer.id else None) for account in accounts)

    async def page(self, request: Request, related: Sequence[RelatedAccount], page: Page) -> PeopleView:
        """Build a page of accounts, with the link to the next."""
        persons = await self.of(request.viewer, [one.account for one in related])
        return PeopleView(persons, older(request, [one.id for one in related], page))


@frozen
class ProfilePages:
    """Profiles and lists of followers."""

    pages: Pages
    contexts: PageContexts
    renderer: PostRenderer
    accounts: Accounts
    timelines: Timelines
    profiles: ProfileCache
    people: PeopleLists
    views: RemoteViews

    @route("GET", "/@<username:username>", RouteOptions(document="/users/{username}"))
    async def posts(self, request: Request, username: str) -> Response:
        """Show an account's posts and boosts, without replies to others."""
        return await self._profile(request, username, "posts")

    @route("GET", "/@<username:username>/with_replies", RouteOptions())
    async def replies(self, request: Request, username: str) -> Response:
        """Show an account's posts and replies."""
        return await self._profile(request, username, "replies")

    @route("GET", "/@<username:username>/media", RouteOptions())
    async def media(self, request: Request, username: str) -> Response:
        """Show an account's posts with media."""
        return await self._profile(request, username, "media")

    async def _profile(self, request: Request, username: str, tab: str) -> Response:
        return await self.renderer.responses.get_or_make_page(request, lambda: self._render(request, username, tab))

    async def _render(self, request: Request, username: str, tab: str) -> CacheableResponse:
        page = page_of(request)
        context = await self.contexts.of(request, stream=f"/live/@{username}" if tab == "posts" else None)
        account = await self._account(request.viewer, username)
        if account.page and self.contexts.site.hides_others_from(request.viewer):
            return CacheableResponse(Response.redirect(account.page, 302), cache_keys.of_keys(*of_profile(account.id)))
        [person] = await self.people.of(request.viewer, [account])
        hidden, own = _why_hidden(person.relationship), request.viewer is not None and request.viewer.id == account.id
        moved_to = await self.accounts.moved_to(account)
        profile = ProfileView(person, PostListView(), tab=tab, own=own, hidden=hidden, moved_to=moved_to)
        posts: list[Post] = []
        pinned: list[Post] = []
        until = CacheDependencies()
        if not hidden:
            posts = await self.timelines.account(
                request.viewer, account.id, page, replies=tab != "posts", boosts=tab != "media", media=tab == "media"
            )
            if tab == "posts" and page.max_id is None and page.min_id is None:
                until = CacheDependencies(until=await self.views.profile(request.viewer, account))
                pinned = await self.profiles.pinned(request.viewer, account.id)
            feed = await feed_of(request, self.renderer, posts, page, FilterContext.ACCOUNT)
            profile = evolve(profile, feed=feed, pinned=await self.renderer.filtered(request.viewer, pinned, FilterContext.ACCOUNT))
        html = self.pages.profile(context, profile)
        keys = (*of_profile(account.id), *(of_relationship(request.viewer.id, account.id) if request.viewer else ()))
        keys += (cache_keys.of_account(moved_to.id),) if moved_to else ()
        dependencies = await self.timelines.dependencies(request.viewer, [*posts, *pinned], *keys) | until
        dependencies |= self.contexts.dependencies(context)
        response = Response.html(bytes(html))
        return CacheableResponse(response if request.viewer else response.cached(PUBLIC_BRIEFLY), dependencies, html)

    async def _account(self, viewer: Viewer | None, username: str) -> Account:
        """Return an account. Members find those of other servers that are not known yet. Raises NotFound."""
        try:
            return await self.profiles.by_acct(username)
        except NotFound:
            await self.views.address(viewer, username)
        return await self.profiles.by_acct(username)

    @route("GET", "/@<username:username>/feed.atom", RouteOptions())
    async def feed(self, request: Request, username: str) -> Response:
        """Serve the Atom feed of the public posts of an account of this site."""
        account = await self.accounts.by_username(username)
        posts = await self.timelines.account(None, account.id, Page(), boosts=False)
        return Response.data(atom(account, posts, self.contexts.site), CONTENT_TYPE).cached(PUBLIC_A_WHILE)

    @route("GET", "/@<username:username>/followers", RouteOptions())
    async def followers(self, request: Request, username: str) -> Response:
        """List followers."""
        return await self._relations(request, username, "followers", self.profiles.followers)

    @route("GET", "/@<username:username>/following", RouteOptions())
    async def following(self, request: Request, username: str) -> Response:
        """List followed accounts."""
        return await self._relations(request, username, "following", self.profiles.following)

    async def _relations(
        self,
        request: Request,
        username: str,
        which: str,
        lister: Callable[[Viewer | None, AccountId, Page], Awaitable[list[RelatedAccount]]],
    ) -> Response:
        account, page = await self._account(request.viewer, username), page_of(request, PEOPLE_PER_PAGE)
        if account.page and self.contexts.site.hides_others_from(request.viewer):
            return Response.redirect(account.page, 302)
        found = await self.people.page(request, await lister(request.viewer, account.id, page), page)
        return Response.html(bytes(self.pages.relations(await self.contexts.of(request), account, which, found)))


@frozen
class ProfileButtons:
    """The buttons on a profile. They respond to scripts with the new relationship as JSON, to forms with a redirect back."""

    pages: Pages
    contexts: PageContexts
    accounts: Accounts
    follows: Follows
    relationships: Relationships

    @route("POST", "/@<username:username>/follow", FOLLOW)
    async def follow(self, request: Request, username: str) -> Response:
        """Follow an account, or request to."""
        return await self._done(request, username, self.follows.follow)

    @route("POST", "/@<username:username>/unfollow", MEMBER)
    async def unfollow(self, request: Request, username: str) -> Response:
        """Unfollow an account."""
        return await self._done(request, username, self.follows.unfollow)

    @route("POST", "/@<username:username>/show-boosts", FOLLOW)
    async def show_boosts(self, request: Request, username: str) -> Response:
        """Show the account's boosts in the home timeline."""
        return await self._done(request, username, lambda viewer, id: self.follows.follow(viewer, id, FollowRequestOptions(boosts=True)))

    @route("POST", "/@<username:username>/hide-boosts", FOLLOW)
    async def hide_boosts(self, request: Request, username: str) -> Response:
        """Hide the account's boosts in the home timeline."""
        return await self._done(request, username, lambda viewer, id: self.follows.follow(viewer, id, FollowRequestOptions(boosts=False)))

    @route("POST", "/@<username:username>/accept", MEMBER)
    async def accept(self, request: Request, username: str) -> Response:
        """Accept a follow request. Does nothing if it no longer exists."""
        return await self._decide(request, username, self.follows.accept)

    @route("POST", "/@<username:username>/reject", MEMBER)
    async def reject(self, request: Request, username: str) -> Response:
        """Reject a follow request. Does nothing if it no longer exists."""
        return await self._decide(request, username, self.follows.reject)

    async def _decide(self, request: Request, username: str, command: Callable[[Viewer, AccountId], Awaitable[Relationship]]) -> Response:
        async def settled(viewer: Viewer, id: AccountId) -> Relationship:
            try:
                return await command(viewer, id)
            except NoRequest:
                return (await self.relationships.between(viewer, [id]))[0]

        return await self._done(request, username, settled)

    @route("GET", "/@<username:username>/block", MEMBER)
    async def block_question(self, request: Request, username: str) -> Response:
        """Ask for confirmation before an account is blocked."""
        account = await self.accounts.by_acct(username)
        confirm = ConfirmView(
            title=f"Block {account.name}?",
            sentence="You won't see each other's posts, and neither of you will follow the other. They won't be notified.",
            action=f"/@{account.acct}/block",
            button="Block",
            cancel=f"/@{account.acct}",
        )
        return Response.html(self.pages.confirm(await self.contexts.of(request), confirm))

    @route("POST", "/@<username:username>/block", MEMBER)
    async def block(self, request: Request, username: str) -> Response:
        """Block an account."""
        return await self._done(request, username, self.relationships.block)

    @route("POST", "/@<username:username>/unblock", MEMBER)
    async def unblock(self, request: Request, username: str) -> Response:
        """Unblock an account."""
        return await self._done(request, username, self.relationships.unblock)

    @route("POST", "/@<username:username>/mute", MEMBER)
    async def mute(self, request: Request, username: str) -> Response:
        """Mute an account."""
        return await self._done(request, username, self.relationships.mute)

    @route("POST", "/@<username:username>/unmute", MEMBER)
    async def unmute(self, request: Request, username: str) -> Response:
        """Unmute an account."""
        return await self._done(request, username, self.relationships.unmute)

    async def _done(self, request: Request, username: str, command: Callable[[Viewer, AccountId], Awaitable[Relationship]]) -> Response:
        account = await self.accounts.by_acct(username)
        relationship = await command(request.member, account.id)
        if request.wants_json:
            return Response.json(
                {
                    "id": str(account.id),
                    "following": relationship.following,
                    "requested": relationship.requested,
                    "blocking": relationship.blocking,
                    "muting": relationship.muting,
                }
            )
        return Response.redirect(request.next_path(f"/@{account.acct}"))


def _why_hidden(relationship: Relationship | None) -> str:
    if relationship and relationship.blocked_by:
        return "You can't see their posts."
    return "You have blocked this user. Unblock them to see their posts." if relationship and relationship.blocking else ""
