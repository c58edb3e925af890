"""Search for accounts, hashtags and posts, by words or by URL."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen

from microblog.domain.search import SearchResult, SearchService
from microblog.domain.tags import HashtagService
from microblog.federation.resolution import Resolution, Resolved
from microblog.model.errors import Malformed, Unauthenticated
from microblog.model.ids import AccountId
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.model.profile_features import TagForViewer
from microblog.render.api.entities import Entities
from microblog.render.api.schemas import FLAG, ID, TEXT, WHOLE, one_of
from microblog.render.api.search import SEARCH, SearchResults
from microblog.render.api.status_json import json_array
from microblog.web.api.status_serializer import StatusSerializer
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.response_cache import CacheableResponse, ResponseCache
from microblog.web.http.route import RouteOptions, route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

URL_SCHEMES = ("http://", "https://")
TYPES = ("accounts", "hashtags", "statuses")
MAX_OFFSET = 10_000
QUERY = (
    Param("q", TEXT, "The search query: words, @username, #hashtag, or a URL of this site.", required=True),
    Param("type", one_of(*TYPES), "Specify whether to search for only accounts, hashtags, statuses."),
    Param("resolve", FLAG, "If the query is a handle or URL of another server, ask that server. URLs of this site are always resolved."),
    Param("following", FLAG, "Only include accounts that the user is following?"),
    Param("account_id", ID, "If provided, will only return statuses authored by this account."),
    Param("exclude_unreviewed", FLAG, "Accepted for compatibility; there are no unreviewed tags."),
    *PAGING,
    Param("offset", WHOLE, "Skip the first n results; only with `type`."),
)


def check_paging(request: Request) -> None:
    """Raise Malformed for a missing query, and for a negative limit or offset."""
    fields = request.fields
    if not fields.has("q"):
        raise Malformed("param is missing or the value is empty: q")
    if any(fields.value(name).strip().startswith("-") for name in ("limit", "offset")):
        raise Malformed("Pagination values for `offset` and `limit` must be positive")


@frozen
class SearchRoutes:
    """The search endpoint."""

    entities: Entities
    serializer: StatusSerializer
    search: SearchService
    tags: HashtagService
    cache: ResponseCache
    resolution: Resolution | None = None

    @route(
        "GET",
        "/api/v2/search",
        RouteOptions(api=True, scopes={"read:search"}),
        RouteDoc("Perform a search", SEARCH, query=QUERY, errors=(400,)),
    )
    async def find(self, request: Request) -> Response:
        """Accounts, statuses and hashtags that match; all three lists are always present."""
        check_paging(request)
        fields = request.fields
        if request.viewer is None and fields.offset(MAX_OFFSET) > 0:
            raise Unauthenticated("Search queries pagination is not supported without authentication")
        if request.viewer is None and fields.flag("resolve"):
            raise Unauthenticated("Search queries that resolve remote resources are not supported without authentication")
        query, kind = fields.text("q").strip(), fields.value("type")
        if kind == "hashtags":
            return await self.cache.get_or_make(request, lambda: self._hashtags(request, query))
        found = await self._found(request, query, kind)
        tags = await self._tags(request, query) if not kind and not query.startswith(("@", *URL_SCHEMES)) else []
        return await self._response(request, found, tags)

    async def _hashtags(self, request: Request, query: str) -> CacheableResponse:
        tags = [] if query.startswith(URL_SCHEMES) else await self._tags(request, query)
        response = await self._response(request, SearchResult(), tags)
        return CacheableResponse(response, self.tags.found_dependencies(request.viewer, query))

    async def _response(self, request: Request, found: SearchResult, tags: Sequence[TagForViewer]) -> Response:
        statuses = await self.serializer.each(request.viewer, found.posts)
        return Response.json(SEARCH(SearchResults(found.accounts, json_array(statuses), tags), self.entities))

    async def _tags(self, request: Request, query: str) -> list[TagForViewer]:
        fields = request.fields
        offset = fields.offset(MAX_OFFSET) if fields.value("type") else 0
        return await self.tags.found(request.viewer, query, limit=fields.limit(20, 40), offset=offset)

    async def _found(self, request: Request, query: str, kind: str) -> SearchResult:
        fields = request.fields
        limit = fields.limit(20, 40)
        offset = fields.offset(MAX_OFFSET) if kind else 0
        if not query or kind not in ("", *TYPES):
            return SearchResult()
        if self.resolution and fields.flag("resolve") and (resolved := await self.resolution.found(request.viewer, query)):
            return _only(resolved_result(resolved), kind)
        if query.startswith(URL_SCHEMES):
            return _only(await self.search.at(request.viewer, query), kind)
        found = SearchResult()
        if kind == "accounts" or (not kind and not query.startswith("#")):
            following = fields.flag("following")
            people = await self.search.accounts.search(request.viewer, query, limit=limit, offset=offset, following=following)
            found = evolve(found, accounts=people)
        if kind == "statuses" or (not kind and not query.startswith("@")):
            found = evolve(found, posts=await self._posts(request, query, limit, offset))
        return found

    async def _posts(self, request: Request, query: str, limit: int, offset: int) -> list[Post]:
        fields = request.fields
        page, author = Page(limit, max_id=fields.bound("max_id"), min_id=fields.bound("min_id")), fields.id("account_id")
        account = None if author is None else AccountId(author)
        return await self.search.posts(request.viewer, query, page, offset=offset, account=account)


def resolved_result(resolved: Resolved) -> SearchResult:
    """Return what was found elsewhere as the result of a search."""
    return SearchResult([resolved.account] if resolved.account else [], posts=[resolved.post] if resolved.post else [])


def _only(found: SearchResult, kind: str) -> SearchResult:
    """The part of a result that has the requested type."""
    if kind == "accounts":
        return evolve(found, posts=[])
    if kind == "statuses":
        return evolve(found, accounts=[])
    return SearchResult() if kind else found
