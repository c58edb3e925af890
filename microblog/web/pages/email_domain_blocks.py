"""Page for administrators: blocked e-mail domains."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.email_domain_blocks import EmailDomainBlocks
from microblog.model.errors import Invalid
from microblog.model.ids import EmailDomainBlockId
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.sign_up_block_views import EmailDomainsPage
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import older, page_of

ADMIN = RouteOptions(viewer=AccessLevel.ADMIN)
PATH = "/admin/email_domain_blocks"
MAX_DOMAIN = 300  # characters of what is typed


@frozen
class EmailDomainBlockPages:
    """The list of blocked e-mail domains, with a form to block another one."""

    pages: Pages
    contexts: PageContexts
    blocks: EmailDomainBlocks

    @route("GET", PATH, ADMIN)
    async def show(self, request: Request) -> Response:
        """List blocked domains, newest first, with the sign-ups of the last seven days."""
        return await self._show(request, None)

    @route("POST", PATH, ADMIN)
    async def add(self, request: Request) -> Response:
        """Block `domain`."""
        fields = request.fields
        try:
            approval = fields.flag("allow_with_approval")
            await self.blocks.add(fields.text("domain", max=MAX_DOMAIN), allow_with_approval=approval, by=request.member.id)
        except Invalid as problem:
            return await self._show(request, problem)
        return Response.redirect(PATH)

    @route("POST", f"{PATH}/<id:block_id>/remove", ADMIN)
    async def remove(self, request: Request, block_id: int) -> Response:
        """Delete a block."""
        await self.blocks.remove(EmailDomainBlockId(block_id), request.member.id)
        return Response.redirect(PATH)

    async def _show(self, request: Request, problem: Invalid | None) -> Response:
        page = page_of(request)
        found = await self.blocks.page(page)
        view = EmailDomainsPage(tuple(found), older(request, [block.id for block in found], page))
        if problem:
            typed, approval = request.fields.text("domain", max=MAX_DOMAIN), request.fields.flag("allow_with_approval")
            view = EmailDomainsPage(view.blocks, view.older, typed, approval, problem.fields)
        html = self.pages.page("email_domain_blocks", await self.contexts.of(request), PageMetadata("Blocked e-mail domains"), page=view)
        return Response.html(html, status_of(problem) if problem else 200)
