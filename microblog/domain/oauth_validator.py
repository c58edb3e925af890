"""What oauthlib has to know about this site: one `SiteRequestValidator` for each request, within its transaction.

2026-03: oauthlib, because it knows the protocol's order of checks and its errors, is pure Python and depends on nothing; instead of
Authlib, which wants a web framework around it and refuses plain http unless an environment variable says so. On the server's side
oauthlib asks for TLS nowhere but for CORS, which is the site's own business.
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
from microblog.domain.tokens import give, hash_of, revoked, token_hash
from microblog.model.oauth import App, AuthorizationCode, IssuedToken
from microblog.storage import oauth
from microblog.storage.database import Cursor

_LONGEST_NAME = 200
_NO_SECRET = b"\0" * 32
_LOOPBACK = re.compile(r"http://(?P<host>127\.0\.0\.1|\[::1\]|localhost)(?::(?P<port>[0-9]{1,5}))?(?P<rest>(?:[/?][\x21-\x7e]*)?)")
_HIGHEST_PORT = 65_535


class CodeGrant(AuthorizationCodeGrant):
    """The authorization code with PKCE, of which only S256 protects anything."""

    _code_challenge_methods: ClassVar = {"S256": code_challenge_method_s256}


@define(eq=False)
class SiteRequestValidator(RequestValidator):
    """Answers oauthlib's questions from the database, and writes down what it decides. Method names are oauthlib's.

    Afterwards `app` is the app that asked, if it is known, and `issued` the token that it got.
    """

    cursor: Cursor
    now: datetime
    make_token: Callable[[], str]
    app: App | None = None
    code: AuthorizationCode | None = None
    issued: IssuedToken | None = None

    def client_authentication_required(self, request: Request, *args: object, **kwargs: object) -> bool:
        """Every app has a secret, and has to know it."""
        return True

    def authenticate_client(self, request: Request, *args: object, **kwargs: object) -> bool:
        """True if the app knows its secret, sent by HTTP Basic or among the parameters."""
        name, secret = credentials(request.headers, request.client_id, request.client_secret)
        found = self._find(name)
        if not hmac.compare_digest(found[1] if found else _NO_SECRET, hash_of(secret)) or found is None:
            return False
        self.app = request.client = found[0]
        request.client_id = name
        return True

    def authenticate_client_id(self, client_id: str, request: Request, *args: object, **kwargs: object) -> bool:
        """There are no apps without a secret."""
        return False

    def validate_client_id(self, client_id: str, request: Request, *args: object, **kwargs: object) -> bool:
        """True if there is such an app."""
        found = self._find(client_id)
        self.app = request.client = found[0] if found else None
        return found is not None

    def _find(self, client_id: str | None) -> tuple[App, bytes] | None:
        if not client_id or len(client_id) > _LONGEST_NAME or not client_id.isprintable():
            return None
        return oauth.app(self.cursor, client_id=client_id)

    def validate_redirect_uri(self, client_id: str, redirect_uri: str, request: Request, *args: object, **kwargs: object) -> bool:
        """True if it is one of the app's, character for character, but for the port of a loopback address."""
        return self.app is not None and any(is_same_redirect(known, redirect_uri) for known in self.app.redirect_uris)

    def get_default_redirect_uri(self, client_id: str, request: Request, *args: object, **kwargs: object) -> str:
        """There is none: it has to be said."""
        return ""

    def validate_response_type(
        self, client_id: str, response_type: str, client: object, request: Request, *args: object, **kwargs: object
    ) -> bool:
        """True for a code; tokens are not put into addresses."""
        if response_type != "code":
            raise UnsupportedResponseTypeError(request=request)
        return True

    def is_pkce_required(self, client_id: str, request: Request) -> bool:
        """It is not: many apps that people have do without, and each has a secret."""
        return False

    def get_default_scopes(self, client_id: str, request: Request, *args: object, **kwargs: object) -> list[str]:
        """What an app gets that asks for nothing."""
        return list(scope_rules.DEFAULT)

    def validate_scopes(self, client_id: str, scopes: list[str], client: object, request: Request, *args: object, **kwargs: object) -> bool:
        """True if the app registered for all of this."""
        wanted = scope_rules.parse(" ".join(scopes))
        if wanted is None or self.app is None or not scope_rules.within(wanted, self.app.scopes):
            return False
        request.scopes = list(wanted)
        return True

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: object, request: Request, *args: object, **kwargs: object
    ) -> bool:
        """Every app may use every grant that there is."""
        return True

    def validate_code(self, client_id: str, code: str, client: object, request: Request, *args: object, **kwargs: object) -> bool:
        """True if the code was given to this app and not used yet. A second use revokes what the first one got."""
        hashed = token_hash(code)
        found = oauth.lock_code(self.cursor, code_hash=hashed) if hashed else None
        if found is None or self.app is None or found.app_id != self.app.id:
            return False
        if found.spent:
            self._take_back(found)
            return False
        if found.expires_at <= self.now:
            return False
        self.code = found
        request.user, request.scopes = found.account_id, list(found.scopes)
        return True

    def _take_back(self, code: AuthorizationCode) -> None:
        if code.token_id and oauth.revoke(self.cursor, token=code.token_id, account=code.account_id, now=self.now):
            revoked(self.cursor, account=code.account_id, ids=[code.token_id], now=self.now)

    def get_code_challenge(self, code: str, request: Request) -> Any:  # a text or None, but the stubs do not know of None
        """The challenge that the code was asked with. Raises where it came without its verifier, or the verifier without it."""
        assert self.code is not None
        if self.code.challenge and not request.code_verifier:
            raise InvalidRequestError(description="Missing required parameter: code_verifier.", request=request)
        if request.code_verifier and not self.code.challenge:  # somebody took the challenge away (RFC 9700 section 4.8)
            raise InvalidGrantError(request=request)
        return self.code.challenge

    def get_code_challenge_method(self, code: str, request: Request) -> str:
        """Always the same."""
        return "S256"

    def confirm_redirect_uri(
        self, client_id: str, code: str, redirect_uri: str, client: object, request: Request, *args: object, **kwargs: object
    ) -> bool:
        """True if the code was sent there. Raises InvalidGrantError if not."""
        if self.code is None or self.code.redirect_uri != redirect_uri:
            raise InvalidGrantError(request=request)
        return True

    def save_bearer_token(self, token: Mapping[str, Any], request: Request, *args: object, **kwargs: object) -> None:
        """Write the token down: its hash."""
        assert self.app is not None
        assert request.scopes
        text, account = token["access_token"], self.code.account_id if self.code else None
        made = give(self.cursor, text, app=self.app.id, account=account, scopes=request.scopes, now=self.now)
        self.issued = IssuedToken(made, text)

    def invalidate_authorization_code(self, client_id: str, code: str, request: Request, *args: object, **kwargs: object) -> None:
        """The code was used."""
        assert self.issued is not None
        oauth.spend_code(self.cursor, code_hash=hash_of(code), token=self.issued.token.id, now=self.now)

    def revoke_token(self, token: str, token_type_hint: str | None, request: Request, *args: object, **kwargs: object) -> None:
        """End the token. Raises UnauthorizedClientError if it is another app's."""
        hashed = token_hash(token)
        found = oauth.live_token(self.cursor, token_hash=hashed) if hashed else None
        if found is None:
            return
        if self.app is None or found.app_id != self.app.id:
            raise UnauthorizedClientError(request=request)
        oauth.revoke(self.cursor, token=found.id, account=found.account_id, now=self.now)
        revoked(self.cursor, account=found.account_id, ids=[found.id], now=self.now)


def is_same_redirect(registered: str, requested: str) -> bool:
    """True if a redirect to `requested` goes where the app registered.

    A program on the user's own machine listens at whatever port is free, so that of a loopback address is not compared
    (RFC 8252 section 7.3).
    """
    if registered == requested:
        return True
    known, wanted = _LOOPBACK.fullmatch(registered), _LOOPBACK.fullmatch(requested)
    if known is None or wanted is None or (known["host"], known["rest"]) != (wanted["host"], wanted["rest"]):
        return False
    return wanted["port"] is None or 0 < int(wanted["port"]) <= _HIGHEST_PORT


def credentials(headers: Mapping[str, str], name: str | None, secret: str | None) -> tuple[str, str]:
    """What the app calls itself, and the secret that it shows: out of the header if it uses that (RFC 6749 section 2.3.1)."""
    kind, _, encoded = headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return name or "", secret or ""
    try:
        sent_name, _, sent_secret = b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (NotBase64, ValueError):
        return "", ""
    return unquote_plus(sent_name), unquote_plus(sent_secret)
