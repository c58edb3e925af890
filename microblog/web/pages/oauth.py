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
from microblog.render.html import consent as descriptions
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import AppsPage, ConsentView, FormPost
from microblog.web.http.cookies import SESSION
from microblog.web.http.errors import PendingApproval
from microblog.web.http.headers import CONSENT_POLICY
from microblog.web.http.request import Request
from microblog.web.http.response import NO_STORE, Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.auth_pages import sign_in_first
from microblog.web.pages.page_context import PageContexts

_PROMPTS = frozenset({"login", "consent", "select_account"})


@frozen
class ConsentPages:
    """The pages that users see during authorization."""

    pages: Pages
    contexts: PageContexts
    oauth: OAuth
    sessions: Sessions

    @route("GET", "/oauth/authorize", RouteOptions(keeps_opener=True))
    async def ask(self, request: Request) -> Response:
        """Show the consent page, unless the app already has all requested scopes. Redirects visitors to the login form."""
        params, repeated = _authorization_params(request)
        prompt = set(request.fields.value("prompt").split())
        question = await self.oauth.check_request(params, request.viewer)
        if request.viewer is None:
            if "none" in prompt:
                return self._redirect_back(request, await self.oauth.deny(params, "login_required", "No user is logged in."))
            return sign_in_first(request.path_and_query)
        if request.viewer.pending:
            raise PendingApproval
        if repeated:
            return self._redirect_back(request, await self._reject_repeated(params, repeated))
        if isinstance(question, RedirectBack):
            return self._redirect_back(request, question)
        if question.already_authorized and not request.fields.flag("force_login") and not prompt & _PROMPTS:
            return self._redirect_back(request, await self.oauth.allow(params, request.viewer))
        if "none" in prompt:
            return self._redirect_back(
                request, await self.oauth.deny(params, "consent_required", "The user has not authorized this app yet.")
            )
        return self._question(request, question, params)

    def _question(self, request: Request, question: AuthorizationRequest, params: dict[str, str]) -> Response:
        view = ConsentView(
            question.app, descriptions.describe_scopes(question.scopes), descriptions.describe_redirect(question.redirect_uri), params
        )
        return Response.html(self.pages.consent(self.contexts.plain(request), view)).with_policy(CONSENT_POLICY).cached(NO_STORE)

    @route("POST", "/oauth/authorize", RouteOptions(viewer=AccessLevel.MEMBER, keeps_opener=True))
    async def decide(self, request: Request) -> Response:
        """Allow or deny the authorization, or switch to another account."""
        (params, repeated), decision = _authorization_params(request), request.fields.value("decision")
        if repeated:
            return self._redirect_back(request, await self._reject_repeated(params, repeated))
        if decision == "switch":
            await self.sessions.log_out(request.cookie(SESSION) or "")
            return sign_in_first(f"/oauth/authorize?{urlencode(params)}").without_cookie(SESSION)
        if decision == "allow":
            return self._redirect_back(request, await self.oauth.allow(params, request.member))
        return self._redirect_back(request, await self.oauth.deny(params))

    async def _reject_repeated(self, params: dict[str, str], repeated: str) -> RedirectBack:
        return await self.oauth.deny(params, "invalid_request", protocol.REPEATED.format(name=repeated))

    def _redirect_back(self, request: Request, target: RedirectBack) -> Response:
        """Redirect to the app. Status 302, because browsers turn it into a GET and some apps expect it."""
        if target.code:
            return Response.redirect(f"/oauth/authorize/native?code={target.code}", 302)
        if target.redirect_uri == OUT_OF_BAND:
            raise Forbidden(target.error)
        if target.mode == "form_post":
            page = self.pages.form_post(self.contexts.plain(request), FormPost(target.redirect_uri, dict(target.params)))
            return Response.html(page).with_policy(CONSENT_POLICY).cached(NO_STORE)
        return Response.redirect(target.url, 302)

    @route("GET", "/oauth/authorize/native", RouteOptions(viewer=AccessLevel.MEMBER, keeps_opener=True))
    async def code(self, request: Request) -> Response:
        """Show an authorization code to its owner only, so that a user cannot be tricked into entering a foreign code."""
        code = request.fields.value("code")
        if not await self.oauth.is_own_code(code, request.member):
            raise NotFound("This code is no longer valid. Please start again in the app.")
        return Response.html(self.pages.code(self.contexts.plain(request), code)).cached(NO_STORE)


@frozen
class AppSettings:
    """The viewer's authorized apps."""

    pages: Pages
    contexts: PageContexts
    tokens: Tokens

    @route("GET", "/settings/apps", RouteOptions(viewer=AccessLevel.MEMBER))
    async def list(self, request: Request) -> Response:
        """List the authorized apps."""
        found = await self.tokens.authorizations(request.member)
        page = AppsPage(tuple((one, descriptions.describe_scopes(one.scopes)) for one in found))
        return Response.html(self.pages.settings_apps(await self.contexts.of(request), page))

    @route("POST", "/settings/apps/<id:app_id>/revoke", RouteOptions(viewer=AccessLevel.MEMBER))
    async def revoke(self, request: Request, app_id: int) -> Response:
        """Revoke an app's access."""
        await self.tokens.revoke_app(request.member, AppId(app_id))
        return Response.redirect("/settings/apps?notice=revoked")


def _authorization_params(request: Request) -> tuple[dict[str, str], str]:
    """Return the authorization parameters and the first repeated name, which is left out of them.

    Raises Malformed if `client_id` or `redirect_uri` is repeated, since the browser cannot be redirected then.
    """
    names = [*protocol.AUTHORIZATION_PARAMS, "prompt", "force_login"]
    repeated = [name for name in names if request.is_repeated(name)]
    for name in ("client_id", "redirect_uri"):
        if name in repeated:
            raise Malformed(protocol.REPEATED.format(name=name))
    params = {
        name: request.fields.value(name) for name in protocol.AUTHORIZATION_PARAMS if request.fields.has(name) and name not in repeated
    }
    if "response_type" in repeated:
        params["response_type"] = "code"  # any valid value will do: the request is refused anyway
    return params, next(iter(repeated), "")
