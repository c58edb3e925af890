"""Documents of this site's accounts and posts, as other servers may read them.

They show what an anonymous visitor sees: public and unlisted posts. Other posts are for the servers of followers and of mentioned
accounts (`post_for_host`). Anything else is NotFound, whether it exists or not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from attrs import evolve, frozen

from microblog.domain.accounts import Accounts
from microblog.domain.follows import Follows
from microblog.domain.posts import Posts
from microblog.domain.tags import HashtagService
from microblog.domain.timelines import Timelines
from microblog.federation.actor_keys import ActorKeys
from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.federation.documents.vocabulary import with_context
from microblog.federation.documents.write_activity import write_announce, write_create
from microblog.federation.documents.write_actor import actor_details, write_actor, write_actor_stub, write_instance_actor
from microblog.federation.documents.write_collection import (
    Page,
    featured_hashtag,
    page_address,
    write_collection,
    write_page,
    write_replies,
    write_whole_collection,
)
from microblog.federation.documents.write_parts import Json, emoji_tag
from microblog.federation.documents.write_post import PostWriter
from microblog.federation.post_links import LinkedPost, linked_posts
from microblog.model.accounts import Account, RelatedAccount
from microblog.model.errors import Gone, NotFound
from microblog.model.ids import AccountId, PostId
from microblog.model.paging import Page as Part
from microblog.model.posts import Post
from microblog.storage import activity_recipients, custom_emojis, moves, posts, remote_readers

PeopleList = Callable[[None, AccountId, Part], Awaitable[list[RelatedAccount]]]
OUTBOX_PAGE, PEOPLE_PAGE, REPLIES_PAGE = 20, 40, 40


@frozen
class LocalDocuments:
    """Documents of accounts, posts and their collections. `site_name` returns the name of the instance actor."""

    accounts: Accounts
    posts: Posts
    timelines: Timelines
    follows: Follows
    tags: HashtagService
    keys: ActorKeys
    ids: SiteIds
    site_name: Callable[[], str]
    now: Callable[[], datetime]

    async def account(self, name: str) -> Account:
        """Return the account, suspended or not. Raises Gone if it was deleted, NotFound if there never was one."""
        try:
            return await self.accounts.by_username(name, suspended=True)
        except NotFound:
            if await self.accounts.is_gone(name):
                raise Gone("This account was deleted.") from None
            raise

    async def actor(self, name: str) -> Json:
        """Return the document of an account."""
        account = await self.account(name)
        pair = await self.keys.of(account)
        addresses = await self.posts.database.read(moves.addresses, account=account.id)
        return write_actor(account, evolve(actor_details(addresses, self.ids), keys=(pair.public,)), self.ids)

    async def actor_stub(self, name: str) -> Json:
        """Return what a server needs in order to verify signatures of an account."""
        account = await self.account(name)
        return write_actor_stub(account, ((await self.keys.of(account)).public,), self.ids)

    async def instance_actor(self) -> Json:
        """Return the document of the site itself."""
        pair = await self.keys.of(None)
        return write_instance_actor(self.site_name(), (pair.public,), self.ids)

    async def emoji(self, id: int) -> Json:
        """Return the document of a custom emoji of this site."""
        found = await self.posts.database.read(custom_emojis.by_id, id=id)
        if found is None or found.host is not None:
            raise NotFound
        return with_context(emoji_tag(found.emoji, self.ids))

    async def post(self, name: str, id: PostId) -> Json:
        """Return the document of a post that is not a boost."""
        linked = await self._linked(name, id)
        if linked.post.boost is not None:
            raise NotFound
        return self._writer().document(linked.post, linked.links)

    async def post_for_host(self, name: str, id: PostId, host: str) -> Json:
        """Return the document of a post of any visibility that an account of this host may see, as a follower or because it is named."""
        database = self.posts.database
        if not await database.read(remote_readers.may_host_read, post=id, host=host):
            raise NotFound
        post = (await database.read(posts.by_ids, [id])).get(id)
        if post is None or post.author.host is not None or post.author.username.lower() != name.lower():
            raise NotFound
        [linked] = await self._links([post])
        return self._writer().document(linked.post, linked.links)

    async def blocks(self, name: str, reader: AccountId) -> bool:
        """True if an account blocks who reads."""
        return await self.posts.database.read(remote_readers.blocks_reader, username=name, reader=reader)

    async def activity(self, name: str, id: PostId) -> Json:
        """Return the activity that published a post or made a boost."""
        return self._activity(await self._linked(name, id))

    async def outbox(self, name: str, max_id: int | None = None, *, page: bool = False) -> Json:
        """Return the outbox of an account, or a page of it: posts and boosts, newest first."""
        account, id = await self._active(name, LocalKind.OUTBOX)
        if not page:
            return write_collection(id, account.posts_count)
        found = await self.timelines.account(None, account.id, Part(OUTBOX_PAGE, max_id=max_id))
        items = [self._activity(each) for each in await self._links([post for post in found if post.original.visibility.is_open])]
        next_page = page_address(id, max_id=found[-1].id) if len(found) == OUTBOX_PAGE else None
        return write_page(id, account.posts_count, Page(items, _address(id, max_id), next_page))

    async def followers(self, name: str, max_id: int | None = None, *, page: bool = False) -> Json:
        """Return the followers of an account: how many, and who on a page, unless the account hides them."""
        account, id = await self._active(name, LocalKind.FOLLOWERS)
        people = _People(id, account.followers_count, self.follows.followers)
        return await self._page_of_people(account, people, max_id) if page else people.summary(account)

    async def followers_of_host(self, name: str, host: str) -> Json:
        """Return exactly the followers of an account on one host, for that host: it compares them with those that it knows."""
        account, id = await self._active(name, LocalKind.FOLLOWERS_SYNCHRONIZATION)
        uris = await self.posts.database.read(activity_recipients.follower_uris, account=account.id, host=host)
        return write_whole_collection(id, uris)

    async def following(self, name: str, max_id: int | None = None, *, page: bool = False) -> Json:
        """Return the accounts that an account follows, as `followers` does."""
        account, id = await self._active(name, LocalKind.FOLLOWING)
        people = _People(id, account.following_count, self.follows.following)
        return await self._page_of_people(account, people, max_id) if page else people.summary(account)

    async def featured(self, name: str) -> Json:
        """Return the pinned posts of an account, whole."""
        account, id = await self._active(name, LocalKind.FEATURED)
        pinned = [post for post in await self.timelines.pinned(None, account.id) if post.visibility.is_open]
        writer = self._writer()
        return write_whole_collection(id, [writer.write(each.post, each.links) for each in await self._links(pinned)])

    async def featured_tags(self, name: str) -> Json:
        """Return the hashtags that an account features."""
        account, id = await self._active(name, LocalKind.FEATURED_TAGS)
        return write_whole_collection(id, [featured_hashtag(one.tag, self.ids) for one in await self.tags.featured(account.id)])

    async def replies(self, name: str, post: PostId, *, page: bool = False) -> Json:
        """Return the collection of the public replies to a post, or its page: their ids."""
        await self._linked(name, post)
        id = self.ids.make(LocalKind.REPLIES, name, post)
        if not page:
            return write_replies(id)
        thread = await self.posts.thread(None, post)
        replies = [each for each in thread.descendants if each.reply_to == post and each.visibility.is_open][:REPLIES_PAGE]
        return write_replies(id, Page([self._uri(each) for each in replies], page_address(id)))

    async def likes(self, name: str, post: PostId) -> Json:
        """Return how many favourites a post has."""
        linked = await self._linked(name, post)
        return write_collection(self.ids.make(LocalKind.LIKES, name, post), linked.post.favourites_count, has_pages=False)

    async def shares(self, name: str, post: PostId) -> Json:
        """Return how many boosts a post has."""
        linked = await self._linked(name, post)
        return write_collection(self.ids.make(LocalKind.SHARES, name, post), linked.post.boosts_count, has_pages=False)

    def _writer(self) -> PostWriter:
        return PostWriter(self.ids, self.now())

    def _uri(self, post: Post) -> str:
        return post.uri or self.ids.post(post.author.username, post.id)

    def _activity(self, linked: LinkedPost) -> Json:
        original = linked.post.boost
        if original is None:
            return write_create(linked.post, linked.links, self._writer())
        author = original.author.uri or self.ids.actor(original.author.username)
        return write_announce(linked.post, self._uri(original), author, self.ids)

    async def _active(self, name: str, kind: LocalKind) -> tuple[Account, str]:
        """Return an account that is not suspended, and the id of one of its collections."""
        account = await self.account(name)
        if account.suspended_at is not None:
            raise Gone("This account is suspended.")
        return account, self.ids.make(kind, account.username)

    async def _linked(self, name: str, id: PostId) -> LinkedPost:
        """Return a public or unlisted post of the account, or a boost of one. Raises Gone if it or the account was deleted."""
        try:
            post = await self.posts.one(None, id)
        except NotFound:
            await self.account(name)
            if await self.posts.database.read(remote_readers.was_deleted, post=id, username=name):
                raise Gone("This post was deleted.") from None
            raise
        if post.author.host is not None or post.author.username.lower() != name.lower() or not post.original.visibility.is_open:
            raise NotFound
        return (await self._links([post]))[0]

    async def _links(self, posts: Sequence[Post]) -> list[LinkedPost]:
        return await self.posts.database.read(linked_posts, posts, self.ids) if posts else []

    async def _page_of_people(self, account: Account, people: _People, max_id: int | None) -> Json:
        if account.hide_relations:
            raise NotFound
        found = await people.read(None, account.id, Part(PEOPLE_PAGE, max_id=max_id))
        items = [one.account.uri or self.ids.actor(one.account.username) for one in found]
        next_page = page_address(people.id, max_id=found[-1].id) if len(found) == PEOPLE_PAGE else None
        return write_page(people.id, people.total, Page(items, _address(people.id, max_id), next_page))


@frozen
class _People:
    """The followers or followees of an account."""

    id: str
    total: int
    read: PeopleList

    def summary(self, account: Account) -> Json:
        """Return the collection, whose size is told even if the account hides who they are."""
        return write_collection(self.id, self.total, has_pages=not account.hide_relations)


def _address(collection: str, max_id: int | None) -> str:
    return page_address(collection) if max_id is None else page_address(collection, max_id=max_id)
