"""People whom one shows, might like, or might know by others; and domains that one does not want to hear of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import evolve, frozen

from microblog.domain.suggestions import Suggestions
from microblog.model.accounts import Relationship, Viewer
from microblog.model.ids import AccountId
from microblog.model.paging import Page
from microblog.render.api.accounts import ACCOUNT, RELATIONSHIP
from microblog.render.api.entities import Entities
from microblog.render.api.schemas import EMPTY, FLAG, ID, IDS, TEXT, TEXTS, WHOLE, array_of, one_of, record
from microblog.render.api.search import SUGGESTION
from microblog.web.api.paging import PEOPLE, page_of, paged
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import LIMIT, PAGING, Param, RouteDoc

READ = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:accounts"})
WRITE = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:accounts"})
OPEN = RouteOptions(api=True, scopes={"read:accounts"})
BLOCKS = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:blocks"})
BLOCK = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:blocks"})
EVERYBODY = 1_000_000
MOST_OFFSET = 100_000
OLD = "@1686528000"  # since when a newer address is there for suggestions
FAMILIAR = record({"id": ID, "accounts": array_of(ACCOUNT)})
DOMAIN = (Param("domain", TEXT, "The domain.", required=True),)
ENDORSE = RouteDoc("Show somebody on one's profile", RELATIONSHIP, errors=(404, 422))
UNENDORSE = RouteDoc("Show somebody there no more", RELATIONSHIP, errors=(404,))
PASS_OVER = Param("offset", WHOLE, "How many to pass over.")


@frozen
class EndorsementRoutes:
    """Whom one shows on one's profile. The older addresses call that pinning."""

    entities: Entities
    people: Suggestions

    @route("POST", "/api/v1/accounts/<id:account_id>/endorse", WRITE, ENDORSE)
    @route("POST", "/api/v1/accounts/<id:account_id>/pin", WRITE, ENDORSE)
    async def endorse(self, request: Request, account_id: int) -> Response:
        """Show them."""
        return await self._done(request, account_id, self.people.endorse)

    @route("POST", "/api/v1/accounts/<id:account_id>/unendorse", WRITE, UNENDORSE)
    @route("POST", "/api/v1/accounts/<id:account_id>/unpin", WRITE, UNENDORSE)
    async def unendorse(self, request: Request, account_id: int) -> Response:
        """Show them no more."""
        return await self._done(request, account_id, self.people.unendorse)

    async def _done(self, request: Request, account_id: int, command: Callable[[Viewer, AccountId], Awaitable[Relationship]]) -> Response:
        return Response.json(RELATIONSHIP(await command(request.member, AccountId(account_id)), None))

    @route("GET", "/api/v1/endorsements", READ, RouteDoc("Whom one shows on one's profile", array_of(ACCOUNT), query=PAGING))
    async def own(self, request: Request) -> Response:
        """The newest first; a limit of 0 asks for everybody."""
        return await self._page(request, request.member.id)

    @route(
        "GET",
        "/api/v1/accounts/<id:account_id>/endorsements",
        OPEN,
        RouteDoc("Whom somebody shows on their profile", array_of(ACCOUNT), query=PAGING, errors=(404,)),
    )
    async def of_account(self, request: Request, account_id: int) -> Response:
        """The newest first."""
        return await self._page(request, AccountId(account_id))

    async def _page(self, request: Request, account: AccountId) -> Response:
        page = page_of(request, 40, 80)
        page = page if page.limit else evolve(page, limit=EVERYBODY)
        found = await self.people.endorsed(request.viewer, account, page)
        return paged(request, self.entities.related(found), [one.id for one in found], page, PEOPLE)


@frozen
class DirectoryRoutes:
    """People whom one might like or know."""

    entities: Entities
    people: Suggestions

    @route(
        "GET",
        "/api/v1/accounts/familiar_followers",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:follows"}),
        RouteDoc("Whom one follows of those who follow somebody", array_of(FAMILIAR), query=(Param("id", IDS, required=True),)),
    )
    async def familiar(self, request: Request) -> Response:
        """For each of up to 40 people."""
        ids = [AccountId(id) for id in request.fields.ids("id")[:40]]
        found = await self.people.familiar(request.member, ids)
        return Response.json([{"id": str(id), "accounts": self.entities.accounts(accounts)} for id, accounts in found])

    @route(
        "GET",
        "/api/v1/directory",
        RouteOptions(api=True),
        RouteDoc(
            "People who want to be found",
            array_of(ACCOUNT),
            query=(
                Param("order", one_of("active", "new"), "Who posted last, or who came last."),
                Param("local", FLAG, "Only people of this site: there are no others."),
                *LIMIT,
                PASS_OVER,
            ),
        ),
    )
    async def directory(self, request: Request) -> Response:
        """Who posted last comes first, unless asked otherwise."""
        fields = request.fields
        offset = fields.offset(MOST_OFFSET)
        newest = fields.value("order") == "new"
        found = await self.people.directory(request.viewer, newest=newest, limit=fields.limit(40, 80), offset=offset)
        return Response.json(self.entities.accounts(found))

    @route("GET", "/api/v2/suggestions", READ, RouteDoc("People to follow", array_of(SUGGESTION), query=(*LIMIT, PASS_OVER)))
    async def suggestions(self, request: Request) -> Response:
        """The most followed of those to whom one has no relation yet."""
        found = await self.people.suggested(request.member, request.fields.limit(40, 80), request.fields.offset(MOST_OFFSET))
        return Response.json(SUGGESTION.each(found, self.entities))

    @route(
        "GET",
        "/api/v1/suggestions",
        READ,
        RouteDoc("People to follow, as older programs ask", array_of(ACCOUNT), query=(*LIMIT, PASS_OVER)),
    )
    async def old_suggestions(self, request: Request) -> Response:
        """The same without why."""
        found = await self.people.suggested(request.member, request.fields.limit(40, 80), request.fields.offset(MOST_OFFSET))
        return Response.json(self.entities.accounts(found)).with_header("Deprecation", OLD)

    @route("DELETE", "/api/v1/suggestions/<id:account_id>", WRITE, RouteDoc("Suggest somebody no more", EMPTY))
    async def dismiss(self, request: Request, account_id: int) -> Response:
        """Whoever they are."""
        await self.people.dismiss(request.member, AccountId(account_id))
        return Response.json({})


@frozen
class DomainRoutes:
    """Domains that one does not want to hear of. They are kept; there is nobody of another domain here."""

    people: Suggestions

    @route("GET", "/api/v1/domain_blocks", BLOCKS, RouteDoc("The domains that one blocks", TEXTS, query=PAGING))
    async def all(self, request: Request) -> Response:
        """The newest first."""
        page = page_of(request, 100, 200)
        found = await self.people.blocked_domains(request.member, Page(page.limit, max_id=page.max_id, since_id=page.since_id))
        return paged(request, [domain for _, domain in found], [id for id, _ in found], page, PEOPLE)

    @route("POST", "/api/v1/domain_blocks", BLOCK, RouteDoc("Block a domain", EMPTY, body=DOMAIN, errors=(422,)))
    async def block(self, request: Request) -> Response:
        """Again is the same as once."""
        await self.people.block_domain(request.member, request.fields.value("domain"))
        return Response.json({})

    @route("DELETE", "/api/v1/domain_blocks", BLOCK, RouteDoc("Block a domain no more", EMPTY, body=DOMAIN, errors=(422,)))
    async def unblock(self, request: Request) -> Response:
        """Again is the same as once."""
        await self.people.unblock_domain(request.member, request.fields.value("domain"))
        return Response.json({})
