"""Administration of blocked e-mail addresses by client apps."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.canonical_email_blocks import CanonicalEmailBlocks
from microblog.model.ids import CanonicalEmailBlockId
from microblog.render.api.schemas import EMPTY, TEXT, array_of
from microblog.render.api.sign_up_blocks import ADMIN_CANONICAL_EMAIL_BLOCK
from microblog.web.api.paging import MARKED, page_of, paged
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

READ = RouteOptions(api=True, viewer=AccessLevel.ADMIN, scopes={"admin:read:canonical_email_blocks"})
WRITE = RouteOptions(api=True, viewer=AccessLevel.ADMIN, scopes={"admin:write:canonical_email_blocks"})
TESTED = (Param("email", TEXT, "The email address to canonicalize and hash.", required=True),)
BLOCKED = (
    Param("email", TEXT, "The email address to canonicalize, hash and block."),
    Param("canonical_email_hash", TEXT, "The hash to block, if `email` is not given."),
)
MAX_PAGE_SIZE = 200
MAX_TEXT = 1_000  # characters of an address or a hash


@frozen
class CanonicalEmailBlockRoutes:
    """Blocked e-mail addresses."""

    blocks: CanonicalEmailBlocks

    @route(
        "GET",
        "/api/v1/admin/canonical_email_blocks",
        READ,
        RouteDoc("List all canonical email blocks", array_of(ADMIN_CANONICAL_EMAIL_BLOCK), query=PAGING),
    )
    async def page(self, request: Request) -> Response:
        """Blocked addresses, newest first."""
        page = page_of(request, 100, MAX_PAGE_SIZE)
        found = await self.blocks.page(page)
        return paged(request, ADMIN_CANONICAL_EMAIL_BLOCK.each(found, None), [block.id for block in found], page, MARKED)

    @route(
        "GET",
        "/api/v1/admin/canonical_email_blocks/<id:block_id>",
        READ,
        RouteDoc("Show a single canonical email block", ADMIN_CANONICAL_EMAIL_BLOCK, errors=(404,)),
    )
    async def show(self, request: Request, block_id: int) -> Response:
        """One blocked address."""
        del request
        return Response.json(ADMIN_CANONICAL_EMAIL_BLOCK(await self.blocks.one(CanonicalEmailBlockId(block_id)), None))

    @route(
        "POST",
        "/api/v1/admin/canonical_email_blocks/test",
        READ,
        RouteDoc("Canonicalize and hash an email address", array_of(ADMIN_CANONICAL_EMAIL_BLOCK), body=TESTED, errors=(422,)),
    )
    async def test(self, request: Request) -> Response:
        """The blocks of an address. They are empty if it is not blocked."""
        found = await self.blocks.matching(request.fields.value("email", max=MAX_TEXT))
        return Response.json(ADMIN_CANONICAL_EMAIL_BLOCK.each(found, None))

    @route(
        "POST",
        "/api/v1/admin/canonical_email_blocks",
        WRITE,
        RouteDoc("Block a canonical email", ADMIN_CANONICAL_EMAIL_BLOCK, body=BLOCKED, errors=(422,)),
    )
    async def create(self, request: Request) -> Response:
        """Block an address, or the one with a hash. 422 if it is blocked already."""
        fields, by = request.fields, request.member.id
        if email := fields.value("email", max=MAX_TEXT):
            added = await self.blocks.add(email, by)
        else:
            added = await self.blocks.add_hash(fields.value("canonical_email_hash", max=MAX_TEXT), by)
        return Response.json(ADMIN_CANONICAL_EMAIL_BLOCK(added, None))

    @route(
        "DELETE",
        "/api/v1/admin/canonical_email_blocks/<id:block_id>",
        WRITE,
        RouteDoc("Delete a canonical email block", EMPTY, errors=(404,)),
    )
    async def delete(self, request: Request, block_id: int) -> Response:
        """Delete a block."""
        await self.blocks.remove(CanonicalEmailBlockId(block_id), request.member.id)
        return Response.json({})
