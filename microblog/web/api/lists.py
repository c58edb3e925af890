"""Lists: timelines of chosen accounts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from attrs import frozen

from microblog.domain.lists import ListOptions, Lists
from microblog.model.accounts import Viewer
from microblog.model.ids import AccountId, ListId
from microblog.model.paging import Page
from microblog.render.api.accounts import ACCOUNT
from microblog.render.api.entities import Entities
from microblog.render.api.lists import LIST
from microblog.render.api.schemas import EMPTY, FLAG, IDS, TEXT, array_of, one_of
from microblog.render.api.statuses import STATUS
from microblog.web.api.paging import PEOPLE, TIMELINE, page_of, paged
from microblog.web.api.status_serializer import StatusSerializer
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.response_cache import CacheableResponse, ResponseCache
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

READ = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:lists"})
WRITE = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:lists"})
BODY = (
    Param("title", TEXT, "The title of the list."),
    Param("replies_policy", one_of("followed", "list", "none"), "Which replies should be shown in the list."),
    Param("exclusive", FLAG, "Whether posts of its members are removed from the home timeline."),
)
MEMBERS = (Param("account_ids", IDS, "The accounts to add or remove.", required=True),)
ALL_MEMBERS = 1_000_000

Command = Callable[[Viewer, ListId, Sequence[AccountId]], Awaitable[None]]


@frozen
class ListRoutes:
    """The user's lists."""

    lists: Lists

    @route("GET", "/api/v1/lists", READ, RouteDoc("View your lists", array_of(LIST)))
    async def all(self, request: Request) -> Response:
        """All lists, oldest first."""
        return Response.json(LIST.each(await self.lists.of(request.member), None))

    @route("POST", "/api/v1/lists", WRITE, RouteDoc("Create a list", LIST, body=BODY, errors=(422,)))
    async def make(self, request: Request) -> Response:
        """Create a list without members."""
        return Response.json(LIST(await self.lists.create(request.member, _options(request)), None))

    @route("GET", "/api/v1/lists/<id:list_id>", READ, RouteDoc("Show a single list", LIST, errors=(404,)))
    async def show(self, request: Request, list_id: int) -> Response:
        """One list by id."""
        return Response.json(LIST(await self.lists.one(request.member, ListId(list_id)), None))

    @route("PUT", "/api/v1/lists/<id:list_id>", WRITE, RouteDoc("Update a list", LIST, body=BODY, errors=(404, 422)))
    @route("PATCH", "/api/v1/lists/<id:list_id>", WRITE, RouteDoc("Update a list", LIST, body=BODY, errors=(404, 422)))
    async def change(self, request: Request, list_id: int) -> Response:
        """Change the given attributes; others keep their values."""
        return Response.json(LIST(await self.lists.change(request.member, ListId(list_id), _options(request)), None))

    @route("DELETE", "/api/v1/lists/<id:list_id>", WRITE, RouteDoc("Delete a list", EMPTY, errors=(404,)))
    async def delete(self, request: Request, list_id: int) -> Response:
        """Delete the list; its members are still followed."""
        await self.lists.delete(request.member, ListId(list_id))
        return Response.json({})

    @route(
        "GET", "/api/v1/accounts/<id:account_id>/lists", READ, RouteDoc("Get lists containing this account", array_of(LIST), errors=(404,))
    )
    async def with_member(self, request: Request, account_id: int) -> Response:
        """The user's lists that contain the account; none for accounts that the user does not follow."""
        found = await self.lists.with_member(request.member, AccountId(account_id))
        return Response.json(LIST.each(found, None))


@frozen
class ListMemberRoutes:
    """Members of a list and their posts."""

    entities: Entities
    serializer: StatusSerializer
    lists: Lists
    cache: ResponseCache

    @route(
        "GET",
        "/api/v1/timelines/list/<id:list_id>",
        READ,
        RouteDoc("View list timeline", array_of(STATUS), query=PAGING, errors=(404,)),
    )
    async def timeline(self, request: Request, list_id: int) -> Response:
        """Posts of the list's members, newest first."""
        return await self.cache.get_or_make(request, lambda: self._timeline(request, ListId(list_id)))

    async def _timeline(self, request: Request, id: ListId) -> CacheableResponse:
        page = page_of(request)
        posts = await self.lists.timeline(request.member, id, page)
        body = await self.serializer.many(request.viewer, posts)
        dependencies = await self.lists.timelines.list_dependencies(request.member, id, posts)
        return CacheableResponse(paged(request, body, [post.id for post in posts], page, TIMELINE), dependencies)

    @route(
        "GET",
        "/api/v1/lists/<id:list_id>/accounts",
        READ,
        RouteDoc("View accounts in a list", array_of(ACCOUNT), query=PAGING, errors=(404,)),
    )
    async def members(self, request: Request, list_id: int) -> Response:
        """Members of the list, most recently added first; a limit of 0 returns all of them."""
        page = page_of(request, 40, 80)
        page = page if page.limit else Page(ALL_MEMBERS)
        found = await self.lists.members(request.member, ListId(list_id), page)
        return paged(request, self.entities.related(found), [one.id for one in found], page, PEOPLE)

    @route("POST", "/api/v1/lists/<id:list_id>/accounts", WRITE, RouteDoc("Add accounts to a list", EMPTY, body=MEMBERS, errors=(404, 422)))
    async def add(self, request: Request, list_id: int) -> Response:
        """Add all given accounts, or none if one of them cannot be added."""
        return await self._done(request, list_id, self.lists.add)

    @route(
        "DELETE", "/api/v1/lists/<id:list_id>/accounts", WRITE, RouteDoc("Remove accounts from list", EMPTY, body=MEMBERS, errors=(404,))
    )
    async def remove(self, request: Request, list_id: int) -> Response:
        """Remove the given accounts; those that are not in the list are ignored."""
        return await self._done(request, list_id, self.lists.remove)

    async def _done(self, request: Request, list_id: int, command: Command) -> Response:
        await command(request.member, ListId(list_id), [AccountId(id) for id in request.fields.ids("account_ids")])
        return Response.json({})


def _options(request: Request) -> ListOptions:
    fields = request.fields
    return ListOptions(fields.text("title", default=None), fields.value("replies_policy") or None, fields.flag("exclusive", None))
