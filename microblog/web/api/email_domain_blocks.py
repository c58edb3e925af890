"""Administration of blocked e-mail domains by client apps."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.email_domain_blocks import EmailDomainBlocks
from microblog.model.ids import EmailDomainBlockId
from microblog.render.api.schemas import EMPTY, FLAG, TEXT, array_of
from microblog.render.api.sign_up_blocks import ADMIN_EMAIL_DOMAIN_BLOCK
from microblog.web.api.paging import MARKED, page_of, paged
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

READ = RouteOptions(api=True, viewer=AccessLevel.ADMIN, scopes={"admin:read:email_domain_blocks"})
WRITE = RouteOptions(api=True, viewer=AccessLevel.ADMIN, scopes={"admin:write:email_domain_blocks"})
PARAMS = (
    Param("domain", TEXT, "The domain; its subdomains are included.", required=True),
    Param("allow_with_approval", FLAG, "Whether sign-ups wait for approval instead of being refused."),
)
MAX_PAGE_SIZE = 200


@frozen
class EmailDomainBlockRoutes:
    """Blocked e-mail domains."""

    blocks: EmailDomainBlocks

    @route(
        "GET",
        "/api/v1/admin/email_domain_blocks",
        READ,
        RouteDoc("List all blocked email domains", array_of(ADMIN_EMAIL_DOMAIN_BLOCK), query=PAGING),
    )
    async def page(self, request: Request) -> Response:
        """Blocked domains, newest first, with the sign-ups of the last seven days."""
        page = page_of(request, 100, MAX_PAGE_SIZE)
        found = await self.blocks.page(page)
        return paged(request, ADMIN_EMAIL_DOMAIN_BLOCK.each(found, None), [block.id for block in found], page, MARKED)

    @route(
        "GET",
        "/api/v1/admin/email_domain_blocks/<id:block_id>",
        READ,
        RouteDoc("Get a single blocked email domain", ADMIN_EMAIL_DOMAIN_BLOCK, errors=(404,)),
    )
    async def show(self, request: Request, block_id: int) -> Response:
        """One blocked domain."""
        del request
        return Response.json(ADMIN_EMAIL_DOMAIN_BLOCK(await self.blocks.one(EmailDomainBlockId(block_id)), None))

    @route(
        "POST",
        "/api/v1/admin/email_domain_blocks",
        WRITE,
        RouteDoc("Block an email domain from signups", ADMIN_EMAIL_DOMAIN_BLOCK, body=PARAMS, errors=(422,)),
    )
    async def create(self, request: Request) -> Response:
        """Block a domain. 422 if it is blocked already."""
        approval, by = request.fields.flag("allow_with_approval"), request.member.id
        added = await self.blocks.add(request.fields.text("domain"), allow_with_approval=approval, by=by)
        return Response.json(ADMIN_EMAIL_DOMAIN_BLOCK(added, None))

    @route(
        "DELETE",
        "/api/v1/admin/email_domain_blocks/<id:block_id>",
        WRITE,
        RouteDoc("Delete an email domain block", EMPTY, errors=(404,)),
    )
    async def delete(self, request: Request, block_id: int) -> Response:
        """Delete a block."""
        await self.blocks.remove(EmailDomainBlockId(block_id), request.member.id)
        return Response.json({})
