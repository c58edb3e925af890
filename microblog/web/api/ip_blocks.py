"""Administration of blocked IP addresses by client apps."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.ip_blocks import IpBlockDraft, IpBlocks
from microblog.model.ids import IpBlockId
from microblog.model.ip_blocks import IpBlock, IpSeverity
from microblog.render.api.schemas import EMPTY, TEXT, WHOLE, array_of, one_of
from microblog.render.api.sign_up_blocks import ADMIN_IP_BLOCK
from microblog.web.api.paging import MARKED, page_of, paged
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

READ = RouteOptions(api=True, viewer=AccessLevel.ADMIN, scopes={"admin:read:ip_blocks"})
WRITE = RouteOptions(api=True, viewer=AccessLevel.ADMIN, scopes={"admin:write:ip_blocks"})
IP, EFFECT = "The IP address, or the network as address and prefix length.", "What clients from there cannot do."
OPTIONS = (
    Param("comment", TEXT, "The reason for this block, for administrators."),
    Param("expires_in", WHOLE, "How many seconds from now the block should expire; empty for never."),
)
NEW = (Param("ip", TEXT, IP, required=True), Param("severity", one_of(*IpSeverity), EFFECT, required=True), *OPTIONS)
CHANGED = (Param("ip", TEXT, IP), Param("severity", one_of(*IpSeverity), EFFECT), *OPTIONS)
UPDATE = RouteDoc("Update a blocked IP address", ADMIN_IP_BLOCK, body=CHANGED, errors=(404, 422))
MAX_PAGE_SIZE = 200


@frozen
class IpBlockRoutes:
    """Blocked IP addresses and networks."""

    blocks: IpBlocks

    @route("GET", "/api/v1/admin/ip_blocks", READ, RouteDoc("List all blocked IP addresses", array_of(ADMIN_IP_BLOCK), query=PAGING))
    async def page(self, request: Request) -> Response:
        """Blocks, newest first."""
        page = page_of(request, 100, MAX_PAGE_SIZE)
        found = await self.blocks.page(page)
        return paged(request, ADMIN_IP_BLOCK.each(found, None), [block.id for block in found], page, MARKED)

    @route(
        "GET",
        "/api/v1/admin/ip_blocks/<id:block_id>",
        READ,
        RouteDoc("Get a single blocked IP address", ADMIN_IP_BLOCK, errors=(404,)),
    )
    async def show(self, request: Request, block_id: int) -> Response:
        """One block."""
        del request
        return Response.json(ADMIN_IP_BLOCK(await self.blocks.one(IpBlockId(block_id)), None))

    @route(
        "POST",
        "/api/v1/admin/ip_blocks",
        WRITE,
        RouteDoc("Block an IP address", ADMIN_IP_BLOCK, body=NEW, errors=(422,)),
    )
    async def create(self, request: Request) -> Response:
        """Add a block. 422 if there is one of this network, or if it would refuse the administrator."""
        return Response.json(ADMIN_IP_BLOCK(await self.blocks.add(_draft(request, None), request.member.id), None))

    @route("PUT", "/api/v1/admin/ip_blocks/<id:block_id>", WRITE, UPDATE)
    @route("PATCH", "/api/v1/admin/ip_blocks/<id:block_id>", WRITE, UPDATE)
    async def update(self, request: Request, block_id: int) -> Response:
        """Change a block; attributes that are not sent keep their values."""
        id, keeps = IpBlockId(block_id), not request.fields.has("expires_in")
        draft = _draft(request, await self.blocks.one(id))
        return Response.json(ADMIN_IP_BLOCK(await self.blocks.change(id, draft, request.member.id, keep_expiry=keeps), None))

    @route("DELETE", "/api/v1/admin/ip_blocks/<id:block_id>", WRITE, RouteDoc("Delete an IP block", EMPTY, errors=(404,)))
    async def delete(self, request: Request, block_id: int) -> Response:
        """Delete a block."""
        await self.blocks.remove(IpBlockId(block_id), request.member.id)
        return Response.json({})


def _draft(request: Request, before: IpBlock | None) -> IpBlockDraft:
    """Return the block that a request describes. What is not sent is as in `before`."""
    fields, known = request.fields, None if before is None else before.values
    return IpBlockDraft(
        fields.value("ip", default=str(known.network) if known else "", max=100),
        fields.value("severity", default=str(known.severity) if known else "", max=100),
        fields.text("comment", default=known.comment if known else ""),
        fields.integer("expires_in"),
        str(request.address),
    )
