"""Accounts: profiles, their posts, followers and followed accounts, and the user's relationships to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import field, frozen

from microblog.domain.accounts import Accounts
from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.follows import Follows
from microblog.domain.relationships import Relationships
from microblog.domain.remote_views import RemoteViews
from microblog.domain.timelines import Timelines
from microblog.federation.resolution import Resolution
from microblog.model.accounts import Account, RelatedAccount, Viewer
from microblog.model.ids import AccountId
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.render.api.accounts import ACCOUNT, RELATIONSHIP
from microblog.render.api.entities import Entities
from microblog.render.api.schemas import ANY, FLAG, IDS, TEXT, WHOLE, array_of
from microblog.render.api.statuses import STATUS
from microblog.web.api.paging import PEOPLE, PageLinks, page_of, paged
from microblog.web.api.search import check_paging
from microblog.web.api.status_serializer import StatusSerializer
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.response_cache import CacheableResponse, ResponseCache
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import LIMIT, PAGING, Param, RouteDoc

MAX_IDS = 40
MAX_RELATIONSHIPS = 1_000
NO_PROOFS_SINCE = "@1648598400"  # 2022-03-30
OPEN = RouteOptions(api=True, scopes={"read:accounts"})
POSTS = RouteOptions(api=True, scopes={"read:statuses"})
STATUS_FILTERS = (
    Param("pinned", FLAG, "Filter for pinned statuses only."),
    Param("only_media", FLAG, "Filter out statuses without attachments."),
    Param("exclude_replies", FLAG, "Filter out statuses in reply to a different account."),
    Param("exclude_reblogs", FLAG, "Filter out boosts from the response."),
    Param("tagged", TEXT, "Filter for statuses using a specific hashtag."),
)


@frozen
class AccountRoutes:
    """Read access to accounts."""

    entities: Entities
    serializer: StatusSerializer
    accounts: Accounts
    timelines: Timelines
    follows: Follows
    cache: ResponseCache
    resolution: Resolution | None = None
    views: RemoteViews = field(factory=RemoteViews)

    @route("GET", "/api/v1/accounts", OPEN, RouteDoc("Get multiple accounts", array_of(ACCOUNT), query=(Param("id", IDS, required=True),)))
    async def several(self, request: Request) -> Response:
        """Up to 40 accounts by id; ids that do not exist are left out."""
        ids = [AccountId(id) for id in dict.fromkeys(request.fields.ids("id")[:MAX_IDS])]
        return Response.json(self.entities.accounts(await self.accounts.by_ids(ids, suspended=True)))

    @route("GET", "/api/v1/accounts/<id:account_id>", OPEN, RouteDoc("Get account", ACCOUNT, errors=(404,)))
    async def show(self, request: Request, account_id: int) -> Response:
        """One account by id."""
        return await self.cache.get_or_make(
            request, lambda: self._response(request.viewer, self.accounts.by_id(AccountId(account_id), suspended=True))
        )

    @route(
        "GET",
        "/api/v1/accounts/lookup",
        OPEN,
        RouteDoc(
            "Lookup account ID from username",
            ACCOUNT,
            query=(Param("acct", TEXT, "The username or address to look up.", required=True),),
            errors=(400, 404),
        ),
    )
    async def lookup(self, request: Request) -> Response:
        """One account by username, with or without this site's domain, ignoring case."""
        acct = request.fields.required("acct")
        return await self.cache.get_or_make(request, lambda: self._response(request.viewer, self.accounts.by_acct(acct, suspended=True)))

    async def _response(self, viewer: Viewer | None, finding: Awaitable[Account]) -> CacheableResponse:
        account = await finding
        until = await self.views.profile(viewer, account)
        moved = await self.accounts.moved_to(account)
        response = Response.json(self.entities.person(account, await self.accounts.role(account), moved))
        shown = cache_keys.of_accounts([account, moved] if moved else [account])
        keys = cache_keys.of_keys(*shown, cache_keys.of_user(account.id))
        return CacheableResponse(response, keys | CacheDependencies(until=until))

    @route(
        "GET",
        "/api/v1/accounts/search",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:accounts"}),
        RouteDoc(
            "Search for matching accounts",
            array_of(ACCOUNT),
            query=(
                Param("q", TEXT, "Part of a username or display name.", required=True),
                *LIMIT,
                Param("offset", WHOLE, "Skip the first n results."),
                Param("resolve", FLAG, "If the query is a handle or URL of another server, ask that server."),
                Param("following", FLAG, "Limit the search to accounts the user follows."),
            ),
        ),
    )
    async def search(self, request: Request) -> Response:
        """Matching accounts, an exact match first."""
        check_paging(request)
        fields = request.fields
        if self.resolution and fields.flag("resolve"):
            resolved = await self.resolution.found(request.viewer, fields.text("q"))
            if resolved and resolved.account:
                return Response.json(self.entities.accounts([resolved.account]))
        found = await self.accounts.search(
            request.viewer,
            fields.text("q"),
            limit=fields.limit(40, 80),
            offset=fields.offset(10_000),
            following=fields.flag("following"),
        )
        return Response.json(self.entities.accounts(found))

    @route(
        "GET",
        "/api/v1/accounts/<id:account_id>/statuses",
        POSTS,
        RouteDoc("Get account's statuses", array_of(STATUS), query=(*PAGING, *STATUS_FILTERS), errors=(404,)),
    )
    async def statuses(self, request: Request, account_id: int) -> Response:
        """Statuses of an account that the user may see, newest first; pinned ones ordered by when they were pinned."""
        return await self.cache.get_or_make(request, lambda: self._statuses(request, AccountId(account_id)))

    async def _statuses(self, request: Request, id: AccountId) -> CacheableResponse:
        account = await self.accounts.by_id(id, suspended=True)
        page, pinned = page_of(request), request.fields.flag("pinned")
        until = CacheDependencies(until=await self.views.profile(request.viewer, account) if pinned else None)
        posts = await (self.timelines.pinned(request.viewer, id) if pinned else self._posts(request, id, page))
        body = await self.serializer.many(request.viewer, posts)
        links = PageLinks(tuple(param.name for param in STATUS_FILTERS), timeline=True)
        response = Response.json(body) if pinned else paged(request, body, [post.id for post in posts], page, links)
        return CacheableResponse(response, await self.timelines.dependencies(request.viewer, posts, *cache_keys.of_profile(id)) | until)

    async def _posts(self, request: Request, account: AccountId, page: Page) -> list[Post]:
        fields = request.fields
        return await self.timelines.account(
            request.viewer,
            account,
            page,
            replies=not fields.flag("exclude_replies"),
            boosts=not fields.flag("exclude_reblogs"),
            tag=fields.value("tagged") or None,
            media=fields.flag("only_media"),
        )

    @route(
        "GET",
        "/api/v1/accounts/<id:account_id>/identity_proofs",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:accounts"}),
        RouteDoc("Identity proofs (deprecated)", array_of(ANY), errors=(404,)),
    )
    async def identity_proofs(self, request: Request, account_id: int) -> Response:
        """Always an empty list, for older clients."""
        del request
        await self.accounts.by_id(AccountId(account_id), suspended=True)
        return Response.json([]).with_header("Deprecation", NO_PROOFS_SINCE)

    @route(
        "GET",
        "/api/v1/accounts/<id:account_id>/followers",
        OPEN,
        RouteDoc("Get account's followers", array_of(ACCOUNT), query=PAGING, errors=(404,)),
    )
    async def followers(self, request: Request, account_id: int) -> Response:
        """Accounts that follow the account, most recent follow first."""
        return await self._people(request, account_id, self.follows.followers)

    @route(
        "GET",
        "/api/v1/accounts/<id:account_id>/following",
        OPEN,
        RouteDoc("Get account's following", array_of(ACCOUNT), query=PAGING, errors=(404,)),
    )
    async def following(self, request: Request, account_id: int) -> Response:
        """Accounts that the account follows, most recent follow first."""
        return await self._people(request, account_id, self.follows.following)

    async def _people(
        self, request: Request, account_id: int, lister: Callable[[Viewer | None, AccountId, Page], Awaitable[list[RelatedAccount]]]
    ) -> Response:
        page = page_of(request, 40, 80)
        related = await lister(request.viewer, AccountId(account_id), page)
        return paged(request, self.entities.related(related), [one.id for one in related], page, PEOPLE)


@frozen
class RelationshipRoutes:
    """The user's relationships to other accounts."""

    relations: Relationships

    @route(
        "GET",
        "/api/v1/accounts/relationships",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:follows"}),
        RouteDoc(
            "Check relationships to other accounts",
            array_of(RELATIONSHIP),
            query=(
                Param("id", IDS, required=True),
                Param("with_suspended", FLAG, "Whether relationships should be returned for suspended accounts."),
            ),
        ),
    )
    async def relationships(self, request: Request) -> Response:
        """The user's relationship to each of the given accounts: follows, blocks, mutes and so on. Ids that do not exist are left out."""
        ids = [AccountId(id) for id in dict.fromkeys(request.fields.ids("id", max=MAX_RELATIONSHIPS))]
        found = await self.relations.between(request.member, ids, suspended=request.fields.flag("with_suspended"))
        return Response.json(RELATIONSHIP.each(found, None))
