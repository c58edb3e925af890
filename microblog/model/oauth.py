"""Programs that act for people: apps, their tokens, and what they may do with them."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from microblog.model.accounts import AccountWithLogin, Viewer
from microblog.model.ids import AccountId, AppId, TokenId

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
"""The redirect address of apps that cannot be redirected to: the code is shown, and their people type it in."""


@frozen
class App:
    """A program as it registered itself. `scopes` are the most that it may ask for."""

    id: AppId
    client_id: str
    name: str
    website: str | None
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    created_at: datetime


@frozen
class RegisteredApp:
    """An app that has just registered, with the secret that only it knows from now on."""

    app: App
    secret: str = field(repr=False)


@frozen
class Token:
    """A token as everybody but its app sees it. `account_id` is None for an app's own. `used_at` is true to the hour."""

    id: TokenId
    app_id: AppId
    account_id: AccountId | None
    scopes: tuple[str, ...]
    created_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None


@frozen
class IssuedToken:
    """A token that has just been made, with the text that only its app knows from now on."""

    token: Token
    text: str = field(repr=False)


@frozen
class Bearer:
    """Whom a token was given to and by whom. `member` is None for an app's own, and where the account is gone."""

    token: Token
    app: App
    member: AccountWithLogin | None


@frozen
class TokenContext:
    """What a token that was shown stands for. `viewer` is None for an app's own."""

    id: TokenId
    app: App
    scopes: frozenset[str]
    viewer: Viewer | None


@frozen
class Authorization:
    """An app that somebody let in: what it may do, since when, and when it last did something."""

    app: App
    scopes: tuple[str, ...]
    since: datetime
    used_at: datetime | None


@frozen
class AuthorizationCode:
    """What a code stands for until it is exchanged for a token. `challenge` is that of PKCE, made with S256.

    `spent` is true once it was used; `token_id` is what it was used for.
    """

    app_id: AppId
    account_id: AccountId
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str | None
    expires_at: datetime
    spent: bool = False
    token_id: TokenId | None = None
