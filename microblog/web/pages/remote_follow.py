"""Following from another server: visitors name their account there, and are sent to its server's page for following."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.accounts import Accounts
from microblog.domain.rate_limits import MINUTE, LimitScope, RateLimit
from microblog.federation.resolution import INVALID, Resolution, Unresolved
from microblog.model.accounts import Account
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.pages.page_context import PageContexts

REMOTE_FOLLOWS = RateLimit("remote-follows", 30, 5 * MINUTE, LimitScope.NETWORK)
MAX_ADDRESS = 600


@frozen
class RemoteFollowPages:
    """The page behind the follow button that visitors see."""

    pages: Pages
    contexts: PageContexts
    accounts: Accounts
    resolution: Resolution

    @route("GET", "/@<username:username>/remote_follow", RouteOptions())
    async def show(self, request: Request, username: str) -> Response:
        """Ask for the visitor's account."""
        account = await self.accounts.by_username(username)
        if request.viewer is not None:
            return Response.redirect(f"/@{account.acct}", 302)
        return self._form(request, account)

    @route("POST", "/@<username:username>/remote_follow", RouteOptions(rate=REMOTE_FOLLOWS))
    async def follow(self, request: Request, username: str) -> Response:
        """Show the link to the page for following on the server of the visitor's account, as that server names it.

        A link and no redirect: pages may not send forms to other sites, and visitors see where it leads.
        """
        account = await self.accounts.by_username(username)
        typed = request.fields.value("address", max=MAX_ADDRESS).strip()
        try:
            handle = self.resolution.handle(typed)
            if handle is None:
                raise Unresolved("Enter your address in the form name@example.social." if typed else INVALID)
            target = await self.resolution.subscribe_url(handle, f"{self.contexts.site.url}/users/{account.username}")
        except Unresolved as problem:
            return self._form(request, account, typed, error=problem.sentence)
        return self._form(request, account, typed, target=target, host=handle.host)

    def _form(self, request: Request, account: Account, typed: str = "", **shown: str) -> Response:
        metadata = PageMetadata(f"Follow {account.name}", index=False)
        page = self.pages.page(
            "remote_follow", self.contexts.plain(request, form=True), metadata, account=account, typed=typed, **{**_NOTHING, **shown}
        )
        return Response.html(page, 422 if shown.get("error") else 200)


_NOTHING = {"error": "", "target": "", "host": ""}
