"""Page for administrators: blocked usernames."""

from __future__ import annotations

from attrs import evolve, frozen

from microblog.domain.username_blocks import UsernameBlockDraft, UsernameBlocks
from microblog.model.errors import Invalid
from microblog.model.ids import UsernameBlockId
from microblog.model.username_blocks import NameComparison
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.sign_up_block_views import UsernamesPage
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import older, page_of

ADMIN = RouteOptions(viewer=AccessLevel.ADMIN)
PATH = "/admin/username_blocks"


@frozen
class UsernameBlockPages:
    """The list of blocked usernames, with a form to block another one."""

    pages: Pages
    contexts: PageContexts
    blocks: UsernameBlocks

    @route("GET", PATH, ADMIN)
    async def show(self, request: Request) -> Response:
        """List blocked usernames, newest first."""
        return await self._show(request, UsernamesPage())

    @route("POST", PATH, ADMIN)
    async def add(self, request: Request) -> Response:
        """Block `username`, or with `comparison=contains` all usernames that contain it."""
        fields = request.fields
        draft = UsernameBlockDraft(
            fields.value("username", max=100),
            fields.value("comparison", default=NameComparison.EQUALS, max=100),
            fields.flag("allow_with_approval"),
        )
        try:
            await self.blocks.add(draft, request.member.id)
        except Invalid as problem:
            form = UsernamesPage((), None, draft.username, draft.comparison, draft.allow_with_approval, problem.fields)
            return await self._show(request, form, status_of(problem))
        return Response.redirect(PATH)

    @route("POST", f"{PATH}/<id:block_id>/remove", ADMIN)
    async def remove(self, request: Request, block_id: int) -> Response:
        """Delete a block."""
        await self.blocks.remove(UsernameBlockId(block_id), request.member.id)
        return Response.redirect(PATH)

    async def _show(self, request: Request, form: UsernamesPage, status: int = 200) -> Response:
        page = page_of(request)
        found = await self.blocks.page(page)
        view = evolve(form, blocks=tuple(found), older=older(request, [block.id for block in found], page))
        metadata = PageMetadata("Blocked usernames")
        return Response.html(self.pages.page("username_blocks", await self.contexts.of(request), metadata, page=view), status)
