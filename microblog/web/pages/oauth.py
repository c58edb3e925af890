"""OAuth 2 over HTTP: the page that asks somebody whether an app may act for them, and what the app itself calls.

Answers to apps have the shape and the words that clients of Mastodon know.
"""

from __future__ import annotations

from urllib.parse import urlencode

from attrs import frozen

from microblog.domain import oauth as protocol
from microblog.domain.oauth import OAuth, Question, Refusal, Return
from microblog.domain.scopes import ALL
from microblog.domain.sessions import Sessions
from microblog.domain.tokens import Tokens
from microblog.model.errors import Forbidden, Malformed, NotFound
from microblog.model.ids import AppId
from microblog.model.oauth import OUT_OF_BAND
from microblog.render.api import apps as words
from microblog.render.api.apps import TOKEN
from microblog.render.api.entities import Entities
from microblog.render.api.schemas import EMPTY, TEXT
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import AppsPage, Consent, PostBack
from microblog.web.http.body_parsing import read_query
from microblog.web.http.cookies import SESSION
from microblog.web.http.errors import NotYet
from microblog.web.http.headers import CONSENT_POLICY
from microblog.web.http.params import Fields
from microblog.web.http.request import Call
from microblog.web.http.response import NO_STORE, PUBLIC_A_WHILE, Answer
from microblog.web.http.route import Needs, Who, route
from microblog.web.http.route_docs import Doc, Param
from microblog.web.pages.auth_pages import sign_in_first
from microblog.web.pages.page_context import Shells

_ASKS_ANYWAY = frozenset({"login", "consent", "select_account"})
HINT = Param("token_type_hint", TEXT, "Always access_token (RFC 7009); there are no others.")
_CLIENT = (Param("client_id", TEXT), Param("client_secret", TEXT, "Both may come by HTTP Basic instead."))


@frozen
class ConsentPages:
    """What people see of it."""

    pages: Pages
    shells: Shells
    oauth: OAuth
    sessions: Sessions

    @route("GET", "/oauth/authorize", Needs(keeps_opener=True))
    async def ask(self, call: Call) -> Answer:
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
        if isinstance(question, Return):
            return self._back(call, question)
        if question.known and not call.fields.flag("force_login") and not prompt & _ASKS_ANYWAY:
            return self._back(call, await self.oauth.allow(asked, call.viewer))
        if "none" in prompt:
            return self._back(call, await self.oauth.deny(asked, "consent_required", "The app was not let in yet."))
        return self._question(call, question, asked)

    def _question(self, call: Call, question: Question, asked: dict[str, str]) -> Answer:
        shown = Consent(question.app, words.told(question.scopes), words.back_to(question.redirect_uri), asked)
        return Answer.html(self.pages.consent(self.shells.plain(call), shown)).with_policy(CONSENT_POLICY).cached(NO_STORE)

    @route("POST", "/oauth/authorize", Needs(viewer=Who.MEMBER, keeps_opener=True))
    async def decide(self, call: Call) -> Answer:
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

    async def _refuse(self, asked: dict[str, str], repeated: str) -> Return:
        return await self.oauth.deny(asked, "invalid_request", protocol.REPEATED.format(name=repeated))

    def _back(self, call: Call, target: Return) -> Answer:
        """Send the viewer to the app. 302, since browsers turn that into a GET and some apps look for it."""
        if target.code:
            return Answer.redirect(f"/oauth/authorize/native?code={target.code}", 302)
        if target.redirect_uri == OUT_OF_BAND:
            raise Forbidden(target.error)
        if target.mode == "form_post":
            page = self.pages.post_back(self.shells.plain(call), PostBack(target.redirect_uri, dict(target.params)))
            return Answer.html(page).with_policy(CONSENT_POLICY).cached(NO_STORE)
        return Answer.redirect(target.address, 302)

    @route("GET", "/oauth/authorize/native", Needs(viewer=Who.MEMBER, keeps_opener=True))
    async def code(self, call: Call) -> Answer:
        """Show the code to whoever has just got it, and nobody else's: somebody could be lured into typing that into their app."""
        code = call.fields.value("code")
        if not await self.oauth.is_own_code(code, call.member):
            raise NotFound("This code is not valid any more. Please begin once more in the app.")
        return Answer.html(self.pages.code(self.shells.plain(call), code)).cached(NO_STORE)


