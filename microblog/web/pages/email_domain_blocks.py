"""Page for administrators: blocked e-mail domains."""

from __future__ import annotations

from attrs import evolve, frozen

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
MAX_HOSTS = 100


@frozen
class EmailDomainBlockPages:
    """The list of blocked e-mail domains, with a form to block another one."""

    pages: Pages
    contexts: PageContexts
    blocks: EmailDomainBlocks

    @route("GET", PATH, ADMIN)
    async def show(self, request: Request) -> Response:
        """List blocked domains, newest first, with the sign-ups of the last seven days."""
        return await self._show(request, EmailDomainsPage())

    @route("POST", PATH, ADMIN)
    async def add(self, request: Request) -> Response:
        """Block `domain` and `hosts[]`; with `look_up`, only show the mail hosts of the domain."""
        form = _submitted(request)
        try:
            if request.fields.flag("look_up"):
                hosts = tuple(await self.blocks.mail_hosts_of(form.domain))
                return await self._show(request, evolve(form, hosts=hosts))
            await self.blocks.add(form.domain, hosts=form.ticked, allow_with_approval=form.allow_with_approval, by=request.member.id)
        except Invalid as problem:
            return await self._show(request, evolve(form, errors=problem.fields), status_of(problem))
        return Response.redirect(PATH)

    @route("POST", f"{PATH}/<id:block_id>/remove", ADMIN)
    async def remove(self, request: Request, block_id: int) -> Response:
        """Delete a block."""
        await self.blocks.remove(EmailDomainBlockId(block_id), request.member.id)
        return Response.redirect(PATH)

    async def _show(self, request: Request, form: EmailDomainsPage, status: int = 200) -> Response:
        page = page_of(request)
        found = await self.blocks.page(page)
        view = evolve(form, blocks=tuple(found), older=older(request, [block.id for block in found], page))
        metadata = PageMetadata("Blocked e-mail domains")
        return Response.html(self.pages.page("email_domain_blocks", await self.contexts.of(request), metadata, page=view), status)


def _submitted(request: Request) -> EmailDomainsPage:
    """Return the form as submitted."""
    fields = request.fields
    hosts = tuple(fields.list("hosts", max=MAX_HOSTS))
    domain = fields.text("domain", max=MAX_DOMAIN)
    return EmailDomainsPage((), None, domain, fields.flag("allow_with_approval"), hosts or None, hosts)
