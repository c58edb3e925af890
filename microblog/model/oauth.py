"""OAuth values (RFC 6749): apps, access tokens, authorization codes."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from microblog.model.accounts import AccountWithLogin, Viewer
from microblog.model.ids import AccountId, AppId, TokenId

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
"""The redirect URI of apps without one: the code is shown, and the user copies it into the app."""


@frozen
class App:
    """A registered client app. `scopes` are all that it may request."""

    id: AppId
    client_id: str
    name: str
    website: str | None
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    created_at: datetime


@frozen
class RegisteredApp:
    """A newly registered app with its secret, which is not stored in plain text."""

    app: App
    secret: str = field(repr=False)


@frozen
class Token:
    """An access token without its text. `account_id` is None for client credentials. `used_at` is accurate to the hour."""

    id: TokenId
    app_id: AppId
    account_id: AccountId | None
    scopes: tuple[str, ...]
    created_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None


@frozen
class IssuedToken:
    """A newly issued token with its text, which is not stored."""

    token: Token
    text: str = field(repr=False)


@frozen
class Bearer:
    """A token with its app and its user. `member` is None for client credentials, and if the account was deleted."""

    token: Token
    app: App
    member: AccountWithLogin | None


@frozen
class TokenContext:
    """App, scopes and user that a presented token authenticates. `viewer` is None for client credentials."""

    id: TokenId
    app: App
    scopes: frozenset[str]
    viewer: Viewer | None


@frozen
class Authorization:
    """An app that a user authorized: its scopes, since when, and when it was last used."""

    app: App
    scopes: tuple[str, ...]
    since: datetime
    used_at: datetime | None


@frozen
class AuthorizationCode:
    """An authorization code. `challenge` is the S256 challenge of PKCE (RFC 7636).

    `spent`: it was exchanged for the token `token_id`.
    """

    app_id: AppId
    account_id: AccountId
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str | None
    expires_at: datetime
    spent: bool = False
    token_id: TokenId | None = None
