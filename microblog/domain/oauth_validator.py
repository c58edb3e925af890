"""Callbacks that connect oauthlib to the database: one `SiteRequestValidator` per request, within its transaction.

Decision (2026-03): oauthlib implements the protocol's order of checks and its errors, is pure Python and has no dependencies. Alternative:
Authlib, which needs a web framework and refuses plain HTTP unless an environment variable is set. oauthlib's server requires TLS only for
CORS, which the site handles itself.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import unquote_plus

from attrs import define
from oauthlib.common import Request
from oauthlib.oauth2 import AuthorizationCodeGrant, RequestValidator
from oauthlib.oauth2.rfc6749.errors import (
    InvalidGrantError,
    InvalidRequestError,
    UnauthorizedClientError,
    UnsupportedResponseTypeError,
)
from oauthlib.oauth2.rfc6749.grant_types.authorization_code import code_challenge_method_s256

from microblog.domain import scopes as scope_rules
from microblog.domain.tokens import hash_of, record_revoked, store_token, token_hash
from microblog.model.oauth import App, AuthorizationCode, IssuedToken
from microblog.storage import oauth
from microblog.storage.database import Cursor

_MAX_NAME_LENGTH = 200
_NO_SECRET = b"\0" * 32
_LOOPBACK = re.compile(r"http://(?P<host>127\.0\.0\.1|\[::1\]|localhost)(?::(?P<port>[0-9]{1,5}))?(?P<rest>(?:[/?][\x21-\x7e]*)?)")
_HIGHEST_PORT = 65_535


class CodeGrant(AuthorizationCodeGrant):
    """Authorization code grant with PKCE, restricted to S256: "plain" protects nothing."""

    _code_challenge_methods: ClassVar = {"S256": code_challenge_method_s256}


@define(eq=False)
class SiteRequestValidator(RequestValidator):
    """oauthlib's `RequestValidator` on the database. Method names and signatures are oauthlib's.

    Afterwards `app` is the authenticated app, if any, and `issued` the issued token.
    """

    cursor: Cursor
    now: datetime
    make_token: Callable[[], str]
    app: App | None = None
    code: AuthorizationCode | None = None
    issued: IssuedToken | None = None

    def client_authentication_required(self, request: Request, *args: object, **kwargs: object) -> bool:
        """Every app is a confidential client."""
        return True

    def authenticate_client(self, request: Request, *args: object, **kwargs: object) -> bool:
        """Check the client secret, sent by HTTP Basic or as a parameter."""
        name, secret = credentials(request.headers, request.client_id, request.client_secret)
        found = self._find(name)
        if not hmac.compare_digest(found[1] if found else _NO_SECRET, hash_of(secret)) or found is None:
            return False
        self.app = request.client = found[0]
        request.client_id = name
        return True

    def authenticate_client_id(self, client_id: str, request: Request, *args: object, **kwargs: object) -> bool:
        """Reject the client: public clients are not supported."""
        return False

    def validate_client_id(self, client_id: str, request: Request, *args: object, **kwargs: object) -> bool:
        """Return True if the client id is registered."""
        found = self._find(client_id)
        self.app = request.client = found[0] if found else None
        return found is not None

    def _find(self, client_id: str | None) -> tuple[App, bytes] | None:
        if not client_id or len(client_id) > _MAX_NAME_LENGTH or not client_id.isprintable():
            return None
        return oauth.app(self.cursor, client_id=client_id)

    def validate_redirect_uri(self, client_id: str, redirect_uri: str, request: Request, *args: object, **kwargs: object) -> bool:
        """Return True if the URI is registered for the app, character by character except for the port of a loopback address."""
        return self.app is not None and any(is_same_redirect(known, redirect_uri) for known in self.app.redirect_uris)

    def get_default_redirect_uri(self, client_id: str, request: Request, *args: object, **kwargs: object) -> str:
        """Return an empty text: `redirect_uri` is required, there is no default."""
        return ""

    def validate_response_type(
        self, client_id: str, response_type: str, client: object, request: Request, *args: object, **kwargs: object
    ) -> bool:
        """Accept only `code`; the implicit grant would put tokens into URLs."""
        if response_type != "code":
            raise UnsupportedResponseTypeError(request=request)
        return True

    def is_pkce_required(self, client_id: str, request: Request) -> bool:
        """PKCE is optional: many existing apps do without it, and each has a secret."""
        return False

    def get_default_scopes(self, client_id: str, request: Request, *args: object, **kwargs: object) -> list[str]:
        """Return the scopes of a request that names none."""
        return list(scope_rules.DEFAULT)

    def validate_scopes(self, client_id: str, scopes: list[str], client: object, request: Request, *args: object, **kwargs: object) -> bool:
        """Return True if the app registered for all of these scopes."""
        requested = scope_rules.parse(" ".join(scopes))
        if requested is None or self.app is None or not scope_rules.within(requested, self.app.scopes):
            return False
        request.scopes = list(requested)
        return True

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: object, request: Request, *args: object, **kwargs: object
    ) -> bool:
        """Every app may use every supported grant."""
        return True

    def validate_code(self, client_id: str, code: str, client: object, request: Request, *args: object, **kwargs: object) -> bool:
        """Return True if the code was issued to this app and not used yet. A second use revokes the token of the first."""
        hashed = token_hash(code)
        found = oauth.lock_code(self.cursor, code_hash=hashed) if hashed else None
        if found is None or self.app is None or found.app_id != self.app.id:
            return False
        if found.spent:
            self._revoke_token_of(found)
            return False
        if found.expires_at <= self.now:
            return False
        self.code = found
        request.user, request.scopes = found.account_id, list(found.scopes)
        return True

    def _revoke_token_of(self, code: AuthorizationCode) -> None:
        if code.token_id and oauth.revoke(self.cursor, token=code.token_id, account=code.account_id, now=self.now):
            record_revoked(self.cursor, account=code.account_id, ids=[code.token_id], now=self.now)

    def get_code_challenge(self, code: str, request: Request) -> Any:  # str or None, but the stubs do not know of None
        """Return the challenge of the code. Raises if only one of challenge and verifier was sent."""
        assert self.code is not None
        if self.code.challenge and not request.code_verifier:
            raise InvalidRequestError(description="Missing required parameter: code_verifier.", request=request)
        if request.code_verifier and not self.code.challenge:  # PKCE downgrade attack (RFC 9700 section 4.8)
            raise InvalidGrantError(request=request)
        return self.code.challenge

    def get_code_challenge_method(self, code: str, request: Request) -> str:
        """Always S256."""
        return "S256"

    def confirm_redirect_uri(
        self, client_id: str, code: str, redirect_uri: str, client: object, request: Request, *args: object, **kwargs: object
    ) -> bool:
        """Return True if the code was requested with this redirect URI. Raises InvalidGrantError if not."""
        if self.code is None or self.code.redirect_uri != redirect_uri:
            raise InvalidGrantError(request=request)
        return True

    def save_bearer_token(self, token: Mapping[str, Any], request: Request, *args: object, **kwargs: object) -> None:
        """Store the hash of the new token."""
        assert self.app is not None
        assert request.scopes
        text, account = token["access_token"], self.code.account_id if self.code else None
        token_row = store_token(self.cursor, text, app=self.app.id, account=account, scopes=request.scopes, now=self.now)
        self.issued = IssuedToken(token_row, text)

    def invalidate_authorization_code(self, client_id: str, code: str, request: Request, *args: object, **kwargs: object) -> None:
        """Mark the code as used."""
        assert self.issued is not None
        oauth.mark_code_used(self.cursor, code_hash=hash_of(code), token=self.issued.token.id, now=self.now)

    def revoke_token(self, token: str, token_type_hint: str | None, request: Request, *args: object, **kwargs: object) -> None:
        """Revoke the token. Raises UnauthorizedClientError if it is another app's."""
        hashed = token_hash(token)
        found = oauth.valid_token(self.cursor, token_hash=hashed) if hashed else None
        if found is None:
            return
        if self.app is None or found.app_id != self.app.id:
            raise UnauthorizedClientError(request=request)
        oauth.revoke(self.cursor, token=found.id, account=found.account_id, now=self.now)
        record_revoked(self.cursor, account=found.account_id, ids=[found.id], now=self.now)


def is_same_redirect(registered: str, requested: str) -> bool:
    """Return True if `requested` matches the registered redirect URI.

    The port of a loopback address is not compared: a native app listens on whatever port is free (RFC 8252 section 7.3).
    """
    if registered == requested:
        return True
    known, wanted = _LOOPBACK.fullmatch(registered), _LOOPBACK.fullmatch(requested)
    if known is None or wanted is None or (known["host"], known["rest"]) != (wanted["host"], wanted["rest"]):
        return False
    return wanted["port"] is None or 0 < int(wanted["port"]) <= _HIGHEST_PORT


def credentials(headers: Mapping[str, str], name: str | None, secret: str | None) -> tuple[str, str]:
    """Return client id and secret, from the Authorization header if it is HTTP Basic (RFC 6749 section 2.3.1)."""
    kind, _, encoded = headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return name or "", secret or ""
    try:
        sent_name, _, sent_secret = b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (NotBase64, ValueError):
        return "", ""
    return unquote_plus(sent_name), unquote_plus(sent_secret)
