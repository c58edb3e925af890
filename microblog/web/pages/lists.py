"""Pages of lists: their timelines, and the forms to manage them."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.accounts import Accounts
from microblog.domain.collection_cache import CollectionCache
from microblog.domain.lists import ListOptions, Lists
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
from microblog.web.http.response_cache import CacheableResponse
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import page_of
from microblog.web.pages.post_renderer import PostRenderer
from microblog.web.pages.timelines import feed_of

MEMBER = RouteOptions(viewer=AccessLevel.MEMBER)
NEW = AccountList(ListId(0), "")
MAX_SHOWN = 1_000


@frozen
class ListPages:
    """The overview of lists, and their timelines."""

    pages: Pages
    contexts: PageContexts
    lists: Lists
    renderer: PostRenderer
    collections: CollectionCache

    @route("GET", "/lists", MEMBER)
    async def all(self, request: Request) -> Response:
        """Show the viewer's lists and followed hashtags, with a form for a new list."""
        return await self._all(request, ListForm(NEW))

    async def _all(self, request: Request, form: ListForm, status: int = 200) -> Response:
        found, tags = await self.collections.lists(request.member), await self.collections.followed_tags(request.member)
        return Response.html(bytes(lists_page(self.pages, await self.contexts.of(request), found, tags, form)), status)

    @route("POST", "/lists", MEMBER)
    async def make(self, request: Request) -> Response:
        """Create a list."""
        try:
            account_list = await self.lists.create(request.member, _list_options(request))
        except Invalid as problem:
            return await self._all(request, ListForm(_submitted_list(request, NEW), errors=problem.fields), status_of(problem))
        return Response.redirect(f"/lists/{account_list.id}/edit")

    @route("GET", "/lists/<id:list_id>", MEMBER)
    async def show(self, request: Request, list_id: int) -> Response:
        """Show the timeline of a list."""
        return await self.renderer.responses.get_or_make_page(request, lambda: self._show(request, ListId(list_id)))

    async def _show(self, request: Request, id: ListId) -> CacheableResponse:
        viewer, page = request.member, page_of(request)
        account_list = await self.collections.list(viewer, id)
        context = await self.contexts.of(request)
        posts = await self.lists.timeline(viewer, id, page)
        html = list_page(self.pages, context, account_list, await feed_of(request, self.renderer, posts, page, FilterContext.HOME))
        dependencies = await self.lists.timelines.list_dependencies(viewer, id, posts) | self.contexts.dependencies(context)
        return CacheableResponse(Response.html(bytes(html)), dependencies, html)


@frozen
class ListForms:
    """Forms to change a list and its members."""

    pages: Pages
    contexts: PageContexts
    lists: Lists
    accounts: Accounts

    @route("GET", "/lists/<id:list_id>/edit", MEMBER)
    async def edit(self, request: Request, list_id: int) -> Response:
        """Show the form for title, replies policy and members."""
        return await self._form(request, await self.lists.one(request.member, ListId(list_id)))

    async def _form(self, request: Request, account_list: AccountList, problem: Invalid | None = None) -> Response:
        members = await self.lists.members(request.member, account_list.id, Page(MAX_SHOWN))
        errors = problem.fields if problem else {}
        form = ListForm(account_list, tuple(one.account for one in members), request.fields.value("username", max=100), errors)
        page = list_edit_page(self.pages, await self.contexts.of(request), form)
        return Response.html(page, status_of(problem) if problem else 200)

    @route("POST", "/lists/<id:list_id>/edit", MEMBER)
    async def save(self, request: Request, list_id: int) -> Response:
        """Save title and replies policy."""
        account_list = await self.lists.one(request.member, ListId(list_id))
        try:
            await self.lists.change(request.member, account_list.id, _list_options(request))
        except Invalid as problem:
            return await self._form(request, _submitted_list(request, account_list), problem)
        return Response.redirect(f"/lists/{account_list.id}/edit?notice=saved")

    @route("POST", "/lists/<id:list_id>/members", MEMBER)
    async def add(self, request: Request, list_id: int) -> Response:
        """Add an account by username."""
        account_list = await self.lists.one(request.member, ListId(list_id))
        try:
            account = await self.accounts.by_acct(request.fields.value("username", max=100))
            await self.lists.add(request.member, account_list.id, [account.id])
        except NotFound:
            return await self._form(request, account_list, Invalid({"username": "No user has this name"}))
        except Invalid as problem:
            sentence = "Already in this list" if problem.codes else "You can only add people you follow"
            return await self._form(request, account_list, Invalid({"username": sentence}))
        return Response.redirect(f"/lists/{account_list.id}/edit")

    @route("POST", "/lists/<id:list_id>/members/<id:account_id>/remove", MEMBER)
    async def remove(self, request: Request, list_id: int, account_id: int) -> Response:
        """Remove an account."""
        await self.lists.remove(request.member, ListId(list_id), [AccountId(account_id)])
        return Response.redirect(f"/lists/{list_id}/edit")

    @route("GET", "/lists/<id:list_id>/delete", MEMBER)
    async def delete_question(self, request: Request, list_id: int) -> Response:
        """Ask for confirmation before a list is deleted."""
        account_list = await self.lists.one(request.member, ListId(list_id))
        confirm = ConfirmView(
            title=f"Delete the list {account_list.title}?",
            sentence="You will still follow the people in it.",
            action=f"/lists/{account_list.id}/delete",
            button="Delete list",
            cancel=f"/lists/{account_list.id}/edit",
        )
        return Response.html(self.pages.confirm(await self.contexts.of(request), confirm))

    @route("POST", "/lists/<id:list_id>/delete", MEMBER)
    async def delete(self, request: Request, list_id: int) -> Response:
        """Delete a list."""
        await self.lists.delete(request.member, ListId(list_id))
        return Response.redirect("/lists")

    @route("GET", "/@<username:username>/lists", MEMBER)
    async def of_account(self, request: Request, username: str) -> Response:
        """Show the viewer's lists, with those that include an account checked."""
        account = await self.accounts.by_acct(username)
        included = {account_list.id for account_list in await self.lists.with_member(request.member, account.id)}
        lists = tuple((account_list, account_list.id in included) for account_list in await self.lists.of(request.member))
        return Response.html(lists_of_page(self.pages, await self.contexts.of(request), account, lists))

    @route("POST", "/@<username:username>/lists", MEMBER)
    async def put(self, request: Request, username: str) -> Response:
        """Set the lists that include an account."""
        account = await self.accounts.by_acct(username)
        included = {account_list.id for account_list in await self.lists.with_member(request.member, account.id)}
        selected = {ListId(id) for id in request.fields.ids("lists")}
        for id in sorted(selected - included):
            await self.lists.add(request.member, id, [account.id])
        for id in sorted(included - selected):
            await self.lists.remove(request.member, id, [account.id])
        return Response.redirect(f"/@{account.acct}?notice=saved")


def _list_options(request: Request) -> ListOptions:
    fields = request.fields
    return ListOptions(fields.text("title"), fields.value("replies_policy") or None, fields.flag("exclusive"))


def _submitted_list(request: Request, account_list: AccountList) -> AccountList:
    """Build a list from the submitted form, keeping valid values."""
    policy = request.fields.value("replies_policy")
    replies = ListReplies(policy) if policy in set(ListReplies) else account_list.replies
    return AccountList(account_list.id, request.fields.text("title")[:300], replies, request.fields.flag("exclusive"))
