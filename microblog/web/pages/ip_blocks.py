"""Pages for administrators: blocked IP addresses and networks, and one of them."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.ip_blocks import IpBlockDraft, IpBlocks
from microblog.model.errors import Invalid
from microblog.model.ids import IpBlockId
from microblog.model.ip_blocks import IpBlock
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.sign_up_block_views import KEEP, IpBlockForm, IpBlockPage, IpBlocksPage, changed_form, form_of
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
    """The list of blocked networks with a form to block another one, and a form to change one."""

    pages: Pages
    contexts: PageContexts
    blocks: IpBlocks

    @route("GET", PATH, ADMIN)
    async def show(self, request: Request) -> Response:
        """List blocked networks, newest first."""
        return await self._show(request, IpBlockForm())

    @route("POST", PATH, ADMIN)
    async def add(self, request: Request) -> Response:
        """Block the network `ip`."""
        try:
            await self.blocks.add(_draft(request), request.member.id)
        except Invalid as problem:
            return await self._show(request, _submitted(request, problem), status_of(problem))
        return Response.redirect(PATH)

    @route("GET", f"{PATH}/<id:block_id>", ADMIN)
    async def form(self, request: Request, block_id: int) -> Response:
        """Show the form to change a block."""
        block = await self.blocks.one(IpBlockId(block_id))
        return await self._show_one(request, block, form_of(block))

    @route("POST", f"{PATH}/<id:block_id>", ADMIN)
    async def change(self, request: Request, block_id: int) -> Response:
        """Change a block. It keeps its end if `expires_in` is `keep`."""
        block = await self.blocks.one(IpBlockId(block_id))
        try:
            await self.blocks.change(block.id, _draft(request), request.member.id, keep_expiry=_keeps_expiry(request))
        except Invalid as problem:
            form = changed_form(_submitted(request, problem), block)
            return await self._show_one(request, block, form, status_of(problem))
        return Response.redirect(PATH)

    @route("POST", f"{PATH}/<id:block_id>/remove", ADMIN)
    async def remove(self, request: Request, block_id: int) -> Response:
        """Delete a block."""
        await self.blocks.remove(IpBlockId(block_id), request.member.id)
        return Response.redirect(PATH)

    async def _show_one(self, request: Request, block: IpBlock, form: IpBlockForm, status: int = 200) -> Response:
        context, metadata = await self.contexts.of(request), PageMetadata(f"Block of {block.values.network}")
        return Response.html(self.pages.page("ip_block", context, metadata, page=IpBlockPage(block, form)), status)

    async def _show(self, request: Request, form: IpBlockForm, status: int = 200) -> Response:
        page = page_of(request)
        found = tuple(await self.blocks.page(page))
        view = IpBlocksPage(found, older(request, [block.id for block in found], page), form)
        html = self.pages.page("ip_blocks", await self.contexts.of(request), PageMetadata("Blocked IP addresses"), page=view)
        return Response.html(html, status)


def _keeps_expiry(request: Request) -> bool:
    return request.fields.value("expires_in", max=20) == KEEP


def _draft(request: Request) -> IpBlockDraft:
    """Return the block as submitted."""
    fields = request.fields
    severity, comment = fields.value("severity", max=100), fields.text("comment")
    expires_in = None if _keeps_expiry(request) else fields.integer("expires_in")
    return IpBlockDraft(fields.value("ip", max=100), severity, comment, expires_in, str(request.address))


def _submitted(request: Request, problem: Invalid) -> IpBlockForm:
    """Return the form as submitted, with its errors."""
    fields = request.fields
    severity, expires_in = fields.value("severity", max=100), fields.value("expires_in", max=20)
    return IpBlockForm(fields.value("ip", max=100), severity, fields.text("comment"), expires_in, problem.fields)
