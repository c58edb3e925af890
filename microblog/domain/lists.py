"""Lists of accounts, each with a timeline of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from attrs import Factory, evolve, field, frozen

from microblog.domain.repeated_boosts import page_without_repeats
from microblog.domain.text import post_text
from microblog.domain.timelines import Timelines
from microblog.model.accounts import RelatedAccount, Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, ListId, PostId
from microblog.model.lists import AccountList, ListReplies
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.storage import accounts, events, lists, posts, timelines
from microblog.storage.database import Cursor, Transactions
from microblog.storage.timelines import Entry

MAX_TITLE_LENGTH = 256
MAX_LISTS = 50
NOT_FOLLOWED = "Account must be a followed account"
ALREADY_MEMBER = "Account has already been taken"


@frozen
class ListOptions:
    """Values of a list; None keeps the current or default value."""

    title: str | None = None
    replies: str | None = None
    exclusive: bool | None = None


@frozen
class Lists:
    """The viewer's lists. All methods raise NotFound for lists of others."""

    database: Transactions
    now: Callable[[], datetime]
    timelines: Timelines = field(default=Factory(lambda self: Timelines(self.database, self.now), takes_self=True))

    async def of(self, viewer: Viewer) -> list[AccountList]:
        """Return all lists, oldest first."""
        return await self.database.read(lists.of_account, account=viewer.id)

    async def one(self, viewer: Viewer, id: ListId) -> AccountList:
        """Return one list."""
        return await self.database.read(_own, viewer, id)

    async def with_member(self, viewer: Viewer, member: AccountId) -> list[AccountList]:
        """Return the viewer's lists that contain the account. Raise NotFound if there is no such account."""
        return await self.database.read(_with_member, viewer, member)

    async def create(self, viewer: Viewer, options: ListOptions) -> AccountList:
        """Create a list. Raise Invalid (fields title, replies_policy, base)."""
        return await self.database.run(self._create, viewer, _validated(AccountList(ListId(0), ""), options))

    async def change(self, viewer: Viewer, id: ListId, options: ListOptions) -> AccountList:
        """Change title, replies policy or exclusiveness. Raise Invalid as `create` does."""
        return await self.database.run(self._change, viewer, id, options)

    async def delete(self, viewer: Viewer, id: ListId) -> None:
        """Delete a list; its members stay followed."""
        await self.database.run(self._delete, viewer, id)

    async def members(self, viewer: Viewer, id: ListId, page: Page) -> list[RelatedAccount]:
        """Return the members, newest first."""
        return await self.database.read(_members, viewer, id, page)

    async def add(self, viewer: Viewer, id: ListId, members: Sequence[AccountId]) -> None:
        """Add members, all or none. Raise Invalid for accounts that are not followed or already members, and NotFound."""
        await self.database.run(self._add, viewer, id, members)

    async def remove(self, viewer: Viewer, id: ListId, members: Sequence[AccountId]) -> None:
        """Remove members."""
        await self.database.run(self._remove, viewer, id, members)

    async def timeline(self, viewer: Viewer, id: ListId, page: Page) -> list[Post]:
        """Return posts of the members, without repeated boosts."""
        newest = await self.timelines.newest_of_list(viewer, id, page.limit) if page == Page(page.limit) else None
        return newest if newest is not None else await self.database.read(self._timeline, viewer, id, page)

    def _create(self, cursor: Cursor, viewer: Viewer, owned: AccountList) -> AccountList:
        if lists.count(cursor, account=viewer.id) >= MAX_LISTS:
            raise Invalid({"base": f"You already have the maximum number of lists ({MAX_LISTS})"})
        id = lists.insert(
            cursor,
            account=viewer.id,
            title=owned.title,
            replies=owned.replies,
            exclusive=owned.exclusive,
            now=self.now(),
        )
        return self._record_change(cursor, viewer, evolve(owned, id=id))

    def _change(self, cursor: Cursor, viewer: Viewer, id: ListId, options: ListOptions) -> AccountList:
        owned = _validated(_own(cursor, viewer, id), options)
        lists.update(cursor, owned)
        return self._record_change(cursor, viewer, owned)

    def _delete(self, cursor: Cursor, viewer: Viewer, id: ListId) -> None:
        if not lists.delete(cursor, account=viewer.id, id=id):
            raise NotFound
        events.record(cursor, EventKind.LIST_CHANGED, at=self.now(), account=viewer.id, data={"list": str(id), "deleted": True})

    def _add(self, cursor: Cursor, viewer: Viewer, id: ListId, members: Sequence[AccountId]) -> None:
        owned, wanted = _own(cursor, viewer, id), dict.fromkeys(members)
        if len(accounts.by_ids(cursor, ids=list(wanted))) != len(wanted):
            raise NotFound
        if lists.followed(cursor, account=viewer.id, ids=list(wanted)) != set(wanted):
            raise Invalid({"account": NOT_FOLLOWED})
        added = lists.add(cursor, account=viewer.id, id=id, members=list(wanted), now=self.now())
        if len(added) != len(wanted):
            raise Invalid({"account": ALREADY_MEMBER}, codes={"account": "ERR_TAKEN"})
        if added:
            self._record_change(cursor, viewer, owned, added=added)

    def _remove(self, cursor: Cursor, viewer: Viewer, id: ListId, members: Sequence[AccountId]) -> None:
        owned = _own(cursor, viewer, id)
        if removed := lists.remove(cursor, id=id, members=members):
            self._record_change(cursor, viewer, owned, removed=removed)

    def _record_change(
        self,
        cursor: Cursor,
        viewer: Viewer,
        owned: AccountList,
        *,
        added: Sequence[AccountId] = (),
        removed: Sequence[AccountId] = (),
    ) -> AccountList:
        data = {
            "list": str(owned.id),
            "policy": owned.replies,
            "exclusive": owned.exclusive,
            "added": list(added),
            "removed": list(removed),
        }
        events.record(cursor, EventKind.LIST_CHANGED, at=self.now(), account=viewer.id, data=data)
        return owned

    def _timeline(self, cursor: Cursor, viewer: Viewer, id: ListId, page: Page) -> list[Post]:
        owned = _own(cursor, viewer, id)

        def read(part: Page) -> list[Entry]:
            return timelines.of_list(cursor, viewer=viewer.id, list=owned.id, replies=owned.replies, page=part, now=self.now())

        def may_show(boosted: Collection[PostId], below: PostId) -> bool:
            return timelines.may_show(cursor, viewer=viewer.id, posts=boosted, below=below)

        return posts.load(cursor, page_without_repeats(read, may_show, page))


