"""Lists of people, who is in them, and what they post."""

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
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

READ = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:lists"})
WRITE = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:lists"})
BODY = (
    Param("title", TEXT, "What it is called."),
    Param("replies_policy", one_of("followed", "list", "none"), "Which replies to others it shows."),
    Param("exclusive", FLAG, "Do not show at home what its members post."),
)
MEMBERS = (Param("account_ids", IDS, "Whom.", required=True),)
EVERYBODY = 1_000_000

Command = Callable[[Viewer, ListId, Sequence[AccountId]], Awaitable[None]]


@frozen
class ListRoutes:
    """One's own lists."""

    lists: Lists

    @route("GET", "/api/v1/lists", READ, RouteDoc("One's lists", array_of(LIST)))
    async def all(self, request: Request) -> Response:
        """All of them, the first first."""
        return Response.json(LIST.each(await self.lists.of(request.member), None))

    @route("POST", "/api/v1/lists", WRITE, RouteDoc("Make a list", LIST, body=BODY, errors=(422,)))
    async def make(self, request: Request) -> Response:
        """A new one, without members."""
        return Response.json(LIST(await self.lists.create(request.member, _wanted(request)), None))

    @route("GET", "/api/v1/lists/<id:list_id>", READ, RouteDoc("A list", LIST, errors=(404,)))
    async def show(self, request: Request, list_id: int) -> Response:
        """One of them."""
        return Response.json(LIST(await self.lists.one(request.member, ListId(list_id)), None))

    @route("PUT", "/api/v1/lists/<id:list_id>", WRITE, RouteDoc("Change a list", LIST, body=BODY, errors=(404, 422)))
    @route("PATCH", "/api/v1/lists/<id:list_id>", WRITE, RouteDoc("Change a list", LIST, body=BODY, errors=(404, 422)))
    async def change(self, request: Request, list_id: int) -> Response:
        """What is not sent stays as it is."""
        return Response.json(LIST(await self.lists.change(request.member, ListId(list_id), _wanted(request)), None))

    @route("DELETE", "/api/v1/lists/<id:list_id>", WRITE, RouteDoc("Delete a list", EMPTY, errors=(404,)))
    async def delete(self, request: Request, list_id: int) -> Response:
        """Its members are followed as before."""
        await self.lists.delete(request.member, ListId(list_id))
        return Response.json({})

    @route(
        "GET", "/api/v1/accounts/<id:account_id>/lists", READ, RouteDoc("One's lists that somebody is in", array_of(LIST), errors=(404,))
    )
    async def with_member(self, request: Request, account_id: int) -> Response:
        """None for whom one does not follow."""
        found = await self.lists.with_member(request.member, AccountId(account_id))
        return Response.json(LIST.each(found, None))


@frozen
class ListMemberRoutes:
    """Who is in a list, and what they post."""

    entities: Entities
    shown: StatusSerializer
    lists: Lists

    @route(
        "GET",
        "/api/v1/timelines/list/<id:list_id>",
        READ,
        RouteDoc("What a list's members post", array_of(STATUS), query=PAGING, errors=(404,)),
    )
    async def timeline(self, request: Request, list_id: int) -> Response:
        """Newest first."""
        page = page_of(request)
        posts = await self.lists.timeline(request.member, ListId(list_id), page)
        return paged(request, await self.shown.many(request.viewer, posts), [post.id for post in posts], page, TIMELINE)

    @route(
        "GET",
        "/api/v1/lists/<id:list_id>/accounts",
        READ,
        RouteDoc("Who is in a list", array_of(ACCOUNT), query=PAGING, errors=(404,)),
    )
    async def members(self, request: Request, list_id: int) -> Response:
        """The newest first; a limit of 0 asks for everybody."""
        page = page_of(request, 40, 80)
        page = page if page.limit else Page(EVERYBODY)
        found = await self.lists.members(request.member, ListId(list_id), page)
        return paged(request, self.entities.related(found), [one.id for one in found], page, PEOPLE)

    @route("POST", "/api/v1/lists/<id:list_id>/accounts", WRITE, RouteDoc("Put people into a list", EMPTY, body=MEMBERS, errors=(404, 422)))
    async def add(self, request: Request, list_id: int) -> Response:
        """All of them, or nobody where one cannot be."""
        return await self._done(request, list_id, self.lists.add)

    @route(
        "DELETE", "/api/v1/lists/<id:list_id>/accounts", WRITE, RouteDoc("Take people out of a list", EMPTY, body=MEMBERS, errors=(404,))
    )
    async def remove(self, request: Request, list_id: int) -> Response:
        """Those of them who are in it."""
        return await self._done(request, list_id, self.lists.remove)

    async def _done(self, request: Request, list_id: int, command: Command) -> Response:
        await command(request.member, ListId(list_id), [AccountId(id) for id in request.fields.ids("account_ids")])
        return Response.json({})


def _wanted(request: Request) -> ListOptions:
    fields = request.fields
    return ListOptions(fields.text("title", default=None), fields.value("replies_policy") or None, fields.flag("exclusive", None))
