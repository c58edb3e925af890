"""Lists on the site: reading them, making them, and saying who is in them."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.accounts import Accounts
from microblog.domain.lists import Lists, Wanted
from microblog.domain.tags import Tags
from microblog.model.errors import Invalid, NotFound
from microblog.model.filters import Context
from microblog.model.ids import AccountId, ListId
from microblog.model.lists import List, Replies
from microblog.model.paging import Page
from microblog.render.html.list_views import ListForm, list_edit_page, list_page, lists_of_page, lists_page
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import Confirm
from microblog.web.http.errors import status_of
from microblog.web.http.request import Call
from microblog.web.http.response import Answer
from microblog.web.http.route import Needs, Who, route
from microblog.web.pages.page_context import Shells
from microblog.web.pages.paging import page_of
from microblog.web.pages.post_renderer import Articles
from microblog.web.pages.timelines import feed_of

MEMBER = Needs(viewer=Who.MEMBER)
NEW = List(ListId(0), "")
MOST_SHOWN = 1_000


@frozen
class ListPages:
    """Reading."""

    pages: Pages
    shells: Shells
    lists: Lists
    articles: Articles
    tags: Tags

    @route("GET", "/lists", MEMBER)
    async def all(self, call: Call) -> Answer:
        """The viewer's lists, the tags that they follow, and a form for one more list."""
        return await self._all(call, ListForm(NEW))

    async def _all(self, call: Call, form: ListForm, status: int = 200) -> Answer:
        found = tuple(await self.lists.of(call.member))
        tags = tuple(kept.tag for kept in await self.tags.followed(call.member, Page(MOST_SHOWN)))
        return Answer.html(lists_page(self.pages, await self.shells.of(call), found, tags, form), status)

    @route("POST", "/lists", MEMBER)
    async def make(self, call: Call) -> Answer:
        """One more."""
        try:
            made = await self.lists.make(call.member, _wanted(call))
        except Invalid as problem:
            return await self._all(call, ListForm(_typed(call, NEW), errors=problem.fields), status_of(problem))
        return Answer.redirect(f"/lists/{made.id}/edit")

    @route("GET", "/lists/<id:list_id>", MEMBER)
    async def show(self, call: Call, list_id: int) -> Answer:
        """What its members post."""
        id, page = ListId(list_id), page_of(call)
        made = await self.lists.one(call.member, id)
        shell = await self.shells.of(call)
        feed = await feed_of(call, self.articles, await self.lists.timeline(call.member, id, page), page, Context.HOME)
        return Answer.html(list_page(self.pages, shell, made, feed))


@frozen
class ListForms:
    """Changing."""

    pages: Pages
    shells: Shells
    lists: Lists
    accounts: Accounts

    @route("GET", "/lists/<id:list_id>/edit", MEMBER)
    async def edit(self, call: Call, list_id: int) -> Answer:
        """Its title and policy, and who is in it."""
        return await self._form(call, await self.lists.one(call.member, ListId(list_id)))

    async def _form(self, call: Call, made: List, problem: Invalid | None = None) -> Answer:
        members = await self.lists.members(call.member, made.id, Page(MOST_SHOWN))
        errors = problem.fields if problem else {}
        form = ListForm(made, tuple(one.account for one in members), call.fields.value("username", max=100), errors)
        page = list_edit_page(self.pages, await self.shells.of(call), form)
        return Answer.html(page, status_of(problem) if problem else 200)

    @route("POST", "/lists/<id:list_id>/edit", MEMBER)
    async def save(self, call: Call, list_id: int) -> Answer:
        """Another title or policy."""
        made = await self.lists.one(call.member, ListId(list_id))
        try:
            await self.lists.change(call.member, made.id, _wanted(call))
        except Invalid as problem:
            return await self._form(call, _typed(call, made), problem)
        return Answer.redirect(f"/lists/{made.id}/edit?notice=saved")

    @route("POST", "/lists/<id:list_id>/members", MEMBER)
    async def add(self, call: Call, list_id: int) -> Answer:
        """Put somebody into it, by name."""
        made = await self.lists.one(call.member, ListId(list_id))
        try:
            account = await self.accounts.by_username(call.fields.value("username", max=100))
            await self.lists.add(call.member, made.id, [account.id])
        except NotFound:
            return await self._form(call, made, Invalid({"username": "Nobody here goes by that name"}))
        except Invalid as problem:
            why = "They are in this list already" if problem.codes else "Only people whom you follow can be in a list"
            return await self._form(call, made, Invalid({"username": why}))
        return Answer.redirect(f"/lists/{made.id}/edit")

    @route("POST", "/lists/<id:list_id>/members/<id:account_id>/remove", MEMBER)
    async def remove(self, call: Call, list_id: int, account_id: int) -> Answer:
        """Take somebody out of it."""
        await self.lists.remove(call.member, ListId(list_id), [AccountId(account_id)])
        return Answer.redirect(f"/lists/{list_id}/edit")

    @route("GET", "/lists/<id:list_id>/delete", MEMBER)
    async def delete_question(self, call: Call, list_id: int) -> Answer:
        """Ask before it is deleted."""
        made = await self.lists.one(call.member, ListId(list_id))
        confirm = Confirm(
            title=f"Delete the list {made.title}?",
            sentence="You go on following the people in it.",
            action=f"/lists/{made.id}/delete",
            button="Delete list",
            cancel=f"/lists/{made.id}/edit",
        )
        return Answer.html(self.pages.confirm(await self.shells.of(call), confirm))

    @route("POST", "/lists/<id:list_id>/delete", MEMBER)
    async def delete(self, call: Call, list_id: int) -> Answer:
        """Delete it."""
        await self.lists.delete(call.member, ListId(list_id))
        return Answer.redirect("/lists")

    @route("GET", "/@<username:username>/lists", MEMBER)
    async def of_account(self, call: Call, username: str) -> Answer:
        """Which of the viewer's lists somebody is in."""
        account = await self.accounts.by_username(username)
        within = {made.id for made in await self.lists.with_member(call.member, account.id)}
        lists = tuple((made, made.id in within) for made in await self.lists.of(call.member))
        return Answer.html(lists_of_page(self.pages, await self.shells.of(call), account, lists))

    @route("POST", "/@<username:username>/lists", MEMBER)
    async def put(self, call: Call, username: str) -> Answer:
        """Let somebody be in exactly these."""
        account = await self.accounts.by_username(username)
        within = {made.id for made in await self.lists.with_member(call.member, account.id)}
        wanted = {ListId(id) for id in call.fields.ids("lists")}
        for id in sorted(wanted - within):
            await self.lists.add(call.member, id, [account.id])
        for id in sorted(within - wanted):
            await self.lists.remove(call.member, id, [account.id])
        return Answer.redirect(f"/@{account.username}?notice=saved")


def _wanted(call: Call) -> Wanted:
    fields = call.fields
    return Wanted(fields.text("title"), fields.value("replies_policy") or None, fields.flag("exclusive"))


def _typed(call: Call, made: List) -> List:
    """The form as it was sent, as far as a list can be like that."""
    policy = call.fields.value("replies_policy")
    replies = Replies(policy) if policy in set(Replies) else made.replies
    return List(made.id, call.fields.text("title")[:300], replies, call.fields.flag("exclusive"))
