"""Pages of the domains that the viewer blocks."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.blocked_domains import BlockedDomains
from microblog.domain.validation import server
from microblog.model.errors import Invalid
from microblog.render.html.blocked_domains_view import BlockedDomainsView, blocked_domains_page
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import ConfirmView
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import older, page_of

MEMBER = RouteOptions(viewer=AccessLevel.MEMBER)
DOMAINS_PER_PAGE = 100
LIST = "/settings/domains"


@frozen
class BlockedDomainPages:
    """The list in the settings, and what the menu of a profile leads to."""

    pages: Pages
    contexts: PageContexts
    blocked_domains: BlockedDomains

    @route("GET", LIST, MEMBER)
    async def all(self, request: Request) -> Response:
        """List blocked domains, with a form to block another one."""
        return await self._all(request, BlockedDomainsView())

    async def _all(self, request: Request, form: BlockedDomainsView, status: int = 200) -> Response:
        page = page_of(request, DOMAINS_PER_PAGE)
        found = await self.blocked_domains.page(request.member, page)
        view = form.with_domains([domain for _, domain in found], older(request, [id for id, _ in found], page))
        return Response.html(blocked_domains_page(self.pages, await self.contexts.of(request), view), status)

    @route("GET", f"{LIST}/block", MEMBER)
    async def question(self, request: Request) -> Response:
        """Ask for confirmation before a domain is blocked."""
        domain = server(request.fields.value("domain"))
        confirm = ConfirmView(
            title=f"Block {domain}?",
            sentence=f"You won't see posts from {domain} or get notifications from anyone there. Your followers there will be removed, and "
            "you will unfollow everyone there.",
            action=LIST,
            button="Block domain",
            cancel=request.next_path(LIST),
            fields={"domain": domain, "next": request.next_path(LIST)},
        )
        return Response.html(self.pages.confirm(await self.contexts.of(request), confirm))

    @route("POST", LIST, MEMBER)
    async def block(self, request: Request) -> Response:
        """Block a domain."""
        domain = request.fields.value("domain")
        try:
            await self.blocked_domains.block(request.member, domain)
        except Invalid as problem:
            return await self._all(request, BlockedDomainsView(domain=domain, errors=problem.fields), status_of(problem))
        return Response.redirect(request.next_path(LIST))

    @route("POST", f"{LIST}/unblock", MEMBER)
    async def unblock(self, request: Request) -> Response:
        """Unblock a domain."""
        await self.blocked_domains.unblock(request.member, request.fields.value("domain"))
        return Response.redirect(request.next_path(LIST))
