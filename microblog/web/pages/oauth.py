"""The pages of OAuth 2: the consent page of an app, and the list of authorized apps."""

from __future__ import annotations

from urllib.parse import urlencode

from attrs import frozen

from microblog.domain import oauth as protocol
from microblog.domain.oauth import AuthorizationRequest, OAuth, RedirectBack
from microblog.domain.sessions import Sessions
from microblog.domain.tokens import Tokens
from microblog.model.errors import Forbidden, Malformed, NotFound
from microblog.model.ids import AppId
from microblog.model.oauth import OUT_OF_BAND
from microblog.render.api import apps as words
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import AppsPage, ConsentView, PostBack
from microblog.web.http.cookies import SESSION
from microblog.web.http.errors import NotYet
from microblog.web.http.headers import CONSENT_POLICY
from microblog.web.http.request import Request
from microblog.web.http.response import NO_STORE, Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.auth_pages import sign_in_first
from microblog.web.pages.page_context import PageContexts

_ASKS_ANYWAY = frozenset({"login", "consent", "select_account"})


@frozen
class ConsentPages:
    """What people see of it."""

    pages: Pages
    shells: PageContexts
    oauth: OAuth
    sessions: Sessions

    @route("GET", "/oauth/authorize", RouteOptions(keeps_opener=True))
    async def ask(self, call: Request) -> Response:
        """Ask the viewer, unless they have let the app do all this before. Whoever is not logged in does that first."""
        asked, repeated = _asked(call)
        prompt = set(call.fields.value("prompt").split())
        question = await self.oauth.question(asked, call.viewer)
        if call.viewer is None:
            if "none" in prompt:
                return self._back(call, await self.oauth.deny(asked, "login_required", "Nobody is logged in."))
            return sign_in_first(call.path_and_query)
        if call.viewer.pending:
            raise NotYet
        if repeated:
            return self._back(call, await self._refuse(asked, repeated))
        if isinstance(question, RedirectBack):
            return self._back(call, question)
        if question.known and not call.fields.flag("force_login") and not prompt & _ASKS_ANYWAY:
            return self._back(call, await self.oauth.allow(asked, call.viewer))
        if "none" in prompt:
            return self._back(call, await self.oauth.deny(asked, "consent_required", "The app was not let in yet."))
        return self._question(call, question, asked)

    def _question(self, call: Request, question: AuthorizationRequest, asked: dict[str, str]) -> Response:
        shown = ConsentView(question.app, words.told(question.scopes), words.back_to(question.redirect_uri), asked)
        return Response.html(self.pages.consent(self.shells.plain(call), shown)).with_policy(CONSENT_POLICY).cached(NO_STORE)

    @route("POST", "/oauth/authorize", RouteOptions(viewer=AccessLevel.MEMBER, keeps_opener=True))
    async def decide(self, call: Request) -> Response:
        """Do what the viewer decided: let the app in, or not, or log in as somebody else first."""
        (asked, repeated), decision = _asked(call), call.fields.value("decision")
        if repeated:
            return self._back(call, await self._refuse(asked, repeated))
        if decision == "switch":
            await self.sessions.log_out(call.cookie(SESSION) or "")
            return sign_in_first(f"/oauth/authorize?{urlencode(asked)}").without_cookie(SESSION)
        if decision == "allow":
            return self._back(call, await self.oauth.allow(asked, call.member))
        return self._back(call, await self.oauth.deny(asked))

    async def _refuse(self, asked: dict[str, str], repeated: str) -> RedirectBack:
        return await self.oauth.deny(asked, "invalid_request", protocol.REPEATED.format(name=repeated))

    def _back(self, call: Request, target: RedirectBack) -> Response:
        """Send the viewer to the app. 302, since browsers turn that into a GET and some apps look for it."""
        if target.code:
            return Response.redirect(f"/oauth/authorize/native?code={target.code}", 302)
        if target.redirect_uri == OUT_OF_BAND:
            raise Forbidden(target.error)
        if target.mode == "form_post":
            page = self.pages.post_back(self.shells.plain(call), PostBack(target.redirect_uri, dict(target.params)))
            return Response.html(page).with_policy(CONSENT_POLICY).cached(NO_STORE)
        return Response.redirect(target.address, 302)

    @route("GET", "/oauth/authorize/native", RouteOptions(viewer=AccessLevel.MEMBER, keeps_opener=True))
    async def code(self, call: Request) -> Response:
        """Show the code to whoever has just got it, and nobody else's: somebody could be lured into typing that into their app."""
        code = call.fields.value("code")
        if not await self.oauth.is_own_code(code, call.member):
            raise NotFound("This code is no longer valid. Please start again in the app.")
        return Response.html(self.pages.code(self.shells.plain(call), code)).cached(NO_STORE)


@frozen
class AppSettings:
    """The apps that the viewer lets in."""

    pages: Pages
    shells: PageContexts
    tokens: Tokens

    @route("GET", "/settings/apps", RouteOptions(viewer=AccessLevel.MEMBER))
    async def list(self, call: Request) -> Response:
        """All of them, each with a button to let it in no more."""
        found = await self.tokens.authorizations(call.member)
        page = AppsPage(tuple((one, words.told(one.scopes)) for one in found))
        return Response.html(self.pages.settings_apps(await self.shells.of(call), page))

    @route("POST", "/settings/apps/<id:app_id>/revoke", RouteOptions(viewer=AccessLevel.MEMBER))
    async def revoke(self, call: Request, app_id: int) -> Response:
        """Let the app in no more."""
        await self.tokens.revoke_app(call.member, AppId(app_id))
        return Response.redirect("/settings/apps?notice=revoked")


def _asked(call: Request) -> tuple[dict[str, str], str]:
    """What an app sent somebody here with, and the first name that it used more than once, without which the rest is.

    Raises Malformed if it is not even clear which app and which address: then nobody can be sent back.
    """
    names = [*protocol.AUTHORIZATION_PARAMS, "prompt", "force_login"]
    repeated = [name for name in names if call.is_repeated(name)]
    for name in ("client_id", "redirect_uri"):
        if name in repeated:
            raise Malformed(protocol.REPEATED.format(name=name))
    asked = {name: call.fields.value(name) for name in protocol.AUTHORIZATION_PARAMS if call.fields.has(name) and name not in repeated}
    if "response_type" in repeated:
        asked["response_type"] = "code"  # which it is does not matter for the refusal
    return asked, next(iter(repeated), "")
