"""OAuth 2: how an app asks somebody to let it in, and gets its token for that.

The order of checks is oauthlib's (see grants.py); each request is one transaction. All parameters come as a mapping of those that have a
meaning here, so that nobody can set others of oauthlib's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
from attrs import field, frozen
from oauthlib.common import Request
from oauthlib.oauth2 import BearerToken, ClientCredentialsGrant, OAuth2Error, RevocationEndpoint, TokenEndpoint
from oauthlib.oauth2.rfc6749.errors import FatalClientError, InvalidClientIdError, InvalidRequestError, MissingClientIdError

from microblog.domain import scopes as scope_rules
from microblog.domain.oauth_validator import CodeGrant, SiteRequestValidator
from microblog.domain.tokens import fresh_token, hash_of, token_hash
from microblog.model.accounts import Viewer
from microblog.model.errors import Malformed, Problem
from microblog.model.ids import AccountId
from microblog.model.oauth import OUT_OF_BAND, App, AuthorizationCode, IssuedToken
from microblog.storage import oauth
from microblog.storage.database import Cursor, Transactions

CODE_LIVES = timedelta(minutes=10)
LONGEST_STATE = 4_096
MODES = ("query", "fragment", "form_post")
GRANTS = ("authorization_code", "client_credentials")
ASKED = ("client_id", "code_challenge", "code_challenge_method", "redirect_uri", "response_mode", "response_type", "scope", "state")
"""What an app sends somebody here with."""
EXCHANGED = ("client_id", "client_secret", "code", "code_verifier", "grant_type", "redirect_uri", "scope", "token", "token_type_hint")
"""What an app sends for a token."""

UNKNOWN_APP = "This site does not know the app that sent you here. Remove the account from the app, and sign in with it once more."
WRONG_ADDRESS = "The requested redirect uri is malformed or doesn't match client redirect URI."
REPEATED = "The parameter {name} was sent more than once."
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_REQUIRED = {"authorization_code": ("code", "redirect_uri")}
_SAID = {
    "access_denied": "The resource owner or authorization server denied the request.",
    "invalid_client": "Client authentication failed due to unknown client, no client authentication included, or unsupported "
    "authentication method.",
    "invalid_grant": "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the "
    "authorization request, or was issued to another client.",
    "invalid_scope": "The requested scope is invalid, unknown, or malformed.",
    "unauthorized_client": "You are not authorized to revoke this token",
    "unsupported_grant_type": "The authorization grant type is not supported by the authorization server.",
    "unsupported_response_type": "The authorization server does not support this response type.",
}


class ProtocolError(Problem):
    """The protocol says no. `code` is its word for why, for the app's program."""

    def __init__(self, code: str, description: str = "") -> None:
        super().__init__(_SAID.get(code) or description or code)
        self.code = code


@frozen
class RedirectBack:
    """Somebody goes back to the app, with these parameters in their address (or in a form)."""

    redirect_uri: str
    params: tuple[tuple[str, str], ...] = field(repr=False)
    mode: str = "query"

    @property
    def error(self) -> str:
        """What went wrong, in words; empty if nothing did."""
        return dict(self.params).get("error_description", "")

    @property
    def code(self) -> str:
        """The code for an app that cannot be redirected to; empty if there is none."""
        return dict(self.params).get("code", "") if self.redirect_uri == OUT_OF_BAND else ""

    @property
    def address(self) -> str:
        """Where to go. The app's own address is kept letter by letter: parsing `app://` and writing it again loses the slashes."""
        if self.mode == "fragment":
            return f"{self.redirect_uri}#{urlencode(self.params)}"
        before, mark, query = self.redirect_uri.partition("?")
        joint = "&" if query and not query.endswith("&") else ""
        return f"{before}?{query}{joint}{urlencode(self.params)}" if mark else f"{before}?{urlencode(self.params)}"


@frozen
class AuthorizationRequest:
    """What the app asks for. `known`: the viewer lets it do all of that already."""

    app: App
    scopes: tuple[str, ...]
    redirect_uri: str
    known: bool = False


