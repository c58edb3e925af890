"""OAuth 2.0 authorization server: the authorization request, access tokens and revocation.

oauthlib decides the order of checks (see oauth_validator.py); each request is one transaction. Parameters come as a mapping and are
filtered by name, so that no client can set others that oauthlib would understand.
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

CODE_LIFETIME = timedelta(minutes=10)
MAX_STATE_LENGTH = 4_096
MODES = ("query", "fragment", "form_post")
GRANTS = ("authorization_code", "client_credentials")
AUTHORIZATION_PARAMS = (
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "redirect_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
)
"""Parameters of an authorization request."""
TOKEN_PARAMS = ("client_id", "client_secret", "code", "code_verifier", "grant_type", "redirect_uri", "scope", "token", "token_type_hint")
"""Parameters of a token or revocation request."""

UNKNOWN_APP = "This site does not know the app that sent you here. Remove the account from the app and add it again."
WRONG_ADDRESS = "The requested redirect uri is malformed or doesn't match client redirect URI."
REPEATED = "The parameter {name} was sent more than once."
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_REQUIRED = {"authorization_code": ("code", "redirect_uri")}
_DESCRIPTIONS = {
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
    """An OAuth error response. `code` is the error code of RFC 6749 section 5.2."""

    def __init__(self, code: str, description: str = "") -> None:
        super().__init__(_DESCRIPTIONS.get(code) or description or code)
        self.code = code


@frozen
class RedirectBack:
    """Redirection of the user to the app, with parameters in the query, the fragment or a form (`mode`)."""

    redirect_uri: str
    params: tuple[tuple[str, str], ...] = field(repr=False)
    mode: str = "query"

    @property
    def error(self) -> str:
        """The error description; empty if there is no error."""
        return dict(self.params).get("error_description", "")

    @property
    def code(self) -> str:
        """The code to be shown to the user, for an app that cannot be redirected to; otherwise empty."""
        return dict(self.params).get("code", "") if self.redirect_uri == OUT_OF_BAND else ""

    @property
    def url(self) -> str:
        """The URL to redirect to.

        The app's own URL is kept character by character: parsing `app://` and writing it again loses the slashes.
        """
        if self.mode == "fragment":
            return f"{self.redirect_uri}#{urlencode(self.params)}"
        before, question_mark, query = self.redirect_uri.partition("?")
        separator = "&" if query and not query.endswith("&") else ""
        return f"{before}?{query}{separator}{urlencode(self.params)}" if question_mark else f"{before}?{urlencode(self.params)}"


@frozen
class AuthorizationRequest:
    """A valid authorization request. `already_authorized`: the viewer has authorized the app for these scopes before."""

    app: App
    scopes: tuple[str, ...]
    redirect_uri: str
    already_authorized: bool = False


@frozen
class OAuth:
    """The OAuth endpoints' commands. Each raises Malformed if the app or its redirect URI is unknown, so that no redirect is safe."""

    database: Transactions
    now: Callable[[], datetime]
    make_token: Callable[[], str] = fresh_token

    async def check_request(self, params: Mapping[str, str], viewer: Viewer | None) -> AuthorizationRequest | RedirectBack:
        """Check an authorization request. Returns it, or the error redirect to the app."""
        return await self.database.read(self._check_request, params, viewer.id if viewer else None)

    async def allow(self, params: Mapping[str, str], viewer: Viewer) -> RedirectBack:
        """Issue an authorization code to the app."""
        return await self.database.run(self._allow, params, viewer.id)

    async def deny(self, params: Mapping[str, str], error: str = "access_denied", description: str = "") -> RedirectBack:
        """Redirect the user to the app with an error."""
        checked = await self.check_request(params, None)
        return checked if isinstance(checked, RedirectBack) else refused(checked.redirect_uri, params, error, description)

    async def is_own_code(self, code: str, viewer: Viewer) -> bool:
        """Return True if the code was issued for this viewer and is still valid."""
        hashed = token_hash(code)
        return bool(hashed) and await self.database.read(oauth.is_valid_code, code_hash=hashed or b"", account=viewer.id, now=self.now())

    async def token(self, params: Mapping[str, str], authorization: str = "") -> IssuedToken:
        """Issue an access token. `authorization` is the header of that name. Raises ProtocolError."""
        grant = params.get("grant_type")
        if not grant:
            raise ProtocolError("invalid_request", "Missing required parameter: grant_type.")
        if grant not in GRANTS:
            raise ProtocolError("unsupported_grant_type")
        for name in _REQUIRED.get(grant, ()):
            if not params.get(name):
                raise ProtocolError("invalid_request", f"Missing required parameter: {name}.")
        outcome = await self.database.run(self._token, params, authorization)
        if isinstance(outcome, ProtocolError):
            raise outcome
        return outcome

    async def revoke(self, params: Mapping[str, str], authorization: str = "") -> None:
        """Revoke a token; an unknown token is no error (RFC 7009 section 2.2).

        Raises ProtocolError if the token is another app's or the client secret is wrong.
        """
        await self.database.run(self._revoke, params, authorization)

    def _validator(self, cursor: Cursor) -> SiteRequestValidator:
        return SiteRequestValidator(cursor, self.now(), self.make_token)

    def _check_request(self, cursor: Cursor, params: Mapping[str, str], viewer: AccountId | None) -> AuthorizationRequest | RedirectBack:
        validator = self._validator(cursor)
        request = Request("", body=_only(params, AUTHORIZATION_PARAMS))
        try:
            scopes, _ = CodeGrant(validator).validate_authorization_request(request)
            _check_rest(params, request)
        except (MissingClientIdError, InvalidClientIdError) as problem:
            raise Malformed(UNKNOWN_APP) from problem
        except FatalClientError as problem:
            raise Malformed(WRONG_ADDRESS) from problem
        except OAuth2Error as problem:
            return refused(params["redirect_uri"], params, problem.error or "invalid_request", problem.description or "")
        assert validator.app is not None
        authorized = oauth.granted_scopes(cursor, account=viewer, app=validator.app.id) if viewer else []
        return AuthorizationRequest(
            validator.app, tuple(scopes), params["redirect_uri"], bool(authorized) and scope_rules.within(scopes, authorized)
        )

    def _allow(self, cursor: Cursor, params: Mapping[str, str], viewer: AccountId) -> RedirectBack:
        checked = self._check_request(cursor, params, viewer)
        if isinstance(checked, RedirectBack):
            return checked
        code, now = self.make_token(), self.now()
        challenge = params.get("code_challenge") or None
        grant = AuthorizationCode(checked.app.id, viewer, checked.redirect_uri, checked.scopes, challenge, now + CODE_LIFETIME)
        oauth.insert_code(cursor, code_hash=hash_of(code), code=grant, now=now)
        return RedirectBack(checked.redirect_uri, (("code", code), *_state(params)), _mode(params))

    def _token(self, cursor: Cursor, params: Mapping[str, str], authorization: str) -> IssuedToken | ProtocolError:
        """Return an error instead of raising it: a rollback would undo the revocation that a reused code causes."""
        validator = self._validator(cursor)
        grants = {"authorization_code": CodeGrant(validator, refresh_token=False), "client_credentials": ClientCredentialsGrant(validator)}
        bearer: Any = BearerToken(validator, token_generator=lambda _: self.make_token())  # the stubs declare a str
        try:
            _, body, _ = TokenEndpoint("authorization_code", bearer, grants).create_token_response(
                "", "POST", urlencode(_only(params, TOKEN_PARAMS)), _headers(authorization)
            )
        except OAuth2Error as problem:
            return ProtocolError(problem.error or "invalid_request", problem.description or "")
        if validator.issued is not None:
            return validator.issued
        error = orjson.loads(body)
        return ProtocolError(error["error"], error.get("error_description", ""))

    def _revoke(self, cursor: Cursor, params: Mapping[str, str], authorization: str) -> None:
        hashed = token_hash(params.get("token", ""))
        if hashed is None or oauth.valid_token(cursor, token_hash=hashed) is None:
            return
        try:
            _, _, status = RevocationEndpoint(self._validator(cursor)).create_revocation_response(
                "", "POST", urlencode(_only(params, TOKEN_PARAMS)), _headers(authorization)
            )
        except OAuth2Error as problem:
            raise ProtocolError("unauthorized_client") from problem
        if status != 200:
            raise ProtocolError("unauthorized_client")


