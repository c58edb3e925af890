"""Domain blocks of the user."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.blocked_domains import BlockedDomains
from microblog.model.paging import Page
from microblog.render.api.schemas import EMPTY, TEXT, TEXTS
from microblog.web.api.paging import PEOPLE, page_of, paged
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

BLOCKS = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:blocks"})
BLOCK = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:blocks"})
DOMAIN = (Param("domain", TEXT, "Domain to block or unblock.", required=True),)


@frozen
class BlockedDomainRoutes:
    """Blocks of all accounts of another server."""

    blocked_domains: BlockedDomains

    @route("GET", "/api/v1/domain_blocks", BLOCKS, RouteDoc("Get domain blocks", TEXTS, query=PAGING))
    async def all(self, request: Request) -> Response:
        """Blocked domains, most recent first."""
        page = page_of(request, 100, 200)
        found = await self.blocked_domains.page(request.member, Page(page.limit, max_id=page.max_id, since_id=page.since_id))
        return paged(request, [domain for _, domain in found], [id for id, _ in found], page, PEOPLE)

    @route("POST", "/api/v1/domain_blocks", BLOCK, RouteDoc("Block a domain", EMPTY, body=DOMAIN, errors=(422,)))
    async def block(self, request: Request) -> Response:
        """Block a domain: hide all posts and notifications of its accounts, and end follows in both directions. Idempotent."""
        await self.blocked_domains.block(request.member, request.fields.value("domain"))
        return Response.json({})

    @route("DELETE", "/api/v1/domain_blocks", BLOCK, RouteDoc("Unblock a domain", EMPTY, body=DOMAIN, errors=(422,)))
    async def unblock(self, request: Request) -> Response:
        """Unblock a domain; idempotent. Follows that ended are not restored."""
        await self.blocked_domains.unblock(request.member, request.fields.value("domain"))
        return Response.json({})
