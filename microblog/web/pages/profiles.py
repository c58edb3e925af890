"""Somebody's page, their feed, who follows them, and the buttons on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from attrs import evolve, frozen

from microblog.domain.accounts import Accounts
from microblog.domain.caching.cache_keys import NEVER_KEPT, of_profile
from microblog.domain.follows import Follows, NoRequest, Wanted
from microblog.domain.rate_limits import FOLLOWS
from microblog.domain.relationships import Relations
from microblog.domain.timelines import Timelines
from microblog.model.accounts import Account, Related, Relationship, Viewer
from microblog.model.filters import Context
from microblog.model.ids import AccountId
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.render.atom import CONTENT_TYPE, atom
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import Confirm, Feed, People, Person, Profile
from microblog.web.http.request import Call
from microblog.web.http.response import PUBLIC_A_WHILE, PUBLIC_BRIEFLY, Answer
from microblog.web.http.response_cache import Made, once
from microblog.web.http.route import Needs, Who, route
from microblog.web.pages.page_context import Shells
from microblog.web.pages.paging import older, page_of
from microblog.web.pages.post_renderer import Articles
from microblog.web.pages.timelines import feed_of

MEMBER = Needs(viewer=Who.MEMBER)
FOLLOW = Needs(viewer=Who.MEMBER, rate=FOLLOWS)
PEOPLE_PER_PAGE = 40


@frozen
class PeopleLists:
    """Lists of people, each with how the viewer stands to them."""

    relations: Relations
    follows: Follows

    async def of(self, viewer: Viewer | None, accounts: Sequence[Account]) -> tuple[Person, ...]:
        """The accounts with the viewer's relationship to each but themselves."""
        if viewer is None or not accounts:
            return tuple(Person(account) for account in accounts)
        between = {one.id: one for one in await self.relations.between(viewer, [account.id for account in accounts])}
        return tuple(Person(account, between.get(account.id) if account.id != viewer.id else None) for account in accounts)

    async def page(self, call: Call, related: Sequence[Related], page: Page) -> People:
        """A page of people, and the way to the next."""
        persons = await self.of(call.viewer, [one.account for one in related])
        return People(persons, older(call, [one.id for one in related], page))


@frozen
class ProfilePages:
    """Looking at people."""

    pages: Pages
    shells: Shells
    articles: Articles
    accounts: Accounts
    timelines: Timelines
    people: PeopleLists

    @route("GET", "/@<username:username>", Needs())
    async def posts(self, call: Call, username: str) -> Answer:
        """What somebody posts and boosts, without replies to others."""
        return await self._profile(call, username, "posts")

    @route("GET", "/@<username:username>/with_replies", Needs())
    async def replies(self, call: Call, username: str) -> Answer:
        """The same with replies."""
        return await self._profile(call, username, "replies")

    @route("GET", "/@<username:username>/media", Needs())
    async def media(self, call: Call, username: str) -> Answer:
        """What they post with pictures, film or sound."""
        return await self._profile(call, username, "media")

    async def _profile(self, call: Call, username: str, tab: str) -> Answer:
        return await self.articles.answers.page(call, lambda: self._made(call, username, tab))

    async def _made(self, call: Call, username: str, tab: str) -> Made:
        page = page_of(call)
        shell = await self.shells.of(call, stream=f"/live/@{username}" if tab == "posts" else None)
        account = await self.accounts.by_username(username)
        [person] = await self.people.of(call.viewer, [account])
        hidden = _why_hidden(person.relationship)
        profile = Profile(person, Feed(), tab=tab, own=call.viewer is not None and call.viewer.id == account.id, hidden=hidden)
        posts: list[Post] = []
        pinned: list[Post] = []
        if not hidden:
            posts = await self.timelines.account(
                call.viewer, account.id, page, replies=tab != "posts", boosts=tab != "media", media=tab == "media"
            )
            if tab == "posts" and page.max_id is None and page.min_id is None:
                pinned = await self.timelines.pinned(call.viewer, account.id)
            feed = await feed_of(call, self.articles, posts, page, Context.ACCOUNT)
            profile = evolve(profile, feed=feed, pinned=await self.articles.listed(call.viewer, pinned, Context.ACCOUNT))
        answer = Answer.html(self.pages.profile(shell, profile))
        if call.viewer:  # how the two stand to each other is not among what is told
            return Made(answer, NEVER_KEPT)
        rests = await self.timelines.basis(None, [*posts, *pinned], *of_profile(account.id))
        return Made(answer.cached(PUBLIC_BRIEFLY), rests, once(shell))

    @route("GET", "/@<username:username>/feed.atom", Needs())
    async def feed(self, call: Call, username: str) -> Answer:
        """What everybody may read of somebody, for feed readers."""
        account = await self.accounts.by_username(username)
        posts = await self.timelines.account(None, account.id, Page(), boosts=False)
        return Answer.data(atom(account, posts, self.shells.site), CONTENT_TYPE).cached(PUBLIC_A_WHILE)

    @route("GET", "/@<username:username>/followers", Needs())
    async def followers(self, call: Call, username: str) -> Answer:
        """Who follows them."""
        return await self._relations(call, username, "followers", self.people.follows.followers)

    @route("GET", "/@<username:username>/following", Needs())
    async def following(self, call: Call, username: str) -> Answer:
        """Whom they follow."""
        return await self._relations(call, username, "following", self.people.follows.following)

    async def _relations(
        self, call: Call, username: str, which: str, lister: Callable[[Viewer | None, AccountId, Page], Awaitable[list[Related]]]
    ) -> Answer:
        account, page = await self.accounts.by_username(username), page_of(call, PEOPLE_PER_PAGE)
        found = await self.people.page(call, await lister(call.viewer, account.id, page), page)
        return Answer.html(self.pages.relations(await self.shells.of(call), account, which, found))


