"""Page for administrators: blocked e-mail addresses."""

from __future__ import annotations

from attrs import evolve, frozen

from microblog.domain.canonical_email_blocks import CanonicalEmailBlocks
from microblog.model.errors import Invalid
from microblog.model.ids import CanonicalEmailBlockId
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.sign_up_block_views import CanonicalEmailsPage
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import older, page_of

ADMIN = RouteOptions(viewer=AccessLevel.ADMIN)
PATH = "/admin/canonical_email_blocks"
MAX_EMAIL = 1_000  # characters of what is typed


@frozen
class CanonicalEmailBlockPages:
    """The list of blocked addresses, with a form to block or look up one."""

    pages: Pages
    contexts: PageContexts
    blocks: CanonicalEmailBlocks

    @route("GET", PATH, ADMIN)
    async def show(self, request: Request) -> Response:
        """List blocked addresses, newest first."""
        return await self._show(request, CanonicalEmailsPage())

    @route("POST", PATH, ADMIN)
    async def add(self, request: Request) -> Response:
        """Block the address `email`; with `check`, only tell whether it is blocked."""
        email = request.fields.value("email", max=MAX_EMAIL)
        try:
            if request.fields.flag("check"):
                found = bool(await self.blocks.matching(email))
                return await self._show(request, CanonicalEmailsPage(email=email, is_blocked=found))
            await self.blocks.add(email, request.member.id)
        except Invalid as problem:
            return await self._show(request, CanonicalEmailsPage(email=email, errors=problem.fields), status_of(problem))
        return Response.redirect(PATH)

    @route("POST", f"{PATH}/<id:block_id>/remove", ADMIN)
    async def remove(self, request: Request, block_id: int) -> Response:
        """Delete a block."""
        await self.blocks.remove(CanonicalEmailBlockId(block_id), request.member.id)
        return Response.redirect(PATH)

    async def _show(self, request: Request, form: CanonicalEmailsPage, status: int = 200) -> Response:
        page = page_of(request)
        found = await self.blocks.page(page)
        view = evolve(form, blocks=tuple(found), older=older(request, [block.id for block in found], page))
        metadata = PageMetadata("Blocked e-mail addresses")
        return Response.html(self.pages.page("canonical_email_blocks", await self.contexts.of(request), metadata, page=view), status)