@frozen
class OAuthRoutes:
    """What apps call."""

    entities: Entities
    oauth: OAuth

    @route(
        "POST",
        "/oauth/token",
        Needs(api=True, bearer=False),
        Doc(
            "Exchange a code for a token, or get one for the app itself",
            TOKEN,
            body=(
                Param("grant_type", {"type": "string", "enum": list(protocol.GRANTS)}, required=True),
                *_CLIENT,
                Param("code", TEXT, "What the person brought back."),
                Param("redirect_uri", TEXT, "Where they brought it to."),
                Param("code_verifier", TEXT, "The verifier of PKCE, where the code was asked for with a challenge."),
                Param("scope", TEXT, "For the app itself: what it wants to do."),
            ),
            errors=(400, 401),
        ),
    )
    async def token(self, call: Call) -> Answer:
        """A token."""
        try:
            issued = await self.oauth.token(_sent(call), call.header("Authorization") or "")
        except Refusal as problem:
            return _refused(call, problem)
        return Answer.json(words.TOKEN(issued, None)).cached(NO_STORE).with_header("Pragma", "no-cache")

    @route(
        "POST",
        "/oauth/revoke",
        Needs(api=True, bearer=False),
        Doc("End a token", EMPTY, body=(Param("token", TEXT, required=True), HINT, *_CLIENT), errors=(403,)),
    )
    async def revoke(self, call: Call) -> Answer:
        """Done; also where there is nothing to do."""
        try:
            await self.oauth.revoke(_sent(call), call.header("Authorization") or "")
        except Refusal as problem:
            return _refused(call, problem)
        return Answer.json({}).cached(NO_STORE)

    @route("GET", "/oauth/userinfo", Needs(api=True, viewer=Who.MEMBER, scopes={"profile"}), Doc("Who one is", words.USER_INFO))
    @route("POST", "/oauth/userinfo", Needs(api=True, viewer=Who.MEMBER, scopes={"profile"}), Doc("Who one is", words.USER_INFO))
    async def user_info(self, call: Call) -> Answer:
        """The person whose token it is."""
        return Answer.json(words.USER_INFO(call.member.account, self.entities))

    @route(
        "GET",
        "/.well-known/oauth-authorization-server",
        Needs(api=True, bearer=False),
        Doc("How apps sign people in here", words.SERVER_METADATA),
    )
    async def metadata(self, call: Call) -> Answer:
        """The addresses of everything above."""
        told = words.SERVER_METADATA(words.OAuthOptions(ALL, protocol.MODES, protocol.GRANTS), call.origin.url)
        return Answer.json(told).cached(PUBLIC_A_WHILE)


@frozen
class AppSettings:
    """The apps that the viewer lets in."""

    pages: Pages
    shells: Shells
    tokens: Tokens

    @route("GET", "/settings/apps", Needs(viewer=Who.MEMBER))
    async def list(self, call: Call) -> Answer:
        """All of them, each with a button to let it in no more."""
        found = await self.tokens.authorizations(call.member)
        page = AppsPage(tuple((one, words.told(one.scopes)) for one in found))
        return Answer.html(self.pages.settings_apps(await self.shells.of(call), page))

    @route("POST", "/settings/apps/<id:app_id>/revoke", Needs(viewer=Who.MEMBER))
    async def revoke(self, call: Call, app_id: int) -> Answer:
        """Let the app in no more."""
        await self.tokens.revoke_app(call.member, AppId(app_id))
        return Answer.redirect("/settings/apps?notice=revoked")


def _asked(call: Call) -> tuple[dict[str, str], str]:
    """What an app sent somebody here with, and the first name that it used more than once, without which the rest is.

    Raises Malformed if it is not even clear which app and which address: then nobody can be sent back.
    """
    names = [*protocol.ASKED, "prompt", "force_login"]
    repeated = [name for name in names if _is_repeated(call, name)]
    for name in ("client_id", "redirect_uri"):
        if name in repeated:
            raise Malformed(protocol.REPEATED.format(name=name))
    asked = {name: call.fields.value(name) for name in protocol.ASKED if call.fields.has(name) and name not in repeated}
    if "response_type" in repeated:
        asked["response_type"] = "code"  # which it is does not matter for the refusal
    return asked, next(iter(repeated), "")


def _sent(call: Call) -> dict[str, str]:
    """What an app sent for a token. Raises Refusal if it sent something more than once (RFC 6749 section 3.2)."""
    for name in protocol.EXCHANGED:
        if _is_repeated(call, name):
            raise Refusal("invalid_request", protocol.REPEATED.format(name=name))
    return {name: call.fields.value(name) for name in protocol.EXCHANGED if call.fields.has(name)}


def _is_repeated(call: Call, name: str) -> bool:
    """True if a parameter came more than once: in one place, or in query and body with different values."""
    if call.fields.is_repeated(name):
        return True
    query = Fields(read_query(call.request.query))
    return query.is_repeated(name) or (query.has(name) and query.value(name) != call.fields.value(name))


def _refused(call: Call, problem: Refusal) -> Answer:
    """An error as RFC 6749 section 5.2 wants it."""
    status = {"invalid_client": 401, "unauthorized_client": 403}.get(problem.code, 400)
    answer = Answer.json({"error": problem.code, "error_description": problem.sentence}, status).cached(NO_STORE)
    if status != 401:
        return answer
    scheme = "Basic" if (call.header("Authorization") or "")[:6].lower() == "basic " else "Bearer"
    text = f'{scheme} realm="Doorkeeper", error="invalid_client", error_description="{problem.sentence}"'
    return answer.with_header("WWW-Authenticate", text)