@frozen
class ProfileButtons:
    """What can be done about somebody. Each answers a script with the new relationship, and a form by going back to where it was."""

    pages: Pages
    shells: Shells
    accounts: Accounts
    follows: Follows
    relations: Relations

    @route("POST", "/@<username:username>/follow", FOLLOW)
    async def follow(self, call: Call, username: str) -> Answer:
        """Follow, or ask to."""
        return await self._done(call, username, self.follows.follow)

    @route("POST", "/@<username:username>/unfollow", MEMBER)
    async def unfollow(self, call: Call, username: str) -> Answer:
        """Follow no more."""
        return await self._done(call, username, self.follows.unfollow)

    @route("POST", "/@<username:username>/show-boosts", FOLLOW)
    async def show_boosts(self, call: Call, username: str) -> Answer:
        """See their boosts at home."""
        return await self._done(call, username, lambda viewer, id: self.follows.follow(viewer, id, Wanted(boosts=True)))

    @route("POST", "/@<username:username>/hide-boosts", FOLLOW)
    async def hide_boosts(self, call: Call, username: str) -> Answer:
        """See only what they write themselves."""
        return await self._done(call, username, lambda viewer, id: self.follows.follow(viewer, id, Wanted(boosts=False)))

    @route("POST", "/@<username:username>/accept", MEMBER)
    async def accept(self, call: Call, username: str) -> Answer:
        """Let them follow. Where they do not ask any more, the page shows how things are."""
        return await self._settle(call, username, self.follows.accept)

    @route("POST", "/@<username:username>/reject", MEMBER)
    async def reject(self, call: Call, username: str) -> Answer:
        """Refuse that. Where they do not ask any more, the page shows how things are."""
        return await self._settle(call, username, self.follows.reject)

    async def _settle(self, call: Call, username: str, command: Callable[[Viewer, AccountId], Awaitable[Relationship]]) -> Answer:
        async def settled(viewer: Viewer, id: AccountId) -> Relationship:
            try:
                return await command(viewer, id)
            except NoRequest:
                return (await self.relations.between(viewer, [id]))[0]

        return await self._done(call, username, settled)

    @route("GET", "/@<username:username>/block", MEMBER)
    async def block_question(self, call: Call, username: str) -> Answer:
        """Ask before somebody is blocked."""
        account = await self.accounts.by_username(username)
        confirm = Confirm(
            title=f"Block {account.name}?",
            sentence="You will not see each other's posts, and neither follows the other any more. They are not told.",
            action=f"/@{account.username}/block",
            button="Block",
            cancel=f"/@{account.username}",
        )
        return Answer.html(self.pages.confirm(await self.shells.of(call), confirm))

    @route("POST", "/@<username:username>/block", MEMBER)
    async def block(self, call: Call, username: str) -> Answer:
        """Block."""
        return await self._done(call, username, self.relations.block)

    @route("POST", "/@<username:username>/unblock", MEMBER)
    async def unblock(self, call: Call, username: str) -> Answer:
        """End the block."""
        return await self._done(call, username, self.relations.unblock)

    @route("POST", "/@<username:username>/mute", MEMBER)
    async def mute(self, call: Call, username: str) -> Answer:
        """Mute."""
        return await self._done(call, username, self.relations.mute)

    @route("POST", "/@<username:username>/unmute", MEMBER)
    async def unmute(self, call: Call, username: str) -> Answer:
        """End the mute."""
        return await self._done(call, username, self.relations.unmute)

    async def _done(self, call: Call, username: str, command: Callable[[Viewer, AccountId], Awaitable[Relationship]]) -> Answer:
        account = await self.accounts.by_username(username)
        relationship = await command(call.member, account.id)
        if call.wants_json:
            return Answer.json(
                {
                    "id": str(account.id),
                    "following": relationship.following,
                    "requested": relationship.requested,
                    "blocking": relationship.blocking,
                    "muting": relationship.muting,
                }
            )
        return Answer.redirect(call.next_path(f"/@{account.username}"))


def _why_hidden(relationship: Relationship | None) -> str:
    if relationship and relationship.blocked_by:
        return "You cannot see their posts."
    return "You block them. Unblock to see their posts." if relationship and relationship.blocking else ""
