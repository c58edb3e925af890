"""Lists of people, each with a timeline of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import evolve, frozen

from microblog.domain.repeated_boosts import page_without_repeats
from microblog.domain.text import post_text
from microblog.model.accounts import RelatedAccount, Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, ListId
from microblog.model.lists import AccountList, ListReplies
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.storage import accounts, events, lists, posts, timelines
from microblog.storage.database import Cursor, Transactions
from microblog.storage.timelines import Entry

LONGEST_TITLE = 256
MOST_LISTS = 50
NOT_FOLLOWED = "Account must be a followed account"
THERE_ALREADY = "Account has already been taken"


@frozen
class ListOptions:
    """What a list is to be; None leaves it as it is, or as usual for a new one."""

    title: str | None = None
    replies: str | None = None
    exclusive: bool | None = None


@frozen
class Lists:
    """The viewer's lists. Every method raises NotFound for a list that is not theirs."""

    database: Transactions
    now: Callable[[], datetime]

    async def of(self, viewer: Viewer) -> list[AccountList]:
        """All of them, the first first."""
        return await self.database.read(lists.of_account, account=viewer.id)

    async def one(self, viewer: Viewer, id: ListId) -> AccountList:
        """One of them."""
        return await self.database.read(_own, viewer, id)

    async def with_member(self, viewer: Viewer, member: AccountId) -> list[AccountList]:
        """Those of the viewer's lists that somebody is in. Raises NotFound if there is no such account."""
        return await self.database.read(_with_member, viewer, member)

    async def create(self, viewer: Viewer, wanted: ListOptions) -> AccountList:
        """A new list. Raises Invalid (fields title, replies_policy, base)."""
        return await self.database.run(self._make, viewer, _settled(AccountList(ListId(0), ""), wanted))

    async def change(self, viewer: Viewer, id: ListId, wanted: ListOptions) -> AccountList:
        """Another title, policy or place. Raises Invalid as above."""
        return await self.database.run(self._change, viewer, id, wanted)

    async def delete(self, viewer: Viewer, id: ListId) -> None:
        """No such list any more; its members are followed as before."""
        await self.database.run(self._delete, viewer, id)

    async def members(self, viewer: Viewer, id: ListId, page: Page) -> list[RelatedAccount]:
        """Who is in it, the newest first."""
        return await self.database.read(_members, viewer, id, page)

    async def add(self, viewer: Viewer, id: ListId, members: Sequence[AccountId]) -> None:
        """Put people into it, all or none. Raises Invalid for whom the viewer does not follow or who is there already, and NotFound."""
        await self.database.run(self._add, viewer, id, members)

    async def remove(self, viewer: Viewer, id: ListId, members: Sequence[AccountId]) -> None:
        """Take people out of it."""
        await self.database.run(self._remove, viewer, id, members)

    async def timeline(self, viewer: Viewer, id: ListId, page: Page) -> list[Post]:
        """What its members post, without boosts that repeat."""
        return await self.database.read(self._timeline, viewer, id, page)

    def _make(self, cursor: Cursor, viewer: Viewer, made: AccountList) -> AccountList:
        if lists.count(cursor, account=viewer.id) >= MOST_LISTS:
            raise Invalid({"base": f"You have already the maximum number of lists ({MOST_LISTS})"})
        id = lists.insert(cursor, account=viewer.id, title=made.title, replies=made.replies, exclusive=made.exclusive, now=self.now())
        return self._told(cursor, viewer, evolve(made, id=id))

    def _change(self, cursor: Cursor, viewer: Viewer, id: ListId, wanted: ListOptions) -> AccountList:
        made = _settled(_own(cursor, viewer, id), wanted)
        lists.update(cursor, made)
        return self._told(cursor, viewer, made)

    def _delete(self, cursor: Cursor, viewer: Viewer, id: ListId) -> None:
        if not lists.delete(cursor, account=viewer.id, id=id):
            raise NotFound
        events.record(cursor, EventKind.LIST_CHANGED, at=self.now(), account=viewer.id, data={"list": str(id), "deleted": True})

    def _add(self, cursor: Cursor, viewer: Viewer, id: ListId, members: Sequence[AccountId]) -> None:
        made, wanted = _own(cursor, viewer, id), dict.fromkeys(members)
        if len(accounts.by_ids(cursor, ids=list(wanted))) != len(wanted):
            raise NotFound
        if lists.followed(cursor, account=viewer.id, ids=list(wanted)) != set(wanted):
            raise Invalid({"account": NOT_FOLLOWED})
        added = lists.add(cursor, account=viewer.id, id=id, members=list(wanted), now=self.now())
        if len(added) != len(wanted):
            raise Invalid({"account": THERE_ALREADY}, codes={"account": "ERR_TAKEN"})
        if added:
            self._told(cursor, viewer, made, added=added)

    def _remove(self, cursor: Cursor, viewer: Viewer, id: ListId, members: Sequence[AccountId]) -> None:
        made = _own(cursor, viewer, id)
        if removed := lists.remove(cursor, id=id, members=members):
            self._told(cursor, viewer, made, removed=removed)

    def _told(
        self, cursor: Cursor, viewer: Viewer, made: AccountList, *, added: Sequence[AccountId] = (), removed: Sequence[AccountId] = ()
    ) -> AccountList:
        data = {
            "list": str(made.id),
            "policy": made.replies,
            "exclusive": made.exclusive,
            "added": list(added),
            "removed": list(removed),
        }
        events.record(cursor, EventKind.LIST_CHANGED, at=self.now(), account=viewer.id, data=data)
        return made

    def _timeline(self, cursor: Cursor, viewer: Viewer, id: ListId, page: Page) -> list[Post]:
        made = _own(cursor, viewer, id)

        def read(part: Page) -> list[Entry]:
            return timelines.of_list(cursor, viewer=viewer.id, list=made.id, replies=made.replies, page=part, now=self.now())

        return posts.load(cursor, page_without_repeats(read, page))


def _own(cursor: Cursor, viewer: Viewer, id: ListId) -> AccountList:
    found = lists.one(cursor, account=viewer.id, id=id)
    if found is None:
        raise NotFound
    return found


def _with_member(cursor: Cursor, viewer: Viewer, member: AccountId) -> list[AccountList]:
    if accounts.admitted_by_id(cursor, id=member) is None:
        raise NotFound
    return lists.with_member(cursor, account=viewer.id, member=member)


def _members(cursor: Cursor, viewer: Viewer, id: ListId, page: Page) -> list[RelatedAccount]:
    return lists.members(cursor, id=_own(cursor, viewer, id).id, page=page)


def _settled(before: AccountList, wanted: ListOptions) -> AccountList:
    """The list as it is wanted. Raises Invalid."""
    title = before.title if wanted.title is None else post_text.clean_line(wanted.title[: 2 * LONGEST_TITLE], "title")
    if post_text.is_blank(title):
        raise Invalid({"title": "Title can't be blank"}, codes={"title": "ERR_BLANK"})
    if len(title) > LONGEST_TITLE:
        raise Invalid({"title": f"Title is too long (maximum is {LONGEST_TITLE} characters)"}, codes={"title": "ERR_TOO_LONG"})
    if wanted.replies and wanted.replies not in set(ListReplies):
        raise Invalid({"replies_policy": "Replies policy is not included in the list"}, codes={"replies_policy": "ERR_INCLUSION"})
    replies = ListReplies(wanted.replies) if wanted.replies else before.replies
    return evolve(before, title=title, replies=replies, exclusive=before.exclusive if wanted.exclusive is None else wanted.exclusive)
