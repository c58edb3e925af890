"""Endorsements (featured accounts), familiar followers, the profile directory and follow suggestions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import evolve, frozen

from microblog.domain.suggestions import Suggestions
from microblog.model.accounts import Relationship, Viewer
from microblog.model.ids import AccountId
from microblog.render.api.accounts import ACCOUNT, RELATIONSHIP
from microblog.render.api.entities import Entities
from microblog.render.api.schemas import EMPTY, FLAG, ID, IDS, WHOLE, array_of, one_of, record
from microblog.render.api.search import SUGGESTION
from microblog.web.api.paging import PEOPLE, page_of, paged
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import LIMIT, PAGING, Param, RouteDoc

READ = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:accounts"})
WRITE = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:accounts"})
OPEN = RouteOptions(api=True, scopes={"read:accounts"})
ALL_ACCOUNTS = 1_000_000
MAX_OFFSET = 100_000
OLD = "@1686528000"  # 2023-06-12, when version 2 of suggestions replaced version 1
FAMILIAR = record({"id": ID, "accounts": array_of(ACCOUNT)})
ENDORSE = RouteDoc("Feature account on your profile", RELATIONSHIP, errors=(404, 422))
UNENDORSE = RouteDoc("Unfeature account from profile", RELATIONSHIP, errors=(404,))
OFFSET = Param("offset", WHOLE, "Skip the first n results.")


@frozen
class EndorsementRoutes:
    """Featured accounts on profiles. Older paths call this pinning."""

    entities: Entities
    people: Suggestions

    @route("POST", "/api/v1/accounts/<id:account_id>/endorse", WRITE, ENDORSE)
    @route("POST", "/api/v1/accounts/<id:account_id>/pin", WRITE, ENDORSE)
    async def endorse(self, request: Request, account_id: int) -> Response:
        """Feature the account on the user's profile."""
        return await self._done(request, account_id, self.people.endorse)

    @route("POST", "/api/v1/accounts/<id:account_id>/unendorse", WRITE, UNENDORSE)
    @route("POST", "/api/v1/accounts/<id:account_id>/unpin", WRITE, UNENDORSE)
    async def unendorse(self, request: Request, account_id: int) -> Response:
        """Remove the account from the user's profile."""
        return await self._done(request, account_id, self.people.unendorse)

    async def _done(self, request: Request, account_id: int, command: Callable[[Viewer, AccountId], Awaitable[Relationship]]) -> Response:
        return Response.json(RELATIONSHIP(await command(request.member, AccountId(account_id)), None))

    @route("GET", "/api/v1/endorsements", READ, RouteDoc("View featured accounts", array_of(ACCOUNT), query=PAGING))
    async def own(self, request: Request) -> Response:
        """Accounts on the user's profile, most recent first; a limit of 0 returns all of them."""
        return await self._page(request, request.member.id)

    @route(
        "GET",
        "/api/v1/accounts/<id:account_id>/endorsements",
        OPEN,
        RouteDoc("Get accounts featured by an account", array_of(ACCOUNT), query=PAGING, errors=(404,)),
    )
    async def of_account(self, request: Request, account_id: int) -> Response:
        """Accounts on the account's profile, most recent first."""
        return await self._page(request, AccountId(account_id))

    async def _page(self, request: Request, account: AccountId) -> Response:
        page = page_of(request, 40, 80)
        page = page if page.limit else evolve(page, limit=ALL_ACCOUNTS)
        found = await self.people.endorsed(request.viewer, account, page)
        return paged(request, self.entities.related(found), [one.id for one in found], page, PEOPLE)


@frozen
class DirectoryRoutes:
    """Ways to find accounts to follow."""

    entities: Entities
    people: Suggestions

    @route(
        "GET",
        "/api/v1/accounts/familiar_followers",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:follows"}),
        RouteDoc("Find familiar followers", array_of(FAMILIAR), query=(Param("id", IDS, required=True),)),
    )
    async def familiar(self, request: Request) -> Response:
        """For each of up to 40 accounts, those of its followers that the user follows too."""
        ids = [AccountId(id) for id in request.fields.ids("id")[:40]]
        found = await self.people.familiar(request.member, ids)
        return Response.json([{"id": str(id), "accounts": self.entities.accounts(accounts)} for id, accounts in found])

    @route(
        "GET",
        "/api/v1/directory",
        RouteOptions(api=True),
        RouteDoc(
            "View profile directory",
            array_of(ACCOUNT),
            query=(
                Param(
                    "order",
                    one_of("active", "new"),
                    "Sort by most recently posted statuses (active) or most recently created profiles (new).",
                ),
                Param("local", FLAG, "Accepted for compatibility; all accounts are local."),
                *LIMIT,
                OFFSET,
            ),
            errors=(404,),
        ),
    )
    async def directory(self, request: Request) -> Response:
        """Discoverable accounts, most recently active first by default. Not found on sites that turned the directory off."""
        fields = request.fields
        offset = fields.offset(MAX_OFFSET)
        newest = fields.value("order") == "new"
        found = await self.people.directory(request.viewer, newest=newest, limit=fields.limit(40, 80), offset=offset)
        return Response.json(self.entities.accounts(found))

    @route("GET", "/api/v2/suggestions", READ, RouteDoc("View follow suggestions (v2)", array_of(SUGGESTION), query=(*LIMIT, OFFSET)))
    async def suggestions(self, request: Request) -> Response:
        """The most followed accounts that the user has no relationship to."""
        found = await self.people.suggested(request.member, request.fields.limit(40, 80), request.fields.offset(MAX_OFFSET))
        return Response.json(SUGGESTION.each(found, self.entities))

    @route(
        "GET",
        "/api/v1/suggestions",
        READ,
        RouteDoc("View follow suggestions (v1)", array_of(ACCOUNT), query=(*LIMIT, OFFSET)),
    )
    async def old_suggestions(self, request: Request) -> Response:
        """Suggested accounts without the reason for the suggestion (deprecated)."""
        found = await self.people.suggested(request.member, request.fields.limit(40, 80), request.fields.offset(MAX_OFFSET))
        return Response.json(self.entities.accounts(found)).with_header("Deprecation", OLD)

    @route("DELETE", "/api/v1/suggestions/<id:account_id>", WRITE, RouteDoc("Remove a suggestion", EMPTY))
    async def dismiss(self, request: Request, account_id: int) -> Response:
        """Do not suggest the account to the user again."""
        await self.people.dismiss(request.member, AccountId(account_id))
        return Response.json({})
