"""Lists on the site: reading them, making them, and saying who is in them."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.accounts import Accounts
from microblog.domain.lists import ListOptions, Lists
from microblog.domain.tags import HashtagService
from microblog.model.errors import Invalid, NotFound
from microblog.model.filters import FilterContext
from microblog.model.ids import AccountId, ListId
from microblog.model.lists import AccountList, ListReplies
from microblog.model.paging import Page
from microblog.render.html.list_views import ListForm, list_edit_page, list_page, lists_of_page, lists_page
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import ConfirmView
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import page_of
from microblog.web.pages.post_renderer import PostRenderer
from microblog.web.pages.timelines import feed_of

MEMBER = RouteOptions(viewer=AccessLevel.MEMBER)
NEW = AccountList(ListId(0), "")
MOST_SHOWN = 1_000


@frozen
class ListPages:
    """Reading."""

    pages: Pages
    shells: PageContexts
    lists: Lists
    articles: PostRenderer
    tags: HashtagService

    @route("GET", "/lists", MEMBER)
    async def all(self, call: Request) -> Response:
        """The viewer's lists, the tags that they follow, and a form for one more list."""
        return await self._all(call, ListForm(NEW))

    async def _all(self, call: Request, form: ListForm, status: int = 200) -> Response:
        found = tuple(await self.lists.of(call.member))
        tags = tuple(kept.tag for kept in await self.tags.followed(call.member, Page(MOST_SHOWN)))
        return Response.html(lists_page(self.pages, await self.shells.of(call), found, tags, form), status)

    @route("POST", "/lists", MEMBER)
    async def make(self, call: Request) -> Response:
        """One more."""
        try:
            made = await self.lists.create(call.member, _wanted(call))
        except Invalid as problem:
            return await self._all(call, ListForm(_typed(call, NEW), errors=problem.fields), status_of(problem))
        return Response.redirect(f"/lists/{made.id}/edit")

    @route("GET", "/lists/<id:list_id>", MEMBER)
    async def show(self, call: Request, list_id: int) -> Response:
        """What its members post."""
        id, page = ListId(list_id), page_of(call)
        made = await self.lists.one(call.member, id)
        shell = await self.shells.of(call)
        feed = await feed_of(call, self.articles, await self.lists.timeline(call.member, id, page), page, FilterContext.HOME)
        return Response.html(list_page(self.pages, shell, made, feed))


@frozen
class ListForms:
    """Changing."""

    pages: Pages
    shells: PageContexts
    lists: Lists
    accounts: Accounts

    @route("GET", "/lists/<id:list_id>/edit", MEMBER)
    async def edit(self, call: Request, list_id: int) -> Response:
        """Its title and policy, and who is in it."""
        return await self._form(call, await self.lists.one(call.member, ListId(list_id)))

    async def _form(self, call: Request, made: AccountList, problem: Invalid | None = None) -> Response:
        members = await self.lists.members(call.member, made.id, Page(MOST_SHOWN))
        errors = problem.fields if problem else {}
        form = ListForm(made, tuple(one.account for one in members), call.fields.value("username", max=100), errors)
        page = list_edit_page(self.pages, await self.shells.of(call), form)
        return Response.html(page, status_of(problem) if problem else 200)

    @route("POST", "/lists/<id:list_id>/edit", MEMBER)
    async def save(self, call: Request, list_id: int) -> Response:
        """Another title or policy."""
        made = await self.lists.one(call.member, ListId(list_id))
        try:
            await self.lists.change(call.member, made.id, _wanted(call))
        except Invalid as problem:
            return await self._form(call, _typed(call, made), problem)
        return Response.redirect(f"/lists/{made.id}/edit?notice=saved")

    @route("POST", "/lists/<id:list_id>/members", MEMBER)
    async def add(self, call: Request, list_id: int) -> Response:
        """Put somebody into it, by name."""
        made = await self.lists.one(call.member, ListId(list_id))
        try:
            account = await self.accounts.by_username(call.fields.value("username", max=100))
            await self.lists.add(call.member, made.id, [account.id])
        except NotFound:
            return await self._form(call, made, Invalid({"username": "No user has this name"}))
        except Invalid as problem:
            why = "Already in this list" if problem.codes else "You can only add people you follow"
            return await self._form(call, made, Invalid({"username": why}))
        return Response.redirect(f"/lists/{made.id}/edit")

    @route("POST", "/lists/<id:list_id>/members/<id:account_id>/remove", MEMBER)
    async def remove(self, call: Request, list_id: int, account_id: int) -> Response:
        """Take somebody out of it."""
        await self.lists.remove(call.member, ListId(list_id), [AccountId(account_id)])
        return Response.redirect(f"/lists/{list_id}/edit")

    @route("GET", "/lists/<id:list_id>/delete", MEMBER)
    async def delete_question(self, call: Request, list_id: int) -> Response:
        """Ask before it is deleted."""
        made = await self.lists.one(call.member, ListId(list_id))
        confirm = ConfirmView(
            title=f"Delete the list {made.title}?",
            sentence="You will still follow the people in it.",
            action=f"/lists/{made.id}/delete",
            button="Delete list",
            cancel=f"/lists/{made.id}/edit",
        )
        return Response.html(self.pages.confirm(await self.shells.of(call), confirm))

    @route("POST", "/lists/<id:list_id>/delete", MEMBER)
    async def delete(self, call: Request, list_id: int) -> Response:
        """Delete it."""
        await self.lists.delete(call.member, ListId(list_id))
        return Response.redirect("/lists")

    @route("GET", "/@<username:username>/lists", MEMBER)
    async def of_account(self, call: Request, username: str) -> Response:
        """Which of the viewer's lists somebody is in."""
        account = await self.accounts.by_username(username)
        within = {made.id for made in await self.lists.with_member(call.member, account.id)}
        lists = tuple((made, made.id in within) for made in await self.lists.of(call.member))
        return Response.html(lists_of_page(self.pages, await self.shells.of(call), account, lists))

    @route("POST", "/@<username:username>/lists", MEMBER)
    async def put(self, call: Request, username: str) -> Response:
        """Let somebody be in exactly these."""
        account = await self.accounts.by_username(username)
        within = {made.id for made in await self.lists.with_member(call.member, account.id)}
        wanted = {ListId(id) for id in call.fields.ids("lists")}
        for id in sorted(wanted - within):
            await self.lists.add(call.member, id, [account.id])
        for id in sorted(within - wanted):
            await self.lists.remove(call.member, id, [account.id])
        return Response.redirect(f"/@{account.username}?notice=saved")


def _wanted(call: Request) -> ListOptions:
    fields = call.fields
    return ListOptions(fields.text("title"), fields.value("replies_policy") or None, fields.flag("exclusive"))


def _typed(call: Request, made: AccountList) -> AccountList:
    """The form as it was sent, as far as a list can be like that."""
    policy = call.fields.value("replies_policy")
    replies = ListReplies(policy) if policy in set(ListReplies) else made.replies
    return AccountList(made.id, call.fields.text("title")[:300], replies, call.fields.flag("exclusive"))