@frozen
class OAuth:
    """The commands of the protocol. Each raises Malformed where nobody can be sent back because the app or its address is unknown."""

    database: Transactions
    now: Callable[[], datetime]
    make_token: Callable[[], str] = fresh_token

    async def question(self, asked: Mapping[str, str], viewer: Viewer | None) -> AuthorizationRequest | RedirectBack:
        """What the app asks for, or how to send somebody back if it asks for nonsense."""
        return await self.database.read(self._question, asked, viewer.id if viewer else None)

    async def allow(self, asked: Mapping[str, str], viewer: Viewer) -> RedirectBack:
        """Give the app a code."""
        return await self.database.run(self._allow, asked, viewer.id)

    async def deny(self, asked: Mapping[str, str], error: str = "access_denied", description: str = "") -> RedirectBack:
        """Send somebody back with nothing."""
        question = await self.question(asked, None)
        return question if isinstance(question, RedirectBack) else refused(question.redirect_uri, asked, error, description)

    async def is_own_code(self, code: str, viewer: Viewer) -> bool:
        """True if the viewer has just got this code."""
        hashed = token_hash(code)
        return bool(hashed) and await self.database.read(oauth.code_is_of, code_hash=hashed or b"", account=viewer.id, now=self.now())

    async def token(self, sent: Mapping[str, str], authorization: str = "") -> IssuedToken:
        """A token for a code, or for the app itself. `authorization` is the header of that name. Raises Refusal."""
        grant = sent.get("grant_type")
        if not grant:
            raise ProtocolError("invalid_request", "Missing required parameter: grant_type.")
        if grant not in GRANTS:
            raise ProtocolError("unsupported_grant_type")
        for name in _REQUIRED.get(grant, ()):
            if not sent.get(name):
                raise ProtocolError("invalid_request", f"Missing required parameter: {name}.")
        outcome = await self.database.run(self._token, sent, authorization)
        if isinstance(outcome, ProtocolError):
            raise outcome
        return outcome

    async def revoke(self, sent: Mapping[str, str], authorization: str = "") -> None:
        """End a token; one that is none is no error. Raises Refusal if it is another app's, or the app does not know its secret."""
        await self.database.run(self._revoke, sent, authorization)

    def _rules(self, cursor: Cursor) -> SiteRequestValidator:
        return SiteRequestValidator(cursor, self.now(), self.make_token)

    def _question(self, cursor: Cursor, asked: Mapping[str, str], viewer: AccountId | None) -> AuthorizationRequest | RedirectBack:
        rules = self._rules(cursor)
        request = Request("", body=_only(asked, ASKED))
        try:
            scopes, _ = CodeGrant(rules).validate_authorization_request(request)
            _check_rest(asked, request)
        except (MissingClientIdError, InvalidClientIdError) as problem:
            raise Malformed(UNKNOWN_APP) from problem
        except FatalClientError as problem:
            raise Malformed(WRONG_ADDRESS) from problem
        except OAuth2Error as problem:
            return refused(asked["redirect_uri"], asked, problem.error or "invalid_request", problem.description or "")
        assert rules.app is not None
        given = oauth.scopes_given(cursor, account=viewer, app=rules.app.id) if viewer else []
        return AuthorizationRequest(rules.app, tuple(scopes), asked["redirect_uri"], bool(given) and scope_rules.within(scopes, given))

    def _allow(self, cursor: Cursor, asked: Mapping[str, str], viewer: AccountId) -> RedirectBack:
        question = self._question(cursor, asked, viewer)
        if isinstance(question, RedirectBack):
            return question
        code, now = self.make_token(), self.now()
        challenge = asked.get("code_challenge") or None
        given = AuthorizationCode(question.app.id, viewer, question.redirect_uri, question.scopes, challenge, now + CODE_LIVES)
        oauth.insert_code(cursor, code_hash=hash_of(code), code=given, now=now)
        return RedirectBack(question.redirect_uri, (("code", code), *_state(asked)), _mode(asked))

    def _token(self, cursor: Cursor, sent: Mapping[str, str], authorization: str) -> IssuedToken | ProtocolError:
        """What is refused is given back and not raised: a code that was stolen has to stay revoked."""
        rules = self._rules(cursor)
        kinds = {"authorization_code": CodeGrant(rules, refresh_token=False), "client_credentials": ClientCredentialsGrant(rules)}
        bearer: Any = BearerToken(rules, token_generator=lambda _: self.make_token())  # the stubs take it for a text
        try:
            _, body, _ = TokenEndpoint("authorization_code", bearer, kinds).create_token_response(
                "", "POST", urlencode(_only(sent, EXCHANGED)), _headers(authorization)
            )
        except OAuth2Error as problem:
            return ProtocolError(problem.error or "invalid_request", problem.description or "")
        if rules.issued is not None:
            return rules.issued
        told = orjson.loads(body)
        return ProtocolError(told["error"], told.get("error_description", ""))

    def _revoke(self, cursor: Cursor, sent: Mapping[str, str], authorization: str) -> None:
        hashed = token_hash(sent.get("token", ""))
        if hashed is None or oauth.live_token(cursor, token_hash=hashed) is None:
            return
        try:
            _, _, status = RevocationEndpoint(self._rules(cursor)).create_revocation_response(
                "", "POST", urlencode(_only(sent, EXCHANGED)), _headers(authorization)
            )
        except OAuth2Error as problem:
            raise ProtocolError("unauthorized_client") from problem
        if status != 200:
            raise ProtocolError("unauthorized_client")


def refused(redirect_uri: str, asked: Mapping[str, str], error: str, description: str = "") -> RedirectBack:
    """Send somebody back with an error."""
    said = _SAID.get(error) or description or error
    return RedirectBack(redirect_uri, (("error", error), ("error_description", said), *_state(asked)), _mode(asked))


def _check_rest(asked: Mapping[str, str], request: Request) -> None:
    """What oauthlib leaves open. Raises InvalidRequestError."""
    challenge = asked.get("code_challenge")
    if challenge is not None and not _CHALLENGE.fullmatch(challenge):
        raise InvalidRequestError(description="The code challenge has to be a SHA-256 in base64url.", request=request)
    if asked.get("code_challenge_method") and not challenge:
        raise InvalidRequestError(description="Missing required parameter: code_challenge.", request=request)
    if asked.get("response_mode", "query") not in MODES:
        raise InvalidRequestError(description="The response mode is not supported.", request=request)
    if len(asked.get("state", "")) > LONGEST_STATE:
        raise InvalidRequestError(description="The state is too long.", request=request)


def _only(given: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: given[name] for name in names if given.get(name)}


def _headers(authorization: str) -> dict[str, str]:
    return {"Authorization": authorization} if authorization else {}


def _state(asked: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    state = asked.get("state")
    return (("state", state),) if state and len(state) <= LONGEST_STATE else ()


def _mode(asked: Mapping[str, str]) -> str:
    mode = asked.get("response_mode", "query")
    return mode if mode in MODES else "query"
