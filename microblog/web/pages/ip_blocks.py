"""Page for administrators: blocked IP addresses and networks."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.ip_blocks import IpBlockDraft, IpBlocks
from microblog.model.errors import Invalid
from microblog.model.ids import IpBlockId
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.sign_up_block_views import IpBlocksPage
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import older, page_of

ADMIN = RouteOptions(viewer=AccessLevel.ADMIN)
PATH = "/admin/ip_blocks"


@frozen
class IpBlockPages:
    """The list of blocked networks, with a form to block another one."""

    pages: Pages
    contexts: PageContexts
    blocks: IpBlocks

    @route("GET", PATH, ADMIN)
    async def show(self, request: Request) -> Response:
        """List blocked networks, newest first."""
        return await self._show(request, None)

    @route("POST", PATH, ADMIN)
    async def add(self, request: Request) -> Response:
        """Block the network `ip`."""
        try:
            await self.blocks.add(_draft(request), request.member.id)
        except Invalid as problem:
            return await self._show(request, problem)
        return Response.redirect(PATH)

    @route("POST", f"{PATH}/<id:block_id>/remove", ADMIN)
    async def remove(self, request: Request, block_id: int) -> Response:
        """Delete a block."""
        await self.blocks.remove(IpBlockId(block_id), request.member.id)
        return Response.redirect(PATH)

    async def _show(self, request: Request, problem: Invalid | None) -> Response:
        page = page_of(request)
        found = tuple(await self.blocks.page(page))
        further = older(request, [block.id for block in found], page)
        if problem is None:
            view = IpBlocksPage(found, further)
        else:
            fields = request.fields
            typed = (
                fields.value("ip", max=100),
                fields.value("severity", max=100),
                fields.text("comment"),
                fields.value("expires_in", max=20),
            )
            view = IpBlocksPage(found, further, *typed, problem.fields)
        html = self.pages.page("ip_blocks", await self.contexts.of(request), PageMetadata("Blocked IP addresses"), page=view)
        return Response.html(html, status_of(problem) if problem else 200)


def _draft(request: Request) -> IpBlockDraft:
    """Return the block as submitted."""
    fields = request.fields
    severity, comment = fields.value("severity", max=100), fields.text("comment")
    return IpBlockDraft(fields.value("ip", max=100), severity, comment, fields.integer("expires_in"), str(request.address))