def _own(cursor: Cursor, viewer: Viewer, id: ListId) -> AccountList:
    found = lists.by_id(cursor, account=viewer.id, id=id)
    if found is None:
        raise NotFound
    return found


def _with_member(cursor: Cursor, viewer: Viewer, member: AccountId) -> list[AccountList]:
    if accounts.approved_by_id(cursor, id=member) is None:
        raise NotFound
    return lists.with_member(cursor, account=viewer.id, member=member)


def _members(cursor: Cursor, viewer: Viewer, id: ListId, page: Page) -> list[RelatedAccount]:
    return lists.members(cursor, id=_own(cursor, viewer, id).id, page=page)


def _validated(before: AccountList, options: ListOptions) -> AccountList:
    """The list with these options. Raise Invalid."""
    title = before.title if options.title is None else post_text.clean_line(options.title[: 2 * MAX_TITLE_LENGTH], "title")
    if post_text.is_blank(title):
        raise Invalid({"title": "Title can't be blank"}, codes={"title": "ERR_BLANK"})
    if len(title) > MAX_TITLE_LENGTH:
        raise Invalid({"title": f"Title is too long (maximum is {MAX_TITLE_LENGTH} characters)"}, codes={"title": "ERR_TOO_LONG"})
    if options.replies and options.replies not in set(ListReplies):
        raise Invalid({"replies_policy": "Replies policy is not included in the list"}, codes={"replies_policy": "ERR_INCLUSION"})
    replies = ListReplies(options.replies) if options.replies else before.replies
    return evolve(before, title=title, replies=replies, exclusive=before.exclusive if options.exclusive is None else options.exclusive)