def refused(redirect_uri: str, params: Mapping[str, str], error: str, description: str = "") -> RedirectBack:
    """Return an error redirect to the app."""
    text = _DESCRIPTIONS.get(error) or description or error
    return RedirectBack(redirect_uri, (("error", error), ("error_description", text), *_state(params)), _mode(params))


def _check_rest(params: Mapping[str, str], request: Request) -> None:
    """Check parameters that oauthlib does not check. Raises InvalidRequestError."""
    challenge = params.get("code_challenge")
    if challenge is not None and not _CHALLENGE.fullmatch(challenge):
        raise InvalidRequestError(description="The code challenge must be a SHA-256 hash in base64url.", request=request)
    if params.get("code_challenge_method") and not challenge:
        raise InvalidRequestError(description="Missing required parameter: code_challenge.", request=request)
    if params.get("response_mode", "query") not in MODES:
        raise InvalidRequestError(description="The response mode is not supported.", request=request)
    if len(params.get("state", "")) > MAX_STATE_LENGTH:
        raise InvalidRequestError(description="The state is too long.", request=request)


def _only(given: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: given[name] for name in names if given.get(name)}


def _headers(authorization: str) -> dict[str, str]:
    return {"Authorization": authorization} if authorization else {}


def _state(params: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    state = params.get("state")
    return (("state", state),) if state and len(state) <= MAX_STATE_LENGTH else ()


def _mode(params: Mapping[str, str]) -> str:
    mode = params.get("response_mode", "query")
    return mode if mode in MODES else "query"
