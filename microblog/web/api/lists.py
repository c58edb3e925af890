"""Lists of people, who is in them, and what they post."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from attrs import frozen

from microblog.domain.lists import Lists, Wanted
from microblog.model.accounts import Viewer
from microblog.model.ids import AccountId, ListId
from microblog.model.paging import Page
from microblog.render.api.accounts import ACCOUNT
from microblog.render.api.entities import Entities
from microblog.render.api.lists import LIST
from microblog.render.api.schemas import EMPTY, FLAG, IDS, TEXT, array_of, one_of
from microblog.render.api.statuses import STATUS
from microblog.web.api.paging import PEOPLE, TIMELINE, page_of, paged
from microblog.web.api.status_serializer import Shown
from microblog.web.http.request import Call
from microblog.web.http.response import Answer
from microblog.web.http.route import Needs, Who, route
from microblog.web.http.route_docs import PAGING, Doc, Param

READ = Needs(api=True, viewer=Who.MEMBER, scopes={"read:lists"})
WRITE = Needs(api=True, viewer=Who.MEMBER, scopes={"write:lists"})
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

    @route("GET", "/api/v1/lists", READ, Doc("One's lists", array_of(LIST)))
    async def all(self, call: Call) -> Answer:
        """All of them, the first first."""
        return Answer.json(LIST.each(await self.lists.of(call.member), None))

    @route("POST", "/api/v1/lists", WRITE, Doc("Make a list", LIST, body=BODY, errors=(422,)))
    async def make(self, call: Call) -> Answer:
        """A new one, without members."""
        return Answer.json(LIST(await self.lists.make(call.member, _wanted(call)), None))

    @route("GET", "/api/v1/lists/<id:list_id>", READ, Doc("A list", LIST, errors=(404,)))
    async def show(self, call: Call, list_id: int) -> Answer:
        """One of them."""
        return Answer.json(LIST(await self.lists.one(call.member, ListId(list_id)), None))

    @route("PUT", "/api/v1/lists/<id:list_id>", WRITE, Doc("Change a list", LIST, body=BODY, errors=(404, 422)))
    @route("PATCH", "/api/v1/lists/<id:list_id>", WRITE, Doc("Change a list", LIST, body=BODY, errors=(404, 422)))
    async def change(self, call: Call, list_id: int) -> Answer:
        """What is not sent stays as it is."""
        return Answer.json(LIST(await self.lists.change(call.member, ListId(list_id), _wanted(call)), None))

    @route("DELETE", "/api/v1/lists/<id:list_id>", WRITE, Doc("Delete a list", EMPTY, errors=(404,)))
    async def delete(self, call: Call, list_id: int) -> Answer:
        """Its members are followed as before."""
        await self.lists.delete(call.member, ListId(list_id))
        return Answer.json({})

    @route("GET", "/api/v1/accounts/<id:account_id>/lists", READ, Doc("One's lists that somebody is in", array_of(LIST), errors=(404,)))
    async def with_member(self, call: Call, account_id: int) -> Answer:
        """None for whom one does not follow."""
        found = await self.lists.with_member(call.member, AccountId(account_id))
        return Answer.json(LIST.each(found, None))


@frozen
class ListMemberRoutes:
    """Who is in a list, and what they post."""

    entities: Entities
    shown: Shown
    lists: Lists

    @route(
        "GET", "/api/v1/timelines/list/<id:list_id>", READ, Doc("What a list's members post", array_of(STATUS), query=PAGING, errors=(404,))
    )
    async def timeline(self, call: Call, list_id: int) -> Answer:
        """Newest first."""
        page = page_of(call)
        posts = await self.lists.timeline(call.member, ListId(list_id), page)
        return paged(call, await self.shown.many(call.viewer, posts), [post.id for post in posts], page, TIMELINE)

    @route(
        "GET",
        "/api/v1/lists/<id:list_id>/accounts",
        READ,
        Doc("Who is in a list", array_of(ACCOUNT), query=PAGING, errors=(404,)),
    )
    async def members(self, call: Call, list_id: int) -> Answer:
        """The newest first; a limit of 0 asks for everybody."""
        page = page_of(call, 40, 80)
        page = page if page.limit else Page(EVERYBODY)
        found = await self.lists.members(call.member, ListId(list_id), page)
        return paged(call, self.entities.related(found), [one.id for one in found], page, PEOPLE)

    @route("POST", "/api/v1/lists/<id:list_id>/accounts", WRITE, Doc("Put people into a list", EMPTY, body=MEMBERS, errors=(404, 422)))
    async def add(self, call: Call, list_id: int) -> Answer:
        """All of them, or nobody where one cannot be."""
        return await self._done(call, list_id, self.lists.add)

    @route("DELETE", "/api/v1/lists/<id:list_id>/accounts", WRITE, Doc("Take people out of a list", EMPTY, body=MEMBERS, errors=(404,)))
    async def remove(self, call: Call, list_id: int) -> Answer:
        """Those of them who are in it."""
        return await self._done(call, list_id, self.lists.remove)

    async def _done(self, call: Call, list_id: int, command: Command) -> Answer:
        await command(call.member, ListId(list_id), [AccountId(id) for id in call.fields.ids("account_ids")])
        return Answer.json({})


def _wanted(call: Call) -> Wanted:
    fields = call.fields
    return Wanted(fields.text("title", default=None), fields.value("replies_policy") or None, fields.flag("exclusive", None))
